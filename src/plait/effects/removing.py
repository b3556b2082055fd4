"""What destroys files, and when that cannot be made good: the workspace itself, `.git`, and all that lies outside."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from plait.effects.command import Command
from plait.effects.finding import Arg, Finding, under
from plait.host.protected import TEMPORARY_TREES

# What an expansion that cannot be told may be: nothing that stands behind it makes it something else.
EXPANSION = re.compile(r"\$\{[^}]*\}|\$\w+|\$[@*#?$!-]|\$\(.*\)|`.*`|^~[+-]", re.DOTALL)
# These are not empty, and in no place of the system: `${X:?}/build`, `${OUT:-out}/build`.
NEVER_ROOT = re.compile(r"\$\{\w+:(\?[^}]*|[-=](/tmp|/var/tmp|\w[\w.-]*)(/[\w-][\w.-]*)*)\}")


# Variables whose name says that they hold what was built or is kept for a while.
PRODUCT = re.compile(
    r"(?!.*\.\.)\$\{?(?:\w+_)?(?:BUILD|OUT|OUTPUT|DIST|CACHE|TMP|TEMP|SCRATCH|STAGING|COVERAGE|ARTIFACTS?)"
    r"(?:_?(?:DIR|PATH|DIRECTORY|FOLDER))?(?::\?[^}]*|:[-=][\w-][\w./-]*)?\}?",
    re.IGNORECASE,
)


def may_be_anywhere(arg: Arg) -> bool:
    """True if what cannot be told of a path leaves it open to be `/`, the home directory, or what holds the workspace.

    What came by a pipe is a list of names, not an expansion: it is not meant here.
    """
    if arg.values is not None or arg.glob is not None or arg.prefix or arg.number or arg.raw == '"$@"':
        return False
    text = arg.raw.replace('"', "")
    if PRODUCT.fullmatch(text):
        return False
    expansions = list(EXPANSION.finditer(text))
    return bool(expansions) and re.fullmatch(r"[/.*]*", text[expansions[-1].end() :]) is not None


def _is_root_if_empty(arg: Arg) -> bool:
    """True for `$X/build`, which is `/build` if the variable is empty."""
    if arg.values is not None or arg.glob is not None or arg.prefix:
        return False
    text = arg.raw.replace('"', "")
    return "/" in EXPANSION.sub("", text) and NEVER_ROOT.match(text) is None


def remove_danger(finding: Finding, path: str, spelled: str = "") -> str | None:
    """Why removing an absolute path (with all below it) would be beyond recovery, or None.

    What lies in a directory for temporary files is nobody's, if it is `spelled` as such and not as a neighbour.
    """
    roots = [root.as_posix() for root in finding.place.workspace.roots]
    home = os.path.realpath(os.path.expanduser("~"))
    shown = finding.shown(path)
    if path == "/":
        return "destroys the whole system (`/`)"
    for root in roots:
        if path == root:
            return f"destroys the workspace (`{path}`)"
        if under(root, (path,)):
            return f"destroys `{path}`, which holds the workspace"
        if re.search(r"/\.git(/(objects|refs|HEAD|config|logs|packed-refs|index)(/.*)?)?$", path) and under(
            path, (root,)
        ):
            return f"destroys the history of the repository (`{shown}`)"
        if under(path, (root,)):
            return None
    if path == home or under(home, (path,)):
        return f"destroys the home directory (`{path}`)"
    temporary = under(spelled, TEMPORARY_TREES) and under(path, TEMPORARY_TREES) and path not in TEMPORARY_TREES
    # A home directory is somebody's, wherever it lies.
    if temporary and not under(path, (home,)):
        return None
    return f"destroys `{path}`, outside of the workspace"


def remove(command: Command, arg: Arg, how: str, *, tree: bool) -> None:
    """The command removes what `arg` names."""
    finding = command.finding
    if arg.values is not None:
        for value in arg.values:
            for path in finding.place.resolve(value) or ([os.path.realpath(value)] if value.startswith("/") else []):
                danger = remove_danger(finding, path, value)
                if danger is not None:
                    finding.dangerous(danger)
        finding.write(arg, how, tree=tree)
        return
    text = arg.glob if arg.glob is not None else arg.raw.strip('"')
    if tree and arg.any_words and arg.raw == '"$@"':
        finding.dangerous("destroys whatever another command prints")
    # `rm -rf "$X"/*` is `rm -rf /*` when X is empty.
    if tree and _is_root_if_empty(arg):
        finding.dangerous(f"destroys `{text}`, which is the root of the system if the variable is empty")
    elif tree and may_be_anywhere(arg):
        finding.dangerous(f"destroys `{text}`, which cannot be told and may be `/` or the home directory")
    if arg.glob is not None:
        folder, _, last = arg.glob.rpartition("/")
        if re.fullmatch(r"\.?\*+|\.\[\^?!?\.\]\*|\?\*", last):
            for path in finding.place.resolve(
                re.split(r"[*?\[]", folder, maxsplit=1)[0] or ("/" if arg.glob[0] == "/" else ".")
            ):
                # All that a directory holds is the directory.
                danger = remove_danger(finding, path)
                if danger is None and path in TEMPORARY_TREES:
                    danger = f"destroys all of `{path}`"
                if danger is not None:
                    finding.dangerous(danger)
        else:
            for path in finding.place.resolve(re.split(r"[*?\[]", arg.glob, maxsplit=1)[0].rpartition("/")[0] or "."):
                inside = finding.place.workspace.contains(Path(path))
                if not inside and not under(path, TEMPORARY_TREES):
                    finding.dangerous(f"destroys `{text}`, outside of the workspace")
    elif arg.prefix.startswith("/"):
        is_temporary = arg.prefix.startswith(tuple(f"{tree}/" for tree in TEMPORARY_TREES))
        home = os.path.realpath(os.path.expanduser("~"))
        for path in finding.place.resolve(arg.prefix.rpartition("/")[0] or "/"):
            if finding.place.workspace.contains(Path(path)):
                continue
            # A home directory is somebody's, wherever it lies.
            if not is_temporary or under(path, (home,)) or f"{arg.prefix}/".startswith(f"{home}/"):
                finding.dangerous(f"destroys `{text}`, outside of the workspace")
    finding.write(arg, how, tree=tree)


def remove_below(command: Command, starts: Sequence[Arg], *, narrow: bool, verb: str = "destroys") -> None:
    """Something is done to whatever is found below `starts`; `narrow`: only to some of it."""
    finding = command.finding
    for arg in command.args:
        if (arg.literal or "").startswith(("-", "(", "!")):
            break
        if may_be_anywhere(arg) or _is_root_if_empty(arg):
            finding.dangerous(f"{verb} what lies in `{arg.raw}`, which may be `/` or the home directory")
    for start in starts:
        for value in start.values or ():
            for path in finding.place.resolve(value):
                finding.write(start, "find", tree=True)
                danger = remove_danger(finding, path)
                if danger is None or (narrow and finding.place.workspace.contains(Path(path))):
                    continue
                finding.dangerous(danger.replace("destroys", verb))
