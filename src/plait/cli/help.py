"""The help text, made from the table of flags. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from plait.cli.flags import Flag
from plait.cli.table import FLAGS, LIMITS, MODEL, OTHER, OUTPUT, PERMISSIONS, SESSION, SUBCOMMANDS, Subcommand

WIDTH = 34


def main_help() -> str:
    """Return the text of `plait --help`."""
    lines = [
        "plait [FLAGS] [PROMPT …]      work on the code in this directory, starting with PROMPT",
        "plait -p [FLAGS] [PROMPT …]   print the answer and exit; piped text joins the prompt",
        "plait SUBCOMMAND …            (`plait -- WORDS` if the prompt begins with one)",
        "",
        "Subcommands:",
        *(f"  {command.name:<{WIDTH - 2}}{command.help}" for command in SUBCOMMANDS.values()),
    ]
    for group in (MODEL, PERMISSIONS, SESSION, LIMITS, OUTPUT, OTHER):
        lines += ["", f"{group}:", *flag_lines([flag for flag in FLAGS if flag.group == group])]
    lines += [
        "",
        "Exit codes: 0 finished · 1 usage or configuration · 2 the model's service failed · 3 a limit ·",
        "4 interrupted · 5 finished, but calls were not allowed.",
    ]
    return "\n".join(lines) + "\n"


def subcommand_help(command: Subcommand) -> str:
    """Return the text of `plait SUBCOMMAND --help`."""
    usages = command.usage.split(" | ") if " | " in command.usage else [command.usage]
    lines = [f"plait {command.name} {usage}".rstrip() for usage in usages]
    return (
        "\n".join([*lines, "", f"{command.help[0].upper()}{command.help[1:]}.", "", *flag_lines(command.flags)]) + "\n"
    )


def flag_lines(flags: Sequence[Flag]) -> list[str]:
    return [line for flag in flags for line in _flag_line(flag)]


def _flag_line(flag: Flag) -> list[str]:
    short = next((name for name in flag.names if not name.startswith("--")), "")
    names = ", ".join(name for name in (short, flag.names[0]) if name)
    value = f" [{flag.metavar}]" if flag.takes == "optional" else f" {flag.metavar}" if flag.metavar else ""
    left = f"  {names}{value}"
    help_text = " · ".join(text for text in (flag.help, "|".join(flag.choices)) if text)
    if len(left) < WIDTH:
        return [f"{left:<{WIDTH}}{help_text}".rstrip()]
    return [left, f"{'':<{WIDTH}}{help_text}".rstrip()]
