"""The hostile project in which lines run, and what lies around it.

Every file holds what a command must not obey: words that name a program, an option that writes, a path that leads
out. Which further traps are set (names like options, names with blanks, links, git settings) is a choice of features.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tarfile
import zipfile
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

FEATURES = ("dashed names", "blank names", "links", "git traps", "no git", "hostile folders", "secrets")
"""Dashed names, names with blanks, links and settings make many commands ask: each is there in a part of the rounds."""

EVIL = "evil"


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything lies, below one directory: the project, what is outside of it, the home, the marks."""

    top: Path

    @property
    def project(self) -> Path:
        return self.top / "p"

    @property
    def outside(self) -> Path:
        return self.top / "o"

    @property
    def home(self) -> Path:
        return self.top / "h"

    @property
    def marks(self) -> Path:
        return self.top / "m"

    @property
    def programs(self) -> Path:
        return self.top / "bin"


FILES = {
    "a": "1 ./evil\n",
    "b": "b 2 x\na 1 y\nc 3 z\n",
    "c": "1 --output=F\n",
    "d": "OUTSIDE/s\n",
    "e": "-exec ./evil ;\n",
    "f": "-v x[$(./evil)] hi\n",
    "g": "x OUTSIDE/s\n",
    "i": "x[$(./evil)]\n",
    "j": "../o/s\n",
    "n": "3\n",
    "names.txt": "src/m.py\nsub/t.txt\nOUTSIDE/s\n",
    "notes.md": "# Notes\n\nTODO install\nhttps://example.org/x\n",
    "x.csv": "id,name,value\n1,a,10\n2,OUTSIDE/s,20\n",
    "data.json": '[{"id": 1, "name": "OUTSIDE/s"}, {"id": 5, "name": "./evil"}]\n',
    "x.m3u8": "#EXTM3U\n#EXTINF:1,\nOUTSIDE/s\n",
    "y.yaml": "a: 1\nb: [1, 2]\n",
    "x.xml": '<!DOCTYPE r [<!ENTITY e SYSTEM "file://OUTSIDE/s">]>\n<r><a>&e;</a></r>\n',
    "package.json": '{"name": "x", "scripts": {"test": "./evil"}, "dependencies": {"a": "1"}}\n',
    "pyproject.toml": '[project]\nname = "x"\nversion = "1"\n',
    "Makefile": "all:\n\t./evil\n%:\n\t./evil\n",
    "s.sh": "#!/bin/sh\n# shellcheck source=OUTSIDE/s\n. OUTSIDE/s\n./evil\n",
    ".ackrc": "--output=./evil\n",
    ".shellcheckrc": "external-sources=true\nsource-path=OUTSIDE\n",
    ".yamllint": "extends: OUTSIDE/s\n",
    ".env": "TOKEN=CANARY-OF-THE-PROJECT\n",
    ".gitignore": "build\n.env\n",
    "src/m.py": "import os\n\n\ndef f():\n    return os\n",
    "src/n.c": '#include "OUTSIDE/s"\nint main(void) { return 0; }\n',
    "sub/t.txt": "x 1\ny 2\n",
    "sub/u": "OUTSIDE/s\n",
    "sub/deep/v.txt": "x\n",
    "build/o.txt": "x\n",
}
TRAPS = ("evil", "ls", "git", "cat", "sh", "x", "sub/evil", "sub/ls", "src/rg")
DASHED = ("-exec", "--pre=evil", "-o", "--output=F", "-rf", "-v", "-f", "--", "-S", "+!touch F", "@a", "-delete")
BLANKS = (
    "a b",
    "x ..",
    "1 touch F",
    "new\nline",
    "$(touch F)",
    "`touch F`",
    ";touch F",
    "touch F|",
    "|touch F",
    ">F",
    "x[$(touch F)]",
    " ",
)
GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "n", "GIT_COMMITTER_NAME": "n",
    "GIT_AUTHOR_EMAIL": "n@example.org", "GIT_COMMITTER_EMAIL": "n@example.org", "PATH": "/usr/bin:/bin",
}  # fmt: skip
# Settings that no reading command may obey; `!` begins a program. Some make Plait ask, the rest are set in any case.
SETTINGS = {
    "alias.st": "!./evil", "alias.status": "!./evil", "alias.x": "log --output=F", "credential.helper": "!./evil",
    "remote.origin.url": "ext::./evil", "remote.origin.uploadpack": "./evil", "protocol.ext.allow": "always",
    "submodule.sub.update": "!./evil", "url.ext::./evil.insteadOf": "x", "format.pretty": "%h OUTSIDE/s",
    "log.mailmap": "true", "gui.diffopts": "--output=F", "status.submoduleSummary": "true",
    "grep.fallbackToNoIndex": "true", "help.browser": "./evil", "http.cookieFile": "OUTSIDE/s",
    "user.signingKey": "OUTSIDE/s", "init.templateDir": "OUTSIDE", "format.outputDirectory": "F",
    "notes.displayRef": "refs/notes/*", "column.ui": "always", "merge.e.driver": "./evil", "core.fsmonitor": "./evil",
    "core.pager": "./evil", "diff.external": "./evil", "diff.e.textconv": "./evil", "diff.e.command": "./evil",
    "filter.e.clean": "./evil", "filter.e.smudge": "./evil", "filter.e.process": "./evil",
    "core.sshCommand": "./evil", "core.hooksPath": "sub", "gpg.program": "./evil", "core.attributesFile": "OUTSIDE/s",
    "core.excludesFile": "OUTSIDE/s", "core.worktree": "OUTSIDE", "include.path": "OUTSIDE/s",
    "trailer.x.cmd": "./evil", "uploadpack.packObjectsHook": "./evil", "mailmap.file": "OUTSIDE/s",
    "core.alternateRefsCommand": "./evil", "diff.orderFile": "OUTSIDE/s", "log.showSignature": "true",
    "gpg.ssh.allowedSignersFile": "OUTSIDE/s", "pager.log": "./evil", "core.editor": "./evil",
    "blame.ignoreRevsFile": "OUTSIDE/s", "commit.template": "OUTSIDE/s", "interactive.diffFilter": "./evil",
    "extensions.partialClone": "o",
}  # fmt: skip


