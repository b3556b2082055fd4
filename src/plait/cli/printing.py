"""`plait --print`: put the prompt together, open a session, hand both to the headless view."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from plait import __version__
from plait.cli.flags import Parsed
from plait.cli.start import Started, begin, opening, prompt_of
from plait.cli.terminal import (
    PATIENCE_ALONE_S,
    PATIENCE_BESIDE_PROMPT_S,
    carries_input,
    is_terminal,
    read_chunk,
    read_piped,
    tell,
    write_all,
)
from plait.config.launch import Opening
from plait.protocol.errors import UserError
from plait.protocol.ports import SessionHandle
from plait.views.headless.run import OutputFormat, PrintOptions, print_session, refuse

REST_LIMIT_S = 0.2
FORMATS: dict[str, OutputFormat] = {"text": "text", "json": "json", "stream-json": "stream-json"}


def run(parsed: Parsed, *, stdout_open: bool) -> int:
    """Answer the prompt and return the exit code. Raises PlaitError, OSError."""
    output_format = _output_format(parsed)
    lines_in = _reads_lines(parsed, output_format)
    chosen = opening(parsed)
    if chosen.kind == "resume" and chosen.session_id is None:
        raise UserError("`--resume` without a screen needs the session's id; list them with `plait sessions list`.")
    output_file = _output_file(parsed)
    if not stdout_open and output_file is None:
        raise UserError("standard output is closed: the answer has nowhere to go (`--output FILE` takes it too).")
    if parsed.has("json-schema"):
        _check_schema(parsed)
    started = begin(parsed)
    for warning in started.loaded.warnings:
        tell(f"warning: {warning}")
    prompt = "" if lines_in else full_prompt(prompt_of(parsed))
    options = PrintOptions(
        prompt=prompt,
        output_format=output_format,
        include_partial_messages=parsed.has("include-partial-messages"),
        verbose=parsed.has("verbose"),
        output_file=output_file,
        terminal=is_terminal(1),
        keeps_log=chosen.persist,
        plait_version=__version__,
        read_input=read_chunk if lines_in else None,
    )
    # Not closed: that would wait for threads that may be stuck in a read, and the process is about to end anyway.
    return asyncio.Runner().run(_print(started, chosen, options))


def refuse_interrupted(parsed: Parsed) -> None:
    """Write the result line of a run that was interrupted before it began, if lines are what is wanted."""
    output_format = FORMATS.get(parsed.value("output-format") or "text", "text")
    options = PrintOptions(output_format=output_format, verbose=parsed.has("verbose"))
    asyncio.Runner().run(refuse(options, write_all(1), "Interrupted.", interrupted=True))


async def _print(started: Started, chosen: Opening, options: PrintOptions) -> int:
    async def open_session() -> SessionHandle:
        # The engine and all it stands on; nothing before this needs it.
        from plait import wiring

        return await wiring.open_session(
            started.loaded, started.workspace, chosen, interactive=False, allow_all=started.allow_all
        )

    try:
        return await print_session(open_session, options, write_all(1), tell)
    finally:
        await _cancel_rest()


async def _cancel_rest() -> None:
    """Give whatever did not end with the session a last chance to clean up: its commands must not outlive it."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        # What is being cancelled already is cleaning up; a second time would cut that short.
        if not task.cancelling():
            task.cancel()
    if rest:
        await asyncio.wait(rest, timeout=REST_LIMIT_S)


def full_prompt(words: str) -> str:
    """Return the prompt: the words, a newline and the piped text, or whichever of the two there is.

    Raises:
        UserError: There is neither.
    """
    piped = read_piped(PATIENCE_BESIDE_PROMPT_S if words.strip() else PATIENCE_ALONE_S)
    if piped is None:
        if not words.strip():
            raise UserError(
                f"no prompt: nothing came on standard input within {PATIENCE_ALONE_S:g} s; "
                "give the prompt as an argument, or redirect from a file."
            )
        tell(
            f"warning: nothing came on standard input within {PATIENCE_BESIDE_PROMPT_S:g} s; going on without it "
            "(`< /dev/null` saves the wait)."
        )
        return words
    try:
        text = piped.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        tell(f"warning: standard input is not UTF-8 (byte {error.start}); what is not was replaced.")
        text = piped.decode("utf-8-sig", "replace")
    given = [part for part in (words, text) if part.strip()]
    if not given:
        raise UserError('no prompt: give one as an argument or on standard input, as in `plait -p "What is this?"`.')
    return "\n".join(given)


def _output_format(parsed: Parsed) -> OutputFormat:
    name = parsed.value("output-format") or "text"
    if name not in FORMATS:
        raise UserError(f"`--output-format {name}`: must be one of `text`, `json`, `stream-json`.")
    if parsed.has("include-partial-messages") and name != "stream-json":
        raise UserError("`--include-partial-messages` needs `--output-format stream-json`.")
    return FORMATS[name]


def _reads_lines(parsed: Parsed, output_format: OutputFormat) -> bool:
    name = parsed.value("input-format") or "text"
    if name == "text":
        return False
    if name != "stream-json":
        raise UserError(f"`--input-format {name}`: must be one of `text`, `stream-json`.")
    if output_format != "stream-json":
        raise UserError("`--input-format stream-json` needs `--output-format stream-json`.")
    if prompt_of(parsed).strip():
        raise UserError(
            "with `--input-format stream-json` the prompts come on standard input: give none as an argument."
        )
    if parsed.has("output"):
        raise UserError("`--output` takes one answer, `--input-format stream-json` may have many: leave one out.")
    if not carries_input():
        raise UserError("`--input-format stream-json` reads standard input, which is no pipe and no file.")
    return True


def _output_file(parsed: Parsed) -> Path | None:
    """Return the file for the answer, found writable: better now than when the answer is there."""
    name = parsed.value("output")
    if name is None:
        return None
    path = Path(name)
    if path.is_dir():
        raise UserError(f"`--output {name}`: is a directory.")
    directory = path.parent
    if not directory.is_dir():
        raise UserError(f"`--output {name}`: there is no directory `{directory}`.")
    if not os.access(path if path.exists() else directory, os.W_OK):
        raise UserError(f"`--output {name}`: cannot be written.")
    return path


def _check_schema(parsed: Parsed) -> None:
    from plait.agent.structured import read_schema
    from plait.cli.start import flag_values

    for value in flag_values(parsed):
        if value.name == "json_schema":
            read_schema(str(value.value))
