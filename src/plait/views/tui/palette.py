"""The theme's colours by meaning, and themes read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.style import Style
from textual.theme import Theme

COLORS = (
    "primary", "secondary", "accent", "success", "warning", "error", "foreground", "background", "surface", "panel",
)  # fmt: skip
VARIABLES = {
    "read": "#85CDCA",
    "write": "#E9B44C",
    "dim": "#7C8392",
    "faint": "#3A404D",
    "code-background": "#1A1D24",
    "added-background": "#1B2B22",
    "removed-background": "#331F22",
}


class BadTheme(ValueError):
    """A theme file that cannot be used; one line says why."""


def read_theme(name: str, text: str) -> Theme:
    """Return the theme of a TOML file. Raises BadTheme."""
    try:
        data = tomllib.loads(text)
        colors = {key: str(value) for key, value in data.get("colors", {}).items() if key in COLORS}
        variables = VARIABLES | {key: str(value) for key, value in data.get("variables", {}).items()}
        if "primary" not in colors:
            raise BadTheme(f"theme `{name}`: `colors.primary` is missing")
        for value in (*colors.values(), *variables.values()):
            Style(color=value)
        fields: dict[str, Any] = {**colors, "variables": variables, "dark": bool(data.get("dark", True))}
        theme = Theme(name=str(data.get("name", name)), **fields)
        theme.to_color_system()
    except BadTheme:
        raise
    except Exception as error:  # Colours are parsed by Textual and Rich, each with errors of its own.
        raise BadTheme(f"theme `{name}`: {str(error).splitlines()[0]}") from error
    return theme


@dataclass(frozen=True, slots=True)
class Palette:
    """Styles by meaning, for lines that are drawn by hand."""

    text: Style
    strong: Style
    dim: Style
    faint: Style
    you: Style
    read: Style
    write: Style
    ok: Style
    error: Style
    code: Style
    link: Style
    added: Style
    removed: Style
    added_mark: Style
    removed_mark: Style
    you_block: Style
    selected: Style
    dark: bool

    @staticmethod
    def of(variables: Mapping[str, str], *, dark: bool) -> Palette:
        """Return the palette of a theme's CSS variables."""

        def color(name: str) -> str | None:
            value = variables.get(name, "")
            return value[:7] if value.startswith("#") and len(value) >= 7 else None

        foreground = color("foreground")
        return Palette(
            text=Style(color=foreground),
            strong=Style(color=foreground, bold=True),
            dim=Style(color=color("dim")),
            faint=Style(color=color("faint")),
            you=Style(color=color("primary"), bold=True),
            read=Style(color=color("read")),
            write=Style(color=color("write")),
            ok=Style(color=color("success")),
            error=Style(color=color("error")),
            code=Style(color=foreground, bgcolor=color("code-background")),
            link=Style(color=color("secondary"), underline=True),
            added=Style(color=foreground, bgcolor=color("added-background")),
            removed=Style(color=foreground, bgcolor=color("removed-background")),
            added_mark=Style(color=color("success"), bgcolor=color("added-background")),
            removed_mark=Style(color=color("error"), bgcolor=color("removed-background")),
            you_block=Style(color=foreground, bgcolor=color("surface")),
            selected=Style(bgcolor=color("panel")),
            dark=dark,
        )
