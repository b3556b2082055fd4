"""What a view needs of the machine: clipboard, editor, themes, prompt history, drafts. Nothing here raises."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from importlib import resources
from pathlib import Path

from plait.host import git
from plait.host.programs import find_program

MOST_PROMPTS = 500
MOST_HISTORY_BYTES = 2_000_000
CLIPBOARD_PROGRAMS = (("wl-copy",), ("xclip", "-selection", "clipboard"), ("xsel", "-ib"), ("pbcopy",), ("clip",))
CLIPBOARD_LIMIT_S = 2.0


class LocalDesktop:
    """See `protocol.ports.Desktop`. Prompts are kept by directory, in the user's state directory, 0600."""

    def __init__(self, cwd: Path, state: Path, config: Path, environ: Mapping[str, str]) -> None:
        self._cwd = cwd
        self._config = config
        self._environ = environ
        place = sha256(str(cwd).encode("utf-8", "surrogateescape")).hexdigest()[:20]
        self._history = state / "prompts" / f"{place}.jsonl"
        self._draft = state / "prompts" / f"{place}.draft"

    def copy(self, text: str) -> bool:
        for name, *options in CLIPBOARD_PROGRAMS:
            program = find_program(name)
            if program is None:
                continue
            with suppress(OSError, subprocess.SubprocessError):
                subprocess.run(
                    [program, *options],
                    input=text.encode("utf-8", "replace"),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=CLIPBOARD_LIMIT_S,
                    check=True,
                )
                return True
        return False

    def edit_text(self, text: str, suffix: str = ".md") -> str | None:
        editor = self._environ.get("VISUAL") or self._environ.get("EDITOR")
        if not editor:
            return None
        handle, name = tempfile.mkstemp(suffix=suffix, prefix="plait-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text)
            if subprocess.run([*shlex.split(editor), name], check=False).returncode != 0:
                return None
            return Path(name).read_text(encoding="utf-8", errors="surrogateescape")
        except (OSError, ValueError):
            return None
        finally:
            with suppress(OSError):
                os.unlink(name)

    def themes(self) -> tuple[tuple[str, str], ...]:
        return theme_files(self._config)

    def prompt_history(self) -> tuple[str, ...]:
        try:
            data = self._history.read_bytes()[-MOST_HISTORY_BYTES:]
        except OSError:
            return ()
        prompts: list[str] = []
        for line in data.splitlines():
            with suppress(ValueError, RecursionError):
                value = json.loads(line)
                if isinstance(value, str):
                    prompts.append(value)
        return tuple(prompts[-MOST_PROMPTS:])

    def remember_prompt(self, text: str) -> None:
        if not text.strip():
            return
        with suppress(OSError):
            self._append(self._history, json.dumps(text).encode("ascii") + b"\n")

    def load_draft(self) -> str:
        try:
            return self._draft.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""

    def save_draft(self, text: str) -> None:
        with suppress(OSError, UnicodeEncodeError):
            if text.strip():
                self._draft.unlink(missing_ok=True)
                self._append(self._draft, text.encode("utf-8"))
            else:
                self._draft.unlink(missing_ok=True)

    def branch(self) -> str | None:
        return git.branch(self._cwd)

    @staticmethod
    def _append(path: Path, data: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, data)
        finally:
            os.close(handle)


def theme_files(config: Path) -> tuple[tuple[str, str], ...]:
    """Return (name of the file, text) of each theme that comes with Plait or is the user's. Raises nothing."""
    found: list[tuple[str, str]] = []
    for directory in (_packaged_themes(), config / "themes"):
        with suppress(OSError):
            for path in sorted(directory.glob("*.toml")):
                with suppress(OSError, UnicodeDecodeError):
                    found.append((path.stem, path.read_text(encoding="utf-8")))
    return tuple(found)


def _packaged_themes() -> Path:
    """Where our themes lie: beside the package's modules in a wheel, at the top of a checkout."""
    packaged = Path(str(resources.files("plait"))) / "themes"
    return packaged if packaged.is_dir() else Path(str(resources.files("plait"))).parents[1] / "themes"
