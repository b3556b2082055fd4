"""Tell of changes below a root as they happen, by the system's events where it has any to give."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

QUIET_MS = 10
"""Changes that follow one another within this time are told of together."""
MOST_TOGETHER_MS = 60
LOOK_AGAIN_MS = 5_000

OnPaths = Callable[[list[str]], None]


class Watch:
    """A thread that waits for changes. Each callable is called in that thread."""

    def __init__(
        self, root: Path, *, armed: Callable[[], None], changed: OnPaths, failed: Callable[[str], None]
    ) -> None:
        """armed: from now on nothing is missed. changed: absolute paths. failed: why there are no events, for good."""
        self._root = root
        self._armed, self._changed, self._failed = armed, changed, failed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        try:
            # Loaded here: it takes its time, and the first scan must not wait for it.
            from watchfiles._rust_notify import RustNotify
        except ImportError as error:
            self._failed(f"watchfiles cannot be loaded: {error}")
            return
        try:
            with RustNotify([os.fspath(self._root)], False, False, 0, True, True) as events:
                self._armed()
                while not self._stop.is_set():
                    found = events.watch(MOST_TOGETHER_MS, QUIET_MS, LOOK_AGAIN_MS, self._stop)
                    if found == "stop":
                        return
                    if isinstance(found, set) and found:
                        self._changed([path for _, path in found])
        except OSError as error:
            # As a rule the system's limit of watches, which a large tree exceeds.
            self._failed(str(error))
        except BaseException as error:  # The library's own errors have no common base.
            self._failed(f"{type(error).__name__}: {error}")
