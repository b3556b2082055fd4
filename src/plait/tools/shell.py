"""The `shell` tool: run a command line in bash, its output streamed, everything it started ended with it.

What a command does is not judged here (`effects.shell`). One that runs unasked, because it only reads, gets an
environment in which it can only read. All of a model's run in the sandbox (`host.sandbox`), where there is one; what
the user types runs as if typed in a terminal.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

from msgspec import Meta

from plait.effects.git import READING_ENVIRONMENT
from plait.host.commands import start_shell
from plait.host.environment import quiet, reading
from plait.host.governed_places import governed_places
from plait.host.paths import Workspace
from plait.host.process import ProcessEnd, RunningProcess
from plait.host.running import CANCEL_GRACE_S, GRACE_S
from plait.host.sandbox import Sandbox, Sandboxing
from plait.host.sandbox_grants import NOTHING, Grants, grants_of
from plait.protocol.calls import CommandDetail, CommandPreview, Preview
from plait.protocol.effects import Effects
from plait.protocol.errors import ToolRefused
from plait.tools.background import BackgroundCommands
from plait.tools.base import (
    COMMAND_DEADLINE_S,
    MAX_COMMAND_DEADLINE_S,
    Cap,
    Deadlines,
    Tool,
    ToolArgs,
    ToolContext,
    ToolOutput,
)
from plait.tools.command_text import legible, notes_on, notes_on_rest, report, sandbox_note
from plait.tools.live_output import LiveOutput
from plait.tools.output import cut, printable

# Several times what a model is given, and little to go through.
KEPT_BYTES = 256_000
LONGEST_COMMAND = 100_000
HIDES_AN_END = re.compile(r"[|;&\n]")
# A command that cannot even start is told at once, not found out later.
BACKGROUND_LOOK_S = 0.1


class CommandEffects(Protocol):
    """What a command line does. Contract: quick, pure but for looking at the file system, never raises."""

    def __call__(self, command: str, *, cwd: Path, workspace: Workspace) -> Effects: ...


class ShellArgs(ToolArgs, frozen=True):
    command: Annotated[str, Meta(min_length=1, max_length=LONGEST_COMMAND)]
    cwd: Annotated[str | None, Meta(description="directory, in the workspace")] = None
    deadline_s: Annotated[
        Annotated[float, Meta(gt=0, le=MAX_COMMAND_DEADLINE_S)] | None,
        Meta(description=f"default: {COMMAND_DEADLINE_S:g}, or as the user has set it"),
    ] = None
    background: bool = False
    outside_sandbox: Annotated[
        bool, Meta(description="asks the user to let it run without the sandbox; only after it failed because of it")
    ] = False


class Shell(Tool[ShellArgs]):
    name = "shell"
    args = ShellArgs
    cap: ClassVar[Cap] = Cap.COMMANDS

    def __init__(
        self, command_effects: CommandEffects, background: BackgroundCommands, sandboxing: Sandboxing | None = None
    ) -> None:
        self._command_effects = command_effects
        self._background = background
        self._sandboxing = sandboxing

    def effects(self, args: ShellArgs, workspace: Workspace) -> Effects:
        effects = self._command_effects(args.command, cwd=_directory(args, workspace), workspace=workspace)
        if not args.outside_sandbox or self._sandboxing is None or not self._sandboxing.applies:
            return effects
        # As danger no rule covers it, no mode and no batch approves it, and without a user it is refused.
        what = f"runs outside of the sandbox: {effects.danger or effects.reason}"
        return replace(effects, danger=what, reason=what)

    def deadline_s(self, args: ShellArgs, usual: Deadlines) -> float | None:
        if args.background:
            return usual.local_s
        return usual.command_s if args.deadline_s is None else args.deadline_s

    def preview(self, args: ShellArgs, workspace: Workspace, effects: Effects) -> Preview:
        return CommandPreview(args.command, workspace.show(_directory(args, workspace)), effects.reason)

    async def run(self, args: ShellArgs, ctx: ToolContext) -> ToolOutput:
        live = LiveOutput(ctx.report)
        effects = ctx.effects or self.effects(args, ctx.workspace)
        sandbox = await self._sandbox(args, ctx)
        judged = partial(_grants, effects, ctx.workspace, asked=ctx.asked)
        grants = await asyncio.to_thread(judged) if sandbox is not None else NOTHING
        cwd = _directory(args, ctx.workspace)
        env = reading(ctx.workspace.roots, READING_ENVIRONMENT) if effects.read_only else quiet()
        process = await start_shell(
            args.command,
            cwd=cwd,
            env=env,
            on_output=live.add,
            max_bytes=KEPT_BYTES,
            sandbox=sandbox,
            grants=grants,
        )
        started_at = time.monotonic()
        try:
            goes_on = await _wait(process, args, ctx)
        except asyncio.CancelledError:
            ran_s = time.monotonic() - started_at
            # The user who presses a key does not wait; a deadline leaves time to clean up.
            end = await process.kill(GRACE_S if _at_deadline(ctx, ran_s) else CANCEL_GRACE_S)
            return _stopped(args, ctx, end, ran_s)
        finally:
            live.close()
            process.on_output = None
        if goes_on:
            return self._leave(process, args, ctx, sandbox, grants)
        end = await process.wait()
        if end.never_ran:
            said = legible(end.stdout).strip().partition("\n")[0]
            raise ToolRefused(
                f"The command was not run: its sandbox could not be set up ({said or 'it said nothing'})."
            )
        notes = notes_on(end)
        if sandbox is None:
            return _output(args, ctx, end, notes)
        if (note := sandbox_note(end, sandbox.words, network=grants.network)) is not None:
            notes.append(note)
        failed = end.exit_code not in (0, None)
        # In a pipe or a list of commands the first may have failed, and the exit code be that of the last.
        looked_at = legible(end.stdout) if failed or HIDES_AN_END.search(args.command) else ""
        remark = partial(sandbox.remarks, args.command, looked_at, failed=failed)
        remarks = await asyncio.to_thread(remark, cwd=str(cwd), env=env, grants=grants)
        return _output(args, ctx, end, [*notes, *remarks], remarks)

    async def _sandbox(self, args: ShellArgs, ctx: ToolContext) -> Sandbox | None:
        """Return what the command runs in, None for nothing. Raises ToolRefused if it may not run so."""
        if self._sandboxing is None or ctx.by_user:
            return None
        return await self._sandboxing.for_command(outside=args.outside_sandbox)

    def _leave(
        self, process: RunningProcess, args: ShellArgs, ctx: ToolContext, sandbox: Sandbox | None, grants: Grants
    ) -> ToolOutput:
        background_id = self._background.adopt(process, args.command, ctx.key)
        so_far = legible(process.output.value())
        note = f"goes on in the background as `{background_id}`; read or end it with `background`"
        notes = [note]
        if sandbox is not None and sandbox.kind == "bubblewrap" and not grants.network:
            notes.append("it has a network of its own in the sandbox: nothing else reaches the ports that it opens")
        text = report(so_far, notes, ctx.output_budget)
        detail = CommandDetail(
            args.command,
            None,
            cut(so_far, ctx.output_budget),
            output_bytes=process.output.total_bytes,
            background_id=background_id,
        )
        return ToolOutput(text, detail)


def _grants(effects: Effects, workspace: Workspace, *, asked: bool) -> Grants:
    written = [access.path for access in effects.writes]
    governed = governed_places(workspace.roots, written) if written else ()
    return grants_of(effects, workspace.roots, governed, asked=asked)


def _directory(args: ShellArgs, workspace: Workspace) -> Path:
    if args.cwd is None:
        return workspace.cwd
    path = workspace.resolve(args.cwd)
    name = printable(args.cwd)
    if not workspace.contains(path):
        raise ToolRefused(f"`cwd` is `{name}`, outside of the workspace: run the command in `{workspace.cwd}`.")
    if not path.is_dir():
        raise ToolRefused(f"`cwd` is `{name}`, which is not a directory.")
    if not os.access(path, os.X_OK):
        raise ToolRefused(f"`cwd` is `{name}`, which may not be entered: permission denied.")
    return path


async def _wait(process: RunningProcess, args: ShellArgs, ctx: ToolContext) -> bool:
    """Return False once it is over, True once it is to go on in the background."""
    over = asyncio.ensure_future(process.wait())
    moved = asyncio.ensure_future(ctx.to_background.wait()) if ctx.to_background is not None else None
    waiting = {over} if moved is None else {over, moved}
    try:
        await asyncio.wait(
            waiting,
            return_when=asyncio.FIRST_COMPLETED,
            timeout=BACKGROUND_LOOK_S if args.background else None,
        )
        return not over.done()
    finally:
        for task in waiting:
            task.cancel()


def _at_deadline(ctx: ToolContext, ran_s: float) -> bool:
    # The dispatcher's clock began a little before.
    return ctx.deadline_s is not None and ran_s > ctx.deadline_s - 0.1


def _stopped(args: ShellArgs, ctx: ToolContext, end: ProcessEnd, ran_s: float) -> ToolOutput:
    longer = f"; `deadline_s` may be up to {MAX_COMMAND_DEADLINE_S:g}" if _at_deadline(ctx, ran_s) else ""
    note = f"stopped after {ran_s:.1f} s, with everything it had started{longer}"
    return _output(args, ctx, end, [note, *notes_on_rest(end)])


def _output(
    args: ShellArgs, ctx: ToolContext, end: ProcessEnd, notes: list[str], remarks: Sequence[str] = ()
) -> ToolOutput:
    """remarks: those of the `notes` that the user is to see too."""
    output = legible(end.stdout)
    detail = CommandDetail(
        args.command,
        end.exit_code,
        cut(output, ctx.output_budget),
        end.signal,
        output_bytes=end.total_bytes,
        note="\n".join(remarks),
    )
    return ToolOutput(report(output, notes, ctx.output_budget), detail)
