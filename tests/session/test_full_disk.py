"""A disk that is full, and a state directory that cannot be written: what is said, and what is left as it was."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.session.editing_agent import working

from plait.protocol.events import FilesKept, Notice


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)]
    is_root = hasattr(os, "getuid") and os.getuid() == 0
    if not is_root or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs to mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def fill(file: Path) -> None:
    with suppress(OSError), file.open("wb", buffering=0) as stream:
        while stream.write(b"x" * 4096):
            pass


async def test_an_edit_whose_former_content_does_not_fit_is_not_made(tmp_path: Path, small: Path) -> None:
    root = tmp_path / "work"
    root.mkdir()
    former = "1\n" + "x" * 2_000_000
    (root / "a").write_text(former)
    async with working(small, root) as work:
        (ended,) = await work.say(("edit", {"path": "a", "edits": [{"old": "1", "new": "2"}]}))

        assert ended.status == "failed"
        assert "the disk is full" in ended.text
        assert "\n" not in ended.text
        assert (root / "a").read_text() == former
        assert list((small / "checkpoints" / "objects").glob("tmp-*")) == []
        (ended,) = await work.say(("edit", {"path": "b", "content": "b\n"}))
        assert ended.status == "ok"


async def test_an_edit_on_a_full_disk_leaves_the_file_and_no_temporary_one(tmp_path: Path, small: Path) -> None:
    (small / "a").write_text("1\n")
    async with working(tmp_path / "state", small) as work:
        (ended,) = await work.say(
            ("edit", {"path": "a", "edits": [{"old": "1", "new": "2" * 3_000_000}]}),
        )

        assert ended.status == "failed"
        assert "the disk is full" in ended.text
        assert names(small) == ["a"]
        assert (small / "a").read_text() == "1\n"


async def test_a_session_goes_on_when_the_disk_fills_up_under_its_log(tmp_path: Path, small: Path) -> None:
    root = tmp_path / "work"
    root.mkdir()
    async with working(small, root) as work:
        await work.say(("edit", {"path": "a", "content": "1\n"}))
        filler = small / "filler"
        fill(filler)

        await work.say(("shell", {"command": "yes | head -c 20000"}))

        assert any("History is off" in notice.text for notice in work.events(Notice))
        assert [point.turn for point in await work.points()] == [1, 2]
        filler.unlink()
        await work.back(0, "files")
        assert not (root / "a").exists()


async def test_what_cannot_be_kept_for_another_reason_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    state, root = tmp_path / "state", tmp_path / "work"
    root.mkdir()
    state.mkdir()
    (state / "checkpoints").write_text("a file where a directory should be")
    (root / "a").write_text("1\n")
    async with working(state, root) as work:
        for text in ("2\n", "3\n"):
            assert (await work.write("a", text)).status == "ok"

        said = [notice.text for notice in work.events(Notice) if "cannot be rewound" in notice.text]
        assert len(said) == 1
        assert work.events(FilesKept) == []
