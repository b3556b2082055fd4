"""Whether command patterns cover, or touch, the parts of a command line. Pure.

A part is one simple command as `effects.shell` found it; nothing here parses a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from plait.permissions.idle_options import needed_words
from plait.permissions.patterns import CommandPattern, command_pattern, joined, path_fits, token_allows, token_forbids
from plait.permissions.steering_options import may_steer, steers
from plait.protocol.effects import Access, CommandPart, Mode


def shell_covered(
    patterns: tuple[str, ...],
    edit_patterns: tuple[str, ...],
    command: str,
    parts: tuple[CommandPart, ...],
    roots: tuple[Path, ...],
    *,
    leads_out: bool = False,
) -> bool:
    """True if every part of a command is read-only or fits one of the patterns, and every written redirect is covered.

    leads_out: it touches something outside of the roots, be it through a link; no wildcard for names covers that.
    The whole command, spelled exactly as a pattern is, is covered too: that is how a line with substitutions is
    allowed. `edit_patterns` are those of allowing `edit` rules; they may cover the targets of redirects.
    """
    if command in patterns:
        return True
    patterns = tuple(
        piece for pattern in patterns for piece in joined(pattern) if not (leads_out and _has_wild_name(piece))
    )
    return bool(parts) and all(_part_covered(part, patterns, edit_patterns, roots) for part in parts)


def _has_wild_name(pattern: str) -> bool:
    return any("*" in token for token in command_pattern(pattern).tokens)


def _part_covered(
    part: CommandPart, patterns: tuple[str, ...], edit_patterns: tuple[str, ...], roots: tuple[Path, ...]
) -> bool:
    if part.read_only:
        return True
    compiled = [command_pattern(pattern) for pattern in patterns]
    if any(_part_fits(part, pattern, edit_patterns, roots) for pattern in compiled):
        return True
    # A wrapper is as harmless as what it runs; its own redirects and variables still have to be covered.
    return (
        _is_seen_through(part)
        and not part.env
        and _redirects_covered(part, (), edit_patterns, roots)
        and all(_part_covered(inner, patterns, edit_patterns, roots) for inner in part.runs)
    )


SHELLS = frozenset(("bash", "dash", "ksh", "sh", "zsh"))
# Of a shell: what runs a text, and how it takes errors. Others make it read a file of somebody's first.
SHELL_OPTIONS = re.compile(r"-[ceuxlo]+|pipefail|errexit|nounset|--")
# Local, and they do nothing by themselves. `ssh`, `script` and `find` do: a rule has to name them.
SEEN_THROUGH = frozenset(
    (
        "bash", "builtin", "caffeinate", "command", "dash", "env", "eval", "exec", "gtimeout", "ionice", "ksh", "nice",
        "nohup", "setsid", "sh", "stdbuf", "taskset", "time", "timeout", "xargs", "zsh",
    )
)  # fmt: skip


def _is_seen_through(part: CommandPart) -> bool:
    """True of a wrapper that is as harmless as what it runs."""
    if not part.runs or not part.argv:
        return False
    folder, _, name = part.argv[0].rpartition("/")
    if name not in SEEN_THROUGH or folder not in ("", "/bin", "/usr/bin"):
        return False
    if name in SHELLS:
        before = part.argv[1 : next((at for at, word in enumerate(part.argv) if at and not _is_option(word)), None)]
        return all(SHELL_OPTIONS.fullmatch(word) for word in before)
    # Variables set by `env` may load code, as those before a command may.
    return name != "env" or not any("=" in word or word.startswith(("-S", "-C", "--c", "--s")) for word in part.argv)


def _is_option(word: str) -> bool:
    return word.startswith("-") or word in ("pipefail", "errexit", "nounset")


def _part_fits(
    part: CommandPart, pattern: CommandPattern, edit_patterns: tuple[str, ...], roots: tuple[Path, ...]
) -> bool:
    if _words_fit(part, part.argv, pattern, roots):
        return _redirects_covered(part, pattern.redirects, edit_patterns, roots)
    needed = needed_words(part.argv)
    # What may be left out must be told from a value that may be anything.
    if pattern.exact or needed == part.argv or not all(part.literal or is_plain(word) for word in part.argv):
        return False
    return _words_fit(part, needed, pattern, roots) and _redirects_covered(
        part, pattern.redirects, edit_patterns, roots
    )


def _words_fit(part: CommandPart, argv: tuple[str, ...], pattern: CommandPattern, roots: tuple[Path, ...]) -> bool:
    tokens, env = pattern.tokens, list(part.env)
    while env and tokens and tokens[0] == env[0]:
        tokens, env = tokens[1:], env[1:]
    if env or not argv or len(argv) < len(tokens) or not tokens:
        return False
    if len(argv) > len(tokens) and not pattern.tail:
        if not tokens[-1].endswith("/*"):
            return False
        # What holds for one name in a directory holds for several.
        tokens = (*tokens, *(tokens[-1] for _ in argv[len(tokens) :]))
    if not pattern.exact and steers(argv, _spelled_out(tokens, argv), roots):
        return False
    if part.runs and not _names_the_inner_command(part, len(tokens), pattern):
        return False
    # No wildcard reaches a word that may become options of the program: `git fetch *` names no `--upload-pack`.
    if part.open_ended or (not pattern.exact and may_steer(argv, len(tokens))):
        return False
    fixed = argv[: len(tokens)]
    # A word with a variable, a glob or a substitution may become anything: only a final ` *` covers it.
    if not part.literal and any(not is_plain(word) for word in fixed):
        return False
    return all(token_allows(token, word) for token, word in zip(tokens, fixed, strict=True))


def _spelled_out(tokens: tuple[str, ...], argv: tuple[str, ...]) -> int:
    """How many words from the first a pattern spells letter by letter."""
    pairs = zip(tokens, argv, strict=False)
    return next((at for at, (token, word) in enumerate(pairs) if token != word), min(len(tokens), len(argv)))


def _names_the_inner_command(part: CommandPart, token_count: int, pattern: CommandPattern) -> bool:
    """A rule for a wrapper must name what the wrapper runs: `timeout *` covers nothing, `timeout 60 pytest *` does."""
    inner = part.runs[0].argv
    if len(part.runs) == 1 and inner and part.argv[-len(inner) :] == inner:
        return token_count > len(part.argv) - len(inner)
    return pattern.exact


def _redirects_covered(
    part: CommandPart, named: tuple[tuple[str, str], ...], edit_patterns: tuple[str, ...], roots: tuple[Path, ...]
) -> bool:
    for redirect in part.redirects:
        if not redirect.writes or (redirect.op, redirect.target) in named:
            continue
        if redirect.path is None:
            return False
        access = Access(Mode.WRITE, redirect.path)
        if not any(path_fits(pattern, access, roots, forbidding=False) for pattern in edit_patterns):
            return False
    return True


def is_plain(word: str) -> bool:
    """True if a word of a part that is not literal is surely itself: nothing in it is expanded."""
    return not set(word) & set("$`*?[{~<>(!\\\"'")


def shell_forbidden(pattern: str, command: str, parts: tuple[CommandPart, ...]) -> bool:
    """True if any part fits the pattern or might: a word whose value cannot be told fits every token."""
    # What cannot be taken apart could be anything, also what is forbidden.
    if command == pattern or not parts:
        return True
    wanted = [command_pattern(piece) for piece in joined(pattern)]
    return any(_part_forbidden(part, piece) for part in parts for piece in wanted)


def _part_forbidden(part: CommandPart, wanted: CommandPattern) -> bool:
    if any(_part_forbidden(inner, wanted) for inner in part.runs):
        return True
    return any(_words_forbidden(form, wanted) for form in _forms(part))


def _forms(part: CommandPart) -> Iterator[CommandPart]:
    """The part as written, by the program's base name, and for git without the options before its sub-command."""
    yield part
    if not part.argv:
        return
    if part.env:
        yield replace(part, argv=(*part.env, *part.argv), env=())
    base = part.argv[0].replace("\\", "/").rsplit("/", 1)[-1].lower()
    if base != part.argv[0]:
        yield replace(part, argv=(base, *part.argv[1:]))
    if base == "git":
        rest = list(part.argv[1:])
        while rest and rest[0].startswith("-"):
            takes_value = rest[0] in ("-C", "-c", "--git-dir", "--work-tree", "--namespace", "--config-env")
            rest = rest[2 if takes_value else 1 :]
        yield replace(part, argv=("git", *rest))


def _words_forbidden(part: CommandPart, wanted: CommandPattern) -> bool:
    open_words = [not part.literal and not is_plain(word) for word in part.argv]
    for index, token in enumerate(wanted.tokens):
        if index >= len(part.argv):
            return False
        if open_words[index]:
            # From here on there may be any words, and any number of them.
            return True
        if not token_forbids(token, part.argv[index]):
            return False
    return wanted.tail or all(open_words[len(wanted.tokens) :])
