"""Names that a program lists, as words for another: trusted only where each is surely a path below the listed place.

A name that holds a blank or a quote falls apart where its line is cut into words, and a piece of it may be any path or
option. So names become words only if the disk has none of that kind, or if a NUL byte ends each of them.
"""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from plait.effects.finding import Arg, Place
from plait.effects.on_disk import entries_below
from plait.host.protected import secret_name

# A part of a path at which the path falls apart into words that are not below its beginning, or are options.
FALLS_APART = re.compile(r"[\x00-\x08\x0a-\x1f'\"\\]|\s(\.\.)?$|\s[-+@~]")
PASSES_FOR_OPTION = re.compile(r"[-+@]")
SEVERAL_WORDS = re.compile(r"[\s*?\[\\]")
MAX_ENTRIES = 20_000
MAX_MATCHES = 1_000


def names_below(start: str = ".", *, hidden: bool, nul: bool = False) -> Arg:
    """The files below a directory, of which a program prints some names; `hidden`: also those with a leading dot."""
    return Arg("{}", None, f"{start.rstrip('/')}/*", hidden=hidden, loose=True, listed=True, nul=nul)


def plain_names(names: Arg | None, place: Place, *, nul: bool = False) -> Arg | None:
    """Return listed names as words, none of which can be an option or a part of a name; None if that is not sure.

    nul: they are read as names that end with NUL bytes.
    """
    if names is not None and names.token and not nul:
        return names
    if names is None or names.nul != nul or names.glob is None or not place.cwds:
        return None
    for path in place.resolve(names.folder or "."):
        if not nul and falls_apart_below(path):
            return None
        if not names.prefix and _passes_for_option(path):
            return None
    return replace(names, loose=False, nul=False, prefix=names.prefix or "./")


def falls_apart_below(folder: str) -> bool:
    """True if a name below `folder` falls apart where blanks separate words, or there are too many to tell."""
    return any(seen >= MAX_ENTRIES or is_odd(entry.name) for seen, entry in enumerate(entries_below(folder)))


def is_odd(name: str) -> bool:
    """True if a part of a path, read as words, may be an option, a secret, or a path that leads elsewhere."""
    return FALLS_APART.search(name) is not None or (" " in name and any(secret_name(word) for word in name.split()))


def _passes_for_option(folder: str) -> bool:
    try:
        return any(PASSES_FOR_OPTION.match(name) for name in os.listdir(folder))
    except OSError:
        return True


def is_one_word_each(names: Arg, place: Place) -> bool:
    """True if each file that the pattern in `names` matches is one word also where it stands unquoted."""
    if names.glob is None or not place.cwds:
        return False
    if names.listed and names.prefix:
        # It has been looked at, and a name with a blank is taken for several words, all of them below the place.
        return not _has_blanks(names, place)
    matches: Iterable[str] = itertools.chain.from_iterable(
        glob.iglob(os.path.join(glob.escape(cwd.as_posix()), names.glob)) for cwd in place.cwds
    )
    seen = 0
    for seen, match in enumerate(matches):
        cwd = next((cwd.as_posix() for cwd in place.cwds if match.startswith(cwd.as_posix())), "")
        if seen >= MAX_MATCHES or SEVERAL_WORDS.search(match[len(cwd) :]):
            return False
    return True


def _has_blanks(names: Arg, place: Place) -> bool:
    return any(
        seen >= MAX_ENTRIES or SEVERAL_WORDS.search(entry.name) is not None
        for path in place.resolve(names.folder or ".")
        for seen, entry in enumerate(entries_below(path))
    )


@dataclass(frozen=True, slots=True)
class Listing:
    """How a program lists names, one a line. `by`: it does so with one of these options; empty: always.

    plain: options that leave each line a name. nul: options after which a NUL byte ends each name.
    """

    plain: frozenset[str]
    by: frozenset[str] = frozenset()
    nul: frozenset[str] = frozenset()

    def of(self, given: Iterable[str]) -> bool | None:
        """Return whether names end with NUL, given these options; None if what is printed is not names alone."""
        names = frozenset(given)
        if (self.by and not names & self.by) or names - self.plain - self.by - self.nul:
            return None
        return bool(names & self.nul)


def _options(text: str) -> frozenset[str]:
    return frozenset(text.split())


