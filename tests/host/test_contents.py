"""Contents kept by hash: private, checked when read, pruned by age and size but never what an open session needs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from plait.host.contents import Contents
from plait.host.leftovers import Leftovers, remove_leftovers

DAY_S = 86_400


def age(contents: Contents, digest: str, days: float) -> None:
    then = time.time() - days * DAY_S
    os.utime(contents.directory / "objects" / digest[:2] / digest, (then, then))


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    return Contents(tmp_path / "kept", "mine")


def test_the_same_bytes_are_kept_once_and_read_back_only_whole(contents: Contents, tmp_path: Path) -> None:
    digest = contents.put(b"abc")
    assert Contents(contents.directory, "other").put(b"abc") == digest
    assert contents.get(digest) == b"abc"

    (contents.directory / "objects" / digest[:2] / digest).write_bytes(b"abd")

    assert contents.get(digest) is None
    assert contents.get("../../x") is None


def test_what_is_old_goes_unless_an_open_session_needs_it(contents: Contents) -> None:
    old, open_one, mine = b"old", b"open", b"mine"
    gone = Contents(contents.directory, "closed").put(old)
    needed = Contents(contents.directory, "open").put(open_one)
    own = contents.put(mine)
    for digest in (gone, needed, own):
        age(contents, digest, 40)

    pruned = contents.prune(lambda session_id: session_id == "open")

    assert pruned.removed == 1
    assert contents.get(gone) is None
    assert contents.get(needed) == open_one
    assert contents.get(own) == mine


def test_the_oldest_go_until_the_rest_fits(contents: Contents) -> None:
    closed = Contents(contents.directory, "closed")
    digests = [closed.put(bytes([number]) * 1000) for number in range(5)]
    for number, digest in enumerate(digests):
        age(contents, digest, 10 - number)

    contents.prune(lambda _: False, most_bytes=2500)

    assert [contents.has(digest) for digest in digests] == [False, False, False, True, True]


def test_what_is_asked_for_again_is_fresh(contents: Contents) -> None:
    closed = Contents(contents.directory, "closed")
    digest = closed.put(b"x")
    age(contents, digest, 40)
    Contents(contents.directory, "later").put(b"x")

    contents.prune(lambda _: False)

    assert contents.has(digest)


def test_only_what_plait_makes_is_removed_after_a_death(tmp_path: Path) -> None:
    notes, work = tmp_path / "writing", tmp_path / "work"
    work.mkdir()
    ours = work / f".plait-{'a' * 16}.tmp"
    theirs = [work / "precious", work / ".plait-short.tmp", tmp_path / "link" / ours.name]
    for path in (ours, *theirs[:2]):
        path.write_text("x")
    (tmp_path / "link").symlink_to(work)
    leftovers = Leftovers()
    leftovers.keep_in(notes)
    for path in (*theirs, ours):
        leftovers.begins(path)
    assert remove_leftovers(notes) == 0
    assert leftovers._lock is not None
    leftovers._lock.release()

    assert remove_leftovers(notes) == 1

    assert not ours.exists()
    assert all(path.exists() for path in theirs[:2])
    assert list(notes.iterdir()) == []
