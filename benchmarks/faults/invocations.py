"""`python -m benchmarks.faults.invocations [--seed N]`: command lines, variables and inputs that are wrong.

Every flag and subcommand of the table with values it does not want, settings by variables, broken environments and
broken standard input. A run is bad if it hangs, dies of a signal, shows a traceback or raw control bytes, calls
itself a bug, or needs more than three lines on standard error (warnings apart). The exit code is 1 if one is.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from plait.cli.table import FLAGS, SUBCOMMANDS

LIMIT_S = 40.0
MOST_LINES = 3
VALUES = (
    "", " ", "0", "-1", "1e999", "nan", "9" * 21, "/", "/dev/null", "/dev/zero", "/proc/self/mem", "/nonexistent", ".",
    "\x1b[31m", "{}", "[]", '{"a":', "a" * 5000, "--help", "-", "$(id)", "Bash(", "Bash(*))", "\u202e", "x\ny",
    "openai:", ":x", "anthropic:a b", "http://[::1", "file:///etc/passwd", "ftp://x", "true", "pipe",
)  # fmt: skip
SETTINGS = (
    "model", "base_url", "permission_mode", "additional_directories", "trusted_directories", "limits.max_turns",
    "permissions.allow", "caps.calls", "keyboard", "debug", "theme", "web_search.endpoint", "network.allow_private",
    "tools", "compaction.threshold", "sandbox.mode",
)  # fmt: skip
ENVIRONMENTS = (
    ("HOME", ""), ("HOME", "/nonexistent"), ("HOME", "relative"), ("TERM", ""), ("LANG", "xx"), ("TZ", "nowhere"),
    ("COLUMNS", "-5"), ("PLAIT_STATE_DIR", "/dev/null"), ("PLAIT_STATE_DIR", "/proc"),
    ("PLAIT_CONFIG_DIR", "/dev/null"),
    ("PLAIT_CACHE_DIR", "/etc/passwd"), ("PLAIT_STATE_DIR", "x\ny"), ("OPENAI_API_KEY", "k\n"), ("PATH", ""),
    ("HTTPS_PROXY", "::bad::"), ("SSL_CERT_FILE", "/nonexistent"), ("NO_PROXY", "[[["), ("LC_ALL", "C"),
    ("PYTHONIOENCODING", "ascii"),
)  # fmt: skip
INPUTS = (
    b"", b"\xff\xfe", b"{}\n", b"[]\n", b"null\n", b'{"type":"user"}\n', b'{"type":"user","message":{"content":7}}\n',
    b'{"type":"user","message":{"role":"user","content":[{"type":"image"}]}}\n', b"x" * 3_000_000,
    b'{"type":"user","message":{"role":"user","content":"hi"}}', b"[" * 100_000,
)  # fmt: skip
SCOUT = ("-p", "hi", "--model", "scout")
NOBODY = ("-p", "hi", "--model", "openai-chat:x", "--base-url", "http://127.0.0.1:9", "--time-limit", "3")


@dataclass(frozen=True, slots=True)
class Invocation:
    """Words, variables on top of the usual ones, and what stands on standard input."""

    words: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    piped: bytes = b""


def invocations(chance: random.Random) -> Iterator[Invocation]:
    for flag in FLAGS:
        for value in chance.sample(VALUES, 6):
            yield Invocation((*SCOUT, chance.choice(flag.names), value))
    for name, command in SUBCOMMANDS.items():
        for value in chance.sample(VALUES, 8):
            yield Invocation((name, value))
            yield Invocation((name, chance.choice(command.flags).names[0], value, chance.choice(VALUES)))
    for setting in SETTINGS:
        for value in chance.sample(VALUES, 4):
            yield Invocation(SCOUT, {f"PLAIT_{setting.replace('.', '_').upper()}": value})
    for name, value in ENVIRONMENTS:
        for words in (SCOUT, NOBODY, ("doctor",), ("trust",)):
            yield Invocation(words, {"OPENAI_API_KEY": "x", name: value})
    for piped in INPUTS:
        streams = ("--input-format", "stream-json", "--output-format", "stream-json")
        for words in (("-p", *streams), ("check-command", "--json"), ("tool", "read"), ("search", "--stdio"), ("-p",)):
            model = ("--model", "scout") if words[0] == "-p" else ()
            yield Invocation((*words, *model), {}, piped)


def fault_of(invocation: Invocation, root: Path) -> str | None:
    """Run it, and say what is wrong with how it went."""
    own = {f"PLAIT_{name}_DIR": str(root / name.lower()) for name in ("CONFIG", "STATE", "CACHE")}
    usual = {name: value for name, value in os.environ.items() if not name.startswith("PLAIT_")}
    try:
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "plait", *invocation.words],
            cwd=root / "project",
            env={**usual, **own, **invocation.environ},
            input=invocation.piped,
            capture_output=True,
            check=False,
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return f"hangs for {LIMIT_S:g} s"
    said = ran.stderr.decode("utf-8", "replace")
    lines = [line for line in said.splitlines() if not line.startswith("plait: warning:")]
    if "Traceback" in said or "a bug in Plait" in said:
        return f"a bug: {said.strip()[-300:]}"
    if ran.returncode not in range(7):
        return f"exit code {ran.returncode}: {said.strip()[-300:]}"
    if "\x1b" in said:
        return f"raw control bytes: {said[:300]!r}"
    if len(lines) > MOST_LINES:
        return f"{len(lines)} lines on standard error: {said[:300]!r}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults.invocations")
    parser.add_argument("--seed", type=int, default=0)
    jobs = list(invocations(random.Random(parser.parse_args().seed)))
    with tempfile.TemporaryDirectory(prefix="plait-invocations-", ignore_cleanup_errors=True) as place:
        root = Path(place)
        (root / "project").mkdir()
        os.mkfifo(root / "project" / "pipe")
        with ThreadPoolExecutor(2) as pool:
            faults = list(pool.map(lambda job: fault_of(job, root), jobs))
    bad = [(job, fault) for job, fault in zip(jobs, faults, strict=True) if fault is not None]
    for job, fault in bad:
        sys.stdout.write(f"{job.words!r:.200} {dict(job.environ)!r:.120} {job.piped[:40]!r}: {fault}\n")
    sys.stdout.write(f"{len(jobs)} invocations, {len(bad)} bad\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
