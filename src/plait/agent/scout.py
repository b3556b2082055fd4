"""`scout`, the model for when there is no model: it answers a question about the code by searching it.

An ordinary model of the library, so every view and every test runs with it. It looks at the prompt and at the results
of its own calls, in the text that any model would get; it remembers nothing and invents nothing. The third of the files
that import pydantic_ai.

Three replies a turn: search, read around the best places, answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel

from plait.search import query as queries
from plait.search.query import Shape

NO_MODEL = (
    "*No language model is configured, so this is what a search found, not an answer. To add one, set "
    "`ANTHROPIC_API_KEY` or `OPENAI_API_KEY`, or run `plait --model openai-chat:NAME --base-url URL`; "
    "`plait doctor` shows what is there.*"
)
HELP = (
    "I search this project: ask where something is, what calls it, how something is done, or name a file.\n\n"
    "- `where are retries handled`\n- `Session.close`\n- `who imports asyncio`\n- `README.md`"
)
MOST_PLACES = 6
AROUND = 4
LONGEST_QUERY = 300
# `path:line kind: evidence`, or `path file`, as the `search` tool writes it.
PLACE = re.compile(r"^(?P<path>\S.*?)(?::(?P<line>\d+))? (?P<kind>[a-z]+)(?:: (?P<text>.*))?$")
NUMBERED = re.compile(r"^\s*(\d+)[\t:│|](.*)$")
GREETING = re.compile(r"^\W*(hi|hello|hey|hallo|thanks|thank you|danke|help|\?|bye|ok|okay)\W*$", re.IGNORECASE)
OVERVIEW = re.compile(
    r"\b(what is this|overview|about this (project|repo)|this (project|repo|repository|codebase)|structure|get started)"
    r"\b",
    re.IGNORECASE,
)
# The name in "where is f defined", "definition of f", "what calls f", whatever it looks like.
NAMED = re.compile(
    r"\b(?:(?:where|how) (?:is|are)|definition of|what (?:calls|uses|is)|who (?:calls|uses)|callers of|usages? of)"
    r" (?:the )?(?:function |class |method |type |variable |constant )?`?([A-Za-z_][\w.:]*)`?"
    r"(?= (?:defined|declared|implemented|used|called)\b|[?.!]?$)",
    re.IGNORECASE,
)
CHANGE = re.compile(
    r"^\W*(please\s+)?(fix|add|write|create|change|edit|rename|remove|delete|refactor|implement|update|run|install|commit"
    r"|make|move|replace|build|test|generate|convert|translate)\b",
    re.IGNORECASE,
)
PATH = re.compile(
    r"(?:^|[\s`\"'(])@?((?:[\w.-]+/)+[\w.-]+|[\w-]+\.(?:py|js|ts|tsx|go|rs|c|h|java|rb|md|toml|json|yaml|yml))\b"
)
LEADING = re.compile(
    r"^\W*(where (is|are|does|do)|what (calls|uses|is|are|does)|who (calls|imports|uses)|how (does|do|is|are)|"
    r"show me|find|which|why|search for|look for)\s+(the\s+)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in the code: `line` is 0 for a whole file."""

    path: str
    line: int
    kind: str
    text: str


def scout_model() -> Model:
    return FunctionModel(stream_function=_reply, model_name="scout")


async def _reply(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str | dict[int, DeltaToolCall]]:
    prompt, since = _last_prompt(messages)
    tools = {tool.name for tool in info.function_tools}
    replies = sum(isinstance(message, ModelResponse) for message in since)
    results = _results(since)
    if GREETING.match(prompt) or not prompt.strip():
        yield f"{HELP}\n\n{NO_MODEL}"
        return
    if replies == 0:
        calls = first_calls(prompt, tools)
    elif replies == 1:
        calls = second_calls(prompt, results, tools)
    else:
        calls = []
    if calls:
        for index, (name, args) in enumerate(calls):
            yield {index: DeltaToolCall(name, json.dumps(args), tool_call_id=f"scout_{len(messages)}_{index}")}
        return
    # A few pieces, as a model streams: the views show it as it comes.
    for piece in re.findall(r".{1,400}(?:\n|$)|.{400}", answer(prompt, results, _single_reads(since)), re.DOTALL):
        yield piece


# --- what it asks for --------------------------------------------------------------------------------------------


