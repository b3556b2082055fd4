"""Open the screen: check that there is one, and hand it the ways to the session and the machine.

Nothing of the engine is imported before the first frame; `connect` is called after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from plait.cli.flags import Parsed
from plait.cli.start import Started, begin, opening, prompt_of
from plait.cli.terminal import put
from plait.config.launch import Opening
from plait.config.models import model_name
from plait.config.settings import environment
from plait.config.trust import remember
from plait.host.desktop import LocalDesktop
from plait.protocol.errors import InternalError, UserError
from plait.protocol.ports import SessionHandle, TrustQuestion
from plait.protocol.queries import SessionInfo

ONLY_PRINT = ("output-format", "input-format", "include-partial-messages", "json-schema", "output")
MAX_FAILURE_WORDS = 200
"""Characters of a failure's own words in the one line about it."""


def run(parsed: Parsed) -> int:
    """Run until the user quits. Raises UserError if this terminal will not do."""
    for key in ONLY_PRINT:
        if parsed.has(key):
            raise UserError(f"`{parsed.given[key].spelled}` needs `--print`.")
    environ = environment()
    if environ.get("TERM") == "dumb":
        raise UserError('`TERM=dumb`: this terminal cannot show the screen; use `plait --print "…"`.')
    chosen = opening(parsed)
    prompt = prompt_of(parsed)
    started = begin(parsed, on_screen=True)
    settings = started.loaded.settings
    places = started.loaded.directories
    # Textual is a large part of the start, and no other way of running needs it.
    from plait.views.tui.app import PlaitApp, TuiSettings

    sessions = LocalSessions(
        started, persist=chosen.persist, again=lambda: begin(parsed, trusting=True, on_screen=True)
    )
    desktop = LocalDesktop(started.workspace.cwd, places.state, places.config, environ)
    app = PlaitApp(
        lambda: sessions.open(chosen),
        desktop,
        cwd=str(started.workspace.cwd),
        branch=desktop.branch(),
        initial_prompt=prompt if prompt.strip() else None,
        settings=TuiSettings(
            theme=settings.theme,
            reduced_motion=settings.reduced_motion,
            model=model_name(started.loaded, environ),
            keyboard=dict(settings.keyboard),
            mode=settings.permission_mode,
            open_at_once=chosen.kind != "new",
        ),
        sessions=sessions,
        pick_session=chosen.kind == "resume" and chosen.session_id is None,
        trust=(_question(started), sessions.answer_trust) if started.loaded.trust.state == "unasked" else None,
    )
    failure: BaseException | None = None
    try:
        left = app.run()
        failure = app.failure
    except Exception as error:  # The session may be gone on with all the same, and the user is to read how.
        left, failure = app.left_now(), error
    if left is not None:
        # The screen is gone with everything on it; what was last said stays.
        put(f"{left.answer}\n\n" if left.answer else "")
        if left.session_id is not None and left.persisted and chosen.persist:
            put(f"Go on with: plait -r {left.session_id}\n")
    if failure is not None:
        words = f"{type(failure).__name__}: {failure}"[:MAX_FAILURE_WORDS]
        raise InternalError(f"the screen failed: {words}") from failure
    return app.return_code or 0


def _question(started: Started) -> TrustQuestion:
    # Only a directory that brings settings pays for this.
    from plait.agent.context import instruction_places, read_instructions

    trust = started.loaded.trust
    cwd = started.workspace.cwd
    found = read_instructions(instruction_places(cwd, trust.project, started.loaded.directories.config))
    return TrustQuestion(
        str(trust.project),
        tuple((grant.origin, grant.words) for grant in trust.grants),
        tuple(f"{instructions.path} ({instructions.length})" for instructions in found if not instructions.by_user),
    )


class LocalSessions:
    """Implements `protocol.ports.Sessions` for this directory; every session lives in an engine thread of its own."""

    def __init__(self, started: Started, *, persist: bool, again: Callable[[], Started]) -> None:
        self._started = started
        self._persist = persist
        self._again = again

    async def answer_trust(self, trusted: bool) -> None:
        """Let the directory's settings count, or not; the answer is kept. Raises UserError if that fails."""
        trust, state = self._started.loaded.trust, self._started.loaded.directories.state
        if trusted:
            again = await asyncio.to_thread(self._again)
            if again.loaded.trust.digest != trust.digest:
                raise UserError("The settings of this directory changed while you read them; they do not count.")
            self._started = again
        await asyncio.to_thread(remember, trust, state, trusted=trusted)

    async def open(self, chosen: Opening) -> SessionHandle:
        """Open a session, importing the engine beside the screen. Raises UserError."""
        connect = await asyncio.to_thread(self._connector, chosen)
        return await connect()

    async def open_new(self) -> SessionHandle:
        return await self.open(Opening(persist=self._persist))

    async def resume(self, session_id: str, *, fork: bool = False) -> SessionHandle:
        return await self.open(Opening("resume", session_id, fork, self._persist))

    async def list(self, *, everywhere: bool = False) -> Sequence[SessionInfo]:
        return await asyncio.to_thread(self._list, everywhere)

    def _connector(self, chosen: Opening) -> Callable[[], Awaitable[SessionHandle]]:
        from plait import wiring

        started = self._started
        return wiring.connect_in_thread(started.loaded, started.workspace, chosen, allow_all=started.allow_all)

    def _list(self, everywhere: bool) -> Sequence[SessionInfo]:
        from plait.session.store import Store

        store = Store(self._started.loaded.directories.sessions)
        return store.list(None if everywhere else str(self._started.workspace.cwd))
