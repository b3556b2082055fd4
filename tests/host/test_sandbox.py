"""What a command can do in the sandbox that this machine has, each tried for real."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plait.effects.shell import command_effects
from plait.host.commands import start_shell
from plait.host.limits import Limits
from plait.host.paths import Workspace
from plait.host.process import ProcessEnd
from plait.host.sandbox import Sandbox, Sandboxing
from plait.host.sandbox_grants import NOTHING, Grants, grants_of
from plait.protocol.effects import Access, CommandPart, Effects, Mode
from plait.protocol.errors import ToolRefused

SECRET = "the-canary-of-this-test"


class Place:
    """A home directory, a workspace in it, and Plait's own directories, none of them below `/tmp`."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = top / "home"
        self.root = self.home / "work"
        self.own = self.home / ".config" / "plait"
        self.cache = self.home / ".cache" / "plait"
        for directory in (self.root, self.own, self.cache, self.home / ".ssh"):
            directory.mkdir(parents=True)
        (self.home / ".ssh" / "id_ed25519").write_text(SECRET)
        (self.home / ".netrc").write_text(SECRET)
        (self.home / ".bashrc").write_text("# mine\n")
        (self.own / "settings.toml").write_text("")
        monkeypatch.setenv("HOME", str(self.home))
        self._sandboxings: list[Sandboxing] = []

    def sandbox(self, *roots: Path) -> Sandbox:
        sandboxing = Sandboxing("auto", roots or (self.root,), (self.own, self.cache), self.cache)
        self._sandboxings.append(sandboxing)
        sandbox = sandboxing.sandbox()
        if sandbox.kind != "bubblewrap":
            pytest.skip(f"bubblewrap does not work here: {sandbox.words}")
        return sandbox

    def close(self) -> None:
        for sandboxing in self._sandboxings:
            sandboxing.close()

    async def run(
        self, command: str, *, grants: Grants = NOTHING, cwd: Path | None = None, root: Path | None = None
    ) -> ProcessEnd:
        sandbox = self.sandbox(root or self.root)
        process = await start_shell(command, cwd=cwd or root or self.root, sandbox=sandbox, grants=grants)
        async with asyncio.timeout(20):
            return await process.wait()

    async def says(
        self, command: str, *, grants: Grants = NOTHING, cwd: Path | None = None, root: Path | None = None
    ) -> str:
        return (await self.run(command, grants=grants, cwd=cwd, root=root)).stdout.decode("utf-8", "replace")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, outside_tmp: Path) -> Iterator[Place]:
    place = Place(outside_tmp, monkeypatch)
    yield place
    place.close()