def first_calls(prompt: str, tools: set[str]) -> list[tuple[str, dict[str, object]]]:
    """Return the calls for a prompt: searches of several wordings, the files it names, a listing for an overview."""
    calls: list[tuple[str, dict[str, object]]] = []
    paths = _paths(prompt)
    if "search" in tools:
        calls += [("search", {"query": text, "limit": 10}) for text in _queries(prompt)]
    if paths and "read" in tools:
        calls.append(("read", {"files": [{"path": path, "line_count": 60} for path in paths[:4]]}))
    if OVERVIEW.search(prompt):
        if "list" in tools:
            calls.append(("list", {"path": "."}))
        if "search" in tools:
            calls.append(("search", {"query": "README", "kinds": ["files"]}))
    return calls


def _queries(prompt: str) -> list[str]:
    """Return the searches worth making, most exact first, at most four."""
    text = " ".join(prompt.split())[:LONGEST_QUERY].strip()
    bare = LEADING.sub("", text).strip(" ?!.")
    found = list(queries.names_in(text)[:3])
    found += [match for match in NAMED.findall(text) if match.lower() not in queries.STOP_WORDS]
    importing = re.search(r"\b(?:who|what|which \w+) imports? ([\w./:-]+)", text, re.IGNORECASE)
    if importing:
        found.insert(0, f"import {importing.group(1)}")
    if len(text.split()) == 1 or queries.classify(text) in (Shape.REGEX, Shape.IMPORT, Shape.LITERAL, Shape.QUALIFIED):
        found.insert(0, text)
    elif len(bare.split()) == 1 and bare:
        found.insert(0, bare)
    else:
        found.append(text)
    return list(dict.fromkeys(found))[:4]


def _paths(prompt: str) -> list[str]:
    return list(dict.fromkeys(path.strip(".") for path in PATH.findall(prompt)))


