"""What `scout` asks of the tools: searches of several wordings, the files a prompt names, a look around. Pure.

A prompt is taken as a question about the code. Nothing here knows the model library.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from plait.search import query as queries
from plait.search.query import Shape
from plait.tools.hits_text import FoundPlace

Call = tuple[str, dict[str, Any]]
"""A tool's name and its arguments."""

MOST_SEARCHES = 4
MOST_NAMED_FILES = 4
MOST_PLACES = 6
# Of a prompt with a whole file in it, what is looked at, and what is taken as the question.
LONGEST_PROMPT = 20_000
LONGEST_QUESTION = 300
# Lines shown of a file that the prompt names, of a definition, and around any other place.
NAMED_LINES = 40
DEFINITION_LINES = 14
AROUND_LINES = 9
DEFINITIONS = frozenset(("function", "method", "class", "struct", "enum", "interface", "type", "module", "macro"))

OVERVIEW = re.compile(
    r"\b(?:what is (?:this|it)(?: (?:project|repo|repository|code ?base|program))?(?=[?.!]*$)|overview|architecture|"
    r"about this (?:project|repo)|(?:project|repo|repository|codebase) (?:structure|layout)|structure of (?:this|the)|"
    r"get(?:ting)? started|(?:explain|describe|summari[sz]e|introduce|understand) (?:me )?(?:this|the) "
    r"(?:project|repo|repository|codebase|code base|code)|what does this (?:project|repo|repository|codebase|"
    r"code|program) do|"
    r"what is this (?:project|repo|repository|codebase))\b",
    re.IGNORECASE,
)
_THING = r"(?:(?:the|a|an) )?(?:function |class |method |type |struct |variable |constant |module |symbol )?"
_NAME = r"[`\"']?([A-Za-z_$][\w$]*(?:(?:\.|::|#|->)[A-Za-z_$][\w$]*)*)(?:\(\))?[`\"']?"
USES = re.compile(
    rf"\b(?:(?:what|who|which \w+|where)(?: else)?(?: (?:is|are|does|do))? ?(?:calls?|uses?|references?|"
    rf"invokes?|depends? on)|"
    rf"callers of|users of|usages? of|uses of|references to|calls to) {_THING}{_NAME}(?=[?.!,]|$| )",
    re.IGNORECASE,
)
USED = re.compile(rf"\bwhere (?:is|are) {_THING}{_NAME} (?:used|called|referenced|invoked)\b", re.IGNORECASE)
IMPORTS = re.compile(
    r"\b(?:who|what|which \w+|where)(?: (?:is|are|do|does))? ?(?:imports?|includes?|requires?) [`\"'<]?([\w./:@-]+)",
    re.IGNORECASE,
)
DEFINED = re.compile(
    rf"\b(?:where|how) (?:is|are) {_THING}{_NAME}(?: (?:defined|declared|implemented|located)\b|(?=[?.!]*$))|"
    rf"\bdefinition of {_THING}{_NAME}|\bwhat (?:is|does) {_THING}{_NAME}(?: do)?(?=[?.!]*$)|"
    rf"\b(?:function|class|method|struct|interface|enum|trait|macro) {_NAME}",
    re.IGNORECASE,
)
LEADING = re.compile(
    r"^\W*(?:(?:please|can you|could you|would you|i want to know|tell me|show me|find|look for|search for|"
    r"explain|describe)\s+)*"
    r"(?:(?:where|how|what|which|who|why|when)\s+(?:is|are|does|do|did|can|could|should|calls|uses)?\s*)?(?:the\s+)?",
    re.IGNORECASE,
)
PATH = re.compile(
    r"(?:^|(?<=[\s`\"'(@]))((?:\.{0,2}/)?(?:[\w.+-]+/)*[\w.+-]*\w\.[A-Za-z]\w{0,9})(?::\d+)?(?=$|[\s`\"'),:;?!.])"
)
QUOTED = re.compile(r"`([^`\n]{2,120})`|\"([^\"\n]{2,120})\"|“([^”\n]{2,120})”")