GREP = Listing(
    _options(
        "-r -R -i -w -x -v -E -F -P -G -e -s -I -a -m -n -H -h --regexp --recursive --ignore-case --word-regexp "
        "--line-regexp --invert-match --extended-regexp --fixed-strings --perl-regexp --include --exclude "
        "--exclude-dir --no-messages --max-count"
    ),
    _options("-l -L --files-with-matches --files-without-match"),
    _options("-Z --null"),
)
LISTINGS: Mapping[str, Listing] = {
    **dict.fromkeys(("grep", "egrep", "fgrep"), GREP),
    "rg": Listing(
        _options(
            "-i -s -S -w -x -v -F -P -U -u -a -. -e -g -t -T -d -m -n -N -H -j --regexp --ignore-case "
            "--case-sensitive --smart-case --word-regexp --line-regexp --invert-match --fixed-strings --pcre2 "
            "--multiline --unrestricted --text --hidden --no-hidden --no-ignore --no-ignore-vcs --no-messages "
            "--no-config --glob --iglob --type --type-not --max-depth --max-filesize --sort --sortr --threads"
        ),
        _options("-l --files --files-with-matches --files-without-match"),
        _options("-0 --null"),
    ),
    **dict.fromkeys(
        ("fd", "fdfind"),
        Listing(
            _options(
                "-H -I -u -s -i -g -F -p -1 -t -e -d -E -S -j --hidden --no-ignore --unrestricted --case-sensitive "
                "--ignore-case --glob --fixed-strings --full-path --no-ignore-vcs --one-file-system --type "
                "--extension --max-depth --min-depth --exact-depth --exclude --size --changed-within "
                "--changed-before --threads --max-results"
            ),
            nul=_options("-0 --print0"),
        ),
    ),
    **dict.fromkeys(
        ("ls", "dir", "vdir"),
        Listing(_options("-1 -A -t -r -S -U -X -v -c -u -d -I --almost-all --reverse --sort --ignore --hide")),
    ),
    **dict.fromkeys(("exa", "eza"), Listing(_options("-1 -r -s"))),
    "git grep": Listing(
        _options("-i -w -v -E -G -P -F -e -I -a -m --ignore-case --word-regexp --invert-match --extended-regexp "
                 "--basic-regexp --perl-regexp --fixed-strings --cached --max-depth --full-name"),
        _options("-l -L --files-with-matches --files-without-match --name-only"),
        _options("-z"),
    ),
    "git ls-files": Listing(
        _options("-c -d -o -i -m -x --cached --deleted --others --ignored --modified --exclude --exclude-standard "
                 "--error-unmatch --full-name --deduplicate --directory --no-empty-directory"),
        nul=_options("-z"),
    ),
    "git diff": Listing(_options("--diff-filter --no-renames --relative"), _options("--name-only"), _options("-z")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    """A program that prints some lines of its input as they are: with these options, and this many operands."""

    flags: frozenset[str]
    values: frozenset[str] = frozenset()
    operands: int = 0


FILTERS: Mapping[str, Filter] = {
    "cat": Filter(frozenset()),
    "tac": Filter(frozenset()),
    "head": Filter(_options("-q"), _options("-n --lines")),
    "tail": Filter(_options("-q"), _options("-n --lines")),
    "sort": Filter(_options("-u -r -n -V -f -R -h -d -i -s --unique --reverse --numeric-sort --version-sort")),
    "uniq": Filter(_options("-u -d -i --unique --repeated --ignore-case")),
    "shuf": Filter(frozenset(), _options("-n --head-count")),
    **dict.fromkeys(
        ("grep", "egrep", "fgrep"),
        Filter(
            _options("-v -i -w -x -E -F -P -G --invert-match --ignore-case --word-regexp --line-regexp"),
            _options("-e -m --regexp --max-count"),
            operands=1,
        ),
    ),
    "rg": Filter(
        _options("-v -i -s -S -w -x -F -P -N --invert-match --ignore-case --word-regexp --line-regexp"),
        _options("-e -m --regexp --max-count"),
        operands=1,
    ),
}


def passes_names_on(name: str, given: Iterable[tuple[str, Arg | None]], operands: int) -> bool:
    """True if what the program prints is some lines of its input, each whole and as it came."""
    entry = FILTERS.get(name)
    if entry is None:
        return False
    options = [option for option, _ in given]
    wanted = entry.operands if not any(option in ("-e", "--regexp") for option in options) else 0
    plain = all(
        option in entry.flags or option in entry.values or (name in ("head", "tail") and option[1:].isdigit())
        for option in options
    )
    return plain and operands == wanted
