"""Judges of programs that change files and say which: touch, cp, mv, rm, tee, chmod …"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from plait.effects.command import Command, Judge, OptionSpec, read_options
from plait.effects.finding import Arg, Flow, known
from plait.effects.on_disk import governing_in
from plait.effects.overwriting import is_at_home, name_loss
from plait.effects.programs import judge_by_table, table
from plait.effects.removing import may_be_anywhere, remove, remove_danger


def _options(flags: str, values: str = "", optional: str = "") -> OptionSpec:
    return OptionSpec(frozenset(flags.split()), frozenset(values.split()), frozenset(optional.split()))


TOUCH = _options("-a -c -m -h -f --no-create --no-dereference", "-d -t -r --date --reference --time")
MKDIR = _options("-p -v --parents --verbose", "-m --mode")
RMDIR = _options("-p -v --parents --verbose --ignore-fail-on-non-empty")
COPY = _options(
    "-a -r -R -p -f -i -n -u -v -L -P -H -d -l -s -x -T -b --archive --recursive --force --interactive --no-clobber "
    "--update --verbose --dereference --no-dereference --link --symbolic-link --parents --no-target-directory --backup",
    "-t --target-directory -S --suffix",
    "--preserve --reflink --sparse --backup --update",
)
MOVE = _options(
    "-f -i -n -u -v -T -b --force --interactive --no-clobber --update --verbose --no-target-directory",
    "-t --target-directory -S --suffix",
    "--backup --update",
)
REMOVE = _options(
    "-r -R -f -i -I -d -v --recursive --force --dir --verbose --one-file-system --preserve-root", "", "--interactive"
)
LINK = _options(
    "-s -f -n -v -r -T -i -b -L -P --symbolic --force --no-dereference --verbose --relative", "-t --target-directory"
)
TEE = _options("-a -i -p --append --ignore-interrupts")
CHMOD = _options("-R -v -c -f --recursive --verbose --changes --silent --quiet", "--reference")
INSTALL = _options(
    "-d -D -v -p -C -s -c -T --directory --verbose", "-m -o -g -t --mode --owner --group --target-directory"
)
# With these, files that are there stay as they are, or are kept under another name.
KEEPS_TARGET = frozenset(("-n", "--no-clobber", "-b", "--backup", "-i", "--interactive"))
TRUNCATE = _options("-c -o --no-create", "-s -r --size --reference")


def _plain(command: Command, spec: OptionSpec) -> list[Arg] | None:
    """The operands, or None after asking, if the options could not be told."""
    options = read_options(command.args, spec)
    if options.unclear is not None:
        command.finding.ask(f"`{command.name}`: {options.unclear}")
        # Danger is still looked for in all that could be an operand.
        return [arg for arg in command.args if not (arg.literal or "").startswith("-")]
    return options.operands


def judge_touch(command: Command) -> None:
    for operand in _plain(command, TOUCH) or ():
        command.finding.write(operand, "touch")


def judge_mkdir(command: Command) -> None:
    for operand in _plain(command, MKDIR) or ():
        # With `-p` its parents may be made too.
        command.finding.write(operand, "mkdir")


def judge_rmdir(command: Command) -> None:
    for operand in _plain(command, RMDIR) or ():
        remove(command, operand, "rmdir", tree=False)


def judge_rm(command: Command) -> None:
    operands = _plain(command, REMOVE) or []
    recursive = bool(command.flags() & {"-r", "-R", "--recursive"})
    if "--no-preserve-root" in command.flags():
        command.finding.dangerous("destroys the whole system")
    for operand in operands:
        remove(command, operand, "rm", tree=recursive)
    if not operands:
        command.finding.ask("removes files through `rm`")


def judge_copy(command: Command) -> None:
    """cp: the last operand is written, or files of these names in it, if it is a directory."""
    options = read_options(command.args, COPY)
    operands = _plain(command, COPY) or []
    sources, target = _sources_and_target(operands, options.value("-t", "--target-directory"))
    for source in sources:
        command.finding.read(source, tree=True)
    if target is None:
        command.finding.ask(f"copies files through `{command.name}`")
        return
    _write_into(command, sources, target, tree=bool(command.flags() & {"-r", "-R", "-a", "--recursive", "--archive"}))
    if not command.flags() & KEEPS_TARGET:
        name_loss(command.finding, target, empties=any(source.literal == "/dev/null" for source in sources))


def judge_move(command: Command) -> None:
    options = read_options(command.args, MOVE)
    operands = _plain(command, MOVE) or []
    sources, target = _sources_and_target(operands, options.value("-t", "--target-directory"))
    for source in sources:
        command.finding.write(source, "mv", tree=True)
        if may_be_anywhere(source):
            command.finding.dangerous(f"moves away `{source.raw}`, which may be the home directory")
        for value in source.values or ():
            for path in command.place.resolve(value):
                danger = remove_danger(command.finding, path, value)
                if danger is not None:
                    command.finding.dangerous(danger.replace("destroys", "moves away"))
    if target is None:
        command.finding.ask("moves files through `mv`")
        return
    if target.literal == "/dev/null":
        command.finding.dangerous("destroys files by moving them to `/dev/null`")
    _write_into(command, sources, target, tree=True)
    if not command.flags() & KEEPS_TARGET:
        name_loss(command.finding, target, empties=False)


def _sources_and_target(operands: Sequence[Arg], named: Arg | None) -> tuple[Sequence[Arg], Arg | None]:
    if named is not None:
        return operands, named
    return (operands[:-1], operands[-1]) if len(operands) >= 2 else (operands, None)


def _write_into(command: Command, sources: Sequence[Arg], target: Arg, *, tree: bool) -> None:
    """Write the target; in a directory that exists, only what is put there."""
    finding = command.finding
    literal = target.literal
    told = all(source.literal is not None for source in sources)
    if literal is None or not told:
        finding.write(target, command.name, tree=True)
        return
    folders = [path for path in command.place.resolve(literal) if os.path.isdir(path)]
    loses = command.name in ("cp", "mv", "install") and not command.flags() & KEEPS_TARGET
    if not folders and not literal.endswith("/"):
        finding.write(target, command.name, tree=tree)
        return
    for source in sources:
        name = (source.literal or "").rstrip("/").rpartition("/")[2]
        if name in ("", ".", ".."):
            finding.write(target, command.name, tree=True)
            # All that is in the directory is put there, and some of it is more than a file.
            folders = command.place.resolve(source.literal or ".")
            for inner in (name for folder in folders for name in governing_in(folder)):
                finding.write(known(f"{literal.rstrip('/')}/{inner}"), command.name, tree=tree)
        else:
            entry = known(f"{literal.rstrip('/')}/{name}")
            finding.write(entry, command.name, tree=tree)
            if loses:
                name_loss(finding, entry, empties=False)


def judge_link(command: Command) -> None:
    """ln: a link in the workspace to a place outside would let later writes through, so it is named."""
    options = read_options(command.args, LINK)
    operands = _plain(command, LINK) or []
    sources, target = _sources_and_target(operands, options.value("-t", "--target-directory"))
    for source in sources:
        command.finding.read(source, tree=True)
    if target is not None:
        _write_into(command, sources, target, tree=False)
        if command.flags() & {"-f", "--force"}:
            name_loss(command.finding, target, empties=any(source.literal == "/dev/null" for source in sources))
    else:
        command.finding.ask("makes a link through `ln`")


def judge_tee(command: Command) -> None:
    for operand in _plain(command, TEE) or ():
        command.finding.write(operand, "tee")
        if not command.flags() & {"-a", "--append"}:
            name_loss(command.finding, operand, empties=is_at_home(command.finding, operand))
    command.finding.gives |= command.place.input


def judge_mode(command: Command) -> None:
    """chmod, chown, chgrp: the first operand is the mode or owner."""
    finding = command.finding
    words = [arg for arg in command.args if not re.fullmatch(r"-[RvcfhHLP]+|--[a-z-]+(=.*)?", arg.literal or "")]
    recursive = bool(command.flags() & {"-R", "--recursive"})
    if not any(word.startswith("--reference") for word in command.words):
        mode, words = (words[0].literal or "", words[1:]) if words else ("", words)
        if command.name == "chmod" and re.search(r"(^|[ugoa,])[+=][rwxXt]*s|^[4-7][0-7]{3}$|^0[4-7][0-7]{3}$", mode):
            finding.dangerous("lets a program run with the rights of its owner (setuid)")
    for operand in words:
        finding.write(operand, command.name, tree=recursive)
        if recursive and may_be_anywhere(operand):
            finding.dangerous(f"changes the owner or mode of all in `{operand.raw}`, which may be `/`")
        for value in operand.values or ():
            for path in command.place.resolve(value):
                danger = remove_danger(finding, path, value)
                if danger is not None and (recursive or "outside" in danger) and not _is_own_tree(command, path):
                    finding.dangerous(danger.replace("destroys", "changes the owner or mode of"))
    if not words:
        finding.ask(f"changes the owner or mode of files through `{command.name}`")


def _is_own_tree(command: Command, path: str) -> bool:
    """The workspace itself may get new modes; what holds it may not."""
    return any(path == root.as_posix() for root in command.place.workspace.roots)


def judge_install(command: Command) -> None:
    options = read_options(command.args, INSTALL)
    operands = _plain(command, INSTALL) or []
    if options.has("-d", "--directory"):
        for operand in operands:
            command.finding.write(operand, "install")
        return
    sources, target = _sources_and_target(operands, options.value("-t", "--target-directory"))
    for source in sources:
        command.finding.read(source)
    if target is not None:
        _write_into(command, sources, target, tree=False)
        name_loss(command.finding, target, empties=any(source.literal == "/dev/null" for source in sources))
    else:
        command.finding.ask("installs files through `install`")


def judge_mktemp(command: Command) -> None:
    """mktemp: makes a new file, and prints its name alone."""
    words = command.words
    template = [word for word in words if word not in ("-d", "-q", "-t", "--directory", "--quiet")]
    if command.all_known and all(re.fullmatch(r"(?:/tmp/|/var/tmp/)?[\w.-]+", word) for word in template[:1]):
        named = (template or ["tmp.XXXXXXXXXX"])[0]
        path = named if named.startswith("/") else f"/tmp/{named}"
        if len(template) <= 1 and (not template or "-t" in words or named.startswith("/")) and named[0] != "-":
            command.finding.output_names = Arg("{}", None, path.replace("X", "?"), path.partition("X")[0])
    command.finding.ask("makes a temporary file through `mktemp`")


def judge_truncate(command: Command) -> None:
    sizes = " ".join(command.words)
    grows = re.search(r"(?:^|\s)(?:-s\s*|--size[= ])(?:\+|>)", sizes) is not None
    for operand in _plain(command, TRUNCATE) or ():
        command.finding.write(operand, "truncate")
        name_loss(command.finding, operand, empties=not grows)
        if may_be_anywhere(operand):
            command.finding.dangerous(f"destroys what `{operand.raw}` holds, which may be any file")


def judge_sort(command: Command) -> None:
    """sort: `-o FILE` is a write that can be named; all else is the table's."""
    from_table(command, {"-o": "sort -o", "--output": "sort --output"})


