"""The installed program, run as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

POSIX = pytest.mark.skipif(os.name != "posix", reason="shells and signals of POSIX")


class Program:
    """`plait` with directories of its own and no key; compiled modules are shared, as they are once installed."""

    def __init__(self, root: Path, bytecode: Path) -> None:
        self.project = root / "project"
        self.state = root / "state"
        self.config = root / "config"
        for directory in (self.project, self.config):
            directory.mkdir()
        self.environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PLAIT_") and not name.endswith("_API_KEY") and name != "PYTHONDONTWRITEBYTECODE"
        }
        self.environ |= {
            "PLAIT_CONFIG_DIR": str(self.config),
            "PLAIT_STATE_DIR": str(self.state),
            "PLAIT_CACHE_DIR": str(root / "cache"),
            "PYTHONPYCACHEPREFIX": str(bytecode),
        }

    def command(self, *words: str | bytes) -> list[str | bytes]:
        return [sys.executable, "-m", "plait", *words]

    def __call__(self, *words: str | bytes, piped: str | bytes = b"", **more: Any) -> subprocess.CompletedProcess[str]:
        data = piped.encode() if isinstance(piped, str) else piped
        environ = {**self.environ, **more.pop("environ", {})}
        ran = subprocess.run(
            self.command(*words),
            check=False,
            input=data,
            capture_output=True,
            cwd=more.pop("cwd", self.project),
            env=environ,
            timeout=30,
            **more,
        )
        return subprocess.CompletedProcess(ran.args, ran.returncode, ran.stdout.decode(), ran.stderr.decode())

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script of `sh` in which `$PLAIT` is the program."""
        environ = {**self.environ, "PLAIT": f"{sys.executable} -m plait"}
        return subprocess.run(
            ["sh", "-c", script],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.project,
            env=environ,
            timeout=30,
        )
