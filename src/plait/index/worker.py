"""A process that reads files for the indexer: bytes in, definitions, imports and words out.

It is separate because parsing holds the interpreter lock, and because a grammar that crashes or never comes back
must take nothing with it: `index.workers` ends it and goes on without the file.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from plait.host.opening import NOFOLLOW, READ
from plait.index import budget, languages, parse
from plait.index.frames import RENEW, Task, read_frame, write_frame
from plait.index.rows import GONE, FileState, Row
from plait.index.words import Splitter

LARGEST_FILE_BYTES = 2_000_000
MOST_MEMORY_BYTES = 1_000_000_000
"""Of addresses, on systems that can limit them; a worker uses a few dozen megabytes."""
SWOLLEN_KIB = 78_125
FILES_A_LIFE = 1_000
"""A worker reads so many at least: to begin anew costs a tenth of a second."""
BINARY_HEAD_BYTES = 8_192
HEAD_BYTES = 256
# Longer lines on average are made by machines: there are names in them, but nobody looks for a definition there.
MINIFIED_LINE_BYTES = 1_000


def serve(root: Path, source: BinaryIO, sink: BinaryIO) -> None:
    """Answer each batch of tasks by one message a file, in order, until the source ends.

    Raises:
        SystemExit: It has grown, and another can go on where it stopped; code `RENEW`.
    """
    tasks = msgspec.msgpack.Decoder(list[Task])
    read = 0
    encode = msgspec.msgpack.Encoder().encode
    splitter = Splitter()
    while (data := read_frame(source)) is not None:
        for task in tasks.decode(data):
            write_frame(sink, encode(read_row(root, task, splitter)))
            read += 1
        # Memory that parsers have left in pieces is not given back.
        if read >= FILES_A_LIFE and budget.peak_kib() > SWOLLEN_KIB:
            sys.exit(RENEW)


def read_row(root: Path, task: Task, splitter: Splitter) -> Row:
    """Read one file of the resolved `root`. Never raises OSError: what cannot be read is said in the row."""
    path = os.fsencode(root) + b"/" + task.path
    try:
        handle = os.open(path, READ | NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return GONE
    except OSError:
        return _unreadable(path)
    try:
        # The stamp is taken first: what is written while the file is read makes it out of date.
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return GONE
        if status.st_size > LARGEST_FILE_BYTES:
            return Row(status.st_mtime_ns, status.st_size, None, FileState.TOO_LARGE)
        data = _read(handle, status.st_size)
    except OSError:
        return _unreadable(path)
    finally:
        os.close(handle)
    return row_of(os.fsdecode(task.path), data, status, splitter, definitions=task.definitions)


def row_of(path: str, data: bytes, status: os.stat_result, splitter: Splitter, *, definitions: bool = True) -> Row:
    """Return what is in `data`, the bytes of the file `path`."""
    if b"\0" in data[:BINARY_HEAD_BYTES]:
        return Row(status.st_mtime_ns, status.st_size, None, FileState.BINARY)
    language = languages.language_of(path, data[:HEAD_BYTES])
    words = splitter.words(data)
    state = FileState.INDEXED if definitions else FileState.FAILED
    symbols: list[tuple[str, str, str, int, int]] = []
    imports: list[tuple[tuple[str, ...], int]] = []
    if definitions and language is not None and not _minified(data) and languages.available(language):
        found = parse.parse(data, language)
        symbols = [(one.name, one.kind, one.scope, one.line, one.end_line) for one in found.symbols]
        imports = [(one.modules, one.line) for one in found.imports]
    return Row(status.st_mtime_ns, status.st_size, language, state, symbols, imports, *words)


def _read(handle: int, size: int) -> bytes:
    """Read to the end. `size` is what `stat` said: a buffer of just that is cheap, and one byte more shows the end."""
    data = os.read(handle, size + 1)
    if len(data) == size:
        return data
    # It grows while it is read, or a read was cut short.
    while len(data) <= LARGEST_FILE_BYTES and (more := os.read(handle, LARGEST_FILE_BYTES)):
        data += more
    return data


def _minified(data: bytes) -> bool:
    return len(data) > 20_000 and len(data) / (data.count(b"\n") + 1) > MINIFIED_LINE_BYTES


def _unreadable(path: bytes) -> Row:
    try:
        status = os.lstat(path)
    except OSError:
        return GONE
    return Row(status.st_mtime_ns, status.st_size, None, FileState.UNREADABLE)


def _limit_memory() -> None:
    """Some grammars take gigabytes for a few kilobytes of nonsense: then this process ends, and not the machine."""
    if (resource := budget.resource) is None:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MOST_MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(hard, MOST_MEMORY_BYTES)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def main(root: str) -> int:
    _limit_memory()
    # Otherwise whoever started it is gone.
    with suppress(EOFError, BrokenPipeError):
        serve(Path(root), sys.stdin.buffer, sys.stdout.buffer)
    return 0
