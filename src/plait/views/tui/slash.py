"""The `/` commands: their names, their help, and how a line is read. What they do is the chat screen's."""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slash:
    name: str
    help: str
    argument: str = ""


COMMANDS: tuple[Slash, ...] = (
    Slash("help", "keys and commands"),
    Slash("model", "show or change the model", "[NAME [BASE_URL]]"),
    Slash("mode", "permission mode", "[default|acceptEdits|plan|dontAsk|bypassPermissions]"),
    Slash("permissions", "the rules in force and where they stand", "[allow|ask|deny RULE | edit N RULE | remove N]"),
    Slash("clear", "start over with an empty history"),
    Slash("compact", "summarise the older part of the conversation", "[FOCUS]"),
    Slash("context", "what fills the context window"),
    Slash("map", "the central definitions of the project, or what a file defines", "[PATH]"),
    Slash("index", "build the code index, also where it is not built unasked"),
    Slash("cost", "tokens and cost so far"),
    Slash("config", "effective settings and where they come from"),
    Slash("resume", "pick an earlier session of this directory"),
    Slash("rewind", "go back in the conversation, the files it changed, or both"),
    Slash("rename", "give this session a title", "TITLE"),
    Slash("background", "commands in the background; `end ID` ends one", "[end ID]"),
    Slash("todo", "show or hide the agent's list of work"),
    Slash("theme", "show or change the theme", "[NAME]"),
    Slash("quit", "leave; the session can be resumed"),
)
BY_NAME = {command.name: command for command in COMMANDS}
ALIASES = {"exit": "quit", "q": "quit", "?": "help", "new": "clear", "tasks": "background", "undo": "rewind"}


@dataclass(frozen=True, slots=True)
class Line:
    """A parsed line: the command's name and the rest."""

    name: str
    argument: str


def parse(text: str) -> Line | str:
    """Return the command of a line that begins with `/`, or one line that says what is wrong with it."""
    name, _, argument = text.strip()[1:].partition(" ")
    name = ALIASES.get(name.lower(), name.lower())
    if name in BY_NAME:
        return Line(name, argument.strip())
    near = difflib.get_close_matches(name, BY_NAME, n=1, cutoff=0.5)
    hint = f" Did you mean `/{near[0]}`?" if near else " `/help` lists them."
    return f"`/{name}`: no such command.{hint}"


def is_command(text: str) -> bool:
    """True for `/word …`; a path such as `/etc/hosts is …` is a prompt."""
    word = text.split(maxsplit=1)[0] if text.split() else ""
    return word.startswith("/") and "/" not in word[1:]


def matching(prefix: str) -> list[Slash]:
    """Return the commands that begin with what was typed, then those that hold it."""
    wanted = prefix.removeprefix("/").lower()
    first = [command for command in COMMANDS if command.name.startswith(wanted)]
    return first + [command for command in COMMANDS if wanted in command.name and command not in first]
