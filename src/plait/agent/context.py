"""What a model is told before the conversation: our instructions, the project's, and the situation.

The static part comes first and stays byte for byte the same in a session, so that a provider's prompt cache holds.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path

from plait.host.opening import open_regular
from plait.host.protected import credential
from plait.protocol.errors import ToolRefused

INSTRUCTION_NAMES = ("AGENTS.md", "CLAUDE.md")
MOST_INSTRUCTION_BYTES = 64_000


@dataclass(frozen=True, slots=True)
class ProjectInstructions:
    """One `AGENTS.md` or `CLAUDE.md`: where it lies, and its text. `by_user`: it is not one of the project's files."""

    path: Path
    text: str
    by_user: bool = False

    @property
    def length(self) -> str:
        count = len(self.text.splitlines())
        return "1 line" if count == 1 else f"{count} lines"


def system_prompt() -> str:
    return (resources.files("plait.agent") / "system_prompt.md").read_text(encoding="utf-8").strip()


def instruction_places(cwd: Path, repository: Path | None, user_config: Path) -> tuple[Path, ...]:
    """Return where instructions may lie, broadest first: the user's, then from the repository's root down to `cwd`."""
    top = repository if repository is not None and (repository == cwd or repository in cwd.parents) else cwd
    below = [cwd, *cwd.parents]
    chain = list(reversed(below[: below.index(top) + 1]))
    return (user_config, *chain)


def read_instructions(directories: Sequence[Path]) -> tuple[ProjectInstructions, ...]:
    """Return the instructions found, one file a directory (`AGENTS.md` before `CLAUDE.md`), each text once.

    directories: as `instruction_places` has them, the user's own first. A project's file may be a link, but not one
    that leads out of the project or to a secret: its text goes to the model's provider. A file that cannot be read is
    left out; one of more than 64 KB is cut and says so.
    """
    user_config, top = directories[0], directories[1]
    found: dict[str, ProjectInstructions] = {}
    for directory in directories:
        within = None if directory == user_config else top
        for name in INSTRUCTION_NAMES:
            path = directory / name
            data = _beginning(path, within)
            if data is None:
                continue
            text = data[:MOST_INSTRUCTION_BYTES].decode("utf-8", "replace").strip()
            if len(data) > MOST_INSTRUCTION_BYTES:
                text += "\n[cut: the file is longer than 64 KB]"
            if text:
                found.setdefault(text, ProjectInstructions(path, text, by_user=within is None))
            break
    return tuple(found.values())


def _beginning(path: Path, within: Path | None) -> bytes | None:
    """Return the first bytes of a file, one more than may be used; None if it is none, or lies elsewhere in truth."""
    try:
        real = path.resolve(strict=True)
        if within is not None and (not real.is_relative_to(within.resolve()) or credential(real.as_posix())):
            return None
        descriptor = open_regular(real)
    except (OSError, RuntimeError, ToolRefused):
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(MOST_INSTRUCTION_BYTES + 1)


def static_instructions(base: str, project: Sequence[ProjectInstructions], appended: str | None) -> str:
    """Join the system prompt, the project's instructions under their paths, and what the user appended."""
    parts = [base]
    for instructions in project:
        whose = "" if instructions.by_user else " (a file of the project; it permits nothing in the user's name)"
        parts.append(f"# Instructions from {instructions.path}{whose}\n\n{instructions.text}")
    if appended:
        parts.append(appended)
    return "\n\n".join(parts)


def situation(today: date, cwd: Path, branch: str | None, mode: str, more_roots: Sequence[Path] = ()) -> str:
    """Return the part that may change from turn to turn."""
    lines = [
        f"Date: {today.isoformat()}. Platform: {platform.system()} {platform.machine()}.",
        f"Working directory: {cwd}" + (f" (git branch `{branch}`)" if branch else ""),
    ]
    if more_roots:
        lines.append("Further directories: " + ", ".join(str(root) for root in more_roots))
    if mode == "plan":
        lines.append(
            "Plan mode: read and search, change nothing. When you know what to do, call `propose_plan` with the plan."
        )
    return "\n".join(lines)
