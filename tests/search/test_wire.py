from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.search.trees import write_tree

from plait.protocol.errors import UserError
from plait.search.wire import WireQuery, parse_query, serve


class Lines:
    """What was written, line by line."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    async def drain(self) -> None:
        return None

    def answers(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.written.splitlines()]


async def answers(root: Path, *lines: bytes) -> list[dict[str, object]]:
    reader = asyncio.StreamReader()
    reader.feed_data(b"".join(line + b"\n" for line in lines))
    reader.feed_eof()
    written = Lines()
    await serve(reader, written, write_tree(root))
    return written.answers()


async def test_each_query_gets_one_line_in_order(tmp_path: Path) -> None:
    first, second = await answers(tmp_path, b'{"query":"Cart.total"}', b'{"query":"shop.money","kind":"imports"}')

    assert first["hits"][0] == {  # type: ignore[index]
        "path": "shop/cart.py",
        "line": 9,
        "end_line": 9,
        "kind": "method",
        "text": "def total(self) -> int:",
        "score": first["hits"][0]["score"],  # type: ignore[index]
        "strategies": ["symbols"],
        "freshness": "live",
    }
    assert first["index"] == "off (not started)"
    assert set(first["timings"]) == {"content", "files", "symbols", "imports"}  # type: ignore[call-overload]
    assert [(hit["path"], hit["line"], hit["kind"]) for hit in second["hits"]] == [("shop/cart.py", 2, "import")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["definition", "references", "semantic", "words", "content", "files", "symbols"])
async def test_every_kind_is_answered(tmp_path: Path, kind: str) -> None:
    [answer] = await answers(tmp_path, json.dumps({"query": "Cart", "kind": kind}).encode())

    assert answer["hits"]


async def test_a_bad_line_is_answered_by_what_is_wrong_and_the_stream_goes_on(tmp_path: Path) -> None:
    *bad, good = await answers(
        tmp_path,
        b"{",
        b"[]",
        b'{"query":3}',
        b'{"query":"x","kind":"nope"}',
        b'{"query":"x","limit":0}',
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"query":""}',
        b"",
        b'{"query":"Cart"}',
    )

    assert len(bad) == 8
    assert [answer["hits"] for answer in bad] == [[]] * 8
    assert all("\n" not in str(answer["error"]) for answer in bad)
    assert good["hits"]


def test_a_query_is_parsed_with_its_kind_and_limit() -> None:
    assert parse_query(b'{"query":"x","kind":"files","limit":5,"more":1}') == WireQuery("x", "files", 5)
    with pytest.raises(UserError, match="`limit` must be"):
        parse_query(b'{"query":"x","limit":true}')
