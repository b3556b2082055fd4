"""`plait config`: every setting with its value and where that came from."""

from __future__ import annotations

import json

from plait.cli.flags import Parsed
from plait.cli.start import begin
from plait.cli.terminal import put, tell
from plait.protocol.errors import UserError


def run(parsed: Parsed) -> int:
    loaded = begin(parsed).loaded
    for warning in loaded.warnings:
        tell(f"warning: {warning}")
    values = loaded.values
    if parsed.words:
        [name, *_] = parsed.words
        values = tuple(value for value in values if name in (value.name, value.name.partition(".")[0]))
        if not values and name not in ("permissions", "permissions.allow", "permissions.ask", "permissions.deny"):
            raise UserError(f"`{name}` is not a setting; `plait config` lists them all.")
    if parsed.has("json"):
        entries = [{"name": value.name, "value": value.value, "origin": value.origin} for value in values]
        put(json.dumps(entries, ensure_ascii=False, indent=2) + "\n")
        return 0
    width = max((len(value.name) for value in values), default=0)
    for value in values:
        # One line each, whatever a prompt of several lines holds.
        put(f"{value.name:<{width}}  {' ⏎ '.join(value.value.splitlines())}  ({value.origin})\n")
    return 0
