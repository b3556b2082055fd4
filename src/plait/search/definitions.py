"""Tell what a line defines, and what it opens the body of. Pure.

One line is all that is looked at, so this is what a search can know of a tree that no parser has seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from plait.search.languages import EXTENSIONS, METHODS_BY_INDENT

NAME = r"(?P<name>[A-Za-z_$][\w$]*)"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a line defines. `owner` is the type it names itself: `T` of `func (t *T) f` and of `T::f`."""

    name: str
    kind: str
    weak: bool = False
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A shape of line."""

    kind: str
    regex: re.Pattern[str]
    weak: bool = False


@cache
def _forms(suffix: str) -> tuple[Form, ...]:
    # Compiled at the first look at a file of the language: all of them together take a tenth of a second.
    return tuple(
        Form(kind.rstrip("?"), re.compile(pattern.replace("NAME", NAME)), kind.endswith("?"))
        for kind, pattern in EXTENSIONS.get(suffix, ())
    )


def definition_in(line: str, path: str) -> Definition | None:
    """Return what `line`, whole and with its indentation, defines in the file `path`; None if nothing."""
    suffix = path.rpartition(".")[2].lower()
    for form in _forms(suffix):
        match = form.regex.match(line)
        if match is None:
            continue
        kind = form.kind
        if kind == "function" and line[:1] in (" ", "\t") and EXTENSIONS[suffix] in METHODS_BY_INDENT:
            kind = "method"
        if kind == "variable" and match["name"].isupper():
            kind = "constant"
        owner = match["owner"] if "owner" in form.regex.groupindex else None
        return Definition(match["name"], kind, form.weak, owner or "")
    return None


_TYPE_KEYWORDS = (
    "class|struct|enum|union|trait|interface|object|module|namespace|record|protocol|extension|type|impl|defmodule|"
    "defimpl|actor|def|function|fn|func|fun"
)
_TYPE_MODIFIERS = (
    r"(?:(?:export|default|declare|abstract|public|private|protected|internal|static|final|sealed|open|data|inner|partial|"
    r"pub(?:\([^)]*\))?|unsafe|typedef|template\s*<[^<>]*>|const|case|@\w+(?:\([^()]*\))?|companion|enum|inline|annotation|"
    r"readonly|ref|indirect|implicit|fileprivate|value|class|cdef|async)\s+)*"
)
OPENINGS = rf"^\s*{_TYPE_MODIFIERS}(?:{_TYPE_KEYWORDS})\b"
"""What every line passes, in ripgrep too, that opens the body of a type or function; `opened` then decides."""
_OPENING = re.compile(rf"{OPENINGS}\s*(?:<[^>]*>\s*)?(?P<first>[\w:.$]+)(?:<.*?>)?(?:\s+for\s+(?P<second>[\w:.]+))?")


def opened(line: str) -> str | None:
    """Return the last part of the name of what `line` opens the body of; of `impl Trait for Type`, the type's."""
    match = _OPENING.match(line)
    if match is None or line.rstrip().endswith(";"):
        return None
    return re.split(r"::|\.", (match["second"] or match["first"]).rstrip(":."))[-1]


def patterns(name: str, *, contains: bool = False) -> tuple[str, ...]:
    """Return patterns for ripgrep that every line passes which may define `name`; `definition_in` then decides.

    `contains`: also what has `name` as a part, in any case, its words joined in any way.
    """
    name = rf"[\w$]*{loosely(name)}[\w$]*" if contains else re.escape(name)
    # What stands on either side of a name; ripgrep has no look-around.
    left, right = r"(?:^|[^\w$])", r"(?:[^\w$]|$)"
    keywords = _keywords()
    return (
        rf"(?:^|[^\w.])(?:{keywords})\b[^=;]*{left}{name}{right}",
        rf"^\s*#\s*define\s+{name}{right}",
        rf"^[\w\s.,$:]*{left}{name}\s*(?::[^=]+)?:?=(?:[^=]|$)",
        rf"^[\w].*{left}~?{name}\s*(?:[<\[].*)?\([^;]*$",
        rf"^\s.*{left}~?{name}\s*\??(?:<.*)?\(.*(?:\{{|=>|\(\s*$)",
        rf"^\s+[\w<>\[\],.?\s]+\s{name}\s*(?:<.*)?\([^;]*\)\s*$",
        rf"^\}}\s*{name}\s*;",
        rf"^\s*{name}\s*(?:\(\)|::)",
    )


def loosely(name: str) -> str:
    """Return a pattern of a name whose words may be joined in any way, for a look that ignores case."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[A-Z]+|\d+", name) or [name]
    return r"_?".join(map(re.escape, words))


@cache
def _keywords() -> str:
    return "|".join(re.escape(word) for word in KEYWORDS)


KEYWORDS = (
    "def", "cdef", "cpdef", "class", "function", "fn", "func", "fun", "struct", "enum", "union", "trait", "interface",
    "type", "typedef", "typealias", "using", "newtype", "module", "mod", "namespace", "package", "object", "record",
    "protocol", "extension", "macro_rules", "macro", "const", "let", "var", "val", "static", "sub", "procedure",
    "proc", "method", "data", "defmodule", "defp", "defmacro", "defprotocol", "defimpl", "message", "service", "rpc",
    "table", "view", "external", "and", "exception", "actor", "delegate", "contract", "index", "trigger", "define",
    "filter", "alias",
)  # fmt: skip
