"""Judge git: which sub-commands only read, which change what cannot be brought back.

A reading git command counts as such only where the repository's own configuration names no program
(`effects.repository`) and it is run with `READING_ENVIRONMENT`.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from plait.effects.command import Command, Judge, Options, read_options
from plait.effects.finding import Arg, Flow, known
from plait.effects.listings import LISTINGS, names_below
from plait.effects.programs import Program, judge_by_table, judge_program, table
from plait.effects.repository import Doubt, doubt_of, find, lists_odd_names, may_track_secrets
from plait.effects.subcommands import TOOLS_ENVIRONMENT
from plait.host.protected import secret_name
from plait.protocol.effects import Access, CommandPart, Mode

# Set for git commands that run without being asked about; configuration that is given so overrides the repository's,
# in its submodules too.
READING_ENVIRONMENT: Mapping[str, str] = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_CONFIG_COUNT": "6",
    "GIT_CONFIG_KEY_0": "core.fsmonitor",
    "GIT_CONFIG_VALUE_0": "false",
    "GIT_CONFIG_KEY_1": "core.hooksPath",
    "GIT_CONFIG_VALUE_1": "/dev/null",
    "GIT_CONFIG_KEY_2": "safe.bareRepository",
    "GIT_CONFIG_VALUE_2": "explicit",
    "GIT_CONFIG_KEY_3": "log.showSignature",
    "GIT_CONFIG_VALUE_3": "false",
    # `git diff` would write the index, whatever GIT_OPTIONAL_LOCKS says.
    "GIT_CONFIG_KEY_4": "diff.autoRefreshIndex",
    "GIT_CONFIG_VALUE_4": "false",
    # Else git would run in directories that a commit names, and obey what lies there.
    "GIT_CONFIG_KEY_5": "diff.submodule",
    "GIT_CONFIG_VALUE_5": "short",
    # `go version` would fetch and run what `go.mod` names.
    "GOTOOLCHAIN": "local",
    **TOOLS_ENVIRONMENT,
}

GLOBAL_FLAGS = frozenset(("--no-pager", "-P", "--no-optional-locks", "--literal-pathspecs", "--no-replace-objects"))
GLOBAL_VALUES = frozenset(
    ("-c", "--git-dir", "--work-tree", "--namespace", "--config-env", "--exec-path", "--super-prefix")
)
SHOWS_CONTENTS = frozenset(
    ("show", "diff", "log", "cat-file", "blame", "annotate", "grep", "whatchanged", "diff-tree", "stash")
)
# Settings whose value is a program, or the place of one.
PROGRAM_KEYS = re.compile(
    r"(core\.(fsmonitor|hookspath|sshcommand|pager|editor|askpass|gitproxy|worktree|alternaterefscommand|attributesfile))"
    r"|(alias|filter|credential|include|includeif|url|pager|gpg|difftool|mergetool|uploadpack|sequence|interactive)\..*"
    r"|diff\.(external|.*\.(command|textconv))|merge\..*\.driver|submodule\..*\.update|remote\..*\.(uploadpack|receivepack|vcs)",
    re.IGNORECASE,
)
# Settings given for one call that only change how its output looks.
PLAIN_SETTING = re.compile(
    r"(?:color\.[\w.-]+|core\.(?:quotepath|abbrev|ignorecase|filemode|autocrlf|precomposeunicode|longpaths)"
    r"|log\.(?:date|decorate|abbrevcommit|follow|showroot)|diff\.(?:renames|algorithm|noprefix|mnemonicprefix|context)"
    r"|advice\.\w+|status\.\w+|column\.\w+|grep\.(?!fallback)\w+)=[\w-]+"
    r"|(?:core\.pager|pager\.\w+)=(?:cat|false|)|(?:log\.showsignature|core\.fsmonitor)=false",
    re.IGNORECASE,
)
CONFIG_READS = frozenset((
    "get", "list", "--get", "--get-all", "--get-regexp", "--list", "-l", "--get-urlmatch",
))  # fmt: skip
# What `git config` may be given where it reads; any other option, or the beginning of one, may write.
CONFIG_FLAGS = frozenset((
    *CONFIG_READS, "--local", "--global", "--system", "--worktree", "--show-origin", "--show-scope", "--null", "-z",
    "--name-only", "--includes", "--no-includes", "--bool", "--int", "--bool-or-int", "--path", "--all", "--regexp",
))  # fmt: skip
PLAIN_MERGES = frozenset((
    "off", "none", "first-parent", "1", "separate", "combined", "c", "dense-combined", "cc",
))  # fmt: skip
# Options that select commits and change nothing of how each is shown.
SELECTING = frozenset((
    "-n", "--max-count", "--skip", "--all", "--branches", "--tags", "--remotes", "--merges", "--no-merges",
    "--first-parent", "--reverse", "--since", "--until", "--after", "--before", "--author", "--grep",
))  # fmt: skip
LAST_TAKES_HEAD = frozenset(("--merged", "--no-merged", "--contains", "--no-contains", "--points-at"))


def judge_git(command: Command) -> None:
    finding = command.finding
    args = list(command.args)
    places = list(command.place.cwds)
    while args and (args[0].literal is None or args[0].literal.startswith("-")):
        option = args.pop(0)
        text = option.literal
        if text is None:
            finding.ask(f"`git` with what cannot be told (`{option.raw}`)")
            return
        if text in ("--version", "-v") and not args:
            return
        if text == "-C" and args:
            folder = args.pop(0)
            finding.read(folder, contents=False)
            if folder.values is None:
                finding.ask(f"`git -C {folder.raw}` works in a repository that cannot be told")
            places = [Path(path) for value in folder.values or () for path in command.place.resolve(value)]
        elif text.partition("=")[0] in GLOBAL_VALUES:
            if text == "-c" and args and PLAIN_SETTING.fullmatch(args[0].literal or ""):
                args.pop(0)
                continue
            value = text.partition("=")[2] or (args.pop(0).raw if "=" not in text and args else "")
            finding.ask(f"`git {text.partition('=')[0]} {value}` may change what git runs")
        elif text not in GLOBAL_FLAGS:
            finding.ask(f"`git {text}` is not known to be harmless")
    if not args:
        return
    name = args[0].literal
    if name is None:
        finding.ask(f"which sub-command of `git` runs cannot be told (`{args[0].raw}`)")
        return
    rest = tuple(args[1:])
    judge = CHANGES.get(name)
    if judge is not None:
        judge(command, rest)
    elif name == "remote" and any(arg.prefix.startswith("ext::") for arg in rest):
        finding.dangerous("lets an address of git name a program (`ext::`)")
    elif (entry := reading_entry(name, rest)) is not None:
        _judge_reading(command, name, entry, rest, places)
    elif name not in ("version", "help") or (rest and name == "help"):
        finding.ask(f"`git {name}` may change the repository")


def reading_entry(name: str, args: tuple[Arg, ...]) -> Program | None:
    """The table's entry for a reading sub-command, for those that also write only in their reading forms."""
    entry = table()["git"].sub.get(name)
    if entry is None or not entry.sub:
        return entry
    first = args[0].literal if args else ""
    return entry.sub.get(first) if first is not None and first in entry.sub else entry.sub.get("-")