def second_calls(
    prompt: str, results: Sequence[ToolReturnPart], tools: set[str]
) -> list[tuple[str, dict[str, object]]]:
    """Return one read of the lines around the best places."""
    if "read" not in tools:
        return []
    windows = []
    for place in places(results)[:MOST_PLACES]:
        if place.line:
            windows.append(
                {"path": place.path, "first_line": max(1, place.line - AROUND // 2), "line_count": 2 * AROUND + 1}
            )
        elif len(windows) < 2 and not _paths(prompt):
            windows.append({"path": place.path, "line_count": 25})
    return [("read", {"files": windows})] if windows else []


# --- what it makes of the results --------------------------------------------------------------------------------


def places(results: Sequence[ToolReturnPart]) -> list[Place]:
    """Return what the searches found, taking turns between them, each file once."""
    columns = [_parse_hits(part) for part in results if part.tool_name == "search" and part.outcome == "success"]
    merged: dict[str, Place] = {}
    for rank in range(max((len(column) for column in columns), default=0)):
        for column in columns:
            if rank < len(column):
                merged.setdefault(column[rank].path, column[rank])
    return list(merged.values())


def _parse_hits(part: ToolReturnPart) -> list[Place]:
    found = []
    for line in str(part.content).splitlines():
        match = PLACE.match(line)
        if match and (match["line"] or match["kind"] == "file"):
            found.append(Place(match["path"], int(match["line"] or 0), match["kind"], match["text"] or ""))
    return found


def answer(prompt: str, results: Sequence[ToolReturnPart], single: Mapping[str, str]) -> str:
    """Return the answer in Markdown: the places with their lines, best first, and that no model is there.

    `single`: the path of each `read` call of one file, by the call's id.
    """
    found = places(results)
    blocks: list[str] = []
    if CHANGE.match(prompt):
        blocks.append("I cannot change or run anything without a language model. These places belong to it:")
    windows = _windows(results, single)
    shown = 0
    for place in found[:MOST_PLACES]:
        where = f"`{place.path}:{place.line}`" if place.line else f"`{place.path}`"
        kind = "" if place.kind in ("content", "file") else f" · {place.kind}"
        blocks.append(f"**{where}**{kind}")
        lines = windows.get((place.path, place.line)) or ([place.text] if place.text else [])
        if lines:
            blocks.append(_fenced(lines, place.path))
        shown += 1
    blocks += _named_files(prompt, results, single, {place.path for place in found[:MOST_PLACES]})
    blocks += _listings(results)
    if not blocks:
        failed = [str(part.content) for part in results if part.outcome != "success"]
        blocks.append(
            f"I found nothing for this. {failed[0]}" if failed else "I found nothing for this in the project."
        )
    rest = [f"`{place.path}:{place.line}`" if place.line else f"`{place.path}`" for place in found[shown : shown + 8]]
    if rest:
        blocks.append("Also: " + ", ".join(rest))
    return "\n\n".join([*blocks, NO_MODEL])


def _windows(results: Sequence[ToolReturnPart], single: Mapping[str, str]) -> dict[tuple[str, int], list[str]]:
    """Return the numbered lines that were read, by path and by each line in them; by line 0 the first of a file."""
    windows: dict[tuple[str, int], list[str]] = {}
    for part in results:
        if part.tool_name != "read" or part.outcome != "success":
            continue
        for path, lines in _read_blocks(part, single).items():
            for window in lines:
                windows.setdefault((path, 0), [f"{n:>5}  {text}" for n, text in window[:40]])
                for number, _ in window:
                    windows.setdefault((path, number), [f"{n:>5}  {text}" for n, text in window])
    return windows


def _read_blocks(part: ToolReturnPart, single: Mapping[str, str]) -> dict[str, list[list[tuple[int, str]]]]:
    """Return the windows of a `read` result by path. One of a single file has no header; its path is in the call."""
    blocks: dict[str, list[list[tuple[int, str]]]] = {}
    path = single.get(part.tool_call_id)
    window: list[tuple[int, str]] = []
    for line in [*str(part.content).splitlines(), "== =="]:
        header = re.match(r"^== (.*) ==$", line)
        if header or line == "== ==":
            if window and path is not None:
                blocks.setdefault(path, []).append(window)
            path, window = (header[1] if header else None), []
        elif (numbered := NUMBERED.match(line)) is not None:
            window.append((int(numbered[1]), numbered[2]))
    return blocks


def _named_files(
    prompt: str, results: Sequence[ToolReturnPart], single: Mapping[str, str], already: set[str]
) -> list[str]:
    named = _paths(prompt)
    blocks = []
    for part in results:
        if part.tool_name != "read" or part.outcome != "success":
            continue
        for path, windows in _read_blocks(part, single).items():
            if path in named and path not in already:
                lines = [f"{number:>5}  {text}" for number, text in windows[0][:40]]
                blocks += [f"**`{path}`**", _fenced(lines, path)]
                already.add(path)
    return blocks


def _listings(results: Sequence[ToolReturnPart]) -> list[str]:
    listings = [str(part.content) for part in results if part.tool_name == "list" and part.outcome == "success"]
    return [_fenced(listing.splitlines()[:40], "") for listing in listings]


def _fenced(lines: Sequence[str], path: str) -> str:
    language = path.rsplit(".", 1)[-1] if "." in path.rsplit("/", 1)[-1] else "text"
    body = "\n".join(lines)
    fence = "```" + "`" * max((len(run) - 2 for run in re.findall(r"`{3,}", body)), default=0)
    return f"{fence}{language}\n{body}\n{fence}"


# --- the conversation --------------------------------------------------------------------------------------------


def _last_prompt(messages: Sequence[ModelMessage]) -> tuple[str, Sequence[ModelMessage]]:
    """Return the newest prompt, and the messages since."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if not isinstance(message, ModelRequest):
            continue
        texts = [part.content for part in message.parts if isinstance(part, UserPromptPart)]
        said = [text for text in texts if isinstance(text, str)]
        if said:
            return said[-1], messages[index:]
    return "", ()


def _single_reads(messages: Sequence[ModelMessage]) -> dict[str, str]:
    """Return the path of each `read` call of one file, by the call's id: the text of its result does not say it."""
    single: dict[str, str] = {}
    for message in messages:
        for part in message.parts if isinstance(message, ModelResponse) else ():
            if isinstance(part, ToolCallPart) and part.tool_name == "read":
                files = part.args_as_dict().get("files", [])
                if len(files) == 1:
                    single[part.tool_call_id] = str(files[0].get("path", ""))
    return single


def _results(messages: Sequence[ModelMessage]) -> list[ToolReturnPart]:
    return [
        part
        for message in messages
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]
