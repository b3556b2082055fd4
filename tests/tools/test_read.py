import asyncio
import os
import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.fakes.probe import Rig
from tests.tools.contract import assert_contract, assert_described, run

from plait.host.files import sha256, stat_stamp
from plait.host.paths import Workspace
from plait.protocol.errors import ToolRefused
from plait.tools.base import ToolOutput
from plait.tools.ledger import FileLedger
from plait.tools.read import Read
from plait.tools.registry import Registry


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path)


async def read(workspace: Workspace, *paths: str, budget: int = 30_000, **window: int) -> ToolOutput:
    files = [{"path": path, **window} for path in paths]
    return await run(Read(FileLedger()), {"files": files}, workspace, budget=budget)


async def test_lines_are_numbered_from_one(workspace: Workspace) -> None:
    (workspace.cwd / "a.txt").write_text("one\n\nthree\n")

    output = await read(workspace, "a.txt")

    assert output.text == "    1\tone\n    2\t\n    3\tthree"
    assert output.stamps == (await stat_stamp(workspace.cwd / "a.txt"),)


async def test_a_window_says_how_many_lines_there_are_and_where_to_go_on(workspace: Workspace) -> None:
    (workspace.cwd / "a.txt").write_text("".join(f"{number}\n" for number in range(1, 101)))

    output = await read(workspace, "a.txt", first_line=10, line_count=2)

    assert output.text == "   10\t10\n   11\t11\n[lines 10–11 of 100; go on with first_line 12]"


async def test_the_default_window_is_two_thousand_lines(workspace: Workspace) -> None:
    (workspace.cwd / "a.txt").write_text("x\n" * 2500)

    output = await read(workspace, "a.txt")

    assert output.text.endswith("[lines 1–2,000 of 2,500; go on with first_line 2001]")


async def test_a_long_line_is_cut_and_marked(workspace: Workspace) -> None:
    (workspace.cwd / "a.txt").write_text("x" * 5000 + "\nshort\n")

    output = await read(workspace, "a.txt")

    assert output.text == f"    1\t{'x' * 2000}[… 3,000 more characters in this line]\n    2\tshort"


async def test_several_files_come_in_order_under_their_names(workspace: Workspace) -> None:
    (workspace.cwd / "a.txt").write_text("a\n")
    (workspace.cwd / "b.txt").write_text("b\n")

    output = await read(workspace, "b.txt", "a.txt")

    assert output.text == "== b.txt ==\n    1\tb\n\n== a.txt ==\n    1\ta"
    assert len(output.stamps) == 2


async def test_one_failing_file_does_not_fail_the_others_and_is_never_answered_from_memory(
    workspace: Workspace,
) -> None:
    (workspace.cwd / "a.txt").write_text("a\n")

    output = await read(workspace, "missing.txt", "a.txt")

    assert "`missing.txt` does not exist." in output.text
    assert "    1\ta" in output.text
    assert not output.failed
    assert output.stamps == ()


async def test_all_files_failing_is_a_failure(workspace: Workspace) -> None:
    assert (await read(workspace, "x", "y")).failed


async def test_a_budget_is_shared_so_that_no_file_takes_all_of_it(workspace: Workspace) -> None:
    (workspace.cwd / "big.txt").write_text("x" * 50 + "\n" + "x" * 100_000)
    (workspace.cwd / "small.txt").write_text("small\n")
    (workspace.cwd / "long.txt").write_text("line\n" * 1900)

    output = await read(workspace, "long.txt", "big.txt", "small.txt", budget=6000)

    assert len(output.text) <= 6000
    assert "\tsmall" in output.text
    assert "of 1,900; go on with first_line" in output.text


async def test_many_small_files_and_long_names_fit_the_budget(workspace: Workspace) -> None:
    for number in range(50):
        (workspace.cwd / f"{number}.txt").write_text("short\n")
    names = [f"{number}.txt" for number in range(50)]

    output = await read(workspace, *names, budget=12_000)
    missing = await read(workspace, *["x" * 2000 + name for name in names[:10]], budget=12_000)

    assert output.text.count("    1\tshort") == 50
    assert len(missing.text) <= 12_000


