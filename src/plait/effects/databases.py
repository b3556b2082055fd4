"""Judges of the clients of databases: what only asks, what destroys, what reaches another machine."""

from __future__ import annotations

import re
from collections.abc import Mapping

from plait.effects.command import Command, Judge, OptionSpec, read_options
from plait.effects.finding import Arg
from plait.effects.sql import only_reads

SQL_DESTROYS = re.compile(
    r"\b(drop\s+(database|schema|table|user|role|owned)|truncate\s+(table\s+)?\w|delete\s+from\s+[\w.\"`]+\s*(;|$|\"|'))",
    re.IGNORECASE,
)
RUNS_PROGRAM = re.compile(
    r"\bprogram\s+'((?:[^']|'')*)'|\\!\s*(.*)|^\s*\.(?:shell|system)\s+(.*)|\bsystem\s+(.*)", re.IGNORECASE
)
SQLITE = OptionSpec(
    flags=frozenset((
        "-readonly", "-header", "-noheader", "-csv", "-json", "-line", "-list", "-column", "-box", "-table",
        "-markdown", "-html", "-tabs", "-quote", "-batch", "-bail", "-ascii", "-echo", "-stats", "-safe",
    )),
    values=frozenset(("-separator", "-nullvalue", "-newline")),
)  # fmt: skip
SQLITE_DOTS = re.compile(
    r"\.(tables|schema|indexes|indices|databases|fullschema|dbinfo|show|headers?|mode|width|help)(\s+[\w.%'\"-]+)*"
)
# Without `mode=ro` a file that is missing is made.
SQLITE_READING_URI = re.compile(r"file:([^?#]+)\?(?:immutable=1&)?mode=ro(?:&immutable=1)?")


def judge_database(command: Command) -> None:
    """Clients of databases: statements that destroy are named, those that only read may pass, all else asks."""
    finding = command.finding
    texts = [*command.words, command.place.input_text or ""]
    if command.name == "sqlite3" and command.all_known and _sqlite_reads(command):
        return
    if any(SQL_DESTROYS.search(text) for text in texts):
        finding.dangerous("destroys data in a database")
    if command.name == "redis-cli" and {word.upper() for word in command.words} & {"FLUSHALL", "FLUSHDB"}:
        finding.dangerous("destroys data in a database")
    if any(re.search(r"dropDatabase|\.drop\(|deleteMany\(\s*\{\s*\}", text) for text in texts):
        finding.dangerous("destroys data in a database")
    for text in texts:
        for found in RUNS_PROGRAM.finditer(text):
            inner = next((group for group in found.groups() if group), None)
            if inner is not None:
                finding.ask(f"runs a program through `{command.name}`")
                command.run_text(inner.replace("''", "'"), command.place)
    if command.name == "sqlite3":
        finding.ask("runs statements on a database through `sqlite3`")
    else:
        finding.contact("*", command.name)


def _sqlite_reads(command: Command) -> bool:
    """`sqlite3 -readonly FILE SELECT…`; without the option, or the same said in a URI, it may write."""
    options = read_options(command.args, SQLITE)
    if options.unclear is not None or len(options.operands) < 2:
        return False
    database, *statements = options.operands
    name = database.literal or ""
    uri = SQLITE_READING_URI.fullmatch(name)
    if (name.startswith("file:") and uri is None) or (uri is None and not options.has("-readonly")):
        return False
    for statement in statements:
        text = (statement.literal or "").strip()
        if not (SQLITE_DOTS.fullmatch(text) or only_reads(text, functions_may_act=False)):
            return False
    command.finding.read(Arg(uri[1], (uri[1],), prefix=uri[1]) if uri is not None else database)
    return True


JUDGES: Mapping[str, Judge] = dict.fromkeys(
    ("psql", "mysql", "mariadb", "sqlite3", "redis-cli", "mongosh", "mongo"), judge_database
)
