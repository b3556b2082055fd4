from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.program import Program

from plait.cli import main


@pytest.fixture
def plait(tmp_path: Path, bytecode: Path) -> Program:
    return Program(tmp_path, bytecode)


@pytest.fixture
def in_process(
    plait: Program, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Run `plait` without a process of its own: exit code, standard output, standard error."""
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    hook, handlers = threading.excepthook, list(logging.getLogger().handlers)
    monkeypatch.chdir(plait.project)
    for name in [name for name in os.environ if name not in plait.environ]:
        monkeypatch.delenv(name)
    for name, value in plait.environ.items():
        monkeypatch.setenv(name, value)

    def run(*words: str | bytes) -> tuple[int, str, str]:
        code = main([os.fsdecode(word) for word in words])
        return code, *capfd.readouterr()

    yield run

    for number, handler in signals.items():
        signal.signal(number, handler)
    threading.excepthook = hook
    logging.getLogger().handlers[:] = handlers