def make(places: Places, features: Collection[str], settings: Collection[str] = ()) -> None:
    """Make the project, from nothing, with these of `SETTINGS` in the repository."""
    shutil.rmtree(places.project, ignore_errors=True)
    places.project.mkdir(parents=True)
    for name, text in FILES.items():
        _write(places.project / name, text.replace("OUTSIDE", str(places.outside)))
    if "secrets" not in features:
        (places.project / ".env").unlink()
    for name in TRAPS:
        _trap(places, places.project / name)
    _archives(places.project)
    if "no git" not in features:
        _repository(places, settings)
    folder = places.project / "src" if "hostile folders" not in features else places.project
    if "dashed names" in features:
        for name in DASHED:
            _write(folder / name, "x 1\n")
    if "blank names" in features:
        for name in BLANKS:
            _write(folder / name, f"x {places.outside}/s\n")
    if "links" in features:
        (folder / "link").symlink_to(places.outside / "s")
        (folder / "out").symlink_to(places.outside)
        (folder / "z.txt").symlink_to("../../o/s" if folder != places.project else "../o/s")


def make_surroundings(places: Places) -> None:
    """Make what lies outside of the project: files whose reading is noticed, the home, the marks."""
    for folder in (places.outside / "d", places.home / ".ssh", places.home / ".config", places.marks, places.programs):
        folder.mkdir(parents=True, exist_ok=True)
    _write(places.outside / "s", "x CANARY-OUTSIDE\n")
    _write(places.outside / "d" / "s2", "x CANARY-OUTSIDE\n")
    _write(places.home / "notes", "x CANARY-OUTSIDE\n")
    _write(places.home / ".ssh" / "id_rsa", "CANARY-OUTSIDE\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _trap(places: Places, path: Path) -> None:
    _write(path, f'#!/bin/sh\necho "$0 $*" >>{places.marks}/ran\n')
    path.chmod(0o755)


def _archives(top: Path) -> None:
    with tarfile.open(top / "t.tar", "w") as tar:
        tar.add(top / "src", "src")
    with zipfile.ZipFile(top / "z.zip", "w") as archive:
        archive.write(top / "b", "b")
    for program, ending in (("gzip", "gz"), ("xz", "xz"), ("bzip2", "bz2"), ("zstd", "zst")):
        if (found := shutil.which(program)) is not None:
            packed = subprocess.run([found, "-c", str(top / "b")], capture_output=True, check=True).stdout
            (top / f"b.{ending}").write_bytes(packed)
    shutil.copyfile("/bin/true", top / "bin.o")
    sums = "".join(f"{'0' * digits}  {top.parent / 'o' / 's'}\n" for digits in (32, 40, 56, 64, 96, 128))
    _write(top / "sums", f"{sums}MD5 (../o/s) = {'0' * 32}\n")
    if (compiler := shutil.which("gcc")) is not None:
        code = f'#line 1 "{top.parent}/o/s"\nint main(void) {{ return 0; }}\n'
        subprocess.run([compiler, "-g", "-x", "c", "-c", "-o", "dbg.o", "-"], cwd=top, input=code.encode(), check=True)
    with closing(sqlite3.connect(top / "app.db")) as database:
        database.executescript("create table t(a); insert into t values (1)")


def _repository(places: Places, settings: Collection[str]) -> None:
    top = places.project

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=top, env={**GIT, "HOME": str(places.home)}, check=True,
                       capture_output=True, stdin=subprocess.DEVNULL)  # fmt: skip

    git("init", "-qb", "main")
    git("add", "-A", ":!x.csv")
    git("commit", "-qm", "one OUTSIDE/s".replace("OUTSIDE", str(places.outside)))
    git("tag", "v1.0")
    (top / "notes.md").write_text("# Notes\n\nTODO more\n", encoding="utf-8")
    git("commit", "-qam", "two")
    git("branch", "other")
    (top / "b").write_text(FILES["b"] + "d 4 w\n", encoding="utf-8")
    for key in settings:
        set_in(top / ".git" / "config", key, places)
    for name in ("pre-commit", "post-checkout", "fsmonitor-watchman", "reference-transaction", "post-merge"):
        _trap(places, top / ".git" / "hooks" / name)
    if any(key.startswith(("diff.e", "filter.e")) for key in settings):
        (top / ".gitattributes").write_text("* diff=e filter=e merge=e\n", encoding="utf-8")


def set_in(config: Path, key: str, places: Places) -> None:
    """Set one of `SETTINGS`; not by git itself, which obeys what was set before."""
    section, _, name = key.partition(".")
    sub, _, name = name.rpartition(".")
    head = f'[{section} "{sub}"]' if sub else f"[{section}]"
    value = SETTINGS[key].replace("OUTSIDE", str(places.outside))
    with config.open("a", encoding="utf-8") as file:
        file.write(f'{head}\n\t{name} = "{value}"\n')


def link_programs(places: Places, names: Collection[tuple[str, str]]) -> None:
    """Give programs that are there under another name the one that the table has."""
    for name, found in names:
        target = places.programs / name
        if not os.path.lexists(target):
            target.symlink_to(found)
