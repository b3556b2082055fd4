"""Judges of programs that run what they are given: they are seen through, or ask."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from plait.effects.command import Command, Judge, Options, OptionSpec, is_safe_setting, read_options
from plait.effects.finding import Arg, Flow, known
from plait.effects.grammar import parse
from plait.effects.home_in_code import home_danger, removed_paths
from plait.effects.listings import plain_names
from plait.effects.programs import judge_by_table, table
from plait.effects.projects import judge_module
from plait.effects.syntax import Unclear
from plait.effects.system import dangers

INTERPRETERS = (
    "python", "python2", "python3", "pypy", "pypy3", "node", "nodejs", "deno", "bun", "ruby", "perl", "php", "lua",
    "tclsh", "osascript", "Rscript", "julia", "groovy", "scala", "elixir", "pwsh", "powershell",
)  # fmt: skip
SHELLS = ("sh", "bash", "zsh", "dash", "ksh", "fish", "ash", "rbash")
# Other words after which their code stands.
CODE_FOLLOWS = {
    "deno": ("eval",),
    "pwsh": ("-Command", "-command", "-C"),
    "powershell": ("-Command", "-command", "-C"),
}
FLOCK = OptionSpec(
    frozenset(("-n", "-x", "-e", "-s", "-o", "--nonblock", "--exclusive", "--shared", "--close")),
    frozenset(("-w", "-E", "--timeout", "--wait")),
)
SESSIONS = (
    "systemd-run", "systemd-inhibit", "tmux", "screen", "hyperfine", "entr", "dbus-run-session", "xvfb-run", "fakeroot",
    "firejail", "proot", "nix-shell", "direnv", "mise", "watchexec", "nodemon", "concurrently", "faketime", "dotenv",
)  # fmt: skip
PLAIN_APPLETS = frozenset((
    "ls", "cat", "head", "tail", "wc", "grep", "echo", "pwd", "date", "sort", "uniq", "cut", "tr", "find", "du", "df",
    "stat", "ps", "uname", "id", "sh", "basename", "dirname", "seq", "sleep", "true", "false", "md5sum", "sha256sum",
))  # fmt: skip
XARGS = OptionSpec(
    frozenset(("-0", "-r", "-t", "-x", "--null", "--no-run-if-empty", "--verbose", "--exit")),
    frozenset((
        "-n", "-P", "-L", "-d", "-I", "-s", "-E", "-a", "--max-args", "--max-procs", "--delimiter", "--arg-file",
    )),
    # Their values are attached or left out: the next word is the program.
    frozenset(("--max-lines", "--replace")),
)  # fmt: skip
# What code in another language would have to hold to fetch a text and run it.
FETCHES_IN_CODE = re.compile(
    r"\biwr\b|Invoke-WebRequest|DownloadString|urllib|requests\.|http\.client|urlopen|fetch\(|https?://|open-uri|LWP|Net::HTTP|socket|fsockopen|inet_aton",
    re.IGNORECASE,
)
RUNS_IN_CODE = re.compile(
    r"\biex\b|Invoke-Expression|\bexec\b|\beval\b|os\.system|subprocess|popen|child_process|\bsystem\b|Function\(|os\.dup2|pty\.spawn",
    re.IGNORECASE,
)
SENDS_IN_CODE = re.compile(r"\bpost\b|urlopen\([^)]*data|\.send(all)?\(|\bput\b|connect\(", re.IGNORECASE)
READS_IN_CODE = re.compile(
    r"\bopen\(|readFile|read_text|os\.environ|process\.env|\.env\b|id_rsa|File\.read", re.IGNORECASE
)
# `[[ a > F ]]` and `((i>2))` write files in a shell that is not bash, where `echo` reads escapes too.
READ_OTHERWISE = re.compile(r"\[\[|(?<!\$)\(\(|\+=|&>|\$'|\becho\b[^\n]*\\")
QUOTED = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'""")


