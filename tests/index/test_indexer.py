"""The indexer as a process: real files, real workers, real faults."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from plait.host.paths import Workspace
from plait.index import scan
from plait.index.code_index import CodeIndex, stored
from plait.index.places import DATABASE
from plait.index.rows import FileState, Row
from plait.index.status import IndexStatus
from plait.index.view import View
from plait.index.workers import Workers
from plait.protocol.calls import HitsDetail
from plait.search.fan_out import SearchRequest, search

SOURCE = """\
import decimal


class Cart:
    def total(self) -> int:
        return sum_prices(self)
"""


class Running:
    """An index that is at work, and what it said of itself."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.said: list[IndexStatus] = []
        self._more = asyncio.Event()
        self.index = CodeIndex(root, cache, self._note)

    def _note(self, status: IndexStatus) -> None:
        self.said.append(status)
        self._more.set()

    async def until(self, wanted: Callable[[IndexStatus], bool]) -> IndexStatus:
        """Wait for a status; those said before count too."""
        seen = 0
        while True:
            for status in self.said[seen:]:
                if wanted(status):
                    return status
            seen = len(self.said)
            self._more.clear()
            if seen == len(self.said):
                await self._more.wait()

    async def ready(self) -> IndexStatus:
        return await self.until(lambda status: status.state == "ready")

    async def watching(self) -> None:
        await self.until(lambda status: status.state == "ready" and bool(status.watch))

    async def view(self) -> View:
        view = await self.index.view()
        assert view is not None
        return view

    async def find(self, query: str, *kinds: str) -> HitsDetail:
        root = self.index.root
        return await search(SearchRequest(query, kinds), Workspace.at(root), indexes={root: self.index})


@asynccontextmanager
async def running(root: Path, cache: Path) -> AsyncIterator[Running]:
    started = Running(root, cache)
    started.index.start()
    try:
        async with asyncio.timeout(30):
            yield started
    finally:
        await started.index.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "shop").mkdir(parents=True)
    (root / "shop" / "cart.py").write_text(SOURCE)
    (root / "README.md").write_text("# A shop\n\nPrices are added up in the cart.\n")
    return root.resolve()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


async def test_definitions_imports_files_and_words_are_there_once_it_is_ready(root: Path, cache: Path) -> None:
    async with running(root, cache) as at_work:
        status = await at_work.ready()
        view = await at_work.view()

        assert (status.files, status.symbols > 0, status.languages["python"]) == (2, True, 1)
        assert [(row.path, row.line, row.scope) for row in view.definitions("total")] == [("shop/cart.py", 5, "Cart")]
        assert [(row.path, row.line) for row in view.importing("decimal")] == [("shop/cart.py", 1)]
        assert view.paths() == ("README.md", "shop/cart.py")
        assert [path for path, _ in view.files_by_id(list(view.holding('"prices"'))).values()] == [
            "README.md",
            "shop/cart.py",
        ]


async def test_a_search_answers_from_it_and_stamps_what_it_looked_at(root: Path, cache: Path) -> None:
    async with running(root, cache) as at_work:
        await at_work.ready()

        found = await at_work.find("Cart.total")

    assert found.index == "ready"
    assert [(hit.path, hit.line, hit.kind, hit.text, hit.freshness) for hit in found.hits[:1]] == [
        ("shop/cart.py", 5, "method", "def total(self) -> int:", "fresh")
    ]


async def test_before_it_is_ready_a_search_looks_for_itself(root: Path, cache: Path) -> None:
    index = CodeIndex(root, cache)
    found = await search(SearchRequest("Cart"), Workspace.at(root), indexes={root: index})

    assert (found.hits[0].path, found.hits[0].freshness) == ("shop/cart.py", "live")
    assert found.index == "off (no index has been built)"


async def test_a_change_from_outside_is_seen_without_asking(root: Path, cache: Path) -> None:
    async with running(root, cache) as at_work:
        await at_work.watching()
        (root / "shop" / "basket.py").write_text("class Basket:\n    pass\n")
        await at_work.until(lambda status: status.files == 3)

        while not (rows := (await at_work.view()).definitions("Basket")):
            await asyncio.sleep(0)

    assert [row.path for row in rows] == ["shop/basket.py"]


async def test_the_applications_own_edit_is_never_answered_from_what_was(root: Path, cache: Path) -> None:
    async with running(root, cache) as at_work:
        await at_work.ready()
        for number in range(20):
            (root / "shop" / "cart.py").write_text(f"\nclass Cart{number}:\n    pass\n")
            at_work.index.changed([root / "shop" / "cart.py"])

            found = await at_work.find(f"Cart{number}", "definition")
            assert [(hit.path, hit.line) for hit in found.hits[:1]] == [("shop/cart.py", 2)]
            if number:
                gone = await at_work.find(f"Cart{number - 1}", "definition")
                assert f"class Cart{number - 1}:" not in [hit.text for hit in gone.hits]


