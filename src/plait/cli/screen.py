"""Open the screen: checks that there is one, and starts the session beside it."""

from __future__ import annotations

from plait.cli.flags import Parsed
from plait.cli.start import begin, opening, prompt_of
from plait.cli.terminal import tell
from plait.config.settings import environment
from plait.protocol.errors import UserError

ONLY_PRINT = ("output-format", "input-format", "include-partial-messages", "json-schema", "output")


def run(parsed: Parsed) -> int:
    """Run until the user quits. Raises UserError if this terminal will not do."""
    for key in ONLY_PRINT:
        if parsed.has(key):
            raise UserError(f"`{parsed.given[key].spelled}` needs `--print`.")
    if environment().get("TERM") == "dumb":
        raise UserError('`TERM=dumb`: this terminal cannot show the screen; use `plait --print "…"`.')
    chosen = opening(parsed)
    prompt = prompt_of(parsed)
    started = begin(parsed)
    for warning in started.loaded.warnings:
        tell(f"warning: {warning}")
    raise NotImplementedError(chosen, prompt)
