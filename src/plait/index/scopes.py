"""Turn what was found in a file into named definitions with their scopes. Pure; knows no trees."""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST_NAME = 200
TYPES = frozenset(("class", "struct", "interface", "enum", "scope"))
ALIASES = ("type", "variable", "constant")
# Words before a name that say where it is kept, not what it belongs to.
ITSELF = frozenset(("prototype", "exports", "module", "this", "self", "window", "globalThis", "global", "_G"))
APPLIED = re.compile(r"<[^<>]*(?:<[^<>]*(?:<[^<>]*>[^<>]*)*>[^<>]*)*>|\[[^\]]*\]")
WORD = re.compile(r"[^\W\d]\w*")


class Symbol(NamedTuple):
    """A definition. `scope` names what it is in, outermost first, joined with dots; lines are 1-based."""

    name: str
    kind: str
    scope: str
    line: int
    end_line: int


Definition = tuple[int, int, int, str, int, int, int, int, str]
"""(start, end below zero, rank, kind, start of the name, its end, line, end line, owner), offsets in bytes.

It sorts as definitions nest, the outer before the inner; of two of the same text the one of lower rank is right.
"""


def symbols(data: bytes, definitions: list[Definition], between: str, *, clauses: bool = False) -> list[Symbol]:
    """Name the `definitions`, in the order of the text.

    `between` holds what parts the words of a qualified name; with `clauses`, those of one name in a row are one.
    """
    definitions.sort()
    found: list[Symbol] = []
    seen: set[int] = set()
    # What is around, the innermost last: at the bottom the file.
    starts, ends, scopes, kinds = [-1], [len(data) + 1], [""], [""]
    for start, end, _, kind, name_start, name_end, line, end_line, owner in definitions:
        if name_start in seen:
            continue
        seen.add(name_start)
        while ends[-1] <= start or (ends[-1] == -end and starts[-1] == start):
            starts.pop()
            ends.pop()
            scopes.pop()
            kinds.pop()
        # `typedef struct inner {…} outer`: the one around is only another name.
        scope = scopes[-1] if kind not in TYPES or kinds[-1] not in ALIASES else scopes[-2]
        name = data[name_start:name_end].decode("utf-8", "replace")
        if owner:
            scope = joined(scope, bare(owner))
        if kind == "scope":
            name = bare(name)
        elif not name.isidentifier():
            scope, name = qualified(scope, name, between)
        name = name[:LONGEST_NAME]
        if kind == "function" and (kinds[-1] in TYPES or owner or scope != scopes[-1]):
            kind = "method"
        elif kind == "method" and not scope:
            kind = "function"
        if clauses and found and found[-1][:3] == (name, kind, scope):
            found[-1] = found[-1]._replace(end_line=end_line)
        elif kind != "scope" and name:
            found.append(Symbol(name, kind, scope, line, end_line))
        starts.append(start)
        ends.append(-end)
        scopes.append(f"{scope}.{name}"[:LONGEST_NAME] if scope else name)
        kinds.append(kind)
    return found


def joined(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope and name else scope or name


def bare(name: str) -> str:
    """Return a type's name without what it is applied to: `Map<K, V>`, `&a::Map` and `Map[K]` are `Map`."""
    words = WORD.findall(APPLIED.sub("", name[:1_000]))
    return words[-1] if words else ""


def qualified(scope: str, name: str, between: str) -> tuple[str, str]:
    """Tidy a name that is more than a word, and move what qualifies it into the scope."""
    name = _unquoted(" ".join(name[:1_000].split()))
    if not between or "operator" in name:
        return scope, name
    words = [word for word in re.split(f"[{re.escape(between)}]", APPLIED.sub("", name)) if word.strip()]
    if not words:
        return scope, name
    owners = [_unquoted(word.strip("? ")) for word in words[:-1] if word not in ITSELF]
    return joined(scope, ".".join(owners))[:LONGEST_NAME], _unquoted(words[-1].strip())


def _unquoted(name: str) -> str:
    quoted = len(name) > 2 and (name[0] == name[-1] in "\"'`" or (name[0] == "[" and name[-1] == "]"))
    return name[1:-1] if quoted else name
