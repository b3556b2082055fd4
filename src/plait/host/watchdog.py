"""End what commands have started when Plait itself is killed (`kill -9`, out of memory) and can no longer do it.

A small shell process beside Plait is told which process groups are running, through a pipe that only Plait holds
open. When the pipe closes it kills the groups that are left, and ends. It is started with the first command and costs
a megabyte. What a command has put into a session of its own goes on, as it does after any end of a command. Without
`/bin/sh` (Windows) nothing watches.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

SHELL = "/bin/sh"
# `kill` with a leading minus addresses a group; numbers alone are let through, so that nothing else can be run.
SCRIPT = """
trap '' HUP INT QUIT TERM
groups=' '
while read -r word group; do
    case $group in *[!0-9]*|'') continue ;; esac
    case "$word$groups" in
        begins*) groups="$groups$group " ;;
        ended*" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;;
    esac
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
"""


class Watchdog:
    """The one watcher of this process, started when it is first needed. From any thread; never raises, never blocks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe: int | None = None
        self._failed = False

    def begins(self, group: int) -> None:
        """A process group is running."""
        with self._lock:
            if self._pipe is None and not self._failed:
                self._start()
            self._tell(f"begins {group}\n")

    def ended(self, group: int) -> None:
        """It is gone; its number may be another's soon."""
        with self._lock:
            self._tell(f"ended {group}\n")

    def _tell(self, line: str) -> None:
        if self._pipe is None:
            return
        try:
            os.write(self._pipe, line.encode("ascii"))
        except OSError:  # Somebody has ended it, or it is stopped and its pipe is full.
            self._give_up()

    def _give_up(self) -> None:
        self._failed = True
        if self._pipe is not None:
            with suppress(OSError):
                os.close(self._pipe)
            self._pipe = None

    def _start(self) -> None:
        if sys.platform == "win32" or not os.path.exists(SHELL):
            self._failed = True
            return
        reading, writing = os.pipe()
        try:
            os.set_blocking(writing, False)
            os.posix_spawn(
                SHELL,
                [SHELL, "-c", SCRIPT],
                {"PATH": "/usr/bin:/bin"},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, reading, 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
                # Out of the terminal's foreground group: its keys are not meant for it.
                setpgroup=0,
            )
            self._pipe = writing
        except (OSError, NotImplementedError):
            self._failed = True
            os.close(writing)
        finally:
            os.close(reading)


WATCHDOG = Watchdog()