def _through(flags: str, values: str, operands: int = 0) -> Judge:
    """A wrapper whose options and first operands are known; what follows is the command it runs."""
    spec = OptionSpec(frozenset(flags.split()), frozenset(values.split()), numbers=True)

    def judge(command: Command) -> None:
        options = read_options(command.args, spec, stop_at_operand=True)
        if options.unclear is not None:
            command.finding.ask(f"`{command.name}`: {options.unclear}")
            _run_tail(command)
            return
        inner = options.operands[operands:]
        for operand in options.operands[:operands]:
            if operand.splits:
                command.finding.ask(
                    f"`{command.name} {operand.raw}`: it may become several words, a program among them"
                )
        if inner:
            command.run(inner, command.place)

    return judge


def _run_tail(command: Command) -> None:
    """Look for danger in what is probably the wrapped command, when the wrapper's options are not known."""
    tail = [arg for arg in command.args if arg.literal is None or not arg.literal.startswith("-")]
    if tail:
        command.run(tail, command.place)


def judge_env(command: Command) -> None:
    """env: assignments may change what the command does; without a command it shows the environment."""
    finding = command.finding
    rest = list(command.args)
    while rest:
        text = rest[0].literal
        if text is None:
            finding.ask(f"`env` with what cannot be told (`{rest[0].raw}`)")
            break
        if re.match(r"[A-Za-z_]\w*=", text):
            name, _, value = text.partition("=")
            if is_safe_setting(name, value):
                rest.pop(0)
                continue
            finding.ask(f"sets `{text.partition('=')[0]}` through `env`")
        elif text in ("-i", "-", "--ignore-environment"):
            # What is set to keep git and others from running programs would be gone.
            finding.ask("drops the environment through `env -i`")
        elif text == "-0":
            pass
        elif text in ("-u", "--unset") and len(rest) > 1:
            finding.ask("unsets a variable through `env`")
            rest.pop(0)
        elif text.startswith("-"):
            finding.ask(f"`env {text}` is not known to be harmless")
            if (attached := re.fullmatch(r"-S(.+)|--split-string=(.+)", text, re.DOTALL)) is not None:
                command.run_text(attached[1] or attached[2], command.place)
                return
            if text in ("-S", "--split-string") and len(rest) > 1 and rest[1].literal is not None:
                command.run_text(rest[1].literal, command.place)
                return
        else:
            break
        rest.pop(0)
    if rest:
        command.run(rest, command.place)
    else:
        finding.secret("environment variables")


def judge_command(command: Command) -> None:
    """command, builtin: `-v` only looks a name up."""
    rest = list(command.args)
    while rest and rest[0].literal in ("-p", "-v", "-V", "--"):
        if rest.pop(0).literal in ("-v", "-V"):
            for arg in rest:
                if "/" in (arg.literal or ""):
                    command.finding.read(arg, contents=False)
            return
    if rest:
        command.run(rest, command.place)


def judge_exec(command: Command) -> None:
    if command.args:
        command.finding.ask("replaces the shell through `exec`")
        _run_tail(command)


def judge_xargs(command: Command) -> None:
    """xargs: what it appends to the command comes from its input."""
    options = read_options(command.args, XARGS, stop_at_operand=True)
    if options.unclear is not None:
        command.finding.ask(f"`xargs`: {options.unclear}")
        _run_tail(command)
        return
    inner = options.operands or [known("echo")]
    placeholder = options.value("-I", "--replace") or (known("{}") if options.has("--replace") else None)
    listed = options.value("-a", "--arg-file")
    if listed is not None:
        command.finding.read(listed)
    appended = _appended(command, options) if listed is None else [ANY_WORDS]
    if placeholder is None:
        command.run([*inner, *appended], command.place)
        return
    mark = placeholder.literal or "{}"
    if options.has(*GROUPS):
        command.finding.ask("`xargs -I` with `-n` or `-L`, the last of which alone counts")
    filled: list[Arg] = []
    for index, arg in enumerate(inner):
        holds = any(mark in text for text in (arg.raw, arg.prefix, arg.glob or "", *(arg.values or ())))
        if not holds or arg.literal == mark:
            # Each line takes its place, as one word.
            filled.extend([replace(line, splits=False) for line in appended] if arg.literal == mark else [arg])
            continue
        head = (arg.literal or arg.prefix).partition(mark)[0]
        filled.append(Arg(arg.raw, prefix=head, carries=arg.carries | command.place.input))
        if index == 0:
            command.finding.ask("puts its input into the name of a program through `xargs -I`")
    command.run(filled, command.place)