def _judge_reading(command: Command, name: str, entry: Program, args: tuple[Arg, ...], places: list[Path]) -> None:
    finding = command.finding
    if args and args[0].literal is not None and args[0].literal in table()["git"].sub[name].sub:
        args = args[1:]
    if args and args[-1].literal in LAST_TAKES_HEAD:
        args = (*args, known("HEAD"))
    if name == "diff" and any(arg.literal == "--no-index" for arg in args):
        # Nothing but two files or directories is looked at, wherever they are.
        for arg in args:
            if not (arg.literal or "").startswith("-"):
                finding.read(arg, tree=True)
        args = tuple(arg for arg in args if arg.literal != "--no-index")
    for arg in args:
        if (written := re.match(r"--output=(.+)", arg.literal or "", re.DOTALL)) is not None:
            finding.write(known(written[1]), f"git {name} --output")
    options = judge_program(command, entry, args, f"git {name}")
    if any("%G" in arg.raw for arg in args):
        finding.ask(f"`git {name}` with `%G…` checks signatures by a program")
    workspace = command.place.workspace
    # Many name the directory that they are in already: the repository there is the one that is worked in.
    if command.place.moved and not {*places} <= {workspace.cwd, *workspace.roots}:
        finding.ask("changes the directory before `git`, which obeys the repository it finds there")
    for place in places:
        if (doubt := doubt_of(place)) is not None:
            finding.ask(f"`git {name}`: {doubt}")
        finding.accesses[Access(Mode.READ, _tree_of(command, place), tree=True)] = None
    if not places:
        finding.ask("in which repository `git` works cannot be told")
    finding.gives |= Flow(contents=True)
    for option, value in options.given:
        if option == "--diff-merges" and (value is None or value.literal not in PLAIN_MERGES):
            finding.ask("`git --diff-merges` may merge anew, by the drivers and into the objects of the repository")
        # `-L 1,9:FILE` shows lines of a file.
        if option == "-L" and value is not None and secret_name(value.raw.rpartition(":")[2].rpartition("/")[2]):
            finding.secret(value.raw)
    for operand in options.operands:
        text = operand.literal if operand.literal is not None else operand.raw
        path = os.path.normpath(text.rpartition(":")[2] or ".")
        if name == "diff" and ".." in text.split("/"):
            # Two paths, one of them outside of the repository, are compared without it.
            finding.read(operand, tree=True)
        if name in SHOWS_CONTENTS and secret_name(path.rpartition("/")[2]):
            finding.secret(text)
        if (
            path.startswith(("/", "../"))
            or path == ".."
            or (operand.literal is None and operand.prefix[:1] in ("/", "."))
        ):
            finding.read(operand, tree=True, contents=False)
    if _texts(args) == ["--show-toplevel"] and name == "rev-parse" and len(places) == 1:
        finding.output_text = _tree_of(command, places[0]) + "\n"
    finding.output_names = _listed(command, name, options, places)
    if _prints_ids(name, options):
        finding.output_names = Arg("{}", token=True)


