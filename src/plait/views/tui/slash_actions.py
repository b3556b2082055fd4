"""What the `/` commands do: each a query or a command to the session, and lines in the transcript."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from plait.protocol.commands import BuildIndex, Clear, Compact, EndBackground, Rename, SetModel
from plait.protocol.display import sanitise_path
from plait.protocol.errors import PlaitError
from plait.protocol.ports import SessionHandle
from plait.protocol.queries import GetContext, GetOutline, GetSettings, ListBackground, ListModels
from plait.views.tui.projector import cost_in_words
from plait.views.tui.rules import HOW, permissions
from plait.views.tui.screens.pages import HelpPage, table
from plait.views.tui.screens.rewind import go_back
from plait.views.tui.slash import Line

if TYPE_CHECKING:
    from plait.views.tui.app import PlaitApp


MAP_TOKENS = 1_500


async def run_slash(app: PlaitApp, line: Line) -> None:
    """Carry out one command; if it cannot be done, one line says why."""
    try:
        await _run(app, line)
    except PlaitError as error:
        app.notify(str(error), severity="error")


async def _run(app: PlaitApp, line: Line) -> None:
    match line.name:
        case "help":
            app.push_screen(HelpPage(app.palette, app.keyboard))
        case "quit":
            app.exit()
        case "todo":
            app.chat.toggle_todo()
        case "theme":
            _theme(app, line.argument)
        case "mode":
            if not app.set_mode(line.argument):
                app.notify(f"`{line.argument}`: not a mode; /help lists them.", severity="warning")
        case "clear":
            app.chat.send(Clear())
        case "compact":
            app.chat.send(Compact(line.argument))
        case "rename":
            app.chat.send(Rename(line.argument))
        case "cost":
            _cost(app)
        case "resume":
            app.run_worker(_resume(app), group="resume", exclusive=True)
        case _ if app.chat.handle is None:
            app.wake_engine(again=True)
            app.chat.run_later(line)
        case name:
            await _ask(app, app.chat.handle, name, line.argument)


async def _ask(app: PlaitApp, handle: SessionHandle, name: str, argument: str) -> None:
    match name:
        case "model":
            await _model(app, handle, argument)
        case "permissions":
            rows = await permissions(app, handle, argument)
            _show(app, f"Rules in force · /permissions {HOW}", rows, "no rules: the mode decides")
        case "context":
            await _context(app, handle)
        case "config":
            values = await handle.query(GetSettings())
            _show(app, "Settings", [(value.name, value.value, value.origin) for value in values])
        case "background":
            await _background(app, handle, argument)
        case "map":
            text = await handle.query(GetOutline(argument or ".", MAP_TOKENS))
            app.chat.show_lines(
                f"Map of {argument}" if argument else "Map", [Text(sanitise_path(line)) for line in text.split("\n")]
            )
        case "index":
            app.chat.send(BuildIndex())
        case "rewind":
            _rewind(app, handle)
        case _:
            app.notify(f"/{name} is not built yet.", severity="warning")


def _rewind(app: PlaitApp, handle: SessionHandle) -> None:
    if app.chat.projector is not None and app.chat.projector.state.working:
        app.notify("Going back waits until nothing runs: Esc ends the turn.", severity="warning")
        return
    app.run_worker(go_back(app, handle), group="rewind", exclusive=True)


def _show(app: PlaitApp, title: str, rows: Sequence[tuple[str, ...]], empty: str = "none") -> None:
    width = max(40, app.size.width - 6)
    app.chat.show_lines(title, table(rows, app.palette, width) or [Text(f"  {empty}", app.palette.dim)])


async def _model(app: PlaitApp, handle: SessionHandle, argument: str) -> None:
    if argument:
        name, _, base_url = argument.partition(" ")
        app.chat.send(SetModel(name, base_url.strip() or None))
        return
    choices = await handle.query(ListModels())
    rows = [(choice.name, choice.where + (f" · {choice.base_url}" if choice.base_url else "")) for choice in choices]
    _show(app, "Models · /model NAME [BASE_URL] changes it", rows)


async def _context(app: PlaitApp, handle: SessionHandle) -> None:
    info = await handle.query(GetContext())
    total = info.system_tokens + info.tools_tokens + info.history_tokens
    window = f" of {info.window:,}" if info.window else ""
    rows: list[tuple[str, ...]] = [
        ("instructions", f"{info.system_tokens:,} tokens"),
        ("tools", f"{info.tools_tokens:,} tokens"),
        ("conversation", f"{info.history_tokens:,} tokens"),
        ("together", f"about {total:,}{window} tokens"),
    ]
    rows += [("from", path) for path in info.instructions_files]
    _show(app, "Context", rows)


async def _background(app: PlaitApp, handle: SessionHandle, argument: str) -> None:
    word, _, identity = argument.partition(" ")
    if word == "end" and identity.strip():
        app.chat.send(EndBackground(identity.strip()))
        return
    infos = await handle.query(ListBackground())
    rows = []
    for info in infos:
        state = "running" if info.running else f"exit {info.exit_code}"
        last = info.tail.strip().splitlines()[-1] if info.tail.strip() else ""
        rows.append((info.background_id, state, f"{info.command}   {last}"))
    _show(app, "Commands in the background", rows)


def _theme(app: PlaitApp, argument: str) -> None:
    if argument:
        if not app.use_theme(argument):
            app.notify(f"`{argument}`: no such theme.", severity="warning")
        return
    others = sorted(set(app.available_themes) - set(app.own_themes))
    _show(
        app,
        "Themes · /theme NAME",
        [("Plait's and yours", ", ".join(app.own_themes)), ("Textual's", ", ".join(others))],
    )


def _cost(app: PlaitApp) -> None:
    projector = app.chat.projector
    if projector is None:
        return
    usage = projector.state.usage.plus(projector.state.turn_usage)
    rows: list[tuple[str, ...]] = [
        ("input", f"{usage.input_tokens:,} tokens, {usage.cache_read_tokens:,} of them from the cache"),
        ("output", f"{usage.output_tokens:,} tokens"),
        ("cost", cost_in_words(usage) or "nothing yet"),
    ]
    _show(app, "So far", rows)


async def _resume(app: PlaitApp) -> None:
    if app.sessions is None:
        return
    try:
        picked = await app.pick(app.sessions)
        if picked is not None:
            await app.switch(picked)
    except PlaitError as error:
        app.notify(str(error), severity="error")