@pytest.fixture
def outside_tmp() -> Iterator[Path]:
    # The sandbox has a `/tmp` of its own, so what is tried must not lie there anyway.
    directory = Path(tempfile.mkdtemp(prefix="plait-test-", dir="/var/tmp"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def git_init(root: Path) -> None:
    subprocess.run(["git", "init", "-q", str(root)], check=True, env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull})


def git_worktree(root: Path, tree: Path) -> None:
    subprocess.run(["git", "worktree", "add", "-q", str(tree)], cwd=root, check=True, capture_output=True)


def exists(path: str | Path) -> bool:
    return os.path.lexists(path)


@pytest.mark.parametrize(
    "command",
    [
        "echo x > {home}/outside",
        "echo x > /usr/outside",
        "ln -s {home} link; echo x > link/outside",
        "echo x > /proc/self/root{home}/outside",
        "echo x > /proc/1/root{home}/outside",
        "echo x > {own}/settings.toml",
        "rm -rf {own}/settings.toml; test -e {own}/settings.toml && false",
        "echo x >> {home}/.bashrc",
        "mkdir {home}/.ssh/x && touch {home}/.ssh/x/y",
        "chmod 777 {home}/.bashrc",
        "touch -d 2001-01-01 {home}/.bashrc",
        "mv {home}/.bashrc {root}/",
        "mount -o remount,rw / || mount --bind {root} {home}",
        "unshare -Urm sh -c 'mount -o remount,rw {home}; echo x > {home}/outside'",
        "python3 -c \"import os; os.setuid(0); os.setgroups([0]); open('{home}/outside', 'w')\"",
        "su -c true </dev/null || sudo -n true",
        "umount {home}/.ssh; cat {home}/.ssh/id_ed25519",
    ],
)
async def test_nothing_outside_the_workspace_is_written(place: Place, command: str) -> None:
    before = sorted(str(path) for path in place.home.rglob("*") if ".cache" not in str(path))
    modes = (place.home / ".bashrc").stat()

    end = await place.run(command.format(home=place.home, own=place.own, root=place.root))

    assert end.exit_code != 0, end.stdout
    after = (place.home / ".bashrc").stat()
    assert (after.st_mode, after.st_mtime_ns) == (modes.st_mode, modes.st_mtime_ns)
    assert (place.home / ".bashrc").read_text() == "# mine\n"
    assert (place.own / "settings.toml").read_text() == ""
    left = sorted(str(path) for path in place.home.rglob("*") if ".cache" not in str(path))
    assert [path for path in left if "/work/" not in path] == [path for path in before if "/work/" not in path]


@pytest.mark.parametrize(
    "command",
    [
        "cat {home}/.ssh/id_ed25519",
        "cat {home}/.netrc",
        "cat /proc/self/root{home}/.ssh/id_ed25519",
        "grep -r canary {home}/.ssh {home}/.netrc {own}",
        "env; cat /proc/*/environ | tr '\\0' '\\n'",
        "echo $MY_API_KEY $DATABASE",
    ],
)
async def test_no_secret_is_seen(place: Place, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", SECRET)
    monkeypatch.setenv("DATABASE", f"postgres://me:{SECRET}@db/x")
    (place.own / "credentials.toml").write_text(SECRET)

    assert SECRET not in await place.says(command.format(home=place.home, own=place.own))


async def test_what_was_approved_by_name_is_seen_and_nothing_beside_it(place: Place) -> None:
    key = str(place.home / ".ssh" / "id_ed25519")
    (place.home / ".ssh" / "other").write_text("other secret")

    said = await place.says(f"cat {key}; cat {place.home}/.ssh/other", grants=Grants(reads=(key,)))

    assert SECRET in said
    assert "other secret" not in said


async def test_neither_tcp_nor_udp_nor_abstract_nor_named_sockets_lead_out(place: Place) -> None:
    with contextlib.ExitStack() as opened:
        tcp = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        abstract = opened.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0plait-test-{os.getpid()}")
        abstract.listen()
        named = opened.enter_context(socket.socket(socket.AF_UNIX))
        path = str(place.home / "agent.sock")
        named.bind(path)
        named.listen()
        program = f"""
import socket
def tried(what, act):
    try:
        act()
        print(what, "came through")
    except OSError as error:
        print(what, "refused")
tried("tcp", lambda: socket.create_connection(("127.0.0.1", {tcp.getsockname()[1]}), 2))
tried("outside", lambda: socket.create_connection(("192.0.2.1", 80), 2))
tried("abstract", lambda: socket.socket(socket.AF_UNIX).connect("\\0plait-test-{os.getpid()}"))
tried("named", lambda: socket.socket(socket.AF_UNIX).connect({path!r}))
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", {udp.getsockname()[1]}))
"""
        (place.root / "try.py").write_text(program)

        said = await place.says("python3 try.py")

        assert said.split("\n")[:4] == ["tcp refused", "outside refused", "abstract refused", "named refused"]
        with pytest.raises(BlockingIOError):
            udp.recv(10)


async def test_a_server_and_its_client_in_one_command_reach_each_other(place: Place) -> None:
    (place.root / "try.py").write_text(
        "import socket\ns = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(s.getsockname(), 2)\nprint('reached')\n"
    )

    assert await place.says("python3 try.py") == "reached\n"


async def test_with_the_network_approved_it_is_the_machines(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = (
            f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2); print('reached')"
        )

        said = await place.says(f'python3 -c "{connect}"', grants=Grants(network=True))

    assert said == "reached\n"


async def test_no_process_outside_is_seen_or_traced_and_none_is_left(place: Place) -> None:
    program = f"import ctypes; print(ctypes.CDLL(None).ptrace(16, {os.getpid()}, 0, 0))"

    end = await place.run(
        f"kill -0 {os.getpid()} || echo unseen; python3 -c '{program}'; cat /proc/{os.getpid()}/cmdline;"
        "(setsid nohup sleep 4242 >/dev/null 2>&1 &) ; setsid sleep 4243 & disown"
    )

    assert b"unseen" in end.stdout
    assert b"-1\n" in end.stdout
    assert sorted(end.ended) == ["sleep 4242", "sleep 4243"]
    assert not [pid for pid in numbers() if b"sleep\x00424" in command_line(pid)]


def numbers() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit()]


def command_line(pid: str) -> bytes:
    try:
        return Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return b""


async def test_nothing_can_be_typed_into_a_terminal(place: Place) -> None:
    program = """
import fcntl, glob, os, termios
for name in ["/dev/tty", *glob.glob("/dev/pts/[0-9]*"), "/proc/self/fd/0", "/proc/self/fd/1"]:
    try:
        fd = os.open(name, os.O_RDWR | os.O_NOCTTY)
        fcntl.ioctl(fd, termios.TIOCSTI, b"x")
        print("typed into", name)
    except OSError:
        pass
"""
    (place.root / "try.py").write_text(program)

    assert "typed" not in await place.says("python3 try.py")


# --- what decides what other programs run --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "echo x > .git/hooks/pre-commit",
        "echo '[core] fsmonitor = evil' >> .git/config",
        "git config core.fsmonitor evil",
        "mv .git .moved && git init -q",
        "mv .git/hooks .git/moved",
        "rm .git/config; test -e .git/config && false",
        "echo '* filter=evil' > .git/info/attributes",
        "ln -sf /tmp .git/hooks",
        "mv ../work ../moved",
    ],
)
async def test_what_git_obeys_is_not_changed(place: Place, command: str) -> None:
    git_init(place.root)
    config = (place.root / ".git" / "config").read_text()
    hooks = sorted(os.listdir(place.root / ".git" / "hooks"))

    end = await place.run(command)

    assert end.exit_code != 0
    assert (place.root / ".git" / "config").read_text() == config
    assert sorted(os.listdir(place.root / ".git" / "hooks")) == hooks
    assert not (place.root / ".git" / "info" / "attributes").exists()


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("mkdir .plait && echo x > .plait/settings.toml", ".plait"),
        ("mkdir .vscode && echo x > .vscode/tasks.json", ".vscode"),
        ("echo x > .mcp.json", ".mcp.json"),
        ("echo ../evil > .git/commondir", ".git/commondir"),
        ("mkdir -p .git/objects/info && echo x > .git/objects/info/alternates", ".git/objects/info/alternates"),
        ("mkdir sub; cd sub; mkdir ../.claude", ".claude"),
    ],
)
async def test_what_was_absent_is_absent_again_and_that_is_said(place: Place, command: str, name: str) -> None:
    git_init(place.root)

    end = await place.run(command)

    assert not exists(place.root / name)
    assert any(f"`{place.root / name}`" in note and "kept as" in note for note in end.notes)


