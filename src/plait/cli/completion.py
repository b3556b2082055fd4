"""Completions for bash, zsh and fish, made from the table of flags. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from plait.cli.flags import Flag
from plait.cli.table import FLAGS, SUBCOMMANDS

FILES = ("FILE", "FILE|TEXT", "DIR …")


def completion(shell: str) -> str:
    """Return the script for `shell`, one of `bash`, `zsh`, `fish`."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]()


def _offered(flags: Sequence[Flag]) -> list[Flag]:
    return [flag for flag in flags if not (flag.missing or flag.idle)]


def _bash() -> str:
    cases = []
    for flag in _offered(FLAGS):
        pattern = "|".join(flag.names)
        if flag.choices:
            cases.append(f'    {pattern}) COMPREPLY=($(compgen -W "{" ".join(flag.choices)}" -- "$cur")); return ;;')
        elif flag.metavar in FILES:
            cases.append(f'    {pattern}) COMPREPLY=($(compgen -f -- "$cur")); return ;;')
        elif flag.takes == "value":
            cases.append(f"    {pattern}) return ;;")
    words = []
    for command in SUBCOMMANDS.values():
        names = [*command.actions, *(name for flag in command.flags for name in flag.names)]
        words.append(f'    {command.name}) words="{" ".join(names)}" ;;')
    top = [*SUBCOMMANDS, *(name for flag in _offered(FLAGS) for name in flag.names)]
    return "\n".join(
        [
            "_plait() {",
            '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" words',
            '  case "$prev" in',
            *cases,
            "  esac",
            '  case "${COMP_WORDS[1]}" in',
            *words,
            f'    *) words="{" ".join(top)}" ;;',
            "  esac",
            f'  [ "$COMP_CWORD" -eq 1 ] && words="{" ".join(top)}"',
            '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
            "}",
            "complete -o default -F _plait plait",
            "",
        ]
    )


def _zsh() -> str:
    def spec(flag: Flag) -> str:
        names = "{" + ",".join(flag.names) + "}" if len(flag.names) > 1 else flag.names[0]
        about = f"[{_zsh_text(flag.help or flag.key)}]"
        value = ""
        if flag.takes != "nothing":
            action = f"({' '.join(flag.choices)})" if flag.choices else "_files" if flag.metavar in FILES else ""
            value = f"{'::' if flag.takes == 'optional' else ':'}{_zsh_text(flag.metavar.lower())}:{action}"
        return f"'*'{names}'{about}{value}'" if len(flag.names) > 1 else f"'*{names}{about}{value}'"

    cases = []
    for command in SUBCOMMANDS.values():
        actions = [f"'1:action:({' '.join(command.actions)})'"] if command.actions else []
        cases.append(
            f"      {command.name}) _arguments {' '.join([*actions, *map(spec, command.flags)])} '*:word:_files' ;;"
        )
    commands = " ".join(f"'{command.name}:{_zsh_text(command.help)}'" for command in SUBCOMMANDS.values())
    return "\n".join(
        [
            "#compdef plait",
            "_plait() {",
            "  local -a commands",
            f"  commands=({commands})",
            "  if (( CURRENT > 2 )) && (( ${+commands[(r)$words[2]:*]} )); then",
            "    local command=$words[2]",
            "    shift words; (( CURRENT-- ))",
            "    case $command in",
            *cases,
            "    esac",
            "    return",
            "  fi",
            "  (( CURRENT == 2 )) && _describe -t commands subcommand commands",
            f"  _arguments {' '.join(map(spec, _offered(FLAGS)))} '*:prompt:_files'",
            "}",
            'if [ "$funcstack[1]" = "_plait" ]; then _plait "$@"; else compdef _plait plait; fi',
            "",
        ]
    )


def _zsh_text(text: str) -> str:
    for special in "\\[]:":
        text = text.replace(special, "\\" + special)
    return text.replace("'", "'\\''")


def _fish() -> str:
    def line(flag: Flag, condition: str) -> str:
        spelled = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names]
        value = ""
        if flag.choices:
            value = f" -x -a '{' '.join(flag.choices)}'"
        elif flag.metavar in FILES:
            value = " -r -F"
        elif flag.takes in ("value", "many"):
            value = " -x"
        return f"complete -c plait -n '{condition}' {' '.join(spelled)}{value} -d '{_fish_text(flag.help)}'"

    lines = ["complete -c plait -f"]
    for command in SUBCOMMANDS.values():
        about = _fish_text(command.help)
        lines.append(f"complete -c plait -n __fish_use_subcommand -a {command.name} -d '{about}'")
        inside = f"__fish_seen_subcommand_from {command.name}"
        if command.actions:
            lines.append(f"complete -c plait -n '{inside}' -a '{' '.join(command.actions)}'")
        lines += [line(flag, inside) for flag in command.flags]
    lines += [line(flag, "__fish_use_subcommand") for flag in _offered(FLAGS)]
    return "\n".join(lines) + "\n"


def _fish_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
