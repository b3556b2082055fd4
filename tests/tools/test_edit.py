import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.tools.contract import assert_contract, assert_described, make_context, run

from plait.host.files import sha256
from plait.host.paths import Workspace
from plait.protocol.calls import DiffDetail, WriteIntent
from plait.protocol.errors import ToolRefused
from plait.tools.base import Plan
from plait.tools.edit import Edit, EditArgs
from plait.tools.ledger import FileLedger


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path)


@pytest.fixture
def ledger() -> FileLedger:
    return FileLedger()


@pytest.fixture
def edit(ledger: FileLedger) -> Edit:
    return Edit(ledger)


def edits(path: str, *pairs: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"path": path, "edits": [{"old": old, "new": new, **more} for old, new in pairs]}


async def plan(edit: Edit, args: dict[str, Any], workspace: Workspace) -> Plan:
    return await edit.plan(msgspec.convert(args, EditArgs), workspace)


async def refusal(edit: Edit, args: dict[str, Any], workspace: Workspace) -> str:
    typed = msgspec.convert(args, EditArgs)
    try:
        edit.effects(typed, workspace)
        await edit.run(typed, make_context(workspace))
    except ToolRefused as refused:
        said = str(refused)
    else:
        raise AssertionError("it was not refused")
    assert "\n" not in said
    return said


async def test_the_model_is_told_of_it(edit: Edit) -> None:
    assert_described(edit)


async def test_an_edit_changes_what_it_names_and_shows_the_place(edit: Edit, workspace: Workspace) -> None:
    file = workspace.cwd / "a.txt"
    file.write_text("one\ntwo\nthree\nfour\nfive\nsix\n")

    output = await assert_contract(edit, edits("a.txt", ("four", "4\n4½")), workspace)

    assert file.read_text() == "one\ntwo\nthree\n4\n4½\nfive\nsix\n"
    assert output is not None
    assert output.text == (
        "Edited `a.txt` (+2 −1). It reads now:\n    2\ttwo\n    3\tthree\n    4\t4\n    5\t4½\n    6\tfive\n    7\tsix"
    )
    assert output.detail == DiffDetail(
        "a.txt", "one\ntwo\nthree\nfour\nfive\nsix\n", "one\ntwo\nthree\n4\n4½\nfive\nsix\n", added=2, removed=1
    )
    assert output.files_changed == (str(file),)


async def test_several_edits_apply_in_order_each_to_the_result_of_the_former(edit: Edit, workspace: Workspace) -> None:
    (workspace.cwd / "a").write_text("x = 1\n")

    await run(edit, edits("a", ("x = 1", "x = 2\ny = 3"), ("y = 3", "y = 4"), ("x = 2\n", "")), workspace)

    assert (workspace.cwd / "a").read_text() == "y = 4\n"


async def test_one_failing_edit_leaves_the_file_as_it_was(edit: Edit, workspace: Workspace) -> None:
    (workspace.cwd / "a").write_text("x = 1\n")

    said = await refusal(edit, edits("a", ("x = 1", "x = 2"), ("absent", "there")), workspace)

    assert said.startswith("edits[1] is not in `a`; nothing was written.")
    assert (workspace.cwd / "a").read_text() == "x = 1\n"


@pytest.mark.parametrize(
    ("before", "old", "new", "after"),
    [
        ("a\r\nb\r\nc\r\n", "a\nb", "a\nB\nB", "a\r\nB\r\nB\r\nc\r\n"),
        ("a\r\nb\r\n", "b", "b\nc", "a\r\nb\r\nc\r\n"),
        ("a\rb\rc", "b", "x\ny", "a\rx\ry\rc"),
        ("a\r\nb\nc\r\nd\n", "a\nb\nc\nd", "a\nB\nc\nd", "a\r\nB\nc\r\nd\n"),
        ("a\r\nb\nc\r\nd\n", "c", "C\nc", "a\r\nb\nC\r\nc\r\nd\n"),
        ("a\r\nb\nc\n", "b", "B\nB", "a\r\nB\nB\nc\n"),
        ("a\nb\n", "a\n", "a\r\n", "a\r\nb\n"),
        ("a\r\nb\r\n", "a\r\nb", "a\nb", "a\nb\r\n"),
        ("a\r\nb\r\n", "a\n", "", "b\r\n"),
        ("no end", "end", "END", "no END"),
        ("no end\n", "no end\n", "no end", "no end"),
        ("tab\there  \n", "here  ", "there  ", "tab\tthere  \n"),
        ("progress 1\rprogress 2\nnext\n", "next", "NEXT", "progress 1\rprogress 2\nNEXT\n"),
    ],
)
async def test_line_ends_that_were_not_meant_to_change_do_not(
    edit: Edit, workspace: Workspace, before: str, old: str, new: str, after: str
) -> None:
    (workspace.cwd / "a").write_bytes(before.encode())

    await run(edit, edits("a", (old, new)), workspace)

    assert (workspace.cwd / "a").read_bytes() == after.encode()


