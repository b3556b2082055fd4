"""The one sanitiser: text of tools, models and repositories becomes text that is safe to show. Pure."""

from __future__ import annotations

import re

# Whole escape sequences go, not only their first character: CSI, OSC and the other strings, two-character ones
# (ECMA-48, 5.3-5.6), with 7-bit and 8-bit introducers.
_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]?"
)
# Controls, and what reorders or hides text without being seen (Unicode Bidirectional Algorithm, UAX #9).
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")


def sanitise(text: str, *, keep_newlines: bool = True) -> str:
    """Return `text` without anything that could drive a terminal or disguise what is shown.

    Tabs stay. Without `keep_newlines` it becomes one line. Surrogates (bytes that are not UTF-8) become `�`.
    """
    text = text.replace("\r\n", "\n")
    if "\x1b" in text or not text.isascii():
        text = _SEQUENCE.sub("", text)
    text = _INVISIBLE.sub("", text)
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8") if _has_surrogates(text) else text
    return text if keep_newlines else " ".join(text.split("\n"))


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)
