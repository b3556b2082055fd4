"""The one question that is open, docked above the prompt: what would be done, and the keys that answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Group
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from plait.protocol.calls import CallKey, CommandPreview, DiffDetail, DiffsDetail, QuestionPreview, TextPreview
from plait.protocol.commands import Allow, AllowAllLike, AllowAlways, Answer, Command, Decide, Deny, Reply
from plait.protocol.display import sanitise, sanitise_command, sanitise_line, sanitise_path
from plait.protocol.events import ApprovalAsked
from plait.views.tui import markdown
from plait.views.tui.answer_keys import AnswerKeys, Confirm, Lit
from plait.views.tui.clock import Clock
from plait.views.tui.diff import diff_lines
from plait.views.tui.groups import answerable, in_words
from plait.views.tui.keymap import Keyboard
from plait.views.tui.palette import Palette
from plait.views.tui.screens.picker import Picker
from plait.views.tui.widgets.safe_text import SafeInput
from plait.views.tui.wrapping import cut, cut_middle, wrap


class ApprovalPanel(Widget, can_focus=True):
    """Hidden unless a question is open. It takes no key itself: see `question_keys`."""

    FOCUS_ON_CLICK = False

    class ToDo(Message):
        """What the answer asks of the session."""

        def __init__(self, *commands: Command) -> None:
            super().__init__()
            self.commands = commands

    class View(Message):
        def __init__(self, title: str, lines: list[Text]) -> None:
            super().__init__()
            self.title = title
            self.lines = lines

    class Edit(Message):
        """The arguments are wanted in an editor."""

        def __init__(self, asked: ApprovalAsked) -> None:
            super().__init__()
            self.asked = asked

    def __init__(self, keyboard: Keyboard, clock: Clock, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.asked: ApprovalAsked | None = None
        self.keys = AnswerKeys()
        self.palette = Palette.of({}, dark=True)
        self._choice = 0
        self._offer = 0
        self._keyboard = keyboard
        self._clock = clock

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="approval-body", can_focus=False):
            yield Static("", id="approval-preview", markup=False)
        yield SafeInput(id="approval-reason", select_on_focus=False)
        yield Static("", id="approval-choices", markup=False)

    def on_mount(self) -> None:
        self.display = False
        self.query_one("#approval-reason").display = False

    # --- shown and hidden ----------------------------------------------------------------------------------------

    def show(self, asked: ApprovalAsked) -> None:
        self.asked = asked
        self._offer = 0
        self._choice = self._first_choice(asked)
        self.query_one("#approval-reason", Input).display = isinstance(asked.preview, QuestionPreview)
        self.query_one("#approval-reason", Input).value = ""
        self.query_one("#approval-reason", Input).placeholder = (
            "your answer" if isinstance(asked.preview, QuestionPreview) else "why not? (Enter sends it, empty is fine)"
        )
        self.display = True
        self.set_class(asked.danger is not None, "-danger")
        self.redraw()

    def hide(self) -> None:
        self.asked = None
        self.display = False

    def on_resize(self, event: events.Resize) -> None:
        self.redraw()

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        asked = self.asked
        if asked is None:
            return
        width = max(20, self.size.width - 4)
        self.border_title = Text(cut(self._title(asked), max(8, width - 12)))
        lit = self.keys.lit
        if lit is None:
            self.border_subtitle = Text(cut(" · ".join(self._hints(asked)), max(8, width - 6)))
        else:
            self.border_subtitle = Text(cut(how_to_confirm(lit), max(8, width - 6)), self.palette.you)
        lines = self.preview_lines(width, most=max(3, self.app.size.height // 2 - 6))
        self.query_one("#approval-preview", Static).update(Group(*lines))
        self.query_one("#approval-body").styles.height = len(lines)
        self.query_one("#approval-choices", Static).update(self._choices(asked, width))

    def _title(self, asked: ApprovalAsked) -> str:
        match asked.preview:
            case DiffDetail(path=path, before=before):
                verb = "Create this file?" if before is None else "Apply this edit?"
                return f"{verb}  {sanitise_path(path)}"
            case DiffsDetail(files=files):
                return f"Apply these edits?  {len(files)} files"
            case CommandPreview():
                return "Run this command?"
            case TextPreview(title=title) if asked.name == "propose_plan":
                return f"{sanitise_line(title)}: shall I go on with it?"
            case TextPreview(title=title):
                return f"Allow {sanitise_path(title)}?"
            case QuestionPreview():
                return "A question for you"

    def preview_lines(self, width: int, *, most: int | None) -> list[Text]:
        """Return what would be done, at most `most` lines."""
        asked, palette = self.asked, self.palette
        if asked is None:
            return []
        lines: list[Text] = []
        if asked.danger is not None:
            lines += wrap(Text(f"DANGEROUS: {sanitise(asked.danger)}", palette.error), width)
        match asked.preview:
            case DiffDetail() as diff:
                return edit_lines(lines, (diff,), width, palette, most)
            case DiffsDetail(files=files):
                return edit_lines(lines, files, width, palette, most)
            case CommandPreview(command=command, cwd=cwd, reason=reason):
                pieces = [
                    piece
                    for line in sanitise_command(command).split("\n")
                    for piece in wrap(Text(line, palette.strong), width - 2, hard=True)
                ]
                shown = [
                    Text.assemble(("$ " if number == 0 else "  ", palette.write), piece)
                    for number, piece in enumerate(pieces)
                ]
                said = "; ".join(words for words in reason.split("; ") if words not in (asked.danger or ""))
                where = "" if cwd == "." else f"in {sanitise_path(cwd)}"
                why = wrap(Text(" · ".join(filter(None, (sanitise(said), where))), palette.dim), width)
                lines = command_lines(lines, shown, why if said or where else [], most, self._view_key(), palette)
            case TextPreview(text=text):
                lines += markdown.render(sanitise(text), width, palette)
                if asked.reason and asked.name != "propose_plan":
                    lines += wrap(Text(sanitise(asked.reason), palette.dim), width)
            case QuestionPreview(question=question, options=options):
                lines += markdown.render(sanitise(question), width, palette)
                for number, option in enumerate(options, 1):
                    mark, _, style = self._mark(number - 1)
                    lines.append(Text(cut(f"{mark}{number} {sanitise_line(option)}", width), style))
        if most is not None and len(lines) > most:
            lines = [*lines[: most - 1], left_out(len(lines) - most + 1, self._view_key(), palette)]
        return lines

    def _view_key(self) -> str:
        return self._keyboard.first("view")

    def _hints(self, asked: ApprovalAsked) -> list[str]:
        hints = [] if isinstance(asked.preview, QuestionPreview) else [f"{self._keyboard.first('view')} whole"]
        has_focus = self.screen.focused is self
        if not has_focus:
            hints.insert(0, "Tab answers")
        if len(asked.offers) > 1 and asked.danger is None and has_focus:
            hints.append("Tab other rule")
        count = max(asked.waiting, asked.position - 1 + len(asked.group))
        if count > asked.position and asked.danger is None:
            hints.append(f"{self._keyboard.first('all_like')} all like this")
        if count > 1:
            hints.append(f"{asked.position} of {count}")
        return hints

    def _group_line(self, asked: ApprovalAsked, width: int) -> Text:
        """Say what else stands in line, and how to answer it together."""
        if len(asked.group) < 2:
            return Text("")
        line = Text(cut(f"  in line: {in_words(asked.group)}", max(20, width - 16)), self.palette.dim)
        if len(answerable(asked.group)) > 1:
            line.append(f"  {self._keyboard.first('all')} ", self.palette.you)
            line.append("all", self.palette.text)
            line.append(f"  {self._keyboard.first('pick')} ", self.palette.you)
            line.append("pick", self.palette.text)
        return line

    def _options(self, asked: ApprovalAsked) -> list[tuple[str, str]]:
        """Return (action, words) of what can be answered."""
        if isinstance(asked.preview, QuestionPreview):
            return []
        if asked.name == "propose_plan":
            return [("yes", "Yes, do it"), ("edit", "Edit the plan"), ("no", "No, keep planning…")]
        options = [("yes", "Yes")]
        if asked.offers and asked.danger is None:
            offer = asked.offers[self._offer % len(asked.offers)]
            options.append(("always", f"Always: {sanitise_path(offer.pattern)}, this session"))
            options.append(("always_project", "… this project"))
        return [*options, ("edit", "Edit first"), ("no", "No…")]

    def _choices(self, asked: ApprovalAsked, width: int) -> Text:
        if isinstance(asked.preview, QuestionPreview):
            keys = "1-9, Enter · Tab own words" if asked.preview.options else "Tab answers"
            return Text(cut(f"{keys} · Esc declines", width), self.palette.dim)
        lines = [Text()]
        for place, (action, words) in enumerate(self._options(asked)):
            mark, mark_style, style = self._mark(place)
            option = Text.assemble(
                (mark, mark_style),
                (f"{self._keyboard.first(action)} ", self.palette.you),
                (cut(words, max(12, width - 8)), style),
                " ",
            )
            if lines[-1].cell_len and lines[-1].cell_len + option.cell_len > width:
                lines.append(Text())
            lines[-1].append_text(option)
        group = self._group_line(asked, width)
        return Text("\n").join([*([group] if group.plain else []), *lines])

    def _mark(self, place: int) -> tuple[str, Style, Style]:
        """Return what stands before an answer, its style and that of the words: Enter gives the one marked `❯`."""
        if place != self._choice:
            return "  ", self.palette.text, self.palette.text
        if self.keys.has_moved or self.keys.lit is not None:
            return "❯ ", self.palette.you, self.palette.you + Style(reverse=True)
        return "› ", self.palette.dim, self.palette.text

    # --- answers -------------------------------------------------------------------------------------------------

    def _first_choice(self, asked: ApprovalAsked) -> int:
        """Return the answer from which the arrows begin: of what is dangerous the last one, which is no."""
        return max(0, len(self._options(asked)) - 1) if asked.danger is not None else 0

    def show_lit(self) -> None:
        """Mark the answer that is lit, or none."""
        asked, lit = self.asked, self.keys.lit
        if asked is not None and not self.keys.has_moved:
            actions = self._actions(asked)
            is_choice = lit is not None and lit.answer.action in actions
            self._choice = actions.index(lit.answer.action) if lit and is_choice else self._first_choice(asked)
        self.redraw()

    def move(self, step: int) -> None:
        """Go to another answer."""
        if self.asked is not None and (actions := self._actions(self.asked)):
            # The first step from where nothing is marked marks the first answer, or the last.
            self._choice = (self._choice + step) % len(actions)
            self.redraw()

    def other_offer(self) -> None:
        """Show the next rule that could be granted."""
        self._offer += 1
        self.redraw()

    def act_on_choice(self) -> None:
        if self.asked is not None and (actions := self._actions(self.asked)):
            self.act(actions[self._choice])

    def _actions(self, asked: ApprovalAsked) -> list[str]:
        """Return the answers in the order in which the arrows walk them."""
        if isinstance(asked.preview, QuestionPreview):
            return [f"option {number}" for number in range(1, len(asked.preview.options) + 1)]
        return [action for action, _ in self._options(asked)]

    @property
    def reason(self) -> Input:
        """Where a reason, or an answer in words, is written."""
        return self.query_one("#approval-reason", Input)

    def write(self, text: str = "") -> None:
        """Let the user write a reason, or an answer in words."""
        self.reason.display = True
        self.reason.insert_text_at_cursor(text)
        self.screen.set_focus(self.reason)

    def act(self, action: str) -> None:
        """Do what a key stands for."""
        asked = self.asked
        if asked is None:
            return
        match action:
            case "yes":
                self._answer(Allow())
            case "always" if asked.offers and asked.danger is None:
                self._answer(AllowAlways(asked.offers[self._offer % len(asked.offers)]))
            case "always_project" if asked.offers and asked.danger is None:
                self._answer(AllowAlways(replace(asked.offers[self._offer % len(asked.offers)], scope="project")))
            case "all" if len(answerable(asked.group)) > 1:
                self._allow(answerable(asked.group))
            case "pick" if len(answerable(asked.group)) > 1:
                self.app.push_screen(Picker(asked.group, self.palette), self._picked)
            case "edit":
                self.post_message(self.Edit(asked))
            case "no":
                self.write()
            case "view":
                width = max(40, self.app.size.width - 4)
                self.post_message(self.View(self._title(asked), self.preview_lines(width, most=None)))
            case "all_like" if asked.danger is None:
                self._send(AllowAllLike(asked.key))
            case _ if isinstance(asked.preview, QuestionPreview) and action.startswith("option "):
                self._answer(Reply(asked.preview.options[int(action.removeprefix("option ")) - 1]))
            case _:
                self.app.bell()

    def _picked(self, keys: tuple[CallKey, ...] | None) -> None:
        self._allow(keys or ())

    def _allow(self, keys: tuple[CallKey, ...]) -> None:
        # The one shown comes last: the others are settled without being shown.
        if keys:
            self._send(*(Decide(key, Allow()) for key in reversed(keys)))

    def deny(self, reason: str = "") -> None:
        if self.asked is not None:
            self._answer(Deny(reason))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.asked is not None and isinstance(self.asked.preview, QuestionPreview):
            if event.value.strip():
                self._answer(Reply(event.value))
        else:
            self.deny(event.value)

    def _answer(self, answer: Answer) -> None:
        if self.asked is not None:
            self._send(Decide(self.asked.key, answer))

    def _send(self, *commands: Command) -> None:
        self.keys.answered(self._clock.now())
        # It has been said.
        self.reason.value = ""
        self.post_message(self.ToDo(*commands))


LIT_WORDS = {
    "yes": "yes",
    "always": "always, this session",
    "always_project": "always, this project",
    "edit": "edit first",
    "no": "no",
    "view": "show the whole",
    "all_like": "yes to all like this",
    "all": "yes to all",
    "pick": "pick",
}


def how_to_confirm(lit: Lit) -> str:
    """Say which answer is lit, and by what it acts."""
    words = LIT_WORDS.get(lit.answer.action, lit.answer.action)
    if lit.answer.confirm is Confirm.ENTER:
        return f"Enter: {words} · go on typing for the prompt"
    return f"Enter or {lit.letters or 'again'}: {words}, now · go on typing for the prompt"


def edit_lines(
    danger: list[Text], files: Sequence[DiffDetail], width: int, palette: Palette, most: int | None
) -> list[Text]:
    """Return edits after their danger, in about `most` lines: in any room a changed line of the first file.

    Each file has its share, two lines at least; those that get none are counted.
    """
    lines = danger if most is None else shortened(danger, max(1, most // 3), palette)
    room = None if most is None else max(3 if len(files) == 1 else 4, most - len(lines))
    shown = len(files)
    if room is not None and len(files) > 1:
        shown = min(shown, max(1, (room - 1) // 3))
    for place, diff in enumerate(files[:shown]):
        share = None if room is None else room // (shown - place)
        names = [Text(cut_middle(sanitise_path(diff.path), width), palette.strong)] if len(files) > 1 else []
        part = [*names, *diff_lines(diff, width, palette, most=None if share is None else share - len(names))]
        lines = [*lines, *part]
        room = None if room is None else max(2, room - len(part))
    if shown < len(files):
        left = len(files) - shown
        lines.append(Text("… 1 more file" if left == 1 else f"… {left} more files", palette.dim))
    return lines


def command_lines(
    danger: list[Text], command: list[Text], why: list[Text], most: int | None, view_key: str, palette: Palette
) -> list[Text]:
    """Return a command between its danger and why it asks, in at most `most` lines, three at least.

    Of a long command its middle is left out, not its end, where the worst of it would be put, nor why it asks.
    """
    if most is None or len(danger) + len(command) + len(why) <= most:
        return [*danger, *command, *why]
    danger, why = shortened(danger, max(1, most // 3), palette), shortened(why, max(1, most // 3), palette)
    room = max(2, most - len(danger) - len(why))
    if len(command) <= room:
        return [*danger, *command, *why]
    first = room // 2
    last = room - first - 1
    missing = left_out(len(command) - first - last, view_key, palette)
    return [*danger, *command[:first], missing, *command[len(command) - last :], *why]


def shortened(lines: list[Text], most: int, palette: Palette) -> list[Text]:
    """Return the first of the lines, the last of them marked if there were more."""
    return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1][:-2] + Text(" …", palette.dim)]


def left_out(count: int, view_key: str, palette: Palette) -> Text:
    words = "1 more line" if count == 1 else f"{count} more lines"
    return Text(f"… {words} · {view_key} shows all", palette.dim)
