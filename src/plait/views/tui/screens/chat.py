"""The main screen: transcript, question, prompt, status. Keys and messages become commands; nothing more."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import Static

from plait.protocol.calls import CallKey
from plait.protocol.commands import (
    PERMISSION_MODES,
    Allow,
    Background,
    Cancel,
    Decide,
    EditQueue,
    PermissionMode,
    Prompt as SendPrompt,
    RunShell,
    SetMode,
    Steer,
)
from plait.protocol.display import sanitise_line
from plait.protocol.errors import PlaitError
from plait.protocol.ports import Completion
from plait.views.tui import slash
from plait.views.tui.blocks import Block, LinesBlock, NoticeBlock
from plait.views.tui.call_blocks import CallCard, CallGroup, todo_lines
from plait.views.tui.edited import BadArguments, edited_args, edited_text
from plait.views.tui.keymap import KEYS
from plait.views.tui.question_keys import QuestionKeys
from plait.views.tui.screens.conversation import Conversation
from plait.views.tui.screens.pages import ArgumentEditor, HelpPage, Pager
from plait.views.tui.surroundings import activity_line, queue_lines, welcome_lines
from plait.views.tui.widgets.approval import ApprovalPanel
from plait.views.tui.widgets.popup import Popup
from plait.views.tui.widgets.prompt import Prompt
from plait.views.tui.widgets.status import status_line
from plait.views.tui.widgets.transcript import Transcript

TICK_S = 0.12
QUIT_WITHIN_S = 1.5
CYCLE: tuple[PermissionMode, ...] = ("default", "acceptEdits", "plan")


class Chat(Conversation):
    """The conversation."""

    CSS_PATH = "../styles/chat.tcss"
    AUTO_FOCUS = "#prompt"
    BINDINGS: ClassVar[list[BindingType]] = [
        # They come before those of whatever has the focus; the id is what the user's own keys are given to.
        Binding(",".join(key.keys), f"key('{key.action}')", id=key.action, show=False, priority=True)
        for key in KEYS
        if key.where == "everywhere"
    ]

    def __init__(self) -> None:
        super().__init__()
        self._tick_timer: Timer | None = None
        self._quit_armed_s = 0.0
        self._shows_todo = False
        self._shown: dict[str, tuple[str, int]] = {}
        self._welcome: Block | None = None
        self._edited: tuple[CallKey, str] | None = None
        """What the user has made of the arguments of a call, while it is not to be run."""

    @property
    def approval(self) -> ApprovalPanel:
        return self.query_one("#approval", ApprovalPanel)

    def compose(self) -> ComposeResult:
        keyboard = self.plait.keyboard
        yield Transcript(keyboard, id="transcript")
        yield Static("", id="side", markup=False)
        yield Static("", id="activity", markup=False)
        yield ApprovalPanel(keyboard, self.plait.clock, id="approval")
        yield Static("", id="queue", markup=False)
        yield Popup(id="popup")
        with Horizontal(id="prompt-row"):
            yield Static("❯ ", id="prompt-mark", markup=False)
            yield Prompt(keyboard, id="prompt")
        yield Static("", id="status", markup=False)

    def on_mount(self) -> None:
        self.question_keys = QuestionKeys(self)
        self.prompt.placeholder = "ask, or say what to change · / commands · @ files · ! shell"
        self.projector = self._new_projector(self.transcript)
        self.projector.state.model = self.plait.model
        self.projector.state.mode = next((mode for mode in PERMISSION_MODES if mode == self.plait.mode), "default")
        self.apply_palette()
        app = self.plait
        self._welcome = LinesBlock(
            lambda width, palette: welcome_lines(app.place, app.branch, palette, width, is_scout=app.model_is_scout)
        )
        self.transcript.add(self._welcome)
        self.transcript.changed()
        self.draw_around()

    def apply_palette(self) -> None:
        palette = self.plait.palette
        self.transcript.set_palette(palette)
        self.approval.palette = palette
        self.approval.redraw()

    # --- what is drawn around the transcript ---------------------------------------------------------------------

    def draw_around(self) -> None:
        if self.projector is None:
            return
        state, palette = self.projector.state, self.plait.palette
        width = max(10, self.size.width - 2)
        now = time.monotonic()
        self.turn_since_s = (self.turn_since_s or now) if state.working else None
        self._put("#status", status_line(state, self.plait.place, self.plait.branch, palette, width))
        self._draw_activity(now)
        queue = queue_lines(state.queue, palette, width, can_edit=not self.prompt.text)
        self._put("#queue", *queue, hides=True)
        self._put("#side", *(todo_lines(state.todo, palette) if self._shows_todo else []), hides=True)
        self._keep_ticking(state.working or state.waiting is not None)

    def _draw_activity(self, now: float) -> None:
        assert self.projector is not None
        state, palette = self.projector.state, self.plait.palette
        if self.is_without_session:
            line = Text("no session · Enter tries again · /resume picks another", palette.write)
        elif self.waits_for_engine:
            line = Text("starting the engine · what you sent goes out as soon as it is there", palette.dim)
        else:
            key = self.plait.keyboard.first("interrupt")
            working_s = now - self.turn_since_s if self.turn_since_s is not None else 0.0
            line = activity_line(state, working_s, time.time(), key, palette, still=self.plait.reduced_motion)
        self._put("#activity", line)

    def _put(self, selector: str, *lines: Text, hides: bool = False) -> None:
        """Show lines of the surroundings, if they are others; `hides`: without any the widget is not there."""
        whole = Text("\n").join(lines)
        looks = (whole.markup, id(self.plait.palette))
        if self._shown.get(selector) != looks:
            self._shown[selector] = looks
            widget = self.query_one(selector, Static)
            widget.update(whole, layout=hides)
            widget.display = bool(lines) or not hides

    def _keep_ticking(self, working: bool) -> None:
        """Counters run only while something does."""
        if working and self._tick_timer is None:
            self._tick_timer = self.set_interval(1.0 if self.plait.reduced_motion else TICK_S, self._tick)
        elif not working and self._tick_timer is not None:
            self._tick_timer.stop()
            self._tick_timer = None

    def _tick(self) -> None:
        now = time.monotonic()
        self.transcript.tick()
        # While events come, each flush draws it.
        if now - self._pace.flushed_s > TICK_S:
            self._draw_activity(now)

    def on_resize(self, event: events.Resize) -> None:
        self.draw_around()

    def drop_welcome(self) -> None:
        if self._welcome is not None:
            self.transcript.drop(self._welcome)
            self._welcome = None

    def clear_transcript(self) -> None:
        self.transcript.clear()
        self._welcome = None

    def say(self, level: Any, text: str) -> None:
        self.transcript.add(NoticeBlock(level, text))
        self.transcript.changed()

    def show_lines(self, title: str, lines: Sequence[Text]) -> None:
        """Show the answer to a command in the transcript."""
        palette = self.plait.palette
        self.drop_welcome()
        self.transcript.add(LinesBlock(lambda width, _: [Text(sanitise_line(title), palette.you), *lines]))
        self.transcript.sticks = True
        self.transcript.changed()

    # --- the question --------------------------------------------------------------------------------------------

    def show_question(self) -> None:
        assert self.projector is not None
        asked = self.projector.state.asked
        if asked is None:
            self.question_keys.closed()
            return
        self.question_keys.asked(asked)
        self.transcript.changed()
        self.plait.attention()

    def take_key(self, event: events.Key | events.Paste) -> bool:
        """Return whether a key has been dealt with before what has the focus gets it."""
        return self.is_mounted and self.question_keys.take(event)

    def on_screen_suspend(self) -> None:
        if self.is_mounted:
            self.question_keys.covered()

    def on_screen_resume(self) -> None:
        if self.is_mounted and self.approval.asked is not None:
            self.question_keys.shown()

    def on_approval_panel_to_do(self, message: ApprovalPanel.ToDo) -> None:
        for command in message.commands:
            self.send(command)

    def on_approval_panel_view(self, message: ApprovalPanel.View) -> None:
        self.app.push_screen(Pager(message.title, message.lines))

    @work
    async def on_approval_panel_edit(self, message: ApprovalPanel.Edit) -> None:
        """Let the user write other arguments, until they can be read or are given up; what was written stays."""
        asked = message.asked
        original = edited_text(asked)
        key, text = self._edited if self._edited is not None else (None, "")
        text = text if key == asked.key else original
        slip: BadArguments | None = None
        while True:
            editor = ArgumentEditor(f"{asked.name}: edit what runs", text, slip)
            keeps = await self.app.push_screen_wait(editor)
            text = editor.text
            self._edited = (asked.key, text) if text != original else None
            if not keeps or text == original:
                self.approval.focus()
                return
            try:
                args = edited_args(asked, text)
            except BadArguments as error:
                slip = error
                continue
            self._edited = None
            self.send(Decide(asked.key, Allow(args)))
            return

    # --- the prompt ----------------------------------------------------------------------------------------------

    async def on_prompt_submitted(self, message: Prompt.Submitted) -> None:
        text = message.text.strip()
        self.prompt.remember(message.text)
        self.plait.remember_prompt(message.text)
        if text.startswith("!") and len(text) > 1:
            self.send(RunShell(text[1:].strip()))
        elif slash.is_command(text):
            parsed = slash.parse(text)
            if isinstance(parsed, str):
                self.say("warning", parsed)
            else:
                await self.plait.run_slash(parsed)
        else:
            self.send(Steer(text) if message.steer else SendPrompt(text))
        self.transcript.sticks = True

    async def on_prompt_edited(self, message: Prompt.Edited) -> None:
        self.plait.wake_engine()
        self.question_keys.edited()
        word = message.word
        mark = "! " if self.prompt.text.startswith("!") else "❯ "
        self._put("#prompt-mark", Text(mark))
        if message.at_start and word.startswith("/") and "/" not in word[1:]:
            self._show_popup(word, [(f"/{c.name}", c.help) for c in slash.matching(word)], at_start=True)
        elif word.startswith("@") and self.handle is not None:
            self._complete_path(word)
        else:
            self._hide_popup()

    @work(exclusive=True, group="completion")
    async def _complete_path(self, word: str) -> None:
        if self.handle is not None:
            found: Sequence[Completion] = ()
            with suppress(PlaitError):
                found = await self.handle.complete(word)
            self._show_popup(word, [(f"@{entry.text}", entry.hint) for entry in found], at_start=False)

    def _show_popup(self, word: str, entries: Sequence[tuple[str, str]], *, at_start: bool) -> None:
        self.prompt.popup_is_open = self.query_one(Popup).offer(word, entries, self.plait.palette, at_start=at_start)

    def _hide_popup(self) -> None:
        if self.prompt.popup_is_open:
            self.query_one(Popup).display = False
            self.prompt.popup_is_open = False

    async def on_prompt_popup_key(self, message: Prompt.PopupKey) -> None:
        popup = self.query_one(Popup)
        match message.key:
            case "up":
                popup.action_cursor_up()
            case "down":
                popup.action_cursor_down()
            case key:
                self._hide_popup()
                if (chosen := popup.chosen) is not None:
                    self.prompt.replace_word(popup.word, chosen + " ")
                    command = slash.BY_NAME.get(chosen[1:])
                    if popup.at_start and key == "enter" and command is not None and not command.argument:
                        self.prompt.take_text()
                        await self.plait.run_slash(slash.Line(command.name, ""))

    # --- keys that work everywhere -------------------------------------------------------------------------------

    async def action_key(self, action: str) -> None:
        match action:
            case "interrupt":
                self._interrupt()
            case "cycle_mode":
                self._cycle_mode()
            case "expand":
                self._expand()
            case "todo":
                self.toggle_todo()
            case "editor":
                edited = self.plait.edit_outside(self.prompt.whole_text)
                if edited is not None:
                    self.prompt.set_text(edited.rstrip("\n"))
            case "background":
                self.send(Background())
            case "focus_transcript":
                self.transcript.focus()
            case "help":
                self.app.push_screen(HelpPage(self.plait.palette, self.plait.keyboard))
            case "quit":
                if not self.prompt.text:
                    self.app.exit()
            case "copy_or_quit":
                self._copy_or_quit()

    def _interrupt(self) -> None:
        assert self.projector is not None
        if self.prompt.popup_is_open:
            self._hide_popup()
        elif self.focused is self.transcript:
            self.set_focus(self.prompt)
            self.question_keys.edited()
        elif self.approval.asked is not None:
            self.approval.deny()
        elif self.projector.state.working or self.projector.state.waiting is not None:
            self.send(Cancel())
        elif self.projector.state.queue and not self.prompt.text:
            self.take_back_queued()
        elif not self.prompt.text:
            self.wants_back()

    def take_back_queued(self) -> None:
        """Put the last queued prompt back into the editor."""
        assert self.projector is not None
        queue = self.projector.state.queue
        if queue:
            self.prompt.set_text(queue[-1])
            self.send(EditQueue(len(queue) - 1, ""))

    def _cycle_mode(self) -> None:
        assert self.projector is not None
        mode = self.projector.state.mode
        following = CYCLE[(CYCLE.index(mode) + 1) % len(CYCLE)] if mode in CYCLE else "default"
        self.send(SetMode(following))

    def toggle_todo(self) -> None:
        assert self.projector is not None
        if not self.projector.state.todo:
            self.notify("The agent has no list of work yet.")
            return
        self._shows_todo = not self._shows_todo
        self.draw_around()

    def _expand(self) -> None:
        """Open the selected block, or the newest that has more to show, in the pager."""
        selected = self.transcript.selected
        for block in [selected] if selected is not None else self.transcript.blocks[::-1]:
            if text := block.full_text():
                self.app.push_screen(Pager(block.plain().split("\n")[0], text.splitlines()))
                return
        self.notify("No output to show yet.")

    def _copy_or_quit(self) -> None:
        selected = self.get_selected_text()
        if selected:
            self.plait.copy(selected)
            self.clear_selection()
            return
        if self.prompt.text:
            self.prompt.remember(self.prompt.take_text())
            return
        now = time.monotonic()
        if now - self._quit_armed_s < QUIT_WITHIN_S:
            self.app.exit()
            return
        self._quit_armed_s = now
        self.notify("Ctrl+C again quits; the session can be resumed.", timeout=QUIT_WITHIN_S)

    def on_transcript_walked(self, message: Transcript.Walked) -> None:
        block = message.block
        match message.action:
            case "cancel_call":
                rows = block.rows if isinstance(block, CallGroup) else []
                rows = [block.row] if isinstance(block, CallCard) else rows
                running = [row for row in rows if not row.is_over]
                if running:
                    self.send(Cancel(running[0].key))
            case "copy_block":
                self.plait.copy(block.plain())
