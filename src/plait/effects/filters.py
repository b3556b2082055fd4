"""Judges of filters with a language of their own: sed, awk, jq. A script is read far enough to see what it does."""

from __future__ import annotations

import re
from collections.abc import Mapping

from plait.effects.command import Command, Judge, OptionSpec, read_options
from plait.effects.finding import Arg, known
from plait.effects.overwriting import name_loss
from plait.effects.programs import judge_program, table
from plait.effects.sed import only_prints
from plait.effects.wrappers import code_dangers

SED = OptionSpec(
    flags=frozenset((
        "-n", "-E", "-r", "-s", "-u", "-z", "--quiet", "--silent", "--regexp-extended", "--separate", "--posix",
    )),
    values=frozenset(("-e", "--expression", "-l")),
)  # fmt: skip
# Words of awk that run something, read a file of their own choice, or look at the environment.
AWK_ACTS = re.compile(
    r"@|(?<!\|)\|(?!\|)|\b(system|getline|close|fflush|ENVIRON|SYMTAB|PROCINFO|ARGV|FUNCTAB|extension)\b"
)
# `print` runs on to the next semicolon or brace; a `>` in it is a redirect.
AWK_REDIRECT = re.compile(r"\bprintf?\b[^;}]*>")
# After these a slash begins a regular expression; after an operand it divides.
AWK_BEFORE_EXPRESSION = re.compile(
    r"(?:^|[(\[{,;!~&|?:=\n}*%^<>$]|(?<!\+)\+|(?<!-)-|\b(?:print|printf|return|else|do|in|case|delete|exit))\s*$"
)
# Words before a parenthesis after which it may be either.
AWK_CONDITION = re.compile(r"\b(?:if|while|for)\b")
LONGEST_BEFORE_SLASH = 8
AWK = OptionSpec(
    flags=frozenset(("-S", "--sandbox", "-P", "--posix")),
    values=frozenset(("-F", "-v", "--field-separator", "--assign")),
)

# Scripts of sed that leave no line.
DELETES_ALL = ("d", "1,$d", "/./d", "/.*/d", "//d", "/^/d")


def judge_sed(command: Command) -> None:
    """sed: with `-n` or not, a script of addresses, substitutions and prints only reads; `-i`, `w`, `e` do not."""
    finding = command.finding
    in_place = [word for word in command.words if re.match(r"-[nErsuz]*i|--in-place", word)]
    options = read_options([arg for arg in command.args if arg.literal is None or arg.literal not in in_place], SED)
    operands = list(options.operands)
    scripts = [value for name, value in options.given if name in ("-e", "--expression") and value is not None]
    if not scripts and operands:
        scripts = [operands.pop(0)]
    if options.unclear is not None:
        finding.ask(f"`sed`: {options.unclear}, which may write or run something")
    texts = [script.literal for script in scripts]
    together = "\n".join(text for text in texts if text is not None)
    for script in scripts:
        text = script.literal
        if text is None or not only_prints(together):
            if (runs := re.search(r"(?:^|[\d;$/!{]\s*)e\s+(.+)", text or "")) is not None:
                command.run_text(runs[1], command.place)
            if (writes := re.search(r"(?:^|[\d;$/!{,|gpiImM]\s*)w\s+(\S[^\n]*)", text or "")) is not None:
                finding.write(known(writes[1].strip()), "sed w")
            finding.ask(f"a script of `sed` that may write or run something (`{script.raw}`)")
    for operand in operands:
        if in_place:
            finding.read(operand)
            finding.write(operand, f"sed {in_place[0]}")
            if any(text in DELETES_ALL for text in texts):
                name_loss(finding, operand, empties=True)
        else:
            finding.read(operand)
    if in_place and not operands:
        finding.ask("changes files through `sed -i`")
    finding.gives |= command.place.input


def judge_awk(command: Command) -> None:
    """awk: a program without redirection, pipes, `system` and `getline` only reads."""
    finding = command.finding
    options = read_options(command.args, AWK, stop_at_operand=True)
    if options.unclear is not None or not options.operands:
        finding.ask(f"`{command.name}`: {options.unclear or 'a program that cannot be seen'}")
        return
    program, *operands = options.operands
    text = program.literal
    bare = _without_strings(text) if text is not None else None
    if bare is None or AWK_ACTS.search(bare) or AWK_REDIRECT.search(bare):
        for reason in code_dangers(command, text or ""):
            finding.dangerous(reason)
        finding.ask(f"a program of `{command.name}` that may write or run something")
    for operand in operands:
        literal = operand.literal
        if literal is not None and re.fullmatch(r"[A-Za-z_]\w*=.*", literal, re.DOTALL):
            continue
        if not operand.surely_operand:
            finding.ask(f"`{command.name}`: `{operand.raw}` may be more than a file")
        finding.read(operand)
    finding.gives |= command.place.input


def _without_strings(program: str) -> str | None:
    """A program of awk without its strings, regular expressions and comments; None if they cannot be told apart."""
    out, at = "", 0
    while at < len(program):
        char = program[at]
        before = out.rstrip(" \t")[-LONGEST_BEFORE_SLASH:] if char == "/" else ""
        if before.endswith(("++", "--")) or (before.endswith(")") and AWK_CONDITION.search(program)):
            return None
        if char == '"' or (char == "/" and AWK_BEFORE_EXPRESSION.search(before)):
            found = re.compile(rf"{char}((?:[^{char}\\\n]|\\.)*){char}").match(program, at)
            # In brackets a slash may or may not end the expression.
            if found is None or (char == "/" and _has_open_bracket(found[1])):
                return None
            out, at = out + char * 2, found.end()
        elif char == "#":
            end = program.find("\n", at)
            at = len(program) if end < 0 else end
        elif char == "\\":
            return None
        else:
            out, at = out + char, at + 1
    return out


def _has_open_bracket(expression: str) -> bool:
    """True if a bracket in a regular expression is not closed, apart from those that are escaped."""
    plain = re.sub(r"\\.", "", expression)
    return plain.count("[") > plain.count("]")


def judge_jq(command: Command) -> None:
    """jq and yq: as the table says, unless the filter looks at the environment or at other files."""
    finding = command.finding
    args = list(command.args)
    kept: list[Arg] = []
    while args:
        arg = args.pop(0)
        if arg.literal in ("--arg", "--argjson") and len(args) >= 2:
            del args[:2]
        else:
            kept.append(arg)
    # yq takes the name of what it shall do before the filter.
    if command.name == "yq" and kept and kept[0].literal in ("e", "eval", "ea", "eval-all"):
        del kept[0]
    options = judge_program(command, table()[command.name], tuple(kept), command.name)
    if options.operands:
        text = options.operands[0].literal
        if text is None or re.search(
            r"\$?\benv\b|\$ENV|strenv|envsubst|load|system|modulemeta|\binclude\b|\bimport\b", text, re.IGNORECASE
        ):
            finding.secret(f"what the filter of `{command.name}` may look at (the environment, other files)")


JUDGES: Mapping[str, Judge] = {
    "sed": judge_sed,
    "gsed": judge_sed,
    "awk": judge_awk,
    "gawk": judge_awk,
    "mawk": judge_awk,
    "nawk": judge_awk,
    "jq": judge_jq,
    "yq": judge_jq,
}
