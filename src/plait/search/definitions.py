"""Lines that look like definitions, in many languages, for a tree that has no index. Pure.

The patterns are for ripgrep's regex engine (no look-around); `kind_of` then reads the line in Python.
"""

from __future__ import annotations

import re

MODIFIERS = (
    r"(?:(?:export|default|declare|pub(?:\([^)]*\))?|public|private|protected|internal|static|abstract|final|sealed|open|"
    r"override|virtual|async|unsafe|extern(?:\s+\"C\")?|const|inline|partial|data|case|implicit|lazy|suspend|readonly|"
    r"local|synchronized|native|template\s*<[^>]*>|@\w+)\s+)*"
)
KEYWORDS = (
    r"(?:def|class|function\*?|fn|func|fun|struct|enum|union|trait|interface|type|newtype|module|namespace|package|object|"
    r"record|protocol|extension|actor|macro_rules!|macro|const|let|var|val|static|sub|procedure|typedef|defmodule|defp|"
    r"defmacro|data|instance|contract|message|service|table|view)"
)


def patterns(name: str) -> tuple[str, ...]:
    """Return patterns of lines that may define exactly `name`."""
    escaped = re.escape(name)
    return (
        # def f, class C, func (r *T) f, impl-less keywords of most languages.
        rf"^\s*{MODIFIERS}{KEYWORDS}\s+(?:mut\s+)?(?:\([^)]*\)\s*)?(?:[\w.]+[.:]+)?{escaped}\b",
        rf"^\s*#\s*define\s+{escaped}\b",
        # Assignments: module level in Python, members and constants elsewhere.
        rf"^(?:export\s+)?(?:const|let|var|local)?\s*{escaped}\s*(?::[^=]+)?(?:=[^=]|:=)",
        rf"^\s*(?:[\w.]+\.prototype\.|exports\.|module\.exports\.|this\.){escaped}\s*=",
        # Methods with a body on the same line, as in JavaScript and TypeScript.
        rf"^\s+{MODIFIERS}(?:get\s+|set\s+|\*\s*)?{escaped}\s*(?:<[^>]*>)?\([^;]*\)\s*(?::[^;{{]+)?\{{",
        # A type before the name and an opening parenthesis after it: C, C++, Java, C#.
        rf"^\s*{MODIFIERS}[A-Za-z_][\w:<>,\[\]&*\s]*[\s*&](?:\w+::)*{escaped}\s*\([^;]*$",
        # GNU style: the name begins the line.
        rf"^(?:\w+::)*{escaped}\s*\([^;]*\)?\s*(?:const)?\s*\{{?$",
    )


