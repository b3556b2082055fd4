"""The Textual app: themes, screens, the session's life. Keys and events are the chat screen's.

The first frame needs nothing of the engine: `connect` is called after it has been painted.
"""

from __future__ import annotations

import os

# Esc must be told from the beginning of a sequence within a few milliseconds; Textual reads this on import.
os.environ.setdefault("ESCDELAY", "25")
# How soon after one painting there may be another: a key that comes right after one does not wait for 17 ms.
os.environ.setdefault("TEXTUAL_FPS", "200")

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.app import SuspendNotSupported
from textual.binding import BindingType
from textual.driver import Driver
from textual.filter import LineFilter
from textual.theme import Theme

from plait.protocol.commands import PERMISSION_MODES, Prompt as SendPrompt, SetMode
from plait.protocol.display import sanitise, sanitise_line
from plait.protocol.errors import PlaitError, SessionInUse
from plait.protocol.ports import Desktop, SessionHandle, Sessions, TrustQuestion
from plait.views.tui import markdown
from plait.views.tui.clock import Clock, MonotonicClock
from plait.views.tui.driver import surviving
from plait.views.tui.keymap import read_keyboard
from plait.views.tui.leaving import LOG, LeavingApp, Left
from plait.views.tui.palette import BadTheme, Palette, read_theme
from plait.views.tui.screens.answer_screen import AnswerScreen
from plait.views.tui.screens.chat import Chat
from plait.views.tui.slash import Line
from plait.views.tui.slash_actions import run_slash
from plait.views.tui.strips import LastDoor