async def test_a_command_that_gives_git_new_orders_is_ended_at_once(place: Place) -> None:
    git_init(place.root)

    end = await place.run("echo ../evil > .git/commondir; sleep 60")

    assert end.exit_code is None
    assert "ended by Plait: it made" in end.notes[0]


async def test_a_repository_that_is_made_is_left_if_it_runs_nothing_and_taken_away_if_it_does(place: Place) -> None:
    assert (await place.run("git init -q . && git remote add origin https://example.com/x")).notes == ()
    assert (place.root / ".git" / "HEAD").exists()

    other = place.home / "other"
    other.mkdir()
    end = await place.run("git init -q . && git config core.fsmonitor evil", root=other)

    assert not (other / ".git").exists()
    assert "taken away" in end.notes[0]


async def test_ordinary_work_with_git_goes_on(place: Place) -> None:
    git_init(place.root)
    who = "-c user.name=x -c user.email=x@example.com"

    end = await place.run(
        f"set -e; echo a > a; git add a; git {who} commit -qm one; git checkout -qb two; echo b >> a; git stash -q;"
        f"git stash pop -q; git {who} commit -qam two; git checkout -q -; git {who} merge -q two; git {who} tag t;"
        "git rebase -q two; git status --short; git gc -q; git log --oneline | wc -l; git branch -d two"
    )

    assert end.exit_code == 0, end.stdout
    assert end.notes == ()