# They spread the words over several commands.
GROUPS = ("-n", "-L", "-s", "-E", "--max-args", "--max-lines")
# Quotes and escapes, and white space that may or may not end a word.
XARGS_READS = re.compile(r"['\"\\]|[^\S \t\n]")
LINE_ENDS = ("\\n", "'\\n'", '"\\n"', "$'\\n'")
ANY_WORDS = Arg('"$@"', splits=True, loose=True, carries=Flow(contents=True))


def _appended(command: Command, options: Options) -> list[Arg]:
    """What xargs makes of its input: one word for each, or for all of them, as far as they can be told."""
    place = command.place
    delimiter = options.value("-d", "--delimiter")
    nul = options.has("-0", "--null")
    lines = options.has("-I", "--replace") or (delimiter is not None and delimiter.raw in LINE_ENDS)
    # Where words are spread or left out, which of them stands first cannot be told.
    text = place.input_text if not options.has(*GROUPS) else None
    if text is not None and not nul and (delimiter is None or lines) and XARGS_READS.search(text) is None:
        if not lines:
            return [known(word) for word in text.split()]
        if not options.has("-I", "--replace"):
            return [known(line) for line in text.removesuffix("\n").split("\n")]
        told = tuple(line.strip() for line in text.split("\n") if line.strip())
        return [Arg('"{}"', told, carries=place.input)] if told else []
    if delimiter is None or lines:
        names = plain_names(place.input_names, place, nul=nul)
        if names is not None:
            return [replace(names, splits=True, carries=place.input)]
    return [Arg('"$@"', splits=True, loose=True, carries=place.input)]


def judge_shell(command: Command) -> None:
    """sh, bash …: `-c` runs a text, a file runs a script, and without either the input is run."""
    finding = command.finding
    args = list(command.args)
    runs_text = False
    while args and (args[0].literal or "").startswith(("-", "+")):
        option = args.pop(0).literal or ""
        if option in ("-O", "--rcfile", "--init-file") and args:
            finding.ask(f"`{command.name} {option}` is not known")
            args.pop(0)
        elif re.fullmatch(r"[-+][eux]*o", option) and args:
            if args.pop(0).literal not in ("pipefail", "errexit", "nounset", "xtrace"):
                finding.ask(f"`{command.name} {option}` is not known")
        elif re.fullmatch(r"-[eux]*l?[eux]*c", option):
            runs_text = True
            break
        elif option not in ("-e", "-u", "-x", "-eu", "-eux", "-ex", "--noprofile", "--norc", "-s", "-l", "--", "-"):
            finding.ask(f"`{command.name} {option}` is not known")
            runs_text = runs_text or ("c" in option and not option.startswith("--"))
    if runs_text and args:
        _run_text(command, args[0])
    elif args:
        _run_script(command, args[0])
    else:
        run_input(command)


def _run_text(command: Command, text: Arg) -> None:
    finding = command.finding
    _refuse_foreign(command, text.carries)
    if text.literal is None:
        finding.ask(f"runs a text that cannot be told through `{command.name} -c`")
        return
    if command.name not in ("sh", "bash", "dash"):
        finding.ask(f"runs a text through `{command.name} -c`")
    if command.name != "bash" and READ_OTHERWISE.search(text.literal) is not None:
        finding.ask(f"`{command.name}` reads what only bash knows as something else, a redirect among it")
    # It knows only variables that were exported, and no function.
    command.run_text(text.literal, replace(command.place, variables={}, functions={}))


def _run_script(command: Command, script: Arg) -> None:
    _refuse_foreign(command, script.carries)
    for value in script.values or ():
        if re.match(r"https?://", value):
            command.finding.dangerous(f"runs code from the network through `{command.name}`")
        if value in ("/dev/stdin", "-", "/proc/self/fd/0"):
            run_input(command)
        for path in command.place.resolve(value):
            if command.came_from_network(path):
                command.finding.dangerous(f"runs `{value}`, which came from the network")
    command.finding.ask(f"runs a script through `{command.name}`")


