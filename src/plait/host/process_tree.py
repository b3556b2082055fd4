"""Find every process that a command started, and end them all. Blocking, for a thread.

A process is the command's if it bears its brand, belongs to its session or group, or descends from one that does.
The brand is handed down whatever a process does to leave: `setsid`, a double fork, closed descriptors. It is a
variable of the environment and, on Linux, also the soft limit on file locks, a resource limit that has had no
meaning since Linux 2.4.25 (getrlimit(2)), is inherited by every fork and exec, and is readable in
`/proc/PID/limits` even where the environment was cleared. No namespace, no privilege, no sub-reaper is needed.

Elsewhere `ps` is asked: the environment shows where the system lets it, else session and parents are all there is,
so a daemon that left both and cleared its environment goes unseen.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import field

from plait.protocol.lean import dataclass

VARIABLE = "PLAIT_COMMAND_ID"
RLIMIT_LOCKS = 10
# How long the killing goes on if something keeps coming back or cannot die.
LAST_TRIES_S = 0.6
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Brand:
    """What a command's processes bear: a word in their environment, and a number among their limits."""

    token: str = field(default_factory=lambda: secrets.token_hex(16))
    number: int = field(default_factory=lambda: (1 << 61) + secrets.randbits(60))

    def shell(self, bash: str, command: str) -> list[str]:
        """Return the words that run `command` in `bash` without any start-up file, branded before its first fork."""
        plain = [bash, "--noprofile", "--norc", "-c", "--"]
        if sys.platform != "linux":
            return [*plain, command]
        # A limit that is set from outside may come too late for what the command starts in its first millisecond.
        script = 'ulimit -S -x "$1" 2>/dev/null; exec -a bash "$0" --noprofile --norc -c -- "$2"'
        return [*plain, script, bash, str(self.number), command]

    def mark(self, environ: dict[str, str]) -> dict[str, str]:
        """Return `environ` with the brand; those of commands around this one stay."""
        outer = environ.get(VARIABLE)
        return {**environ, VARIABLE: f"{outer}:{self.token}" if outer else self.token}


@dataclass(frozen=True, slots=True)
class Member:
    """A living process. `started` is in clock ticks since boot (0 where unknown); `name` its command line, cut."""

    pid: int
    parent: int
    group: int
    session: int
    started: int
    name: str = ""
    branded: bool = False