def judge_shuf(command: Command) -> None:
    from_table(command, {"-o": "shuf -o", "--output": "shuf --output"})


# Letters that take a value among others, and the forms in which only the last one does.
TREE_BUNDLE = re.compile(r"-(?=.*[LPIHoT])[A-Za-z0-9]{2,}")
TREE_PLAIN_BUNDLE = re.compile(r"-[adfixpshugDFqNQrtcUnCSAJXl]*L\d*")


def judge_tree(command: Command) -> None:
    """tree: each letter of a bundle that takes a value takes a word of its own, so `-Lo 2 F` writes F."""
    for word in command.words:
        if TREE_BUNDLE.fullmatch(word) and not TREE_PLAIN_BUNDLE.fullmatch(word):
            command.finding.ask(f"`tree {word}`: which words its options take cannot be told")
    from_table(command, {"-o": "tree -o"})


def from_table(command: Command, written: Mapping[str, str]) -> None:
    """Judge by the table, with options whose value is a file that is written."""
    entry = table()[command.name]
    spec = entry.spec
    options = read_options(
        command.args, OptionSpec(spec.flags, spec.values | set(written), spec.optional, spec.any_other, spec.numbers)
    )
    targets = [(name, value) for name, value in options.given if name in written and value is not None]
    if options.unclear is not None or not targets:
        judge_by_table(command)
        return
    for name, value in targets:
        command.finding.write(value, written[name])
        name_loss(command.finding, value, empties=False)
    for operand in options.operands:
        command.finding.read(operand)