def run_input(command: Command) -> None:
    """The command runs its standard input as code."""
    finding, place = command.finding, command.place
    _refuse_foreign(command, place.input)
    finding.ask(f"runs its input as code through `{command.name}`")
    if place.input_text is not None and command.name in SHELLS:
        try:
            parse(place.input_text)
        except Unclear:
            return
        command.run_text(place.input_text, place.with_input(Flow()))


def _refuse_foreign(command: Command, flow: Flow) -> None:
    if flow.fetched:
        command.finding.dangerous(f"runs code from the network through `{command.name}`")
    if flow.decoded:
        command.finding.dangerous(f"runs code that was hidden by an encoding through `{command.name}`")


def judge_eval(command: Command) -> None:
    """eval: joins its words and runs them."""
    for arg in command.args:
        _refuse_foreign(command, arg.carries)
    if command.all_known:
        command.run_text(" ".join(command.words), command.place)
    else:
        command.finding.ask("runs a text that cannot be told through `eval`")


def judge_source(command: Command) -> None:
    command.finding.ask(f"runs a script in this shell through `{command.name}`")
    if command.args:
        _run_script(command, command.args[0])


def judge_interpreter(command: Command) -> None:
    """python, node, perl …: code that is run asks; what fetches and runs, sends, or destroys is named."""
    finding = command.finding
    words = command.words
    if judge_module(command):
        return
    if words[:1] == ["-m"] and len(words) > 1 and (words[1] in dangers() or words[1] == "plait"):
        command.run(command.args[1:], command.place)
    inline: list[str] = []
    script: Arg | None = None
    skip = False
    for index, word in enumerate(words):
        if skip:
            skip = False
        elif command.name == "ruby" and re.match(r"-r\w", word):
            # The name of a library, whatever it ends with.
            continue
        elif re.fullmatch(r"-[a-zA-Z]*[cerE]|--eval|--execute|--print|-p|-pe|-ne", word) and index + 1 < len(words):
            inline.append(words[index + 1])
            _refuse_foreign(command, command.args[index + 1].carries)
            skip = True
        elif word in ("-m", "-W", "-X", "-r", "--require", "-I"):
            script = script or known(word)
            skip = True
        elif (attached := re.fullmatch(r"(?:--eval|--print|--execute)=(.+)", word, re.DOTALL)) is not None:
            inline.append(attached[1])
        elif word in CODE_FOLLOWS.get(command.name, ()) and index + 1 < len(words):
            inline.append(words[index + 1])
            skip = True
        elif word == "run" and command.name in ("deno", "bun"):
            continue
        elif not word.startswith("-") and script is None and not inline:
            script = command.args[index]
            _run_script(command, script)
    for code in inline:
        for reason in code_dangers(command, code):
            finding.dangerous(reason)
    if not inline and script is None:
        text = command.place.input_text
        for reason in code_dangers(command, text) if text is not None else ():
            finding.dangerous(reason)
        if command.place.piped or not words or words == ["-"]:
            run_input(command)
    finding.ask(f"runs code through `{command.name}`")


def code_dangers(command: Command, code: str) -> Sequence[str]:
    """Look for the plain forms of danger in code of another language; it cannot be told in general."""
    reasons: list[str] = []
    if FETCHES_IN_CODE.search(code) and RUNS_IN_CODE.search(code):
        reasons.append(f"runs code from the network, or opens the machine to it, through `{command.name}`")
    if re.search(r"\b(?:import|from)\s*\(?\s*[\"'`]https?://", code):
        reasons.append(f"runs code from the network through `{command.name}`")
    if FETCHES_IN_CODE.search(code) and SENDS_IN_CODE.search(code) and READS_IN_CODE.search(code):
        reasons.append(f"sends data out through `{command.name}`")
    if re.search(r"b64decode|base64", code) and re.search(r"\bexec\b|\beval\b", code):
        reasons.append(f"runs code that was hidden by an encoding through `{command.name}`")
    if (danger := home_danger(code)) is not None:
        reasons.append(f"{danger}, through `{command.name}`")
    for path in removed_paths(code):
        command.run([known("rm"), known("-rf"), Arg(path, (os.path.expanduser(path),))], command.place)
    if command.name in ("ruby", "perl", "php"):
        for quoted in re.finditer(r"`([^`\n]+)`", code):
            command.run_text(quoted[1], command.place)
    if RUNS_IN_CODE.search(code):
        for quoted in QUOTED.finditer(code):
            text = quoted[1] or quoted[2] or ""
            try:
                parse(text)
            except Unclear:
                continue
            if " " in text:
                command.run_text(text, command.place)
    return reasons


