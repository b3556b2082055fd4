"""How the screen ends: by its user, by a signal, by a failure. In each case the session is closed and the draft kept.

Textual prints a traceback with the values of variables when a handler, a worker, a timer or a widget raises. Here the
failure is kept for the caller, who has the terminal back by then, and the app closes as it does otherwise.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from textual.app import App
from textual.worker import WorkerFailed

from plait.protocol.ports import Desktop, SessionHandle

LOG = logging.getLogger("plait.screen")
INTERRUPTED, FAILED = 4, 2
"""Exit codes of docs/headless.md."""
AFTER_LOAN_S = 0.1
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass(frozen=True, slots=True)
class Left:
    """How the user left: for the lines printed to the normal screen."""

    session_id: str | None
    answer: str
    persisted: bool


class LeavingApp(App[Left]):
    """An app that ends in order. What there is to end its subclass says: see the methods that raise."""

    def __init__(self, desktop: Desktop) -> None:
        super().__init__()
        self.desktop = desktop
        self.failure: BaseException | None = None
        """What ended the app, if it was a bug."""
        self._draft: str | None = None
        self._lends_terminal = False

    def left_now(self) -> Left:
        """Return what is to be said of the session. Contract: raises nothing; the screen may not be there yet."""
        raise NotImplementedError

    def unsent_text(self) -> str | None:
        """Return what was written and not sent, None if the draft of the last time is not read yet. Raises nothing."""
        raise NotImplementedError

    def handle_to_close(self) -> SessionHandle | None:
        raise NotImplementedError

    # --- signals -------------------------------------------------------------------------------------------------

    def on_load(self) -> None:
        """Before the terminal is touched: from now on a signal ends the app like its user does."""
        loop = asyncio.get_running_loop()
        # Not every failure passes through Textual: the session wakes the screen by a callback of the loop.
        loop.set_exception_handler(self._callback_failed)
        for name in SIGNALS:
            number = getattr(signal, name, None)
            # A SIGHUP that is ignored stays so: that is what `nohup` is for.
            if number is not None and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
                # Not every loop has signal handlers.
                with suppress(NotImplementedError):
                    loop.add_signal_handler(number, self._interrupted_by_key if name == "SIGINT" else self.interrupted)

    def interrupted(self) -> None:
        """A signal has come."""
        self._remember()
        super().exit(self.left_now(), INTERRUPTED)

    def _interrupted_by_key(self) -> None:
        if not self._lends_terminal:
            self.interrupted()

    @contextmanager
    def lent_terminal(self) -> Iterator[None]:
        """Leave Ctrl-C to a program that has the terminal meanwhile."""
        self._lends_terminal = True
        try:
            yield
        finally:
            # The loop learns of signals that have come once it runs again.
            asyncio.get_running_loop().call_later(AFTER_LOAN_S, self._end_loan)

    def _end_loan(self) -> None:
        self._lends_terminal = False

    # --- failures ------------------------------------------------------------------------------------------------

    def _handle_exception(self, error: Exception) -> None:
        """Textual's edge: all that is raised in the screen arrives here."""
        if self.failure is None:
            self.failure = error.error if isinstance(error, WorkerFailed) else error
            LOG.error("the screen failed", exc_info=self.failure)
            self._remember()
            self._return_value = self.left_now()
        super()._handle_exception(error)
        self._return_code = FAILED

    def _fatal_error(self) -> None:
        # In the place of a traceback with the values of all variables.
        self._close_messages_no_wait()

    def panic(self, *renderables: object) -> None:
        self._close_messages_no_wait()

    def input_failed(self, error: BaseException) -> None:
        """The thread that reads the terminal has ended."""
        if isinstance(error, OSError):
            # The terminal is gone.
            self.interrupted()
        elif isinstance(error, Exception):
            self._handle_exception(error)

    def _callback_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception) and ("handle" in context or isinstance(context.get("future"), asyncio.Task)):
            self._handle_exception(error)
        else:
            LOG.error("%s", context.get("message"), exc_info=error if isinstance(error, BaseException) else None)

    # --- the end -------------------------------------------------------------------------------------------------

    def exit(self, *args: object, **kwargs: object) -> None:
        self._remember()
        super().exit(self.left_now())

    def _remember(self) -> None:
        if self._draft is None:
            self._draft = self.unsent_text()

    async def on_unmount(self) -> None:
        if self._draft is not None:
            await asyncio.to_thread(self.desktop.save_draft, self._draft)
        handle = self.handle_to_close()
        if handle is not None:
            await handle.close()
