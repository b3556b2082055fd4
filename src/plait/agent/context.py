"""What a model is told before the conversation: our instructions, the project's, and the situation.

The static part comes first and stays byte for byte the same in a session, so that a provider's prompt cache holds.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path

INSTRUCTION_NAMES = ("AGENTS.md", "CLAUDE.md")
MOST_INSTRUCTION_BYTES = 64_000


@dataclass(frozen=True, slots=True)
class ProjectInstructions:
    """One `AGENTS.md` or `CLAUDE.md`: where it lies, and its text."""

    path: Path
    text: str


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

    A file that cannot be read is left out; one of more than 64 KB is cut and says so.
    """
    found: dict[str, ProjectInstructions] = {}
    for directory in directories:
        for name in INSTRUCTION_NAMES:
            path = directory / name
            try:
                if not path.is_file():
                    continue
                data = path.read_bytes()
            except OSError:
                continue
            text = data[:MOST_INSTRUCTION_BYTES].decode("utf-8", "replace").strip()
            if len(data) > MOST_INSTRUCTION_BYTES:
                text += "\n[cut: the file is longer than 64 KB]"
            if text:
                found.setdefault(text, ProjectInstructions(path, text))
            break
    return tuple(found.values())


def static_instructions(base: str, project: Sequence[ProjectInstructions], appended: str | None) -> str:
    """Join the system prompt, the project's instructions under their paths, and what the user appended."""
    parts = [base]
    for instructions in project:
        parts.append(f"# Instructions from {instructions.path}\n\n{instructions.text}")
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
