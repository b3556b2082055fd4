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
    STRUCTURE = "structure"


IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*\Z")
QUALIFIED = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|#|->)[A-Za-z_$~][\w$]*)+(?:\(\))?\Z")
IMPORT = re.compile(r"(?:from|import|use|require|include|#include)\b[\s<\"'(]*([\w@./:-]+)")
FILE_NAME = re.compile(
    r"[\w@.+-]+\.(?:py|pyi|js|jsx|mjs|cjs|ts|tsx|go|rs|c|h|cc|cpp|hpp|java|kt|swift|rb|php|cs|scala|lua|ex|exs|hs|ml|"
    r"sh|bash|zsh|sql|html|css|scss|md|rst|txt|toml|yaml|yml|json|xml|ini|cfg|lock|proto|gradle|cmake|tf|vue|svelte)\Z"
)
# The beginning of a definition, typed as it stands in the code.
DEFINES = re.compile(
    r"(?:(?:export|pub|public|private|static|async|abstract)\s+)*"
    r"(?:def|class|func|fn|function|fun|struct|enum|interface|trait|type|impl|const|let|var|namespace|macro_rules!)"
    r"\s+[\w$]+[(:{]?\Z"
)
# What makes a text a regex to the eye: classes, escapes, quantified groups, anchors around words.
REGEX = re.compile(r"\\[bdswBDSW.(\[{|+*?$^]|\.[*+]|\[[^\]]+\][*+?]?|\([^)]*\|[^)]*\)|^\^|\$\Z|\w\|\w|\)\s*[*+?]")
WORD = re.compile(r"[^\W\d_][^\W_]*")
MOST_TERMS = 8
SENTENCE = 5
CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")

# Words that only make a sentence.
# fmt: off
STOP_WORDS = frozenset(
    {
        "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "because", "been",
        "before", "being", "both", "but", "by", "can", "cannot", "could", "did", "do", "does", "doing", "done",
        "during", "each", "either", "else", "every", "exactly", "find", "for", "from", "get", "gets", "getting",
        "give", "given", "go", "goes", "had", "happen", "happens", "has", "have", "having", "here", "how", "however",
        "i", "if", "in", "inside", "into", "is", "it", "its", "itself", "just", "kind", "know", "let", "like", "look",
        "made", "make", "makes", "many", "may", "me", "might", "more", "most", "much", "must", "my", "need", "needs",
        "no", "not", "now", "of", "off", "on", "one", "only", "onto", "or", "other", "our", "out", "over", "own",
        "per", "please", "responsible", "same", "see", "shall", "should", "show", "since", "so", "some", "somewhere",
        "such", "take", "takes", "tell", "than", "that", "the", "their", "them", "then", "there", "these", "they",
        "thing", "things", "this", "those", "through", "to", "too", "under", "until", "up", "upon", "us", "using",
        "want", "was", "way", "ways", "we", "were", "what", "when", "where", "whether", "which", "while", "who",
        "whom", "whose", "why", "will", "with", "within", "without", "work", "works", "would", "you", "your",
        "explain", "describe", "actually", "currently", "place", "places", "part", "parts", "decide", "decides",
    }
)
# fmt: on
# Words that stand in every file of code: they count only where a sentence has little else.
# fmt: off
COMMON_WORDS = frozenset(
    {
        "call", "called", "calling", "calls", "change", "changed", "class", "classes", "code", "codebase", "contain",
        "contains", "create", "created", "creates", "define", "defined", "defines", "definition", "determine",
        "determined", "executed", "file", "files", "function", "functions", "handle", "handled", "handles",
        "handling", "implement", "implementation", "implemented", "implements", "line", "lines", "list", "logic",
        "method", "methods", "module", "object", "objects", "perform", "performed", "program", "project", "repo",
        "repository", "return", "returned", "returns", "run", "running", "runs", "set", "sets", "source", "turn",
        "turned", "type", "use", "used", "user", "uses", "value", "values", "variable", "variables", "whole", "write",
        "written",
    }
)
# fmt: on


def classify(query: str) -> Shape:
    """Return the shape of a query that is not empty."""
    text = query.strip()
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'`":
        return Shape.LITERAL
    if is_structure(text):
        return Shape.STRUCTURE
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
    plain = [word for word in words if re.fullmatch(r"[\"'`(]*[^\W\d_][\w'’./-]*[\"'`)]*[?,.:;!…？。，]*", word)]
    # A sentence may give an example of what it means: `ranges such as web[01:20]`.
    sentence = len(plain) >= max(SENTENCE, 0.8 * len(words)) and "\\" not in text
    if REGEX.search(text) and not text.endswith("?") and not sentence:
        return Shape.REGEX
    if DEFINES.match(text):
        return Shape.LITERAL
    return Shape.PROSE if len(plain) >= 0.7 * len(words) and not re.search(r"[(){}=<>]", text) else Shape.LITERAL


