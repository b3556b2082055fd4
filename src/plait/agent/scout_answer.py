"""What `scout` makes of the tools' results: the places found, cited with their lines, as Markdown. Pure.

It reads the text that any model would get. It invents nothing; what failed it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plait.agent.scout_calls import DEFINITIONS, MOST_PLACES, NAMED_LINES, OVERVIEW, named_files
from plait.tools.hits_text import FoundPlace, places_in

NO_MODEL = (
    "*No language model is configured, so this is what a search found, not an answer. To add one, set "
    "`ANTHROPIC_API_KEY` or `OPENAI_API_KEY`, or run `plait --model openai-chat:NAME --base-url URL`; "
    "`plait doctor` shows what is there.*"
)
HELP = (
    "I search this project: ask where something is, what calls it, how something is done, or name a file.\n\n"
    "- `where are retries handled`\n- `Session.close`\n- `who imports asyncio`\n- `README.md`"
)
CANNOT = "I cannot change or run anything without a language model."
GREETING = re.compile(
    r"\W*(?:hi|hello|hey|hallo|hola|bonjour|salut|moin|good (?:morning|evening|afternoon|day)|bye|ok(?:ay)?|"
    r"test|ping|help"
    r"(?: me)?|\?+|who are you|what are you|what can (?:you|i) do|what do you do|how do you work|how does this work)"
    r"(?:\s+(?:there|all|plait|scout|again|please|with this|here))*\W*",
    re.IGNORECASE,
)
THANKS = re.compile(
    r"\W*(?:thanks|thank you|thx|danke|merci|gracias|great|nice|cool|perfect|well done)(?:[\s,]+(?:a lot|"
    r"so much|very much|you|"
    r"for (?:that|this|your help)|plait|scout|job|work))*\W*",
    re.IGNORECASE,
)
CHANGE = re.compile(
    r"^\W*(?:(?:please|now|then|and|ok(?:ay)?|can you|could you|would you|will you|i want you to|"
    r"i need you to|i'd like you to|"
    r"i would like (?:you )?to|i want to|let's|let us|help me(?: to)?|you should|just|go ahead and)[\s,]+)*"
    r"(?:fix|add|write|create|change|edit|modify|rename|remove|delete|drop|refactor|rewrite|implement|update|"
    r"upgrade|run|execute|"
    r"install|commit|push|make|move|replace|build|test|generate|convert|translate|port|migrate|set up|insert|"
    r"append|extend|"
    r"improve|optimi[sz]e|clean|apply|revert|merge|bump|deploy)\b",
    re.IGNORECASE,
)
NUMBERED = re.compile(r"\s*(\d+)\t(.*)")
MOST_ALSO = 8
LISTING_LINES = 40
LONGEST_LINE = 240


@dataclass(frozen=True, slots=True)
class Result:
    """What one call brought: its arguments, the text for the model, and whether it went well."""

    tool: str
    args: Mapping[str, Any]
    text: str
    ok: bool


def small_talk(prompt: str) -> str | None:
    """Return the answer to a prompt that asks nothing about the code, or None."""
    if not prompt.strip() or GREETING.fullmatch(prompt.strip()):
        return f"{HELP}\n\n{NO_MODEL}"
    if THANKS.fullmatch(prompt.strip()):
        return "You are welcome. Ask about this project whenever you like."
    return None


def places(results: Sequence[Result]) -> list[FoundPlace]:
    """Return what the searches found, taking turns between them, each file once."""
    columns = [places_in(result.text) for result in results if result.tool == "search" and result.ok]
    merged: dict[str, FoundPlace] = {}
    for rank in range(max((len(column) for column in columns), default=0)):
        for column in columns:
            if rank < len(column):
                place = column[rank]
                known = merged.setdefault(place.path, place)
                if known.kind == "file" and place.line:
                    merged[place.path] = place
    return list(merged.values())


def read_files(results: Sequence[Result]) -> set[str]:
    """Return the paths that were read and could be."""
    return {path for result in results if result.ok and (path := _read_path(result)) is not None}


def answer(prompt: str, results: Sequence[Result]) -> str:
    """Return the answer: what cannot be done, the places with their lines, best first, and that no model is there."""
    found = places(results)
    windows = _windows(results)
    blocks = [f"{CANNOT} These places belong to it:" if found else CANNOT] if _asks_for_change(prompt) else []
    blocks += _named(prompt, results, windows)
    if OVERVIEW.search(prompt):
        blocks += _listings(results)
    named = set(named_files(prompt))
    best = [place for place in found[:MOST_PLACES] if place.path not in named or place.line > NAMED_LINES]
    for place in best:
        blocks += _block(place, windows)
    if not found and not _shown_any(results):
        blocks.append(_nothing(results))
    rest = [_where(place) for place in found[MOST_PLACES : MOST_PLACES + MOST_ALSO]]
    if rest:
        blocks.append(f"Also: {', '.join(rest)}")
    return "\n\n".join([*blocks, NO_MODEL])


def _asks_for_change(prompt: str) -> bool:
    """A single word is the name of something."""
    return len(prompt.split()) > 1 and CHANGE.match(prompt) is not None


def _where(place: FoundPlace) -> str:
    return f"`{place.path}:{place.line}`" if place.line else f"`{place.path}`"


def _block(place: FoundPlace, windows: Mapping[str, Sequence[Sequence[tuple[int, str]]]]) -> list[str]:
    kind = f" · {place.kind}" if place.kind in DEFINITIONS or place.kind in ("import", "constant", "variable") else ""
    window = _window_around(place, windows)
    lines = [f"{number:>5}  {text}" for number, text in window] or ([place.text] if place.text else [])
    heading = f"**{_where(place)}**{kind}"
    return [heading, _fenced(lines, place.path)] if lines else [heading]


def _window_around(
    place: FoundPlace, windows: Mapping[str, Sequence[Sequence[tuple[int, str]]]]
) -> Sequence[tuple[int, str]]:
    for window in windows.get(place.path, ()):
        near = [line for line in window if abs(line[0] - place.line) <= 14]
        if any(number == place.line for number, _ in window) or not place.line:
            return near if place.line else window[:18]
    return ()


def _windows(results: Sequence[Result]) -> dict[str, list[list[tuple[int, str]]]]:
    """Return the numbered lines that were read, by path."""
    windows: dict[str, list[list[tuple[int, str]]]] = {}
    for result in results:
        path = _read_path(result)
        if path is None or not result.ok:
            continue
        numbered = (NUMBERED.fullmatch(line) for line in result.text.split("\n"))
        lines = [(int(match[1]), _shortened(match[2])) for match in numbered if match is not None]
        if lines:
            windows.setdefault(path, []).append(lines)
    return windows


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…"


def _read_path(result: Result) -> str | None:
    """Return the path of a read of one file: its text does not say it."""
    files = result.args.get("files") if result.tool == "read" else None
    if isinstance(files, list) and len(files) == 1 and isinstance(files[0], dict):
        return str(files[0].get("path", ""))
    return None


def _named(
    prompt: str, results: Sequence[Result], windows: Mapping[str, Sequence[Sequence[tuple[int, str]]]]
) -> list[str]:
    """Return the files that the prompt names, as far as they were read; of one that could not be, why."""
    blocks: list[str] = []
    found = {place.path for place in places(results)}
    for path in named_files(prompt):
        read = [result for result in results if _read_path(result) == path]
        if windows.get(path):
            lines = [f"{number:>5}  {text}" for number, text in windows[path][0]]
            blocks += [f"**`{path}`**", _fenced(lines, path)]
        elif read and (read[0].ok or not any(f"/{place}".endswith(f"/{path}") for place in found)):
            # It is no text, or it is not there and nothing of that name is.
            blocks.append(read[0].text.split("\n")[0])
    return blocks


def _listings(results: Sequence[Result]) -> list[str]:
    listings = [result.text for result in results if result.tool == "list" and result.ok]
    return [_fenced(listing.split("\n")[:LISTING_LINES], "") for listing in listings]


def _shown_any(results: Sequence[Result]) -> bool:
    return any(result.ok and result.tool in ("read", "list") for result in results)


def _nothing(results: Sequence[Result]) -> str:
    failed = [result for result in results if not result.ok]
    if not results:
        return "I could not search: the `search` tool is not available here."
    if failed and len(failed) == len(results):
        return f"I could not search this project: {failed[0].text.split(chr(10))[0]}"
    return "I found nothing for this in the project. Try a name as it stands in the code, or other words."


def _fenced(lines: Sequence[str], path: str) -> str:
    language = path.rpartition(".")[2] if "." in path.rpartition("/")[2] else "text"
    body = "\n".join(lines)
    # A fence longer than any in the code itself.
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`{3,}", body)), 3)
    return f"{fence}{language if re.fullmatch(r'[A-Za-z0-9+]{1,12}', language) else 'text'}\n{body}\n{fence}"
