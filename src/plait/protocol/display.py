"""The one sanitiser: text from outside becomes text that is safe to show. Pure.

Whatever a terminal would act on is shown instead: control characters as their pictures (U+2400 block), C1 controls,
bidirectional, invisible and misused joining characters as `<U+202E>`. Letters that pass for others are marked in the
same way, in prose only where a word mixes alphabets, in paths and commands wherever they could be read as ASCII.
Used at display only; the log, the model and edits see the real text. See UTR #36, UTS #39 and CVE-2021-42574.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# C0 (tab and newline are looked at apart), DEL, C1, soft hyphen, bidi controls, zero-width, filling and invisible
# characters, line and paragraph separators, variation selectors, notation and shorthand controls, tags, the BOM,
# lone surrogates, non-characters.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\U0001fffe\U0001ffff\U0002fffe\U0002ffff\U0003fffe\U0003ffff\U0010fffe\U0010ffff]"
)
PLAIN = re.compile(r"[\x20-\x7e\n]*\Z")
TAB = "    "
GAP = 40
"""So many blanks in a row may push what follows out of sight."""
EMPTY_LINES = 12
LONG_GAP = re.compile(f"[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]{{{GAP},}}")
WIDE_GAP = 120
"""The same where lines are as wide as a terminal, and programs print columns."""
SPACES = " " * GAP
LONG_PAUSE = re.compile(f"\n(?:[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]*\n){{{EMPTY_LINES},}}")
# Alphabets that join their letters, or not, by U+200C and U+200D: Arabic and its kin, those of India and its east.
JOINING = (
    (0x620, 0x7FF), (0x840, 0xDFF), (0xF00, 0x109F), (0x1780, 0x18AF), (0xFB50, 0xFDCF), (0xFE70, 0xFEFC),
)  # fmt: skip
PICTURES = (
    (0xA9, 0xA9), (0xAE, 0xAE), (0x203C, 0x203C), (0x2049, 0x2049), (0x2122, 0x2122), (0x2139, 0x2139),
    (0x2190, 0x21FF), (0x2300, 0x27BF), (0x2900, 0x297F), (0x2B00, 0x2BFF), (0x3030, 0x303D), (0x3297, 0x3299),
    (0x1F000, 0x1FAFF),
)  # fmt: skip
BRAILLE = ((0x2801, 0x28FF),)
# England, Scotland, Wales: the only flags that are written in tags.
FLAGS = tuple("\U0001f3f4\U000e0067\U000e0062" + tags + "\U000e007f" for tags in (
    "\U000e0065\U000e006e\U000e0067", "\U000e0073\U000e0063\U000e0074", "\U000e0077\U000e006c\U000e0073",
))  # fmt: skip


def sanitise(text: str, *, keep_newlines: bool = True) -> str:
    """Return `text` with everything made visible that a terminal or an eye could be fooled by.

    A carriage return before a newline goes; a tab becomes four spaces; without `keep_newlines` a newline is shown too.
    """
    if PLAIN.match(text):
        return _spaced(text if keep_newlines else text.replace("\n", "\u240a"))
    return _made_visible(text, exact=False, keep_newlines=keep_newlines)


def sanitise_line(text: str) -> str:
    """Return `text` as one safe line."""
    return sanitise(text, keep_newlines=False)


def sanitise_output(line: str) -> str:
    """Return one line of what a program printed as one safe line: it may align with blanks, but hide nothing behind."""
    if PLAIN.match(line) and "\n" not in line:
        return _spaced(line, WIDE_GAP)
    return _made_visible(line, exact=False, keep_newlines=False, gap=WIDE_GAP)


def sanitise_command(text: str) -> str:
    """Return a command, or whatever else is read letter by letter, so that nothing in it looks like something else."""
    shown = _spaced(text) if PLAIN.match(text) else _made_visible(text, exact=True, keep_newlines=True)
    # Prose may have them, and where it is Markdown they are not drawn.
    return LONG_PAUSE.sub(_marked_pause, shown)


def sanitise_path(text: str) -> str:
    """Return the name of a file, a branch, a host or a rule as one line in which nothing looks like something else."""
    if PLAIN.match(text) and "\n" not in text:
        return _spaced(text)
    return _made_visible(text, exact=True, keep_newlines=False)


def sanitise_in_place(text: str) -> str:
    """Return `text` with a visible character in the place of each unsafe one but tabs, so that columns stay true."""
    return UNSAFE.sub(_stand_in, text)


def is_safe(text: str) -> bool:
    """True if nothing in `text` acts on a terminal or is invisible, tabs and newlines aside."""
    return all(_belongs(match) for match in UNSAFE.finditer(text))


def _made_visible(text: str, *, exact: bool, keep_newlines: bool, gap: int = GAP) -> str:
    text = text.replace("\r\n", "\n").replace("\t", TAB)
    if not keep_newlines:
        text = text.replace("\n", "\u240a")
    if not text.isascii():
        # Their tables take longer to make than everything else that `--version` does.
        from plait.protocol.combining import counted
        from plait.protocol.lookalikes import in_command, in_prose

        text = counted(_marked(text, in_command(text) if exact else in_prose(text)))
    return _spaced(UNSAFE.sub(_shown, text), gap)


def _spaced(text: str, gap: int = GAP) -> str:
    """Say blanks that are at least `gap` long instead of showing them."""
    # A regex is slow beside a look for a string that all its matches hold.
    if SPACES in text or (not text.isascii() and LONG_GAP.search(text)):
        text = LONG_GAP.sub(lambda match: match[0] if len(match[0]) < gap else _marked_gap(match), text)
    return text


def _marked(text: str, places: Iterable[int]) -> str:
    out, start = [], 0
    for place in places:
        out += [text[start:place], f"<U+{ord(text[place]):04X}>"]
        start = place + 1
    return "".join([*out, text[start:]]) if out else text


def _belongs(match: re.Match[str]) -> bool:
    """True of the few of these characters that spelling needs, where it needs them."""
    char, text, place = match.group(), match.string, match.start()
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    match char:
        case "\u200c" | "\u200d":
            if _is_in(JOINING, before):
                return _is_in(JOINING, after) or (char == "\u200d" and unicodedata.combining(before) == 9)
            return char == "\u200d" and _is_in(PICTURES, after) and _is_picture(text, place)
        case "\ufe0e" | "\ufe0f":
            return _is_in(PICTURES, before) or (before in "#*0123456789" and before != "" and after == "\u20e3")
        case "\u2800":
            return _is_in(BRAILLE, before) or _is_in(BRAILLE, after)
    if "\U000e0020" <= char <= "\U000e007f":
        start = text.rfind("\U0001f3f4", max(0, place - 6), place)
        return start >= 0 and text.startswith(FLAGS, start)
    return False


def _is_picture(text: str, place: int) -> bool:
    """True if a picture, with its colour or its selector, ends at `place`."""
    return (_is_in(PICTURES, text[place - 1 : place])) or (
        text[place - 1 : place] == "\ufe0f" and _is_in(PICTURES, text[max(0, place - 2) : place - 1])
    )


def _is_in(ranges: tuple[tuple[int, int], ...], char: str) -> bool:
    return char != "" and any(first <= ord(char) <= last for first, last in ranges)


def _stand_in(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code > 0x9F and _belongs(match):
        return match.group()
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def _shown(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if code > 0x9F and _belongs(match):
        return match.group()
    if 0xDC80 <= code <= 0xDCFF:
        # A byte of a file name that is not UTF-8, as Python keeps it.
        return f"<{code - 0xDC00:02X}>"
    return f"<U+{code:04X}>"


def _marked_gap(match: re.Match[str]) -> str:
    """A gap so long that what follows would be out of sight is said, not shown."""
    return f" <{len(match.group())} spaces> "


def _marked_pause(match: re.Match[str]) -> str:
    return f"\n<{match.group().count(chr(10)) - 1} empty lines>\n"
