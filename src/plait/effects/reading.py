"""Judges of programs that only read unless their own little language says otherwise: find, test, tar …"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from plait.effects.command import Command, Judge, OptionSpec, read_options
from plait.effects.expansion import SECRETIVE
from plait.effects.finding import Arg, Flow, known
from plait.effects.listings import names_below
from plait.effects.programs import judge_by_table, judge_program, table
from plait.effects.removing import remove_below
from plait.host.opening import bytes_of
from plait.host.protected import secret_name

FIND_TESTS = frozenset((
    "-name", "-iname", "-path", "-ipath", "-wholename", "-iwholename", "-regex", "-iregex", "-type", "-xtype",
    "-size", "-mtime", "-mmin", "-atime", "-amin", "-ctime", "-cmin", "-newer", "-anewer", "-cnewer", "-perm",
    "-user", "-group", "-uid", "-gid", "-links", "-inum", "-samefile", "-maxdepth", "-mindepth", "-regextype",
    "-fstype", "-lname", "-ilname", "-used", "-newermt", "-printf", "-context", "-newerct", "-newerat",
))  # fmt: skip
FIND_FLAGS = frozenset((
    "-print", "-print0", "-ls", "-prune", "-quit", "-empty", "-executable", "-readable", "-writable", "-nouser",
    "-nogroup", "-true", "-false", "-depth", "-xdev", "-mount", "-follow", "-daystart", "-noleaf", "-not", "-a",
    "-and", "-o", "-or", "!", "(", ")", ",", "-H", "-L", "-P", "-noignore_readdir_race", "-warn", "-nowarn",
))  # fmt: skip
# Actions that print something else than the names of what is found, or do something with it.
ACTS = frozenset((
    "-printf", "-ls", "-fprint", "-fprint0", "-fls", "-fprintf", "-exec", "-execdir", "-ok", "-okdir", "-delete",
    "-files0-from",
))  # fmt: skip
FIND_FILES = frozenset(("-newer", "-anewer", "-cnewer", "-samefile"))
FIND_NARROWING = frozenset((
    "-name", "-iname", "-path", "-ipath", "-regex", "-iregex", "-size", "-mtime", "-mmin", "-newer", "-empty",
    "-user", "-perm", "-atime", "-ctime", "-amin",
))  # fmt: skip
FILE_TESTS = frozenset((
    "-b", "-c", "-d", "-e", "-f", "-g", "-h", "-k", "-p", "-r", "-s", "-u", "-w", "-x", "-G", "-L", "-N", "-O",
    "-S",
))  # fmt: skip
FILE_COMPARISONS = frozenset(("-nt", "-ot", "-ef"))
# A line of a list of checksums, in GNU's form or in that of BSD.
CHECKSUM_LINE = re.compile(r"(?:[0-9a-fA-F]{8,128} [ *](.+)|[A-Za-z0-9/-]+ \((.+)\) = [0-9a-fA-F]+)\s*")
MAX_LIST_BYTES = 1_000_000
CHECKSUMS = (
    "sum", "md5sum", "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "cksum", "b2sum", "shasum", "md5",
)  # fmt: skip
GZIP = OptionSpec(
    flags=frozenset((
        "-l", "-t", "-c", "-d", "-k", "-v", "-q", "-1", "-9", "-f", "--list", "--test", "--stdout", "--decompress",
        "--keep",
    ))
)  # fmt: skip


def judge_find(command: Command) -> None:
    """find: tests read names; actions that run, delete or write ask."""
    finding, words = command.finding, command.words
    starts: list[Arg] = []
    index = 0
    while index < len(words) and words[index] in ("-H", "-L", "-P"):
        index += 1
    while index < len(words) and not words[index].startswith(("-", "!", "(", ")", ",")):
        if not command.args[index].surely_operand:
            finding.ask(f"`find`: `{words[index]}` may be an action that writes or runs something")
            break
        starts.append(command.args[index])
        index += 1
    for start in starts:
        finding.read(start, tree=True, contents=False)
    if not starts:
        finding.read_here()
    if {"-L", "-follow"} & set(words):
        for start in starts or [known(".")]:
            finding.follow_links(start)
    narrow = False
    while index < len(words):
        word = words[index]
        narrow = narrow or word in FIND_NARROWING
        if command.args[index].literal is None and not command.args[index].surely_operand:
            finding.ask(f"`find`: `{word}` may be an action that writes or runs something")
            index += 1
        elif word in FIND_TESTS:
            if index + 1 >= len(words):
                finding.ask(f"`find {word}` without its value")
            elif word in FIND_FILES:
                finding.read(command.args[index + 1], contents=False)
            elif word.startswith("-newer") and word.endswith("t") and _may_name_a_zone(command.args[index + 1]):
                finding.ask(f"`find {word} {words[index + 1]}` may read the file of a time zone (`TZ=`)")
            elif command.args[index + 1].splits:
                finding.ask(f"`find {word} {words[index + 1]}`: it is not quoted and may become several words")
            index += 2
        elif word in FIND_FLAGS:
            index += 1
        elif word == "-delete":
            finding.ask("deletes what it finds through `find -delete`")
            remove_below(command, starts or [known(".")], narrow=narrow)
            index += 1
        elif word in ("-exec", "-execdir", "-ok", "-okdir"):
            index = _find_exec(command, index, starts or [known(".")], narrow=narrow)
        elif word in ("-fprint", "-fprint0", "-fls", "-fprintf") and index + 1 < len(words):
            finding.write(command.args[index + 1], f"find {word}")
            index += 3 if word == "-fprintf" else 2
        else:
            finding.ask(f"`find {word}` is not known to be harmless")
            index += 1
    finding.output_names = _listed(command, starts or [known(".")])


def _listed(command: Command, starts: list[Arg]) -> Arg | None:
    """The names that find prints, one a line; None if it prints anything else."""
    if ACTS.intersection(command.words) or not command.all_known:
        return None
    words = command.words
    if "-print0" in words and "-print" in words:
        return None
    names = _found(command, starts) if len(starts) == 1 else None
    texts = [start.literal or "/" for start in starts]
    if names is None and len(starts) > 1 and not any(text[0] in "/~" or ".." in text.split("/") for text in texts):
        names = _found(command, [known(".")])
    if names is None:
        return None
    return replace(names, prefix="./", loose=True, listed=True, nul="-print0" in words)


def _find_exec(command: Command, index: int, starts: list[Arg], *, narrow: bool) -> int:
    """Judge what `-exec` starts, with the files found as its operands: they begin with the start, so are no options."""
    finding, words = command.finding, command.words
    end = next((at for at in range(index + 1, len(words)) if words[at] in (";", "+")), len(words))
    inner = list(command.args[index + 1 : end])
    names = _found(command, starts)
    if names is None or any("{}" in arg.raw and arg.literal != "{}" for arg in inner) or words[index] != "-exec":
        finding.ask(f"runs a command on each file through `find {words[index]}`")
    found = names if names is not None else Arg("{}", prefix="./")
    if inner:
        command.run([found if arg.literal == "{}" else arg for arg in inner], command.place)
        name = (inner[0].literal or "").rpartition("/")[2]
        if name in ("rm", "shred", "unlink"):
            remove_below(command, starts, narrow=narrow)
        if name in ("chmod", "chown", "chgrp"):
            remove_below(command, starts, narrow=False, verb="changes the owner or mode of")
    return end + 1


def _found(command: Command, starts: list[Arg]) -> Arg | None:
    """The files that a search by name finds, as a pattern; None if anything may be found."""
    words = command.words
    named = next((at for at, word in enumerate(words[:-1]) if word in ("-name", "-iname")), None)
    excludes = [words[at + 1] for at, word in enumerate(words[:-1]) if word in ("!", "-not")]
    if {"-o", "-or", ","} & set(words) or any(word in ("-name", "-iname", "(", "!", "-not") for word in excludes):
        named = None
    if len(starts) != 1 or not starts[0].literal or any(secret_name(word.rpartition("/")[2]) for word in words):
        return None
    if "-L" in words or "-follow" in words:
        return None
    if named is None:
        return replace(names_below(starts[0].literal, hidden=True), prefix="./", loose=False, links=True)
    pattern = command.args[named + 1]
    if pattern.literal is None:
        return None
    start = starts[0].literal.rstrip("/") or "/"
    return Arg("{}", None, f"{start}/{pattern.literal}", f"{start}/", links=True)


def judge_printf(command: Command) -> None:
    """printf: only `-v` does more than print."""
    first = command.args[0] if command.args else None
    # Before the format may stand words that become none at all.
    fixed = next((at for at, arg in enumerate(command.args) if not arg.splits), len(command.args))
    if any((arg.literal or "").startswith("-v") for arg in command.args[: fixed + 1]):
        command.finding.ask("`printf -v` sets a variable")
    elif first is not None and not first.surely_operand and first.literal is None:
        command.finding.ask("`printf` with a format that may be an option")
    _echoes(command, _printed(command.words) if command.all_known else None)


def _printed(words: list[str]) -> str | None:
    """What printf prints, for the plainest formats."""
    match words:
        case [form] if not set(form) & set("%\\"):
            return form
        case ["%s", *texts]:
            return "".join(texts)
        case ["%s\\n", *texts]:
            return "\n".join(texts) + "\n"
        case _:
            return None


def judge_checksum(command: Command) -> None:
    """md5sum and its like: `-c` reads the files that a list names."""
    options = judge_program(command, table()[command.name], command.args, command.name)
    if not any(
        name in ("-c", "--check") or ("--check".startswith(name) and len(name) > 2) for name, _ in options.given
    ):
        return
    for operand in options.operands or [Arg("-")]:
        texts = [bytes_of(Path(path), MAX_LIST_BYTES) for path in command.place.resolve(operand.literal or "")]
        if operand.literal in (None, "", "-") or not texts or None in texts:
            command.finding.ask(f"`{command.name} -c` reads the files that a list names, which cannot be seen")
            continue
        for text in texts:
            for line in (text or b"").decode("utf-8", "surrogateescape").splitlines():
                named = CHECKSUM_LINE.fullmatch(line)
                if named is not None:
                    command.finding.read(known(named[1] or named[2]))
                elif line.strip():
                    command.finding.ask(f"`{command.name} -c` reads a list that is not understood")
                    return


def judge_which(command: Command) -> None:
    """which, type: a name with a slash is looked up where it says."""
    judge_by_table(command)
    for arg in command.args:
        if "/" in (arg.literal or ""):
            command.finding.read(arg, contents=False)


def judge_df(command: Command) -> None:
    """df: of a directory it shows the file system alone; a file is opened."""
    options = judge_program(command, table()["df"], command.args, "df")
    for operand in options.operands:
        paths = command.place.resolve(operand.literal) if operand.literal is not None else []
        if not paths or not all(map(os.path.isdir, paths)):
            command.finding.read(operand)


def judge_top(command: Command) -> None:
    """top makes the directory of its settings where there is none."""
    judge_by_table(command)
    home = Path.home()
    if not (home / ".toprc").exists() and not (home / ".config" / "procps").is_dir():
        command.finding.ask("`top` makes the directory of its settings in the home directory")


def judge_pwd(command: Command) -> None:
    judge_by_table(command)
    if len(command.place.cwds) == 1:
        command.finding.output_text = command.place.cwds[0].as_posix() + "\n"


def judge_archive(command: Command) -> None:
    """zip, 7z, cpio: they read what they are given and write archives, or unpack them."""
    command.finding.gives |= Flow(contents=True) | command.place.input
    listing = command.words[:1] == ["l"] if command.name.startswith("7z") else command.words[:1] in (["t"], ["tv"])
    if listing and len(command.args) == 2 and command.args[1].surely_operand and command.name != "pax":
        command.finding.read(command.args[1])
        return
    for arg in command.args:
        if not (arg.literal or arg.prefix).startswith("-"):
            command.finding.read(arg, tree=True)
    command.finding.unpacks = True
    command.finding.ask(f"creates or unpacks an archive through `{command.name}`")


def judge_echo(command: Command) -> None:
    options = list(itertools.takewhile(lambda word: re.fullmatch(r"-[neE]+", word), command.words))
    words = command.words[len(options) :]
    escaped = any("e" in word for word in options)
    told = command.all_known and not (escaped and "\\" in " ".join(words))
    _echoes(command, " ".join(words) + "\n" if told else None)


def _echoes(command: Command, text: str | None) -> None:
    for arg in command.args:
        command.finding.gives |= arg.carries
        if re.search(r"\\(x|u|0|[1-7])", arg.raw):
            command.finding.gives |= Flow(decoded=True)
        if arg.glob is not None:
            command.finding.read(arg, contents=False)
    command.finding.output_text = text


def judge_test(command: Command) -> None:
    """`[` and `test`: `-v` evaluates an index, and an unquoted variable may become any test."""
    finding = command.finding
    args = [arg for arg in command.args if arg.literal != "]"]
    for arg in args:
        if arg.literal in ("-v", "-R") or (arg.splits and not arg.number):
            finding.ask(f"a test that cannot be told (`{arg.raw}`)")
    texts = [arg.literal for arg in args]
    for index, arg in enumerate(args[:-1]):
        begins = index == 0 or texts[index - 1] in ("!", "(", "-a", "-o")
        if begins and arg.literal is None and not arg.number and texts[index + 1] not in BINARY_TESTS:
            finding.ask(f"a test that cannot be told (`{arg.raw}`)")
    for arg in tested_files([arg.raw if arg.literal is None else arg.literal for arg in args], args):
        finding.read(arg, contents=False)


# Also what stands behind a test that is a text alone.
BINARY_TESTS = frozenset((
    "=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "-a", "-o", ")",
))  # fmt: skip
TEXT_COMPARISONS = frozenset(("=", "==", "!=", "=~"))


def tested_files(words: Sequence[str], args: Sequence[Arg]) -> Iterator[Arg]:
    """The files that a test looks at: after `-f` and its like, around `-nt`, and whatever else is a path."""
    for index, arg in enumerate(args):
        before = words[index - 1] if index else ""
        after = words[index + 1] if index + 1 < len(words) else ""
        # Between two tests, `-a` joins them.
        tested = before in FILE_TESTS or (before == "-a" and (index == 1 or words[index - 2] in ("!", "(")))
        text = before in ("-n", "-z") or bool({before, after} & TEXT_COMPARISONS)
        path = arg.literal is not None and "/" in arg.literal and not text
        if tested or path or {before, after} & FILE_COMPARISONS:
            yield arg


def _may_name_a_zone(date: Arg) -> bool:
    """True if a text that is read as a date may begin with `TZ="…"`, which opens a file wherever it is."""
    if date.values is not None:
        return any(value.lstrip().startswith("TZ=") for value in date.values)
    return not date.number and date.prefix.lstrip()[:1] in ("", "T")


def judge_date(command: Command) -> None:
    options = judge_program(command, table()["date"], command.args, "date")
    for option, value in options.given:
        if option in ("-d", "--date") and value is not None and _may_name_a_zone(value):
            command.finding.ask(f"`date {option} {value.raw}` may read the file of a time zone (`TZ=`)")
    sets = any(re.match(r"-[a-zA-Z]*s|--s", word) for word in command.words)
    if options.unclear is not None and not sets:
        return
    for operand in options.operands:
        if not operand.prefix.startswith("+"):
            command.finding.dangerous("sets the clock of the system")


def judge_pager(command: Command) -> None:
    """less, more: without a terminal they print; what begins with a plus is a command of theirs."""
    judge_by_table(command)
    texts = [arg.literal or arg.prefix or "+" for arg in command.args]
    if any(text.startswith("+") and not re.fullmatch(r"\+(G|\d+|/[\w ]+)", text) for text in texts):
        command.finding.ask(f"`{command.name}` may be given a command (`+…`)")


def judge_man(command: Command) -> None:
    """man: pages by their name, and searches for them (`-k`, `-f`)."""
    args = command.args[1:] if command.words[:1] in (["-k"], ["-f"]) else command.args
    if not all(arg.literal is not None and re.fullmatch(r"[A-Za-z0-9][\w.+-]*", arg.literal) for arg in args):
        command.finding.ask("`man` with options or paths may run something")


def judge_shopt(command: Command) -> None:
    """shopt: most options change how lines are read; that an unmatched pattern vanishes does not."""
    if not set(command.words) <= {"-s", "-u", "-q", "nullglob", "failglob"}:
        command.finding.ask("changes how the shell works")


def judge_ps(command: Command) -> None:
    """ps: the BSD option `e` shows the environment of processes."""
    if any(re.fullmatch(r"[a-zA-Z]*e[a-zA-Z]*|-[a-zA-Z]*E[a-zA-Z]*", word) for word in command.words):
        command.finding.secret("the environment of processes")
    judge_by_table(command)


def judge_printenv(command: Command) -> None:
    words = [word for word in command.words if word not in ("-0", "--null")]
    # A name that cannot be told may be any, and names of a listing may be none at all: then it shows everything.
    if not words or not command.all_known or any(SECRETIVE.search(word) for word in words):
        command.finding.secret("environment variables")


def judge_tar(command: Command) -> None:
    """tar: listing a plain archive reads; everything else writes, or runs what options name."""
    finding, words = command.finding, command.words
    first = words[0] if words else ""
    if words[:1] in (["--list"], ["-t"]) and len(words) > 2 and words[1] in ("-f", "-zf", "-vf", "--file"):
        words, first = ["-tf", *words[2:]], "-tf"
        command = replace(command, args=(known("-tf"), *command.args[2:]))
    lists = re.fullmatch(r"-?t[vzjJ]*f|-?[vzjJ]*t[vzjJ]*f|--list", first) is not None
    archive = command.args[1] if len(command.args) > 1 else None
    if lists and archive is not None and archive.surely_operand and ":" not in archive.prefix and first != "--list":
        rest = command.args[2:]
        if all(arg.surely_operand for arg in rest):
            for arg in (archive, *rest) if archive.splits else (archive,):
                finding.read(arg)
            return
    if any(
        word.startswith(
            ("--to-command", "--checkpoint-action", "-I", "--use-compress-program", "--rsh", "-F", "--info-script")
        )
        for word in words
    ):
        finding.ask("`tar` runs a program that an option names")
        return
    mode = first.lstrip("-")
    for index, word in enumerate(words[:-1]):
        if word in ("-C", "--directory"):
            finding.write(command.args[index + 1], "tar -C", tree=True)
    if "c" in mode and not first.startswith("--"):
        if mode.endswith("f") and archive is not None:
            finding.write(archive, "tar")
        finding.gives |= Flow(contents=True)
        for arg in command.args[1:]:
            if arg.literal is None or not arg.literal.startswith("-"):
                finding.read(arg, tree=True)
    elif archive is not None:
        finding.read(archive)
    finding.gives |= command.place.input
    finding.unpacks = True
    finding.ask("creates or unpacks an archive through `tar`")


def judge_unzip(command: Command) -> None:
    words = command.words
    if (
        words
        and re.fullmatch(r"-(l|v|Z1?|t|lv|p)", words[0])
        and len(words) >= 2
        and all(arg.surely_operand for arg in command.args[1:])
    ):
        for arg in command.args[1:] if command.args[1].splits else command.args[1:2]:
            command.finding.read(arg)
        return
    for index, word in enumerate(words[:-1]):
        if word == "-d":
            command.finding.write(command.args[index + 1], "unzip -d", tree=True)
    archive = next((arg for arg in command.args if not (arg.literal or arg.prefix or "-").startswith("-")), None)
    if archive is not None:
        command.finding.read(archive)
    command.finding.unpacks = True
    command.finding.ask("unpacks an archive through `unzip`")


def _packed(name: str, path: str) -> str:
    """The name of the file that takes the place of `path`."""
    ending = {"gzip": ".gz", "bzip2": ".bz2", "xz": ".xz"}.get(name)
    return path + ending if ending is not None else re.sub(r"\.(gz|bz2|xz)$", "", path)


def judge_gzip(command: Command) -> None:
    """gzip and its kin: `-l`, `-t` and `-c` leave the files as they are."""
    options = read_options(command.args, GZIP)
    command.finding.gives |= command.place.input | Flow(decoded=command.name in ("gunzip", "bunzip2", "unxz"))
    unpacking = command.name in ("gunzip", "gzip", "bunzip2", "bzip2", "unxz", "xz")
    # xz and bzip2 do what the last of `-t`, `-l` and `-d` says.
    looks = options.has("-l", "-t", "--list", "--test") and not options.has("-d", "--decompress")
    if unpacking and options.unclear is None and (looks or options.has("-c", "--stdout")):
        for operand in options.operands:
            command.finding.read(operand)
        return
    for operand in options.operands:
        command.finding.read(operand)
        if operand.literal is not None:
            command.finding.write(known(_packed(command.name, operand.literal)), command.name)
    command.finding.ask(f"replaces files through `{command.name}`")


JUDGES: Mapping[str, Judge] = {
    **dict.fromkeys(CHECKSUMS, judge_checksum),
    "find": judge_find,
    "pwd": judge_pwd,
    "which": judge_which,
    "type": judge_which,
    "top": judge_top,
    "df": judge_df,
    **dict.fromkeys(("zip", "7z", "7za", "cpio", "ar", "pax"), judge_archive),
    "printf": judge_printf,
    "echo": judge_echo,
    "test": judge_test,
    "[": judge_test,
    "date": judge_date,
    "man": judge_man,
    "less": judge_pager,
    "more": judge_pager,
    "ps": judge_ps,
    "shopt": judge_shopt,
    "printenv": judge_printenv,
    "tar": judge_tar,
    "bsdtar": judge_tar,
    "unzip": judge_unzip,
    "gzip": judge_gzip,
    "gunzip": judge_gzip,
    "bzip2": judge_gzip,
    "bunzip2": judge_gzip,
    "xz": judge_gzip,
    "unxz": judge_gzip,
}