def _listed(command: Command, name: str, options: Options, places: list[Path]) -> Arg | None:
    """The files whose names are printed: below the one directory, or of the one extension, that was asked for.

    None if more than names is printed, or names of another commit: those need not be on the disk, where it is looked
    whether one of them falls apart.
    """
    listing = LISTINGS.get(f"git {name}")
    nul = listing.of(option for option, _ in options.given) if listing is not None else None
    texts = [operand.literal for operand in options.operands]
    if name == "grep" and not options.has("-e"):
        texts = texts[1:]
    if nul is None or not all(text is not None and _names_files(text, places) for text in texts):
        return None
    if any(lists_odd_names(place, nul=nul) for place in places):
        return None
    tracked = name != "diff" and not options.has("-o", "--others") and not any(map(may_track_secrets, places))
    only = texts[0] if len(texts) == 1 and name == "ls-files" and places == list(command.place.cwds) else None
    if only is not None and re.fullmatch(r"(?:\w[\w.-]*/)*\*\.\w+", only):
        return Arg("{}", None, f"./{only}", loose=True, links=True, listed=True, nul=nul)
    if only is not None and re.fullmatch(r"(?:\w[\w-]*/?)+", only):
        return names_below(only, hidden=not tracked, nul=nul)
    return names_below(hidden=not tracked, nul=nul)


