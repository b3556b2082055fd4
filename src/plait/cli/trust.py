"""`plait trust`: what this directory's own settings would switch on, and whether they may."""

from __future__ import annotations

import json
from itertools import groupby

from plait.cli.flags import Parsed
from plait.cli.start import begin
from plait.cli.terminal import put
from plait.config.trust import Trust, forget, remember
from plait.protocol.display import sanitise_line, sanitise_path
from plait.protocol.errors import UserError


def run(parsed: Parsed) -> int:
    """Show, or take an answer. Raises UserError."""
    loaded = begin(parsed).loaded
    trust, state = loaded.trust, loaded.directories.state
    match parsed.words:
        case []:
            _show(trust, as_json=parsed.has("json"))
        case ["yes" | "no" as answer]:
            if not trust.grants:
                raise UserError(f"`{trust.project}` has no settings of its own that would need to be trusted.")
            for line in listing(trust):
                put(f"{line}\n")
            remember(trust, state, trusted=answer == "yes")
            put("trusted\n" if answer == "yes" else "not trusted\n")
        case ["forget"]:
            put("forgotten\n" if forget(trust.project, state) else "nothing was remembered of this directory\n")
        case words:
            raise UserError(f"`plait trust`: expected `yes`, `no` or `forget`; found `{' '.join(words)}`.")
    return 0


def _show(trust: Trust, *, as_json: bool) -> None:
    if as_json:
        grants = [{"name": grant.name, "value": grant.value, "origin": grant.origin} for grant in trust.grants]
        put(json.dumps({"directory": str(trust.project), "state": trust.state, "grants": grants}) + "\n")
        return
    put(f"{in_words(trust)}\n")
    for line in listing(trust):
        put(f"{line}\n")


def in_words(trust: Trust) -> str:
    """Say in one line how this directory stands."""
    directory = sanitise_line(str(trust.project))
    count = sum(not grant.inherited for grant in trust.grants)
    own = [f"{count} setting{'s' * (count > 1)} of its own"] if count else []
    what = " and ".join([*own, *(grant.value for grant in trust.grants if grant.inherited)])
    match trust.state:
        case "nothing":
            return f"{directory}: nothing of its own that would need to be trusted"
        case "trusted":
            return f"{directory}: trusted, {what} in force"
        case "declined":
            return f"{directory}: not trusted, {what} not in force"
        case "unasked":
            return f"{directory}: not trusted yet, {what} not in force (`plait trust yes` or `no` settles it)"


def listing(trust: Trust) -> list[str]:
    """Return what would be switched on, by file, as lines that are safe to show."""
    lines = []
    for origin, grants in groupby(trust.grants, key=lambda grant: grant.origin):
        lines.append(sanitise_line(origin))
        lines += [f"  {sanitise_path(grant.words)}" for grant in grants]
    return lines
