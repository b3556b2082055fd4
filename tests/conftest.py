"""Settings of the whole suite.

A test that needs a program which is not here is skipped, and its reason begins with "needs ", as in "needs tmux".
Where everything is supposed to be here (the environment says `CI`), such a skip fails the run.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

SKIPPED_FOR_A_TOOL = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SKIPPED_FOR_A_TOOL] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if reason.startswith("needs "):
            item.config.stash[SKIPPED_FOR_A_TOOL].append(f"{item.nodeid}: {reason}")
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _everything_is_here() and session.config.stash[SKIPPED_FOR_A_TOOL] and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    skipped = config.stash[SKIPPED_FOR_A_TOOL]
    if _everything_is_here() and skipped:
        terminalreporter.section("these tests must not be skipped where CI is set", red=True)
        for line in skipped:
            terminalreporter.line(line)


def _everything_is_here() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the compiled modules of a program that runs as a process are kept: compiling takes longer than running."""
    return tmp_path_factory.mktemp("bytecode")
