import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from benchmarks.commands.really import changed_by
from benchmarks.commands.sample import labelled, make_project
from hypothesis import HealthCheck, example, given, settings, strategies as st

from plait.effects.grammar import parse
from plait.effects.shell import command_effects
from plait.effects.syntax import Unclear
from plait.host.paths import Workspace

BASH = "/bin/bash"
BWRAP = shutil.which("bwrap", path="/usr/bin:/bin")
# A process space of its own, so that nothing which a random line starts is left over.
CAGE = [BWRAP, "--bind", "/", "/", "--dev", "/dev", "--unshare-pid", "--die-with-parent"] if BWRAP else []
pytestmark = pytest.mark.skipif(not os.path.exists(BASH), reason="bash is not installed")

# Every program is missing; what bash would have run is written down instead, one record in one write.
HARNESS = r"""
command_not_found_handle() {
    local IFS= record="$1" word
    shift
    for word in "$@"; do record+=$'\x01'$word; done
    printf '%s\x02' "$record" >> "$LOG"
}
eval "$0"
"""
ATOMS = st.sampled_from((
    "c0", "c1", "c2", "a", "b", "-x", "--y=z", " ", "\t", "\n", ";", "&&", "||", "|", "&", "(", ")", "{ ", "; }",
    "'", '"', "\\", "$", "`", "'a b'", '"a b"', "'a;b'", '"a;c1"', "\\;", "\\ ", "\\\n", "#", " # x\n", "<", ">",
    ">o", "2>&1", "<<<", "<<E\n", "E\n", "\nE\n", "!", "! ", "if ", "; then ", "; fi", "while ", "; do ", "; done",
    "for i in a b", "case a in ", "esac", "a) ", ";;", "=", "A=1 ", "$x", "${x}", "$(c1)", "$(c1 a)", "`c2`",
    '"$(c1)"', "{a,b}", "*", "?", "[", "]", "[[ ", " ]]", "^", "%", ",", ":", "$'a\\n'", "$'\\x41'", "&>", "|&",
    ">|", ">>", "<(c1)", "time ", "0", "1", "2>", "é", "=~", "$((1+2))", "((", "))", "~",
    "f() { ", "f() { c1 a; }; ", "f() { c1 \"$1\" b; }; ", "f", "f 'x y' ", "v=(a 'b c')", "v=(", "v='a b'; ", '"$v"',
    '"${v[@]}"', "for ((i=0; i<2; i++)); do ", "((i=1))", "local ", "shift; ", '"$1"', "for i in \"${v[@]}\"",
    "IFS= read ", "function f { ", "<<-E\n", "\r", "\\\n ", "coproc ", "select i in ",
))  # fmt: skip
HEADS = st.sampled_from(["", "c0 ", "c0 a; "])
LINES = st.builds(lambda head, atoms: head + "".join(atoms), HEADS, st.lists(ATOMS, max_size=12))


def flat(parts):
    for part in parts:
        yield part
        yield from flat(part.runs)


@settings(
    max_examples=250, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(LINES)
@example("0&>o")
@example("c0 a\\\n;c1")
@example("c0 <<E\n$(c1)\nE\nc2")
@example("c0 'a\\' c1'")
@example("a[ b; c1 ]=1")
@example("f() { c1 \"$1\"; }; f 'a b'; f c")
@example('f() { shift; c1 "$1"; }; f a b')
@example('v=(a \'b c\'); for i in "${v[@]}"; do c1 "$i"; done')
@example("for ((i=0; i<2; i++)); do c1 $i; done")
@example("function f { c1; }; f; c2")
def test_a_line_that_is_understood_splits_as_bash_splits_it(tmp_path, line):
    try:
        parse(line)
    except Unclear:
        return
    if multiplies(line):
        return
    parts = list(flat(command_effects(line, cwd=tmp_path, workspace=Workspace.at(tmp_path)).parts))
    spelled = {part.argv for part in parts if part.literal}
    open_parts = [part for part in parts if not part.literal]

    ran = bash(line, tmp_path)

    for argv in ran:
        assert argv in spelled or any(may_be(part, argv) for part in open_parts), (line, argv, spelled)


def may_be(part, argv):
    """True if a part with words that cannot be told may have become `argv`; what can be told must be the same."""
    for index, word in enumerate(part.argv):
        if set(word) & set("$`*?[{~<>(\\\"'"):
            return True
        if index >= len(argv) or argv[index] != word:
            return False
    return len(part.argv) == len(argv)


def multiplies(line: str) -> bool:
    """True if the line may start processes without end: no such line is ever run."""
    defines = re.search(r"\(\s*\)|\bfunction\b", line) is not None
    loops = re.search(r"\b(while|until|for|select|coproc)\b", line) is not None
    return (defines and re.search(r"[&|`]|\$\(|<\(|>\(|(?<!f)\(", line) is not None) or (loops and "&" in line)


def bash(line: str, folder: Path) -> list[tuple[str, ...]]:
    assert not multiplies(line)
    log = folder / "log"
    log.write_bytes(b"")
    env = {"LOG": str(log), "PATH": "/nonexistent", "HOME": os.path.expanduser("~"), "LANG": "C.UTF-8", "FUNCNEST": "4"}
    subprocess.run(
        [*CAGE, BASH, "--noprofile", "--norc", "-c", HARNESS, line],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=5,
        check=False,
    )
    records = log.read_bytes().decode("utf-8", "replace").split("\x02")
    return [tuple(record.split("\x01")) for record in records if record and "/dev/fd/" not in record]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.one_of(st.text(max_size=60), LINES))
def test_no_text_brings_the_classifier_down(text):
    effects = command_effects(text, cwd=Path("/tmp"), workspace=Workspace.at(Path("/tmp")))

    assert effects.parts or effects.unknown or effects.reason == "does nothing"


def test_commands_that_may_run_unasked_change_nothing_when_they_run(tmp_path):
    """A sample; `python -m benchmarks.commands --run` runs all of them."""
    top = make_project(tmp_path / "project")
    harmless = [entry.command for entry in labelled() if entry.right[0] == "read_only"]
    sample = harmless[::60]
    assert len(sample) >= 20

    assert {command: changed for command in sample if (changed := changed_by(command, top))} == {}
    assert changed_by("touch made", top) == ["made"]
