"""Remembered rules on disk: one rule added to, or taken out of, a file; everything else in it stays as it is.

The user's rules stand in the user's `settings.toml` (which `config` reads). Those for one project stand in the user's
state directory, not in the project: a file in the project comes with whatever was cloned, and may only forbid. Those
of a worktree that is trusted stand with its repository's.
Files are replaced atomically and are readable by their owner alone.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from pathlib import Path
from typing import Any

from plait.config.shape import Directories
from plait.host.own_files import replace_own
from plait.permissions.rules import parse_rule, parse_text
from plait.protocol.commands import Rule, Verdict
from plait.protocol.errors import UserError

VERDICTS: tuple[Verdict, ...] = ("deny", "ask", "allow")


def project_file(state: Path, project: Path) -> Path:
    """Where the rules for a project (its resolved root) are remembered."""
    return state / "rules" / f"{hashlib.sha256(os.fsencode(project)).hexdigest()[:32]}.toml"


def load_rules(
    state: Path, project: Path, repository: Path | None = None, *, inherits: bool = False
) -> tuple[Rule, ...]:
    """Return the rules that were remembered for a project, and for the repository of which it is a worktree.

    inherits: what was allowed in the repository holds in the worktree too; what asks or denies there always does.

    Raises:
        UserError: A file, or a rule in it, cannot be understood.
    """
    own = _rules_of(project_file(state, project))
    shared = _rules_of(project_file(state, repository)) if repository is not None else ()
    held = (rule for rule in shared if inherits or rule.verdict != "allow")
    return tuple(dict.fromkeys((*own, *held)))


def allows(state: Path, project: Path) -> bool:
    """True if a rule that allows is remembered for a project. Raises UserError as `load_rules` does."""
    return any(rule.verdict == "allow" for rule in _rules_of(project_file(state, project)))


def _rules_of(file: Path) -> tuple[Rule, ...]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("permissions", {})
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"`{file}`, the remembered rules, cannot be read ({error}); mend it or remove it.") from error
    rules: list[Rule] = []
    for verdict in VERDICTS:
        texts = table.get(verdict, []) if isinstance(table, dict) else None
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise UserError(f"`{file}`: `permissions.{verdict}` is not a list of rules.")
        rules.extend(parse_rule(text, verdict, "project") for text in texts)
    return tuple(rules)


def save_rule(rule: Rule, directories: Directories, project: Path) -> bool:
    """Remember a rule for its scope; False if it stands there already, or its scope is not kept.

    Raises:
        UserError: The file cannot be understood or written.
    """
    file = _file_of(rule, directories, project)
    if file is None:
        return False
    parse_text(rule.pattern)
    document = _read(file)
    rules = _list_of(document, rule, file)
    if rule.pattern in rules:
        return False
    rules.append(rule.pattern)
    _write(file, document)
    return True


def forget_rule(rule: Rule, directories: Directories, project: Path) -> bool:
    """Take a rule out of the file of its scope; False if it does not stand there.

    Raises:
        UserError: The file cannot be understood or written.
    """
    file = _file_of(rule, directories, project)
    if file is None or not file.exists():
        return False
    document = _read(file)
    rules = _list_of(document, rule, file)
    if rule.pattern not in rules:
        return False
    rules.remove(rule.pattern)
    _write(file, document)
    return True


def _file_of(rule: Rule, directories: Directories, project: Path) -> Path | None:
    match rule.scope:
        case "user":
            return directories.config / "settings.toml"
        case "project":
            return project_file(directories.state, project)
        case "session" | "command line":
            return None


def _read(file: Path) -> Any:
    # tomlkit is needed only once a rule is remembered, long after the first frame.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return tomlkit.document()
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise UserError(f"`{file}` is not valid TOML ({error}); mend it, then allow again.") from error
    except OSError as error:
        raise UserError(f"`{file}` cannot be read: {error.strerror}.") from error


def _list_of(document: Any, rule: Rule, file: Path) -> Any:
    """The list in which the rule belongs, made if it is missing."""
    import tomlkit

    table = document.setdefault("permissions", tomlkit.table())
    if not isinstance(table, dict):
        raise UserError(f"`{file}`: `permissions` is not a table; write `[permissions]`.")
    rules = table.setdefault(rule.verdict, tomlkit.array().multiline(True))
    if not isinstance(rules, list):
        raise UserError(f"`{file}`: `permissions.{rule.verdict}` is not a list of rules.")
    return rules


def _write(file: Path, document: Any) -> None:
    import tomlkit

    try:
        replace_own(file, tomlkit.dumps(document))
    except OSError as error:
        raise UserError(f"`{file}` cannot be written: {error.strerror}.") from error
