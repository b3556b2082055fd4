"""From the command line's flags to what a conversation needs: settings, workspace, which session. No view yet."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from plait.cli.flags import Flag, Given, Grammar, Parsed
from plait.cli.table import FLAGS, SUBCOMMANDS
from plait.cli.unknown_names import is_tool, unknown_names
from plait.config import debug_log
from plait.config.launch import Opening
from plait.config.settings import FlagValue, Loaded, environment, load
from plait.host.paths import Workspace
from plait.permissions.rules import canonical_tool, parse_rule, split_rules
from plait.permissions.store import allows
from plait.protocol.errors import UserError
from plait.protocol.lean import dataclass

MOST_PROMPT_FILE_BYTES = 1_000_000


PROMPTS = ("system_prompt", "append_system_prompt")


@dataclass(frozen=True, slots=True)
class Started:
    """What every way of using Plait begins with."""

    loaded: Loaded
    workspace: Workspace
    allow_all: bool


def grammar(name: str | None = None) -> Grammar:
    """Return the grammar of `plait`, or of one of its subcommands."""
    if name is None:
        return Grammar(FLAGS, commands=tuple(SUBCOMMANDS), belongs=belongs)
    return Grammar(SUBCOMMANDS[name].flags, belongs=belongs, program=f"plait {name}")


def belongs(flag: Flag, word: str) -> bool:
    """True if a word after a flag that need not take it is meant for it, and not the prompt."""
    match flag.key:
        case "allowed-tools" | "disallowed-tools" | "tools":
            names = [rule.partition("(")[0] for rule in split_rules(word)]
            return bool(names) and all(map(is_tool, names))
        case "add-dir":
            return os.path.isdir(word)
        case "debug":
            return not any(map(str.isspace, word)) and any(char in word for char in "/\\.")
        case "resume":
            return not any(map(str.isspace, word))
        case _:
            return False


def begin(parsed: Parsed, *, trusting: bool = False, on_screen: bool = False) -> Started:
    """Check the directory, read the settings, start the debug log. trusting: as if `--trust` were given.

    on_screen: the screen follows, which tells itself if its theme or keys are not there.

    Raises:
        UserError: The directory, a flag or a settings file will not do; one line says which and why.
    """
    debug_log.silence()
    cwd = working_directory()
    settings_file = parsed.value("settings")
    environ = environment()
    loaded = load(
        cwd,
        environ=environ,
        flags=flag_values(parsed),
        settings_file=Path(settings_file) if settings_file is not None else None,
        read_rule=parse_rule,
        tool_name=canonical_tool,
        trusting=trusting or parsed.has("trust"),
        allows=allows,
    )
    if loaded.settings.debug is not None:
        # What keys look like takes 3 ms to compile, and is only looked for in a log.
        from plait.host.secrets import Redactor

        debug_log.start(Path(loaded.settings.debug), Redactor(environ).redact)
        for given in parsed.given.values():
            if given.flag.idle:
                debug_log.say("flag ignored: it means nothing here", flag=given.spelled)
    warnings = (*loaded.warnings, *unknown_names(loaded, of_screen=not on_screen))
    loaded = replace(loaded, warnings=warnings)
    return Started(loaded, workspace(cwd, loaded), parsed.has("dangerously-allow-all"))


def working_directory() -> Path:
    """Return the directory Plait was started in, resolved. Raises UserError if there is none to work in."""
    try:
        cwd = Path(os.getcwd()).resolve(strict=True)
        os.scandir(cwd).close()
    except FileNotFoundError as error:
        raise UserError("the working directory no longer exists: change to another one.") from error
    except OSError as error:
        raise UserError(f"the working directory cannot be read: {error.strerror or error}.") from error
    return cwd


def workspace(cwd: Path, loaded: Loaded) -> Workspace:
    roots = [Path(path) for path in loaded.settings.additional_directories]
    for root in roots:
        try:
            if not stat.S_ISDIR(root.stat().st_mode):
                raise UserError(
                    f"`{root}` is not a directory: `--add-dir` and `additional_directories` take directories."
                )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(
                f"`{root}` cannot be worked in (`--add-dir`, `additional_directories`): {reason}."
            ) from error
    return Workspace.at(cwd, *roots)


def flag_values(parsed: Parsed) -> list[FlagValue]:
    """Return what the flags say about settings."""
    values: list[FlagValue] = []
    for given in parsed.given.values():
        if given.flag.setting:
            values += _of_flag(given)
    modes = {value.value: value.flag for value in values if value.name == "permission_mode"}
    if len(modes) > 1:
        raise UserError(f"{' and '.join(f'`{flag}`' for flag in modes.values())} contradict each other: give one.")
    for name in ("system-prompt", "append-system-prompt"):
        file = parsed.value(f"{name}-file")
        if file is not None:
            if parsed.has(name):
                raise UserError(f"`--{name}` and `--{name}-file`: give one of them.")
            text = read_text_file(file, f"--{name}-file")
            values.append(FlagValue(name.replace("-", "_"), text, f"--{name}-file"))
    schema = parsed.value("json-schema")
    if schema is not None:
        text = schema if schema.lstrip().startswith("{") else read_text_file(schema, "--json-schema")
        values.append(FlagValue("json_schema", text, "--json-schema"))
    return values


def _of_flag(given: Given) -> list[FlagValue]:
    flag, spelled = given.flag, given.spelled
    # A directory's name may be any bytes; whatever is text goes to services that take UTF-8 only.
    if flag.setting != "additional_directories" and not all(map(is_utf8, given.values)):
        raise UserError(f"`{spelled}`: its value is not UTF-8 text.")
    match flag.takes:
        case "nothing":
            return [FlagValue(flag.setting, flag.const, spelled)]
        case "optional":
            return [FlagValue(flag.setting, given.values[-1] if given.values else flag.const, spelled)]
        case "value" if flag.setting in PROMPTS and not given.values[-1].strip():
            # Programs that drive the dialect say so if they have none of their own: Plait's holds.
            return []
        case "value":
            return [FlagValue(flag.setting, given.values[-1], spelled)]
        case "many":
            return _of_list(flag.setting, given.values, spelled)


def _of_list(setting: str, words: Sequence[str], spelled: str) -> list[FlagValue]:
    if setting == "additional_directories":
        return [FlagValue(setting, list(words), spelled)]
    entries = [entry for word in words for entry in split_rules(word)]
    if setting == "tools":
        return [] if entries == ["default"] else [FlagValue(setting, entries, spelled)]
    values = [FlagValue(setting, entries, spelled)]
    if setting == "permissions.deny":
        # A tool that is denied altogether is not worth its description.
        bare = [entry for entry in entries if "(" not in entry]
        values.append(FlagValue("disallowed_tools", bare, spelled))
    return values


def read_text_file(path: str, flag: str) -> str:
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"`{flag} {path}`: not a file.")
        if status.st_size > MOST_PROMPT_FILE_BYTES:
            raise UserError(f"`{flag} {path}`: larger than {MOST_PROMPT_FILE_BYTES:,} bytes.")
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"`{flag} {path}`: not UTF-8 text (byte {error.start}).") from error
    except (OSError, ValueError) as error:
        raise UserError(f"`{flag} {path}`: {getattr(error, 'strerror', None) or error}.") from error


def opening(parsed: Parsed) -> Opening:
    """Return which session the flags ask for. Raises UserError for those that do not go together."""
    resumes, continues, forks = parsed.has("resume"), parsed.has("continue"), parsed.has("fork-session")
    new_id = parsed.value("session-id")
    if resumes and continues:
        raise UserError("`--continue` and `--resume`: give one of them.")
    if forks and not (resumes or continues):
        raise UserError("`--fork-session` needs `--resume` or `--continue`: which session is to be copied?")
    if new_id is not None:
        if (resumes or continues) and not forks:
            raise UserError("`--session-id` names a new session: with `--resume` or `--continue` add `--fork-session`.")
        # Not needed by any other start.
        import uuid

        try:
            new_id = str(uuid.UUID(new_id))
        except ValueError as error:
            raise UserError(f"`--session-id {new_id}`: not a UUID.") from error
    persist = not parsed.has("no-session-persistence")
    if resumes:
        return Opening("resume", parsed.value("resume"), forks, persist, new_id)
    return Opening("continue" if continues else "new", None, forks, persist, new_id)


def prompt_of(parsed: Parsed) -> str:
    """Return the words of the prompt. Raises UserError if they are not UTF-8."""
    text = " ".join(word for word in parsed.words if word != "-")
    if not is_utf8(text):
        raise UserError("the prompt is not UTF-8 text: check the encoding of the terminal or script.")
    return text


def is_utf8(text: str) -> bool:
    """False if the text holds bytes that Python could not decode (they are surrogates then)."""
    return not any("\ud800" <= char <= "\udfff" for char in text)
