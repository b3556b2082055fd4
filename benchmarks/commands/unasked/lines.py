"""Generate command lines: programs with options, and around them all that bash has to make words of other words.

The forms stand in `grammar.toml`. Each line is made for one program and carries files of its own (`q`, `r`), whose
words that program must not obey.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.commands.unasked.options import Spec, helped

HOLE = re.compile(r"‹([^‹›]*)›")
MAX_EXPANSIONS = 60
GAPS = (" ", "\n", "\t", " ", "\n", ":", ".", ",", "  ", "\0")
SEPARATORS = ("; ", "; ", " && ", "\n", " || ", "; ")
TOKENS = (
    ";", "|", "&&", "'", '"', "\\", "$", "{", "}", "\n", "~", "<", ">", "#", "!", "`", "(", ")", "$(cat q)", " ", "*",
    "&", "=", "[", "]", "-", "\\\n", "$'", "||", "@", "%", "\t", "\x01", "\r", "\u00a0", "-- ", "é",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A command line and the files that it needs in the project."""

    text: str
    files: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=1)
def grammar() -> Mapping[str, Any]:
    text = Path(__file__).with_name("grammar.toml").read_text(encoding="utf-8")
    sections = tomllib.loads(text)
    for section in ("own", "harmful", "fitting"):
        sections[section] = {name: forms for names, forms in sections[section].items() for name in names.split()}
    return sections


