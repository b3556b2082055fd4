"""The `check` tool: syntax of what changed, then the project's own linters and type checkers side by side.

What was wrong before is counted, what is new is shown. A finding is new if the former run in this session did not
have it, or, in the first run, if it stands on a line that the last commit does not have.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from plait.host.commands import start_shell
from plait.host.environment import quiet
from plait.host.files import read_file
from plait.host.git import Git, find_repository
from plait.host.paths import Workspace
from plait.host.process import end_of
from plait.host.sandbox import Sandboxing
from plait.host.sandbox_grants import Grants
from plait.host.walk import Wanted, walk
from plait.protocol.calls import CommandPreview, Preview, TextDetail
from plait.protocol.effects import Access, CommandPart, Effects, Mode
from plait.protocol.errors import ToolRefused
from plait.tools.base import Cap, Deadlines, Part, Tool, ToolArgs, ToolContext, ToolOutput
from plait.tools.checkers import Checker, find_checkers, parse_lines
from plait.tools.output import cut, printable
from plait.tools.syntax import Finding, check_syntax, checkable

# Left of the call's time, so that one slow checker does not take the others' findings with it.
MARGIN_S = 10.0
MOST_FILES = 1000
MOST_SHOWN = 50
LONGEST_FINDING = 500
LARGEST_FILE_BYTES = 2_000_000
MOST_OUTPUT_BYTES = 4_000_000
SYNTAX = "syntax"


class CheckArgs(ToolArgs, frozen=True):
    paths: Annotated[tuple[str, ...], Meta(description="default: what git says has changed")] = ()
    syntax_only: Annotated[bool, Meta(description="run no program of the project")] = False


@dataclass(frozen=True, slots=True)
class Report:
    """What one checker found; `problem` says why it could not, `directory` is what its paths are relative to."""

    name: str
    directory: Path
    findings: tuple[Finding, ...] = ()
    problem: str = ""


class Check(Tool[CheckArgs]):
    name = "check"
    args = CheckArgs
    cap: ClassVar[Cap] = Cap.COMMANDS

    def __init__(self, sandboxing: Sandboxing | None = None) -> None:
        self._sandboxing = sandboxing
        # By checker and directory: how often each file had each message when it last ran.
        self._former: dict[tuple[str, Path], Counter[tuple[str, str]]] = {}

    def effects(self, args: CheckArgs, workspace: Workspace) -> Effects:
        paths = [workspace.resolve(path) for path in args.paths]
        reads = tuple(Access(Mode.READ, path.as_posix(), tree=True) for path in paths or [workspace.cwd])
        if args.syntax_only:
            return Effects(reads, reason="parses files")
        # Never less than unknown: what is configured when it runs may be more than what is configured now.
        checkers = _checkers(paths or [workspace.cwd], workspace)
        names = ", ".join(sorted({checker.kind.name for checker in checkers if checker.argv})) or "the checkers"
        parts = tuple(CommandPart(checker.argv) for checker in checkers if checker.argv)
        return Effects(reads, spawns=True, unknown=True, reason=f"runs {names} of this project", parts=parts)

    def deadline_s(self, args: CheckArgs, usual: Deadlines) -> float | None:
        return usual.command_s

    def preview(self, args: CheckArgs, workspace: Workspace, effects: Effects) -> Preview:
        command = "\n".join(" ".join(part.argv) for part in effects.parts) or "the project's linters and type checkers"
        return CommandPreview(command, str(workspace.cwd), effects.reason)

    async def run(self, args: CheckArgs, ctx: ToolContext) -> ToolOutput:
        files = await self._files(args, ctx.workspace)
        if not files:
            return ToolOutput("Nothing has changed: there is nothing to check.", TextDetail("nothing to check"))
        reads = Effects((Access(Mode.READ, ctx.workspace.cwd.as_posix(), tree=True),))
        parts = [Part(SYNTAX, reads, lambda: _syntax(files, ctx.workspace))]
        if not args.syntax_only:
            # Their effects as parts are what they read, so that they run side by side.
            checkers = _checkers(files, ctx.workspace)
            run_checker = partial(
                _run_checker,
                sandboxing=self._sandboxing,
                deadline_s=ctx.part_deadline_s(MARGIN_S),
                asked=ctx.asked,
            )
            parts += [Part(checker.kind.name, reads, partial(run_checker, checker)) for checker in checkers]
        ctx.report(", ".join(part.label for part in parts))
        results = await ctx.run_parts(parts)
        reports = [
            result if isinstance(result, Report) else Report(part.label, ctx.workspace.cwd, problem=str(result))
            for part, result in zip(parts, results, strict=True)
        ]
        changed = await _changed_lines(files, reports)
        return self._answer(reports, changed, len(files), ctx)

    async def _files(self, args: CheckArgs, workspace: Workspace) -> list[Path]:
        if args.paths:
            return await asyncio.to_thread(_expand, [workspace.resolve(path) for path in args.paths], workspace)
        repository = find_repository(workspace.cwd)
        if repository is None:
            raise ToolRefused("This directory is no git repository: name the `paths` to check.")
        status = await Git(repository.root).status()
        files = [repository.root / changed.path for changed in status if not changed.deleted]
        # What lies outside of the directory was not stated to be read.
        files = [path for path in files if workspace.cwd in path.parents]
        return [path for path in files if path.is_file() and not path.is_symlink()][:MOST_FILES]

    def _answer(
        self, reports: Sequence[Report], changed: Mapping[Path, frozenset[int]] | None, files: int, ctx: ToolContext
    ) -> ToolOutput:
        blocks = []
        total = 0
        for report in reports:
            new = self._new(report, changed)
            total += len(new)
            blocks.append(_block(report, new, ctx.workspace))
        summary = "no new findings" if not total else f"{total} new finding" + ("" if total == 1 else "s")
        head = f"Checked {files} file" + ("" if files == 1 else "s") + f": {summary}."
        return ToolOutput(cut("\n".join([head, *blocks]), ctx.output_budget), TextDetail(summary))

    def _new(self, report: Report, changed: Mapping[Path, frozenset[int]] | None) -> list[Finding]:
        """Return what is new, and remember what there is."""
        place = (report.name, report.directory)
        former = self._former.get(place)
        now = Counter((finding.path, finding.message) for finding in report.findings)
        if not report.problem:
            self._former[place] = now
        if former is not None:
            left = former.copy()
            new = []
            for finding in report.findings:
                if left[finding.path, finding.message] > 0:
                    left[finding.path, finding.message] -= 1
                else:
                    new.append(finding)
            return new
        if changed is None:
            return list(report.findings)
        return [finding for finding in report.findings if _on_changed_line(report, finding, changed)]


def _place(report: Report, finding: Finding) -> Path:
    return Path(os.path.normpath(report.directory / finding.path))


def _on_changed_line(report: Report, finding: Finding, changed: Mapping[Path, frozenset[int]]) -> bool:
    lines = changed.get(_place(report, finding))
    # A file that git does not know is all new, and so is a finding without a line.
    return lines is None or not finding.line or finding.line in lines


def _checkers(paths: Sequence[Path], workspace: Workspace) -> list[Checker]:
    by_root: dict[Path, list[Path]] = {}
    for path in paths:
        root = workspace.root_of(path)
        if root is not None:
            by_root.setdefault(root, []).append(path)
    return [checker for root, inside in by_root.items() for checker in find_checkers(inside, root)]


def _expand(paths: Sequence[Path], workspace: Workspace) -> list[Path]:
    """Return the files that `paths` name, those of a directory included. Raises ToolRefused for one that is absent."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            for listing in walk(path, Wanted()):
                found = (listing.directory / entry.name for entry in listing.entries if not entry.is_directory)
                files += [file for file in found if checkable(file) and not file.is_symlink()]
                if len(files) > MOST_FILES:
                    shown = printable(workspace.show(path))
                    raise ToolRefused(f"`{shown}` holds more than {MOST_FILES:,} files to check: name fewer.")
        elif path.is_file():
            files.append(path)
        else:
            raise ToolRefused(f"`{printable(workspace.show(path))}` does not exist.")
    return list(dict.fromkeys(files))


