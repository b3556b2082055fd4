"""Make a line that failed as short as it can be while it still fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from benchmarks.commands.unasked.lines import Line

MAX_TRIES = 120
TOKEN = re.compile(r"\s+|\$\(|[;|&(){}<>\"'`]|[^\s;|&(){}<>\"'`$]+|\$")


def shrunk(line: Line, still_fails: Callable[[Line], bool]) -> Line:
    tries = MAX_TRIES
    tokens = TOKEN.findall(line.text)
    size = max(1, len(tokens) // 2)
    while size and tries:
        at, found = 0, False
        while at < len(tokens) and tries:
            shorter = tokens[:at] + tokens[at + size :]
            tries -= 1
            if shorter and still_fails(replace(line, text="".join(shorter))):
                tokens, found = shorter, True
            else:
                at += size
        if not found or size > 1:
            size = size // 2 if not found or size > 1 else 0
        if size == 0 and found:
            size = 1
    line = replace(line, text="".join(tokens))
    for name in line.files:
        without = replace(line, files={other: text for other, text in line.files.items() if other != name})
        if still_fails(without):
            line = without
    return line
