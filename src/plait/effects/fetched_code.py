"""Code from the network that an installer or a runner of packages is given by address, past its registry.

A package by name is the work of every day, and asks. An address is whatever lies there now.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from plait.effects.command import Command
from plait.effects.far_away import LOCAL, name_far_danger
from plait.effects.finding import Arg, known
from plait.effects.grammar import parse
from plait.effects.syntax import Unclear

ADDRESS = re.compile(
    r"(?:[\w.\[\],-]+\s*@\s*)?(?:(?:git|hg|svn|bzr)\+)?(?:https?|ftps?|git|ssh|s3|git\+\w+)://(.+)"
    r"|git@[\w.-]+:.+|(?:@?[\w./-]+@)?(?:github|gitlab|bitbucket|gist|gh|sourcehut|codeberg):[\w.~-]+.*",
    re.DOTALL,
)
# `npx user/name` is a repository; a package of a scope begins with `@`.
SHORT_ADDRESS = re.compile(r"[A-Za-z0-9][\w-]*/[\w.-]+(?:#.*)?")
GO_PACKAGE = re.compile(r"[\w-]+(?:\.[\w-]+)+(?:/[\w.~-]+)+@\S+")
# Where packages come from: who holds that place decides what they are.
INDEXES = frozenset((
    "-i", "--index-url", "--extra-index-url", "--index", "--default-index", "-f", "--find-links", "--registry",
    "--source", "--git", "-r", "--requirement", "-c", "--constraint", "-e", "--editable", "--from", "--with", "--spec",
    "-p", "--package", "--with-requirements", "--with-editable", "--channel", "--pypi-url", "-U", "--url", "--repo",
    "--import-map",
))  # fmt: skip
VALUES = INDEXES | frozenset((
    "--python", "-C", "--prefix", "-w", "--workspace", "--pip-args", "--env-file", "--project", "--directory",
    "--config-file", "--cache-dir", "--timeout", "--extra", "--group", "--only-group", "--target", "--config", "-n",
    "--name", "--cwd", "--dir", "--node-options", "--python-version", "--color", "--refresh-package", "-t",
))  # fmt: skip


# They run a text that an option gives them.
CALLS = ("npx", "npm", "pnpm", "pnpx")
SHELLS_AND_REMOVERS = frozenset(("sh", "bash", "zsh", "dash", "rm", "curl", "wget", "env", "find", "dd", "truncate"))


@dataclass(frozen=True, slots=True)
class Fetcher:
    """With which sub-commands a program fetches: those that run what they fetch, and those that install it."""

    runs: tuple[str, ...] = ()
    installs: tuple[str, ...] = ()
    short: bool = False


def _fetcher(runs: str = "", installs: str = "", *, short: bool = False) -> Fetcher:
    return Fetcher(tuple(runs.split(",")) if runs else (), tuple(installs.split(",")) if installs else (), short)


FETCHERS: Mapping[str, Fetcher] = {
    **dict.fromkeys(("npx", "bunx", "pnpx"), Fetcher(("",), short=True)),
    "npm": _fetcher("exec,x", "install,i,add,in,ci,update,link,create,init", short=True),
    "pnpm": _fetcher("dlx,exec", "add,install,i,create", short=True),
    "yarn": _fetcher("dlx,exec", "add,global add,create"),
    "bun": _fetcher("x,run", "add,install,i,create", short=True),
    "deno": _fetcher("run,serve,test,bench,compile,x", "install,add"),
    "uvx": Fetcher(("",)),
    "uv": _fetcher("run,tool run", "add,tool install,pip install,pip sync,sync,tool upgrade"),
    **dict.fromkeys(("pip", "pip3"), _fetcher("", "install,download,wheel")),
    "pipx": _fetcher("run", "install,inject,upgrade"),
    **dict.fromkeys(("poetry", "pdm", "rye", "hatch"), _fetcher("run", "add,install,self add")),
    "pipenv": _fetcher("run", "install"),
    "bundle": _fetcher("exec"),
    "cargo": _fetcher("", "install"),
    "go": _fetcher("run"),
    "gem": _fetcher("", "install"),
    **dict.fromkeys(("conda", "mamba", "micromamba"), _fetcher("run", "install,create,env create,env update")),
    **dict.fromkeys(("brew", "luarocks"), _fetcher("", "install,reinstall")),
    "nix": _fetcher("run,shell,develop", "profile install,profile add"),
    "pre-commit": _fetcher("", "try-repo"),
    "ansible-pull": Fetcher((), ("",)),
    "composer": _fetcher("", "require,global require,create-project"),
    "mise": _fetcher("exec,x"),
    "direnv": _fetcher("exec"),
}


def name_dangers(command: Command) -> None:
    """Name what the command runs from an address, and what it, or what it launches, does elsewhere beyond recall."""
    name_far_danger(command)
    if command.name in ("rimraf", "del-cli", "trash-cli"):
        command.run([known("rm"), known("-rf"), *command.args], command.place)
    if command.name in ("shx",) and command.args:
        command.run(command.args, command.place)
    if command.name in ("python", "python3") and command.words[:1] == ["-m"] and len(command.args) > 1:
        _name_of(command, command.args[1:])
        return
    fetcher = FETCHERS.get(command.name)
    if fetcher is None:
        return
    for how, launches in ((fetcher.runs, True), (fetcher.installs, False)):
        for words in sorted(how, key=len, reverse=True):
            rest = _after(command.args, words.split())
            if rest is None:
                continue
            operands, fetched = _read(rest, stop=launches)
            if launches and command.name in CALLS:
                _run_calls(command, rest)
            fetched += [arg for arg in operands[:1] if _is_address(command.name, arg, short=fetcher.short and launches)]
            if not launches:
                short = fetcher.short and words not in ("create", "init", "link")
                fetched += [arg for arg in operands[1:] if _is_address(command.name, arg, short=False)]
                fetched += [arg for arg in operands[:1] if short and _is_short(command, arg)]
            for arg in fetched[:1]:
                command.finding.dangerous(f"runs code from the network through `{command.name}` (`{arg.raw}`)")
            if launches and operands and not fetched:
                _name_of(command, operands)
            return


def _run_calls(command: Command, args: Sequence[Arg]) -> None:
    """`npx -c TEXT` runs a text in a shell."""
    for before, arg in itertools.pairwise(args):
        if before.literal in ("-c", "--call") and arg.literal is not None:
            try:
                parse(arg.literal)
            except Unclear:
                continue
            command.run_text(arg.literal, command.place)


def _name_of(command: Command, args: Sequence[Arg]) -> None:
    name = args[0].literal
    gives_code = name in ("python", "python3", "node") and len(args) > 1 and args[1].literal in ("-c", "-e")
    if name in SHELLS_AND_REMOVERS or gives_code:
        command.run(args, command.place)
        return
    if name is not None:
        base = re.sub(r"(?<=.)@[^/]*$", "", name).rpartition("/")[2]
        name_dangers(replace(command, name=base, args=tuple(args[1:])))


def _after(args: Sequence[Arg], words: Sequence[str]) -> list[Arg] | None:
    """The arguments without the sub-command, or None if it is another one; options may stand before it."""
    rest = list(args)
    before: list[Arg] = []
    for word in words:
        while rest and (rest[0].literal or "").startswith("-"):
            before.append(rest.pop(0))
            if before[-1].literal in VALUES and rest:
                before.append(rest.pop(0))
        if not rest or rest.pop(0).literal != word:
            return None
    return [*before, *rest]


def _read(args: Sequence[Arg], *, stop: bool) -> tuple[list[Arg], list[Arg]]:
    """The operands, and the values of options that are addresses. stop: what follows the first operand is not ours."""
    operands: list[Arg] = []
    fetched: list[Arg] = []
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        text = arg.literal if arg.literal is not None else arg.raw
        name, equals, value = text.partition("=")
        if text == "--" or not text.startswith("-") or len(text) == 1:
            operands += [*rest] if text == "--" else [arg]
            if stop or text == "--":
                return operands + ([] if text == "--" else rest), fetched
        elif equals and name in INDEXES and _leads_away(value):
            fetched.append(arg)
        elif name in VALUES and not equals and rest:
            following = rest.pop(0)
            if name in INDEXES and _leads_away(following.literal or following.raw):
                fetched.append(following)
        elif re.match(r"-[a-zA-Z]\w+[+:]", text) and _leads_away(text[2:]):
            fetched.append(arg)
    return operands, fetched


def _leads_away(text: str) -> bool:
    return ADDRESS.fullmatch(text.strip("\"'")) is not None and LOCAL.match(re.sub(r"^\w+\+", "", text)) is None


def _is_address(name: str, arg: Arg, *, short: bool) -> bool:
    text = arg.literal if arg.literal is not None else arg.raw
    if name == "go":
        return GO_PACKAGE.fullmatch(text) is not None
    if name == "nix" and re.match(r"github:nixos/", text, re.IGNORECASE):
        return False
    return _leads_away(text) or (short and SHORT_ADDRESS.fullmatch(text) is not None)


def _is_short(command: Command, arg: Arg) -> bool:
    """`npm install user/name`, unless there is such a directory."""
    text = arg.literal or ""
    there = any((cwd / text).exists() for cwd in command.place.cwds)
    return SHORT_ADDRESS.fullmatch(text) is not None and not there
