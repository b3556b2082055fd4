"""Walk the tree of a command line: which simple commands may run, where, and with which words.

Owns what the shell itself does: sequence, directories, variables, redirects, substitutions, and how data flows from
one command into another. What a program does with its arguments is `effects.programs`' and the judges'.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from plait.effects.command import Command, Judge, is_safe_setting
from plait.effects.downloads import note_downloads
from plait.effects.expansion import is_number, value_of
from plait.effects.fetched_code import name_dangers
from plait.effects.finding import NOTHING, Arg, Finding, Place
from plait.effects.grammar import parse
from plait.effects.line_words import Words
from plait.effects.parameter_values import assigned_by
from plait.effects.programs import asks_version, table, versions
from plait.effects.reading import tested_files
from plait.effects.shell_state import change_directory, change_state, either, is_own, refuse_name, union
from plait.effects.subcommands import judge_form, tool_names
from plait.effects.syntax import (
    AndOr,
    Arithmetic,
    Assignment,
    Compound,
    Function,
    Node,
    Pipeline,
    RedirectTo,
    Script,
    Simple,
    Test,
    Unclear,
    Word,
    ends_the_shell,
)
from plait.protocol.effects import Access, CommandPart, Mode, Redirect, covers

DEEPEST_LOOP = 3
DEEPEST_CALL = 6
# Programs that do nothing but print, count or wait, whatever words they are given.
TAKES_ANY_WORDS = frozenset((
    "echo", "true", "false", ":", "basename", "dirname", "expr", "seq", "sleep", "exit", "return", "break", "continue",
))  # fmt: skip
SHELL_STATE = frozenset((
    "read", "export", "readonly", "unset", "set", "shift", "local", "declare", "typeset", "mapfile", "readarray",
))  # fmt: skip
# What ends a round of a loop or a function, or may run what does.
MAY_LEAVE = frozenset(("break", "continue", "return", "command", "builtin", "eval"))
MOST_ROUNDS = 3
MOST_PATTERNS = 6


@dataclass(slots=True)
class Line(Words):
    """One walk over one command line. parts: its simple commands. downloaded: files that came from the network."""

    judges: Mapping[str, Judge]
    unknown_program: Judge
    parts: list[CommandPart] = field(default_factory=list)
    downloaded: set[Access] = field(default_factory=set)
    loops: int = 0
    depth: int = 0
    in_function: bool = False
    # The places at which a round of a loop, or a function, may have ended early.
    left: list[Place] = field(default_factory=list)

    # --- lists and compounds -------------------------------------------------------------------------------------

    def script(self, script: Script, place: Place) -> tuple[Finding, Place]:
        """Judge a list of commands; the place after it allows for each of them to have failed."""
        total = Finding(place)
        if len(script.items) > 1:
            place = _with_text_taken(place)
        for item in script.items:
            finding, after = self._and_or(item, place)
            # In the background it is a subshell.
            place = place if item.background else after
            total.merge(finding)
            total.gives |= finding.gives
        if len(script.items) == 1:
            total.output_text, total.output_names = finding.output_text, finding.output_names
        return total, place

    def _and_or(self, item: AndOr, place: Place) -> tuple[Finding, Place]:
        total = Finding(place)
        if len(item.pipelines) > 1:
            place = _with_text_taken(place)
        possible = place
        for index, pipeline in enumerate(item.pipelines):
            finding, after = self._pipeline(pipeline, place)
            total.merge(finding)
            total.gives |= finding.gives
            # The first surely runs, though a change of directory may fail; whether the others run cannot be told.
            failed = replace(after, cwds=union(place.cwds, after.cwds))
            ending = item.pipelines[index + 1] if item.joins[index : index + 1] == ("||",) else None
            if ending is not None and ends_the_shell(ending, in_function=self.in_function):
                failed = after
            possible = failed if index == 0 else either(possible, failed)
            # After `&&` the command before has succeeded; after `||` it may have failed.
            place = after if index < len(item.joins) and item.joins[index] == "&&" else possible
        if len(item.pipelines) == 1:
            total.output_text, total.output_names = finding.output_text, finding.output_names
        return total, possible

    def _pipeline(self, pipeline: Pipeline, place: Place) -> tuple[Finding, Place]:
        if len(pipeline.stages) == 1:
            return self._node(pipeline.stages[0], place)
        total = Finding(place)
        stage_place, flow = place, place.input
        for index, stage in enumerate(pipeline.stages):
            finding, _ = self._node(stage, stage_place)
            total.merge(finding)
            flow |= finding.gives
            # Messages about errors are no names, whatever they hold.
            names = finding.output_names if index not in pipeline.with_errors else None
            stage_place = place.with_input(flow, finding.output_text, names)
        total.gives = flow
        total.output_text, total.output_names = finding.output_text, finding.output_names
        return total, place

    def _node(self, node: Node, place: Place) -> tuple[Finding, Place]:
        match node:
            case Simple():
                return self._simple(node, place)
            case Test(words):
                return self._test(words, place), place
            case Compound():
                return self._compound(node, place)
            case Arithmetic():
                self.parts.append(CommandPart(("((", "…", "))"), literal=False, read_only=True))
                finding = Finding(place)
                return finding, self._count(node, place, finding)
            case Function():
                return self._define(node, place)
            case _:
                assert_never(node)

    def _count(self, node: Arithmetic, place: Place, finding: Finding) -> Place:
        if not all(is_number(name, place) for name in node.needs):
            raise Unclear("arithmetic with more than numbers")
        for name in node.sets:
            refuse_name(name, finding)
        made = {name: Arg(f"${name}", number=True) for name in node.sets}
        kept = {name: value for name, value in place.variables.items() if name.removesuffix("[@]") not in made}
        return replace(place, variables={**kept, **made})

    # --- functions -----------------------------------------------------------------------------------------------

    def _define(self, node: Function, place: Place) -> tuple[Finding, Place]:
        """A definition does nothing; its commands are parts of the line all the same, for rules that forbid some."""
        programs = (self.judges, SHELL_STATE, table(), versions(), tool_names())
        if any(node.name in names for names in programs):
            raise Unclear(f"it defines a function with the name of a program (`{node.name}`)")
        trial = Line(
            self.judges, self.unknown_program, self.parts, set(self.downloaded), self.loops, self.depth + 1, True
        )
        if trial.depth > DEEPEST_CALL:
            raise Unclear("functions are nested too deeply")
        trial.script(node.body, replace(place.with_input(NOTHING), cwds=(), variables={}, functions={}))
        return Finding(place), replace(place, functions={**place.functions, node.name: node.body})

    def _call(
        self, name: str, args: Sequence[Arg], inner: Place, after: Place, finding: Finding
    ) -> tuple[Place, tuple[CommandPart, ...]]:
        """Judge the body of a function with its arguments. What it changes of the shell cannot be told afterwards."""
        if self.depth >= DEEPEST_CALL:
            raise Unclear(f"the function `{name}` calls itself, or too many others")
        own = {key: value for key, value in inner.variables.items() if not key[0].isdigit()}
        for index, arg in enumerate(args, start=1):
            if arg.splits or arg.glob is not None:
                break
            own[str(index)] = arg
        line = Line(self.judges, self.unknown_program, [], self.downloaded, self.loops, self.depth + 1, True)
        called, left = line.script(inner.functions[name], replace(inner, variables=own))
        left = line._or_left(left)
        finding.merge(called)
        finding.gives |= called.gives
        if left.functions != inner.functions:
            raise Unclear(f"the function `{name}` defines others")
        mine = {key: value for key, value in after.variables.items() if key[0].isdigit()}
        theirs = {key: value for key, value in left.variables.items() if not key[0].isdigit()}
        left = self._widened(after, replace(left, variables={**theirs, **mine}), keep=None)
        return left, tuple(line.parts)

    def _test(self, words: Sequence[Word], place: Place) -> Finding:
        finding = Finding(place)
        texts: list[str] = []
        args: list[Arg] = []
        for word in words:
            expanded = self.words([word], place, finding, are_patterns=True)
            # Nothing in `[[ … ]]` is split: what cannot be told is one word all the same.
            arg = expanded[0] if len(expanded) == 1 else Arg(word.raw)
            args.append(replace(arg, splits=False, loose=False))
            texts.append(word.bare or word.raw)
        for arg in tested_files(texts, args):
            finding.read(arg, contents=False)
        self.parts.append(
            CommandPart(("[[", *(word.raw for word in words), "]]"), literal=False, read_only=finding.harmless)
        )
        return finding

    def _compound(self, node: Compound, place: Place) -> tuple[Finding, Place]:
        total = Finding(place)
        self.words(node.words, place, total, are_patterns=True)
        redirects = self.redirects(node.redirects, place, total)
        if any(redirect.writes for redirect in redirects):
            self.parts.append(CommandPart((), redirects, read_only=total.harmless))
        inner = self.input(node.redirects, place, total)
        if node.loop or len(node.bodies) > 1:
            inner = _with_text_taken(inner)
        before = inner
        if node.loop:
            self.loops += 1
            if self.loops > DEEPEST_LOOP:
                raise Unclear("loops are nested too deeply")
            if node.counts is not None:
                inner = self._count(node.counts, inner, total)
            *others, inner = self._loop_variable(node, inner, total)
            inner = self._settled(node, inner)
            for other in others:
                trial = Line(
                    self.judges, self.unknown_program, [], self.downloaded, self.loops, self.depth, self.in_function
                )
                for body in node.bodies:
                    total.merge(trial.script(body, self._settled(node, other))[0])
        possible = inner
        # A condition, or the body of a group, surely runs; the arms of `case` and the rounds of `for` may not.
        first_runs = node.variable is None and not node.words
        for index, body in enumerate(node.bodies):
            finding, after = self.script(body, possible)
            total.merge(finding)
            total.gives |= finding.gives
            is_all = len(node.bodies) == 1 and not node.loop and not node.words
            total.output_text = finding.output_text if is_all and not _redirects_output(node.redirects) else None
            possible = after if index == 0 and first_runs else either(possible, after)
        if node.loop:
            self.loops -= 1
            possible = self._or_left(possible)
            if node.variable is not None and all(word.literal is None for word in node.values):
                # There may be no round at all.
                possible = either(possible, before)
        if node.subshell:
            return total, place
        return total, possible.with_input_of(place)

    def _loop_variable(self, node: Compound, place: Place, total: Finding) -> list[Place]:
        """The place in which the rounds begin; one for each pattern, if there are several."""
        if node.variable is None:
            return [place]
        refuse_name(node.variable, total)
        values = self.words(node.values, place, total)
        array = place.variables.get(_array_named(node.values[0]) or "") if len(node.values) == 1 else None
        values = values if array is None else [array]
        carries = NOTHING
        for value in values:
            carries |= value.carries
        told = [value.values for value in values if value.values is not None]
        if len(told) == len(values) and sum(map(len, told)) <= 32:
            texts = tuple(text for group in told for text in group)
            arg = Arg(f"${node.variable}", texts or ("",), carries=carries)
        elif len(values) <= (MOST_PATTERNS if self.loops == 1 else 1) and all(
            value.glob is not None or value.values for value in values
        ):
            args = [replace(value, raw=f"${node.variable}", splits=False, carries=carries) for value in values]
            return [_assigned(place, node.variable, arg) for arg in args]
        else:
            arg = Arg(f"${node.variable}", token=all(value.token for value in values), carries=carries)
        return [_assigned(place, node.variable, arg)]

    def _settled(self, node: Compound, place: Place) -> Place:
        """The place in which every round of a loop may begin: what rounds change cannot be told."""
        for _ in range(MOST_ROUNDS):
            trial = Line(
                self.judges, self.unknown_program, [], set(self.downloaded), self.loops, self.depth, self.in_function
            )
            after = place
            for body in node.bodies:
                _, after = trial.script(body, after)
            after = trial._or_left(after)
            widened = self._widened(place, after, keep=node.variable)
            if widened == place:
                return place
            place = widened
        return replace(place, cwds=(), variables={name: Arg(f"${name}") for name in place.variables}, functions={})

    def _or_left(self, place: Place) -> Place:
        """The place after a loop or a function that may have been left early."""
        for other in self.left:
            place = either(place, other)
        return place

    def _widened(self, place: Place, after: Place, *, keep: str | None) -> Place:
        # What was unset on the way is known no longer.
        variables = {name: value for name, value in place.variables.items() if name in after.variables}
        for name, value in after.variables.items():
            before = place.variables.get(name)
            if name == keep or before == value:
                continue
            number = is_number(name, after) and (before is None or is_number(name, place))
            carries = value.carries | (before.carries if before is not None else NOTHING)
            variables[name] = Arg(f"${name}", number=number, carries=carries)
        cwds = place.cwds if set(after.cwds) <= set(place.cwds) else ()
        functions = {name: body for name, body in place.functions.items() if after.functions.get(name) == body}
        return replace(place, cwds=cwds, variables=variables, moved=place.moved or after.moved, functions=functions)

    # --- simple commands -----------------------------------------------------------------------------------------

    def _simple(self, simple: Simple, place: Place) -> tuple[Finding, Place]:
        finding = Finding(place)
        first_part = len(self.parts)
        command = simple.words[0].raw if simple.words else None
        after, env = self._assignments(simple.assignments, command, place, finding)
        args = self.words(simple.words, place, finding)
        after = _with_assigned(simple.words, args, after)
        if simple.words and not args and simple.assignments:
            # Bash makes the assignments in the shell itself, as if no word stood behind them.
            finding.ask("sets variables before words that become none")
        given = finding.gives
        # `: > FILE` and `> FILE` leave nothing of what the file held.
        empties = not args or args[0].literal in (":", "true")
        redirects = self.redirects(simple.redirects, place, finding, empties=empties)
        inner = self.input(simple.redirects, place, finding)
        if any(assignment.name == "IFS" and assignment.value.raw for assignment in simple.assignments):
            # Names that are cut at characters of one's own choice are none.
            inner = replace(inner, input_names=None)
        # For the command alone, they hide what the shell keeps under these names (`x=1 eval 'echo $x'`).
        hidden = {assignment.name for assignment in simple.assignments} if args else set()
        if hidden:
            inner = replace(inner, variables={key: arg for key, arg in inner.variables.items() if key not in hidden})
        finding.gives = given if not args else NOTHING
        runs: tuple[CommandPart, ...] = ()
        if args:
            after, runs = self._command(args, env, inner, after, finding)
            if args[0].literal in MAY_LEAVE:
                self.left.append(after)
        if any(redirect.fd == "2" and redirect.target.literal != "/dev/null" for redirect in simple.redirects):
            finding.output_names = None
        if _redirects_output(simple.redirects):
            finding.output_text = finding.output_names = None
        self._remember_downloads(finding, simple.redirects, place)
        # What runs inside of substitutions asks for itself; its part stands before this one.
        alone = finding.harmless and all(part.read_only for part in self.parts[first_part:])
        self.parts.append(_part(args, runs, redirects, env, read_only=alone))
        return finding, after.with_input_of(place)

    def _command(
        self, args: list[Arg], env: Sequence[str], inner: Place, after: Place, finding: Finding
    ) -> tuple[Place, tuple[CommandPart, ...]]:
        finding.place = inner
        name = args[0].literal
        if name is None:
            self._unknown_program(args[0], inner, finding)
            return after, ()
        if name in inner.functions:
            if env:
                finding.ask(f"sets variables for the function `{name}` alone")
            return self._call(name, args[1:], inner, after, finding)
        _refuse_any_words(name, args[1:], finding)
        if name in ("cd", "pushd", "popd"):
            return change_directory(name, args[1:], after, finding), ()
        if name in SHELL_STATE:
            return change_state(name, args[1:], inner, after, finding), ()
        runs = self._judge(name, tuple(args[1:]), inner, finding)
        if "eval" in (arg.literal for arg in args):
            # It runs in this shell: directory, variables and functions may be others afterwards.
            after = replace(after, cwds=(), variables={}, functions={}, moved=True)
        return after, runs

    def _unknown_program(self, name: Arg, place: Place, finding: Finding) -> None:
        flow = name.carries | place.input
        if flow.fetched:
            finding.dangerous("may run code from the network")
        if flow.decoded:
            finding.dangerous("may run code that was hidden by an encoding")
        finding.ask(f"which program runs cannot be told (`{name.raw}`)")

    def _judge(self, name: str, args: tuple[Arg, ...], place: Place, finding: Finding) -> tuple[CommandPart, ...]:
        """Hand the command to the judge of its program; what that starts is judged in turn."""
        runs: list[CommandPart] = []

        def run(inner: Sequence[Arg], inner_place: Place) -> None:
            self._nested(runs, finding, lambda line: line.command_of(inner, inner_place))

        def run_text(text: str, inner_place: Place) -> None:
            self._nested(runs, finding, lambda line: line.script(parse(text), inner_place)[0])

        base = name.rpartition("/")[2]
        for path in place.resolve(name) if "/" in name else []:
            if self.came_from_network(path):
                finding.dangerous(f"runs `{name}`, which came from the network")
        command = Command(base, args, place, finding, run, run_text, self.came_from_network)
        if not (asks_version(command) or judge_form(command)):
            note_downloads(command)
            name_dangers(command)
            self.judges.get(base, self.unknown_program)(command)
        if base != name:
            finding.ask(f"runs `{name}`, which need not be the program of that name")
        return tuple(runs)

    def command_of(self, args: Sequence[Arg], place: Place) -> Finding:
        """Judge the command that a wrapper starts, as if it stood in its place."""
        finding = Finding(place)
        if not args:
            return finding
        name = args[0].literal
        runs: tuple[CommandPart, ...] = ()
        if name is None:
            self._unknown_program(args[0], place, finding)
        else:
            _refuse_any_words(name, args[1:], finding)
            runs = self._judge(name, tuple(args[1:]), place, finding)
        self.parts.append(_part(args, runs, read_only=finding.harmless))
        return finding

    def _nested(self, runs: list[CommandPart], finding: Finding, judge: Callable[[Line], Finding]) -> None:
        if self.depth > 8:
            raise Unclear("commands are nested too deeply")
        line = Line(
            self.judges, self.unknown_program, downloaded=self.downloaded, loops=self.loops, depth=self.depth + 1
        )
        inner = judge(line)
        finding.merge(inner)
        finding.gives |= inner.gives
        runs.extend(line.parts)

    def _remember_downloads(self, finding: Finding, redirects: Sequence[RedirectTo], place: Place) -> None:
        unpacked = finding.unpacks and any(self.came_from_network(access.path) for access in finding.accesses)
        if not (finding.network or place.input.fetched or unpacked):
            return
        self.downloaded.update(access for access in finding.accesses if access.mode is Mode.WRITE)
        if finding.unpacks:
            self.downloaded.update(Access(Mode.WRITE, cwd.as_posix(), tree=True) for cwd in place.cwds)

    def came_from_network(self, path: str) -> bool:
        return any(covers(access, Access(Mode.READ, path)) for access in self.downloaded)

    # --- what the shell keeps ------------------------------------------------------------------------------------

    def _assignments(
        self, assignments: Sequence[Assignment], command: str | None, place: Place, finding: Finding
    ) -> tuple[Place, tuple[str, ...]]:
        """Assignments before the word `command`, or (None) alone."""
        alone = command is None
        variables = dict(place.variables)
        env: list[str] = []
        for assignment in assignments:
            run = self.substitution(place, finding)
            if assignment.elements is not None:
                if not alone:
                    raise Unclear("an array before a command")
                variables |= self.array(assignment, replace(place, variables=variables), finding)
                continue
            variables.pop(f"{assignment.name}[@]", None)
            value = value_of(assignment.value, replace(place, variables=variables), run, finding.secret)
            finding.gives |= value.carries
            name = assignment.name
            if is_safe_setting(name, value.literal):
                if alone:
                    variables[name] = Arg(f"${name}", carries=value.carries)
                continue
            if alone and is_own(name):
                variables[name] = value
                continue
            if name == "IFS" and command in ("read", "mapfile", "readarray"):
                continue
            if not is_own(name):
                finding.ask(f"sets `{name}`, which may change what programs do")
            env.append(f"{name}={value.literal if value.literal is not None else assignment.value.raw}")
        return (replace(place, variables=variables) if alone else place), tuple(env)


def _part(
    args: Sequence[Arg],
    runs: tuple[CommandPart, ...],
    redirects: tuple[Redirect, ...] = (),
    env: tuple[str, ...] = (),
    *,
    read_only: bool,
) -> CommandPart:
    """One simple command as rules see it: each word by its value, or as written where that is not known."""
    argv = tuple(arg.literal if arg.literal is not None else arg.raw for arg in args)
    literal = all(arg.literal is not None for arg in args)
    return CommandPart(argv, redirects, literal, env, read_only, runs, any(arg.any_words for arg in args))


def _refuse_any_words(name: str, args: Sequence[Arg], finding: Finding) -> None:
    """Ask where a word may become any number of any words: options, operands, programs.

    No judge can tell what such words would do, so this stands before all of them.
    """
    if name in TAKES_ANY_WORDS or (name == "printf" and args and _is_format(args[0])):
        return
    for arg in args:
        if arg.any_words:
            finding.ask(f"`{arg.raw}` is not quoted and may become any words, options of `{name}` among them")


def _is_format(arg: Arg) -> bool:
    return arg.literal is not None and not arg.literal.startswith("-")


def _with_text_taken(place: Place) -> Place:
    """The place in which a command before, or in the round before, may have read some of the input."""
    return replace(place, input_text=None)


def _redirects_output(redirects: Sequence[RedirectTo]) -> bool:
    """True if what is printed may go elsewhere."""
    return any(redirect.fd not in ("0", "2") and not redirect.op.startswith("<") for redirect in redirects) or any(
        redirect.fd == "1" for redirect in redirects
    )


def _assigned(place: Place, name: str, value: Arg) -> Place:
    """The place after an assignment, which leaves no array of that name as it was."""
    kept = {key: arg for key, arg in place.variables.items() if key != f"{name}[@]"}
    return replace(place, variables={**kept, name: value})


def _with_assigned(words: Sequence[Word], args: Sequence[Arg], place: Place) -> Place:
    """The place after `${NAME:=…}` in the words: what the variable holds carries what any of them does."""
    names = {name for word in words for name in assigned_by(word.pieces)}
    if not names:
        return place
    flow = NOTHING
    for arg in args:
        flow |= arg.carries
    made = {name: replace(place.variables.get(name, Arg("")), raw=f"${name}") for name in names}
    made = {name: replace(value, carries=value.carries | flow) for name, value in made.items()}
    return replace(place, variables={**place.variables, **made})


def _array_named(word: Word) -> str | None:
    found = re.fullmatch(r'"\$\{([A-Za-z_]\w*)\[@\]\}"', word.raw)
    return f"{found[1]}[@]" if found is not None else None