def fuzzy_patterns(name: str) -> tuple[str, ...]:
    """Return patterns of lines that may define something whose name contains `name`, in any case."""
    loose = r"[\w$]*".join(re.escape(part) for part in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", name) or [name])
    return (rf"^\s*{MODIFIERS}{KEYWORDS}\s+(?:\([^)]*\)\s*)?(?:\w+[.:]+)?[\w$]*{loose}[\w$]*",)


KINDS: tuple[tuple[str, str], ...] = (
    (r"\bclass\b|\bdefmodule\b|\bactor\b", "class"),
    (r"\bstruct\b|\bunion\b|\brecord\b", "struct"),
    (r"\benum\b", "enum"),
    (r"\binterface\b|\btrait\b|\bprotocol\b", "interface"),
    (r"#\s*define|\bmacro_rules!|\bmacro\b|\bdefmacro\b", "macro"),
    (r"\btype\b|\btypedef\b|\bnewtype\b", "type"),
    (r"\bmodule\b|\bnamespace\b|\bpackage\b", "module"),
    (r"\bfunc\s*\(", "method"),
    (r"\b(?:def|function|fn|func|fun|sub|defp)\b", "function"),
)
CONTROL = re.compile(
    r"^\s*(?:return|if|else|while|for|switch|case|throw|await|yield|raise|assert|new|print|delete|not|and|or)\b"
)


def kind_of(line: str, name: str) -> str | None:
    """Return what the line defines under `name`, or None if it only looks as if it did."""
    place = re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", line)
    if place is None or CONTROL.match(line):
        return None
    before, after = line[: place.start()], line[place.end() :]
    stripped = before.lstrip()
    if stripped.startswith(("//", "*", "/*", "#")) and not re.match(r"#\s*define", stripped):
        return None
    # On the right of something, or behind a dot: a use. `exports.name =` is the exception.
    used = re.search(r"=>?[^=]*$", before) or before.rstrip().endswith((".", "(", ",", "="))
    if used and not re.search(r"(?:prototype|exports|this)\.$", before):
        return None
    # Go says what kind of type it is behind the name.
    if re.search(r"\btype\s+$", before) and (said := re.match(r"(?:\[[^\]]*\])?\s+(struct|interface)\b", after)):
        return said[1]
    for pattern, kind in KINDS:
        if re.search(pattern, before):
            indented = before[:1] in (" ", "\t")
            return "method" if kind == "function" and indented and re.search(r"\bdef\b", before) else kind
    if re.match(r"\s*(?::[^=(]+)?:?=[^=]", after):
        if before[:1] in (" ", "\t") and after.rstrip().endswith((",", ")")) and not re.search(r"\w\s+$", before):
            return None  # An argument by name.
        return "constant" if name.isupper() else "variable"
    if re.match(r"\s*(?:<[^>]*>)?\(", after):
        # A call statement at the start of a line is no definition, unless a body or typed parameters go with it.
        if stripped == "" and not re.search(r"\{\s*$|\(\s*\w+\s+[*&]*\w+", after):
            return None
        if stripped == "" and before[:1] in (" ", "\t") and not after.rstrip().endswith("{"):
            return None
        return "method" if before[:1] in (" ", "\t") else "function"
    if re.search(r"\b(?:const|let|var|val|static|local)\s+(?:mut\s+)?$", before):
        return "variable"
    return None


def scope_pattern(names: tuple[str, ...]) -> str:
    """Return a pattern for the line that opens the scope of a qualified name: `class Foo`, `impl Foo`."""
    innermost = re.escape(names[-1])
    return (
        rf"^\s*{MODIFIERS}(?:class|struct|enum|union|trait|interface|object|module|namespace|record|protocol|extension|"
        rf"type|impl(?:<[^>]*>)?(?:\s+[\w:<>,\s]+\s+for)?|defmodule)\s+(?:\w+(?:::|\.))*{innermost}\b"
    )


def import_patterns(module: str) -> tuple[str, ...]:
    """Return patterns of lines that import `module` or something from it."""
    last = re.escape(module)
    dotted = re.escape(module).replace("/", r"[/.]").replace(r"\.", r"[./]").replace("::", r"(?:::|/|\.)")
    edge = r"(?:[\"'./\s;,:{)>]|$)"
    return (
        rf"^\s*(?:from\s+(?:[\w.]*\.)?{dotted}(?:\.[\w.]+)?\s+import\b|import\s+(?:.*[\s,.])?{dotted}(?:[.\s,]|$))",
        rf"^\s*from\s+\S+\s+import\s+.*\b{last}\b",
        rf"(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*[\"'][^\"']*\b{dotted}{edge}",
        rf"^\s*#\s*(?:include|import)\s*[<\"][^>\"]*\b{dotted}(?:\.\w+)?[>\"]",
        rf"^\s*(?:pub\s+)?(?:use|extern\s+crate|mod)\s+[^;]*\b{dotted}\b",
        rf"^\s*(?:import\s+)?(?:[\w.]+\s+)?\"[^\"]*\b{dotted}\"\s*$",
        rf"^\s*(?:require|require_relative|load|using|import|include|open|alias)\s+(?:static\s+)?[\"']?[\w.:/\\]*\b{dotted}\b",
    )
