"""A call's arguments as a text that the user edits, and back. Pure."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from plait.protocol.events import ApprovalAsked

PLAIN_FIELDS = {"shell": "command", "propose_plan": "plan"}
"""Of these tools one argument is edited, as plain text."""


class BadArguments(ValueError):
    """The text cannot be taken. `at` is where, as (line, column), both from 0."""

    def __init__(self, message: str, at: tuple[int, int] = (0, 0)) -> None:
        super().__init__(message)
        self.at = at


def edited_text(asked: ApprovalAsked) -> str:
    """Return the arguments as they are edited: the plain text of a command or a plan, else JSON."""
    field = _plain_field(asked)
    return str(asked.args[field]) if field is not None else json.dumps(asked.args, indent=2, ensure_ascii=False)


def edited_args(asked: ApprovalAsked, text: str) -> dict[str, Any]:
    """Return the arguments from their edited text. Raises BadArguments."""
    field = _plain_field(asked)
    if field is not None:
        return {**asked.args, field: text}
    try:
        value = json.loads(text, parse_constant=_refuse)
        # A lone surrogate, written as an escape, cannot be sent or kept.
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise BadArguments(
            f"this is not JSON: {error.msg} (line {error.lineno}, column {error.colno})",
            (error.lineno - 1, error.colno - 1),
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadArguments(f"this is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadArguments("the arguments must be a JSON object: {…}")
    return value


def _plain_field(asked: ApprovalAsked) -> str | None:
    field = PLAIN_FIELDS.get(asked.name)
    return field if field is not None and isinstance(asked.args.get(field), str) else None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"`{word}` is no number in JSON")
