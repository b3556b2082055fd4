"""Spell the rules that would cover a call: first the one a careful user would want, then the others. Pure.

An offer keeps what the call is about: the program, its sub-command, the directory. A wildcard is offered only behind
programs that are known to check, test, build or format, so that it covers no code given in a line; everything else is
offered as it is spelled. What an offer may not cover at all (danger, what is protected) is the policy's.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from plait.permissions.command_rules import is_plain
from plait.permissions.idle_options import RUNNERS, needed_words
from plait.protocol.calls import Args
from plait.protocol.effects import CommandPart, Effects, Mode

MODES = {"edit": Mode.WRITE, "read": Mode.READ, "list": Mode.READ, "glob": Mode.READ, "search": Mode.READ}
# They work on what lies in the workspace, whatever arguments they are given; a line can give them no program.
TOOLS = frozenset(
    (
        "autopep8", "bandit", "biome", "black", "clang-format", "codespell", "ctest", "dart", "djlint", "eslint",
        "flake8", "gofmt", "goimports", "golangci-lint", "hadolint", "isort", "jest", "ktlint", "markdownlint",
        "mocha", "mypy", "oxlint", "phpstan", "phpunit", "prettier", "pycodestyle", "pydocstyle", "pyflakes", "pylint",
        "pyright", "pytest", "py.test", "rspec", "rubocop", "ruff", "rustfmt", "shellcheck", "shfmt", "stylelint",
        "swiftformat", "swiftlint", "tsc", "ty", "vitest", "vulture", "yamllint", "yapf",
    )
)  # fmt: skip
# Of programs whose first word says what they do, the words that a wildcard may follow.
SUBCOMMANDS: dict[str, frozenset[str]] = {
    "bazel": frozenset(("build", "test")),
    "cargo": frozenset(("bench", "build", "check", "clippy", "doc", "fmt", "nextest", "test")),
    "cmake": frozenset(("--build",)),
    "dart": frozenset(("analyze", "format", "test")),
    "dotnet": frozenset(("build", "format", "test")),
    "flutter": frozenset(("analyze", "test")),
    "git": frozenset(("add", "commit", "fetch", "mv")),
    "go": frozenset(("build", "fmt", "test", "vet")),
    "gradle": frozenset(("build", "check", "test")),
    "mix": frozenset(("compile", "format", "test")),
    "mvn": frozenset(("compile", "test", "verify")),
    "npm": frozenset(("test",)),
    "pnpm": frozenset(("test",)),
    "ruff": frozenset(("check", "format")),
    "swift": frozenset(("build", "test")),
    "yarn": frozenset(("test",)),
}
# They make or touch what they name: offered for a directory, never for anything at all.
ON_DIRECTORIES = frozenset(("mkdir", "touch"))
LONGEST = 300
MOST_PARTS = 4


def narrow_patterns(name: str, args: Args, effects: Effects, roots: tuple[Path, ...]) -> list[str]:
    """Return rule texts that would cover the call, the best first, at most three."""
    if name == "shell":
        return list(dict.fromkeys(_for_command(args, effects)))[:3]
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
    one = [f"{name}({_spelled(PurePosixPath(paths[0]), roots)})"] if len(paths) == 1 and not trees else []
    folders = [PurePosixPath(path) if trees else PurePosixPath(path).parent for path in paths]
    common = folders[0]
    while not all(common == folder or common in folder.parents for folder in folders):
        common = common.parent
    spelled = _spelled(common, roots)
    if spelled == "/":
        # All of the workspace is more than one file of its top asks for.
        yield from (*one, f"{name}(/**)")
    elif spelled.startswith("//"):
        yield from one
        if len(common.parts) > 2:
            yield f"{name}({spelled}/**)"
    else:
        yield from (f"{name}({spelled.lstrip('/')}/**)", *one)


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
    exact = [f"shell({command})"] if len(command) <= LONGEST and not set(command) & set("*\n") else []
    asking = [part for part in _leaves(effects.parts) if not part.read_only]
    wider = [list(_wider(part)) for part in asking]
    if effects.credentials or not wider or not all(wider):
        yield from exact
    elif len(wider) == 1:
        # A line that means nothing by its arguments will come again as it is; a message or a name will not.
        yield from exact if _comes_again(asking[0].argv) else ()
        yield from (f"shell({pattern})" for pattern in wider[0])
        yield from exact
    elif len(asking) <= MOST_PARTS:
        yield f"shell({' && '.join(dict.fromkeys(patterns[0] for patterns in wider))})"
        yield from exact
    else:
        yield from exact


def _leaves(parts: tuple[CommandPart, ...]) -> Iterator[CommandPart]:
    for part in parts:
        if part.runs:
            yield from _leaves(part.runs)
        else:
            yield part


def _comes_again(argv: tuple[str, ...]) -> bool:
    """True if the line has options and names of sub-commands only."""
    return argv[0] != "git" and all(word.startswith("-") or word in ALL_SUBCOMMANDS or word in TOOLS for word in argv)


ALL_SUBCOMMANDS = frozenset(("run", "exec")).union(*SUBCOMMANDS.values(), *RUNNERS)


def _wider(part: CommandPart) -> Iterator[str]:
    """The same program on the same directory (`pytest tests/*`), then with any arguments (`pytest *`)."""
    argv = needed_words(part.argv)
    if not argv or part.env or not is_plain(argv[0]) or any(redirect.writes for redirect in part.redirects):
        return
    kept = _kept(argv)
    if kept == 0 and argv[0] not in ON_DIRECTORIES:
        return
    head = [shlex.quote(word) for word in argv[: kept or 1]]
    folders = [_folder(word) for word in argv[max(1, kept) :] if not word.startswith("-")]
    options = [word for word in argv[max(1, kept) :] if word.startswith("-")]
    flags = options if argv[0] in ON_DIRECTORIES else []
    if part.literal and folders and len(set(folders)) == 1 and folders[0] and options == flags:
        yield " ".join([*head, *flags, f"{folders[0]}/*"])
    if kept:
        yield " ".join([*head, "*"])


def _kept(argv: tuple[str, ...]) -> int:
    """How many words from the first say what is run; 0 if no wildcard may follow them."""
    if len(argv) > 2 and argv[:2] in RUNNERS:
        inner = _kept(argv[2:])
        return inner + 2 if inner else 0
    if argv[0] in SUBCOMMANDS:
        return 2 if len(argv) > 1 and argv[1] in SUBCOMMANDS[argv[0]] else 0
    return 1 if argv[0] in TOOLS else 0


def _folder(word: str) -> str:
    """The directory that a path lies in, as a pattern may hold it; empty if it is none, or lies elsewhere."""
    path = word.split("::", 1)[0].rstrip("/")
    if "/" not in path or path.startswith(("/", "~", ".")) or not is_plain(path) or ".." in path.split("/"):
        return ""
    folder = path.rsplit("/", 1)[0]
    return "" if any(char.isspace() for char in folder) else folder
