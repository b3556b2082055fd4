"""`--debug`: a log of every decision as JSON lines, without any key in it; and silence on the terminal without it."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from plait.protocol.errors import UserError

LOGGER = "plait"
# What `logging` itself puts on a record; the rest is what the caller added.
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One object a line: when, who, what, whatever was added, and the traceback if there is one."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "process": record.process,
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _USUAL},
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return self._redact(json.dumps(line, default=str))


def silence() -> None:
    """Keep whatever anybody logs, and exceptions of threads, off the terminal: it belongs to the view."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    threading.excepthook = _log_thread_failure


def start(path: Path, redact: Callable[[str], str]) -> None:
    """Append to the log at `path` from now on; only its owner may read it.

    Raises:
        UserError: The file cannot be opened for writing.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise UserError(f"`--debug {path}`: the log cannot be written: {error.strerror or error}.") from error
    handler = logging.StreamHandler(os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace"))
    handler.setFormatter(JsonLines(redact))
    logging.getLogger().addHandler(handler)
    logging.getLogger(LOGGER).setLevel(logging.DEBUG)
    # A full disk must not put a traceback on the screen.
    logging.raiseExceptions = False


def say(message: str, **more: str) -> None:
    """Write one line of Plait's own to the log, if there is one."""
    logging.getLogger(LOGGER).debug(message, extra=more)


def _log_thread_failure(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None:
        return
    logging.getLogger(LOGGER).error("thread failed", exc_info=(args.exc_type, args.exc_value, args.exc_traceback))
