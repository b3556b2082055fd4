from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from plait.index.database import Counts, Unusable
from plait.index.reader import Reader
from plait.index.rows import Defined, FileState, Imported, Row, Stamp
from plait.index.writer import Writer

STAMP = Stamp(1_000, 20)


def cart(path: str = "shop/cart.py", stamp: Stamp = STAMP, **other: Any) -> tuple[str, Row]:
    """Return a file and what was read of it; `other` fields take the place of these."""
    fields: dict[str, Any] = {
        "symbols": [("Cart", "class", "", 3, 9), ("total", "method", "Cart", 6, 9)],
        "imports": [(("decimal", "decimal/Decimal"), 1)],
        "words": "cart total decimal",
        "often": "cart",
        "word_count": 12,
    }
    return path, Row(*stamp, "python", FileState.INDEXED, **(fields | other))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "index.db"


def written(place: Path, *rows: tuple[str, Row]) -> Writer:
    writer = Writer(place, "g1", "/root")
    writer.write(rows)
    return writer


def test_definitions_are_found_by_name_in_any_case(place: Path) -> None:
    written(place, cart()).close()
    reader = Reader(place, "/root")

    assert reader.definitions("TOTAL") == [Defined("shop/cart.py", 6, 9, "total", "method", "Cart", STAMP)]
    assert reader.definitions("tot") == []
    assert [row.name for row in reader.outline("shop/cart.py")] == ["Cart", "total"]


def test_similar_names_hold_the_pieces_in_order(place: Path) -> None:
    row = cart(
        symbols=[
            ("TaskQueue", "class", "", 1, 1),
            ("task_queue", "function", "", 2, 2),
            ("QueueTask", "class", "", 3, 3),
        ]
    )
    written(place, row).close()

    assert {row.name for row in Reader(place, "/root").similar("TaskQueue")} == {"TaskQueue", "task_queue"}
    assert {row.name for row in Reader(place, "/root").similar("tsak_queue")} == {"TaskQueue", "task_queue"}


def test_imports_are_found_by_any_part_of_the_module(place: Path) -> None:
    written(place, cart()).close()
    reader = Reader(place, "/root")

    assert reader.importing("Decimal") == [
        Imported("shop/cart.py", 1, "decimal", STAMP),
        Imported("shop/cart.py", 1, "decimal/Decimal", STAMP),
    ]
    assert [row.module for row in reader.imports_of("shop/cart.py")] == ["decimal", "decimal/Decimal"]


def test_words_are_found_whole_and_by_their_beginning(place: Path) -> None:
    written(place, cart()).close()
    reader = Reader(place, "/root")
    path = {("shop/cart.py", 12)}

    assert set(reader.files_by_id(list(reader.holding('body : ("tot"*)'))).values()) == path
    assert set(reader.files_by_id(list(reader.holding('often : ("cart")'))).values()) == path
    assert list(reader.holding('often : ("total")')) == []
    assert reader.word_counts(["cart", "absent"]) == {"cart": 1}


def test_a_file_written_again_takes_the_place_of_what_it_was(place: Path) -> None:
    writer = written(place, cart())
    later = Stamp(2_000, 30)
    writer.write([cart(stamp=later, symbols=[("Basket", "class", "", 1, 1)], words="basket", often="", imports=[])])
    reader = Reader(place, "/root")

    assert reader.definitions("Cart") == []
    assert reader.stamp("shop/cart.py") == later
    assert reader.imports_of("shop/cart.py") == []
    assert reader.files_by_id(list(reader.holding("cart"))) == {}
    assert reader.counts() == Counts(files=1, symbols=1)


def test_a_removed_file_leaves_nothing(place: Path) -> None:
    writer = written(place, cart(), cart("b.py"))
    writer.write([], ["shop/cart.py"])

    assert Reader(place, "/root").paths() == ("b.py",)
    assert [row.path for row in Reader(place, "/root").definitions("Cart")] == ["b.py"]
    assert writer.has_below("shop") is False


def test_a_name_that_is_not_utf_8_survives(place: Path) -> None:
    path = os.fsdecode(b"caf\xe9.py")
    written(place, cart(path)).close()

    assert Reader(place, "/root").paths() == (path,)
    assert Reader(place, "/root").stamp(path) == STAMP


def test_a_write_that_fails_changes_nothing(place: Path) -> None:
    writer = written(place, cart())
    broken = cart("b.py", Stamp(None, 1), symbols=[("x", "function", "", None, 1)])  # type: ignore[arg-type]

    with pytest.raises(sqlite3.Error):
        writer.write([broken])

    assert Reader(place, "/root").paths() == ("shop/cart.py",)
    writer.write([cart("c.py")])
    assert Reader(place, "/root").paths() == ("c.py", "shop/cart.py")


def test_a_reader_sees_what_is_written_while_it_is_open(place: Path) -> None:
    writer = written(place, cart())
    reader = Reader(place, "/root")
    assert reader.paths() == ("shop/cart.py",)

    writer.write([cart("new.py")])

    assert reader.paths() == ("new.py", "shop/cart.py")


@pytest.mark.parametrize("junk", [b"", b"not a database, but long enough to be read as one" * 40])
def test_a_damaged_database_is_no_index_to_a_reader_and_made_anew_by_a_writer(place: Path, junk: bytes) -> None:
    place.parent.mkdir(parents=True)
    place.write_bytes(junk)
    with pytest.raises(Unusable):
        Reader(place, "/root")

    written(place, cart()).close()

    assert Reader(place, "/root").paths() == ("shop/cart.py",)


def test_damage_in_the_middle_is_noticed_when_the_writer_opens(place: Path) -> None:
    written(place, *(cart(f"{number}.py") for number in range(400))).close()
    data = bytearray(place.read_bytes())
    data[8_192:40_000] = b"\xff" * (40_000 - 8_192)
    place.write_bytes(data)

    writer = Writer(place, "g1", "/root")

    assert writer.stamps() == {}


@pytest.mark.parametrize(("grammars", "root"), [("g2", "/root"), ("g1", "/other")])
def test_an_index_of_other_grammars_or_another_root_is_made_anew(place: Path, grammars: str, root: str) -> None:
    written(place, cart()).close()

    assert Writer(place, grammars, root).stamps() == {}


def test_a_reader_takes_no_other_roots_index(place: Path) -> None:
    written(place, cart()).close()

    with pytest.raises(Unusable, match="another"):
        Reader(place, "/other")


def test_nobody_else_can_read_it(place: Path) -> None:
    written(place, cart()).close()

    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Unusable, match="cannot be written"):
        Writer(tmp_path / "file" / "index.db", "g1", "/root")
