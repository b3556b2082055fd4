"""What a question about one name wants to know: where it is defined, who imports it, who uses it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from plait.search.query import STOP_WORDS


@dataclass(frozen=True, slots=True)
class Intent:
    """strategy: the one that answers; name: what it is asked about. own: what the file `name` itself imports."""

    strategy: str
    name: str
    own: bool = False


NAME = r"[\"'`<“]*(?P<name>[\w$@~.#][\w$@~./:#>\\-]*?(?:\(\))?)[\"'`>”]*"
SORT = (
    r"(?:(?:function|method|class|type|struct|interface|enum|trait|macro|constant|variable|symbol|module|package|"
    r"library|header|file|component|crate)\s+)?"
)
WHO = (
    r"(?:(?:who|what|where)(?:\s+all)?|(?:(?:which|what|find|list|show(?:\s+me)?)\s+)?(?:all\s+)?(?:the\s+)?"
    r"(?:other\s+)?(?:files?|modules?|packages?|places?|code|functions?|methods?|classes|tests?|callers?)?"
    r"(?:\s+(?:that|which|do|does))?)"
)
WHERE = r"where(?:\s+(?:is|are|does|do|was|gets?)|'s|’s)\s+(?:the\s+)?"
FIND = (
    r"(?:(?:find|show(?:\s+me)?|list|get|go\s+to|jump\s+to|locate|where\s+(?:is|are)|what\s+(?:is|are))\s+)?(?:all\s+)?"
)
FORMS = tuple(
    (strategy, plain, re.compile(rf"\s*{form}\s*[?.!]*\s*\Z", re.IGNORECASE))
    for strategy, plain, form in (
        ("symbols", True, rf"{WHERE}{SORT}{NAME}\s+(?:get\s+)?(?:being\s+)?(?:defined|declared)(?:\s+at)?"),
        ("symbols", False, rf"{WHERE}{SORT}{NAME}\s+(?:implemented|located)"),
        ("symbols", True, rf"{FIND}(?:the\s+)?(?:definitions?|declarations?)\s+of\s+(?:the\s+)?{SORT}{NAME}"),
        ("symbols", False, rf"{FIND}(?:the\s+)?implementations?\s+of\s+(?:the\s+)?{SORT}{NAME}"),
        ("symbols", True, rf"{WHO}\s+(?:defines?|declares?)\s+{SORT}{NAME}"),
        ("imports", True, rf"{WHO}\s+(?:imports?|includes?|depends?\s+on)\s+(?:the\s+)?{SORT}{NAME}"),
        ("imports", True, rf"{WHERE}{SORT}{NAME}\s+(?:get\s+)?(?:imported|included)(?:\s+from)?"),
        ("imports", True, rf"{FIND}(?:the\s+)?(?:imports?|importers|includes)\s+of\s+(?:the\s+)?{SORT}{NAME}"),
        ("references", True, rf"{WHO}\s+(?:calls?|invokes?|references?)\s+(?:the\s+)?{SORT}{NAME}"),
        ("references", False, rf"{WHO}\s+uses?\s+(?:the\s+)?{SORT}{NAME}"),
        (
            "references",
            True,
            rf"{WHERE}{SORT}{NAME}\s+(?:get\s+)?(?:being\s+)?(?:called|invoked|referenced)(?:\s+from)?",
        ),
        ("references", False, rf"{WHERE}{SORT}{NAME}\s+(?:get\s+)?(?:being\s+)?used"),
        (
            "references",
            True,
            rf"{FIND}(?:the\s+)?(?:usages?|uses?|references|callers|calls|call\s+sites)\s+(?:of|to)\s+(?:the\s+)?{SORT}{NAME}",
        ),
    )
)
"""(strategy, whether a plain English word may be the name, form)"""
OWN = re.compile(
    rf"\s*(?:(?:what|which\s+(?:modules?|packages?|files?|headers?|libraries))\s+(?:does|do|is|are)\s+{SORT}{NAME}\s+"
    rf"(?:imports?|includes?|depends?\s+on|importing)|(?:what|which\s+\w+)\s+(?:is|are)\s+(?:imported|included)\s+"
    rf"(?:by|in|from)\s+{SORT}(?P<by>[\w$@~./-]+)|{FIND}(?:the\s+)?(?:imports?|includes|dependencies)\s+in\s+{SORT}"
    rf"(?P<inside>[\w$@~./-]+))\s*[?.!]*\s*\Z",
    re.IGNORECASE,
)
"""What a file imports itself."""
NAMED = re.compile(r"[._:/#$@\\0-9]|[a-z][A-Z]|^[A-Z]|\(\)$")


def intent(text: str) -> Intent | None:
    """Return what a question wants to know of one name; None if it is no such question."""
    if (own := OWN.match(text)) is not None:
        file = (own["name"] or own["by"] or own["inside"]).rstrip("?.!:")
        return Intent("imports", file, own=True) if NAMED.search(file) else None
    for strategy, plain, form in FORMS:
        match = form.match(text)
        if match is None:
            continue
        name = match["name"].rstrip(".:")
        if name.lower() in STOP_WORDS or (not plain and NAMED.search(name) is None):
            continue
        return Intent(strategy, name)
    return None
