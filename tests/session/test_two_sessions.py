"""The same file in two sessions: who comes second is told who was first, with the difference."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from tests.session.editing_agent import working

from plait.host.register import Register
from plait.protocol.events import Notice


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    root.mkdir()
    (root / "a").write_text("one\ntwo\nthree\n")
    return root


async def test_the_second_is_refused_with_the_difference_and_goes_on_at_once(tmp_path: Path, root: Path) -> None:
    state = tmp_path / "state"
    async with working(state, root) as first, working(state, root) as second:
        await second.say(("read", {"path": "a"}))
        await first.say(("edit", {"path": "a", "edits": [{"old": "two", "new": "2"}]}))

        (refused,) = await second.say(("edit", {"path": "a", "edits": [{"old": "three", "new": "3"}]}))

        assert refused.status == "failed"
        assert first.session.session_id[:8] in refused.text
        assert "-two\n+2" in refused.text
        assert (root / "a").read_text() == "one\n2\nthree\n"
        assert any(first.session.session_id[:8] in notice.text for notice in second.events(Notice))
        (done,) = await second.say(("edit", {"path": "a", "edits": [{"old": "three", "new": "3"}]}))
        assert done.status == "ok"
        assert (root / "a").read_text() == "one\n2\n3\n"


async def test_a_change_by_another_program_must_still_be_read(tmp_path: Path, root: Path) -> None:
    async with working(tmp_path / "state", root) as work:
        await work.say(("read", {"path": "a"}))
        (root / "a").write_text("else\n")

        for _ in range(2):
            (refused,) = await work.say(("edit", {"path": "a", "edits": [{"old": "else", "new": "3"}]}))

            assert "read it again" in refused.text


@pytest.mark.parametrize("broken", [b"garbage" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000])
async def test_a_broken_register_is_begun_anew_and_stops_no_edit(tmp_path: Path, root: Path, broken: bytes) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "register.sqlite3").write_bytes(broken)
    async with working(state, root) as first, working(state, root) as second:
        await second.say(("read", {"path": "a"}))
        await first.say(("edit", {"path": "a", "edits": [{"old": "two", "new": "2"}]}))

        (refused,) = await second.say(("edit", {"path": "a", "edits": [{"old": "three", "new": "3"}]}))

        assert refused.status == "failed"
        assert "changed" in refused.text
        assert (root / "a").read_text() == "one\n2\nthree\n"


async def test_without_a_place_for_the_register_edits_are_checked_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    register = Register(tmp_path / "file" / "below" / "register.sqlite3", "s")

    register.saw(Path("/a"), "x")
    await register.wrote(Path("/a"), "x")

    assert await register.last_writer(Path("/a")) is None
    register.close()


async def test_processes_see_what_each_other_wrote(tmp_path: Path) -> None:
    file = tmp_path / "register.sqlite3"
    program = (
        "import asyncio, sys; from pathlib import Path; from plait.host.register import Register\n"
        "r = Register(Path(sys.argv[1]), 'other'); asyncio.run(r.wrote(Path('/a'), 'x')); r.close()"
    )
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(file))
    assert await other.wait() == 0
    register = Register(file, "mine")

    writer = await register.last_writer(Path("/a"))

    assert writer is not None
    assert (writer.session_id, writer.sha256) == ("other", "x")
    assert file.stat().st_mode & 0o077 == 0
    register.close()
