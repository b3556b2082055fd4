"""Going back: first to which moment, then whether the conversation, files or both; what others changed is named."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from plait.protocol.commands import Rewind
from plait.protocol.display import sanitise_line, sanitise_path
from plait.protocol.errors import PlaitError
from plait.protocol.file_events import RewindWhat
from plait.protocol.ports import SessionHandle
from plait.protocol.queries import FileRewind, GetRewindPlan, ListRewindPoints, RewindPlan, RewindPoint
from plait.views.tui.answer_keys import Answer
from plait.views.tui.palette import Palette
from plait.views.tui.screens.answer_screen import AnswerScreen
from plait.views.tui.screens.pages import Chooser, WrappedLines
from plait.views.tui.wrapping import cut

if TYPE_CHECKING:
    from plait.views.tui.app import PlaitApp

ACTIONS = {"restore": "restored", "delete": "deleted, it was not there", "create": "put back, it is gone now"}
WAYS: tuple[RewindWhat, ...] = ("both", "conversation", "files")


async def go_back(app: PlaitApp, handle: SessionHandle) -> None:
    """Let the user choose a moment and what goes back to it. What cannot be done is one line."""
    try:
        points = await handle.query(ListRewindPoints())
        if not points:
            app.notify("Nothing was said yet: there is nothing to go back to.")
            return
        chosen = await app.push_screen_wait(PointPicker(points))
        if chosen is None:
            return
        point = next(point for point in points if str(point.seq) == chosen)
        plan = await handle.query(GetRewindPlan(point.seq))
        command = await app.push_screen_wait(RewindPage(point, plan, app.palette, app.cwd))
    except PlaitError as error:
        app.notify(str(error), severity="error")
        return
    if command is not None:
        app.chat.send(command)


class PointPicker(Chooser):
    """The moments, newest last and chosen first; the result is the number of its event."""

    ENTER_AT_ONCE = True

    def __init__(self, points: Sequence[RewindPoint]) -> None:
        lines = [(str(point.seq), point_line(point)) for point in points]
        super().__init__("Go back to before …", lines, "Enter shows what that would change")

    def on_mount(self) -> None:
        super().on_mount()
        choices = self.query_one("#choices", OptionList)
        choices.highlighted = choices.option_count - 1


def point_line(point: RewindPoint) -> str:
    when = time.strftime("%H:%M", time.localtime(point.at / 1000))
    files = {0: "", 1: " · 1 file changed since"}.get(point.files, f" · {point.files} files changed since")
    return f"{when}  {cut(sanitise_line(point.words), 60)}{files}"


class RewindPage(AnswerScreen[Rewind | None]):
    """What going back would change, and how; the result is the command, None if nothing is to be done."""

    CSS_PATH = "../styles/pages.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c,ctrl+d", "leave", show=False),
    ]
    LEAVES_ON_TEXT = True
    MARKS = frozenset({"all"})

    def __init__(self, point: RewindPoint, plan: RewindPlan, palette: Palette, cwd: str) -> None:
        super().__init__()
        self._point = point
        self._plan = plan
        self._palette = palette
        self._cwd = cwd
        self._conflicts = [file for file in plan.files if file.others and not file.why_not]
        self._overwrite: set[str] = set()

    def compose(self) -> ComposeResult:
        yield Static(Text(f"Back to before “{sanitise_line(self._point.words)}”"), id="page-title", markup=False)
        yield WrappedLines(list(plan_lines(self._plan, self._palette, self._cwd)), hang=4)
        yield OptionList(id="rewind-choices")
        ways = "b c f" if self._plan.files else "c"
        keys = f"{ways} or arrows, Enter" + (" · a others' files" if self._conflicts else "")
        yield Static(f"{keys} · /rewind undoes it · Esc goes back", id="page-foot", markup=False)

    def on_mount(self) -> None:
        choices = self.query_one(OptionList)
        for what in WAYS if self._plan.files else WAYS[1:2]:
            choices.add_option(Option(self._way(what), id=what))
        for place, file in enumerate(self._conflicts):
            choices.add_option(Option(self._conflict(file), id=f"file {place}"))
        choices.highlighted = 0
        choices.focus()

    def _way(self, what: RewindWhat) -> Text:
        count = sum(not file.why_not and (not file.others or file.path in self._overwrite) for file in self._plan.files)
        files = "1 file" if count == 1 else f"{count} files"
        words = {
            "both": f"b  Both: the conversation and {files}",
            "conversation": "c  The conversation; files stay as they are",
            "files": f"f  {files}; the conversation goes on",
        }
        return Text(words[what])

    def _conflict(self, file: FileRewind) -> Text:
        mark = "■" if file.path in self._overwrite else "□"
        done = ACTIONS[file.action].partition(",")[0] if file.path in self._overwrite else "left as it is"
        return Text(
            f"{mark}  {shown(file.path, self._cwd)}: somebody else changed it since, {done}", self._palette.write
        )

    def answers(self) -> dict[str, Answer]:
        ways = {"b": "both", "c": "conversation", "f": "files"} if self._plan.files else {"c": "conversation"}
        actions = {**ways, **({"a": "all"} if self._conflicts else {})}
        return {key: Answer(action) for key, action in actions.items()}

    def lit(self, action: str) -> None:
        if action == "all":
            everything = {file.path for file in self._conflicts}
            self._overwrite = set() if self._overwrite == everything else everything
            self._draw()
        else:
            choices = self.query_one(OptionList)
            choices.highlighted = choices.get_option_index(action)

    def answer(self, action: str) -> None:
        self._leave_with(action)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if not self.can_be_answered:
            return
        name = event.option.id or ""
        if name in WAYS:
            self._leave_with(name)
            return
        self._toggle(self._conflicts[int(name.removeprefix("file "))])

    def _toggle(self, file: FileRewind) -> None:
        self._overwrite ^= {file.path}
        self._draw()

    def _draw(self) -> None:
        choices = self.query_one(OptionList)
        for what in WAYS if self._plan.files else ():
            choices.replace_option_prompt(what, self._way(what))
        for place, file in enumerate(self._conflicts):
            choices.replace_option_prompt(f"file {place}", self._conflict(file))

    def action_leave(self) -> None:
        self.dismiss(None)

    def _leave_with(self, name: str) -> None:
        what = next(way for way in WAYS if way == name)
        self.dismiss(Rewind(self._point.seq, what, tuple(sorted(self._overwrite)) if what != "conversation" else ()))


def plan_lines(plan: RewindPlan, palette: Palette, cwd: str) -> Iterator[Text]:
    """Yield what would become of each file, and what cannot be undone. Pure."""
    yield Text("")
    if not plan.files:
        yield Text("No file of Plait's differs from what it was then.", palette.text)
    for file in plan.files:
        name = shown(file.path, cwd)
        if file.why_not:
            yield Text(f"  ✗ {name} stays: {sanitise_line(file.why_not)}", palette.dim)
        elif file.others:
            yield Text(f"  ! {name} stays, somebody else changed it since: choose it below to lose that", palette.write)
        else:
            how = " · changed while a command ran" if file.by_command else ""
            yield Text.assemble((f"  ✓ {name} ", palette.text), (f"{ACTIONS[file.action]}{how}", palette.dim))
    if plan.notes:
        yield Text("")
        yield Text("Not undone:", palette.text)
    for note in plan.notes:
        yield Text(f"  · {sanitise_line(note)}", palette.dim)


def shown(path: str, cwd: str) -> str:
    """Return a path as people write it: from the directory that Plait works in."""
    return sanitise_path(path[len(cwd) + 1 :] if path.startswith(cwd.rstrip(os.sep) + os.sep) else path)
