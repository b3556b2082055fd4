import asyncio
import os
import socket
import stat
import sys
from pathlib import Path

import pytest

from plait.host.files import NotText, decode, encode, read_file, replace_file, sha256, stat_stamp
from plait.protocol.errors import ToolRefused

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX files")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path.resolve()


async def test_a_file_is_read_whole_with_its_hash_stamp_and_mode(root: Path) -> None:
    (root / "a").write_bytes(b"\0\xff\r\n" * 50_000)
    (root / "a").chmod(0o640)

    state = await read_file(root / "a")

    assert state.data == b"\0\xff\r\n" * 50_000
    assert state.sha256 == sha256(state.data)
    assert state.stamp == await stat_stamp(root / "a")
    assert state.mode == 0o640


async def test_a_file_over_the_limit_is_refused(root: Path) -> None:
    (root / "a").write_bytes(b"12345")

    assert (await read_file(root / "a", max_bytes=5)).data == b"12345"
    with pytest.raises(ToolRefused, match="larger than 4 bytes"):
        await read_file(root / "a", max_bytes=4)


async def test_what_is_no_regular_file_is_refused_without_hanging(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(root / "pipe")
    (root / "directory").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    # A socket's path must be short.
    monkeypatch.chdir(root)
    listener.bind("socket")
    (root / "link").symlink_to("/etc/passwd")

    for path, said in (
        (root / "pipe", "a named pipe"),
        (root / "directory", "a directory"),
        (root / "socket", "a socket"),
        (root / "link", "symbolic link"),
        (Path("/dev/zero"), "a device"),
        (Path("/dev/tty"), "a device"),
        (Path("/proc/self/environ"), "the kernel's"),
        (Path("/proc/kmsg"), "the kernel's"),
        (root / "absent", "does not exist"),
        (Path("relative"), "not the absolute path"),
    ):
        for attempt in (read_file(path), replace_file(path, b"x", expect_sha256=sha256(b""))):
            with pytest.raises(ToolRefused, match=said if path.name != "absent" else "does not exist|is gone"):
                await attempt
    listener.close()
    assert sorted(os.listdir(root)) == ["directory", "link", "pipe", "socket"]


async def test_a_link_anywhere_in_the_path_is_refused(root: Path) -> None:
    (root / "real").mkdir()
    (root / "real/a").write_bytes(b"1")
    (root / "link").symlink_to("real")

    with pytest.raises(ToolRefused, match="symbolic link"):
        await read_file(root / "link/a")
    with pytest.raises(ToolRefused, match="symbolic link"):
        await replace_file(root / "link/a", b"2", expect_sha256=sha256(b"1"))
    with pytest.raises(ToolRefused, match="symbolic link"):
        await replace_file(root / "link/sub/new", b"2", expect_sha256=None)

    assert os.listdir(root / "real") == ["a"]


async def test_links_swapped_in_while_files_are_written_lead_nowhere(root: Path) -> None:
    outside, inside = root / "outside", root / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "a").write_bytes(b"0")
    (inside / "a").write_bytes(b"0")
    stop = asyncio.Event()

    async def swap() -> None:
        while not stop.is_set():
            inside.rename(root / "aside")
            inside.symlink_to(outside)
            await asyncio.sleep(0)
            inside.unlink()
            (root / "aside").rename(inside)
            await asyncio.sleep(0)

    swapping = asyncio.create_task(swap())
    before, refused = b"0", 0
    for number in range(200):
        after = str(number + 1).encode()
        try:
            await replace_file(inside / "a", after, expect_sha256=sha256(before))
            before = after
        except ToolRefused:
            refused += 1
    stop.set()
    await swapping

    assert (outside / "a").read_bytes() == b"0"
    assert (inside / "a").read_bytes() == before
    assert refused > 0


async def test_a_file_is_replaced_only_if_it_is_what_was_expected(root: Path) -> None:
    (root / "a").write_bytes(b"1")

    stamp = await replace_file(root / "a", b"2", expect_sha256=sha256(b"1"))
    with pytest.raises(ToolRefused, match="changed after it was read"):
        await replace_file(root / "a", b"3", expect_sha256=sha256(b"1"))
    with pytest.raises(ToolRefused, match="has appeared meanwhile"):
        await replace_file(root / "a", b"3", expect_sha256=None)
    with pytest.raises(ToolRefused, match="is gone"):
        await replace_file(root / "b", b"3", expect_sha256=sha256(b"1"))

    assert (root / "a").read_bytes() == b"2"
    assert stamp == await stat_stamp(root / "a")
    assert os.listdir(root) == ["a"]


