"""`plait sessions`: list, show, rename, delete and prune the logs of earlier conversations."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator

from plait.cli.flags import Parsed
from plait.cli.start import begin
from plait.cli.terminal import put, tell
from plait.protocol.display import sanitise
from plait.protocol.errors import UserError
from plait.protocol.events import CallEnded, CallReserved, Stamped, TextEnded, TurnEnded, TurnStarted
from plait.protocol.queries import SessionInfo
from plait.session.store import Store

USUAL_PRUNE_DAYS = 30.0


def run(parsed: Parsed) -> int:
    """Run one action and return the exit code. Raises UserError."""
    started = begin(parsed)
    store = Store(started.loaded.directories.sessions)
    action, *rest = parsed.words or ["list"]
    match action, rest:
        case "list", []:
            _list(store, None if parsed.has("all") else str(started.workspace.cwd), as_json=parsed.has("json"))
        case "show", [identity]:
            _show(store, store.find(identity), as_json=parsed.has("json"))
        case "rename", [identity, *title] if title:
            store.rename(store.find(identity), " ".join(title))
        case "delete", [*identities] if identities:
            for identity in [store.find(identity) for identity in identities]:
                store.delete(identity)
                put(f"deleted {identity}\n")
        case "prune", []:
            days = _number(parsed, "older-than", USUAL_PRUNE_DAYS)
            keep = int(_number(parsed, "keep", 0))
            deleted = store.prune(older_than_days=days, keep=keep)
            put("".join(f"deleted {identity}\n" for identity in deleted) or "nothing to delete\n")
        case _:
            raise UserError(
                "`plait sessions`: expected `list`, `show ID`, `rename ID TITLE`, `delete ID …` or `prune`; "
                f"found `{' '.join(parsed.words)}`."
            )
    return 0


def _number(parsed: Parsed, key: str, usual: float) -> float:
    text = parsed.value(key)
    try:
        number = usual if text is None else float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < 1e6:
        raise UserError(f"`--{key}` must be a number from 0; found `{text}`.")
    return number


def _list(store: Store, cwd: str | None, *, as_json: bool) -> None:
    infos = store.list(cwd)
    if as_json:
        put(json.dumps([_info_json(info) for info in infos], ensure_ascii=False, indent=2) + "\n")
        return
    if not infos:
        tell("no sessions of this directory; `--all` lists those of others." if cwd else "no sessions.")
    for info in infos:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(info.updated_at / 1000))
        turns = "1 turn" if info.turns == 1 else f"{info.turns} turns"
        where = "" if cwd else f"  {_line(info.cwd)}"
        used = "  (in use)" if info.in_use else ""
        put(f"{info.session_id}  {when}  {turns:>10}  {_line(info.title)}{where}{used}\n")


def _info_json(info: SessionInfo) -> dict[str, object]:
    return {
        "session_id": info.session_id,
        "title": info.title,
        "cwd": info.cwd,
        "model": info.model,
        "updated_at": info.updated_at,
        "turns": info.turns,
        "size_bytes": info.size_bytes,
        "in_use": info.in_use,
    }


def _line(text: str) -> str:
    return sanitise(text, keep_newlines=False)


def _show(store: Store, identity: str, *, as_json: bool) -> None:
    if as_json:
        put(store.path_of(identity).read_text(encoding="utf-8", errors="replace"))
        return
    for text in _conversation(store.read(identity).events):
        put(text + "\n")


def _conversation(events: tuple[Stamped, ...]) -> Iterator[str]:
    """Yield what was said, and one line a call."""
    names = {}
    for stamped in events:
        match stamped.event:
            case TurnStarted(prompt=prompt):
                yield "\n".join(f"> {line}" for line in prompt.splitlines() or [""])
            case TextEnded(text=text):
                yield text
            case CallReserved(key=key, name=name, args=args):
                names[key] = f"{name} {json.dumps(args, ensure_ascii=False)}"
            case CallEnded(key=key, status=status):
                yield f"[{names.get(key, 'call')}: {status}]"
            case TurnEnded(error=str(error)):
                yield f"[{error}]"
            case _:
                pass
