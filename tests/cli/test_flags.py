from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.cli.program import Program

from plait.cli.completion import completion
from plait.cli.flags import Parsed
from plait.cli.help import main_help, subcommand_help
from plait.cli.start import flag_values, grammar, opening, prompt_of
from plait.cli.table import FLAGS, IDLE, IDLE_WITH_VALUE, PERMISSION_MODES, SUBCOMMANDS
from plait.config.launch import Opening
from plait.config.settings import FlagValue
from plait.protocol.commands import PERMISSION_MODES as MODES
from plait.protocol.errors import UserError


def parse(*words: str) -> Parsed:
    return grammar().parse(words)


def given(parsed: Parsed) -> dict[str, list[str]]:
    return {key: one.values for key, one in parsed.given.items()}


def refusal(*words: str) -> str:
    with pytest.raises(UserError) as caught:
        understand(*words)
    return str(caught.value)


def understand(*words: str) -> None:
    parsed = parse(*words)
    flag_values(parsed)
    opening(parsed)


@pytest.mark.parametrize(
    ("words", "prompt", "flags"),
    [
        (["fix", "the", "bug"], "fix the bug", {}),
        (["-p", "hi"], "hi", {"print": []}),
        (["hi", "-p"], "hi", {"print": []}),
        (["--print=hi"], "hi", {"print": []}),
        (["-p", "--output-format", "json", "hi"], "hi", {"print": [], "output-format": ["json"]}),
        (["-pc", "hi"], "hi", {"print": [], "continue": []}),
        (["--model=a:b", "hi", "--model", "c:d"], "hi", {"model": ["c:d"]}),
        (["-rabc", "hi"], "hi", {"resume": ["abc"]}),
        (["-r", "abc", "hi"], "hi", {"resume": ["abc"]}),
        (["-r", "fix the bug"], "fix the bug", {"resume": []}),
        (["-r", "-p", "hi"], "hi", {"resume": [], "print": []}),
        (["--append-system-prompt", "- be brief", "hi"], "hi", {"append-system-prompt": ["- be brief"]}),
        (["--", "--model", "-x"], "--model -x", {}),
        (["-p", "--", "search", "x"], "search x", {"print": []}),
        (["-p", "search", "x"], "search x", {"print": []}),
        (["-p", "-"], "", {"print": []}),
        (["--debug", "fix a.py"], "fix a.py", {"debug": []}),
        (["--debug", "./log", "hi"], "hi", {"debug": ["./log"]}),
        (["--allowedTools", "Bash(git *) Edit", "hi"], "hi", {"allowed-tools": ["Bash(git *) Edit"]}),
        (
            ["--allowed-tools", "Bash(git *)", "Edit,Read", "fix it", "-p"],
            "fix it",
            {"allowed-tools": ["Bash(git *)", "Edit,Read"], "print": []},
        ),
        (
            ["--allowedTools", "Edit", "--disallowedTools", "WebFetch", "--allowed-tools=Read", "go"],
            "go",
            {"allowed-tools": ["Edit", "Read"], "disallowed-tools": ["WebFetch"]},
        ),
        (["--tools", "", "hi there"], "hi there", {"tools": [""]}),
    ],
)
def test_words_become_a_prompt_and_flags(words: list[str], prompt: str, flags: dict[str, list[str]]) -> None:
    parsed = parse(*words)

    assert parsed.command is None
    assert (prompt_of(parsed), given(parsed)) == (prompt, flags)


@pytest.mark.parametrize(
    ("words", "command", "rest"),
    [
        (["sessions", "list"], "sessions", ["list"]),
        (["--settings", "s.toml", "config", "model"], "config", ["--settings", "s.toml", "model"]),
        (["tool", "read", "--json", "{}"], "tool", ["read", "--json", "{}"]),
    ],
)
def test_a_first_word_that_is_a_subcommand_is_the_subcommand(words: list[str], command: str, rest: list[str]) -> None:
    parsed = parse(*words)

    assert (parsed.command, parsed.words) == (command, rest)


