"""The one sanitiser: text from outside becomes text that is safe to show. Pure.

Whatever a terminal would act on is shown instead: control characters as their pictures (U+2400 block), C1 controls,
bidirectional and zero-width characters as `<U+202E>`. Used at display only; the log, the model and edits see the
real text. See UTR #36 and CVE-2021-42574 for the why.
"""

from __future__ import annotations

import re

# C0 (tab and newline are looked at apart), DEL, C1, soft hyphen, bidi controls, zero-width and invisible characters,
# line and paragraph separators, variation selectors beyond emoji's, tags, the BOM, lone surrogates, non-characters.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
PLAIN = re.compile(r"[\x20-\x7e\n]*\Z")
TAB = "    "
LONG_GAP = re.compile(r"(?<=\S)[ \u00a0\u2000-\u200a\u3000]{40,}(?=\S)")


def sanitise(text: str, *, keep_newlines: bool = True) -> str:
    """Return `text` with everything made visible that a terminal or an eye could be fooled by.

    A carriage return before a newline goes; a tab becomes four spaces; without `keep_newlines` a newline is shown too.
    """
    if PLAIN.match(text) and (keep_newlines or "\n" not in text):
        return LONG_GAP.sub(_marked_gap, text) if "  " * 20 in text else text
    text = text.replace("\r\n", "\n").replace("\t", TAB)
    if not keep_newlines:
        text = text.replace("\n", "\u240a")
    return LONG_GAP.sub(_marked_gap, UNSAFE.sub(_shown, text))


def sanitise_line(text: str) -> str:
    """Return `text` as one safe line."""
    return sanitise(text, keep_newlines=False)


def sanitise_in_place(text: str) -> str:
    """Return `text` with a visible character in the place of each unsafe one but tabs, so that columns stay true."""
    return UNSAFE.sub(_stand_in, text)


def _stand_in(match: re.Match[str]) -> str:
    code = ord(match.group())
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def _shown(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xDC80 <= code <= 0xDCFF:
        # A byte of a file name that is not UTF-8, as Python keeps it.
        return f"<{code - 0xDC00:02X}>"
    return f"<U+{code:04X}>"


def _marked_gap(match: re.Match[str]) -> str:
    """A gap so long that what follows would be out of sight is said, not shown."""
    return f" <{len(match.group())} spaces> "
