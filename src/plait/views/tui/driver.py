"""Textual's way to the terminal, made to survive that the terminal goes away.

Textual writes from a thread that dies of the first failed write; nobody then empties its queue, and the application
waits for ever to put its last words there. Here what cannot be written any more is dropped.
"""

from __future__ import annotations

from contextlib import suppress
from typing import IO, Any

from textual.driver import Driver


class Surviving:
    """A text file whose reader may be gone."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()


def surviving(base: type[Driver]) -> type[Driver]:
    """Return a driver that does as `base` does, and writes to a `Surviving` file if it writes to one."""

    class SurvivingDriver(base):  # type: ignore[valid-type, misc]  # known when it runs only
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            file = getattr(self, "_file", None)
            if file is not None:
                self._file = Surviving(file)

        def _run_input_thread(self) -> None:
            try:
                self._read_input()
            except BaseException as error:  # The thread's edge: the app ends in order.
                self._app.call_later(self._app.input_failed, error)

        def _read_input(self) -> None:
            while True:
                try:
                    self.run_input_thread()
                except UnicodeDecodeError:
                    # A key or a paste in another encoding: what was read at once is lost, no more.
                    continue
                return

    return SurvivingDriver
