"""Start command lines in bash: in the sandbox where there is one, under limits, ended if Plait itself is killed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from plait.host.environment import quiet
from plait.host.limits import Limits
from plait.host.patrol import patrol
from plait.host.process import KEPT_BYTES, start_process
from plait.host.process_tree import Brand
from plait.host.programs import find_program
from plait.host.running import Closing, OnOutput, RunningProcess
from plait.host.sandbox import Sandbox
from plait.host.sandbox_grants import NOTHING, Grants
from plait.host.sandbox_watch import GuardedNames
from plait.host.watchdog import WATCHDOG
from plait.protocol.errors import ToolRefused

LONGEST_REPORT_BYTES = 64_000
USUAL_LIMITS = Limits()


async def start_shell(
    command: str,
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    on_output: OnOutput | None = None,
    max_bytes: int = KEPT_BYTES,
    merge_stderr: bool = True,
    limits: Limits = USUAL_LIMITS,
    sandbox: Sandbox | None = None,
    grants: Grants = NOTHING,
) -> RunningProcess:
    """Start a command line in bash, without start-up files. See `start_process`.

    sandbox: what it runs in, if there is one; `grants` is what it gets there beyond others. limits: what ends it.

    Raises:
        ToolRefused: There is no bash where the system keeps its programs, or it could not be started.
    """
    bash = find_program("bash")
    if bash is None:
        raise ToolRefused("The command was not run: `bash` was not found where the system keeps its programs.")
    names: GuardedNames | None = None
    if sandbox is not None and sandbox.kind != "none":
        confining = partial(_start_confined, command, bash, sandbox, grants)
        process, names = await confining(
            cwd=cwd,
            env=quiet() if env is None else env,
            on_output=on_output,
            max_bytes=max_bytes,
            merge_stderr=merge_stderr,
        )
    else:
        brand = Brand()
        process = await start_process(
            brand.shell(bash, command),
            cwd=cwd,
            env=env,
            on_output=on_output,
            max_bytes=max_bytes,
            merge_stderr=merge_stderr,
            brand=brand,
            on_start=WATCHDOG.begins,
        )
    process.when_over(lambda: WATCHDOG.ended(process.pid))
    patrol(process, limits, names)
    return process


async def _start_confined(
    command: str,
    bash: str,
    sandbox: Sandbox,
    grants: Grants,
    *,
    cwd: Path,
    env: Mapping[str, str],
    on_output: OnOutput | None,
    max_bytes: int,
    merge_stderr: bool,
) -> tuple[RunningProcess, GuardedNames]:
    brand = Brand()
    report, reporting = os.pipe()
    try:
        os.set_blocking(report, False)
        confine = partial(sandbox.confine, bash, command, brand, reporting, cwd=str(cwd), env=env, grants=grants)
        try:
            confined = await asyncio.to_thread(confine)
        except OSError as error:
            raise ToolRefused(f"The command was not run: its sandbox cannot be prepared ({error}).") from error
        names = GuardedNames(confined.view, os.path.join(sandbox.places.private, "taken"))
        process = await start_process(
            confined.argv,
            cwd=cwd,
            env=confined.env,
            on_output=on_output,
            max_bytes=max_bytes,
            merge_stderr=merge_stderr,
            brand=brand,
            pass_fds=(reporting,) if confined.reports else (),
            wrapped=confined.reports,
            on_start=WATCHDOG.begins,
        )
    except BaseException:
        os.close(report)
        raise
    finally:
        os.close(reporting)
    process.at_end(partial(_close_confined, report, names, reports=confined.reports))
    return process, names


def _close_confined(report: int, names: GuardedNames, *, reports: bool) -> Closing:
    """Read what the sandbox reported, and look for what the command may not have made. Blocking."""
    try:
        lines = os.read(report, LONGEST_REPORT_BYTES).decode("utf-8", "replace").split("\n")
    except BlockingIOError:
        lines = []
    finally:
        os.close(report)
    left = tuple(line.removeprefix("left ") for line in lines if line.startswith("left "))
    return Closing(left, names.settle(), never_ran=reports and "stands" not in lines)
