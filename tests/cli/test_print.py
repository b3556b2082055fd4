"""`plait --print` as a process, with the built-in model."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
from tests.cli.program import POSIX, Program


@pytest.fixture(autouse=True)
def needle(plait: Program) -> None:
    (plait.project / "a.py").write_text("def needle() -> None: ...\n")


def messages(out: str | bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_the_built_in_model_answers_offline(plait: Program) -> None:
    ran = plait("-p", "Where is needle defined?")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "a.py:1" in ran.stdout


def test_the_stream_begins_with_init_and_ends_with_the_result(plait: Program) -> None:
    ran = plait("-p", "Where is needle defined?", "--output-format", "stream-json")

    lines = messages(ran.stdout)
    assert ran.returncode == 0
    assert (lines[0]["subtype"], lines[-1]["type"], lines[-1]["subtype"]) == ("init", "result", "success")
    assert "read" in lines[0]["tools"]
    assert lines[0]["cwd"] == str(plait.project)
    used = [block["id"] for line in lines if line["type"] == "assistant" for block in _calls(line)]
    results = [line["message"]["content"][0]["tool_use_id"] for line in lines if line["type"] == "user"]
    assert sorted(used) == sorted(results)
    assert used


def _calls(line: dict[str, Any]) -> list[dict[str, Any]]:
    return [block for block in line["message"]["content"] if block["type"] == "tool_use"]


def test_piped_text_alone_is_the_prompt_and_joins_an_argument(plait: Program) -> None:
    alone = plait("-p", "--output-format", "json", piped="Where is needle defined?\n")
    joined = plait("-p", "Where is this defined?", "--no-session-persistence", piped="needle\n")
    session = json.loads(alone.stdout)["session_id"]

    assert (alone.returncode, joined.returncode) == (0, 0)
    assert "> Where is needle defined?" in plait("sessions", "show", session[:8]).stdout
    assert [info["session_id"] for info in json.loads(plait("sessions", "list", "--json").stdout)] == [session]


def test_a_session_goes_on_under_its_id(plait: Program) -> None:
    identity = "11111111-1111-4111-8111-111111111111"

    first = plait("-p", "Where is needle?", "--session-id", identity, "--output-format", "json")
    second = plait("-p", "-c", "And needle again?", "--output-format", "json")
    forked = plait("-p", "-r", identity, "--fork-session", "Once more", "--output-format", "json")
    unknown = plait("-p", "-r", "22222222-2222-4222-8222-222222222222", "Hm")

    assert [json.loads(ran.stdout)["session_id"] for ran in (first, second)] == [identity, identity]
    assert json.loads(forked.stdout)["session_id"] != identity
    assert (unknown.returncode, len(unknown.stderr.splitlines())) == (1, 1)
    assert "no such session" in unknown.stderr


def test_a_read_only_home_runs_and_says_that_history_is_off(plait: Program) -> None:
    plait.environ["PLAIT_STATE_DIR"] = "/proc/nowhere"

    ran = plait("-p", "Where is needle?")

    assert ran.returncode == 0
    assert "a.py:1" in ran.stdout
    assert "istory is off" in ran.stderr


def test_a_missing_key_is_configuration(plait: Program) -> None:
    ran = plait("-p", "hi", "--model", "openai:gpt-5")

    assert ran.returncode == 1
    assert "OPENAI_API_KEY" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@POSIX
def test_a_reader_that_leaves_early_ends_the_run_quietly(plait: Program) -> None:
    ran = plait.shell("$PLAIT -p 'Where is needle?' --output-format stream-json < /dev/null | head -n 1")

    assert len(messages(ran.stdout)) == 1
    assert ran.stderr == ""


@POSIX
@pytest.mark.slow
def test_a_pipe_that_nobody_writes_to_does_not_hang(plait: Program) -> None:
    reading, writing = os.pipe()
    try:
        ran = subprocess.run(
            plait.command("-p", "Where is needle?"),
            check=False,
            stdin=reading,
            capture_output=True,
            cwd=plait.project,
            env=plait.environ,
            timeout=30,
        )
    finally:
        os.close(reading)
        os.close(writing)

    assert ran.returncode == 0
    assert b"nothing came on standard input within 3 s" in ran.stderr


def test_prompts_as_lines_share_a_session(plait: Program) -> None:
    line = json.dumps({"type": "user", "message": {"role": "user", "content": "Where is needle?"}})
    flags = ["--input-format", "stream-json", "--output-format", "stream-json"]

    ran = plait("-p", *flags, piped=f"{line}\nnope\n{line}\n")

    lines = messages(ran.stdout)
    assert ran.returncode == 1
    assert [line["subtype"] for line in lines if line["type"] == "result"] == [
        "success",
        "error_during_execution",
        "success",
    ]
    assert len({line["session_id"] for line in lines}) == 1


def test_print_loads_no_textual(plait: Program) -> None:
    code = (
        "import sys\nfrom plait.cli import main\n"
        "code = main(['-p', 'Where is needle?'])\n"
        "print(code, sorted({name.partition('.')[0] for name in sys.modules} & {'textual', 'rich'}), file=sys.stderr)"
    )
    ran = subprocess.run(
        [plait.command()[0], "-c", code],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=plait.project,
        env=plait.environ,
        timeout=30,
    )

    assert ran.stderr == "0 []\n"


def test_a_tool_runs_without_a_model(plait: Program) -> None:
    read = plait("tool", "read", "--json", '{"files": [{"path": "a.py"}]}')
    piped = plait("tool", "Read", piped='{"files": [{"path": "a.py"}]}')
    missing = plait("tool", "read", "--json", '{"files": [{"path": "nope.py"}]}')
    asks = plait("tool", "shell", "--json", '{"command": "touch b.py"}')
    refused = plait("tool", "shell", "--json", '{"command": "touch b.py"}', "--disallowedTools", "Bash")
    allowed = plait("tool", "shell", "--json", '{"command": "touch b.py"}', "--allowedTools", "Bash(touch *)")
    unknown = plait("tool", "teleport", "--json", "{}")
    misused = plait("tool", "read", "--json", '{"file": "a.py"}')

    def told(ran: subprocess.CompletedProcess[str]) -> tuple[int, str, bool, str | None]:
        line = json.loads(ran.stdout)
        return ran.returncode, line["verdict"], line["ran"], line["outcome"]

    assert told(read) == told(piped) == (0, "allowed", True, "ok")
    assert "needle" in json.loads(read.stdout)["result"]
    assert told(missing) == (6, "allowed", True, "failed")
    assert told(asks) == (5, "ask", False, None)
    assert told(refused) == (5, "refused", False, None)
    assert told(allowed) == (0, "allowed", True, "ok")
    assert (plait.project / "b.py").exists()
    assert told(misused) == (1, "allowed", False, "failed")
    assert (unknown.returncode, unknown.stdout) == (1, "")