async def test_a_worktrees_common_directory_is_open_and_its_orders_are_not(place: Place) -> None:
    git_init(place.root)
    who = "-c user.name=x -c user.email=x@example.com"
    await place.run(f"git {who} commit -q --allow-empty -m one")
    tree = place.home / "tree"
    git_worktree(place.root, tree)

    end = await place.run(f"git {who} commit -q --allow-empty -m two && git log --oneline | wc -l", root=tree)
    assert (end.exit_code, end.stdout.strip()) == (0, b"2")
    end = await place.run(f"echo x > {place.root}/.git/hooks/pre-commit", root=tree)
    assert end.exit_code != 0
    end = await place.run(f"echo gitdir: /elsewhere > .git || echo x > {place.root}/file", root=tree)
    assert end.exit_code != 0


async def test_a_git_file_that_points_elsewhere_opens_nothing(place: Place) -> None:
    elsewhere = place.home / "elsewhere"
    git_init(elsewhere)
    (place.root / ".git").write_text(f"gitdir: {elsewhere}/.git\n")

    end = await place.run(f"echo x > {elsewhere}/.git/objects/x")

    assert end.exit_code != 0


async def test_configuring_git_by_an_approved_command_succeeds(place: Place) -> None:
    git_init(place.root)
    workspace = Workspace.at(place.root)

    for command in ("git config user.name x", "git remote add origin https://example.com/x"):
        effects = command_effects(command, cwd=place.root, workspace=workspace)
        end = await place.run(command, grants=grants_of(effects, workspace.roots))
        assert end.exit_code == 0, end.stdout

    assert "name = x" in (place.root / ".git" / "config").read_text()


# --- odd workspaces ------------------------------------------------------------------------------------------------


async def test_a_home_directory_as_workspace_keeps_its_secrets_and_start_up_files(place: Place) -> None:
    end = await place.run(
        "echo x > file; cat .ssh/id_ed25519 .netrc; echo x >> .bashrc; mkdir .config; echo x > .config/plait/s",
        root=place.home,
    )

    assert (place.home / "file").read_text() == "x\n"
    assert SECRET.encode() not in end.stdout
    assert (place.home / ".bashrc").read_text() == "# mine\n"
    assert not (place.own / "s").exists()


async def test_a_whole_file_system_as_workspace_leaves_the_system_alone(place: Place) -> None:
    end = await place.run(f"touch /usr/x /etc/x /bin/x; echo x > {place.root}/file", root=Path("/"))

    assert end.stdout.count(b"Read-only") == 3
    assert (place.root / "file").exists()


@pytest.mark.parametrize("name", [b"with space", b"new\nline", b"not-utf8-\xff", b"quote'\"$(id)", "ü".encode()])
async def test_a_root_of_any_name_is_written(place: Place, name: bytes) -> None:
    root = place.home / os.fsdecode(name)
    root.mkdir()

    end = await place.run("echo x > file; echo y > ../out", root=root)

    assert (root / "file").exists()
    assert not (place.home / "out").exists()
    assert end.exit_code == 1


async def test_a_root_below_tmp_is_the_real_one_and_tmp_is_not(place: Place, tmp_path: Path) -> None:
    (tmp_path.parent / f"{tmp_path.name}-beside").mkdir()

    end = await place.run(
        f"echo x > file; ls {tmp_path.parent}; echo x > /tmp/of-the-command; cat /tmp/of-the-command",
        root=tmp_path,
    )

    assert (tmp_path / "file").exists()
    assert end.stdout.decode().split() == [tmp_path.name, "x"]
    assert not exists("/tmp/of-the-command")