def judge_flock(command: Command) -> None:
    """flock: makes the file that it locks, and runs what follows."""
    options = read_options(command.args, FLOCK, stop_at_operand=True)
    if options.unclear is not None or not options.operands:
        command.finding.ask(f"`flock`: {options.unclear or 'what it runs cannot be told'}")
        _run_tail(command)
        return
    lock, *inner = options.operands
    command.finding.write(lock, "flock")
    if len(inner) == 2 and inner[0].literal in ("-c", "--command") and inner[1].literal is not None:
        command.run_text(inner[1].literal, command.place)
    elif inner:
        command.run(inner, command.place)


def judge_busybox(command: Command) -> None:
    """busybox: its programs have no more options than those of GNU, but for the ones that are left out."""
    if not command.args or command.words[0] in ("--list", "--help"):
        return
    if command.words[0].startswith("-") or "/" in command.words[0] or command.words[0] not in PLAIN_APPLETS:
        command.finding.ask(f"`{command.name} {command.words[0]}` is not known to be harmless")
    command.run(command.args, command.place)


def judge_watch(command: Command) -> None:
    command.finding.ask(f"`{command.name}` runs a command in a way of its own")
    _run_tail(command)


# Programs that are looked for among the words of one whose own options are not known here.
LOOKED_FOR = frozenset((
    *SHELLS, *INTERPRETERS, "rm", "curl", "wget", "sudo", "env", "dd", "git", "eval", "find", "xargs", "chmod", "chown",
    "mv", "cp", "ssh", "scp", "nc", "truncate", "shred", "npm", "npx", "timeout", "nohup",
))  # fmt: skip


def judge_session(command: Command) -> None:
    """systemd-run, tmux …: they start what stands somewhere among their words, or in one of them."""
    judge_by_table(command) if command.name in table() else judge_watch(command)
    for index, arg in enumerate(command.args):
        text = arg.literal or ""
        if text.rpartition("/")[2] in LOOKED_FOR:
            command.run(command.args[index:], command.place)
            return
        if re.search(r"\S\s+\S", text) is not None:
            try:
                parse(text)
            except Unclear:
                continue
            command.run_text(text, command.place)


JUDGES: Mapping[str, Judge] = {
    "timeout": _through("--foreground --preserve-status -v --verbose", "-s --signal -k --kill-after", 1),
    "gtimeout": _through("--foreground --preserve-status -v --verbose", "-s --signal -k --kill-after", 1),
    "nice": _through("", "-n --adjustment"),
    "nohup": _through("", ""),
    "time": _through("-p -v", ""),
    "stdbuf": _through("", "-i -o -e --input --output --error"),
    "setsid": _through("-w -f --wait --fork", ""),
    "ionice": _through("-t --ignore", "-c -n --class --classdata"),
    "taskset": _through("-c --cpu-list", "", 1),
    "chrt": _through("-b -i -o -r -f --batch --idle --other", "", 1),
    "caffeinate": _through("-d -i -m -s -u", "-t"),
    "chronic": _through("", ""),
    "unbuffer": _through("", ""),
    "flock": judge_flock,
    "watch": judge_watch,
    "script": judge_watch,
    "parallel": judge_watch,
    "strace": judge_watch,
    "ltrace": judge_watch,
    **dict.fromkeys(SESSIONS, judge_session),
    "busybox": judge_busybox,
    "toybox": judge_busybox,
    "env": judge_env,
    "command": judge_command,
    "builtin": judge_command,
    "exec": judge_exec,
    "xargs": judge_xargs,
    "gxargs": judge_xargs,
    "eval": judge_eval,
    "source": judge_source,
    ".": judge_source,
    **dict.fromkeys(SHELLS, judge_shell),
    **dict.fromkeys(INTERPRETERS, judge_interpreter),
}
