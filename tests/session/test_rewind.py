"""Going back in a session: files, conversation, and what others have changed meanwhile."""

import os
import stat
from pathlib import Path

import pytest
from tests.session.editing_agent import git, repository, working

from plait.protocol.commands import Prompt, Rewind
from plait.protocol.events import FilesChanged, FilesKept, Notice, Rewound, TurnStarted
from plait.session.store import Store
from plait.session.transcript import fold


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    root.mkdir()
    return root


async def test_files_go_back_to_what_they_were_before_a_turn(state: Path, root: Path) -> None:
    (root / "a").write_text("1\n")
    (root / "a").chmod(0o755)
    async with working(state, root) as work:
        await work.write("a", "2\n")
        await work.write("new", "x\n")
        await work.write("a", "3\n")

        assert [point.files for point in await work.points()] == [2, 2, 1]
        await work.back(2, "files")
        assert (root / "a").read_text() == "2\n"
        await work.back(0, "files")

        assert (root / "a").read_text() == "1\n"
        assert stat.S_IMODE((root / "a").stat().st_mode) == 0o755
        assert not (root / "new").exists()


async def test_a_rewind_is_undone_by_going_back_to_before_it(state: Path, root: Path) -> None:
    async with working(state, root) as work:
        await work.write("a", "1\n")
        await work.write("a", "2\n")
        await work.back(0)
        assert not (root / "a").exists()
        assert work.agent.history == ()

        assert [point.is_rewind for point in await work.points()] == [True]
        await work.back(-1)

        assert (root / "a").read_text() == "2\n"
        assert work.agent.history == ("turn 1", "turn 2")
        assert [event.turn for event in await work.page() if isinstance(event, TurnStarted)] == [1, 2]


async def test_the_conversation_alone_goes_back_and_later_turns_get_new_numbers(state: Path, root: Path) -> None:
    async with working(state, root) as work:
        for text in ("1\n", "2\n", "3\n"):
            await work.write("a", text)

        rewound = await work.back(1, "conversation")

        assert (root / "a").read_text() == "3\n"
        assert rewound.prompt.startswith('[["edit"')
        assert work.agent.history == ("turn 1",)
        await work.write("b", "b\n")
        assert work.agent.history == ("turn 1", "turn 4")
        assert [event.turn for event in await work.page() if isinstance(event, TurnStarted)] == [1, 4]
        session_id = work.session.session_id
    events = Store(state / "sessions").read(session_id).events
    assert [turn.number for turn in fold(events).turns] == [1, 4]
    async with working(state, root, resume=session_id) as work:
        assert work.agent.history == ("turn 1", "turn 4")
        await work.back(1)
        assert not (root / "b").exists()
        assert (root / "a").read_text() == "3\n"


async def test_a_file_that_somebody_else_changed_is_left_unless_it_is_named(state: Path, root: Path) -> None:
    (root / "a").write_text("1\n")
    async with working(state, root) as work:
        await work.write("a", "2\n")
        await work.write("b", "b\n")
        (root / "a").write_text("mine\n")

        plan = await work.plan(0)
        rewound = await work.back(0, "files")

        assert [(Path(file.path).name, file.others) for file in plan.files] == [("a", True), ("b", False)]
        assert (root / "a").read_text() == "mine\n"
        assert not (root / "b").exists()
        assert "changed by somebody else" in rewound.left[0]
        await work.back(0, "files", "a")
        assert (root / "a").read_text() == "1\n"
        await work.back(-1, "files")
        assert (root / "a").read_text() == "mine\n"


async def test_a_change_of_the_users_between_two_of_ours_counts_as_theirs(state: Path, root: Path) -> None:
    (root / "a").write_text("1\n")
    async with working(state, root) as work:
        await work.write("a", "2\n")
        (root / "a").write_text("mine\n")
        await work.write("a", "3\n")

        assert [file.others for file in (await work.plan(0)).files] == [True]
        assert [file.others for file in (await work.plan(1)).files] == [False]


