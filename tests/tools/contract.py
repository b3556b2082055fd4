"""What every tool promises, checked for one call of any tool; and a context to run a tool in without a dispatcher.

Tests of a tool take `make_context` and `run` from here, and put calls of theirs through `assert_contract`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from plait.host.paths import Workspace
from plait.protocol.calls import CallKey
from plait.protocol.effects import Access, Effects, Mode
from plait.protocol.errors import ToolRefused
from plait.tools.base import Part, Tool, ToolContext, ToolOutput, inline_schema
from plait.tools.registry import packaged_description

T = TypeVar("T")

LONGEST_DESCRIPTION_WORDS = 90


@dataclass
class Reports:
    """What a call said of its progress."""

    texts: list[str] = field(default_factory=list)
    output: str = ""

    def __call__(self, text: str = "", *, output: str = "", done: int = 0, total: int = 0) -> None:
        self.output += output
        if text:
            self.texts.append(text)


async def run_parts_at_once(parts: Sequence[Part[T]]) -> list[T | Exception]:
    """Run parts side by side without a scheduler; an exception takes its part's place."""

    async def one(part: Part[T]) -> T | Exception:
        try:
            return await part.run()
        except Exception as error:
            return error

    return list(await asyncio.gather(*(one(part) for part in parts)))


def make_context(
    workspace: Workspace, *, budget: int = 30_000, answer: str | None = None, deadline_s: float | None = None
) -> ToolContext:
    """Return what a running call is given, its parts run all at once, its reports kept in `context.report`."""
    return ToolContext(
        key=CallKey("main", 1, 1),
        workspace=workspace,
        report=Reports(),
        run_parts=run_parts_at_once,
        output_budget=budget,
        answer=answer,
        deadline_s=deadline_s,
    )


async def run(
    tool: Tool[Any],
    args: dict[str, Any],
    workspace: Workspace,
    *,
    budget: int = 30_000,
    deadline_s: float | None = None,
) -> ToolOutput:
    """Run one call as the dispatcher would, from its JSON arguments. Raises ToolRefused."""
    typed = msgspec.convert(args, tool.args)
    return await tool.run(typed, make_context(workspace, budget=budget, deadline_s=deadline_s))


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return mode and bytes of every regular file below `root`, git's own left out."""

    def files() -> Iterator[Path]:
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink() and ".git" not in path.parts:
                yield path

    return {str(path): (path.stat().st_mode, path.read_bytes()) for path in files()}


def assert_described(tool: Tool[Any]) -> None:
    """The model can be told of it: a short description, and a schema without references."""
    words = (tool.description or packaged_description(tool.name)).split()
    assert 5 <= len(words) <= LONGEST_DESCRIPTION_WORDS, f"{tool.name}: {len(words)} words"
    schema = inline_schema(tool.args)
    assert schema["type"] == "object"
    assert "$ref" not in msgspec.json.encode(schema).decode()


async def assert_contract(
    tool: Tool[Any], args: dict[str, Any], workspace: Workspace, *, budget: int = 2000
) -> ToolOutput | None:
    """Make one call and check what the base class promises of it. Returns its output, None if it was refused.

    Effects are stable and resolved, and what changed on disk was stated to; the output keeps its budget and is
    valid text; the only exception is ToolRefused, of one line.
    """
    typed = msgspec.convert(args, tool.args)
    before = snapshot(workspace.cwd)
    said = ""
    try:
        effects = tool.effects(typed, workspace)
        assert tool.effects(typed, workspace) == effects, "effects depend on more than the arguments"
        _assert_well_formed(effects)
        tool.preview(typed, workspace, effects)
        output = await tool.run(typed, make_context(workspace, budget=budget))
    except ToolRefused as refused:
        said = str(refused)
        output = None
    if output is None:
        assert said, "a refusal says why"
        assert "\n" not in said.strip(), f"a refusal is one line: {said}"
        assert snapshot(workspace.cwd) == before, "a refused call changes nothing"
        return None
    _assert_honest(effects, before, snapshot(workspace.cwd))
    assert len(output.text) <= budget, f"{tool.name}: {len(output.text)} characters of {budget}"
    output.text.encode("utf-8")
    assert bool(output.files_changed) <= (bool(effects.writes) or effects.unknown)
    return output


def _assert_well_formed(effects: Effects) -> None:
    for access in effects.accesses:
        assert Path(access.path).is_absolute(), access
        assert ".." not in Path(access.path).parts, access
    assert effects.reason, "effects say in words what the call does"


def _assert_honest(effects: Effects, before: dict[str, Any], after: dict[str, Any]) -> None:
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    if effects.unknown:
        return
    for path in changed:
        assert any(_covers(access, Path(path)) for access in effects.writes), f"`{path}` changed, and was not stated"


def _covers(access: Access, path: Path) -> bool:
    stated = Path(access.path)
    return access.mode is Mode.WRITE and (path == stated or (access.tree and stated in path.parents))
