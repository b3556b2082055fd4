"""The words, redirects and input of a command, as far as they can be told before it runs.

Owns what is read and written by the shell itself while it expands and redirects. What substitutions do is judged by
whoever walks the line.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

from plait.effects.expansion import RunSubstitution, expand, value_of
from plait.effects.finding import FREE_WRITES, NOTHING, Arg, Finding, Flow, Place
from plait.effects.overwriting import is_at_home, name_loss
from plait.effects.shell_state import refuse_name
from plait.effects.syntax import Assignment, RedirectTo, Script, Text, Word
from plait.protocol.effects import Redirect

FILE_REDIRECTS = frozenset((">", ">>", ">|", "&>", "&>>", "<>"))
# Operator and descriptor of redirects that make another descriptor the standard input.
COPIES_TO_INPUT = frozenset((("<&", ""), ("<&", "0"), (">&", "0")))
OVERWRITES = frozenset((">", ">|", "&>", ">&"))


class Words(ABC):
    """What a walk over a line knows of words."""

    __slots__ = ()

    @abstractmethod
    def script(self, script: Script, place: Place) -> tuple[Finding, Place]:
        """Judge a list of commands; return the place after it too."""

    @abstractmethod
    def came_from_network(self, path: str) -> bool:
        """True if a command before this one fetched the file."""

    def array(self, assignment: Assignment, place: Place, finding: Finding) -> dict[str, Arg]:
        """The variables of an array: its first element cannot be told, all of them are known to `for` if literal."""
        refuse_name(assignment.name, finding)
        elements = self.words(assignment.elements or (), place, finding)
        carries = NOTHING
        for element in elements:
            carries |= element.carries
        texts = [element.literal for element in elements]
        told = tuple(text for text in texts if text is not None)
        raw = f"${assignment.name}"
        every = Arg(raw, told or ("",), carries=carries) if len(told) == len(texts) <= 32 else Arg(raw, carries=carries)
        return {assignment.name: Arg(raw, carries=carries), f"{assignment.name}[@]": every}

    def words(self, words: Sequence[Word], place: Place, finding: Finding, *, are_patterns: bool = False) -> list[Arg]:
        """Expand words; `are_patterns`: they are compared with text (`case`, `[[`), not with names of files."""
        out: list[Arg] = []
        for word in words:
            out.extend(expand(word, place, self.substitution(place, finding), finding.secret))
        for arg in out:
            # The shell lists the directory, whatever the command does with the names.
            if arg.glob is not None and not arg.listed and not are_patterns:
                finding.look_for(arg)
        return out

    def substitution(self, place: Place, finding: Finding) -> RunSubstitution:
        def run(script: Script, kind: str) -> Finding:
            inside = place.with_input(NOTHING) if kind != ">" else place.with_input(Flow(contents=True))
            inner, _ = self.script(script, inside)
            finding.merge(inner)
            if kind == ">":
                finding.ask("writes into a command")
            return inner

        return run

    def redirects(
        self, redirects: Sequence[RedirectTo], place: Place, finding: Finding, *, empties: bool = False
    ) -> tuple[Redirect, ...]:
        """Judge redirects; `empties`: nothing is written into their files."""
        out: list[Redirect] = []
        for redirect in redirects:
            op = redirect.fd + redirect.op
            if redirect.here is not None or redirect.op == "<<<":
                continue
            args = self.words([redirect.target], place, finding)
            if len(args) != 1:
                finding.ask("redirects to a file whose name cannot be told")
                continue
            target = args[0]
            text = target.literal
            if redirect.op in (">&", "<&") and text is not None and re.fullmatch(r"[0-9]+-?|-", text):
                continue
            if redirect.op == "<":
                finding.read(target)
                finding.gives |= target.carries
                out.append(Redirect(op, text if text is not None else target.raw, _path_of(target, place)))
            elif redirect.op in FILE_REDIRECTS or redirect.op == ">&":
                finding.write(target, op)
                if redirect.op in OVERWRITES:
                    name_loss(finding, target, empties=empties or is_at_home(finding, target))
                if text not in FREE_WRITES:
                    shown = text if text is not None else target.raw
                    out.append(Redirect(op, shown, _path_of(target, place), writes=True))
            else:
                finding.ask(f"an unusual redirect (`{op}`)")
        return tuple(out)

    def input(self, redirects: Sequence[RedirectTo], place: Place, finding: Finding) -> Place:
        """The place with its standard input replaced, if a redirect does so."""
        for redirect in redirects:
            if (redirect.op, redirect.fd) in COPIES_TO_INPUT:
                # Anything may lie open at the other descriptor.
                place = place.with_input(place.input | finding.gives | Flow(contents=True))
                continue
            if redirect.fd not in ("", "0"):
                if redirect.here is not None and redirect.here.body is not None:
                    self.words([redirect.here.body], place, finding)
                continue
            if redirect.here is not None and redirect.here.body is not None:
                place = self._input_text(redirect.here.body, place, finding, end="")
            elif redirect.op == "<<<":
                place = self._input_text(redirect.target, place, finding, end="\n")
            elif redirect.op == "<":
                target = redirect.target.literal or ""
                fetched = any(self.came_from_network(path) for path in place.resolve(target)) if target else False
                secret = bool(finding.credentials)
                carries = self._carried(redirect.target, place)
                if "<(" in redirect.target.raw:
                    carries |= finding.gives
                place = place.with_input(Flow(fetched, contents=True, secret=secret) | carries)
        return place

    def _carried(self, word: Word, place: Place) -> Flow:
        """What the variables in a word carry; its substitutions have been judged already."""
        return value_of(word, place, lambda *_: Finding(place), lambda _: None).carries

    def _input_text(self, word: Word, place: Place, finding: Finding, *, end: str) -> Place:
        arg = value_of(word, place, self.substitution(place, finding), finding.secret)
        text = word.literal or arg.literal
        if text is None and all(isinstance(piece, Text) for piece in word.pieces):
            # A pattern is no name of files here.
            text = "".join(piece.text for piece in word.pieces if isinstance(piece, Text))
        return place.with_input(arg.carries, text + end if text is not None else None)


def _path_of(arg: Arg, place: Place) -> str | None:
    if arg.literal is None:
        return None
    paths = place.resolve(arg.literal)
    return paths[0] if len(paths) == 1 else None
