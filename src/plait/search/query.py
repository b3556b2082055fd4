"""What a query looks like: an identifier, a qualified name, a path, an import, a regex, a literal, prose. Pure."""

from __future__ import annotations

import re
from enum import StrEnum


class Shape(StrEnum):
    IDENTIFIER = "identifier"
    QUALIFIED = "qualified"
    PATH = "path"
    IMPORT = "import"
    REGEX = "regex"
    LITERAL = "literal"
    PROSE = "prose"


IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*\Z")
QUALIFIED = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|#|->)[A-Za-z_$~][\w$]*)+(?:\(\))?\Z")
IMPORT = re.compile(r"(?:from|import|use|require|include|#include)\b[\s<\"'(]*([\w@./:-]+)")
FILE_NAME = re.compile(
    r"[\w@.+-]+\.(?:py|pyi|js|jsx|mjs|cjs|ts|tsx|go|rs|c|h|cc|cpp|hpp|java|kt|swift|rb|php|cs|scala|lua|ex|exs|hs|ml|"
    r"sh|bash|zsh|sql|html|css|scss|md|rst|txt|toml|yaml|yml|json|xml|ini|cfg|lock|proto|gradle|cmake|tf|vue|svelte)\Z"
)
# What makes a text a regex to the eye: classes, escapes, quantified groups, anchors around words.
REGEX = re.compile(r"\\[bdswBDSW.(\[{|+*?$^]|\.[*+]|\[[^\]]+\][*+?]?|\([^)]*\|[^)]*\)|^\^|\$\Z|\w\|\w|\)\s*[*+?]")
WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")

# fmt: off
STOP_WORDS = frozenset(
    {
        "a", "about", "all", "an", "and", "any", "are", "as", "at", "be", "been", "being", "but", "by", "can",
        "code", "could", "did", "do", "does", "doing", "done", "each", "else", "every", "find", "for", "from",
        "get", "gets", "getting", "give", "given", "go", "goes", "had", "happen", "happens", "has", "have",
        "having", "here", "how", "i", "if", "in", "into", "is", "it", "its", "just", "know", "let", "like",
        "look", "made", "make", "makes", "many", "may", "me", "more", "most", "much", "my", "need", "no", "not",
        "of", "off", "on", "one", "or", "our", "out", "over", "please", "project", "repo", "repository", "run",
        "runs", "same", "see", "set", "should", "show", "so", "some", "somewhere", "such", "take", "tell",
        "than", "that", "the", "their", "them", "then", "there", "these", "they", "thing", "things", "this",
        "those", "through", "to", "under", "up", "us", "use", "used", "uses", "using", "want", "was", "way",
        "we", "were", "what", "when", "where", "whether", "which", "while", "who", "why", "will", "with",
        "within", "without", "work", "works", "would", "you", "your", "explain", "describe", "list", "file",
        "files", "function", "functions", "class", "classes", "method", "methods", "define", "defined",
        "defines", "definition", "implement", "implemented", "implementation", "implements", "handle",
        "handled", "handles", "handling", "called", "calls", "call",
    }
)
# fmt: on


def classify(query: str) -> Shape:
    """Return the shape of a query that is not empty."""
    text = query.strip()
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'`":
        return Shape.LITERAL
    words = text.split()
    if IMPORT.match(text) and len(words) <= 4 and not text.endswith("?") and not (words[0] == "use" and len(words) > 2):
        return Shape.IMPORT
    if len(words) == 1:
        if "/" in text.strip("/") or FILE_NAME.match(text):
            return Shape.PATH
        if IDENTIFIER.match(text):
            return Shape.IDENTIFIER
        if QUALIFIED.match(text):
            return Shape.QUALIFIED
        return Shape.REGEX if REGEX.search(text) else Shape.LITERAL
    if REGEX.search(text) and not text.endswith("?"):
        return Shape.REGEX
    plain = [word for word in words if re.fullmatch(r"[A-Za-z][\w'.-]*[?,.:;!]*", word)]
    return Shape.PROSE if len(plain) >= 0.7 * len(words) and not re.search(r"[(){}=<>]", text) else Shape.LITERAL


def unquoted(query: str) -> str:
    text = query.strip()
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'`" else text


def last_name(query: str) -> str:
    """Return the last part of a qualified name: `bar` of `Foo.bar`, `Foo::bar()`."""
    return re.split(r"\.|::|#|->", query.strip().removesuffix("()"))[-1]


def scope_names(query: str) -> tuple[str, ...]:
    """Return what stands before the last part: (`Foo`,) of `Foo.bar`."""
    return tuple(re.split(r"\.|::|#|->", query.strip())[:-1])


def imported_module(query: str) -> str:
    """Return the module that an import-like query, or a bare name, is about."""
    match = IMPORT.match(query.strip())
    return (match.group(1) if match else query.strip()).strip("\"'<>();")


def names_in(query: str) -> tuple[str, ...]:
    """Return the words of a sentence that can only be names: `snake_case`, `camelCase`, qualified, quoted."""
    found = re.findall(r"`([^`\s]+)`|\"([^\"\s]+)\"|([A-Za-z_][\w.:]*\w)", query)
    words = [next(part for part in parts if part) for parts in found]
    quoted = {next(part for part in parts[:2] if part) for parts in found if parts[0] or parts[1]}
    return tuple(dict.fromkeys(word for word in words if word in quoted or _is_name(word)))


def _is_name(word: str) -> bool:
    if "_" in word.strip("_") or "::" in word or re.search(r"\w\.\w", word):
        return True
    return bool(re.search(r"[a-z][A-Z]|[A-Z]{2,}[a-z]", word)) or bool(re.fullmatch(r"[A-Z][A-Z0-9_]{3,}", word))


def terms(query: str) -> tuple[str, ...]:
    """Return the words that carry a sentence's meaning, lower case, cut to a common stem, in order, at most eight."""
    words = [piece.lower() for word in WORD.findall(query) for piece in CAMEL.findall(word)]
    kept = [stem(word) for word in words if word not in STOP_WORDS and len(word) > 2]
    return tuple(dict.fromkeys(kept))[:8]


def stem(word: str) -> str:
    """Cut the commonest English endings, so that `retries` finds `retry` and `handling` finds `handle`."""
    for ending, instead in (
        ("ies", "y"),
        ("ing", ""),
        ("ied", "y"),
        ("ions", ""),
        ("ion", ""),
        ("ed", ""),
        ("es", ""),
        ("s", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            cut = word[: -len(ending)] + instead
            # `retry` must still match `retries`: what is searched for is a beginning.
            return cut[:-1] if cut.endswith("y") and len(cut) > 4 else cut
    return word[:-1] if word.endswith(("e", "y")) and len(word) > 4 else word