def first_calls(prompt: str, tools: Collection[str]) -> list[Call]:
    """Return the calls for a prompt, all to be made at once, of the tools there are."""
    # A word of hundreds of letters is data.
    prompt = re.sub(r"\S{300,}", lambda word: word[0][:300], prompt[:LONGEST_PROMPT])
    calls: list[Call] = [("search", args) for args in searches(prompt)]
    calls += [("read", _window(path, 1, NAMED_LINES)) for path in named_files(prompt)]
    if OVERVIEW.search(prompt):
        calls += [("list", {"path": "."}), ("search", {"query": "README", "kinds": ["files"], "limit": 2})]
    return [call for call in calls if call[0] in tools]


def searches(prompt: str) -> list[dict[str, Any]]:
    """Return the arguments of the searches worth making, most exact first, at most four."""
    paths = named_files(prompt)
    named = set(paths)
    whole = " ".join(PATH.sub(lambda match: " " if match[1] in named else match[0], prompt).split())
    question = _question(prompt)
    found: list[dict[str, Any]] = []
    for pattern, kind in ((USES, "references"), (USED, "references"), (IMPORTS, "imports")):
        match = pattern.search(whole)
        if match is not None and match[1].lower() not in queries.STOP_WORDS:
            found.append({"query": match[1].rstrip("."), "kinds": [kind]})
    match = DEFINED.search(whole)
    names = [name for name in (match.groups() if match else ()) if name and name.lower() not in queries.STOP_WORDS]
    names += [next(text for text in quoted if text) for quoted in QUOTED.findall(prompt)[:3]]
    names += queries.names_in(whole)[:3]
    bare = LEADING.sub("", question).strip(" ?!.,;:")
    if len(question.split()) == 1 or queries.classify(question) in (
        Shape.REGEX,
        Shape.IMPORT,
        Shape.QUALIFIED,
        Shape.PATH,
    ):
        names.insert(0, question.strip(" ?!"))
    elif len(bare.split()) == 1 and bare:
        names.append(bare)
    found += [{"query": path, "kinds": ["files"]} for path in paths]
    found += [{"query": name} for name in names if name and name not in paths]
    if len(question.split()) > 1 and not OVERVIEW.search(question):
        found.append({"query": question})
    return _distinct(found)[:MOST_SEARCHES]


def _question(prompt: str) -> str:
    """Return the prompt, of a long one the sentence that asks, or else its beginning."""
    text = " ".join(prompt.split())
    if len(text) <= LONGEST_QUESTION:
        return text
    lines = [" ".join(line.split()) for line in prompt.splitlines()]
    sentences = [sentence for line in lines for sentence in re.split(r"(?<=[.!?])\s+", line)]
    asking = [sentence for sentence in sentences if sentence.endswith("?") and 8 < len(sentence) <= LONGEST_QUESTION]
    first = next((line for line in lines if line), text)
    return (asking[0] if asking else first)[:LONGEST_QUESTION].strip()


def _distinct(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each search once; a name that is looked for in one way need not be in another of the same."""
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for args in found:
        seen.setdefault((args["query"], ",".join(args.get("kinds", ()))), args)
    return list(seen.values())


def named_files(prompt: str) -> list[str]:
    """Return the files that a prompt names by an extension, at most four."""
    found = dict.fromkeys(PATH.findall(prompt[:LONGEST_PROMPT]))
    return [path for path in found if queries.FILE_NAME.match(path.rpartition("/")[2])][:MOST_NAMED_FILES]


def second_calls(places: Sequence[FoundPlace], already: Collection[str], tools: Collection[str]) -> list[Call]:
    """Return a read of the lines around each of the best places, unless they were read (`already`: from the top)."""
    if "read" not in tools:
        return []
    unread = (place for place in places[:MOST_PLACES] if place.path not in already or place.line > NAMED_LINES)
    return [("read", window_of(place)) for place in unread]


def window_of(place: FoundPlace) -> dict[str, Any]:
    """Return the arguments of `read` for a place: a definition from its first line, anything else from its midst."""
    if not place.line:
        return _window(place.path, 1, 2 * AROUND_LINES)
    if place.kind in DEFINITIONS:
        return _window(place.path, place.line, DEFINITION_LINES)
    return _window(place.path, max(1, place.line - AROUND_LINES // 2), AROUND_LINES)


def _window(path: str, first_line: int, line_count: int) -> dict[str, Any]:
    return {"files": [{"path": path, "first_line": first_line, "line_count": line_count}]}