def judge_uniq(command: Command) -> None:
    """uniq: a second operand is written."""
    options = read_options(command.args, table()["uniq"].spec)
    if options.unclear is None and len(options.operands) == 2:
        command.finding.read(options.operands[0])
        command.finding.write(options.operands[1], "uniq")
        return
    judge_by_table(command)


def judge_dd(command: Command) -> None:
    """dd: `if=` is read, `of=` written; a device is beyond recovery."""
    finding = command.finding
    finding.gives |= command.place.input
    for arg in command.args:
        key, equals, value = (arg.literal or arg.prefix).partition("=")
        part = Arg(value, (value,), prefix=value) if arg.literal is not None else Arg(arg.raw, prefix=value)
        if key == "of" and equals:
            finding.write(part, "dd of=")
            name_loss(finding, part, empties=True)
            if may_be_anywhere(replace(part, raw=part.raw.replace('"', "").removeprefix("of="))):
                finding.dangerous(f"overwrites `{part.raw}`, which may be a device")
            if value.startswith("/dev/") and value not in ("/dev/null", "/dev/stdout", "/dev/stderr"):
                finding.dangerous(f"overwrites the device `{value}`")
        elif key == "if" and equals:
            if value in ("/dev/zero", "/dev/urandom", "/dev/random"):
                continue
            finding.read(part)
        elif arg.literal is None:
            finding.ask(f"`dd` with what cannot be told (`{arg.raw}`)")
    if not any((arg.literal or arg.prefix).startswith("of=") for arg in command.args):
        finding.gives |= Flow(contents=True)


def judge_split(command: Command) -> None:
    for operand in command.args:
        if not (operand.literal or "").startswith("-"):
            command.finding.read(operand)
    command.finding.ask(f"writes pieces of a file through `{command.name}`")


JUDGES: Mapping[str, Judge] = {
    "touch": judge_touch,
    "mkdir": judge_mkdir,
    "rmdir": judge_rmdir,
    "rm": judge_rm,
    "unlink": judge_rm,
    "cp": judge_copy,
    "mv": judge_move,
    "ln": judge_link,
    "tee": judge_tee,
    "chmod": judge_mode,
    "chown": judge_mode,
    "chgrp": judge_mode,
    "install": judge_install,
    "truncate": judge_truncate,
    "mktemp": judge_mktemp,
    "sort": judge_sort,
    "shuf": judge_shuf,
    "tree": judge_tree,
    "uniq": judge_uniq,
    "dd": judge_dd,
    "split": judge_split,
    "csplit": judge_split,
}
