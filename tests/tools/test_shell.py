import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.tools.contract import Reports, assert_contract, assert_described, make_context, run

from plait.effects.shell import command_effects
from plait.host.paths import Workspace
from plait.host.sandbox import Sandboxing
from plait.protocol.calls import CommandDetail, CommandPreview
from plait.protocol.effects import Effects
from plait.protocol.errors import ToolRefused
from plait.protocol.events import BackgroundEnded, BackgroundStarted, Event
from plait.tools.background import Background, BackgroundCommands
from plait.tools.base import Deadlines, ToolContext, ToolOutput
from plait.tools.shell import Shell, ShellArgs


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path)


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
async def commands(events: list[Event]) -> AsyncIterator[BackgroundCommands]:
    commands = BackgroundCommands(events.append)
    yield commands
    await commands.close()


@pytest.fixture
def shell(commands: BackgroundCommands) -> Shell:
    return Shell(command_effects, commands)


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.005)


def with_effects(context: ToolContext, effects: Effects) -> ToolContext:
    return ToolContext(context.key, context.workspace, context.report, context.run_parts, effects=effects)


async def test_the_model_is_told_of_them(shell: Shell, commands: BackgroundCommands) -> None:
    assert_described(shell)
    assert_described(Background(commands))


async def test_a_command_returns_both_streams_and_its_exit_code(shell: Shell, workspace: Workspace) -> None:
    output = await assert_contract(shell, {"command": "echo out; echo err >&2; (exit 3)"}, workspace)

    assert output == ToolOutput(
        "out\nerr\n[exit code 3]", CommandDetail("echo out; echo err >&2; (exit 3)", 3, "out\nerr\n", output_bytes=8)
    )


async def test_output_keeps_its_budget_by_head_and_tail(shell: Shell, workspace: Workspace) -> None:
    output = await assert_contract(shell, {"command": "seq 1 100000"}, workspace, budget=500)

    assert output is not None
    assert output.text.startswith("1\n2\n")
    assert output.text.endswith("99999\n100000\n[exit code 0]")


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("true", "(no output)\n[exit code 0]"),
        (r"printf '\033[31mred\033[0m \033]0;title\007end\n'", "red end\n[exit code 0]"),
        (r"printf '10%%\r50%%\r100%%\n'", "100%\n[exit code 0]"),
        (r"printf 'a\r\nb\r\n'", "a\nb\n[exit code 0]"),
        (r"printf 'caf\351 au lait\n'", "caf\ufffd au lait\n[exit code 0]"),
        ("head -c 3000 /dev/zero", "(binary output, 3.0 kB)\n[exit code 0]"),
        ("kill -SEGV $$", "(no output)\n[ended by SIGSEGV]"),
        ("absent-command", "bash: line 1: absent-command: command not found\n[exit code 127]"),
        ("cat; read line || echo nothing to read", "nothing to read\n[exit code 0]"),
        ("tty; cat /dev/tty", None),
    ],
)
async def test_output_is_told_legibly(shell: Shell, workspace: Workspace, command: str, text: str | None) -> None:
    said = (await run(shell, {"command": command}, workspace)).text

    if text is None:
        assert said.startswith("not a tty\n")
        assert "[exit code 1]" in said
    else:
        assert said == text