LAST_DOOR = LastDoor()
Connect = Callable[[], Awaitable[SessionHandle]]
AnswerTrust = Callable[[bool], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class TuiSettings:
    """What the command line knows before the engine is there."""

    theme: str | None = None
    reduced_motion: bool = False
    model: str = ""
    keyboard: dict[str, str] = field(default_factory=dict)
    mode: str = "default"
    open_at_once: bool = True
    """Open the session after the first frame; else on the first key, so that an idle screen stays small."""


class PlaitApp(LeavingApp):
    """See the module. `place` is the directory as people write it, `keyboard` the keys in use."""

    TITLE = "plait"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []
    SCREENS: ClassVar = {}

    def __init__(
        self,
        connect: Connect,
        desktop: Desktop,
        *,
        cwd: str,
        branch: str | None,
        initial_prompt: str | None = None,
        settings: TuiSettings = TuiSettings(),  # frozen
        sessions: Sessions | None = None,
        pick_session: bool = False,
        trust: tuple[TrustQuestion, AnswerTrust] | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(desktop)
        self.clock: Clock = clock or MonotonicClock()
        self._connect = connect
        self.sessions = sessions
        self.cwd = cwd
        self.place = _short(cwd)
        self.branch = branch
        self.reduced_motion = settings.reduced_motion or os.environ.get("TEXTUAL_ANIMATIONS") == "none"
        self.model = settings.model
        self.model_is_scout = settings.model in ("", "scout")
        self.mode = settings.mode
        self.keyboard, self._problems = read_keyboard(settings.keyboard)
        self.chat = Chat()
        self.palette = Palette.of({}, dark=True)
        self._settings = settings
        self._initial_prompt = initial_prompt
        self._pick_session = pick_session
        self._trust = trust
        self._is_awake = False
        self._themes: dict[str, Theme] = {}
        self._has_read_draft = False

    def get_driver_class(self) -> type[Driver]:
        return surviving(super().get_driver_class())

    # --- begin and end -------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._load_themes()
        wanted = self._settings.theme or "ember"
        if wanted not in self.available_themes:
            self._problems.append(f"theme `{wanted}`: not found; themes: {', '.join(sorted(self._themes))}")
            wanted = "ember" if "ember" in self._themes else "textual-dark"
        self.theme = wanted
        self._take_palette()
        self.set_keymap(self.keyboard.for_textual())
        if self.reduced_motion:
            self.animation_level = "none"
        self.push_screen(self.chat)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """The first frame is on the screen: now the engine."""
        for problem in self._problems:
            self.notify(problem, severity="warning")
        if self._initial_prompt:
            self.chat.send(SendPrompt(self._initial_prompt))
        if self._settings.open_at_once or self._pick_session or self._trust is not None:
            self.wake_engine()
        self.run_worker(self._load_written(), group="history")

    def wake_engine(self, *, again: bool = False) -> None:
        """Open the session, if that has not been begun yet, or `again` if it has failed."""
        if not self._is_awake or (again and self.chat.is_without_session):
            self._is_awake = True
            self.run_worker(self._open(), group="engine", exclusive=True)

    async def _open(self) -> None:
        handle: SessionHandle | None = None
        try:
            handle = await self._wanted()
            await self.chat.attach(handle)
        except asyncio.CancelledError:
            # Another session was chosen, or the app ends.
            if handle is not None and handle is not self.chat.handle:
                await handle.close()
            raise
        except PlaitError as error:
            await self._give_up(handle, str(error))
        except Exception as error:  # The engine's edge: whatever breaks in there, the screen and what is typed stay.
            LOG.error("the engine could not start", exc_info=error)
            await self._give_up(handle, f"The engine could not start: {type(error).__name__}: {error}")
        else:
            await asyncio.to_thread(markdown.warm_up)

    async def _give_up(self, handle: SessionHandle | None, why: str) -> None:
        """Be without a session, though there may be one that cannot be shown."""
        if handle is not None:
            self.chat.detach()
            self.chat.handle = None
            await handle.close()
        self.chat.failed(why)

    async def _wanted(self) -> SessionHandle:
        if self._trust is not None:
            await self._ask_trust(*self._trust)
            self._trust = None
        if self._pick_session and self.sessions is not None:
            return await self.pick(self.sessions) or await self.sessions.open_new()
        try:
            return await self._connect()
        except SessionInUse as error:
            if self.sessions is None:
                raise
            return await self._copy(self.sessions, error) or await self.sessions.open_new()

    async def _ask_trust(self, question: TrustQuestion, answer: AnswerTrust) -> None:
        """Before anything of the directory's own counts. Whoever goes back without an answer is asked next time."""
        from plait.views.tui.screens.trust import TrustPage

        trusted = await self.push_screen_wait(TrustPage(question, self.palette))
        if trusted is None:
            return
        try:
            await answer(trusted)
        except PlaitError as error:
            self.notify(str(error), severity="warning")

    async def pick(self, sessions: Sessions) -> SessionHandle | None:
        """Let the user choose an earlier session and open it; None if there is none, or none was chosen."""
        from plait.views.tui.screens.pages import SessionPicker

        infos = await sessions.list()
        if not infos:
            self.notify("No earlier session in this directory.")
            return None
        chosen = await self.push_screen_wait(SessionPicker(infos))
        if chosen is None:
            return None
        try:
            return await sessions.resume(chosen)
        except SessionInUse as error:
            return await self._copy(sessions, error)

    async def _copy(self, sessions: Sessions, error: SessionInUse) -> SessionHandle | None:
        """Offer a copy of a session that is in use."""
        from plait.views.tui.screens.pages import Chooser

        ways = (("copy", "Go on in a copy of it"), ("", "Leave it there"))
        chosen = await self.push_screen_wait(Chooser("This session is open in another Plait", ways))
        return await sessions.resume(error.session_id, fork=True) if chosen == "copy" else None

    async def switch(self, handle: SessionHandle) -> None:
        """Leave the session, or the one that is being opened, for another one. If that fails nothing has changed."""
        self._is_awake = True
        former = self.chat.handle
        try:
            await self.chat.attach(handle, afresh=True)
        except BaseException:
            await handle.close()
            raise
        self.workers.cancel_group(self, "engine")
        if former is not None:
            await former.close()

    def left_now(self) -> Left:
        projector = self.chat.projector
        handle = self.chat.handle
        answer = projector.state.answer if projector is not None else ""
        has_turns = projector is not None and projector.has_turns
        return Left(handle.session_id if handle is not None and has_turns else None, answer, self.chat.persisted)

    def unsent_text(self) -> str | None:
        unsent = self.chat.unsent_text()
        return unsent if unsent or self._has_read_draft else None

    def handle_to_close(self) -> SessionHandle | None:
        return self.chat.handle

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key):
            self.chat.go_first()
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded and self._takes(event):
            return
        await super().on_event(event)

    def _takes(self, event: events.Key | events.Paste) -> bool:
        """Return whether the screen has dealt with a key itself, before what has the focus gets it."""
        screen = self.screen_stack[-1] if self.screen_stack else None
        if not isinstance(screen, Chat | AnswerScreen):
            return False
        # A key tells that the terminal has the focus: that gives it back to what had it.
        self.app_focus = True
        return screen.take_key(event)

    # --- themes --------------------------------------------------------------------------------------------------

    def _load_themes(self) -> None:
        for name, text in self.desktop.themes():
            try:
                theme = read_theme(name, text)
            except BadTheme as error:
                self._problems.append(str(error))
                continue
            self._themes[theme.name] = theme
            self.register_theme(theme)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        from plait.views.tui.palette import VARIABLES

        return dict(VARIABLES)

    def _take_palette(self) -> None:
        self.palette = Palette.of(self.get_css_variables(), dark=self.current_theme.dark)

    def use_theme(self, name: str) -> bool:
        if name not in self.available_themes:
            return False
        self.theme = name
        self._take_palette()
        self.chat.apply_palette()
        return True

    @property
    def own_themes(self) -> tuple[str, ...]:
        return tuple(self._themes)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), LAST_DOOR]

    # --- the machine ---------------------------------------------------------------------------------------------

    def notify(self, message: str, **options: Any) -> None:
        """Say something in passing; it is text, whatever is in it."""
        super().notify(sanitise(message), **{**options, "markup": False})

    def copy(self, text: str) -> None:
        """Copy by the terminal and by the system, whichever works."""
        self.copy_to_clipboard(text)
        self.run_worker(asyncio.to_thread(self.desktop.copy, text), group="copy")
        self.notify("Copied.", timeout=1.5)

    def attention(self) -> None:
        """Somebody is needed who may be looking elsewhere."""
        if not self.app_focus:
            self.bell()

    def remember_prompt(self, text: str) -> None:
        self.run_worker(asyncio.to_thread(self.desktop.remember_prompt, text), group="history")

    async def _load_written(self) -> None:
        """Get what was written here before: sent prompts, and the one that was not."""
        self.chat.prompt.set_history(await asyncio.to_thread(self.desktop.prompt_history))
        draft = await asyncio.to_thread(self.desktop.load_draft)
        self._has_read_draft = True
        if draft and not self.chat.prompt.text:
            self.chat.prompt.set_text(draft)

    def edit_outside(self, text: str, suffix: str = ".md") -> str | None:
        """Let the user write in an editor of their own; None if there is none, or it failed."""
        edited = None
        with suppress(SuspendNotSupported), self.suspend(), self.lent_terminal():
            edited = self.desktop.edit_text(text, suffix)
        if edited is None:
            self.notify("No editor: set $VISUAL or $EDITOR.", severity="warning")
        return edited

    async def run_slash(self, line: Line) -> None:
        await run_slash(self, line)

    def set_mode(self, name: str) -> bool:
        mode = next((mode for mode in PERMISSION_MODES if mode.lower() == name.lower()), None)
        if mode is not None:
            self.chat.send(SetMode(mode))
        return mode is not None


def _short(path: str) -> str:
    home = str(Path.home())
    return sanitise_line("~" + path[len(home) :] if path == home or path.startswith(home + os.sep) else path)
