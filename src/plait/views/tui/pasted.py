"""What a terminal pastes, as the text that was meant. Pure."""

from __future__ import annotations

import re

# Replies of the terminal that arrive too late to be recognised, and broken mouse reports.
STRAY = re.compile(r"\x1b\]1[01];rgb:[0-9a-fA-F/]*(?:\x07|\x1b\\)?|\x1b\[<[\d;NaN.]*[Mm]?")
SURROGATE = re.compile("[\ud800-\udfff]")


def pasted_text(raw: str) -> str:
    """Return pasted text with `\\n` for each line end: terminals send CR, as if Enter had been pressed, or CR LF.

    A lone surrogate, of a byte that an editor wrote in another encoding, is U+FFFD: no service takes it.
    """
    text = STRAY.sub("", raw).replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() else SURROGATE.sub("\ufffd", text)


def line_count(text: str) -> int:
    """Return how many lines there are; one that ends the last line begins no other."""
    return text.count("\n") + (not text.endswith("\n"))