async def test_a_hit_whose_file_changed_unnoticed_is_looked_at_again(root: Path, cache: Path) -> None:
    async with running(root, cache) as built:
        await built.ready()
    index = CodeIndex(root, cache)
    (root / "shop" / "cart.py").write_text("\n\n" + SOURCE)
    (root / "shop" / "new.py").write_text("def brand_new() -> None: ...\n")

    found = await search(SearchRequest("Cart", ("definition",)), Workspace.at(root), indexes={root: index})
    new = await search(SearchRequest("brand_new", ("definition",)), Workspace.at(root), indexes={root: index})

    assert [(hit.line, hit.text, hit.freshness) for hit in found.hits] == [(6, "class Cart:", "live")]
    assert [hit.path for hit in new.hits] == ["shop/new.py"]
    await index.close()


async def test_an_unchanged_project_is_not_read_again(root: Path, cache: Path) -> None:
    async with running(root, cache) as first:
        await first.ready()
    async with running(root, cache) as second:
        await second.ready()

        assert [status.state for status in second.said if status.state == "building"] == []


async def test_what_is_ignored_secret_or_linked_from_elsewhere_is_not_in_it(root: Path, cache: Path) -> None:
    (root.parent / "outside.py").write_text("def outside() -> None: ...\n")
    (root / "link.py").symlink_to(root.parent / "outside.py")
    (root / "linked").symlink_to(root.parent, target_is_directory=True)
    (root / ".gitignore").write_text("built/\n")
    (root / ".plaitignore").write_text("big.py\n")
    (root / "built").mkdir()
    (root / "built" / "made.py").write_text("def made() -> None: ...\n")
    (root / "big.py").write_text("def big() -> None: ...\n")
    (root / ".env").write_text("TOKEN=secret_token\n")
    (root / "id_rsa").write_text("secret_key\n")
    async with running(root, cache) as at_work:
        await at_work.ready()

        assert (await at_work.view()).paths() == ("README.md", "shop/cart.py")


async def test_a_name_that_is_not_utf_8_is_found(root: Path, cache: Path) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    (root / name).write_text("class Coffee: ...\n")
    async with running(root, cache) as at_work:
        await at_work.ready()

        found = await at_work.find("Coffee", "definition")

    assert [(hit.path, hit.freshness) for hit in found.hits] == [(name, "fresh")]


async def test_binary_and_huge_files_are_counted_and_left_out(root: Path, cache: Path) -> None:
    (root / "data.bin").write_bytes(b"\0" * 100)
    with (root / "huge.log").open("wb") as log:
        log.truncate(200_000_000)
    async with running(root, cache) as at_work:
        status = await at_work.ready()

    assert (status.files, status.skipped) == (4, 2)


async def test_two_share_one_indexer_and_the_second_takes_over(root: Path, cache: Path) -> None:
    async with running(root, cache) as first:
        await first.watching()
        async with running(root, cache) as second:
            shared = await second.until(lambda status: status.state == "ready")
            assert shared.shared
            assert [row.path for row in (await second.view()).definitions("Cart")] == ["shop/cart.py"]

            await first.index.close()
            await second.until(lambda status: status.state == "ready" and not status.shared and bool(status.watch))
            (root / "late.py").write_text("class Late: ...\n")
            await second.until(lambda status: status.files == 3)


async def test_a_killed_indexer_is_started_again(root: Path, cache: Path) -> None:
    async with running(root, cache) as at_work:
        await at_work.watching()
        os.kill(indexer_of(root), signal.SIGKILL)
        at_work.said.clear()

        await at_work.ready()
        assert (await at_work.find("Cart")).index == "ready"


async def test_it_ends_with_the_process_that_started_it(root: Path, cache: Path) -> None:
    async with running(root, cache) as at_work:
        await at_work.watching()
        process = indexer_of(root)

    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


async def test_a_damaged_database_is_built_again(root: Path, cache: Path) -> None:
    async with running(root, cache) as first:
        await first.ready()
        database = first.index.directory / DATABASE
    database.write_bytes(b"junk" * 5_000)

    async with running(root, cache) as second:
        await second.ready()
        assert (await second.find("Cart", "definition")).hits[0].freshness == "fresh"


async def test_a_cache_that_cannot_be_written_is_replaced_by_one_that_lasts_as_long_as_the_process(
    root: Path, cache: Path
) -> None:
    (root.parent / cache.name).write_text("a file where a directory should be")
    async with running(root, cache) as at_work:
        status = await at_work.ready()

        assert status.database
        assert (await at_work.find("Cart", "definition")).hits[0].freshness == "fresh"
    assert scan.stamp_of(status.database) is None


