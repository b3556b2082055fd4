"""Sessions on disk: find the one just made, read its events, make a short one long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.harness.bench import Bench


def newest_session(bench: Bench) -> str:
    """Return the id of the session that was written last."""
    return max(_directory(bench).glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns).stem


def events(bench: Bench, session: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _log(bench, session).read_text().splitlines()]


def grow(bench: Bench, session: str, turns: int) -> None:
    """Repeat the events of the session's only turn until it has so many turns, numbered as if they had happened."""
    said = events(bench, session)
    first = next(index for index, event in enumerate(said) if event["type"] == "TurnStarted")
    lines = said[:first]
    for turn in range(1, turns + 1):
        for event in said[first:]:
            numbered = {**event, "seq": len(lines) + 1}
            if "turn" in event:
                numbered["turn"] = turn
            lines.append(numbered)
    _log(bench, session).write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def _directory(bench: Bench) -> Path:
    return Path(bench.environ["PLAIT_STATE_DIR"]) / "sessions"


def _log(bench: Bench, session: str) -> Path:
    return _directory(bench) / f"{session}.jsonl"
