"""Options by which git runs another program, or works somewhere else: no wildcard of a rule reaches them. Pure.

`shell(git *)` is what git does to this repository. `git -c alias.x='!…' x` or `git --exec-path=.` is any program at
all, and asks unless a rule spells the option.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

# Settings for one call that name no program and no place.
HARMLESS_SETTING = re.compile(
    r"(?:user|author|committer|color|column|advice|log|status|i18n|versionsort|blame)\.[\w.-]+"
    r"|core\.(?:quotepath|autocrlf|abbrev|ignorecase|filemode|longpaths|safecrlf|eol|commentchar|precomposeunicode)"
    r"|(?:commit|tag|push)\.gpgsign|init\.defaultbranch|merge\.(?:ff|conflictstyle|renames)|pull\.(?:rebase|ff)"
    r"|rebase\.(?:autostash|autosquash)|push\.(?:default|autosetupremote|followtags)|fetch\.(?:prune|parallel)"
    r"|diff\.(?:renames|algorithm|noprefix|mnemonicprefix|context|colormoved)|rerere\.enabled|gc\.auto"
    r"|http\.(?:postbuffer|lowspeedlimit|lowspeedtime)|protocol\.version|core\.(?:pager|editor)=(?:cat|true|:|)",
    re.IGNORECASE,
)
PLACES = ("-C", "--git-dir", "--work-tree", "--namespace")
LONG = ("--upload-pack", "--receive-pack", "--open-files-in-pager", "--ext-diff", "--extcmd", "--template", "--config")
SHORTEST_PREFIX = 5
# Options that git spells out of a beginning of any length: no other option of the sub-command begins so.
BEGINNINGS = {
    "clone": ("--u", "--te", "--co"), "init": ("--te",), "ls-remote": ("--u", "--ex"), "grep": ("--op",),
    "difftool": ("--ex", "--to"), "push": ("--ex",), "fetch-pack": ("--ex", "--u"), "send-pack": ("--ex", "--rec"),
    "archive": ("--ex",),
}  # fmt: skip
# What may stand before the sub-command and takes no word after it.
GLOBAL_FLAGS = frozenset((
    "--no-pager", "-P", "-p", "--paginate", "--no-optional-locks", "--literal-pathspecs", "--glob-pathspecs",
    "--noglob-pathspecs", "--icase-pathspecs", "--no-replace-objects", "--bare", "--version", "-v", "--help", "-h",
    "--no-lazy-fetch", "--no-advice", "--html-path", "--man-path", "--info-path",
))  # fmt: skip
SHORT = {"grep": "-O", "difftool": "-[xt]", "clone": "-u", "ls-remote": "-u"}
# Sub-commands with options that run a program, write a file of one's choice, or reach another machine by one.
STEERED = frozenset((
    "am", "apply", "archive", "bisect", "blame", "cat-file", "clone", "daemon", "diff", "difftool", "fetch",
    "filter-branch", "format-patch", "grep", "init", "log", "ls-remote", "mergetool", "pull", "push", "range-diff",
    "rebase", "remote", "send-email", "show", "submodule", "upload-pack", "worktree",
))  # fmt: skip
# Sub-commands that run hooks or programs, show passwords, or work in other repositories.
ELSEWHERE = frozenset((
    "credential", "credential-cache", "credential-store", "daemon", "for-each-repo", "hook", "instaweb", "shell",
    "web--browse",
))  # fmt: skip
# The word behind them is a text.
TEXTS = frozenset(("-m", "--message", "-S", "-G", "--grep", "--author", "-e", "--format", "--pretty"))
TAKE_VALUE = ("-c", "-C", "--git-dir", "--work-tree", "--namespace", "--config-env", "--exec-path", "--super-prefix")


def steers(argv: Sequence[str], first: int, roots: Sequence[Path]) -> bool:
    """True if one of the words from `first` on lets git run what the line names, or work outside of `roots`."""
    if not argv or argv[0] != "git":
        return False
    place = 1
    while place < len(argv) and argv[place].startswith("-"):
        option, equals, value = argv[place].partition("=")
        takes_next = option in TAKE_VALUE and not equals
        if takes_next:
            value = argv[place + 1] if place + 1 < len(argv) else ""
        if place + takes_next >= first and _global(option, value, roots):
            return True
        place += 1 + takes_next
    name = argv[place] if place < len(argv) else ""
    if place >= first and name in ELSEWHERE:
        return True
    return any(
        _of_command(name, argv[at]) or (argv[at - 1] not in TEXTS and _leads_out(argv[at], roots))
        for at in range(max(first, place + 1), len(argv))
    )


def _leads_out(word: str, roots: Sequence[Path]) -> bool:
    """True if a word, or the value of an option in it, is a path that leads out of `roots`."""
    attached = re.match(r"--[A-Za-z-]+=|-[A-Za-z](?=/|\.\.)", word)
    value = word[attached.end() :] if attached is not None else word
    if re.search(r"\s", value):
        return False
    path = Path(value)
    elsewhere = path.is_absolute() and not any(path.is_relative_to(root) for root in roots)
    return elsewhere or ".." in path.parts or value.startswith("~")


def may_steer(argv: Sequence[str], first: int) -> bool:
    """True if a word from `first` on, whose value cannot be told, may be an option of git that runs something.

    What follows another option is its value, and what follows `--` is none.
    """
    if not argv or argv[0] != "git" or not STEERED.intersection(argv[1:]):
        return False
    last = argv.index("--") if "--" in argv else len(argv)
    return any(
        argv[at].lstrip('"')[:1] in ("$", "`") and not argv[at - 1].startswith("-") for at in range(max(first, 1), last)
    )


def _global(option: str, value: str, roots: Sequence[Path]) -> bool:
    if option == "-c":
        return HARMLESS_SETTING.fullmatch(value) is None and HARMLESS_SETTING.fullmatch(value.partition("=")[0]) is None
    if option in PLACES:
        path = Path(value)
        elsewhere = path.is_absolute() and not any(path.is_relative_to(root) for root in roots)
        return elsewhere or value.startswith("~") or ".." in path.parts or not value
    return option not in GLOBAL_FLAGS


def _of_command(name: str, word: str) -> bool:
    if word.startswith("--"):
        option = word.partition("=")[0]
        if option.startswith(BEGINNINGS.get(name, ())):
            return True
        if name not in ("clone", "init") and option.startswith(("--t", "--c")):
            return False
        return len(option) >= SHORTEST_PREFIX and any(long.startswith(option) for long in LONG)
    if name == "clone" and word.startswith("-c"):
        return True
    short = SHORT.get(name)
    return short is not None and re.match(rf"-[A-Za-z]*{short[1:]}", word) is not None
