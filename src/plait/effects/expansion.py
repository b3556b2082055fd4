"""Expand words as bash would, as far as that can be told without running anything.

Order as in the bash manual, section 3.5: braces, tilde, variables and substitutions, splitting, file names.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from plait.effects.finding import NOTHING, Arg, Finding, Flow, Place, known
from plait.effects.listings import is_one_word_each, plain_names
from plait.effects.parameter_values import ALTERNATIVES, ASSIGNING, DEFAULTS, ERRORS, value_told
from plait.effects.syntax import (
    Opaque,
    Parameter,
    Piece,
    Script,
    Substitution,
    Text,
    Unclear,
    UnclearExpansion,
    Variable,
    Word,
    has_glob,
    one_command,
)

MOST_VALUES = 32
GLOB = re.compile(r"[*?\[]")
SECRETIVE = re.compile(
    r"(KEY|TOKEN|SECRET|PASS(WORD|WD)?|CREDENTIALS?|AUTH)(_|$)|_PAT$|COOKIE|DATABASE_URL", re.IGNORECASE
)
ENDS_DOTS = re.compile(r"\.(?:/|$)|[*?\[]")
SPLIT_OR_GLOB = re.compile(r"[\s*?\[\\]")
GLOB_OR_ESCAPE = re.compile(r"[*?\[\\]")
WHOLE_ARRAY = re.compile(r'"\$\{([A-Za-z_]\w*)\[@\]\}"')
INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*)")
NUMBERS = frozenset(
    ("?", "#", "$", "!", "UID", "EUID", "PPID", "RANDOM", "SECONDS", "LINENO", "BASHPID", "EPOCHSECONDS")
)

# Judges the script of a substitution: what its output carries, and the text or the file names if they are known.
RunSubstitution = Callable[[Script, str], Finding]
SeeSecret = Callable[[str], None]


def expand(word: Word, place: Place, run: RunSubstitution, see_secret: SeeSecret) -> list[Arg]:
    """Return the words that `word` becomes; `run` is called for each substitution, in order, exactly once."""
    told = _known_words(word, place)
    if told is not None:
        return told
    spread = _braces(word)
    if spread is None:
        flow = _flow_of(word.pieces, place, run, see_secret)
        return [Arg(word.raw, splits=True, loose=True, prefix=_text_prefix(word), carries=flow)]
    if len(spread) == 1:
        return [_one(word.raw, word.pieces, place, run, see_secret)]
    return [_one(word.raw, pieces, place, run, see_secret) for pieces in spread]


def value_of(word: Word, place: Place, run: RunSubstitution, see_secret: SeeSecret) -> Arg:
    """Return what an assignment stores: nothing is split, and a pattern stays one until it is used unquoted."""
    pieces: Sequence[Piece] = word.pieces
    if any(isinstance(piece, Text) and not piece.quoted and ":~" in piece.text for piece in pieces):
        pieces = [Opaque(quoted=True, pieces=word.pieces)]
    value = _one(word.raw, pieces, place, run, see_secret)
    # Used unquoted, a pattern becomes as many words as there are names; the variable of a loop holds one of them.
    return replace(value, splits=value.splits and value.glob is not None and not (value.loose or value.listed))


def _one(raw: str, pieces: Sequence[Piece], place: Place, run: RunSubstitution, see_secret: SeeSecret) -> Arg:
    values: list[str] | None = [""]
    pattern: str | None = ""
    wild = splits = loose = hidden = links = listed = after_name = False
    number = len(pieces) == 1
    token = bool(pieces)
    prefix, prefix_open = "", True
    carries = NOTHING
    for piece in _tilde(pieces):
        part = _part(piece, raw, place, run, see_secret)
        if part.listed and part.splits and len(pieces) > 1:
            # Only the first name and the last one are joined to what stands beside them.
            part = Arg("", splits=True, loose=True, carries=part.carries)
        carries |= part.carries
        links, listed = links or part.links, listed or part.listed
        splits, loose, number = splits or part.splits, loose or part.loose, number and part.number
        token = token and (part.token or part.literal == "")
        wild, hidden = wild or part.glob is not None, hidden or part.hidden
        if part.values is not None and values is not None and len(values) * len(part.values) <= MOST_VALUES:
            values = [left + right for left, right in itertools.product(values, part.values)]
        else:
            values = None
        if after_name and ENDS_DOTS.match(part.glob or part.literal or "x"):
            # `find .` prints the directory itself too, to which the dot adds another.
            pattern = None
        after_name = part.listed or (after_name and part.literal == "")
        if pattern is not None and (part.glob is not None or part.literal is not None):
            pattern += part.glob if part.glob is not None else re.sub(r"([*?\[])", r"[\1]", part.literal or "")
        else:
            pattern = None
        if prefix_open:
            prefix += part.prefix
            prefix_open = part.literal is not None
    first = pieces[0] if pieces else None
    written = isinstance(first, Text) and not first.quoted and has_glob(first.text, raw)
    if wild and written and not prefix and pattern is not None and not _dashed_names(place):
        # It stands for names in this directory, none of which can be taken for an option.
        prefix = "./"
    if wild or values is None:
        glob = pattern if wild else None
        return Arg(raw, None, glob, prefix, splits, loose, hidden, links, listed, False, number, token, carries)
    return Arg(raw, tuple(values), prefix=prefix, splits=splits, loose=loose, carries=carries)


def _dashed_names(place: Place) -> bool:
    """True if a name that looks like an option lies in the directory, or it cannot be looked at."""
    try:
        return not place.cwds or any(
            name.startswith(("-", "+", "@")) for folder in place.cwds for name in os.listdir(folder)
        )
    except OSError:
        return True


def _tilde(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """Expand a leading tilde, also after `NAME=`, where bash expands it in any word."""
    first = pieces[0] if pieces else None
    if not isinstance(first, Text) or first.quoted or "~" not in first.text:
        return pieces
    assigned = re.match(r"[A-Za-z_][A-Za-z0-9_]*=(?=~)", first.text)
    head = assigned[0] if assigned else ""
    text = first.text[len(head) :]
    if re.match(r"[A-Za-z_][A-Za-z0-9_]*=.*:~", first.text):
        return [Opaque(quoted=True), *pieces[1:]]
    if not text.startswith("~"):
        return pieces
    name, slash, rest = text.partition("/")
    home = os.path.expanduser(name)
    if home == name or name in ("~+", "~-") or (not slash and len(pieces) > 1):
        return [Text(head, quoted=True), Opaque(quoted=True), *pieces[1:]]
    return [Text(head + home, quoted=True), Text(slash + rest, quoted=False), *pieces[1:]]


def _part(piece: Piece, raw: str, place: Place, run: RunSubstitution, see_secret: SeeSecret) -> Arg:
    """One piece of the word `raw` as an argument of its own."""
    match piece:
        case Text(text, quoted):
            if not quoted and has_glob(text, raw):
                return Arg(text, None, text, GLOB.split(text, maxsplit=1)[0], splits=True)
            return Arg(text, (text,), prefix=text)
        case Variable(name, quoted):
            return _variable(name, place, see_secret, quoted=quoted)
        case Substitution(script, kind, quoted):
            inner = run(script, kind)
            if kind == "$":
                return _output(inner, place, quoted=quoted)
            return Arg("", ("/dev/fd/63",), prefix="/dev/fd/63", carries=inner.gives)
        case Opaque(quoted=quoted, number=number, variables=names, pieces=inner):
            if number and not all(is_number(name, place) for name in names):
                raise Unclear("arithmetic with more than numbers")
            flow = _flow_of(inner, place, run, see_secret)
            for name in names:
                flow |= _variable(name, place, see_secret, quoted=True).carries
            splits = not number and (not quoted or piece.several)
            return Arg("", splits=splits, loose=splits, number=number, carries=flow)
        case Parameter():
            return _parameter(piece, raw, place, run, see_secret)


def _parameter(piece: Parameter, raw: str, place: Place, run: RunSubstitution, see_secret: SeeSecret) -> Arg:
    """`${name…}`: its value where that of the variable and of the words behind the operator can be told."""
    words = [_one(raw, word, place, run, see_secret) if word else known("") for word in piece.words]
    shows = piece.operator not in ALTERNATIVES
    own = _variable(piece.name, place, see_secret if shows else lambda _: None, quoted=True)
    flow = own.carries if shows else NOTHING
    for word in words:
        flow |= word.carries
    if piece.indirect or piece.operator == "@P" or not all(is_number(name, place) for name in piece.counts):
        # An index, a prompt, and the name that another variable holds are evaluated, and may hold commands.
        own_text = Word(piece.raw, (Opaque(quoted=False, variables=(piece.name,)),))
        flow |= run(one_command((own_text,)), "$").gives
    if piece.operator == "@E":
        flow |= Flow(decoded=True)
    if piece.operator in ASSIGNING and not _surely_full(own):
        if own.values is not None or piece.element or f"{piece.name}[@]" in place.variables:
            raise UnclearExpansion("an expansion that assigns to a variable which may be empty")
        # Nothing runs in it: for a variable that programs may obey, it asks.
        run(one_command((), piece.name), "$")
    told = _told(piece, own, [word.values for word in words])
    value = Arg("", splits=piece.several, loose=piece.several)
    if told is not None:
        value = Arg("", told, prefix=told[0] if len(told) == 1 else "")
    elif piece.operator in ERRORS or (piece.operator in DEFAULTS and _surely_full(own)):
        value = own
    return replace(value if piece.quoted else _unquoted(value, place), carries=flow)


def _surely_full(value: Arg) -> bool:
    """True if a variable is set, and not to an empty text."""
    return value.number or value.glob is not None or (value.values is not None and all(value.values))


def _told(piece: Parameter, own: Arg, words: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """All values that the expansion may have."""
    choices = list(itertools.product(*(word if word is not None else (None,) for word in words)))
    if own.values is None and piece.operator in ALTERNATIVES and not (piece.indirect or piece.element):
        texts = ["", *(choice[0] for choice in choices)]
    elif own.values is not None and len(own.values) * len(choices) <= MOST_VALUES:
        texts = [value_told(piece, text, choice) for text in own.values for choice in choices]
    else:
        return None
    told = tuple(dict.fromkeys(text for text in texts if text is not None))
    return told if None not in texts else None


def _output(inner: Finding, place: Place, *, quoted: bool) -> Arg:
    """The value of `$(…)`: what the command prints without its last newlines."""
    flow, names = inner.gives, inner.output_names
    value = inner.output_text.rstrip("\n") if inner.output_text is not None else None
    if value is None and names is not None and names.token:
        return replace(names, splits=not quoted, carries=flow)
    if value is None and names is not None and not names.loose:
        return replace(names, splits=not quoted, loose=not quoted, carries=flow)
    if value is None and not quoted and (told := plain_names(names, place)) is not None:
        return replace(told, splits=True, carries=flow)
    if value is None or (not quoted and (not value or SPLIT_OR_GLOB.search(value))):
        return Arg("", splits=not quoted, loose=not quoted, carries=flow)
    return Arg("", (value,), prefix=value, carries=flow)


def _known_words(word: Word, place: Place) -> list[Arg] | None:
    """The words that a variable or an array of known values becomes by itself: `$x`, `"${x[@]}"`."""
    match word.pieces:
        case (Variable(name, False),) if name != "_":
            value = place.variables.get(name)
            text = value.literal if value is not None else None
            if value is None or text is None or GLOB_OR_ESCAPE.search(text):
                return None
            texts = tuple(re.findall(r"[^ \t\n]+", text))
        case _ if (array := WHOLE_ARRAY.fullmatch(word.raw)) is not None:
            value = place.variables.get(f"{array[1]}[@]")
            # An array without elements becomes no word at all.
            if value is None or value.values is None or value.values == ("",):
                return None
            texts = value.values
        case _:
            return None
    return [Arg(text, (text,), prefix=text, carries=value.carries) for text in texts]


def is_number(name: str, place: Place) -> bool:
    """True if a variable surely holds an integer: in arithmetic, any other text is evaluated and may run commands."""
    # The shell itself sets `_`, with each command.
    value = place.variables.get(name) if name != "_" else None
    if value is None:
        return name in NUMBERS
    return value.number or (value.values is not None and all(INTEGER.fullmatch(text) for text in value.values))


def _variable(name: str, place: Place, see_secret: SeeSecret, *, quoted: bool) -> Arg:
    value = place.variables.get(name)
    if name == "_":
        # The shell sets it with each command.
        return Arg("", splits=not quoted, loose=not quoted)
    if name == "@":
        # Also in quotes it is as many words as there are.
        return Arg("", splits=True, loose=True)
    if value is None:
        if name in NUMBERS:
            return Arg("", number=True)
        if name == "HOME":
            return Arg("", (os.path.expanduser("~"),), prefix=os.path.expanduser("~"))
        if name == "PWD" and len(place.cwds) == 1:
            text = place.cwds[0].as_posix()
            return Arg("", (text,), prefix=text)
        secret = SECRETIVE.search(name) is not None
        if secret:
            see_secret(f"${name}")
        # "$@" is as many words as there are.
        splits = not quoted or name == "@"
        return Arg("", splits=splits, loose=splits, carries=Flow(secret=secret))
    return replace(value, splits=False, loose=False) if quoted else _unquoted(value, place)


def _unquoted(value: Arg, place: Place) -> Arg:
    """The words that a value becomes without quotes."""
    if value.number:
        return replace(value, splits=False, loose=False)
    if value.token:
        return replace(value, splits=True)
    if value.values is None and value.glob is not None and not value.loose and is_one_word_each(value, place):
        return value
    if value.values is None or any(SPLIT_OR_GLOB.search(text) or not text for text in value.values):
        prefix = value.prefix if not SPLIT_OR_GLOB.search(value.prefix) else ""
        return Arg("", prefix=prefix, splits=True, loose=True, carries=value.carries)
    return replace(value, splits=False, loose=False)


def _flow_of(pieces: Sequence[Piece], place: Place, run: RunSubstitution, see_secret: SeeSecret) -> Flow:
    flow = NOTHING
    for piece in pieces:
        flow |= _part(piece, "]", place, run, see_secret).carries
    return flow


def _text_prefix(word: Word) -> str:
    first = word.pieces[0]
    return re.split(r"[{~*?\[]", first.text, maxsplit=1)[0] if isinstance(first, Text) else ""


# --- braces ------------------------------------------------------------------------------------------------------

Char = tuple[str, bool]
MOST_BRACED = 1_000_000


def _braces(word: Word) -> list[tuple[Piece, ...]] | None:
    """Return the words that brace expansion makes; None if they cannot be told."""
    if not any(isinstance(piece, Text) and not piece.quoted and "{" in piece.text for piece in word.pieces):
        return [word.pieces]
    inside = word.raw[word.raw.index("{") : word.raw.rfind("}")]
    if "," not in inside and ".." not in inside:
        return [word.pieces]
    if _fewest_words(inside) > MOST_BRACED:
        raise Unclear("braces that make more words than memory may hold")
    if not all(isinstance(piece, Text) for piece in word.pieces):
        return None
    chars = [(char, piece.quoted) for piece in word.pieces if isinstance(piece, Text) for char in piece.text]
    spread = _spread(chars)
    # Bash drops an empty word (`{,x}`) unless a quote stood in it, which the characters no longer tell.
    if spread is None or len(spread) > MOST_VALUES or not all(spread):
        return None
    return [_as_pieces(entry) for entry in spread]


def _fewest_words(text: str) -> int:
    """How many words the ranges and the innermost lists of a text make, were all of them multiplied."""
    count = 1
    for group in re.findall(r"\{([^{}]*)\}", text + "}"):
        ends = re.fullmatch(r"([+-]?\d{1,18})\.\.([+-]?\d{1,18})(?:\.\..*)?", group)
        count *= abs(int(ends[1]) - int(ends[2])) + 1 if ends else group.count(",") + 1
        if ".." in group and ends is None and len(group) > 12:
            return MOST_BRACED + 1
        if count > MOST_BRACED:
            break
    return count


def _spread(chars: list[Char]) -> list[list[Char]] | None:
    """Expand the first comma list, then the rest; ranges and anything uneven are not told."""
    start = next((index for index, char in enumerate(chars) if char == ("{", False)), None)
    if start is None:
        return None if any(char == ("}", False) for char in chars) and (",", False) in chars else [chars]
    depth, commas, end = 0, [], None
    for index in range(start, len(chars)):
        match chars[index]:
            case ("{", False):
                depth += 1
            case ("}", False):
                depth -= 1
                if depth == 0:
                    end = index
                    break
            case (",", False) if depth == 1:
                commas.append(index)
            case _:
                pass
    if end is None:
        return None
    if end == start + 1:
        # `{}` stands for itself.
        rest = _spread(chars[end + 1 :])
        return None if rest is None else [chars[: end + 1] + tail for tail in rest]
    if not commas:
        return None
    cuts = [start, *commas, end]
    out: list[list[Char]] = []
    for left, right in itertools.pairwise(cuts):
        rest = _spread(chars[left + 1 : right] + chars[end + 1 :])
        if rest is None or len(out) > MOST_VALUES:
            return None
        out.extend(chars[:start] + tail for tail in rest)
    return out


def _as_pieces(chars: list[Char]) -> tuple[Piece, ...]:
    groups = itertools.groupby(chars, key=lambda char: char[1])
    pieces = tuple(Text("".join(char for char, _ in group), quoted) for quoted, group in groups)
    return pieces or (Text("", quoted=True),)
