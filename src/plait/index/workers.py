"""The worker processes of one indexer: what each has to do, and what happens when one does not come back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from plait.index.frames import RENEW, Task, read_frame, write_frame
from plait.index.rows import GONE, FileState, Row
from plait.index.scan import stamp_of

END_LIMIT_S = 2.0
BATCH = 64
BATCHES_AHEAD = 2
"""Batches that a worker holds: the next is there when one is done."""
FILE_LIMIT_S = 10.0
"""A file that takes longer is given up."""
MOST_WORKERS = 4
MOST_LOST = 6
IDLE_S = 5.0
# Fewer files are not worth a second process.
FILES_A_WORKER = 150

OnRow = Callable[[str, Row], None]


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    open: deque[Task] = field(default_factory=deque)
    """Sent and not yet answered, in order."""
    since: float = 0.0
    """When the last answer came, or the first open task was sent; a monotonic clock."""


class Workers:
    """Used from one thread, but for the threads inside it that read answers and hand them to `deliver`.

    deliver: called with a callable that the owner must call in its own thread.
    """

    def __init__(
        self,
        root: Path,
        deliver: Callable[[Callable[[], None]], None],
        on_row: OnRow,
        on_failure: Callable[[str], None],
        *,
        file_limit_s: float = FILE_LIMIT_S,
    ) -> None:
        """on_failure: workers end without having answered anything; there is no point in starting more."""
        self._root = root
        self._on_failure = on_failure
        self._file_limit_s = file_limit_s
        self._lost_in_a_row = 0
        self.yielding = False
        """Whether workers that are started now run only when nobody else wants to."""
        self._deliver = deliver
        self._on_row = on_row
        self._waiting: deque[Task] = deque()
        self._workers: list[_Worker] = []
        self._limit = max(1, min(MOST_WORKERS, os.cpu_count() or 1))
        self._decode = msgspec.msgpack.Decoder(Row).decode

    @property
    def open(self) -> int:
        """Files asked for and not yet there."""
        return len(self._waiting) + sum(len(worker.open) for worker in self._workers)

    @property
    def processes(self) -> tuple[int, ...]:
        """The ids of the workers at work."""
        return tuple(worker.process.pid for worker in self._workers)

    def ask(self, paths: Iterable[str], *, first: bool = False) -> None:
        """Have files read; each is answered by `on_row` once. first: before all others."""
        tasks = [Task(os.fsencode(path)) for path in paths]
        if first:
            self._waiting.extendleft(reversed(tasks))
        else:
            self._waiting.extend(tasks)
        self._hand_out()

    def drop(self) -> None:
        """Forget what was not begun yet."""
        self._waiting.clear()

    def check(self) -> None:
        """End workers that have been at one file for too long. To be called now and then."""
        now = time.monotonic()
        if not self.open and self._workers and now - max(worker.since for worker in self._workers) > IDLE_S:
            # The next change starts another: that takes a tenth of a second, and memory all the time.
            self.thin_out(0)
        for worker in list(self._workers):
            if worker.open and now - worker.since > self._file_limit_s:
                worker.process.kill()

    def thin_out(self, left: int = 1) -> None:
        """End all workers but `left`: there is nothing to share."""
        while len(self._workers) > left and not self._workers[-1].open:
            self._end(self._workers.pop())

    def close(self) -> None:
        for worker in self._workers:
            worker.process.kill()
            self._end(worker)
        self._workers.clear()

    def _hand_out(self) -> None:
        wanted = min(self._limit, 1 + len(self._waiting) // FILES_A_WORKER)
        while self._waiting and len(self._workers) < wanted:
            self._workers.append(self._started())
        for worker in sorted(self._workers, key=lambda one: len(one.open)):
            while self._waiting and len(worker.open) <= BATCH * (BATCHES_AHEAD - 1):
                self._send(worker)

    def _send(self, worker: _Worker) -> None:
        tasks = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        if not worker.open:
            worker.since = time.monotonic()
        worker.open.extend(tasks)
        assert worker.process.stdin is not None
        try:
            # Small beside the pipe's buffer, so this does not wait.
            write_frame(_binary(worker.process.stdin), msgspec.msgpack.encode(tasks))
        except OSError:
            # It has just ended; its reader will say so.
            return

    def _started(self) -> _Worker:
        process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "plait.index", "--worker", str(self._root)),
                *(["--yielding"] if self.yielding else []),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        worker = _Worker(process, since=time.monotonic())
        threading.Thread(target=self._read, args=(worker,), name="rows", daemon=True).start()
        return worker

    def _read(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None
        stream = _binary(worker.process.stdout)
        try:
            while (data := read_frame(stream)) is not None:
                row = self._decode(data)
                self._deliver(lambda row=row: self._arrived(worker, row))  # type: ignore[misc]
        except (EOFError, OSError, ValueError, msgspec.DecodeError):
            worker.process.kill()
        finally:
            stream.close()
        self._deliver(lambda: self._lost(worker))

    def _arrived(self, worker: _Worker, row: Row) -> None:
        if not worker.open:
            return
        self._lost_in_a_row = 0
        task = worker.open.popleft()
        worker.since = time.monotonic()
        if len(worker.open) <= BATCH * (BATCHES_AHEAD - 1) and self._waiting:
            self._send(worker)
        self._on_row(os.fsdecode(task.path), row)

    def _lost(self, worker: _Worker) -> None:
        """A worker has ended: the file it was at is read once more, for its words alone, by another."""
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        self._end(worker)
        renewed = worker.process.returncode == RENEW
        self._lost_in_a_row += not renewed
        if self._lost_in_a_row > MOST_LOST:
            self._waiting.clear()
            self._on_failure(f"its workers ended {MOST_LOST} times in a row, last with {worker.process.returncode}")
            return
        rest = list(worker.open)
        if renewed:
            # It stopped between two batches: nothing is wrong with the next file.
            pass
        elif rest and rest[0].definitions:
            rest[0] = Task(rest[0].path, definitions=False)
        elif rest:
            # Even its words cannot be had.
            path = os.fsdecode(rest.pop(0).path)
            stamp = stamp_of(self._root / path)
            self._on_row(path, GONE if stamp is None else Row(*stamp, None, FileState.FAILED))
        self._waiting.extendleft(reversed(rest))
        self._hand_out()

    @staticmethod
    def _end(worker: _Worker) -> None:
        assert worker.process.stdin is not None
        with suppress(OSError):
            worker.process.stdin.close()
        try:
            worker.process.wait(timeout=END_LIMIT_S)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


def _binary(stream: object) -> BinaryIO:
    return stream  # type: ignore[return-value]
