"""Answers that must meet a JSON Schema (`--json-schema`): read the answer, check it, or say what is wrong with it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from plait.protocol.errors import UserError

FENCE = re.compile(r"```(?:json)?\s*\n(.*?)\n\s*```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The answer does not meet the schema; `text` says why in one line."""

    text: str

    @property
    def prompt(self) -> str:
        return (
            f"Your answer does not meet the required JSON Schema: {self.text}. Answer again with the JSON value only."
        )


def instruction(schema: dict[str, Any]) -> str:
    return (
        "Your last message must be one JSON value that meets this JSON Schema, with nothing around it:\n"
        + json.dumps(schema, separators=(",", ":"))
    )


def read_schema(text: str) -> dict[str, Any]:
    """Parse and check a schema. Raises UserError with one line."""
    # Only runs with a schema pay for the validator.
    import jsonschema

    try:
        schema = json.loads(text)
        if not isinstance(schema, dict):
            raise UserError("`--json-schema`: expected a JSON object that is a JSON Schema, found something else.")
        jsonschema.validators.validator_for(schema).check_schema(schema)
    except (ValueError, RecursionError) as error:
        raise UserError(f"`--json-schema`: not JSON: {error}.") from error
    except jsonschema.SchemaError as error:
        raise UserError(f"`--json-schema`: not a JSON Schema: {error.message}.") from error
    return schema


def parse_structured(answer: str, schema: dict[str, Any]) -> str | Mismatch:
    """Return the JSON text of an answer that meets `schema` (bare, or in a fence), or what is wrong with it."""
    import jsonschema  # As in `read_schema`.

    fenced = FENCE.findall(answer)
    for candidate in (answer, *reversed(fenced)):
        try:
            value = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        error = jsonschema.validators.validator_for(schema)(schema).iter_errors(value)
        first = next(error, None)
        return (
            json.dumps(value, ensure_ascii=False) if first is None else Mismatch(f"{first.json_path}: {first.message}")
        )
    return Mismatch("it is not JSON")