async def _syntax(files: Sequence[Path], workspace: Workspace) -> Report:
    findings: list[Finding] = []
    for path in files:
        if not checkable(path):
            continue
        try:
            state = await read_file(path, max_bytes=LARGEST_FILE_BYTES)
        except ToolRefused:
            # Too large or no longer there: the project's own checkers may still have something to say.
            continue
        found = await asyncio.to_thread(check_syntax, path.name, state.data)
        findings += [replace(finding, path=workspace.show(path)) for finding in found]
    return Report(SYNTAX, workspace.cwd, tuple(findings))


async def _run_checker(
    checker: Checker, sandboxing: Sandboxing | None, deadline_s: float | None, *, asked: bool
) -> Report:
    name = checker.kind.name
    if not checker.argv:
        return Report(name, checker.directory, problem="configured, but its program was not found")
    command = shlex.join(checker.argv)
    sandbox = await sandboxing.for_command() if sandboxing is not None else None
    grants = Grants(home=asked)
    process = await start_shell(
        command,
        cwd=checker.directory,
        max_bytes=MOST_OUTPUT_BYTES,
        merge_stderr=False,
        sandbox=sandbox,
        grants=grants,
    )
    end = await end_of(process, deadline_s)
    output, errors = end.stdout.decode("utf-8", "replace"), end.stderr.decode("utf-8", "replace")
    # go and cargo report on standard error.
    findings = tuple(dict.fromkeys(checker.kind.parse(output) or parse_lines(errors)))
    if end.timed_out:
        return Report(name, checker.directory, findings, f"stopped after {deadline_s:g} s")
    if end.exit_code != 0 and not findings:
        said = cut((errors.strip() or output.strip()), 600) or "no output"
        if sandbox is not None:
            remark = partial(sandbox.remarks, command, errors + output, failed=True, cwd=str(checker.directory))
            said = "\n".join((said, *await asyncio.to_thread(remark, env=quiet(), grants=grants)))
        return Report(name, checker.directory, problem=f"failed ({end.signal or f'exit code {end.exit_code}'}): {said}")
    return Report(name, checker.directory, findings)