@pytest.mark.parametrize(
    "before",
    [
        b"\xef\xbb\xbfcaf\xc3\xa9 old\r\n",
        "\ufeffcafé old\r\n".encode("utf-16-le"),
        "\ufeffcafé old\r\n".encode("utf-16-be"),
        "\ufeffcafé old\n".encode("utf-32-le"),
        "café old\n".encode("cp1252"),
        b"caf\x81\xe9 old\n",
    ],
)
async def test_encoding_and_byte_order_mark_are_kept(edit: Edit, workspace: Workspace, before: bytes) -> None:
    (workspace.cwd / "a").write_bytes(before)
    encoded = {0: "utf-16-be" if before[:2] == b"\xfe\xff" else "utf-16-le"}
    wide = before[:2] in (b"\xff\xfe", b"\xfe\xff")
    old, new = (
        (b"old", b"new")
        if not wide
        else ("old".encode(encoded[0]), "new".encode(encoded[0]))
        if before[:4] != b"\xff\xfe\0\0"
        else ("old".encode("utf-32-le"), "new".encode("utf-32-le"))
    )

    await run(edit, edits("a", ("old", "new")), workspace)

    assert (workspace.cwd / "a").read_bytes() == before.replace(old, new)


async def test_what_an_encoding_does_not_have_is_refused(edit: Edit, workspace: Workspace) -> None:
    (workspace.cwd / "a").write_bytes("café old\n".encode("cp1252"))

    assert "cp1252, which has no U+2192" in await refusal(edit, edits("a", ("old", "→")), workspace)
    assert "no U+D800" in await refusal(edit, {"path": "b", "content": "\ud800"}, workspace)
    assert not (workspace.cwd / "b").exists()


async def test_bytes_that_are_not_utf_8_survive_an_edit_elsewhere(edit: Edit, workspace: Workspace) -> None:
    (workspace.cwd / "a").write_bytes(bytes(range(1, 256)) + b"\nold\n")

    await run(edit, edits("a", ("old", "new")), workspace)

    assert (workspace.cwd / "a").read_bytes() == bytes(range(1, 256)) + b"\nnew\n"


async def test_mode_and_link_are_kept(edit: Edit, workspace: Workspace) -> None:
    real = workspace.cwd / "real.sh"
    real.write_text("old\n")
    real.chmod(0o751)
    (workspace.cwd / "link.sh").symlink_to("real.sh")

    await run(edit, edits("link.sh", ("old", "new")), workspace)

    assert (workspace.cwd / "link.sh").is_symlink()
    assert real.read_text() == "new\n"
    assert real.stat().st_mode & 0o777 == 0o751
    assert sorted(os.listdir(workspace.cwd)) == ["link.sh", "real.sh"]


async def test_what_is_there_more_than_once_is_refused_or_replaced_everywhere(edit: Edit, workspace: Workspace) -> None:
    (workspace.cwd / "a").write_text("x\ny\nx\nxx\n")

    said = await refusal(edit, edits("a", ("x", "z")), workspace)
    await run(edit, edits("a", ("x", "z"), replace_all=True), workspace)

    assert "is 4 times in `a` (lines 1, 3, 4, 4)" in said
    assert (workspace.cwd / "a").read_text() == "z\ny\nz\nzz\n"


async def test_places_that_overlap_are_not_one_place(edit: Edit, workspace: Workspace) -> None:
    (workspace.cwd / "a").write_text("aaa\n")

    assert "2 times" in await refusal(edit, edits("a", ("aa", "b")), workspace)
    await run(edit, edits("a", ("aa", "b"), replace_all=True), workspace)

    assert (workspace.cwd / "a").read_text() == "ba\n"


