"""Read what a line imports, in whatever language, and how near that is to a module. Pure: text in, names out."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

Parts = tuple[str, ...]

WORDS = (
    r"from|import|use|using|require|require_relative|require_once|include|include_once|open|alias|load|source|uses|mod|"
    r"extern\s+crate"
)
IS_IMPORT = re.compile(rf"\s*(?:(?:pub(?:\([^)]*\))?|export|static|@|#)\s*)*(?:{WORDS})\b")
INCLUDE = re.compile(r"\s*#\s*(?:include|import)\s*[<\"]([^>\"]+)[>\"]")
FROM_IMPORT = re.compile(r"\s*from\s+([.\w]+)\s+c?import\s+\(?([^#]*)")
QUOTED = re.compile(
    r"\b(?:from|import|require|require_relative|require_once|include|include_once|load|source)\b[\s(]*"
    r"(?:url\(|(?:__DIR__|__FILE__|dirname\([^)]*\))\s*\.\s*)?"
    r"[\"'`]([^\"'`]+)[\"'`]"
)
NAMES_FROM = re.compile(r"\s*(?:import|export)\s+(?:type\s+)?([\w$*\s{},]+?)\s+from\s*[\"']")
USE = re.compile(
    r"\s*(?:pub(?:\([^)]*\))?\s+)?(?:use|extern\s+crate|mod)\s+(?:(?:function|const)\s+)?([^;]+?)\s*(?:;|$)"
)
PLAIN = re.compile(
    r"\s*(?:@(?:\w+\s+)?|global\s+)?(?:import|using|open|alias|uses|include|extend|require(?=\s+[A-Z]))\s+"
    r"(?:(?:static|qualified|type|lazy|safe|class|func|struct|enum)\s+)*(\"?[\w.:\\/*{}, $=>]+)"
)
GO_LINE = re.compile(r"\s*(?:[\w.]+\s+)?\"([\w./~-]+)\"\s*(?://.*)?$")
SOURCED = re.compile(r"\s*(?:source|\.)\s+[\"']?([\w$./{}-]+)")
BETWEEN = re.compile(r"::|[./\\]")
RENAMED = re.compile(r"\s+as\s+|\s*=>\s*")
PYTHON = re.compile(r"\s*(?:from\s+([.\w]+)\s+)?import\s+([\w.,\s()*]+)\Z")
PIECE = re.compile(r"[{},]|[^{},]+")
COMMENT = re.compile(r"(?:#(?!\s*(?:include|import)\b)|//|--\s).*")
LONGEST_STATEMENT = 20_000
DEEPEST = 50
# `imported` tells some languages by the file's name.
NAMED_LIKE = {"go": "x.go", "bash": "x.sh"}
# What looks like one in a comment is no harm that is worth a walk through the tree. Each begins with a letter: that is
# found much quicker than a class or a choice.
_JS = (rb"(require\s*\(\s*[\"'`][^\"'`\n]+[\"'`])", rb"(import\s*\(\s*[\"'`][^\"'`\n]+[\"'`])")
CALLED: dict[str, tuple[re.Pattern[bytes], ...]] = {
    language: tuple(re.compile(pattern, re.M) for pattern in patterns)
    for language, patterns in (
        ("bash", (rb"^[ \t]*((?:source|\.)[ \t]+[^\n]+)",)),
        ("elixir", (rb"^[ \t]*((?:alias|import|require|use)[ \t]+[^\n{]+(?:\{[^}]*\})?)",)),
        ("javascript", _JS),
        ("lua", (rb"(require\s*\(?\s*[\"'][^\"'\n]+[\"'])",)),
        ("ruby", (rb"^[ \t]*((?:require|require_relative|load)\b[^\n]+)",)),
        ("tsx", _JS),
        ("typescript", _JS),
    )
}
EXTENSION = re.compile(r"\.(?:h|hh|hpp|hxx|js|jsx|mjs|cjs|ts|tsx|vue|css|scss|json|rb|php|sh|py|proto|inc|lua)$")


def is_import(line: str) -> bool:
    return IS_IMPORT.match(line) is not None


def parts_of(module: str) -> Parts:
    """Return a module's name in parts: `net/http`, `net.http`, `net::http` and `./net/http.js` are the same."""
    bare = module.strip().strip("\"'`<>();")
    # Most names are one word, and a whole index asks for every one of them.
    if bare.isidentifier():
        return (bare,)
    if "." in bare:
        bare = EXTENSION.sub("", bare)
    return tuple(part for part in BETWEEN.split(bare) if part and part != "~")


