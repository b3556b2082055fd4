"""Definitions by the shape of their lines, for text that its grammar does not understand.

Code is half written, newer than its grammar, or full of macros. Where the tree has errors, lines that can hardly be
anything but a definition are taken for one, unless the tree has it already. Pure: bytes in, offsets out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice

NAME = rb"[A-Za-z_$][\w$]*"
NOT_A_NAME = (
    rb"(?!(?:if|for|while|switch|catch|return|function|with|do|else|new|await|throw|typeof|super|sizeof|defined)\b)"
)
BEFORE = (
    rb"(?:(?:export|default|declare|abstract|async|const|public|private|protected|internal|static|final|sealed|open|"
    rb"override|readonly|partial|data|inline|unsafe|extern|virtual|pub(?:\([^)\n]*\))?|fileprivate|case|implicit|lazy|"
    rb"suspend|mutating|local|crate)[ \t]+)*"
)


def _keywords(**words: bytes) -> bytes:
    """Return a pattern of lines that begin with a word and a name; the group that took the name is the kind."""
    kinds = (rb"(?:%s)[ \t]+(?P<%s>%s)" % (word, kind.encode(), NAME) for kind, word in words.items())
    return rb"[ \t]*%s(?:%s)" % (BEFORE, b"|".join(kinds))


METHOD = (
    rb"|[ \t]+"
    + BEFORE
    + NOT_A_NAME
    + rb"(?:[gs]et[ \t]+)?(?P<method>#?[A-Za-z_$][\w$]*)[ \t]*(?:<[^\n(]*>)?\((?![^\n]*=>)[^;\n]*\{[ \t]*\r?$"
)
C_LIKE = (
    rb"|#[ \t]*define[ \t]+(?P<macro>[A-Za-z_]\w*)"
    rb"|(?:[A-Za-z_](?:[\w \t*]|\([\d\"][^()\n]{0,80}\)){0,200}[ \t*])?"
    + NOT_A_NAME
    + rb"(?P<call>[A-Za-z_]\w*)[ \t]*\("
)
C_TYPES = (
    rb"(?=[A-Za-z_#])(?:typedef[ \t]+)?(?:(?:struct|union)[ \t]+(?P<struct>%s)|enum[ \t]+(?P<enum>%s))[^;\n(=*]*\{"
    % (
        NAME,
        NAME,
    )
)
SCRIPT = _keywords(function=rb"function[ \t]*\*?", klass=rb"class(?![ \t]+(?:extends|implements)\b)")
TYPED = _keywords(
    function=rb"function[ \t]*\*?",
    klass=rb"class(?![ \t]+(?:extends|implements)\b)",
    interface=rb"interface",
    enum=rb"enum",
    module=rb"namespace",
    type=rb"type(?=[ \t]+[\w$]+[ \t]*(?:[<=]|\r?$))",
)
SHAPES: dict[str, re.Pattern[bytes]] = {
    language: re.compile(rb"\n(?:%s)" % pattern.replace(b"<klass>", b"<class>"), re.M)
    for language, pattern in (
        ("c", C_TYPES + C_LIKE),  # Only what is not indented: the rest are members and statements.
        ("cpp", C_TYPES + C_LIKE + b"|" + _keywords(klass=rb"class", module=rb"namespace")),
        (
            "csharp",
            _keywords(klass=rb"class", interface=rb"interface", enum=rb"enum", struct=rb"struct|record") + METHOD,
        ),
        ("go", rb"func[ \t]+(?:\([^)\n]*\)[ \t]*)?(?P<function>%s)|type[ \t]+(?P<type>%s)" % (NAME, NAME)),
        ("java", _keywords(klass=rb"class", interface=rb"@?interface", enum=rb"enum", struct=rb"record")),
        ("javascript", SCRIPT + METHOD),
        ("kotlin", _keywords(klass=rb"class|object", interface=rb"interface", function=rb"fun", type=rb"typealias")),
        ("php", _keywords(klass=rb"class", interface=rb"interface|trait", function=rb"function")),
        ("python", rb"[ \t]*(?:(?:async[ \t]+)?def[ \t]+(?P<function>%s)|class[ \t]+(?P<class>%s))" % (NAME, NAME)),
        ("ruby", rb"[ \t]*(?:def[ \t]+(?:self\.)?(?P<method>%s[?!]?)|class[ \t]+(?P<class>[\w:]+))" % NAME),
        (
            "rust",
            _keywords(function=rb"fn", struct=rb"struct", enum=rb"enum", interface=rb"trait", type=rb"type")
            + rb"|[ \t]*macro_rules!\s*(?P<macro>%s)" % NAME,
        ),
        ("scala", _keywords(klass=rb"class", module=rb"object", interface=rb"trait", function=rb"def", type=rb"type")),
        ("swift", _keywords(klass=rb"class|struct|actor", interface=rb"protocol", enum=rb"enum", function=rb"func")),
        ("tsx", TYPED + METHOD),
        ("typescript", TYPED + METHOD),
    )
}
# `<in out A>` says how a parameter varies.
VARIANCE = tuple(re.compile(word + rb"[ \t]+(?=[A-Za-z_$])") for word in (rb"<in", rb", in", rb"out"))
GENERIC_LINE = re.compile(rb"<(?<=[ \t]<)(?=[A-Za-z])")
BRACKET = re.compile(rb"[()]")
LONGEST_HEAD_BYTES = 1_500
LONGEST_BODY_BYTES = 20_000
DEEPEST_HEAD = 20
# Bounds on the work for text that is made to be slow.
MOST_LINES = 20_000
MOST_CALLS = 5_000
BODY = re.compile(rb"[\s\w]{0,300}(?:\([^(){};]{0,200}\)[\s\w]{0,100}){0,3}\{")
MACRO_BODY = re.compile(rb"\s{0,80}\{")
FIRST_ARGUMENT = re.compile(rb"\([ \t]*([A-Za-z_]\w*)[ \t]*[,)]")
MACRO = re.compile(rb"[A-Z][A-Z0-9_]*\Z")


Shaped = tuple[str, int, int, int]
"""(kind, start of the line, start of the name, its end), offsets in bytes."""


def shaped(data: bytes, language: str, spans: Iterable[tuple[int, int]]) -> Iterator[Shaped]:
    """Yield what looks like a definition on the lines that begin in one of the `spans`."""
    pattern = SHAPES.get(language)
    if pattern is None:
        return
    # A line begins behind a line feed, which is much quicker to find than the beginning of a line.
    lines = b"\n" + data
    calls = 0
    found = chain.from_iterable(pattern.finditer(lines, first, last + 1) for first, last in spans)
    for match in islice(found, MOST_LINES):
        kind = match.lastgroup or ""
        start, end = match.start(kind) - 1, match.end(kind) - 1
        if kind == "call":
            # A function of C is told from its call by the brace behind the parentheses.
            calls += 1
            macro = MACRO.match(data, start, end) is not None
            if not macro and start == match.start() and data[max(0, start - 100) : start].rstrip().endswith(b")"):
                # What stands between the head and the body of a function says something about it.
                continue
            if calls > MOST_CALLS or not _has_body(data, end, MACRO_BODY if macro else BODY):
                continue
            kind = "function"
            if macro and (argument := FIRST_ARGUMENT.match(data, end)):
                # A macro that defines a function calls it by its first argument.
                start, end = argument.span(1)
        yield kind, match.start(), start, end


def _has_body(data: bytes, at: int, body: re.Pattern[bytes]) -> bool:
    """Return whether a brace opens behind the parentheses that begin at `at`."""
    depth = 0
    for match in BRACKET.finditer(data, at, at + LONGEST_HEAD_BYTES):
        depth += 1 if match[0] == b"(" else -1
        if depth > DEEPEST_HEAD:
            return False
        if depth == 0:
            return body.match(data, match.end()) is not None
    return False


def end_of(data: bytes, start: int, name_end: int) -> int:
    """Return where the definition ends: behind the next line that closes at the same indentation."""
    line_end = data.find(b"\n", name_end)
    if line_end < 0:
        return len(data)
    if data[name_end:line_end].rstrip().endswith((b";", b"}")):
        return line_end
    head = data[start:name_end].lstrip(b"\r\n")
    closing = b"\n" + head[: len(head) - len(head.lstrip(b" \t"))]
    found = [data.find(closing + mark, line_end, line_end + LONGEST_BODY_BYTES) for mark in (b"}", b"end")]
    at = min((at for at in found if at >= 0), default=-1)
    if at < 0:
        return line_end
    end = data.find(b"\n", at + 1)
    return len(data) if end < 0 else end


def readable(data: bytes, language: str) -> bytes:
    """Return `data` with what its grammar trips over blanked out, every byte at its place."""
    if language not in ("typescript", "tsx"):
        return data
    edits: list[tuple[int, int, bytes]] = []
    for pattern in VARIANCE:
        for match in pattern.finditer(data):
            start = match.start() + len(match[0]) - len(match[0].lstrip(b"<, "))
            before = data[max(0, start - 200) : start].rstrip()
            if before.endswith((b"<", b",", b"<in", b", in")):
                edits.append((start, match.end(), b" "))
    if language == "typescript":
        # A type ends at a line break before `<`, which the grammar takes for its arguments.
        for match in GENERIC_LINE.finditer(data):
            start = match.start()
            before = data[max(0, start - 2_000) : start].rstrip(b" \t")
            if before.endswith(b"\n") and _may_end(before):
                edits.append((start - 1, start, b";"))
    if not edits:
        return data
    text = bytearray(data)
    for start, end, mark in edits:
        text[start:end] = mark * (end - start)
    return bytes(text)


def _may_end(before: bytes) -> bool:
    """Return whether a member or a statement may end where the text `before` does, comments left out."""
    before = before.rstrip()
    while before.endswith(b"*/") and (at := before.rfind(b"/*")) >= 0:
        before = before[:at].rstrip()
    last = before[-1:]
    return last.isalnum() or last in (b">", b")", b"]", b"}", b"_", b'"', b"'")