@pytest.mark.parametrize(
    ("old", "hint"),
    [
        ("  def f(x):\n      return x", 'white space from lines 2–3: "\\tdef f(x):\\n\\t\\treturn x"'),
        ("def f(y): pass", 'Nearest is line 2: "\\tdef f(x):"'),
        ("nothing of the sort 123", "Nothing in the file is like it"),
    ],
)
async def test_a_miss_says_what_is_there_instead(edit: Edit, workspace: Workspace, old: str, hint: str) -> None:
    (workspace.cwd / "a").write_text("class A:\n\tdef f(x):\n\t\treturn x\n")

    assert hint in await refusal(edit, edits("a", (old, "new")), workspace)


MADE = [
    ("timeout = 30\n", "timeout = 10", "timeout = 30"),
    ("a\nif x:\n    return 2\nb\n", "if x:\n    return 1", "if x:\n    return 2"),
    ("a\nb\nnew\nc\n", "b\nc", "b\nnew\nc"),
    ("a\nb\nd\n", "b\nc\nd", "b\nd"),
    ("y = 1\nend()\n", "x = 1\nend()", "y = 1\nend()"),
    ("a\r\ntimeout = 30\r\n", "timeout = 10", "timeout = 30"),
    ("\tf(a, 2)\n", "f(a, 1)", "f(a, 2)"),
]
NOT_MADE = [
    ("1\nfresh\n", "stale", "fresh"),
    ("f()\n}\ng()\n}\n", "h()\n}", "}"),
    ("x = 30\n", "x = 10", "x = 3"),
    ("return a + b\n", "return b", "return a"),
    ("max = 2\n", "x = 1", "x = 2"),
    ("y = 1\nx = 2\n", "x = 1", "y = 1"),
    ("foo\nbaz\n", "foo\nbar", "foo"),
    ("timeout = 30\ntimeout = 30\n", "timeout = 10", "timeout = 30"),
    ("a()\nreturn None\nb()\nreturn None\n", "return 1", "return None"),
    ("import os\nimport sys\n", "import re\n", "import sys\n"),
    ("text\n", "absent", ""),
    ("\n\n\n", "absent", "\n"),
    ("say x = 2 here\n", "x = 1", "x = 2"),
    ("f(2, xy)\n", "f(1, x", "f(2, x"),
]


@pytest.mark.parametrize(("text", "old", "new"), MADE)
async def test_an_edit_made_before_is_recognised_by_where_it_stands(
    edit: Edit, workspace: Workspace, text: str, old: str, new: str
) -> None:
    (workspace.cwd / "a").write_bytes(text.encode())

    assert "`new` is there already, at line" in await refusal(edit, edits("a", (old, new)), workspace)


@pytest.mark.parametrize(("text", "old", "new"), NOT_MADE)
async def test_text_that_merely_occurs_is_no_edit_made_before(
    edit: Edit, workspace: Workspace, text: str, old: str, new: str
) -> None:
    (workspace.cwd / "a").write_bytes(text.encode())

    assert "already" not in await refusal(edit, edits("a", (old, new)), workspace)


async def test_an_edit_that_an_earlier_call_made_is_told_as_that(edit: Edit, workspace: Workspace) -> None:
    (workspace.cwd / "a").write_text("1\nstale\n")
    args = edits("a", ("stale", "fresh"))
    await run(edit, args, workspace)

    assert "An earlier call made this very edit; `new` is at line 2." in await refusal(edit, args, workspace)
    (workspace.cwd / "a").write_text("1\nelse\n")
    edit._ledger.forget()
    assert "earlier call" not in await refusal(edit, args, workspace)