async def test_the_commands_environment_asks_nobody_and_draws_nothing(
    shell: Shell, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_up = workspace.cwd / "start-up"
    start_up.write_text("echo from BASH_ENV\n")
    monkeypatch.setenv("BASH_ENV", str(start_up))
    monkeypatch.setenv("MINE", "kept")

    said = (await run(shell, {"command": 'echo "$MINE $TERM $PAGER $GIT_TERMINAL_PROMPT"'}, workspace)).text

    assert said == "kept dumb cat 0\n[exit code 0]"


async def test_output_is_streamed_while_it_runs(shell: Shell, workspace: Workspace) -> None:
    context = make_context(workspace)
    reports = context.report
    assert isinstance(reports, Reports)
    args = msgspec.convert({"command": "echo first; while [ ! -e go ]; do sleep 0.01; done; echo last"}, ShellArgs)

    running = asyncio.create_task(shell.run(args, context))
    await until(lambda: reports.output == "first\n")
    (workspace.cwd / "go").touch()
    await running

    assert reports.output == "first\nlast\n"


async def test_a_flood_is_not_passed_on_whole(shell: Shell, workspace: Workspace) -> None:
    context = make_context(workspace)
    args = msgspec.convert({"command": "head -c 50000000 /dev/zero | tr '\\0' x"}, ShellArgs)

    output = await shell.run(args, context)

    assert isinstance(context.report, Reports)
    assert len(context.report.output) < 5_000_000
    assert isinstance(output.detail, CommandDetail)
    assert output.detail.output_bytes == 50_000_000
    assert len(output.text) <= 30_000


async def test_a_deadline_ends_everything_and_keeps_the_output(shell: Shell, workspace: Workspace) -> None:
    command = "echo begun; setsid sleep 300 & echo $! >pid; trap '' TERM; while :; do sleep 300; done"
    args = msgspec.convert({"command": command, "deadline_s": 0.2}, ShellArgs)

    deadline_s = shell.deadline_s(args, Deadlines())
    async with asyncio.timeout(deadline_s) as deadline:
        output = await shell.run(args, make_context(workspace, deadline_s=deadline_s))

    assert deadline.expired()
    assert output.text.startswith("begun\n[stopped after 0.")
    assert "everything it had started; `deadline_s` may be up to 600]" in output.text
    assert not alive(int((workspace.cwd / "pid").read_text()))


async def test_a_cancelled_command_returns_what_it_had_written(shell: Shell, workspace: Workspace) -> None:
    args = msgspec.convert({"command": "echo begun; sleep 300 & echo $! >pid; wait"}, ShellArgs)

    running = asyncio.create_task(shell.run(args, make_context(workspace)))
    await until(lambda: (workspace.cwd / "pid").exists() and (workspace.cwd / "pid").read_text() != "")
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    output = await running

    assert output.text.startswith("begun\n[stopped after ")
    assert not alive(int((workspace.cwd / "pid").read_text()))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


async def test_what_is_left_running_is_ended_and_named(shell: Shell, workspace: Workspace) -> None:
    said = (await run(shell, {"command": "sleep 300 & echo $!"}, workspace)).text

    pid, _, notes = said.partition("\n")
    assert notes == (
        "[exit code 0]\n[ended with it, since it was left running: `sleep 300`; use `background` for what must go on]"
    )
    assert not alive(int(pid))


async def test_a_daemon_goes_on_and_is_named_if_it_holds_the_output(shell: Shell, workspace: Workspace) -> None:
    quiet = (await run(shell, {"command": "setsid sleep 300 >/dev/null 2>&1 & sleep 0.05; echo $!"}, workspace)).text
    holding = (await run(shell, {"command": "setsid sleep 300 & sleep 0.05; echo $!"}, workspace)).text

    quiet_pid, holding_pid = (int(text.partition("\n")[0]) for text in (quiet, holding))
    try:
        assert alive(quiet_pid)
        assert alive(holding_pid)
        assert holding.endswith("[exit code 0]\n[goes on in a session of its own: `sleep 300`]")
    finally:
        os.kill(quiet_pid, 9)
        os.kill(holding_pid, 9)


async def test_a_command_runs_in_a_directory_of_the_workspace(shell: Shell, workspace: Workspace) -> None:
    (workspace.cwd / "sub").mkdir()
    (workspace.cwd / "file").touch()
    (workspace.cwd / "out").symlink_to("/")

    assert (await run(shell, {"command": "pwd", "cwd": "sub"}, workspace)).text.startswith(f"{workspace.cwd}/sub\n")
    for cwd, said in (
        ("..", "outside"),
        ("out", "outside"),
        ("/", "outside"),
        ("file", "not a directory"),
        ("no", "not a"),
    ):
        with pytest.raises(ToolRefused, match=said):
            shell.effects(ShellArgs(command="pwd", cwd=cwd), workspace)


async def test_the_preview_says_what_runs_where_and_why_it_asks(shell: Shell, workspace: Workspace) -> None:
    args = ShellArgs(command="make")
    effects = shell.effects(args, workspace)

    assert shell.preview(args, workspace, effects) == CommandPreview("make", ".", effects.reason)


@pytest.mark.parametrize(
    "command",
    ["\ud800", "echo a\0b"],
)
async def test_a_command_that_cannot_be_passed_on_is_refused(shell: Shell, workspace: Workspace, command: str) -> None:
    with pytest.raises(ToolRefused, match="could not be started"):
        await shell.run(ShellArgs(command=command), with_effects(make_context(workspace), Effects(unknown=True)))


async def test_a_vanished_directory_is_said(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    workspace = Workspace.at(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    with pytest.raises(ToolRefused, match="does not exist"):
        await run(shell, {"command": "pwd"}, workspace)


# --- reading commands ----------------------------------------------------------------------------------------------


async def test_a_reading_command_finds_no_program_in_the_workspace(
    shell: Shell, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ls", "git"):
        fake = workspace.cwd / "bin" / name
        fake.parent.mkdir(exist_ok=True)
        fake.write_text("#!/bin/sh\necho fake\n")
        fake.chmod(0o755)
    (workspace.cwd / "README").touch()
    monkeypatch.setenv("PATH", f"{workspace.cwd}/bin:bin:.:{os.environ['PATH']}")
    monkeypatch.setenv("BASH_FUNC_ls%%", "() { echo function; }")
    args = ShellArgs(command="ls R*")
    assert shell.effects(args, workspace).read_only

    said = (await shell.run(args, make_context(workspace))).text

    assert said == "README\n[exit code 0]"


@pytest.fixture
def trapped(workspace: Workspace) -> Callable[[str], Path]:
    """Make the workspace a repository whose setting is a program; what it touches tells that it ran."""
    root = workspace.cwd / "repository"
    canary, trap = workspace.cwd / "canary", workspace.cwd / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {canary}\n")
    trap.chmod(0o755)

    def git(*argv: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *argv], cwd=root, check=True)

    def make(setting: str) -> Path:
        root.mkdir()
        git("init", "-q")
        (root / ".gitattributes").write_text("* diff=trap filter=trap\n")
        (root / "a").write_text("1\n")
        git("add", ".")
        git("commit", "-qm", "one")
        (root / "a").write_text("2\n")
        if setting == "hook":
            (root / ".git/hooks").mkdir(exist_ok=True)
            (root / ".git/hooks/post-index-change").symlink_to(trap)
        else:
            git("config", setting, str(trap))
        return canary

    return make


@pytest.mark.parametrize(
    "setting",
    ["core.fsmonitor", "diff.external", "diff.trap.textconv", "diff.trap.command", "filter.trap.clean", "hook", "x.y"],
)
async def test_reading_git_commands_run_nothing_that_a_repository_names(
    shell: Shell, workspace: Workspace, trapped: Callable[[str], Path], setting: str
) -> None:
    canary = trapped(setting)

    for command in ("git status", "git diff", "git log -p", "git show", "git blame a", "git ls-files -m", "git branch"):
        args = ShellArgs(command=command, cwd="repository")
        effects = shell.effects(args, workspace)
        if effects.read_only:
            await shell.run(args, with_effects(make_context(workspace), effects))
        assert not canary.exists(), command


@pytest.mark.parametrize("setting", ["core.fsmonitor", "hook"])
async def test_the_environment_of_reading_commands_switches_off_monitor_and_hooks(
    shell: Shell, workspace: Workspace, trapped: Callable[[str], Path], setting: str
) -> None:
    canary = trapped(setting)
    args = ShellArgs(command="git status", cwd="repository")
    asked, unasked = Effects(unknown=True), Effects(reason="reads")

    await shell.run(args, with_effects(make_context(workspace), unasked))
    assert not canary.exists()
    await shell.run(args, with_effects(make_context(workspace), asked))
    assert canary.exists()


# --- in the background ---------------------------------------------------------------------------------------------


async def background(commands: BackgroundCommands, workspace: Workspace, **args: Any) -> str:
    return (await run(Background(commands), args, workspace)).text


async def test_a_command_in_the_background_is_listed_read_and_ended(
    shell: Shell, commands: BackgroundCommands, events: list[Event], workspace: Workspace
) -> None:
    command = "echo begun; while [ ! -e go ]; do sleep 0.01; done; echo more; sleep 300"
    output = await run(shell, {"command": command, "background": True}, workspace)
    context_key = make_context(workspace).key

    assert output.text == "begun\n[goes on in the background as `b1-1`; read or end it with `background`]"
    assert isinstance(output.detail, CommandDetail)
    assert output.detail.background_id == "b1-1"
    assert await background(commands, workspace, action="list") == f"b1-1  running  {command}"
    assert await background(commands, workspace, action="read", id="b1-1") == "(no new output)\n[still running]"
    (workspace.cwd / "go").touch()
    await until(lambda: commands.infos()[0].tail == "begun\nmore\n")
    assert await background(commands, workspace, action="read", id="b1-1") == "more\n[still running]"
    assert await background(commands, workspace, action="end", id="b1-1") == "(no new output)\n[ended by SIGTERM]"
    assert not commands.infos()[0].running
    assert events == [BackgroundStarted("b1-1", context_key, command), BackgroundEnded("b1-1", None, command)]
    assert not await commands.end("b1-1")


async def test_a_running_command_is_moved_to_the_background(
    shell: Shell, commands: BackgroundCommands, workspace: Workspace
) -> None:
    moved = asyncio.Event()
    plain = make_context(workspace)
    context = ToolContext(plain.key, workspace, plain.report, plain.run_parts, to_background=moved)
    command = "echo begun; while [ ! -e go ]; do sleep 0.01; done; echo more"

    running = asyncio.create_task(shell.run(ShellArgs(command=command), context))
    reports = context.report
    assert isinstance(reports, Reports)
    await until(lambda: reports.output == "begun\n")
    moved.set()
    output = await running
    (workspace.cwd / "go").touch()

    assert "goes on in the background as `b1-1`" in output.text
    assert await background(commands, workspace, action="read", id="b1-1", wait_s=10) == "more\n[exit code 0]"
    assert reports.output == "begun\n"


async def test_a_background_command_that_fails_at_once_says_so(
    shell: Shell, commands: BackgroundCommands, workspace: Workspace
) -> None:
    output = await run(shell, {"command": "absent-command", "background": True}, workspace)

    assert output.text.endswith("[exit code 127]")
    assert commands.infos() == ()


async def test_the_end_of_the_session_ends_them_all(
    shell: Shell, commands: BackgroundCommands, events: list[Event], workspace: Workspace
) -> None:
    await run(shell, {"command": "setsid sleep 300 & echo $! >pid; exec sleep 300", "background": True}, workspace)
    pid = int((workspace.cwd / "pid").read_text())

    await commands.close()

    assert not alive(pid)
    assert [type(event) for event in events] == [BackgroundStarted, BackgroundEnded]


@pytest.mark.parametrize(
    "args", [{"action": "read"}, {"action": "end"}, {"action": "list", "id": "b1"}, {"action": "read", "id": "b9"}]
)
async def test_background_commands_that_are_not_there_are_refused(
    commands: BackgroundCommands, workspace: Workspace, args: dict[str, Any]
) -> None:
    assert await assert_contract(Background(commands), args, workspace) is None


# --- the sandbox ---------------------------------------------------------------------------------------------------


@pytest.fixture
def sandboxed(commands: BackgroundCommands, workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    own = tmp_path_factory.mktemp("own")
    sandboxing = Sandboxing("auto", workspace.roots, [own], own)
    if sandboxing.sandbox().kind != "bubblewrap":
        pytest.skip(f"bubblewrap does not work here: {sandboxing.words}")
    return Shell(command_effects, commands, sandboxing)


async def test_a_command_that_failed_in_the_sandbox_says_so_and_offers_to_run_without(
    sandboxed: Shell, workspace: Workspace
) -> None:
    output = await run(sandboxed, {"command": "touch /usr/x"}, workspace)
    other = await run(sandboxed, {"command": "false; echo x > file"}, workspace)
    missing = await run(sandboxed, {"command": "cat absent"}, workspace)

    assert "[ran in the sandbox (bubblewrap" in output.text
    assert "`outside_sandbox` asks the user to let it run once without]" in output.text
    assert other.text == "(no output)\n[exit code 0]"
    assert "sandbox" not in missing.text


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="plait-test-", dir="/var/tmp") as directory:
        monkeypatch.setenv("HOME", directory)
        Path(directory, "notes").write_text("notes")
        yield Path(directory)


LOOKS_AT_HOME = "python3 -c 'import os; print(open(os.path.expanduser(chr(126) + \"/notes\")).read())'"


async def test_a_hidden_place_is_named_to_the_model_and_to_the_user(
    home: Path, sandboxed: Shell, workspace: Workspace
) -> None:
    output = await run(sandboxed, {"command": LOOKS_AT_HOME}, workspace)

    assert isinstance(output.detail, CommandDetail)
    assert output.detail.note.startswith("the sandbox hides `~/notes` from a command that runs without a question: ")
    assert output.text.endswith(f"[exit code 1]\n[{output.detail.note}]")


async def test_a_command_that_the_user_was_asked_about_sees_the_home_directory(
    home: Path, sandboxed: Shell, workspace: Workspace
) -> None:
    plain = make_context(workspace)
    asked = ToolContext(plain.key, workspace, plain.report, plain.run_parts, asked=True)

    assert (await sandboxed.run(ShellArgs(command=LOOKS_AT_HOME), asked)).text == "notes\n[exit code 0]"


async def test_running_outside_of_the_sandbox_is_asked_about_as_what_no_rule_covers(
    sandboxed: Shell, shell: Shell, workspace: Workspace
) -> None:
    args = ShellArgs(command="ls", outside_sandbox=True)

    assert sandboxed.effects(args, workspace).danger == "runs outside of the sandbox: only reads"
    assert shell.effects(args, workspace).danger is None


async def test_what_the_user_typed_and_what_was_let_out_runs_outside(sandboxed: Shell, workspace: Workspace) -> None:
    where = "readlink /proc/self/ns/pid"
    own = os.readlink("/proc/self/ns/pid")
    plain = make_context(workspace)
    typed = ToolContext(plain.key, workspace, plain.report, plain.run_parts, by_user=True)

    assert own not in (await run(sandboxed, {"command": where}, workspace)).text
    assert own in (await run(sandboxed, {"command": where, "outside_sandbox": True}, workspace)).text
    assert own in (await sandboxed.run(ShellArgs(command=where), typed)).text


async def test_where_a_sandbox_is_required_nothing_runs_outside(sandboxed: Shell, workspace: Workspace) -> None:
    required = Sandboxing("require", workspace.roots, [workspace.cwd], workspace.cwd / "cache")
    shell = Shell(command_effects, BackgroundCommands(lambda event: None), required)

    with pytest.raises(ToolRefused, match="so none runs outside of the sandbox"):
        await run(shell, {"command": "true", "outside_sandbox": True}, workspace)


async def test_a_server_in_the_sandbox_is_said_to_be_out_of_reach(sandboxed: Shell, workspace: Workspace) -> None:
    output = await run(sandboxed, {"command": "sleep 60", "background": True}, workspace)

    assert "nothing else reaches the ports that it opens" in output.text
