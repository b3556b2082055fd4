"""`--input-format stream-json`: one user message, or control request, a line on standard input."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator

from plait.protocol.errors import UserError
from plait.views.headless.control import NOT_FOR_US, Control, control

MOST_LINE_BYTES = 32 * 1024 * 1024
EXPECTED = '{"type":"user","message":{"role":"user","content":"…"}}'


def read_line(line: bytes, number: int) -> str | Control | None:
    """Return the prompt or the control request that a line holds, None if it asks for nothing. `number` counts from 1.

    Raises:
        UserError: The line is neither; one line that says what was expected.
    """
    where = f"line {number} of standard input"
    if len(line) > MOST_LINE_BYTES:
        raise UserError(f"{where} is longer than {MOST_LINE_BYTES:,} bytes; put the text in a file and name it.")
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is not JSON; expected `{EXPECTED}`.") from error
    match message:
        case {"type": "control_request"}:
            return control(message)
        case {"type": str(kind)} if kind in NOT_FOR_US:
            return None
        case {"type": "user", "message": {"content": str(text)}}:
            pass
        case {"type": "user", "message": {"content": list(blocks)}}:
            text = "\n".join(_block_text(block, where) for block in blocks)
        case _:
            raise UserError(f"{where} is not a user message; expected `{EXPECTED}`.")
    if not text.strip():
        raise UserError(f"{where} holds no text.")
    return text


def _block_text(block: object, where: str) -> str:
    match block:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": str(kind)}:
            raise UserError(f"{where} holds a block of type `{kind}`; only `text` blocks are understood.")
        case _:
            raise UserError(f"{where} holds something that is no content block; expected `{EXPECTED}`.")


async def lines(read: Callable[[], bytes]) -> AsyncIterator[bytes]:
    """Yield lines as they come, without their end, until the end of input.

    `read` blocks until some bytes are there and returns b"" at the end. A line that grows past the limit is yielded
    cut, and the rest of it skipped.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def hand_on(line: bytes | None) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, line)

    def work() -> None:
        try:
            for line in _split(read):
                hand_on(line)
            hand_on(None)
        except RuntimeError:  # The loop has ended; nobody waits any more.
            return

    # A daemon: a read that never returns must not keep the process alive.
    threading.Thread(target=work, name="standard input", daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line


def _split(read: Callable[[], bytes]) -> Iterator[bytes]:
    rest, skipping = b"", False
    while True:
        try:
            data = read()
        except OSError:
            data = b""
        *whole, rest = (rest + data).split(b"\n") if data else [rest, b""]
        for line in whole:
            if not skipping and line.strip():
                yield line
            skipping = False
        if len(rest) > MOST_LINE_BYTES:
            if not skipping:
                yield rest
            rest, skipping = b"", True
        if not data:
            return