def test_directories_end_where_the_prompt_begins(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    parsed = parse("--add-dir", str(tmp_path / "a"), str(tmp_path / "b"), "what is here")

    assert parsed.values("add-dir") == [str(tmp_path / "a"), str(tmp_path / "b")]
    assert prompt_of(parsed) == "what is here"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--fork"], "`--fork` is not a flag of `plait`; did you mean `--fork-session`?"),
        (["--modell", "x"], "did you mean `--model`?"),
        (["-x"], "`-x` is not a flag of `plait`"),
        (["--model"], "`--model` needs NAME."),
        (["--model", "--print"], "`--model` needs NAME."),
        (["--continue=yes"], "`--continue` takes no value; found `yes`."),
        (["--mcp-config", "x.json"], "`--mcp-config`: MCP servers are not there yet"),
        (["--worktree"], "`--worktree`: worktrees are not there yet"),
        (["-w", "x"], "`-w`: worktrees are not there yet"),
        (["-c", "-r", "x"], "`--continue` and `--resume`: give one of them."),
        (["--fork-session"], "`--fork-session` needs `--resume` or `--continue`"),
        (["--session-id", "nope"], "`--session-id nope`: not a UUID."),
        (["-c", "--session-id", "11111111-1111-4111-8111-111111111111"], "add `--fork-session`"),
        (["--yolo", "--permission-mode", "plan"], "`--yolo` and `--permission-mode` contradict each other"),
        (["--system-prompt", "a", "--system-prompt-file", "b"], "`--system-prompt` and `--system-prompt-file`"),
        (["--system-prompt-file", "/no/such"], "`--system-prompt-file /no/such`: No such file"),
        (["--json-schema", "/no/such"], "`--json-schema /no/such`: No such file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words: list[str], expected: str) -> None:
    message = refusal(*words)

    assert expected in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--yolo"], [FlagValue("permission_mode", "bypassPermissions", "--yolo")]),
        (["--debug"], [FlagValue("debug", "true", "--debug")]),
        (["--max-turns", "3"], [FlagValue("limits.max_turns", "3", "--max-turns")]),
        (
            ["--allowedTools", "Bash(git log, git diff) Edit"],
            [FlagValue("permissions.allow", ["Bash(git log, git diff)", "Edit"], "--allowedTools")],
        ),
        (
            ["--disallowedTools", "Bash(rm *),WebFetch"],
            [
                FlagValue("permissions.deny", ["Bash(rm *)", "WebFetch"], "--disallowedTools"),
                FlagValue("disallowed_tools", ["WebFetch"], "--disallowedTools"),
            ],
        ),
        (["--tools", ""], [FlagValue("tools", [], "--tools")]),
        (["--tools", "default"], []),
        (["--tools", "Read,Grep"], [FlagValue("tools", ["Read", "Grep"], "--tools")]),
        (["--json-schema", '{"type": "object"}'], [FlagValue("json_schema", '{"type": "object"}', "--json-schema")]),
    ],
)
def test_flags_give_settings_their_values(words: list[str], expected: Sequence[FlagValue]) -> None:
    assert flag_values(parse(*words)) == expected


def test_a_prompt_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "p.md").write_text("Be brief.")

    values = flag_values(parse("--append-system-prompt-file", str(tmp_path / "p.md")))

    assert values == [FlagValue("append_system_prompt", "Be brief.", "--append-system-prompt-file")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], Opening()),
        (["-c"], Opening("continue")),
        (["-c", "--fork-session"], Opening("continue", fork=True)),
        (["-r", "abc", "--no-session-persistence"], Opening("resume", "abc", persist=False)),
        (["-r"], Opening("resume")),
        (
            ["--session-id", "11111111111141118111111111111111"],
            Opening(new_id="11111111-1111-4111-8111-111111111111"),
        ),
    ],
)
def test_flags_say_which_session_to_open(words: list[str], expected: Opening) -> None:
    assert opening(parse(*words)) == expected


def test_a_prompt_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(UserError, match="not UTF-8"):
        prompt_of(parse("caf\udce9"))


def test_the_table_knows_the_modes_of_the_protocol() -> None:
    assert PERMISSION_MODES == MODES


def test_the_help_names_every_flag_and_subcommand_and_fits_a_terminal() -> None:
    text = main_help()

    assert [flag.names[0] for flag in FLAGS if flag.group and flag.names[0] not in text] == []
    assert [name for name in SUBCOMMANDS if f"  {name} " not in text] == []
    assert max(map(len, text.splitlines())) <= 120
    assert all(subcommand_help(command).startswith(f"plait {name}") for name, command in SUBCOMMANDS.items())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_programs_of_their_shell(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "plait"
    script.write_text(completion(shell))
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"needs {shell}")

    subprocess.run([program, "-n", str(script)], check=True, timeout=10)


def test_bash_completes_flags_values_and_subcommands(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    script = tmp_path / "plait"
    script.write_text(completion("bash"))

    def complete(*words: str) -> list[str]:
        line = " ".join(f"'{word}'" for word in words)
        source = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _plait; echo ${{COMPREPLY[@]}}"
        ran = subprocess.run([bash, "-c", source], capture_output=True, text=True, timeout=10, check=True)
        return ran.stdout.split()

    assert complete("plait", "--output-f") == ["--output-format"]
    assert complete("plait", "--output-format", "") == ["text", "json", "stream-json"]
    assert complete("plait", "sess") == ["sessions"]
    assert complete("plait", "sessions", "re") == ["rename"]


def test_an_empty_prompt_of_instructions_changes_nothing(in_process: Callable[..., tuple[int, str, str]]) -> None:
    plain = in_process("config", "system_prompt")

    assert in_process("config", "system_prompt", "--system-prompt", "", "--append-system-prompt", " ") == plain
    assert plain[0] == 0


def test_flags_of_the_dialect_without_meaning_are_taken_with_their_values_and_told_in_the_log(plait: Program) -> None:
    (plait.project / "a.py").write_text("def needle() -> None: ...\n")
    log = plait.project / "log"
    values = [word for name in IDLE_WITH_VALUE for word in (name, "x")]

    ran = plait("-p", *IDLE, *values, "--setting-sources=", "Where is needle?", f"--debug={log}")

    assert (ran.returncode, ran.stderr) == (0, "")
    lines = map(json.loads, log.read_text().splitlines())
    told = {line["flag"] for line in lines if line["message"].startswith("flag ignored")}
    assert told == {*IDLE, *IDLE_WITH_VALUE}


@pytest.mark.parametrize("flag", ["--plugin-dir", "--agents", "--session-mirror", "--resume-session-at"])
def test_flags_for_what_is_not_there_yet_fail_at_once(plait: Program, flag: str) -> None:
    ran = plait("-p", flag, "x", "hi")

    assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1)
    assert f"`{flag}`" in ran.stderr
