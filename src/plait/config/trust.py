"""Whether a project may loosen anything: what its files would switch on, and what the user said to exactly that.

An answer belongs to one directory, by its real path, and to the words that were shown: a worktree, a copy, a
subdirectory with a `.git` of its own asks anew, and so does the same directory once its files say something else. The
rules that were remembered for the repository of a worktree count in it once it is trusted.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from plait.host.own_files import replace_own
from plait.protocol.errors import UserError
from plait.protocol.lean import dataclass

TrustState = Literal["nothing", "trusted", "declined", "unasked"]
MOST_RECORD_BYTES = 100_000
# Subdirectories with files of their own, and files that change back and forth, each have an answer.
MOST_ANSWERS = 50


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing that a project's file would switch on: the setting (`permissions.allow` too) and its value as text.

    inherited: it is no file's, but what was remembered for the repository of a worktree, all of it at once.
    """

    name: str
    value: str
    origin: str
    inherited: bool = False

    @property
    def words(self) -> str:
        return f"{self.name} = {self.value}"


@dataclass(frozen=True, slots=True)
class Trust:
    """What a project's files would switch on, and whether they may.

    state: `nothing` there is to switch on; `unasked`: not in force, the user has not been asked; `declined`: not in
    force, and they need not be asked again.
    """

    project: Path
    grants: tuple[Grant, ...] = ()
    state: TrustState = "nothing"

    @property
    def digest(self) -> str:
        """What an answer is bound to."""
        told = [[grant.name, grant.value, os.path.relpath(grant.origin, self.project)] for grant in self.grants]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def inherited(repository: Path) -> Grant:
    """Return what a worktree would take over from its repository: what was allowed there, whatever it is by now."""
    return Grant("permissions.allow", "the rules remembered for this repository", str(repository), inherited=True)


def trust_of(project: Path, grants: Sequence[Grant], state: Path, *, listed: bool) -> Trust:
    """Return what the user said to these grants. listed: they named the directory, or gave `--trust`.

    An answer that cannot be read is none.
    """
    if not grants:
        return Trust(project)
    unasked = Trust(project, tuple(grants), "unasked")
    if listed:
        return Trust(project, unasked.grants, "trusted")
    match _answers(project, state).get(unasked.digest):
        case True:
            return Trust(project, unasked.grants, "trusted")
        case False:
            return Trust(project, unasked.grants, "declined")
        case _:
            return unasked


def remember(trust: Trust, state: Path, *, trusted: bool) -> None:
    """Keep the user's answer to what `trust` lists.

    Raises:
        UserError: It cannot be written.
    """
    file = _file(trust.project, state)
    others = {digest: said for digest, said in _answers(trust.project, state).items() if digest != trust.digest}
    answers = dict([*others.items(), (trust.digest, trusted)][-MOST_ANSWERS:])
    try:
        replace_own(file, json.dumps({"directory": str(trust.project), "answers": answers}, indent=1) + "\n")
    except OSError as error:
        raise UserError(f"`{file}` cannot be written ({error.strerror}): the answer is not remembered.") from error


def forget(project: Path, state: Path) -> bool:
    """Forget what was said about a directory; False if nothing was.

    Raises:
        UserError: The record cannot be removed.
    """
    file = _file(project, state)
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UserError(f"`{file}` cannot be removed: {error.strerror}.") from error
    return True


def _file(project: Path, state: Path) -> Path:
    return state / "trust" / f"{hashlib.sha256(os.fsencode(project)).hexdigest()[:32]}.json"


def _answers(project: Path, state: Path) -> dict[str, bool]:
    """What was said, by digest; nothing if the record is missing, damaged or another directory's."""
    try:
        with _file(project, state).open("rb") as stream:
            record = json.loads(stream.read(MOST_RECORD_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    match record:
        case {"directory": directory, "answers": dict(answers)} if directory == str(project):
            return {digest: said for digest, said in answers.items() if isinstance(said, bool)}
        case _:
            return {}