def _prints_ids(name: str, options: Options) -> bool:
    """True if nothing but ids of commits is printed, one a line."""
    if name == "merge-base":
        return not options.has("--is-ancestor")
    shown = [value.literal for option, value in options.given if option in ("--format", "--pretty") and value]
    counts = {option for option, _ in options.given if not re.fullmatch(r"-\d+", option)} - {"--format", "--pretty"}
    if any(option in ("--format", "--pretty") and value is None for option, value in options.given):
        return False
    if name == "rev-list":
        return not shown and counts <= SELECTING
    return name == "log" and shown in (["%h"], ["%H"]) and counts <= SELECTING


def _names_files(text: str, places: list[Path]) -> bool:
    """True if an operand surely names files: a pattern, or what is there; no name of a commit holds a wildcard."""
    # A name of a commit may hold a pattern in braces: `HEAD^{/x*}`.
    if text.startswith(("/", ":", "-")) or ".." in text.split("/") or "{" in text:
        return False
    return "*" in text or all((place / text).exists() for place in places)


def _tree_of(command: Command, place: Path) -> str:
    """The work tree that git looks at, as far as it lies in the workspace."""
    try:
        repository = find(place)
    except (Doubt, OSError, UnicodeDecodeError):
        return place.as_posix()
    top = place if repository is None else repository.top
    return (top if command.place.workspace.contains(top) else place).as_posix()


# --- sub-commands that change ------------------------------------------------------------------------------------


def _texts(args: tuple[Arg, ...]) -> list[str]:
    return [arg.literal if arg.literal is not None else arg.raw for arg in args]


def _push(command: Command, args: tuple[Arg, ...]) -> None:
    finding, words = command.finding, _texts(args)
    finding.contact("*", "git push")
    for word in words:
        long = word.partition("=")[0]
        forces = len(long) > 4 and any(
            name.startswith(long) for name in ("--force", "--force-with-lease", "--force-if-includes", "--mirror")
        )
        if forces or long in ("--delete", "--prune", "--del") or re.fullmatch(r"-[a-zA-Z]*[fd][a-zA-Z]*", word):
            finding.dangerous(f"rewrites or deletes published history (`git push {word}`)")
        elif re.match(r"[+:].", word):
            finding.dangerous(f"rewrites or deletes published history (`git push … {word}`)")
        elif long in ("--receive-pack", "--exec"):
            finding.ask("runs a program that an option of `git push` names")
    named = [word.partition("=")[2] for word in words if word.startswith("--repo=")]
    target = (named or _operands_of_push(words) or [""])[0]
    if ADDRESS_OF_PUSH.fullmatch(target):
        finding.dangerous(f"sends commits to an address that is no remote of the repository (`{target}`)")
    finding.ask("publishes commits through `git push`")


def _operands_of_push(words: Sequence[str]) -> list[str]:
    """Where to, and what is pushed."""
    valued = ("-o", "--push-option", "--receive-pack", "--exec", "--repo")
    return [
        word for before, word in zip(["", *words], words, strict=False) if word[:1] != "-" and before not in valued[:-1]
    ]


def pushes_to_new_place(parts: Iterable[CommandPart]) -> str | None:
    """The address that a line gives to a remote before it pushes there, or None."""
    given: dict[str, str] = {}
    for argv in _all_words(parts):
        if argv[:1] != ("git",):
            continue
        words = [word for word in argv[1:] if not word.startswith("-") or word in ("-c", "-C")]
        match words:
            case ["remote", "add" | "set-url", *rest]:
                for name, address in itertools.pairwise(rest):
                    given[name] = address
            case ["config", *_]:
                _note_setting(given, words[-2:])
            case ["push", *operands]:
                target = operands[0] if operands else None
                for name, address in given.items():
                    if name in (target, "*") or (target is None and name != ""):
                        return address
            case ["-c", setting, *rest] if "push" in rest:
                once: dict[str, str] = {}
                _note_setting(once, setting.split("=", 1))
                if once:
                    return next(iter(once.values()))
            case _:
                pass
    return None


