"""Open the screen: checks that there is one, and starts the session beside it."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence

from plait.cli.flags import Parsed
from plait.cli.start import Started, begin, opening, prompt_of
from plait.cli.terminal import put, tell
from plait.config.launch import Opening
from plait.config.models import model_name
from plait.config.settings import environment
from plait.protocol.display import sanitise
from plait.protocol.errors import UserError
from plait.protocol.ports import SessionHandle
from plait.protocol.queries import SessionInfo

ONLY_PRINT = ("output-format", "input-format", "include-partial-messages", "json-schema", "output")


def run(parsed: Parsed) -> int:
    """Run until the user quits. Raises UserError if this terminal will not do."""
    for key in ONLY_PRINT:
        if parsed.has(key):
            raise UserError(f"`{parsed.given[key].spelled}` needs `--print`.")
    if environment().get("TERM") == "dumb":
        raise UserError('`TERM=dumb`: this terminal cannot show the screen; use `plait --print "…"`.')
    chosen = opening(parsed)
    prompt = prompt_of(parsed)
    started = begin(parsed)
    for warning in started.loaded.warnings:
        tell(f"warning: {warning}")
    # Nothing of the engine is imported before the first frame: `connect` does that, in the engine's own thread.
    from plait.host.desktop import LocalDesktop
    from plait.views.tui.app import PlaitApp, TuiSettings

    loaded, workspace = started.loaded, started.workspace
    environ = environment()
    desktop = LocalDesktop(workspace.cwd, loaded.directories.state, loaded.directories.config, environ)
    sessions = LaterSessions(started)
    app = PlaitApp(
        lambda: sessions.open(chosen),
        desktop,
        cwd=str(workspace.cwd),
        branch=desktop.branch(),
        initial_prompt=prompt or None,
        settings=TuiSettings(
            theme=loaded.settings.theme,
            reduced_motion=loaded.settings.reduced_motion,
            model=model_name(loaded, environ),
            keyboard=dict(loaded.settings.keyboard),
        ),
        sessions=sessions,
        pick_session=chosen.kind == "resume" and chosen.session_id is None,
    )
    left = app.run()
    if left is not None and left.answer:
        put(sanitise(left.answer.rstrip()) + "\n")
    if left is not None and left.session_id is not None and chosen.persist:
        tell(f"resume with: plait -r {left.session_id}")
    return 0 if app.return_code is None else app.return_code


class LaterSessions:
    """The sessions of this directory, opened by an engine that is imported when the first is."""

    def __init__(self, started: Started) -> None:
        self._started = started

    async def open(self, chosen: Opening) -> SessionHandle:
        # Half a second of imports: in a thread, while the screen takes keys.
        wiring = await asyncio.to_thread(importlib.import_module, "plait.wiring")
        started = self._started
        connect = wiring.connect_in_thread(started.loaded, started.workspace, chosen, allow_all=started.allow_all)
        handle: SessionHandle = await connect()
        return handle

    async def list(self, *, everywhere: bool = False) -> Sequence[SessionInfo]:
        from plait.session.store import Store

        store = Store(self._started.loaded.directories.sessions)
        return await asyncio.to_thread(store.list, None if everywhere else str(self._started.workspace.cwd))

    async def open_new(self) -> SessionHandle:
        return await self.open(Opening())

    async def resume(self, session_id: str, *, fork: bool = False) -> SessionHandle:
        return await self.open(Opening("resume", session_id, fork))
