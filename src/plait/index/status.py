"""How far an index is, in a form that goes over a pipe, into the database and to the user. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["starting", "building", "ready", "off"]


class IndexStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the indexer says of itself.

    done, total: files of the present build. why: what keeps it from being ready, in words. watch: how changes from
    outside arrive: `events`, `scans` every few seconds, or not yet. errors: files whose parser failed. asks: it was not
    begun for want of a word from the user. shared: another process builds and this one waits to take over. database:
    where it is, if not where it was asked to be.
    """

    state: State = "starting"
    done: int = 0
    total: int = 0
    files: int = 0
    symbols: int = 0
    why: str = ""
    watch: Literal["", "events", "scans"] = ""
    errors: int = 0
    skipped: int = 0
    languages: dict[str, int] = {}
    shared: bool = False
    asks: bool = False
    database: str = ""

    @property
    def words(self) -> str:
        """`building 43 %`, `ready`, `off (why)`."""
        match self.state:
            case "starting":
                return "building 0 %"
            case "building":
                return f"building {self.percent} %"
            case "ready":
                return "ready"
            case "off":
                return f"off ({self.why})" if self.why else "off"

    @property
    def percent(self) -> int:
        return 0 if not self.total else min(99, self.done * 100 // self.total)


def encode_status(status: IndexStatus) -> str:
    return msgspec.json.encode(status).decode()


def decode_status(text: str | bytes) -> IndexStatus:
    """Raises msgspec.MsgspecError if it is none."""
    return msgspec.json.decode(text, type=IndexStatus)