async def test_a_file_that_a_link_took_the_place_of_is_left(state: Path, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("2\n")
    (root / "a").write_text("1\n")
    async with working(state, root) as work:
        await work.write("a", "2\n")
        (root / "a").unlink()
        (root / "a").symlink_to(outside)

        await work.back(0, "files")

        assert outside.read_text() == "2\n"
        assert (root / "a").is_symlink()


async def test_what_a_command_changes_among_tracked_files_goes_back(state: Path, root: Path) -> None:
    repository(root, clean="1\n", dirty="1\n", gone="1\n", script="1\n", same="1\n")
    (root / "dirty").write_text("mine\n")
    async with working(state, root) as work:
        await work.vague("echo 2 > clean; echo 2 > dirty; rm gone; chmod +x script; touch same; echo > new")

        changed = work.events(FilesChanged)[-1]
        assert sorted(Path(change.path).name for change in changed.changes) == ["clean", "dirty", "gone", "script"]
        assert "`new`" in changed.not_covered[0]
        await work.back(0, "files")

        assert (root / "clean").read_text() == "1\n"
        assert (root / "dirty").read_text() == "mine\n"
        assert (root / "gone").read_text() == "1\n"
        assert not os.access(root / "script", os.X_OK)
        assert (root / "new").exists()


async def test_what_a_command_changes_goes_back_though_it_commits_and_changes_the_branch(
    state: Path, root: Path
) -> None:
    repository(root, a="1\n", b="1\n")
    async with working(state, root) as work:
        await work.vague("git checkout -q -b other; echo 2 > a; git -c user.email=a@b -c user.name=a commit -qam 2")
        assert (root / "a").read_text() == "2\n"

        await work.back(0, "files")

        assert (root / "a").read_text() == "1\n"
        assert git(root, "status", "--short").split() == ["M", "a"]


async def test_line_ends_that_git_converts_are_kept_and_what_a_filter_makes_is_declared(
    state: Path, root: Path, tmp_path: Path
) -> None:
    canary = tmp_path / "ran"
    repository(root)
    git(root, "config", "core.autocrlf", "true")
    git(root, "config", "filter.f.clean", f"sh -c 'touch {canary}; tr a-z b-za'")
    (root / ".gitattributes").write_text("filtered filter=f\n")
    (root / "crlf").write_bytes(b"1\r\n2\r\n")
    (root / "filtered").write_bytes(b"abc")
    for name in ("crlf", "filtered"):
        os.utime(root / name, (1e9, 1e9))
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "second")
    canary.unlink()
    async with working(state, root) as work:
        await work.vague("echo 2 > crlf; printf xyz > filtered")

        assert not canary.exists()
        assert any("`filtered`" in words for words in work.events(FilesChanged)[-1].not_covered)
        await work.back(0, "files")

        assert (root / "crlf").read_bytes() == b"1\r\n2\r\n"
        assert (root / "filtered").read_bytes() == b"xyz"


async def test_a_command_that_names_its_files_needs_no_repository(state: Path, root: Path) -> None:
    (root / "a").write_text("1\n")
    async with working(state, root) as work:
        await work.shell("echo 2 > a")
        await work.back(0, "files")

        assert (root / "a").read_text() == "1\n"


async def test_without_a_repository_it_is_said_that_commands_are_not_covered(state: Path, root: Path) -> None:
    async with working(state, root) as work:
        await work.vague("echo 2 > a")

        assert any("no git repository" in words for words in (await work.plan(0)).notes)


async def test_a_command_that_only_reads_is_not_looked_at(state: Path, root: Path) -> None:
    repository(root, a="1\n")
    async with working(state, root) as work:
        await work.shell("cat a")

        assert work.events(FilesChanged) == work.events(FilesKept) == []


async def test_what_the_user_runs_is_the_users(state: Path, root: Path) -> None:
    repository(root, a="1\n")
    async with working(state, root) as work:
        await work.write("a", "2\n")
        await work.user_shell("echo mine > a")

        plan = await work.plan(0)

        assert [file.others for file in plan.files] == [True]
        assert any("You ran" in words for words in plan.notes)