async def test_a_missing_file_names_what_is_called_nearly_the_same(workspace: Workspace) -> None:
    (workspace.cwd / "src").mkdir()
    (workspace.cwd / "src" / "settings.py").write_text("")
    (workspace.cwd / "src" / "App.tsx").write_text("")

    with pytest.raises(ToolRefused, match=r"`src/setings.py` does not exist. Nearest: `src/settings.py`"):
        await read(workspace, "src/setings.py")
    with pytest.raises(ToolRefused, match=r"Nearest: `src/App.tsx`"):
        await read(workspace, "src/app.jsx")
    with pytest.raises(ToolRefused, match="the nearest is `src`"):
        await read(workspace, "src/deep/er/x.py")


async def test_a_directory_is_for_list(workspace: Workspace) -> None:
    (workspace.cwd / "src").mkdir()

    with pytest.raises(ToolRefused, match="is a directory: use `list`"):
        await read(workspace, "src")


async def test_an_empty_file_is_said_to_be_empty(workspace: Workspace) -> None:
    (workspace.cwd / "a.txt").write_text("")

    assert (await read(workspace, "a.txt")).text == "a.txt: (empty file)"


async def test_a_line_beyond_the_end_is_refused_with_the_count(workspace: Workspace) -> None:
    (workspace.cwd / "a.txt").write_text("a\nb\n")

    with pytest.raises(ToolRefused, match="has 2 lines; there is no line 9"):
        await read(workspace, "a.txt", first_line=9)


PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", 640, 480) + b"\x08\x06\0\0\0"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\0" * 9 + b"\xff\xc0\0\x11\x08" + struct.pack(">HH", 30, 40) + b"\x03"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (PNG, "PNG image, 640×480, 29 bytes"),
        (JPEG, "JPEG image, 40×30"),
        (b"GIF89a" + struct.pack("<HH", 7, 9) + b"\0" * 20, "GIF image, 7×9"),
        (b"%PDF-1.7\n1 0 obj << /Type /Pages /Count 12 >>\n%%EOF\n", "PDF document, version 1.7, 12 pages"),
    ],
)
async def test_images_and_documents_are_named_not_dumped(workspace: Workspace, data: bytes, said: str) -> None:
    (workspace.cwd / "file").write_bytes(data)

    assert said in (await read(workspace, "file")).text


async def test_a_truncated_image_is_named_all_the_same(workspace: Workspace) -> None:
    for length in range(8, len(JPEG)):
        (workspace.cwd / "file").write_bytes(JPEG[:length])
        assert "JPEG image" in (await read(workspace, "file")).text


async def test_a_binary_file_is_refused_with_its_kind_and_size(workspace: Workspace) -> None:
    (workspace.cwd / "program").write_bytes(b"\x7fELF" + b"\0" * 2000)
    (workspace.cwd / "blob").write_bytes(b"ab\0cd")

    with pytest.raises(ToolRefused, match=r"is not text: ELF program, 2.0 kB"):
        await read(workspace, "program")
    with pytest.raises(ToolRefused, match="is not text: binary file, 5 bytes"):
        await read(workspace, "blob")


async def test_other_encodings_and_line_ends_are_shown_as_what_they_are(workspace: Workspace) -> None:
    (workspace.cwd / "cp1252.txt").write_bytes("café\r\nbar\r\n".encode("cp1252"))
    (workspace.cwd / "utf16.txt").write_bytes("naïve\n".encode("utf-16"))
    (workspace.cwd / "bom.txt").write_bytes(b"\xef\xbb\xbfx\n")
    (workspace.cwd / "mac.txt").write_bytes(b"a\rb\r")

    assert (await read(workspace, "cp1252.txt")).text == "[encoding: cp1252, CRLF]\n    1\tcafé\n    2\tbar"
    assert (await read(workspace, "utf16.txt")).text == "[encoding: utf-16-le, BOM]\n    1\tnaïve"
    assert (await read(workspace, "bom.txt")).text == "[encoding: BOM]\n    1\tx"
    assert (await read(workspace, "mac.txt")).text == "[encoding: CR]\n    1\ta\n    2\tb"


