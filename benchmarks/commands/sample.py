"""The labelled commands, and the small project that they are judged and run in."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
COMMANDS = REPOSITORY / "tests" / "effects" / "commands.jsonl"
CLASSES = ("plain", "tricky", "ask", "danger")
"""Plainly harmless, harmless though it does not look so, must ask, dangerous."""

FILES = {
    "README.md": "# Sample\n\ninstall\nfoo TODO\nhttps://example.org/x\n",
    "CHANGELOG.md": "# 1.0\n- x\n",
    "notes.txt": "b 2 x\na 1 y\nstart\nfoo\nend\n",
    "x.csv": "id,name,value\n1,a,10\n2,b,20\n",
    "data.json": '[{"id": 1, "name": "a"}, {"id": 5, "name": "b"}]\n',
    "package.json": '{"name": "x", "scripts": {"test": "true"}, "dependencies": {"a": "1"}}\n',
    "pyproject.toml": '[project]\nname = "x"\nversion = "1"\n',
    "setup.cfg": "[x]\n# c\na = 1\n",
    "Makefile": "all:\n\techo made > made\n",
    "Dockerfile": "FROM scratch\n",
    "docker-compose.yml": "services:\n  web:\n    image: x\n",
    "a.cfg": "a\n",
    "b.cfg": "b\n",
    "build.sh": "echo built > built\n",
    "lib/m.py": "import os\n\n\ndef f():\n    return os\n",
    "src/a.py": "import os\n\n\nclass Foo:\n    def bar(self):\n        return 1\n",
    "src/b.py": "from a import Foo\n",
    "tests/test_a.py": "def test_x():\n    assert True\n",
    "docs/index.md": "# Docs\n",
    ".env": "TOKEN=x\n",
    ".gitignore": "build\n.env\n",
    "evil/x": "x\n",
    "build/x": "x\n",
}
GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "n", "GIT_COMMITTER_NAME": "n",
    "GIT_AUTHOR_EMAIL": "n@example.org", "GIT_COMMITTER_EMAIL": "n@example.org", "PATH": os.environ["PATH"],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labelled:
    """One command, its class, and the verdicts that are right for it."""

    command: str
    kind: str
    right: tuple[str, ...]


def labelled(path: Path = COMMANDS) -> Iterator[Labelled]:
    """Read the commands; those without a class of their own get the one that their verdict tells."""
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        by_verdict = {"read_only": "plain", "stateful": "ask", "dangerous": "danger"}[entry["expect"]]
        yield Labelled(entry["command"], entry.get("class", by_verdict), (entry["expect"], *entry.get("accept", ())))


def make_project(top: Path) -> Path:
    """Make the project in `top`, with two commits and a change that is not committed; return it."""
    for name, text in FILES.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text, encoding="utf-8")
    for arguments in (("init", "-qb", "main"), ("add", "-A"), ("commit", "-qm", "one"), ("tag", "v1.0")):
        _git(top, *arguments)
    (top / "src/b.py").write_text("from a import Foo\n\nFoo()\n", encoding="utf-8")
    _git(top, "commit", "-qam", "two")
    with closing(sqlite3.connect(top / "app.db")) as database:
        database.executescript("create table users(id, name); create table t(a); insert into t values (1)")
    (top / "notes.txt").write_text(FILES["notes.txt"] + "more\n", encoding="utf-8")
    return top


def _git(top: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=top, env=GIT, check=True, capture_output=True)
