"""The three standard streams as they may be: terminals, pipes, files, closed, full, never written to."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import sys
import time
from collections.abc import Callable

from plait.protocol.display import sanitise
from plait.protocol.errors import UserError

MOST_PIPED_BYTES = 10 * 1024 * 1024
# How long the first byte of a pipe may take: beside a prompt the piped text is a supplement, alone it is the prompt.
PATIENCE_BESIDE_PROMPT_S = 3.0
PATIENCE_ALONE_S = 10.0


def open_missing_streams() -> tuple[bool, bool, bool]:
    """Say which of the three standard streams were open; put the null device in the place of the others.

    Otherwise the next file that is opened, a session's log say, would become standard output.
    """
    were_open = []
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
            were_open.append(True)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            were_open.append(False)
    return were_open[0], were_open[1], were_open[2]


def is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def write_all(descriptor: int) -> Callable[[bytes], None]:
    """Return a function that writes all of its bytes to a descriptor, blocking, or raises OSError."""

    def write(data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(descriptor, left) :]
            except BlockingIOError:
                # Some parents hand down pipes that do not block.
                select.select([], [descriptor], [])
            except OSError as error:
                # Windows says so when the reader of a pipe has gone.
                if error.errno == errno.EINVAL and sys.platform == "win32":
                    raise BrokenPipeError from error
                raise

    return write


def put(text: str) -> None:
    """Write text to standard output as UTF-8; on a terminal without anything that could drive it."""
    shown = sanitise(text) if is_terminal(1) else text
    try:
        data = shown.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = shown.encode("utf-8", "backslashreplace")
    write_all(1)(data)


def tell(line: str) -> None:
    """Write one line to standard error; if that cannot be, it is not said."""
    shown = sanitise(line, keep_newlines=False)
    with contextlib.suppress(OSError):
        write_all(2)(f"plait: {shown}\n".encode("utf-8", "backslashreplace"))


def carries_input() -> bool:
    """True if standard input is a pipe, a socket or a file: something that can be read to its end."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def read_piped(patience_s: float | None) -> bytes | None:
    """Return all of standard input, b"" if it carries none, None if nothing came within `patience_s` seconds.

    Once something has come it is read to its end.

    Raises:
        UserError: It is larger than 10 MiB, or cannot be read.
    """
    if not carries_input():
        return b""
    if patience_s is not None and not _is_ready(patience_s):
        return None
    data = bytearray()
    try:
        while chunk := read_chunk():
            data += chunk
            if len(data) > MOST_PIPED_BYTES:
                raise UserError(
                    f"standard input is larger than {MOST_PIPED_BYTES // 2**20} MiB: put it in a file and name that."
                )
    except OSError as error:
        raise UserError(f"standard input cannot be read: {error.strerror or error}.") from error
    return bytes(data)


def read_chunk() -> bytes:
    """Return some bytes of standard input once there are any, b"" at its end."""
    while True:
        try:
            return os.read(0, 65536)
        except BlockingIOError:
            select.select([0], [], [])


def _is_ready(patience_s: float) -> bool:
    if stat.S_ISREG(os.fstat(0).st_mode):
        return True
    if sys.platform == "win32":
        return _is_ready_windows(patience_s)
    ready, _, _ = select.select([0], [], [], patience_s)
    return bool(ready)


def _is_ready_windows(patience_s: float) -> bool:
    """`select` knows only sockets there; a pipe is asked how much it holds, or whether its writer has gone."""
    import ctypes
    import msvcrt

    handle = msvcrt.get_osfhandle(0)  # type: ignore[attr-defined,unused-ignore]  # only on Windows
    until = time.monotonic() + patience_s
    waiting = ctypes.c_ulong()
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]  # only on Windows
    while time.monotonic() < until:
        if not kernel.PeekNamedPipe(handle, None, 0, None, ctypes.byref(waiting), None) or waiting.value:
            return True
        time.sleep(0.02)
    return False