async def _changed_lines(files: Sequence[Path], reports: Sequence[Report]) -> dict[Path, frozenset[int]] | None:
    """Return the changed lines of every file concerned, by absolute path; None without a repository."""
    if not any(report.findings for report in reports):
        return {}
    repository = find_repository(files[0].parent)
    if repository is None:
        return None
    named = {_place(report, finding) for report in reports for finding in report.findings}
    inside = [path for path in named if repository.root in path.parents]
    try:
        changed = await Git(repository.root).changed_lines(inside)
    except ToolRefused:
        return None
    return {repository.root / path: lines for path, lines in changed.items()}


def _block(report: Report, new: Sequence[Finding], workspace: Workspace) -> str:
    older = len(report.findings) - len(new)
    if report.problem and not report.findings:
        return f"{report.name}: {report.problem}"
    counted = f"{len(new)} new" if new else "nothing new"
    if not report.findings:
        counted = "ok"
    also = f", {older} older" if older else ""
    problem = f" ({report.problem})" if report.problem else ""
    lines = [f"{report.name}: {counted}{also}{problem}"]
    for finding in new[:MOST_SHOWN]:
        named = replace(finding, path=printable(workspace.show(_place(report, finding))))
        lines.append(f"  {cut(str(named), LONGEST_FINDING)}")
    if len(new) > MOST_SHOWN:
        lines.append(f"  … {len(new) - MOST_SHOWN} more")
    return "\n".join(lines)
