"""The installed program as a process: what it prints, and what it exits with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.cli.program import POSIX, Program


def loaded_by(*words: str) -> set[str]:
    code = (
        f"import sys\nfrom plait.cli import main\nmain({list(words)!r})\nprint(' '.join(sys.modules), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    return set(ran.stderr.split())


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_version_and_help_load_next_to_nothing(flag: str) -> None:
    loaded = loaded_by(flag)

    heavy = {"pydantic", "pydantic_ai", "textual", "msgspec", "httpx", "httpx2", "openai", "anthropic", "asyncio"}
    assert loaded & heavy == set()
    assert {name for name in loaded if name.startswith("plait.")} <= {
        "plait.cli",
        "plait.cli.flags",
        "plait.cli.help",
        "plait.cli.table",
        "plait.cli.terminal",
        "plait.protocol",
        "plait.protocol.display",
        "plait.protocol.errors",
        "plait.protocol.lean",
    }


def test_the_version_is_one_line(plait: Program) -> None:
    ran = plait("--version")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("plait ")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--fork"], "`--fork` is not a flag of `plait`"),
        (["-p"], "no prompt: give one as an argument or on standard input"),
        (["-p", "   "], "no prompt"),
        (["-p", "hi", "--max-turns", "none"], "`--max-turns`: `limits.max_turns` must be a whole number from 1"),
        (["-p", "hi", "--permission-mode", "wild"], "`--permission-mode`: `permission_mode` must be one of `default`"),
        (["-p", "hi", "--allowedTools", "Bash("], "`--allowedTools`: rule `Bash(`"),
        (["-p", "hi", "--output-format", "xml"], "`--output-format xml`: must be one of `text`"),
        (["-p", "hi", "--include-partial-messages"], "needs `--output-format stream-json`"),
        (["-p", "hi", "--input-format", "stream-json"], "needs `--output-format stream-json`"),
        (["-p", "hi", "--add-dir", "/no/such"], "`/no/such` cannot be worked in"),
        (["-p", "hi", "--add-dir", sys.executable], "is not a directory"),
        (["-p", "hi", "--settings", "/no/such.toml"], "there is no such settings file"),
        (["-p", "hi", "--output", "/no/such/file"], "there is no directory `/no/such`"),
        (["-p", "hi", "--json-schema", "{"], "`--json-schema`: not JSON"),
        (["-p", "hi", "--json-schema", '{"type": 7}'], "`--json-schema`: not a JSON Schema"),
        (["-p", "-r"], "needs the session's id"),
        (["-p", b"caf\xe9"], "not UTF-8"),
        (["sessions", "wash"], "`plait sessions`: expected `list`"),
        (["sessions", "show", "nope"], "no such session"),
        (["sessions", "prune", "--older-than", "x"], "`--older-than` must be a number"),
        (["config", "colour"], "`colour` is not a setting"),
        (["completion"], "needs a shell"),
        (["trust", "maybe"], "`plait trust`: expected `yes`, `no` or `forget`; found `maybe`"),
        (["trust", "yes"], "has no settings of its own"),
        (["tool"], "needs the name of one tool"),
        (["tool", "read", "--json", "[]"], "must be a JSON object"),
        (["tool", "read", "--json", "{"], "is not JSON"),
        (["check-command"], "`plait check-command --json`"),
        (["search"], "needs a query"),
        (["search", "x", "--limit", "0"], "`--limit` must be a whole number"),
    ],
)
def test_misuse_is_one_line_and_exit_code_one(
    in_process: Callable[..., tuple[int, str, str]], words: Sequence[str | bytes], expected: str
) -> None:
    code, out, err = in_process(*words)

    assert (code, out) == (1, "")
    assert expected in err
    assert err.startswith("plait: ")
    assert len(err.splitlines()) == 1


def test_a_malformed_settings_file_is_named_with_its_line(plait: Program) -> None:
    (plait.config / "settings.toml").write_text("[limits]\nmax_turns = 'many'\n")

    ran = plait("-p", "hi")

    assert ran.returncode == 1
    assert f"`{plait.config / 'settings.toml'}`, line 2: `limits.max_turns` must be a whole number" in ran.stderr


def test_config_lists_each_value_and_its_origin(plait: Program) -> None:
    (plait.config / "settings.toml").write_text("[caps]\nfiles = 3\n")
    (plait.project / ".plait").mkdir()
    (plait.project / ".plait" / "settings.toml").write_text("model = 'x'\n[permissions]\ndeny = ['shell']\n")

    ran = plait("config", "--max-turns", "4")
    found = json.loads(plait("config", "--json", "caps").stdout)

    lines = [line.split() for line in ran.stdout.splitlines()]
    assert ["caps.files", "3", f"({plait.config / 'settings.toml'})"] in lines
    assert ["limits.max_turns", "4", "(--max-turns)"] in lines
    assert ["permissions.deny", "shell", f"({plait.project / '.plait' / 'settings.toml'})"] in lines
    assert "`model` not in force: this directory is not trusted" in ran.stderr
    assert {"name": "caps.files", "value": "3", "origin": str(plait.config / "settings.toml")} in found


def test_doctor_says_which_keys_are_set_and_never_their_value(plait: Program) -> None:
    ran = plait("doctor", environ={"OPENAI_API_KEY": "sk-very-secret-indeed-0123456789"})

    assert ran.returncode == 0
    assert "OPENAI_API_KEY" in ran.stdout
    assert "very-secret" not in ran.stdout + ran.stderr
    assert "Ollama" in ran.stdout


def test_a_directory_without_sessions_has_an_empty_list(plait: Program) -> None:
    assert plait("sessions", "list").stdout == ""
    assert json.loads(plait("sessions", "list", "--json").stdout) == []


@POSIX
def test_a_deleted_working_directory_is_one_line(plait: Program) -> None:
    ran = plait.shell("mkdir gone; cd gone; rmdir ../gone; $PLAIT -p hi < /dev/null")

    assert ran.returncode == 1
    assert ran.stderr == "plait: the working directory no longer exists: change to another one.\n"


@POSIX
@pytest.mark.parametrize("words", ["--help", "--version", "config", "completion bash"])
def test_a_reader_that_leaves_early_is_no_news(plait: Program, words: str) -> None:
    ran = plait.shell(f"$PLAIT {words} | true")

    assert ran.stderr == ""


@POSIX
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_standard_output_is_one_line(plait: Program) -> None:
    ran = plait.shell("$PLAIT --help > /dev/full")

    assert ran.returncode == 2
    assert ran.stderr == "plait: No space left on device.\n"


@POSIX
@pytest.mark.parametrize(
    ("script", "code"), [("$PLAIT --version >&-", 1), ("$PLAIT --version <&-", 0), ("$PLAIT --version 2>&-", 0)]
)
def test_closed_streams_do_no_harm(plait: Program, script: str, code: int) -> None:
    ran = plait.shell(script)

    assert ran.returncode == code
    assert ran.stderr == ""


@POSIX
def test_an_answer_needs_somewhere_to_go(plait: Program) -> None:
    ran = plait.shell("$PLAIT -p hi >&- < /dev/null")

    assert ran.returncode == 1
    assert "standard output is closed" in ran.stderr


@POSIX
def test_a_dumb_terminal_is_refused_with_the_way_out(plait: Program) -> None:
    import pty

    controller, terminal = pty.openpty()
    try:
        ran = subprocess.run(
            plait.command(),
            check=False,
            stdin=terminal,
            stdout=terminal,
            stderr=subprocess.PIPE,
            cwd=plait.project,
            env={**plait.environ, "TERM": "dumb"},
            timeout=30,
        )
    finally:
        os.close(controller)
        os.close(terminal)

    assert ran.returncode == 1
    assert b"`TERM=dumb`: this terminal cannot show the screen; use `plait --print" in ran.stderr


@POSIX
def test_the_debug_log_is_private_and_holds_what_went_wrong(plait: Program, tmp_path: Path) -> None:
    log = tmp_path / "debug.log"

    plait("config", "--debug", str(log))
    ran = plait("-p", "hi", "--debug", str(tmp_path))

    assert log.stat().st_mode & 0o777 == 0o600
    assert (ran.returncode, "the log cannot be written" in ran.stderr) == (1, True)


def test_commands_are_judged_line_by_line_and_a_bad_line_does_not_end_the_stream(plait: Program) -> None:
    asked = [
        '{"id": 1, "command": "cat a | head"}',
        "not json",
        "",
        '{"id": "b", "command": "rm -rf /"}',
        '{"id": 3, "command": "npm install", "cwd": "sub"}',
        '{"command": "ls"}',
        '{"id": 4, "command": 7}',
        '{"id": 5, "command": "if ((("}',
        '{"id": 6, "command": "cat a", "cwd": "\\u0000"}',
        "[" * 50_000,
        '{"id": 7, "command": "ls"}',
    ]

    ran = plait("check-command", "--json", piped="\n".join(asked))

    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ran.returncode == 0
    assert [(answer["id"], answer.get("verdict")) for answer in answers] == [
        (1, "read_only"),
        (None, None),
        ("b", "dangerous"),
        (3, "stateful"),
        (None, None),
        (None, None),
        (5, "stateful"),
        (6, None),
        (None, None),
        (7, "read_only"),
    ]
    assert all(("error" in answer) != ("verdict" in answer) for answer in answers)
    assert answers[0]["effects"]["kind"] == "read"
    assert all(answer["reason"] for answer in answers if "verdict" in answer)


def test_each_command_is_answered_before_the_next_is_asked(plait: Program) -> None:
    with subprocess.Popen(
        plait.command("check-command", "--json"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=plait.project,
        env=plait.environ,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        for number in (1, 2):
            running.stdin.write(json.dumps({"id": number, "command": "ls"}).encode() + b"\n")
            running.stdin.flush()
            assert json.loads(running.stdout.readline())["id"] == number
        running.stdin.close()

    assert running.returncode == 0


def test_searching_prints_places_and_finding_nothing_is_no_failure(plait: Program) -> None:
    (plait.project / "a.py").write_text("def needle() -> None: ...\n")

    found = plait("search", "needle")
    none = plait("search", "haystack_without")
    listed = json.loads(plait("search", "needle", "--json", "--limit", "1").stdout)

    assert (found.returncode, none.returncode) == (0, 0)
    assert found.stdout.startswith("a.py:1: ")
    assert none.stdout == ""
    assert [hit["path"] for hit in listed["hits"]] == ["a.py"]


def test_searches_are_answered_warm_line_by_line(plait: Program) -> None:
    (plait.project / "a.py").write_text("def needle() -> None: ...\n")

    ran = plait("search", "--stdio", piped='{"query": "needle"}\nnope\n{"query": "nothing_like_it"}\n')

    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ran.returncode == 0
    assert [len(answer["hits"]) for answer in answers] == [1, 0, 0]
    assert "error" in answers[1]


def test_nothing_of_the_engine_is_loaded_before_the_first_frame() -> None:
    code = "import sys\nimport plait.cli.screen, plait.views.tui.app\nprint(' '.join(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)

    loaded = set(ran.stdout.split())
    assert (
        loaded & {"pydantic", "pydantic_ai", "openai", "anthropic", "httpx", "httpx2", "msgspec", "plait.wiring"}
        == set()
    )
