"""Killed with -9 at any moment of an edit: no mixed file, no unreadable session, nothing left beside the user's files.

Run as a program (state directory, workspace, session id) it edits without end until it is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.session.editing_agent import working

from plait.protocol.events import MAIN_AGENT, SessionStarted, Stamped, TurnStarted
from plait.session.store import Store
from plait.session.transcript import fold

ROUNDS = int(os.environ.get("KILL_ROUNDS", "8"))
LINES = 20_000


def content(number: int) -> str:
    return f"{number}\n" * LINES


async def _work(state: Path, root: Path, session_id: str) -> None:
    async with working(state, root, resume=session_id) as work:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        number = 0
        while True:
            number += 1
            calls = [("edit", {"path": name, "content": content(number)}) for name in ("a", "b")]
            reads = [("read", {"files": [{"path": "a"}, {"path": "b"}]})]
            await work.say(*reads)
            await work.say(*calls)


def killed_after(rng: random.Random, state: Path, root: Path, session_id: str) -> None:
    argv = [sys.executable, "-m", "tests.session.test_killed_writes", str(state), str(root), session_id]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        try:
            # The moment is what is random here; nothing waits for anything to have happened.
            time.sleep(rng.uniform(0.0, 0.4))
            assert worker.poll() is None
        finally:
            worker.kill()


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_no_file_is_mixed_and_every_session_goes_back_after_each_kill(tmp_path: Path) -> None:
    rng = random.Random(11)
    state, root = tmp_path / "state", tmp_path / "work"
    root.mkdir()
    for name in ("a", "b"):
        (root / name).write_text(content(0))
    store = Store(state / "sessions")
    opened = store.create()
    opened.log.append(Stamped(1, 0, MAIN_AGENT, SessionStarted(opened.session_id, str(root), "m", "default")))
    opened.close()
    left_behind = 0
    for _ in range(ROUNDS):
        await asyncio.to_thread(killed_after, rng, state, root, opened.session_id)

        for name in ("a", "b"):
            lines = (root / name).read_text().split("\n")
            assert len(lines) == LINES + 1
            assert len(set(lines[:-1])) == 1
        left_behind += len(list(root.glob(".plait-*")))
        contents = store.read(opened.session_id)
        assert contents.skipped <= 1
        async with working(state, root, resume=opened.session_id) as work:
            assert list(root.glob(".plait-*")) == []
            assert sorted(path.name for path in root.iterdir()) == ["a", "b"]
            points = await work.points()
            begun = [stamped.event.turn for stamped in contents.events if isinstance(stamped.event, TurnStarted)]
            assert [point.turn for point in points] == begun
            plan = await work.plan(0)
            assert all(not file.why_not and not file.others for file in plan.files)
        assert all(view.end is not None for view in fold(store.read(opened.session_id).events).turns)
    async with working(state, root, resume=opened.session_id) as work:
        await work.back(0, "files")
    assert (root / "a").read_text() == (root / "b").read_text() == content(0)
    sys.stderr.write(json.dumps({"rounds": ROUNDS, "temporary files found after a kill": left_behind}) + "\n")


if __name__ == "__main__":
    asyncio.run(_work(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
