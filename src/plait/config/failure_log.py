"""A file for each bug that ended the program: the traceback, without values of variables and without any key."""

from __future__ import annotations

import os
import platform
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from plait import __version__

MAX_LOGS = 10
"""Older ones are removed."""


def write_failure(error: BaseException, directory: Path, redact: Callable[[str], str]) -> Path:
    """Write what is known of a failure to a new file that only its owner may read; return its path. Raises OSError."""
    now = time.gmtime()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _prune(directory)
    path = directory / f"failure-{time.strftime('%Y%m%d-%H%M%S', now)}-{os.getpid()}.log"
    head = (
        f"plait {__version__} · Python {platform.python_version()} · {platform.system()} {platform.release()} · "
        f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', now)}"
    )
    text = redact(f"{head}\n\n{''.join(traceback.format_exception(error))}")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return path


def _prune(directory: Path) -> None:
    for path in sorted(directory.glob("failure-*.log"))[: -MAX_LOGS + 1]:
        with suppress(OSError):
            path.unlink()