async def test_a_command_beside_an_edit_does_not_take_its_change_for_its_own(state: Path, root: Path) -> None:
    repository(root, a="1\n", b="1\n", Makefile="all:\n\tsleep 0.3; echo 2 > b\n")
    async with working(state, root) as work:
        await work.say(("shell", {"command": "make all"}), ("edit", {"path": "a", "edits": [{"old": "1", "new": "2"}]}))

        await work.back(0, "files")

        assert (root / "a").read_text() == (root / "b").read_text() == "1\n"


async def test_a_background_command_is_declared(state: Path, root: Path) -> None:
    repository(root, a="1\n")
    async with working(state, root) as work:
        await work.say(("shell", {"command": "python3 -c 'import time; time.sleep(30)'", "background": True}))

        assert any("background" in words for words in (await work.plan(0)).notes)


async def test_what_was_kept_is_private_and_outside_the_repository(state: Path, root: Path) -> None:
    repository(root, a="1\n")
    (root / ".env").write_text("KEY=secret\n")
    async with working(state, root) as work:
        await work.write(".env", "KEY=other\n")

        kept = list((state / "checkpoints").rglob("*"))
        assert any(place.is_file() and place.read_bytes() == b"KEY=secret\n" for place in kept)
        assert all(place.stat().st_mode & 0o077 == 0 for place in [state / "checkpoints", *kept])
    assert git(root, "status", "--short").split() == ["??", ".env"]


async def test_without_a_log_files_go_back_while_the_session_lasts(state: Path, root: Path) -> None:
    (root / "a").write_text("1\n")
    async with working(state, root, logged=False) as work:
        await work.write("a", "2\n")
        await work.back(0)

        assert (root / "a").read_text() == "1\n"
        assert work.contents is not None
        own = work.contents.directory
        assert own.is_dir()
    assert not own.exists()
    assert not (state / "checkpoints").exists()


async def test_what_is_too_large_to_keep_is_said_and_left(state: Path, root: Path) -> None:
    with (root / "big").open("wb") as file:
        file.truncate(60_000_000)
    async with working(state, root) as work:
        await work.shell("echo 2 > big")

        assert "more than 50 MB" in work.events(FilesChanged)[-1].not_covered[0]
        assert [file.why_not != "" for file in (await work.plan(0)).files] == [True]
        assert "not kept" in (await work.back(0, "files")).left[0]
        assert (root / "big").read_text() == "2\n"


async def test_content_that_is_gone_from_the_store_is_said_and_left(state: Path, root: Path) -> None:
    (root / "a").write_text("1\n")
    async with working(state, root) as work:
        await work.write("a", "2\n")
        for place in (state / "checkpoints" / "objects").rglob("*"):
            if place.is_file():
                place.write_bytes(b"torn")

        rewound = await work.back(0, "files")

        assert "no longer kept" in rewound.left[0]
        assert (root / "a").read_text() == "2\n"


async def test_while_something_runs_nothing_goes_back(state: Path, root: Path) -> None:
    async with working(state, root) as work:
        await work.write("a", "1\n")
        point = (await work.points())[0]
        work.session.submit(Prompt('[["shell", {"command": "sleep 0.3"}]]'))
        await work.until(TurnStarted, 2)
        work.session.submit(Rewind(point.seq))

        while not any("nothing runs" in notice.text for notice in work.events(Notice)):
            await work._changed.wait()
            work._changed.clear()
        assert work.events(Rewound) == []
        assert (root / "a").exists()


async def test_a_moment_that_is_none_is_one_line(state: Path, root: Path) -> None:
    async with working(state, root) as work:
        work.session.submit(Rewind(77))

        assert "no moment 77" in (await work.until(Notice, 1)).text


async def test_after_a_rewind_an_edit_on_what_was_read_before_is_refused(state: Path, root: Path) -> None:
    (root / "a").write_text("1\n")
    async with working(state, root) as work:
        await work.write("a", "2\n")
        await work.back(0, "files")

        (ended,) = await work.say(("edit", {"path": "a", "edits": [{"old": "1", "new": "5"}]}))

        assert ended.status == "failed"
        assert "read it again" in ended.text
