"""The real screen on a pseudo-terminal, and a bug in it: one line, where the details are, and nothing is lost."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from benchmarks.harness.terminal import Terminal
from tests.cli.program import POSIX, Program
from tests.trust.test_signals import left_on, until

from plait.cli import FAILED, INTERRUPTED

pytestmark = POSIX

# Plait, with a bug that is met once a file of that name is there.
BROKEN = """
import functools, os
from textual import widgets
from textual.drivers import linux_driver
from textual.strip import Strip
def breaks(owner, name, place):
    whole = getattr(owner, name)
    @functools.wraps(whole)
    def broken(*args, **options):
        if os.path.exists(place):
            raise ZeroDivisionError("oh no sk-ant-abcdefghijklmnopqrstuvwxyz")
        return whole(*args, **options)
    setattr(owner, name, broken)
breaks(widgets.TextArea, "_on_key", "in-key")
breaks(Strip, "apply_style", "in-drawing")
breaks(linux_driver.XTermParser, "feed", "in-input")
from plait.views.tui.app import PlaitApp
breaks(PlaitApp, "on_unmount", "at-end")
breaks(PlaitApp, "on_mount", "at-begin")
from plait.__main__ import main
main()
"""


@pytest.fixture
def plait(tmp_path: Path, bytecode: Path) -> Program:
    made = Program(tmp_path, bytecode)
    (made.project / "a.py").write_text("def needle(): ...\n")
    return made


def screen(plait: Program, *words: str, broken: bool = False) -> Terminal:
    command = [os.fsdecode(word) for word in plait.command(*words)]
    if broken:
        command[1:3] = ["-c", BROKEN]
    return Terminal(command, cwd=plait.project, environ={**plait.environ, "TERM": "xterm-256color"})


def test_an_earlier_session_is_picked_as_the_first_thing(plait: Program) -> None:
    assert plait("-p", "where is needle?").returncode == 0

    with screen(plait) as term:
        until(term, lambda: b"askbeforewrites" in term.text())
        term.type("/resume")
        term.send(b"\r")
        until(term, lambda: b"Enterresumes" in term.text())
        term.send(b"\r")
        until(term, lambda: b"defneedle" in term.text())
        term.send(b"\x04")
        until(term, lambda: term.process.poll() is not None)

    assert term.process.returncode == 0
    assert b"Go on with: plait -r " in term.screen


@pytest.mark.parametrize("place", ["in-key", "in-drawing", "in-input", "at-end"])
def test_a_bug_is_one_line_and_loses_nothing(plait: Program, place: str) -> None:
    with screen(plait, "--model", "scout", "where is needle?", broken=True) as term:
        until(term, lambda: b"ctx" in term.text())
        term.type("half a thought")
        until(term, lambda: b"halfathought" in term.text())
        (plait.project / place).touch()
        term.send(b"\x1b[Ix")
        if place == "at-end":
            term.send(b"\x03\x04")
        until(term, lambda: term.process.poll() is not None)
        term.pump_for(0.1)
    (plait.project / place).unlink()

    said = bytes(term.screen[term.screen.rfind(b"\x1b[?1049l") :]).decode()
    assert term.process.returncode == FAILED
    assert left_on(bytes(term.screen)) == []
    assert "Traceback" not in said
    line = next(line for line in said.splitlines() if line.startswith("plait: "))
    found = re.search(r"details: (\S+\.log)\)", line)
    assert found is not None, line
    details = Path(found[1]).read_text()
    assert "ZeroDivisionError: oh no" in details
    assert "abcdefghijklmnop" not in details + line
    assert Path(found[1]).stat().st_mode & 0o077 == 0
    session = re.search(r"Go on with: plait -r (\S+)", said)
    assert session is not None
    assert plait("-p", "-r", session[1], "where is needle?").returncode == 0
    if place != "at-end":
        assert_draft_is_there(plait)


def assert_draft_is_there(plait: Program) -> None:
    with screen(plait) as term:
        until(term, lambda: b"halfathought" in term.text())


def test_a_bug_at_the_beginning_is_one_line(plait: Program) -> None:
    (plait.project / "at-begin").touch()

    with screen(plait, broken=True) as term:
        until(term, lambda: term.process.poll() is not None)
        term.pump_for(0.1)

    assert term.process.returncode == FAILED
    assert left_on(bytes(term.screen)) == []
    assert b"Traceback" not in term.screen
    assert len(re.findall(rb"plait: .*details: \S+\.log\)", bytes(term.screen))) == 1


def test_bytes_that_are_no_utf_8_are_no_failure(plait: Program) -> None:
    with screen(plait) as term:
        until(term, lambda: b"askbeforewrites" in term.text())
        term.send(b"caf\xe9 \xff\xfe\xc3")
        term.pump_for(0.1)
        term.type("words after")
        until(term, lambda: b"wordsafter" in term.text())
        term.send(b"\x03")
        term.send(b"\x04")
        until(term, lambda: term.process.poll() is not None)

    assert term.process.returncode == 0


def test_an_interrupt_meant_for_the_editor_leaves_the_screen(plait: Program) -> None:
    editor = plait.config / "editor"
    editor.write_text('#!/bin/sh\nkill -INT "$PPID"\nkill -INT "$PPID"\necho "edited $$" > "$1"\n')
    editor.chmod(0o755)
    plait.environ["VISUAL"] = str(editor)
    with screen(plait) as term:
        until(term, lambda: b"askbeforewrites" in term.text())
        term.send(b"\x07")
        until(term, lambda: b"edited" in term.text())
        until(term, lambda: has_ended(term, signal.SIGINT))

    assert term.process.returncode == INTERRUPTED
    assert left_on(bytes(term.screen)) == []


def has_ended(term: Terminal, number: signal.Signals) -> bool:
    """Send the signal again: one that comes right after the editor's end is taken for the editor's."""
    if term.process.poll() is None:
        os.kill(term.process.pid, number)
    return term.process.poll() is not None
