"""Letters and marks that pass for others: which letters of a word are not what they look like. Pure.

The table is that of Unicode's UTS #39 (confusables.txt 15), cut down to single letters that pass for an ASCII letter.
What is shown in their place is `protocol.display`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

# By script: the letters, and under each the ASCII letter it passes for.
TABLE: dict[str, tuple[str, str]] = {
    "CYRILLIC": (
        "ЅІЈАВЕКМНОРСТУХЬагеорсухѕіјѡѴѵҮүһҽӀӏԁԌԛԜԝꙇ",
        "SlJABEKMHOPCTYXbareopcyxsijwVvYyhelidGqWwi",
    ),
    "GREEK": (
        "ͺͿΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγινορσυϒϜϱϲϳϹϺᴦι",
        "iJABEZHlKMNOPTYXayivopouYFpcjCMri",
    ),
    "ARMENIAN": (
        "ՍՏՕագզհոռսցքօ",
        "USOwqqhnnugfo",
    ),
    "CHEROKEE": (
        "ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏧᏳᏴꭵꮁꮃꮓꮩꮪꮯ",
        "DRTiYAJEWMHYGhZbRWSVSLCPKdGBirwzvsc",
    ),
    "COPTIC": (
        "ⲅⲎⲒⲔⲘⲚⲞⲟⲢⲣⲤⲥⲦⲨⲬⳐ",
        "rHlKMNOoPpCcTYXL",
    ),
    "LISU": (
        "ꓐꓑꓒꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ",
        "BPdDTGKJCZFMNLSRVHWXYAElOU",
    ),
    "GEORGIAN": (
        "ყჿ",
        "yo",
    ),
    "DESERET": (
        "𐐄𐐕𐐛𐐠𐐬𐐽𐑈",
        "OCLSocs",
    ),
    "CANADIAN": (
        "ᐯᑌᑭᑯᑲᒍᒪᕁᕼᕽᖇᖯᖴᗅᗞᗪᗰᗷ",
        "VUPdbJLxHxRbFADDMB",
    ),
    "TIFINAGH": (
        "ⴸⴹⵏⵔⵕⵝ",
        "VElOQX",
    ),
    "RUNIC": (
        "ᚷᛁᛕᛖ",
        "XlKM",
    ),
    "OSAGE": (
        "𐒴𐓂𐓎𐓪𐓶",
        "ROUou",
    ),
}
FOREIGN = {letter: ascii_ for letters, asciis in TABLE.values() for letter, ascii_ in zip(letters, asciis, strict=True)}
# Not in the table, and alike enough in the fonts of terminals.
NEARLY = frozenset("вгикмнптїёԁԍґқңһҝҟӏ")
# Latin letters of phonetic alphabets and the like; Turkish and African ones are left out.
ODD_LATIN = frozenset("ɑɡɩɪɯʋʏᴄᴏᴑᴜᴠᴡᴢᶃᶌꜱꞟꬲꬵꬽꭇꭈꭎꭒꭚ")
# Whole alphabets of forms: full width, mathematical, roman numerals, ligatures.
FORMS = (
    "\uff21-\uff3a\uff41-\uff5a\uff10-\uff19\U0001d400-\U0001d7ff\u2160-\u217f\u210a-\u2139\u2145-\u2149\ufb00-\ufb06"
)
# Pass for the marks that a shell or a path is made of.
MARKS = (
    "\u2044\u2215\u29f8\u29f5\ufe68\uff0f\uff3c"  # / \
    "\u2024\ufe52\uff0e\u0701\u0702"  # .
    "\u037e\u061b\ufe54\uff1b"  # ;
    "\u01c0\u2223\u2758\uff5c\uffe8"  # |
    "\ufe60\uff06\ufe69\uff04\uff1e\ufe65\uff1c\ufe64"  # & $ > <
    "\u0589\u05c3\u0703\u2236\ua789\ufe55\uff1a\u02d0"  # :
    "\uff08\uff09\uff40\uff5e\uff0a\u2217\ufe61\uff1f"  # ( ) ` ~ * ?
    "\u01c3\uff01\uff20\ufe6b\uff03\ufe5f\uff1d"  # ! @ # =
)
BLANKS = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
# What stands beside full-width letters, marks and blanks where they are at home.
CJK = (
    (0x1100, 0x11FF), (0x2E80, 0x2FFF), (0x3001, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0xFF66, 0xFFFF),
    (0x20000, 0x3FFFF),
)  # fmt: skip
WORD = re.compile("[^\\W_](?:[^\\W_]|[\u0300-\u036f])*")
# Two alphabets side by side; digits may stand between them. Most texts have none, and are done with.
SEAM = re.compile("[A-Za-z][0-9]*[^\x00-\x7f]|[^\x00-\x7f][0-9]*[A-Za-z]")
# Where the name of a program stands.
COMMAND_START = re.compile(r"(?:^|[\n;&|(`{]|\$\()\s*(?:[./~][\w./~-]*/)?\Z")


def in_prose(text: str) -> Iterator[int]:
    """Yield the places of letters that pass for those of the alphabet around them, in their order.

    Only words are looked at in which every letter of the lesser alphabet could be missed: `SQLом` is seen at once.
    """
    if SEAM.search(text) is None:
        return
    for word in WORD.finditer(text):
        letters = word.group()
        if not letters.isascii():
            yield from (word.start() + place for place in _mixed(letters, exact=False))


def in_command(text: str) -> Iterator[int]:
    """Yield the places of whatever passes for something else in a path or a command, in their order.

    Beside mixed words these are whole words that could be read as ASCII, unless other words in the text show that
    its language is written so; marks and blanks that are not the shell's; a name of a program in any other alphabet.
    """
    places = {match.start() for match in _false_marks().finditer(text) if not _at_home(text, match.start())}
    for match in _false_dashes().finditer(text):
        places.update(range(*match.span()))
    words = [word for word in WORD.finditer(text) if not word.group().isascii()]
    whole = {word.start() for word in words if all(char in FOREIGN for char in word.group() if not char.isdigit())}
    at_home = {_script(char) for word in words for char in word.group() if _is_plainly_foreign(char)}
    for word in words:
        letters, start = word.group(), word.start()
        if start in whole:
            script = next((_script(char) for char in letters if char in FOREIGN), "")
            if script not in at_home or COMMAND_START.search(text[max(0, start - 200) : start]):
                places.update(range(start, word.end()))
            continue
        places.update(start + place for place in _mixed(letters, exact=True))
        places.update(
            start + place for place, char in enumerate(letters) if _is_form(char) and not _at_home(text, start + place)
        )
    yield from sorted(places)


def _mixed(letters: str, *, exact: bool) -> list[int]:
    """Return the places of the lesser alphabet in a word of two; none if the word is of one."""
    latin = [place for place, char in enumerate(letters) if char.isascii() and char.isalpha()]
    foreign = [place for place, char in enumerate(letters) if not char.isascii() and char.isalpha()]
    alike = [place for place in foreign if _is_alike(letters[place]) or (exact and letters[place] in NEARLY)]
    if not latin or not alike:
        return []
    others = [place for place in foreign if _script(letters[place])]
    # What could be read as ASCII throughout is marked where it is not; else the smaller part is the stranger.
    if len(others) > len(latin) and not all(letters[place] in FOREIGN for place in others):
        asciis = set(TABLE.get(_script(letters[others[0]]), ("", ""))[1])
        strangers = [place for place in latin if letters[place] in asciis]
        return strangers if exact or len(strangers) == len(latin) else []
    if not exact and sum(1 for place in alike if _script(letters[place])) < len(others):
        return []
    return alike


def _script(char: str) -> str:
    """Return the script of a letter if it is one that looks like Latin, else an empty text."""
    code = ord(char)
    for script, first, last in RANGES:
        if first <= code <= last:
            return script
    return ""


RANGES = (
    ("GREEK", 0x370, 0x3FF), ("CYRILLIC", 0x400, 0x52F), ("ARMENIAN", 0x530, 0x58F), ("GEORGIAN", 0x10A0, 0x10FF),
    ("CHEROKEE", 0x13A0, 0x13FF), ("CANADIAN", 0x1400, 0x167F), ("RUNIC", 0x16A0, 0x16FF), ("GREEK", 0x1F00, 0x1FFF),
    ("COPTIC", 0x2C80, 0x2CFF), ("TIFINAGH", 0x2D30, 0x2D7F), ("CYRILLIC", 0x2DE0, 0x2DFF), ("LISU", 0xA4D0, 0xA4FF),
    ("CYRILLIC", 0xA640, 0xA69F), ("CHEROKEE", 0xAB70, 0xABBF), ("DESERET", 0x10400, 0x1044F),
    ("OSAGE", 0x104B0, 0x104FF),
)  # fmt: skip


def _is_plainly_foreign(char: str) -> bool:
    return char not in FOREIGN and bool(_script(char))


def _at_home(text: str, place: int) -> bool:
    """True if a full-width form stands beside Chinese, Japanese or Korean."""
    around = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
    return any(first <= ord(char) <= last for char in around for first, last in CJK)


def _is_alike(char: str) -> bool:
    return char in FOREIGN or char in ODD_LATIN or _is_form(char)


# Compiled when they are first needed: most texts are plain, and the first frame waits for nothing.


def _is_form(char: str) -> bool:
    return char > "\u2109" and _forms().match(char) is not None


@cache
def _forms() -> re.Pattern[str]:
    return re.compile(f"[{FORMS}]")


@cache
def _false_marks() -> re.Pattern[str]:
    return re.compile(f"[{MARKS}{BLANKS}\ue000-\uf8ff\U000f0000-\U0010fffd]")


@cache
def _false_dashes() -> re.Pattern[str]:
    """A dash that is none, where an option would begin."""
    return re.compile("(?:(?<=\\s)|(?<![\\s\\S]))[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]+(?=\\w)")