class Lines:
    """Lines for one program after another; the same seed gives the same lines."""

    def __init__(self, seed: str, top: str, *, with_help: bool = True) -> None:
        self._random = random.Random(seed)
        self._with_help = with_help
        self._top = top
        self._rules: Mapping[str, Sequence[str]] = grammar()["rules"]
        self._spec = Spec(("true",))
        self._files: dict[str, str] = {}
        self._before: list[str] = []
        self._expansions = 0

    def line(self, spec: Spec) -> Line:
        self._spec, self._files, self._before, self._expansions = spec, {}, [], 0
        body = self._expanded("‹shape›")
        if self._chance(0.07):
            body += self._pick(SEPARATORS) + self._expanded("‹shape›")
        text = "".join(statement + self._pick(("; ", "; ", "\n", " && ")) for statement in self._before) + body
        text = text.replace("NAME", self._pick(("x", "y", "f", "line")))
        if "cat q" in text and "q" not in self._files:
            self._files["q"] = self._aimed()
        if self._chance(0.04):
            text = self._mutated(text)
        return Line(self._placed(text), {name: self._placed(content) for name, content in self._files.items()})

    def _placed(self, text: str) -> str:
        return text.replace("OUTDIR", f"{self._top}/o").replace("OUT", f"{self._top}/o/s")

    # --- choices -------------------------------------------------------------------------------------------------

    def _pick(self, choices: Sequence[str]) -> str:
        return self._random.choice(choices)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _rule(self, name: str) -> str:
        return self._expanded(self._pick(self._rules[name]))

    def _expanded(self, form: str) -> str:
        """Fill the holes of a form, the innermost first."""
        while (hole := HOLE.search(form)) is not None:
            self._expansions += 1
            form = form[: hole.start()] + self._filled(hole[1]) + form[hole.end() :]
        return form

    def _filled(self, hole: str) -> str:
        name, _, word = hole.partition(" ")
        match name:
            case "shape":
                shapes: Mapping[str, int] = grammar()["shapes"]
                chosen = self._random.choices(list(shapes), list(shapes.values()))[0]
                if self._expansions > MAX_EXPANSIONS:
                    chosen = "simple"
                return self._aimed_line() if chosen == "aimed" else self._pick(self._rules[chosen])
            case "command":
                return self._command(0.1 if word else 0.25, more=word)
            case "unknown":
                return self._unknown()
            case "variable":
                return self._variable()
            case "file":
                return self._file()
            case "options":
                return " ".join(self._options(0.25))
            case "operands":
                return " ".join(self._operands(0.2, None))
            case _:
                return self._pick(self._rules[hole])

    # --- one command ---------------------------------------------------------------------------------------------

    def _command(self, unknown: float, *, more: str = "") -> str:
        """The program with options and operands, some of them words that cannot be told; `more` is an operand."""
        spec = self._spec
        own: Sequence[str] | None = grammar()["own"].get(spec.words[0])
        if own is not None and self._expansions < MAX_EXPANSIONS and self._chance(0.75):
            words = [self._expanded(self._pick(own))]
        else:
            words = self._options(unknown) + self._operands(unknown, self._random.choice((0, 0, 1)) if more else None)
        if more:
            words.insert(self._random.randint(0, len(words)) if self._chance(0.3) else len(words), more)
        if (harmful := self._harmful()) and self._chance(0.06):
            words.insert(self._random.randint(0, len(words)), self._pick(harmful))
        if self._chance(0.05):
            words.insert(0, "--")
        return " ".join([*spec.words, *words])

    def _harmful(self) -> Sequence[str]:
        found: Sequence[str] = grammar()["harmful"].get(self._spec.words[0], ())
        return found

    def _options(self, unknown: float) -> list[str]:
        spec = self._spec
        out: list[str] = []
        for _ in range(self._random.choice((0, 0, 1, 1, 1, 2, 2, 3))):
            kind = self._random.random()
            if spec.values and kind < 0.45:
                out.append(self._with_value(self._pick(spec.values), unknown))
            elif spec.flags and kind < 0.75:
                out.append(self._pick(spec.flags))
            elif spec.optional and kind < 0.85:
                out.append(self._with_value(self._pick(spec.optional), unknown, joined=True))
            elif kind < 0.9 and not spec.flags and self._chance(0.3):
                out.append("-" + self._pick("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
            elif options := self._helped():
                name, valued = self._random.choice(options)
                out.append(self._with_value(name, unknown) if valued and self._chance(0.8) else name)
        return out

    def _helped(self) -> Sequence[tuple[str, bool]]:
        """The options of the program's own help; asking all programs takes seconds."""
        return helped(self._spec.words) if self._with_help else ()

    def _with_value(self, name: str, unknown: float, *, joined: bool = False) -> str:
        value = self._unknown() if self._chance(unknown) else self._value()
        if name.startswith("--"):
            return f"{name}={value}" if joined or self._chance(0.5) else f"{name} {value}"
        return f"{name}{value}" if joined or self._chance(0.3) else f"{name} {value}"

    def _value(self) -> str:
        kind = self._random.random()
        if kind < 0.4:
            return self._rule("number")
        if kind < 0.7:
            return self._rule("text")
        if kind < 0.78:
            return f"'{self._rule('format')}'"
        return self._rule("name") if kind < 0.94 else self._rule("outside")

    def _operands(self, unknown: float, count: int | None) -> list[str]:
        spec = self._spec
        if count is None:
            count = self._random.choice((0, 1, 1, 1, 1, 2, 2, 3)) if spec.operands != "none" else 0
        out: list[str] = []
        if spec.first:
            out.append(self._unknown() if self._chance(unknown) else self._rule("pattern"))
        fitting = grammar()["fitting"].get(spec.words[0])
        for _ in range(count):
            kind = self._random.random()
            if kind < unknown:
                out.append(self._unknown())
            elif kind > 0.97:
                out.append(self._rule("outside"))
            elif spec.words[0] == "git":
                out.append(self._rule("revision"))
            elif spec.operands == "text":
                out.append(self._value())
            else:
                out.append(self._pick(fitting) if fitting and self._chance(0.7) else self._rule("name"))
        return out

    # --- words that cannot be told -------------------------------------------------------------------------------

    def _aimed(self) -> str:
        """Text of a file: a word that fits, then words that would do harm if the program obeyed them."""
        start = self._rule("harmless start")
        harmful = self._harmful()
        harm = self._pick(harmful) if harmful and self._chance(0.7) else self._rule("outside")
        return self._pick((f"{start} {harm}\n", f"{start} {harm}\n", f"{harm}\n", f"{start}\n{harm}\n"))

    def _hostile(self) -> str:
        text = self._aimed().rstrip("\n")
        if self._chance(0.1):
            text = self._pick(self._random.choice(list(grammar()["harmful"].values())))
        if self._chance(0.3):
            text += " " + self._rule("name")
        gap = self._pick(GAPS) if self._chance(0.3) else " "
        return gap.join(text.split(" ")) + self._pick(("\n", "\n", "\n", "", "\n\n"))

    def _file(self) -> str:
        """A file with hostile text: one of the line's own, or one of the project's."""
        if self._chance(0.2):
            return self._pick(("a", "c", "d", "e", "f", "g", "i", "j", "names.txt", "x.csv", "sub/u"))
        name = self._pick(("q", "r"))
        if name not in self._files:
            self._files[name] = self._hostile()
        return name

    def _unknown(self) -> str:
        """A word, or what becomes any number of words, whose value the line does not say."""
        kind = self._random.random()
        if self._expansions > MAX_EXPANSIONS:
            return self._pick(("$x", "$(cat q)", "*"))
        if kind < 0.3:
            word = f"$({self._rule('reading')})"
        elif kind < 0.4:
            word = f"$({self._rule('listing')})"
        elif kind < 0.45:
            word = f"`{self._rule('reading')}`" if self._chance(0.8) else f"<({self._rule('reading')})"
        elif kind < 0.58:
            return self._rule("glob")
        elif kind < 0.88:
            word = self._variable()
        else:
            return self._rule("expansion")
        kind = self._random.random()
        if kind < 0.25:
            return f'"{word}"' if word.startswith(("$", "`")) else word
        if kind < 0.32:
            return self._pick(("1", "x", "./", "sub/", "-n", "--x=", "a", "-", "../")) + word
        if kind < 0.36:
            return word + self._pick(("x", "/s", "1", "*", ".py"))
        return word

    def _variable(self) -> str:
        """A variable that is set before the line to what cannot be told; return the word that uses it."""
        name = self._pick(("x", "y", "file", "X"))
        self._before.append(self._expanded(self._pick(self._rules["assignment"]).replace("NAME", name)))
        return self._pick(self._rules["variable word"]).replace("NAME", name)

    def _aimed_line(self) -> str:
        """One word that bash splits, in the place of an option's value or an operand, with a fitting harm behind it."""
        spec = self._spec
        self._files["q"] = self._aimed()
        valued = [*spec.values, *spec.optional] or [name for name, takes in self._helped() if takes]
        name = self._random.choice(valued) if valued and self._chance(0.65) else ""
        words = [*spec.words, *([self._pick(spec.flags)] if spec.flags and self._chance(0.3) else [])]
        rest = self._operands(0.05, self._random.choice((0, 1, 1)))
        kind = self._random.random()
        if kind < 0.15:
            option = self._pick(("", "-n1", "-L1", "-n9", "-d '\\n'", "-0", "-r"))
            return " ".join(["cat q | xargs", option, *words, *rest[:-1], *([name] if name else [])])
        if kind < 0.5:
            before, _, word = self._pick(self._rules["aimed variable"]).partition("‹›")
            word, _, after = word.strip().partition("; ")
            return before + " ".join([*words, self._joined(name, word), *rest]) + (f"; {after}" if after else "")
        return " ".join([*words, self._joined(name, self._rule("aimed word")), *rest])

    def _joined(self, name: str, word: str) -> str:
        if not name:
            return word
        kind = self._random.random()
        if kind < 0.6:
            return f"{name} {word}"
        return f"{name}={word}" if name.startswith("--") else f"{name}{word}"

    # --- accidents -----------------------------------------------------------------------------------------------

    def _mutated(self, text: str) -> str:
        for _ in range(self._random.choice((1, 1, 2))):
            at = self._random.randint(0, len(text))
            kind = self._random.random()
            if kind < 0.5:
                text = text[:at] + self._pick(TOKENS) + text[at:]
            elif kind < 0.8:
                text = text[:at] + text[at + self._random.choice((1, 1, 2, 5)) :]
            else:
                other = self._random.randint(0, len(text))
                text = text[:at] + text[other : other + 6] + text[at:]
        return text