META = re.compile(r"\$\$\$[A-Z0-9_]*|\$\$?[A-Z_][A-Z0-9_]*")
"""A place in a pattern that stands for any code: `$NAME`, `$$$` for any number of them."""


def is_structure(text: str) -> bool:
    """Say whether a query is a pattern of code to the eye: it has a metavariable, and code around it."""
    return META.search(text) is not None and re.search(r"[(){}\[\]=;]|\w\s+\$", META.sub("$", text)) is not None


QUESTION = re.compile(
    r"\s*(?:how|where|what|which|who|whose|why|when|is|are|does|do|can|could|find|show|list|tell|explain|describe)\b",
    re.IGNORECASE,
)


def may_be_quoted(query: str) -> bool:
    """True for words that may stand in the code just so: no question, and more than one of them."""
    return QUESTION.match(query) is None and not query.rstrip().endswith("?") and len(query.split()) > 1


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
    if "_" in word.strip("_") or "::" in word or re.search(r"\w{2}\.\w|\w\.\w{2}", word):
        return True
    return bool(re.search(r"[a-z][A-Z]|[A-Z]{2,}[a-z]", word)) or bool(re.fullmatch(r"[A-Z][A-Z0-9_]{3,}", word))


def terms(query: str) -> tuple[str, ...]:
    """Return the words that carry a sentence's meaning, in lower case and in order, each once, at most eight."""
    words = [piece.lower() for word in WORD.findall(query) for piece in (CAMEL.findall(word) or [word])]
    kept = list(
        dict.fromkeys(word for word in words if word not in STOP_WORDS and (len(word) > 2 or not word.isascii()))
    )
    telling = [word for word in kept if word not in COMMON_WORDS]
    chosen = telling if len(telling) >= 2 else kept
    return tuple({variants(word): word for word in reversed(chosen)}.values())[::-1][:MOST_TERMS]


SHORT_ENDINGS = ("", "s", "es", "d", "ed", "ing", "r", "rs", "er", "ers")


def beginnings(word: str) -> tuple[tuple[str, bool], ...]:
    """Return what `variants` finds as (text, whether a word may go on behind it), for an index of whole words."""
    if re.fullmatch(r"[a-z]{1,4}", word):
        doubled = word + word[-1]
        return tuple((stem + ending, False) for stem in (word, doubled) for ending in SHORT_ENDINGS)
    if match := re.fullmatch(r"([a-z]{2,})(?:ies|ied|y|ying)", word):
        return ((f"{match[1]}y", True), *((f"{match[1]}ie{last}", True) for last in "drs"))
    return ((re.sub(r"\\(.)", r"\1", variants(word)), True),)


def variants(word: str) -> str:
    """Return a pattern of the beginning that the forms of an English word share: `retries` and `retry`, `allocation`
    and `allocate`. What is not English is left as it is.
    """
    if not re.fullmatch(r"[a-z]+", word):
        return re.escape(word)
    if len(word) <= 4:
        # Short ones begin too many others: `sent` is no `sentinel`, `lock` no `lockstep`.
        return f"{word}{word[-1]}?(?:e?s|e?d|ing|e?rs?)?(?-i:[^a-z]|$)"
    if match := re.fullmatch(r"(\w{2,})(?:ies|ied|y|ying)", word):
        return f"{match[1]}(?:y|ie[drs])"
    for ending, shortest in (
        ("ations", 4),
        ("ation", 4),
        ("ions", 4),
        ("ion", 4),
        ("ings", 3),
        ("ing", 3),
        ("ers", 5),
        ("er", 5),
        ("ors", 6),
        ("or", 6),
        ("ed", 3),
    ):
        root = word.removesuffix(ending)
        if root != word and len(root) >= shortest and re.search(r"[aeiou]", root):
            # `mapping`, `running`: but `calling`, `passing`.
            doubled = re.search(r"([bdgmnprt])\1$", root)
            return root[:-1] if doubled else root
    if re.search(r"(?:s|x|z|ch|sh)es$", word) and len(word) > 5:
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        word = word[:-1]
    return word[:-1] if word.endswith("e") and len(word) >= 5 else word
