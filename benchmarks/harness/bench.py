"""Where measurements run: a project to work in, private directories, a scripted service, Plait and Python to start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness.processes import Ran, run
from benchmarks.harness.terminal import Terminal

REPOSITORY = Path(__file__).parents[2]
PYTHON = sys.executable
PLAIT = str(Path(sysconfig.get_path("scripts")) / "plait")
MODEL = "openai-chat:scripted-model"
MODEL_CLASS = "from pydantic_ai import Agent; from pydantic_ai.models.openai import OpenAIChatModel"
"""What the model in use must import at least."""

FUNCTION = '''def step_{step}(node, depth={step}):
    """Step {step} of file {file}."""
    return [child for child in node.children if child.depth == depth]


'''


@dataclass(frozen=True, slots=True)
class Bench:
    """`root` holds everything that measurements write. `quick`: as few repetitions as say anything."""

    root: Path
    quick: bool
    project: Path
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def under(cls, root: Path, *, quick: bool) -> Bench:
        home = root / "home"
        home.mkdir()
        environ = {
            "HOME": str(home),
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "NO_PROXY": "*",
            "OPENAI_API_KEY": "sk-of-no-use",
            "PLAIT_STATE_DIR": str(root / "state"),
            "PLAIT_CONFIG_DIR": str(root / "config"),
            "PLAIT_CACHE_DIR": str(root / "cache"),
        }
        if "PYTHONPATH" in os.environ:
            # Another working tree's `src` is measured this way.
            environ["PYTHONPATH"] = os.environ["PYTHONPATH"]
        return cls(root, quick, make_project(root / "project", environ), environ)

    def repeats(self, usual: int) -> range:
        return range(min(usual, 3) if self.quick else usual)

    def run(self, *argv: str, **options: Any) -> Ran:
        return run(argv, cwd=self.project, environ=self.environ, **options)

    def python(self, code: str, **options: Any) -> Ran:
        return self.run(PYTHON, "-c", code, **options)

    def plait(self, *words: str, **options: Any) -> Ran:
        return self.run(PLAIT, *words, **options)

    def terminal(self, *argv: str) -> Terminal:
        return Terminal(argv, cwd=self.project, environ=self.environ)

    @contextmanager
    def service(self, *turns: dict[str, Any]) -> Iterator[Service]:
        """Serve a scenario (see `tests/wire/script.py`) from a process of its own."""
        scenario, log = self.root / "scenario.json", self.root / "requests.jsonl"
        scenario.write_text(json.dumps({"turns": turns}))
        log.unlink(missing_ok=True)
        log.touch()
        command = [PYTHON, "-m", "tests.wire.server", "--scenario", str(scenario), "--log", str(log)]
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield Service(int(process.stdout.readline().split()[1]), log)
            finally:
                process.terminate()


def make_project(root: Path, environ: dict[str, str]) -> Path:
    """Make a small repository: `src/f0.py` to `src/f19.py`, 40 functions each."""
    (root / "src").mkdir(parents=True)
    for file in range(20):
        text = "".join(FUNCTION.format(step=step, file=file) for step in range(40))
        (root / "src" / f"f{file}.py").write_text(text)
    (root / "README.md").write_text("# fixture\n\nA small repository.\n")
    author = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for words in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "fixture"]):
        subprocess.run(["git", *words], cwd=root, env=environ, check=True)
    return root


class Service:
    """The service's side: where it listens, and what it was asked."""

    def __init__(self, port: int, log: Path) -> None:
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self._log = log
        self._read_bytes = 0

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests for a reply that were answered since the last time this was asked."""
        with self._log.open("rb") as log:
            log.seek(self._read_bytes)
            data = log.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        return [line for line in map(json.loads, whole.splitlines()) if line["api"] is not None]

    def flags(self) -> Sequence[str]:
        """Return the flags that make Plait ask this service, and nobody for permission."""
        return ("--model", MODEL, "--base-url", self.base_url, "--yolo")