def nearness(line: str, path: str, wanted: Parts) -> float:
    """Return how near what `line` imports is to `wanted`: 3 the very module, 2 its end or what is in it, 1 a name."""
    return max((nearness_of_parts(parts, wanted) for parts in imported(line, path)), default=0.0)


def nearness_of_parts(parts: Parts, wanted: Parts) -> float:
    size = len(wanted)
    if parts == wanted:
        return 3.0
    if parts[:size] == wanted or parts[-size:] == wanted:
        return 2.0
    return 1.0 if any(parts[at : at + size] == wanted for at in range(len(parts) - size + 1)) else 0.0


def imported(line: str, path: str) -> Iterator[Parts]:
    """Yield what `line` imports, each in parts: the module, and names from it as parts behind those of the module."""
    if path.endswith(".go"):
        # A line of the block, or a single import.
        bare = re.sub(r"^\s*import\s+", "", line)
        if (match := GO_LINE.match(bare)) is not None:
            yield parts_of(match[1])
        return
    if (match := INCLUDE.match(line)) is not None:
        yield parts_of(match[1])
        return
    if (match := FROM_IMPORT.match(line)) is not None:
        module = parts_of(match[1])
        yield module
        yield from ((*module, name) for name in _names(match[2]))
        return
    quoted = QUOTED.findall(line)
    if quoted:
        names = NAMES_FROM.match(line)
        for text in quoted:
            yield parts_of(text)
            yield from ((*parts_of(text), name) for name in _names(names[1] if names else ""))
        return
    if (match := USE.match(line)) is not None:
        yield from _tree(match[1])
        return
    if (match := PLAIN.match(line)) is not None:
        yield from _tree(match[1])
        return
    if path.endswith((".sh", ".bash", ".zsh", ".bats")) and (match := SOURCED.match(line)) is not None:
        yield parts_of(match[1])


def _names(text: str) -> list[str]:
    """Return the names of `a, b as c`, each as it is called where it comes from."""
    words = (
        re.match(r"\s*(?:type\s+(?=\w))?([\w$]+)", piece) for piece in text.replace("{", "").replace("}", "").split(",")
    )
    return [match[1] for match in words if match]


def _tree(text: str) -> Iterator[Parts]:
    """Yield the modules of `a::{b, c::{self, d}} as e`, each in full."""
    bases: list[Parts] = [()]
    parts: Parts = ()
    for piece in PIECE.findall(text[:LONGEST_STATEMENT]):
        if piece == "{":
            bases.append(parts if len(bases) < DEEPEST else ())
            parts = ()
        elif piece in ",}":
            if parts:
                yield parts
            parts = ()
            if piece == "}" and len(bases) > 1:
                bases.pop()
        else:
            # `alias = module` in C#, `name => other` in Scala, `name as other` nearly everywhere.
            named = RENAMED.split(piece.strip())[0]
            # `as: Other` is an option in Elixir.
            own = parts_of(named.rpartition("=")[2]) if ": " not in named else ()
            parts = bases[-1] + (own[:-1] if own[-1:] in (("self",), ("*",), ("_",)) else own) if own else ()
    if parts:
        yield parts


@functools.lru_cache(maxsize=8_192)
def modules_of(statement: str, language: str) -> tuple[str, ...]:
    """Return what a whole import statement imports, as `imported` does, the parts of each joined with slashes."""
    if "\n" in statement:
        statement = " ".join(COMMENT.sub("", line) for line in statement.splitlines())
    if language == "python" and (match := PYTHON.match(statement)):
        return _python(match[1], match[2])
    found = imported(statement[:LONGEST_STATEMENT], NAMED_LIKE.get(language, ""))
    return tuple(dict.fromkeys("/".join(parts) for parts in found if parts))


def _python(module: str | None, names: str) -> tuple[str, ...]:
    """Return what `from module import names`, or `import names`, imports: by far the most of all there is to read."""
    # In `a as b` the name that it has where it comes from is the first word.
    words = [piece.split(None, 1)[0].replace(".", "/") for piece in names.strip(" ()").split(",") if piece.strip()]
    if module is None:
        return tuple(words)
    base = module.strip(".").replace(".", "/")
    return (base, *(f"{base}/{word}" for word in words if word != "*")) if base else tuple(words)


def called_imports(data: bytes, language: str) -> list[tuple[tuple[str, ...], int]]:
    """Return the imports, with their 1-based lines, that are calls or commands like any other in `language`."""
    found = []
    for pattern in CALLED.get(language, ()):
        line, at = 1, 0
        for match in pattern.finditer(data):
            line += data.count(b"\n", at, match.start(1))
            at = match.start(1)
            if modules := modules_of(match[1].decode("utf-8", "replace"), language):
                found.append((modules, line))
    return found