class ProcessTree:
    """All processes of the command whose first is `pid`, the leader of its own session.

    wrapped: the first and its child hold a namespace together, and all in it dies with them: they are not asked to
    end, so that what runs in it has its time.
    """

    def __init__(self, pid: int, brand: Brand, *, wrapped: bool = False) -> None:
        self.pid = pid
        self._wrapped = wrapped
        self._brand = brand
        first = _linux_process(pid)
        self._started = first.started if first is not None else 0
        _brand_limit(pid, brand)

    def group_lives(self) -> bool:
        """True if any process is left in the command's own group. Cheap; for the loop."""
        if sys.platform == "win32":
            return False
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def members(self) -> tuple[Member, ...]:
        """Return all that live now, the dead but not yet buried left out."""
        if sys.platform == "win32":
            return ()
        found = self._linux_table() if sys.platform == "linux" else self._ps_table()
        table = {member.pid: member for member in found if member.pid != os.getpid()}
        # A later process may have got the number of ours, once that was gone.
        reused = self.pid in table and self._started not in (0, table[self.pid].started)
        ours = {
            member.pid
            for member in table.values()
            if member.branded or (not reused and self.pid in (member.pid, member.session, member.group))
        }
        children: dict[int, list[int]] = {}
        for member in table.values():
            children.setdefault(member.parent, []).append(member.pid)
        waiting = list(ours)
        while waiting:
            for child in children.get(waiting.pop(), ()):
                if child not in ours:
                    ours.add(child)
                    waiting.append(child)
        return tuple(table[pid] for pid in sorted(ours))

    def end(self, grace_s: float) -> tuple[Member, ...]:
        """Ask all to end, kill after `grace_s` what has not; return what could not be killed."""
        return self._end(grace_s, own_session_only=False)

    def settle(self, patience_s: float, grace_s: float) -> tuple[tuple[Member, ...], tuple[Member, ...]]:
        """The first process is gone: end what it left in its session and what does not go by itself in `patience_s`.

        Return that, and what went into other sessions and lives on.
        """
        until = time.monotonic() + patience_s
        while (left := self._in_session(found := self.members())) and time.monotonic() < until:
            time.sleep(0.005)
        if left:
            self._end(grace_s, own_session_only=True)
        return left, tuple(member for member in found if member not in left)

    def _in_session(self, members: Iterable[Member]) -> tuple[Member, ...]:
        return tuple(member for member in members if self.pid in (member.session, member.group))

    def _end(self, grace_s: float, *, own_session_only: bool) -> tuple[Member, ...]:
        if sys.platform == "win32":
            _end_on_windows(self.pid)
            return ()

        def living() -> tuple[Member, ...]:
            found = self.members()
            return self._in_session(found) if own_session_only else found

        patient_until = time.monotonic() + grace_s
        if grace_s > 0:
            asked = tuple(member for member in living() if not self._holds_namespace(member))
            _signal(asked, signal.SIGTERM)
            # A stopped process takes the news only once it goes on.
            _signal(asked, signal.SIGCONT)
            pause_s = 0.002
            while living() and time.monotonic() < patient_until:
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, 0.03)
        until = time.monotonic() + LAST_TRIES_S
        while (left := living()) and time.monotonic() < until:
            # The group at once: none of it can fork between the scan and the signal.
            if any(member.group == self.pid for member in left):
                with suppress(OSError):
                    os.killpg(self.pid, signal.SIGKILL)
            _signal(left, signal.SIGKILL)
            time.sleep(0.001)
        return left

    def _holds_namespace(self, member: Member) -> bool:
        return self._wrapped and self.pid in (member.pid, member.parent)

    # --- Linux ---------------------------------------------------------------------------------------------------

    def _linux_table(self) -> Iterable[Member]:
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            member = _linux_process(int(entry))
            # What is older than the command cannot be its child.
            if member is None or member.started < self._started:
                continue
            yield self._with_brand(member)

    def _with_brand(self, member: Member) -> Member:
        place = f"/proc/{member.pid}"
        branded = str(self._brand.number).encode() in _contents(f"{place}/limits")
        branded = branded or self._brand.token.encode() in _contents(f"{place}/environ")
        ours = branded or self.pid in (member.pid, member.session, member.group)
        line = _contents(f"{place}/cmdline").replace(b"\0", b" ").decode("utf-8", "replace").strip() if ours else ""
        return Member(
            member.pid,
            member.parent,
            member.group,
            member.session,
            member.started,
            line[:LONGEST_NAME] or member.name,
            branded,
        )

    # --- elsewhere -----------------------------------------------------------------------------------------------

    def _ps_table(self) -> Iterable[Member]:
        # `-E` shows environments on macOS; other systems refuse it.
        for flags in ("-axwwE", "-axww"):
            asked = ["/bin/ps", flags, "-o", "pid=,ppid=,pgid=,state=,command="]
            answer = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            if answer.returncode == 0:
                break
        for line in answer.stdout.decode("utf-8", "replace").splitlines():
            fields = line.split(None, 4)
            if len(fields) < 5 or fields[3].startswith("Z"):
                continue
            pid, parent, group = (int(number) for number in fields[:3])
            with suppress(OSError):
                session = os.getsid(pid)
                name = fields[4][:LONGEST_NAME]
                yield Member(pid, parent, group, session, 0, name, self._brand.token in fields[4])


def _brand_limit(pid: int, brand: Brand) -> None:
    if sys.platform != "linux":
        return
    import resource  # POSIX only: the module does not exist on Windows.

    with suppress(OSError, ValueError):
        _, hard = resource.prlimit(pid, RLIMIT_LOCKS)
        resource.prlimit(pid, RLIMIT_LOCKS, (brand.number, hard))


def _linux_process(pid: int) -> Member | None:
    """Return what `/proc/PID/stat` says (proc_pid_stat(5)), None if it is gone or dead."""
    line = _contents(f"/proc/{pid}/stat")
    # The name stands in parentheses and may hold anything, parentheses too.
    opened, closed = line.find(b"("), line.rfind(b")")
    if closed < 0:
        return None
    state, parent, group, session, *rest = line[closed + 2 :].split()
    if state in (b"Z", b"X"):
        return None
    name = line[opened + 1 : closed].decode("utf-8", "replace")
    return Member(pid, int(parent), int(group), int(session), int(rest[15]), name)


def _contents(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        parts = []
        while part := os.read(descriptor, 1 << 16):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _signal(members: Iterable[Member], number: int) -> None:
    for member in members:
        with suppress(OSError):
            os.kill(member.pid, number)


def _end_on_windows(pid: int) -> None:
    """The weaker way: what `taskkill` still sees as the tree. A child whose parent is gone goes unseen."""
    subprocess.run(
        ["taskkill", "/PID", str(pid), "/T", "/F"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
