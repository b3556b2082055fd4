"""Start a program, and say what it cost. Linux: memory and CPU time are read from /proc."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SAMPLE_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class Ran:
    """Times are of CLOCK_MONOTONIC. `peak_mb` is the sum of the resident sizes of the tree, if it was sampled."""

    began_s: float
    ended_s: float
    cpu_s: float
    exit_code: int
    output: bytes
    peak_mb: float = 0.0

    @property
    def wall_s(self) -> float:
        return self.ended_s - self.began_s


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    deadline_s: float = 60.0,
    sample_memory: bool = False,
) -> Ran:
    """Run to the end. Raises RuntimeError with the last output if it fails or outlives its deadline."""
    read_end, write_end = os.pipe()
    began_s = time.monotonic()
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=write_end,
        stderr=write_end,
        start_new_session=True,
    )
    os.close(write_end)
    output: list[bytes] = []
    drain = threading.Thread(target=_drain, args=(read_end, output))
    drain.start()
    sampler = MemorySampler(process.pid) if sample_memory else None
    killer = threading.Timer(deadline_s, os.killpg, (process.pid, signal.SIGKILL))
    killer.start()
    _, status, used = os.wait4(process.pid, 0)
    ended_s = time.monotonic()
    killer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    peak_mb = sampler.stop() if sampler is not None else 0.0
    drain.join()
    said = b"".join(output)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit code {process.returncode}\n{said[-2000:].decode(errors='replace')}")
    return Ran(began_s, ended_s, used.ru_utime + used.ru_stime, process.returncode, said, peak_mb)


def _drain(fd: int, output: list[bytes]) -> None:
    with open(fd, "rb", buffering=0) as pipe:
        while data := pipe.read(1 << 16):
            output.append(data)


class MemorySampler:
    """Keeps the largest sum of resident sizes of a process and all below it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak_mb = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(SAMPLE_EVERY_S):
            self._peak_mb = max(self._peak_mb, tree_cost(self._pid)[1])

    def stop(self) -> float:
        self._stopped.set()
        self._thread.join()
        return self._peak_mb


def tree_cost(root: int) -> tuple[float, float]:
    """Return the CPU seconds used so far, and the resident megabytes, of a process and all below it."""
    children: dict[int, list[int]] = {}
    cost: dict[int, tuple[float, float]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:  # It has ended.
                continue
            children.setdefault(int(fields[1]), []).append(int(entry))
            ticks = sum(map(int, fields[11:15]))
            cost[int(entry)] = (ticks * TICK_S, int(fields[21]) * PAGE_BYTES / 1e6)
    tree, cpu_s, resident_mb = [root], 0.0, 0.0
    while tree:
        pid = tree.pop()
        used = cost.get(pid, (0.0, 0.0))
        cpu_s, resident_mb = cpu_s + used[0], resident_mb + used[1]
        tree += children.get(pid, [])
    return cpu_s, resident_mb