async def test_of_many_that_create_the_same_file_one_does(root: Path) -> None:
    attempts = [replace_file(root / "x/y/a", str(n).encode(), expect_sha256=None) for n in range(20)]

    results = await asyncio.gather(*attempts, return_exceptions=True)

    assert sum(not isinstance(result, ToolRefused) for result in results) == 1
    winner = next(n for n, result in enumerate(results) if not isinstance(result, ToolRefused))
    assert (root / "x/y/a").read_bytes() == str(winner).encode()
    assert os.listdir(root / "x/y") == ["a"]


async def test_mode_and_attributes_go_over_and_a_given_mode_wins(root: Path) -> None:
    (root / "a").write_bytes(b"1")
    (root / "a").chmod(0o4751)
    if hasattr(os, "setxattr"):
        os.setxattr(root / "a", "user.note", b"mine")

    await replace_file(root / "a", b"2", expect_sha256=sha256(b"1"))
    await replace_file(root / "b", b"2", expect_sha256=None, mode=0o600)

    assert stat.S_IMODE((root / "a").stat().st_mode) == 0o4751
    assert stat.S_IMODE((root / "b").stat().st_mode) == 0o600
    if hasattr(os, "getxattr"):
        assert os.getxattr(root / "a", "user.note") == b"mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
async def test_the_owner_is_kept(root: Path) -> None:
    (root / "a").write_bytes(b"1")
    os.chown(root / "a", 1234, 2345)

    await replace_file(root / "a", b"2", expect_sha256=sha256(b"1"))

    assert ((root / "a").stat().st_uid, (root / "a").stat().st_gid) == (1234, 2345)


async def test_a_write_that_the_system_refuses_leaves_the_old_file_and_nothing_else(root: Path) -> None:
    resource = pytest.importorskip("resource")
    (root / "a").write_bytes(b"1")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The kernel refuses the write as it does on a full disk, but for the number of the error.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, former[1]))
    try:
        with pytest.raises(ToolRefused, match="was not written: file too large"):
            await replace_file(root / "a", b"2" * 5000, expect_sha256=sha256(b"1"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)

    assert (root / "a").read_bytes() == b"1"
    assert os.listdir(root) == ["a"]


async def test_what_is_absent_has_a_stamp_too(root: Path) -> None:
    (root / "a").write_bytes(b"")

    assert (await stat_stamp(root / "a")).size == 0
    for absent in ("b", "a/b", "n" * 300):
        assert (await stat_stamp(root / absent)).size == -1


async def test_readers_that_are_cancelled_leave_nothing_open(root: Path) -> None:
    (root / "a").write_bytes(b"1")
    (await read_file(root / "a"),)
    before = len(os.listdir("/dev/fd"))

    for _ in range(50):
        reading = asyncio.create_task(read_file(root / "a"))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
    await read_file(root / "a")
    while len(os.listdir("/dev/fd")) > before:
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("data", "text", "encoding", "bom", "newline"),
    [
        (b"", "", "utf-8", False, "\n"),
        (b"a\r\nb\r\nc\n", "a\r\nb\r\nc\n", "utf-8", False, "\r\n"),
        (b"a\rb\r", "a\rb\r", "utf-8", False, "\r"),
        (b"\xef\xbb\xbfa\n", "a\n", "utf-8", True, "\n"),
        (b"\xff\xfea\0\n\0", "a\n", "utf-16-le", True, "\n"),
        (b"\xfe\xff\0a\0\n", "a\n", "utf-16-be", True, "\n"),
        (b"\xff\xfe\0\0a\0\0\0", "a", "utf-32-le", True, "\n"),
        (b"\0\0\xfe\xff\0\0\0a", "a", "utf-32-be", True, "\n"),
        (b"caf\xe9 \x80", "café €", "cp1252", False, "\n"),
        (b"caf\xe9 \x81", "café \x81", "latin-1", False, "\n"),
        (b"\xef\xbb\xbf\xe9", "ï»¿é", "cp1252", False, "\n"),
        (b"x" * 8192 + b"\0", "x" * 8192 + "\0", "utf-8", False, "\n"),
    ],
)
def test_bytes_are_text_and_back(data: bytes, text: str, encoding: str, bom: bool, newline: str) -> None:
    decoded = decode(data)

    assert (decoded.text, decoded.encoding, decoded.bom, decoded.newline) == (text, encoding, bom, newline)
    assert encode(decoded.text, decoded) == data


@pytest.mark.parametrize("data", [b"a\0b", b"\xff\xfea", b"\xfe\xff\xd8\0a", b"\x7fELF\2\1\1\0"])
def test_what_is_not_text_is_not_guessed_at(data: bytes) -> None:
    with pytest.raises(NotText):
        decode(data)
