"""Settings that name what is not there: a tool, a theme, a key, a model's provider, a directory. A line for each."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping

from plait.config.models import SCOUT
from plait.config.settings import Loaded
from plait.permissions.rules import ALIASES, canonical_tool

TOOL_NAMES = frozenset(ALIASES.values()) | {
    "ask_user", "background", "check", "outline", "propose_plan", "todo",
}  # fmt: skip
TEXTUAL_THEMES = (
    "textual-dark", "textual-light", "nord", "gruvbox", "catppuccin-mocha", "dracula", "tokyo-night", "monokai",
    "flexoki", "catppuccin-latte", "catppuccin-frappe", "catppuccin-macchiato", "solarized-light", "solarized-dark",
    "rose-pine", "rose-pine-moon", "rose-pine-dawn", "atom-one-dark", "atom-one-light", "ansi-dark", "ansi-light",
)  # fmt: skip
"""Those that come with Textual, whose import would take longer than all of this."""
HOST = re.compile(r"(\*\.)?[\w-]+(\.[\w-]+)*\.?|[\d.]+(/\d+)?|\[?[0-9A-Fa-f:.]+\]?(/\d+)?")


def is_tool(name: str) -> bool:
    """True of a tool's name, ours or another assistant's; a name with `__` is of a server's tool and may come later."""
    return canonical_tool(name) in TOOL_NAMES or "__" in name


def unknown_names(loaded: Loaded, *, of_screen: bool) -> Iterator[str]:
    """Yield a line for each name in the settings that stands for nothing.

    of_screen: also those that only the screen has, which the screen tells by itself.
    """
    origins = {value.name: f"`{value.origin}`" for value in loaded.values}
    settings = loaded.settings
    tools = dict.fromkeys(settings.tools or (), "tools") | dict.fromkeys(settings.disallowed_tools, "disallowed_tools")
    for tool, name in tools.items():
        if not is_tool(tool):
            yield f"{origins[name]}: `{name}`: there is no tool `{tool}`."
    for value in loaded.values:
        tool = value.value.partition("(")[0].strip()
        # `--disallowed-tools` gives both a name and a rule.
        if value.name.startswith("permissions.") and not is_tool(tool) and tool not in tools:
            yield f"`{value.origin}`: `{value.name}`: there is no tool `{tool}`; this rule covers nothing."
    model = settings.fallback_model
    if model is not None and ":" not in model and model != SCOUT:
        yield (
            f"{origins['fallback_model']}: `fallback_model`: `{model}` is not a model: name the provider too, "
            f"as in `anthropic:{model}`."
        )
    for name, places in (
        ("trusted_directories", settings.trusted_directories),
        ("sandbox.visible", settings.sandbox.visible),
    ):
        for place in places:
            if not os.path.lexists(place):
                yield f"{origins[name]}: `{name}`: there is no `{place}`."
    url = settings.web_search.endpoint
    if url is not None and not re.match(r"https?://[^/]", url):
        yield f"{origins['web_search.endpoint']}: `web_search.endpoint`: this is no address of http or https."
    for host in settings.network.allow_private:
        if not HOST.fullmatch(host):
            yield f"{origins['network.allow_private']}: `network.allow_private`: `{host}` is neither host nor block."
    if of_screen:
        yield from _of_screen(loaded, origins)


def _of_screen(loaded: Loaded, origins: Mapping[str, str]) -> Iterator[str]:
    settings = loaded.settings
    if settings.theme is not None:
        # Nothing else without a screen needs it.
        from plait.host.desktop import theme_files

        themes = {*TEXTUAL_THEMES, *(theme_name(stem, text) for stem, text in theme_files(loaded.directories.config))}
        if settings.theme not in themes:
            yield f"{origins['theme']}: theme `{settings.theme}`: not found; themes: {', '.join(sorted(themes))}."
    if settings.keyboard:
        # Only keys of one's own pay for this import.
        from plait.views.tui.keymap import unknown_actions

        if unknown := unknown_actions(settings.keyboard):
            yield f"{origins['keyboard']}: `keyboard`: no such action: {', '.join(unknown)} (F1 names them)."


def theme_name(stem: str, text: str) -> str:
    """Return the name that a theme's file gives itself, else the file's."""
    try:
        return str(tomllib.loads(text).get("name", stem))
    except ValueError:
        return stem