async def test_what_an_edit_of_the_same_call_replaced_is_told_as_that(edit: Edit, workspace: Workspace) -> None:
    (workspace.cwd / "a").write_text("timeout = 10\n")
    twice = ("timeout = 10", "timeout = 30")

    said = await refusal(edit, edits("a", twice, twice), workspace)

    assert "nothing was written. The edits before it in this call replace it" in said
    assert "already" not in said


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"path": "a"}, "either `edits`"),
        ({"path": "a", "content": "", "edits": [{"old": "x", "new": "y"}]}, "either `edits`"),
        ({"path": "a", "edits": [{"old": "x", "new": "x"}]}, "are the same"),
        ({"path": "a", "edits": [{"old": "x", "new": "y"}, {"old": "y", "new": "x"}]}, "Nothing to do"),
        ({"path": "absent", "edits": [{"old": "x", "new": "y"}]}, "give `content`"),
        ({"path": "d", "content": "x"}, "is a directory"),
        ({"path": "new/", "content": "x"}, "directory's name"),
        ({"path": "pipe", "edits": [{"old": "x", "new": "y"}]}, "a named pipe"),
        ({"path": "pipe", "content": "x"}, "a named pipe"),
        ({"path": "/dev/null", "content": "x"}, "a device"),
        ({"path": "/proc/self/comm", "content": "x"}, "kernel"),
        ({"path": "binary", "edits": [{"old": "x", "new": "y"}]}, "not text"),
        ({"path": "a/b", "content": "x"}, "not a directory"),
        ({"path": ".git/config", "content": "x"}, "belongs to git"),
        ({"path": ".GIT/hooks/pre-commit", "content": "x"}, "belongs to git"),
        ({"path": "link-to-git/config", "content": "x"}, "belongs to git"),
        ({"path": ".vscode/.git/x", "content": "x"}, "belongs to git"),
        ({"path": "a\0b", "content": "x"}, "not a path"),
        ({"path": "loop", "content": "x"}, "`"),
        ({"path": "x" * 300, "content": "x"}, "a name in it has 300 bytes"),
    ],
)
async def test_what_cannot_be_done_is_refused_in_one_line_and_changes_nothing(
    edit: Edit, workspace: Workspace, args: dict[str, Any], said: str
) -> None:
    root = workspace.cwd
    (root / "a").write_text("x\n")
    (root / "d").mkdir()
    (root / ".git").mkdir()
    (root / "link-to-git").symlink_to(".git")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    (root / "binary").write_bytes(b"x\0\1")

    assert said in await refusal(edit, args, workspace)
    assert (root / "a").read_text() == "x\n"
    assert os.listdir(root / ".git") == []


async def test_a_file_is_created_in_directories_that_are_missing(edit: Edit, workspace: Workspace) -> None:
    output = await assert_contract(edit, {"path": "new/deep/a.py", "content": "one\ntwo"}, workspace)

    assert (workspace.cwd / "new/deep/a.py").read_text() == "one\ntwo"
    assert output is not None
    assert output.text == "Created `new/deep/a.py`: 2 lines."
    assert output.detail == DiffDetail("new/deep/a.py", None, "one\ntwo", added=2)


async def test_a_new_file_gets_the_mode_that_the_umask_leaves(edit: Edit, workspace: Workspace) -> None:
    former = os.umask(0o027)
    try:
        await run(edit, {"path": "a", "content": "x"}, workspace)
    finally:
        os.umask(former)

    assert (workspace.cwd / "a").stat().st_mode & 0o777 == 0o640


async def test_an_existing_file_is_only_written_anew_after_it_was_read(
    edit: Edit, ledger: FileLedger, workspace: Workspace
) -> None:
    file = workspace.cwd / "a"
    file.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    args = {"path": "a", "content": "one\nTWO\nthree\n"}

    assert "was not read" in await refusal(edit, args, workspace)
    ledger.saw(file, sha256(file.read_bytes()))
    output = await run(edit, args, workspace)

    assert file.read_bytes() == b"\xef\xbb\xbfone\r\nTWO\r\nthree\r\n"
    assert output.text == "Wrote `a` (+2 −1, kept BOM, CRLF)."


async def test_what_changed_since_it_was_read_must_be_read_again(
    edit: Edit, ledger: FileLedger, workspace: Workspace
) -> None:
    file = workspace.cwd / "a"
    file.write_text("old\n")
    ledger.saw(file, sha256(b"before\n"))

    assert "changed since it was read" in await refusal(edit, edits("a", ("old", "new")), workspace)
    assert "changed since it was read" in await refusal(edit, {"path": "a", "content": "x"}, workspace)
    assert file.read_text() == "old\n"


async def test_its_own_writes_count_as_read(edit: Edit, workspace: Workspace) -> None:
    await run(edit, {"path": "a", "content": "1\n"}, workspace)
    await run(edit, edits("a", ("1", "2")), workspace)
    await run(edit, {"path": "a", "content": "3\n"}, workspace)

    assert (workspace.cwd / "a").read_text() == "3\n"


async def test_the_plan_says_what_will_be_written_and_writes_nothing(edit: Edit, workspace: Workspace) -> None:
    file = workspace.cwd / "a"
    file.write_text("old\n")

    planned = await plan(edit, edits("a", ("old", "new")), workspace)

    assert planned.preview == DiffDetail("a", "old\n", "new\n", added=1, removed=1)
    assert planned.writes == (WriteIntent(str(file), sha256(b"old\n"), sha256(b"new\n")),)
    assert file.read_text() == "old\n"