async def test_lines_are_counted_as_editors_count_them(workspace: Workspace) -> None:
    (workspace.cwd / "a.txt").write_bytes("a\u2028b\x0bc\rd\ne\n".encode())

    assert (await read(workspace, "a.txt")).text == "    1\ta\u2028b\x0bc\rd\n    2\te"


async def test_credentials_are_named_in_the_effects(workspace: Workspace) -> None:
    tool = Read(FileLedger())
    args = msgspec.convert({"files": [{"path": ".env"}, {"path": "a.py"}]}, tool.args)

    effects = tool.effects(args, workspace)

    assert effects.credentials == (f"{workspace.cwd.as_posix()}/.env",)
    assert not effects.read_only


async def test_a_link_is_stated_and_read_as_what_it_leads_to(workspace: Workspace, tmp_path_factory: Any) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.txt"
    outside.write_text("s\n")
    (workspace.cwd / "link").symlink_to(outside)
    tool = Read(FileLedger())

    effects = tool.effects(msgspec.convert({"files": [{"path": "link"}]}, tool.args), workspace)

    assert [access.path for access in effects.accesses] == [str(outside)]


async def test_what_was_read_is_remembered_by_its_hash(workspace: Workspace) -> None:
    (workspace.cwd / "a.txt").write_text("a\n")
    ledger = FileLedger()

    await run(Read(ledger), {"files": [{"path": "a.txt"}]}, workspace)

    assert ledger.hash_of(workspace.cwd / "a.txt") == sha256(b"a\n")


async def test_a_pipe_is_refused_without_waiting(workspace: Workspace) -> None:
    os.mkfifo(workspace.cwd / "pipe")

    async with asyncio.timeout(5):
        with pytest.raises(ToolRefused, match="pipe"):
            await read(workspace, "pipe")


async def test_a_device_is_refused(workspace: Workspace) -> None:
    with pytest.raises(ToolRefused):
        await read(workspace, "/dev/zero")


@pytest.mark.parametrize("paths", [["a.txt"], ["a.txt", "b.bin", "none"], ["sub"], ["\0"], [""], ["a.txt"] * 50])
async def test_the_contract_holds(workspace: Workspace, paths: list[str]) -> None:
    (workspace.cwd / "a.txt").write_text("line\n" * 3000)
    (workspace.cwd / "b.bin").write_bytes(b"\0" * 100)
    (workspace.cwd / "sub").mkdir()

    # Fifty files need room for fifty headers.
    await assert_contract(Read(FileLedger()), {"files": [{"path": path} for path in paths]}, workspace, budget=20_000)


def test_it_is_described() -> None:
    assert_described(Read(FileLedger()))


@pytest.mark.parametrize(
    "args",
    [
        {"path": "a.txt"},
        {"file_path": "a.txt"},
        {"files": "a.txt"},
        {"files": ["a.txt"]},
        {"files": {"path": "a.txt"}},
        {"path": "a.txt", "first_line": 1},
    ],
)
async def test_one_file_may_be_named_as_other_agents_tools_take_it(
    tmp_path: Path, workspace: Workspace, args: dict[str, Any]
) -> None:
    (workspace.cwd / "a.txt").write_text("one\n")
    rig = Rig(tmp_path, registry=Registry([Read(FileLedger())]))

    rig.announce(args, name="read")
    [outcome] = await rig.run_all()

    assert (outcome.status, outcome.text) == ("ok", "    1\tone")
    assert rig.reserved()[0].resources == (f"{workspace.cwd}/a.txt",)


@pytest.mark.parametrize("args", [{"path": 1}, {"files": [1]}, {"files": []}, {"path": "a.txt", "wild": 1}, {}])
async def test_other_arguments_are_refused_in_one_line(tmp_path: Path, args: dict[str, Any]) -> None:
    rig = Rig(tmp_path, registry=Registry([Read(FileLedger())]))

    rig.announce(args, name="read")
    [outcome] = await rig.run_all()

    assert outcome.status == "failed"
    assert outcome.text.startswith("`read` cannot take these arguments")