def _note_setting(given: dict[str, str], setting: Sequence[str]) -> None:
    found = re.fullmatch(r"remote\.(.+)\.(?:push)?url|(url\..*\.(?:push)?insteadof)", setting[0], re.IGNORECASE)
    if found is not None and len(setting) == 2:
        given[found[1] or "*"] = setting[1] if found[1] else found[2].split(".", 1)[1]


def _all_words(parts: Iterable[CommandPart]) -> Iterator[tuple[str, ...]]:
    for part in parts:
        yield part.argv
        yield from _all_words(part.runs)


ADDRESS_OF_PUSH = re.compile(
    r"(?!file:)[a-z][a-z0-9+.-]*://.+|(?:[\w.-]+@)?[\w.-]+\.[\w.-]+:(?!/?/?$).+|[\w.-]+@[\w.-]+:.+"
)


def _update_ref(command: Command, args: tuple[Arg, ...]) -> None:
    words = _texts(args)
    if any(re.fullmatch(r"-d|--del(?:e|et|ete)?", word) for word in words):
        command.finding.dangerous("removes the name of commits, with the record of it (`git update-ref -d`)")
    command.finding.ask("`git update-ref` may change the repository")


def _before_dashes(args: tuple[Arg, ...]) -> tuple[Arg, ...]:
    return tuple(itertools.takewhile(lambda arg: arg.literal != "--", args))


def _clean(command: Command, args: tuple[Arg, ...]) -> None:
    flags = "".join(word[1:] for word in _texts(args) if re.fullmatch(r"-[a-zA-Z]+", word))
    flags += "f" if any(len(word) > 3 and "--force".startswith(word) for word in _texts(args)) else ""
    # An option that cannot be told may add all of these, or take back that nothing is deleted.
    untold = any(arg.literal is None and not arg.surely_operand for arg in _before_dashes(args))
    entry = table()["git"].sub["clean"]
    options = read_options(args, entry.spec)
    if not untold and options.has("-n", "--dry-run"):
        if options.unclear is None:
            _judge_reading(command, "clean", entry, args, list(command.place.cwds))
        else:
            command.finding.ask("`git clean` lists what it would delete")
        return
    if untold or ("f" in flags and set(flags) & set("dxX")):
        command.finding.dangerous("deletes files that git does not keep, beyond recovery (`git clean`)")
    command.finding.ask("deletes files through `git clean`")


def _config(command: Command, args: tuple[Arg, ...]) -> None:
    finding = command.finding
    words = _texts(args)
    reads = bool(words) and words[0] in CONFIG_READS
    keys = [word for word in words if not word.startswith("-") and word not in ("get", "list", "set", "unset", "edit")]
    scope = next((word for word in words if word in ("--global", "--system")), None)
    options = [word for word in words if word.startswith("-")]
    plain = all(word in CONFIG_FLAGS or re.fullmatch(r"--(type|default)=.*", word) for word in options)
    changing = {"set", "unset", "edit", "rename-section", "remove-section"}
    if all(arg.literal is not None for arg in args) and plain and words[:1] != [] and words[0] not in changing:
        listed = any(word in ("--list", "-l", "list") for word in words)
        if reads or listed or (len(keys) == 1 and scope in (None, "--global")):
            if any(re.search(r"token|password|extraheader|credential", key, re.IGNORECASE) for key in keys):
                finding.secret("the configuration of git")
            for place in command.place.cwds:
                # It reads what an `include` names.
                if scope is None and (doubt := doubt_of(place)) is not None:
                    finding.ask(f"`git config`: {doubt}")
                finding.accesses[Access(Mode.READ, _tree_of(command, place), tree=True)] = None
            return
    if scope is not None:
        finding.dangerous(f"changes the user's settings of git (`git config {scope}`)")
    elif any(PROGRAM_KEYS.fullmatch(key) for key in keys) and not _names_no_program(words):
        finding.dangerous("changes what programs git runs (`git config`)")
    finding.ask("changes the configuration of the repository through `git config`")