async def test_a_cache_that_is_deleted_meanwhile_takes_no_answer_with_it(root: Path, cache: Path) -> None:
    async with running(root, cache) as at_work:
        await at_work.watching()
        for path in at_work.index.directory.iterdir():
            path.unlink()
        at_work.said.clear()

        found = await at_work.find("Cart", "definition")
        await at_work.ready()

        assert [hit.path for hit in found.hits] == ["shop/cart.py"]
        assert (at_work.index.directory / DATABASE).exists()


async def test_a_locked_database_delays_no_answer(root: Path, cache: Path) -> None:
    async with running(root, cache) as built:
        await built.ready()
        database = built.index.directory / DATABASE
    with sqlite3.connect(database, isolation_level=None) as lock:
        lock.execute("PRAGMA locking_mode=EXCLUSIVE")
        lock.execute("BEGIN EXCLUSIVE")
        lock.execute("INSERT INTO meta VALUES('x', 'y')")
        index = CodeIndex(root, cache)

        found = await search(SearchRequest("Cart"), Workspace.at(root), indexes={root: index})

        assert [hit.path for hit in found.hits[:1]] == ["shop/cart.py"]
        await index.close()
    lock.close()


async def test_a_directory_that_is_removed_takes_its_files_out(root: Path, cache: Path) -> None:
    async with running(root, cache) as at_work:
        await at_work.watching()
        (root / "shop" / "cart.py").unlink()
        (root / "shop").rmdir()
        await at_work.until(lambda status: status.files == 1)

        while (await at_work.view()).paths() != ("README.md",):
            await asyncio.sleep(0)


async def test_switching_the_branch_changes_what_is_found(root: Path, cache: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=root, check=True, capture_output=True
        )

    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "one")
    git("checkout", "-qb", "other")
    (root / "shop" / "cart.py").write_text("class Trolley: ...\n")
    git("commit", "-qam", "two")
    async with running(root, cache) as at_work:
        await at_work.watching()
        git("checkout", "-q", "main")

        while [row.name for row in (await at_work.view()).outline("shop/cart.py")] != ["Cart", "total"]:
            await asyncio.sleep(0)


async def test_a_home_directory_is_not_indexed_unasked(root: Path, cache: Path) -> None:
    index = CodeIndex(Path.home().resolve(), cache)
    index.start()

    assert (await index.wait_until_settled()).words.startswith("off (this is a home directory")
    assert await index.view() is None
    assert index.status().asks
    await index.close()


def test_without_an_index_its_status_says_so(root: Path, cache: Path) -> None:
    assert stored(root, cache).words == "off (no index has been built)"


def indexer_of(root: Path) -> int:
    """Return the id of the process that keeps the index of `root`."""
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"plait.index" in words and b"--directory" in words and os.fsencode(root) in words:
                return int(process.name)
    raise AssertionError("no indexer")


async def test_a_worker_that_does_not_come_back_is_replaced_and_its_file_kept_for_its_words(root: Path) -> None:
    delivered: asyncio.Queue[Callable[[], None]] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    rows: dict[str, Row] = {}
    workers = Workers(
        root,
        lambda work: loop.call_soon_threadsafe(delivered.put_nowait, work),
        rows.__setitem__,
        pytest.fail,
        file_limit_s=0.0,
    )
    try:
        workers.ask(["shop/cart.py", "README.md"])
        os.kill(workers.processes[0], signal.SIGSTOP)
        workers.check()
        async with asyncio.timeout(30):
            while len(rows) < 2:
                (await delivered.get())()
    finally:
        workers.close()

    assert rows["shop/cart.py"].state == FileState.FAILED
    assert rows["shop/cart.py"].symbols == []
    assert "decimal" in rows["shop/cart.py"].words.split()
    assert rows["README.md"].state == FileState.INDEXED


async def test_a_database_that_is_damaged_while_it_is_read_takes_no_answer_with_it(root: Path, cache: Path) -> None:
    for number in range(300):
        (root / f"m{number}.py").write_text(f"class Model{number}: ...\n")
    async with running(root, cache) as built:
        await built.ready()
        database = built.index.directory / DATABASE
    index = CodeIndex(root, cache)
    assert await index.view() is not None
    with database.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xff" * (database.stat().st_size - 4_096))

    queries = [SearchRequest(query) for query in ("Model123", "cart.py", "where are prices added up")]
    found = [await search(query, Workspace.at(root), indexes={root: index}) for query in queries]
    without = [await search(query, Workspace.at(root)) for query in queries]

    assert found[0].hits[0].path == "m123.py"
    assert [one.hits for one in found] == [one.hits for one in without]
    assert {state for one in found for state in one.states.values()} == {"done"}
    assert found[0].index.startswith("off (the index cannot be read: ")
    await index.close()
