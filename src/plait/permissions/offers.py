"""Spell the rules that would cover a call, narrowest first. Pure.

An offer is as narrow as the call: the very command, then the same program and sub-command on its directory; the very
file, then its directory. Programs that run whatever they are given are offered as spelled, never with a wildcard.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from plait.permissions.command_rules import is_plain
from plait.protocol.calls import Args
from plait.protocol.effects import CommandPart, Effects, Mode

MODES = {"edit": Mode.WRITE, "read": Mode.READ, "list": Mode.READ, "glob": Mode.READ, "search": Mode.READ}
# A wildcard after one of these would allow anything, or the loss of anything.
NEVER_WIDENED = frozenset(
    (
        ".", "at", "awk", "aws", "az", "bash", "builtin", "bun", "bunx", "chgrp", "chmod", "chown", "chroot",
        "command", "cp", "crontab", "curl", "dash", "dd", "deno", "doas", "docker", "emacs", "env", "eval",
        "exec", "fd", "find", "fish", "gawk", "gcloud", "gdb", "gh", "helm", "install", "kill", "killall",
        "ksh", "kubectl", "less", "ln", "lua", "make", "man", "mawk", "mongosh", "more", "mv", "mysql", "nc",
        "ncat", "nice", "node", "nodejs", "nohup", "npx", "nsenter", "nvim", "parallel", "perl", "php", "pipx",
        "pkill", "pnpx", "podman", "psql", "pypy", "python", "python2", "python3", "redis-cli", "rm", "rmdir",
        "rsync", "ruby", "scp", "screen", "sed", "sh", "socat", "source", "sqlite3", "ssh", "strace", "su",
        "sudo", "systemctl", "tar", "tee", "terraform", "time", "timeout", "tmux", "unshare", "uvx", "vi",
        "vim", "watch", "wget", "xargs", "zsh",
    )
)  # fmt: skip
# Programs whose first word says what they do, so that the rule must keep it.
WITH_SUBCOMMANDS = frozenset(
    (
        "apt", "apt-get", "bazel", "brew", "bundle", "cabal", "cargo", "cmake", "composer", "conda", "dart",
        "dotnet", "flutter", "gem", "git", "go", "gradle", "hatch", "hg", "jj", "just", "mix", "mvn", "nox",
        "npm", "pdm", "pip", "pip3", "pnpm", "poetry", "rake", "ruff", "rustup", "sbt", "stack", "svn", "swift",
        "task", "tox", "uv", "yarn",
    )
)  # fmt: skip
# After `run` and the like comes the name of a script, which belongs to the rule too.
RUNNING_SUBCOMMANDS = frozenset(("exec", "run", "run-script", "tool", "x"))
LONGEST = 300


def narrow_patterns(name: str, args: Args, effects: Effects, roots: tuple[Path, ...]) -> list[str]:
    """Return rule texts that would cover the call, narrowest first, at most three."""
    if name == "shell":
        return list(_for_command(args, effects))
    if name == "web_fetch":
        hosts = sorted(set(effects.network))
        return [f"web_fetch(domain:{hosts[0]})"] if len(hosts) == 1 and hosts[0] != "*" else []
    if name in MODES:
        paths = sorted({access.path for access in effects.accesses if access.mode is MODES[name]})
        trees = any(access.tree for access in effects.accesses)
        return list(_for_paths(name, paths, roots, trees=trees)) if not effects.unknown else []
    return [name] if not effects.unknown else []


def _for_paths(name: str, paths: list[str], roots: tuple[Path, ...], *, trees: bool) -> Iterator[str]:
    if not paths or any(set(path) & set("*?[]()\n") for path in paths):
        return
    if len(paths) == 1 and not trees:
        yield f"{name}({_spelled(PurePosixPath(paths[0]), roots)})"
    folders = [PurePosixPath(path) if trees else PurePosixPath(path).parent for path in paths]
    common = folders[0]
    while not all(common == folder or common in folder.parents for folder in folders):
        common = common.parent
    spelled = _spelled(common, roots)
    if spelled == "/":
        yield f"{name}(/**)"
    elif common != PurePosixPath("/"):
        yield f"{name}({spelled}/**)"


def _spelled(path: PurePosixPath, roots: tuple[Path, ...]) -> str:
    """A path as a pattern: from its root if it lies in one (`/` for the root itself), else absolute with `//`."""
    for root in roots:
        top = PurePosixPath(root.as_posix())
        if path == top:
            return "/"
        if top in path.parents:
            relative = path.relative_to(top).as_posix()
            return relative if "/" in relative else f"/{relative}"
    return "/" + path.as_posix()


def _for_command(args: Args, effects: Effects) -> Iterator[str]:
    command = args.get("command")
    if not isinstance(command, str):
        return
    command = command.strip()
    # A star in the command would be read as the pattern's own.
    if len(command) <= LONGEST and not set(command) & set("*\n"):
        yield f"shell({command})"
    asking = [part for part in _leaves(effects.parts) if not part.read_only]
    if len(asking) != 1 or effects.credentials or any(redirect.writes for redirect in asking[0].redirects):
        return
    yield from (f"shell({wider})" for wider in _wider(asking[0]))


def _leaves(parts: tuple[CommandPart, ...]) -> Iterator[CommandPart]:
    for part in parts:
        if part.runs:
            yield from _leaves(part.runs)
        else:
            yield part


def _wider(part: CommandPart) -> Iterator[str]:
    """The same program on the same directory (`pytest tests/*`), then with any arguments (`pytest *`)."""
    argv = part.argv
    if not argv or part.env or "/" in argv[0] or argv[0] in NEVER_WIDENED or not is_plain(argv[0]):
        return
    kept = 1
    if argv[0] in WITH_SUBCOMMANDS:
        if len(argv) < 2 or argv[1].startswith("-") or not is_plain(argv[1]):
            return
        kept = 3 if argv[1] in RUNNING_SUBCOMMANDS and len(argv) > 2 else 2
        if any(word.startswith("-") or not is_plain(word) for word in argv[:kept]):
            return
    head = [shlex.quote(word) for word in argv[:kept]]
    last = argv[-1]
    if len(argv) > kept and part.literal and "/" in last.strip("/") and not last.startswith(("/", "-", "~", ".")):
        between = [shlex.quote(word) for word in argv[kept:-1]]
        folder = last.rstrip("/").rsplit("/", 1)[0]
        if is_plain(folder) and ".." not in folder.split("/") and " " not in folder:
            yield " ".join([*head, *between, f"{folder}/*"])
    yield " ".join([*head, "*"])