async def test_a_file_changed_while_the_question_was_open_is_not_written(edit: Edit, workspace: Workspace) -> None:
    file = workspace.cwd / "a"
    file.write_text("old\n")
    changed = await plan(edit, edits("a", ("old", "new")), workspace)
    created = await plan(edit, {"path": "b", "content": "mine"}, workspace)
    removed = await plan(edit, edits("a", ("old", "new")), workspace)

    file.write_text("old\nand theirs\n")
    (workspace.cwd / "b").write_text("theirs")
    for planned, said in ((changed, "changed after it was read"), (created, "has appeared meanwhile")):
        with pytest.raises(ToolRefused, match=said):
            await edit.apply(planned, make_context(workspace))
    file.unlink()
    with pytest.raises(ToolRefused, match="is gone"):
        await edit.apply(removed, make_context(workspace))

    assert (workspace.cwd / "b").read_text() == "theirs"
    assert os.listdir(workspace.cwd) == ["b"]


async def test_a_link_put_in_the_way_after_the_plan_is_not_followed(
    edit: Edit, workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "a").write_text("old\n")
    inside = workspace.cwd / "src"
    inside.mkdir()
    (inside / "a").write_text("old\n")
    planned = await plan(edit, edits("src/a", ("old", "new")), workspace)
    created = await plan(edit, {"path": "src/b", "content": "x"}, workspace)

    inside.rename(workspace.cwd / "moved")
    inside.symlink_to(outside)
    for each in (planned, created):
        with pytest.raises(ToolRefused, match="symbolic link"):
            await edit.apply(each, make_context(workspace))

    assert (outside / "a").read_text() == "old\n"
    assert os.listdir(outside) == ["a"]


async def test_a_write_that_has_begun_is_finished_and_said(edit: Edit, workspace: Workspace) -> None:
    (workspace.cwd / "a").write_text("old\n")
    planned = await plan(edit, edits("a", ("old", "new")), workspace)

    applying = asyncio.create_task(edit.apply(planned, make_context(workspace)))
    await asyncio.sleep(0)
    applying.cancel()
    output = await applying

    assert (workspace.cwd / "a").read_text() == "new\n"
    assert output.files_changed == (str(workspace.cwd / "a"),)


async def test_a_large_file_is_shown_by_the_part_that_changes(edit: Edit, workspace: Workspace) -> None:
    lines = [f"line {number}\n" for number in range(1, 20_001)]
    (workspace.cwd / "a").write_text("".join(lines))

    output = await run(edit, edits("a", ("line 10000\n", "changed\n")), workspace)

    assert isinstance(output.detail, DiffDetail)
    assert output.detail.first_line == 9990
    assert output.detail.before == "".join(lines[9989:10010])
    assert len(output.text) < 200


async def test_secrets_are_named_in_the_effects(edit: Edit, workspace: Workspace) -> None:
    args = msgspec.convert(edits(".env", ("a", "b")), EditArgs)

    assert edit.effects(args, workspace).credentials == (str(workspace.cwd / ".env"),)


async def test_a_change_that_breaks_the_syntax_says_so_and_an_old_break_is_not_blamed_on_it(
    edit: Edit, workspace: Workspace
) -> None:
    (workspace.cwd / "a.py").write_text("def f():\n    return 1\n")
    (workspace.cwd / "b.py").write_text("def f(:\n    return 1\n")

    broke = await run(edit, edits("a.py", ("def f():", "def f(:")), workspace)
    other = await run(edit, edits("b.py", ("return 1", "return 2")), workspace)

    assert "This change broke the syntax:\na.py:1" in broke.text
    assert "broke" not in other.text


async def test_other_names_of_the_file_are_noted_and_keep_the_old_text(edit: Edit, workspace: Workspace) -> None:
    file, other = workspace.cwd / "a.txt", workspace.cwd / "b.txt"
    file.write_text("one\n")
    os.link(file, other)
    args = msgspec.convert(edits("a.txt", ("one", "two")), EditArgs)

    effects = edit.effects(args, workspace)
    output = await edit.run(args, make_context(workspace))

    assert effects.reason == "edits a.txt, one of 2 names of the same file: the others keep the old text"
    assert "one of 2 names of the same file" in output.text
    assert (file.read_text(), other.read_text()) == ("two\n", "one\n")
