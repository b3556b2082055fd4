"""The main screen: transcript, question, prompt, status. Keys and messages become commands; nothing more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from plait.protocol.commands import (
    PERMISSION_MODES,
    Allow,
    AllowAllLike,
    Background,
    Cancel,
    Command,
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
from plait.protocol.ports import Completion, SessionHandle, Subscription
from plait.protocol.queries import GetLog, GetStatus
from plait.views.tui import slash
from plait.views.tui.blocks import Block, LinesBlock, NoticeBlock
from plait.views.tui.call_blocks import SPINNER, CallCard, CallGroup, duration, todo_lines
from plait.views.tui.keymap import KEYS
from plait.views.tui.palette import Palette
from plait.views.tui.projector import Projector
from plait.views.tui.screens.pages import ArgumentEditor, HelpPage, Pager
from plait.views.tui.widgets.approval import ApprovalPanel, edited_args, edited_text
from plait.views.tui.widgets.prompt import Prompt
from plait.views.tui.widgets.status import status_line
from plait.views.tui.widgets.transcript import Transcript
from plait.views.tui.wrapping import cut, cut_middle

if TYPE_CHECKING:
    from plait.views.tui.app import PlaitApp

FLUSH_S = 1 / 12
SHARE = 3
"""Between two flushes the loop has so many times the time that the screen took since the one before."""
MOST_REST_S = 0.5
TICK_S = 0.12
FOCUS_AFTER_S = 1.0
"""A question does not take the focus before the user has not typed for so long."""
QUIT_WITHIN_S = 1.5
RESUMED_TURNS = 30
CYCLE: tuple[PermissionMode, ...] = ("default", "acceptEdits", "plan")
EXAMPLES = ("where is the configuration read?", "what calls this function?", "fix the failing test in …")


class Chat(Screen[None]):
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
        self.handle: SessionHandle | None = None
        self.projector: Projector | None = None
        self._subscription: Subscription | None = None
        self.is_without_session = False
        self.persisted = True
        self._unsent: list[Command] = []
        self._later: list[slash.Line] = []
        self._flush_timer: Timer | None = None
        self._tick_timer: Timer | None = None
        self._focus_timer: Timer | None = None
        self._flushed_s = 0.0
        self._rest_s = FLUSH_S
        self._shown: dict[str, tuple[str, int]] = {}
        self._spent_s = 0.0
        self._turn_since_s: float | None = None
        self._quit_armed_s = 0.0
        self._oldest: int | None = None
        self._filling = False
        self._shows_todo = False
        self._completing = ("", False)
        self._welcome: Block | None = None

    @property
    def plait(self) -> PlaitApp:
        return cast("PlaitApp", self.app)

    @property
    def transcript(self) -> Transcript:
        return self.query_one("#transcript", Transcript)

    @property
    def prompt(self) -> Prompt:
        return self.query_one("#prompt", Prompt)

    @property
    def approval(self) -> ApprovalPanel:
        return self.query_one("#approval", ApprovalPanel)

    def compose(self) -> ComposeResult:
        keyboard = self.plait.keyboard
        yield Transcript(keyboard, id="transcript")
        yield Static("", id="side", markup=False)
        yield Static("", id="activity", markup=False)
        yield ApprovalPanel(keyboard, id="approval")
        yield Static("", id="queue", markup=False)
        yield OptionList(id="popup")
        with Horizontal(id="prompt-row"):
            yield Static("❯ ", id="prompt-mark", markup=False)
            yield Prompt(keyboard, id="prompt")
        yield Static("", id="status", markup=False)

    def on_mount(self) -> None:
        self.prompt.placeholder = "ask, or say what to change · / commands · @ files · ! shell"
        self.query_one("#popup", OptionList).can_focus = False
        self.projector = Projector(self.transcript, time.time)
        self.projector.state.model = self.plait.model
        self.projector.state.mode = next((mode for mode in PERMISSION_MODES if mode == self.plait.mode), "default")
        self.apply_palette()
        self._welcome = LinesBlock(self._welcome_lines)
        self.transcript.add(self._welcome)
        self.transcript.changed()
        self._draw_around()

    def apply_palette(self) -> None:
        palette = self.plait.palette
        self.transcript.set_palette(palette)
        self.approval.palette = palette
        self.approval.redraw()

    # --- the session ---------------------------------------------------------------------------------------------

    async def attach(self, handle: SessionHandle) -> None:
        """Show a session: what its log holds, then what happens."""
        self.detach()
        loop = asyncio.get_running_loop()
        log = await handle.query(GetLog(turns=RESUMED_TURNS))
        self.persisted = (await handle.query(GetStatus())).persisted
        projector = self.projector = Projector(self.transcript, time.time)
        self.handle = handle
        self.is_without_session = False
        self._turn_since_s = None
        if any(type(stamped.event).__name__ == "TurnStarted" for stamped in log):
            self._drop_welcome()
        projector.take(log)
        self._oldest = log[0].seq if log else None

        def wake() -> None:
            loop.call_soon_threadsafe(self._woken)

        self._subscription = handle.subscribe(wake, since=log[-1].seq if log else None)
        self._flush()
        self._show_question()
        for command in self._unsent:
            handle.submit(command)
        self._unsent.clear()
        later, self._later = self._later, []
        for line in later:
            await self.plait.run_slash(line)

    def detach(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def run_later(self, line: slash.Line) -> None:
        """Carry out a command as soon as there is a session."""
        self._later.append(line)
        self._draw_around()

    def failed(self, text: str) -> None:
        """The session could not be opened; the screen stays usable, and what was to be sent is in the prompt again."""
        self.is_without_session = True
        self._say("error", text)
        unsent = [command.text for command in self._unsent if isinstance(command, SendPrompt | Steer)]
        if unsent and not self.prompt.text:
            self.prompt.set_text("\n".join(unsent))
        self._unsent.clear()
        self._later.clear()
        self._draw_around()

    def send(self, command: Command) -> None:
        """Submit, or keep until the engine is there."""
        if self.handle is None:
            self._unsent.append(command)
            self.plait.wake_engine(again=True)
            self.is_without_session = False
            self._draw_around()
        else:
            self.handle.submit(command)

    def _woken(self) -> None:
        """Something waits: take it now if the last time is long enough ago, else soon."""
        if self._flush_timer is None:
            wait_s = max(0.0, self._flushed_s + self._rest_s - time.monotonic())
            self._flush_timer = self.set_timer(wait_s or 0.001, self._flush)

    def _flush(self) -> None:
        self._flush_timer = None
        if self._subscription is None or self.projector is None:
            return
        # All that this thread did since the last flush: drawing, painting, keys. The engine has the rest of the time.
        spent_s, self._spent_s = time.thread_time() - self._spent_s, time.thread_time()
        self._rest_s = min(MOST_REST_S, max(FLUSH_S, SHARE * spent_s))
        self._flushed_s = time.monotonic()
        if self.transcript.is_drawing:
            # What came before is not on the screen yet.
            self._woken()
            return
        before = self.projector.state.asked
        taken = self._subscription.take()
        if taken:
            self.projector.take(taken)
            if any(type(stamped.event).__name__ == "TurnStarted" for stamped in taken):
                self._drop_welcome()
                self.transcript.sticks = True
        self.transcript.changed()
        if self.projector.state.asked is not before:
            self._show_question()
        self._draw_around()

    async def on_transcript_reached_top(self) -> None:
        """Fill in earlier turns of a resumed session."""
        if self.handle is None or not self._oldest or self._oldest <= 1 or self._filling:
            return
        self._filling = True
        try:
            # What cannot be read back is not worth more than not showing it.
            with suppress(PlaitError):
                await self._fill_in(self.handle, self._oldest)
        finally:
            self._filling = False

    async def _fill_in(self, handle: SessionHandle, oldest: int) -> None:
        earlier = await handle.query(GetLog(before=oldest, turns=RESUMED_TURNS))
        if earlier:
            blocks: list[Block] = []
            sink = BlockList(blocks)
            older = Projector(sink, time.time)
            older.take(earlier)
            self._oldest = earlier[0].seq
            self.transcript.insert_before(blocks)

    # --- what is drawn around the transcript ---------------------------------------------------------------------

    def _draw_around(self) -> None:
        projector = self.projector
        if projector is None:
            return
        state = projector.state
        palette = self.plait.palette
        width = max(10, self.size.width - 2)
        now = time.monotonic()
        if state.working and self._turn_since_s is None:
            self._turn_since_s = now
        elif not state.working:
            self._turn_since_s = None
        status = status_line(state, self.plait.place, self.plait.branch, palette, width)
        self._put("#status", status)
        self._draw_activity(now, width)
        self._draw_queue(state.queue, palette, width)
        side = self.query_one("#side", Static)
        shows = self._shows_todo and bool(state.todo)
        if shows:
            side.update(Text("\n").join(todo_lines(state.todo, palette)))
        side.display = shows
        self._keep_ticking(state.working)

    def _draw_activity(self, now: float, width: int) -> None:
        assert self.projector is not None
        state, palette = self.projector.state, self.plait.palette
        line = Text("")
        if self.is_without_session:
            line = Text("no session · Enter tries again · /resume picks another", palette.write)
        elif self.handle is None and (self._unsent or self._later):
            line = Text("starting the engine · what you sent goes out as soon as it is there", palette.dim)
        elif state.working and self._turn_since_s is not None:
            still = self.plait.reduced_motion
            glyph = "●" if still else SPINNER[int(now * 10) % len(SPINNER)]
            waiting = "waiting for you" if state.asked is not None else state.doing
            elapsed = duration((now - self._turn_since_s) * 1000)
            line = Text.assemble(
                (f"{glyph} ", palette.write if state.asked is not None else palette.you),
                (f"{waiting} · {elapsed} · {self.plait.keyboard.first('interrupt')} interrupts", palette.dim),
            )
        self._put("#activity", line)

    def _put(self, selector: str, line: Text) -> None:
        """Show a line of the surroundings, if it is another one."""
        if self._shown.get(selector) != (line.markup, id(self.plait.palette)):
            self._shown[selector] = (line.markup, id(self.plait.palette))
            self.query_one(selector, Static).update(line, layout=False)

    def _draw_queue(self, queue: Sequence[str], palette: Palette, width: int) -> None:
        widget = self.query_one("#queue", Static)
        if queue:
            lines = [
                Text(cut(f"◇ queued {n}: {sanitise_line(text)}", width - 4), palette.dim)
                for n, text in enumerate(queue, 1)
            ]
            if len(lines) > 4:
                lines = [*lines[:3], Text(f"  … {len(queue) - 3} more", palette.dim)]
            lines[-1].append("   Up edits the last one" if not self.prompt.text else "", palette.faint)
            widget.update(Text("\n").join(lines))
        widget.display = bool(queue)

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
        if now - self._flushed_s > TICK_S:
            self._draw_activity(now, self.size.width)

    def on_resize(self, event: events.Resize) -> None:
        self._draw_around()

    def _welcome_lines(self, width: int, palette: Palette) -> list[Text]:
        lines = [
            Text(""),
            Text.assemble(("  plait", palette.you), ("  a coding assistant whose tools run in parallel", palette.dim)),
            Text.assemble(
                "  ",
                (cut_middle(self.plait.place, max(10, width - 24)), palette.text),
                (f"  {self.plait.branch}" if self.plait.branch else "", palette.dim),
            ),
            Text(""),
        ]
        lines += [
            Text(f"  {cut(example, width - 4)}", palette.faint if width < 1 else palette.dim) for example in EXAMPLES
        ]
        if self.plait.model_is_scout:
            lines += [
                Text(""),
                Text(
                    cut("  No language model is configured: questions are answered by searching the code.", width),
                    palette.write,
                ),
                Text(
                    cut("  Set ANTHROPIC_API_KEY or OPENAI_API_KEY, or type /model to see what is there.", width),
                    palette.dim,
                ),
            ]
        return lines

    def _drop_welcome(self) -> None:
        if self._welcome is not None:
            self.transcript.drop(self._welcome)
            self._welcome = None

    def _say(self, level: Any, text: str) -> None:
        self.transcript.add(NoticeBlock(level, text))
        self.transcript.changed()

    def show_lines(self, title: str, lines: Sequence[Text]) -> None:
        """Show the answer to a command in the transcript."""
        palette = self.plait.palette
        self._drop_welcome()
        self.transcript.add(LinesBlock(lambda width, _: [Text(title, palette.you), *lines]))
        self.transcript.sticks = True
        self.transcript.changed()

    # --- the question --------------------------------------------------------------------------------------------

    def _show_question(self) -> None:
        assert self.projector is not None
        asked = self.projector.state.asked
        if asked is None:
            had_focus = self.focused is not None and self.approval in (self.focused, *self.focused.ancestors)
            self.approval.hide()
            if had_focus or self.focused is None:
                self.prompt.focus()
            return
        self.approval.show(asked)
        self.transcript.changed()
        self.plait.attention()
        self._focus_question()

    def _focus_question(self) -> None:
        """Take the focus once the user has stopped typing."""
        self._focus_timer = None
        if self.approval.asked is None:
            return
        idle_s = time.monotonic() - self.prompt.last_key_s
        if idle_s >= FOCUS_AFTER_S:
            self.approval.focus()
        else:
            self._focus_timer = self.set_timer(FOCUS_AFTER_S - idle_s + 0.02, self._focus_question)

    def on_approval_panel_answered(self, message: ApprovalPanel.Answered) -> None:
        self.send(Decide(message.asked.key, message.answer))

    def on_approval_panel_all_like(self, message: ApprovalPanel.AllLike) -> None:
        self.send(AllowAllLike(message.asked.key))

    def on_approval_panel_view(self, message: ApprovalPanel.View) -> None:
        self.app.push_screen(Pager(message.title, message.lines))

    @work
    async def on_approval_panel_edit(self, message: ApprovalPanel.Edit) -> None:
        asked = message.asked
        text = edited_text(asked)
        changed = await self.app.push_screen_wait(ArgumentEditor(f"{asked.name}: edit what runs", text))
        if changed is None or changed == text:
            self.approval.focus()
            return
        try:
            args = edited_args(asked, changed)
        except ValueError as error:
            self.notify(f"Not run: {error}", severity="error")
            self.approval.focus()
            return
        self.send(Decide(asked.key, Allow(args)))

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
                self._say("warning", parsed)
            else:
                await self.plait.run_slash(parsed)
        else:
            self.send(Steer(text) if message.steer else SendPrompt(text))
        self.transcript.sticks = True

    async def on_prompt_edited(self, message: Prompt.Edited) -> None:
        self.plait.wake_engine()
        word = message.word
        mark = "! " if self.prompt.text.startswith("!") else "❯ "
        self.query_one("#prompt-mark", Static).update(mark, layout=False)
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
        popup = self.query_one("#popup", OptionList)
        popup.clear_options()
        palette = self.plait.palette
        for text, hint in entries[:50]:
            safe = sanitise_line(text)
            popup.add_option(Option(Text.assemble((f"{safe:<24} ", palette.text), (hint, palette.dim)), id=None))
        self._popup_entries = [text for text, _ in entries[:50]]
        self._completing = (word, at_start)
        popup.display = bool(entries) and entries[0][0] != word
        self.prompt.popup_is_open = bool(popup.display)
        if entries:
            popup.highlighted = 0

    def _hide_popup(self) -> None:
        if self.prompt.popup_is_open:
            self.query_one("#popup", OptionList).display = False
            self.prompt.popup_is_open = False

    async def on_prompt_popup_key(self, message: Prompt.PopupKey) -> None:
        popup = self.query_one("#popup", OptionList)
        match message.key:
            case "up":
                popup.action_cursor_up()
            case "down":
                popup.action_cursor_down()
            case key:
                place = popup.highlighted
                word, at_start = self._completing
                self._hide_popup()
                if place is not None and place < len(self._popup_entries):
                    chosen = self._popup_entries[place]
                    self.prompt.replace_word(word, chosen + " ")
                    command = slash.BY_NAME.get(chosen[1:])
                    if at_start and key == "enter" and command is not None and not command.argument:
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
            case _:
                pass

    def _interrupt(self) -> None:
        assert self.projector is not None
        if self.prompt.popup_is_open:
            self._hide_popup()
        elif self.transcript.has_focus:
            self.prompt.focus()
        elif self.approval.asked is not None:
            self.approval.deny()
        elif self.projector.state.working:
            self.send(Cancel())
        elif self.projector.state.queue and not self.prompt.text:
            self.take_back_queued()

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
        self._draw_around()

    def _expand(self) -> None:
        """Open the selected block, or the newest that has more to show, in the pager."""
        blocks = [self.transcript.selected] if self.transcript.selected is not None else self.transcript.blocks[::-1]
        for block in blocks:
            text = block.full_text() if block is not None else None
            if block is not None and text:
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
                rows = (
                    block.rows if isinstance(block, CallGroup) else [block.row] if isinstance(block, CallCard) else []
                )
                running = [row for row in rows if not row.is_over]
                if running:
                    self.send(Cancel(running[0].key))
            case "copy_block":
                self.plait.copy(block.plain())
            case _:
                pass


class BlockList:
    """A sink that only gathers."""

    def __init__(self, blocks: list[Block]) -> None:
        self._blocks = blocks

    def add(self, *blocks: Block) -> None:
        self._blocks += blocks

    def drop(self, block: Block) -> None:
        self._blocks.remove(block)