def _names_no_program(words: list[str]) -> bool:
    """True for `git config alias.co checkout`: another name for a sub-command, without options of git's own."""
    match [word for word in words if word not in ("--local", "--add", "--replace-all", "set")]:
        case [key, value]:
            return (
                key.lower().startswith("alias.")
                and re.fullmatch(r"[a-z][a-z-]*( -?-?[\w=%./{}-]+)*", value) is not None
            )
        case _:
            return False


def _history(command: Command, args: tuple[Arg, ...]) -> None:
    command.finding.dangerous(f"rewrites the whole history (`git {command.words[0]}`)")


def _reflog(command: Command, args: tuple[Arg, ...]) -> None:
    words = _texts(args)
    if words and words[0] in ("expire", "delete", "drop"):
        command.finding.dangerous("destroys the record by which lost commits are found again (`git reflog`)")
        return
    entry = table()["git"].sub["log"]
    _judge_reading(command, "log", entry, args[1:] if words[:1] == ["show"] else args, list(command.place.cwds))


def _collect(command: Command, args: tuple[Arg, ...]) -> None:
    if any(word in ("--prune=now", "--prune=all") for word in _texts(args)):
        command.finding.dangerous("destroys commits that could still be found again (`git gc --prune=now`)")
    command.finding.ask("packs the repository through `git gc`")


def _fetching(command: Command, args: tuple[Arg, ...]) -> None:
    command.finding.contact("*", f"git {command.words[0]}")
    command.finding.unpacks = command.words[0] == "clone"
    for word in _texts(args):
        if word.startswith("ext::"):
            command.finding.dangerous("runs the program that an address of git names (`ext::`)")
    command.finding.ask(f"fetches into the repository through `git {command.words[0]}`")


def _running(command: Command, args: tuple[Arg, ...]) -> None:
    """`submodule foreach`, `bisect run`, `rebase --exec`: they run a command that stands in their arguments."""
    words = _texts(args)
    if command.words[:2] == ["bisect", "log"]:
        _judge_reading(command, "bisect", table()["git"].sub["bisect"].sub["log"], args, list(command.place.cwds))
        return
    for index, word in enumerate(words):
        if word in ("foreach", "run") and index == 0:
            inner = [arg for arg in args[1:] if arg.literal not in ("--recursive", "--quiet")]
            if len(inner) == 1 and inner[0].literal is not None:
                command.run_text(inner[0].literal, command.place)
            elif inner:
                command.run(inner, command.place)
        elif word in ("--exec", "-x") and index + 1 < len(args) and args[index + 1].literal is not None:
            command.run_text(args[index + 1].literal or "", command.place)
    command.finding.ask(f"`git {command.words[0]}` may change the repository")


def _sends(command: Command, args: tuple[Arg, ...]) -> None:
    command.finding.contact("*", "git send-email")
    command.finding.dangerous("sends files out by mail (`git send-email`)")


def _credential(command: Command, args: tuple[Arg, ...]) -> None:
    command.finding.secret("what git keeps of passwords")


CHANGES = {
    "push": _push,
    "update-ref": _update_ref,
    "clean": _clean,
    "config": _config,
    "filter-branch": _history,
    "filter-repo": _history,
    "reflog": _reflog,
    "gc": _collect,
    "fetch": _fetching,
    "pull": _fetching,
    "clone": _fetching,
    "ls-remote": _fetching,
    "submodule": _running,
    "bisect": _running,
    "rebase": _running,
    "send-email": _sends,
    "credential": _credential,
}


def judge_ag(command: Command) -> None:
    """ag: it asks git for the files that are to be ignored."""
    judge_by_table(command)
    for place in command.place.cwds:
        if (doubt := doubt_of(place)) is not None:
            command.finding.ask(f"`ag` asks git what to ignore: {doubt}")


JUDGES: Mapping[str, Judge] = {"git": judge_git, "ag": judge_ag}