async def test_a_directory_to_start_in_is_no_root(place: Place) -> None:
    elsewhere = place.home / "elsewhere"
    elsewhere.mkdir()

    end = await place.run("echo x > file", cwd=elsewhere)

    assert end.exit_code != 0
    assert list(elsewhere.iterdir()) == []


# --- what an approval gives ----------------------------------------------------------------------------------------


async def test_a_place_outside_that_was_approved_is_written(place: Place) -> None:
    notes = place.home / "notes.txt"
    effects = Effects(accesses=(Access(Mode.WRITE, str(notes)),), spawns=True)

    end = await place.run(f"echo x > {notes}", grants=grants_of(effects, [place.root]))

    assert (end.exit_code, notes.read_text()) == (0, "x\n")
    assert (place.home / ".bashrc").read_text() == "# mine\n"


def test_keys_are_for_their_own_program_with_the_network_and_nothing_else() -> None:
    def granted(*argvs: tuple[str, ...], network: bool = True) -> bool:
        parts = tuple(CommandPart(argv) for argv in argvs)
        effects = Effects(parts=parts, network=("*",) if network else (), unknown=True)
        return bool(grants_of(effects, [Path("/w")]).keys)

    assert granted(("git", "fetch"))
    assert not granted(("git", "log"), network=False)
    assert not granted(("git", "fetch"), ("make",))
    assert not granted(("./git", "fetch"))


# --- limits and refusals -------------------------------------------------------------------------------------------


async def test_a_tree_that_grows_too_large_is_ended_whole_and_that_is_said(place: Place) -> None:
    grow = "import os, time\nfor _ in range(200):\n  if os.fork() == 0:\n    os.setsid()\n    break\ntime.sleep(60)"
    (place.root / "grow.py").write_text(grow)
    sandbox = place.sandbox()

    process = await start_shell("python3 grow.py", cwd=place.root, sandbox=sandbox, limits=Limits(processes=50))
    async with asyncio.timeout(20):
        end = await process.wait()

    assert end.notes == ("ended by Plait: it had started more than 50 processes",)
    assert process.members() == ()


async def test_a_tree_that_takes_too_much_memory_is_ended(place: Place) -> None:
    sandbox = place.sandbox()
    command = "python3 -c \"x = b'x' * 200_000_000; input() if 0 else __import__('time').sleep(60)\""

    process = await start_shell(command, cwd=place.root, sandbox=sandbox, limits=Limits(memory_bytes=100_000_000))
    async with asyncio.timeout(20):
        end = await process.wait()

    assert "GB of memory" in end.notes[0]


async def test_a_sandbox_that_is_required_and_absent_lets_nothing_run(place: Place) -> None:
    none = replace(place.sandbox(), kind="none", words="none: `bwrap` was not found", mode="require")

    with pytest.raises(ToolRefused, match=r"`sandbox\.mode` is `require` and there is no sandbox: none: `bwrap`"):
        none.refuse(outside=False)


async def test_a_sandbox_that_cannot_be_set_up_is_not_taken_for_the_commands_end(place: Place) -> None:
    broken = replace(place.sandbox(), namespaces=("--no-such-option",))

    process = await start_shell("echo ran", cwd=place.root, sandbox=broken)

    end = await process.wait()
    assert end.never_ran
    assert b"ran\n" not in end.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
async def test_what_runs_gets_time_to_end_politely(place: Place) -> None:
    told = asyncio.Event()
    process = await start_shell(
        "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done",
        cwd=place.root,
        sandbox=place.sandbox(),
        on_output=lambda _: told.set(),
    )
    await told.wait()

    end = await process.kill(5)

    # The shell may say first that its own child was ended.
    assert end.stdout.startswith(b"ready\n")
    assert end.stdout.endswith(b"bye\n")


async def test_no_setting_of_the_kernel_can_be_opened_for_writing(place: Place) -> None:
    said = await place.says(
        "shopt -s globstar nullglob; for f in /proc/sys/{kernel,vm,fs,net}/** /proc/sysrq-trigger; do"
        ' [ -f "$f" ] && (exec 3<>"$f") 2>/dev/null && echo "$f"; done; echo looked'
    )

    assert said == "looked\n"
