"""The code index: what building it costs beside bare parsing and ctags, and how fast it answers beside ripgrep.

The tree is `PLAIT_BENCH_TREE` (a directory), or the Python packages of this environment, 20 MB of them. CPU is that of
a process and all its children.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.harness.bench import PYTHON, Bench
from benchmarks.harness.figures import Figure, typical
from ripgrepy import Ripgrepy

from plait.host.paths import Workspace
from plait.host.programs import find_program
from plait.index.code_index import CodeIndex
from plait.index.places import DATABASE
from plait.index.reader import Reader
from plait.search.fan_out import USUAL, SearchRequest, search
from plait.search.place import Pattern, Place
from plait.search.ripgrep import Ripgrep

TREE_BYTES = 20_000_000
LARGE_BYTES = 50_000_000
BARE = """
import sys
from pathlib import Path
from tree_sitter import Parser
from plait.index import languages
from plait.index.worker import LARGEST_FILE_BYTES
parsers = {}
for line in sys.stdin:
    path = Path(line.rstrip("\\n"))
    data = path.read_bytes()
    name = languages.language_of(path.name, data[:256])
    if name and languages.available(name) and len(data) <= LARGEST_FILE_BYTES:
        if name not in parsers:
            parsers[name] = Parser(languages.load(languages.GRAMMARS[name]))
        parsers[name].parse(data)
"""
NAMES = 12
SAVES = 20


def measure(bench: Bench) -> Iterator[Figure]:
    root = tree(bench)
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    text_bytes = sum(path.stat().st_size for path in files if path.stat().st_size <= 2_000_000)
    yield from costs(bench, root, files, text_bytes)
    yield from asyncio.run(answers(bench, root))
    yield from asyncio.run(freshness(bench, root))
    yield from asyncio.run(at_once(root))
    yield from asyncio.run(capped(bench))


def tree(bench: Bench) -> Path:
    """Return the directory to index: a copy, so that nothing above it has a say."""
    chosen = os.environ.get("PLAIT_BENCH_TREE")
    if chosen:
        return Path(chosen).resolve()
    root = bench.root / "tree"
    root.mkdir()
    size = 0
    for package in sorted(Path(sysconfig.get_path("purelib")).iterdir()):
        if package.is_dir() and not package.name.endswith(".dist-info") and size < TREE_BYTES:
            shutil.copytree(package, root / package.name, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.pyi"))
            size += sum(path.stat().st_size for path in (root / package.name).rglob("*.py"))
    return root.resolve()


# --- what it costs -----------------------------------------------------------------------------------------------


def costs(bench: Bench, root: Path, files: Sequence[Path], text_bytes: int) -> Iterator[Figure]:
    listed = "".join(f"{path}\n" for path in files)
    bare_s, _ = cpu_and_wall_s([PYTHON, "-P", "-c", BARE], listed)
    cpu_s, wall_s = built(bench, root, "both")
    yield Figure("full index: CPU", cpu_s, "s", "bare parsing of the same files", bare_s, 1.7, "ratio")
    ctags = shutil.which("ctags")
    if ctags is not None:
        ctags_s, _ = cpu_and_wall_s([ctags, "--links=no", "-f", os.devnull, "-L", "-"], listed)
        yield Figure("full index: CPU", cpu_s, "s", "universal-ctags on the same files", ctags_s, 5.0, "ratio")
    if (taskset := shutil.which("taskset")) and (os.cpu_count() or 1) > 1:
        _, alone_s = built(bench, root, "one", taskset, "-c", "0")
        reach = 0.65 if text_bytes > LARGE_BYTES else None
        yield Figure("full index: wall, all cores", wall_s, "s", "one core", alone_s, reach, "ratio")
    database = bench.root / "index-both" / DATABASE
    yield Figure("index on disk", database.stat().st_size / 1e6, "MB", "text indexed", text_bytes / 1e6, 0.5, "ratio")


def built(bench: Bench, root: Path, name: str, *before: str) -> tuple[float, float]:
    """Build an index from nothing; return CPU and wall seconds."""
    directory = bench.root / f"index-{name}"
    argv = [
        *before,
        PYTHON,
        "-P",
        "-m",
        "plait.index",
        str(root),
        "--directory",
        str(directory),
        "--once",
        "--any-size",
    ]
    return cpu_and_wall_s(argv, None)


def cpu_and_wall_s(argv: Sequence[str], said: str | None) -> tuple[float, float]:
    before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        if said is not None:
            process.stdin.write(said.encode())
            process.stdin.close()
        # Without a word, standard input stays open: its end is the indexer's end.
        process.wait()
    wall_s = time.perf_counter() - began_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s


# --- how fast it answers -----------------------------------------------------------------------------------------


async def answers(bench: Bench, root: Path) -> list[Figure]:
    figures: list[Figure] = []
    workspace = Workspace.at(root)
    index = CodeIndex(root, bench.root / "cache")
    # What a process does once, at its first search, is no cost of building.
    await search(SearchRequest("warm_up"), workspace)
    before_mb = own_rss_mb()
    index.start(any_size=True)
    building_s: list[float] = []
    rg_building_s: list[float] = []
    names: list[str] = ["Path", "session", "encode", "Template", "connection", "parse_args"]
    while index.status().state in ("starting", "building") and len(building_s) < 200:
        for name in names:
            began_s = time.perf_counter()
            await search(SearchRequest(name), workspace, indexes={root: index})
            building_s.append(time.perf_counter() - began_s)
            rg_building_s.append(await rg_s(root, name))
    await index.wait_until_settled()
    with_index = {root: index}
    reader = Reader(index.directory / DATABASE, os.fspath(root))
    names = some_names(reader)
    figures.append(Figure("longest gap of the loop while indexing", await gap_s(bench, root) * 1000, "ms", reach=20))
    if len(building_s) >= 10:
        figures.append(
            Figure(
                "search p95 while it builds", high(building_s), "s", "rg alone, p95", high(rg_building_s), 1.5, "ratio"
            )
        )
    store_s = typical([timed(lambda name=name: reader.definitions(name)) for name in names for _ in range(5)])
    word_s = typical([await rg_s(root, name, "-w") for name in names])
    figures.append(Figure("definition out of the store", store_s * 1e6, "us", "rg -w", word_s * 1e6, 1 / 500, "ratio"))

    async def searched_s(name: str, *kinds: str) -> float:
        began_s = time.perf_counter()
        await search(SearchRequest(name, kinds), workspace, indexes=with_index)
        return time.perf_counter() - began_s

    await searched_s(names[0])
    definition_s = typical([await searched_s(name, "definition") for name in names])
    figures.append(
        Figure("definition through `search`", definition_s * 1000, "ms", "rg -w", word_s * 1000, 1 / 50, "ratio")
    )
    all_s = typical([await searched_s(name) for name in names for _ in range(3)])
    rg_alone_s = typical([await rg_s(root, name) for name in names for _ in range(3)])
    figures.append(Figure("all strategies, warm, p50", all_s * 1000, "ms", "rg alone", rg_alone_s * 1000, 1.2, "ratio"))
    stored_s = typical([await searched_s(name, "files", "symbols", "imports") for name in names for _ in range(3)])
    figures.append(Figure("the same without content, p50", stored_s * 1000, "ms", reach=5))
    figures.append(Figure("memory added to the app", own_rss_mb() - before_mb, "MB", reach=15))
    reader.close()
    await index.close()
    began_s = time.perf_counter()
    again = CodeIndex(root, bench.root / "cache")
    again.start(any_size=True)
    await again.wait_until_settled()
    reopened_s = time.perf_counter() - began_s
    await again.close()
    figures.append(Figure("unchanged project: start → ready", reopened_s * 1000, "ms", reach=250))
    return figures


async def gap_s(bench: Bench, root: Path) -> float:
    """Return the longest time for which a loop with an index at work could not run what was due."""
    index = CodeIndex(root, bench.root / "another-cache")
    index.start(any_size=True)
    longest_s, every_s = 0.0, 0.002
    while index.status().state in ("starting", "building"):
        began_s = time.perf_counter()
        await asyncio.sleep(every_s)
        longest_s = max(longest_s, time.perf_counter() - began_s - every_s)
    await index.close()
    return longest_s


def some_names(reader: Reader) -> list[str]:
    """Return names that are defined, spread over the tree."""
    rows = sorted({row.name for row in reader.outermost(5_000) if len(row.name) > 4})
    return rows[:: max(1, len(rows) // NAMES)][:NAMES]


def timed(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


async def rg_s(root: Path, name: str, *flags: str) -> float:
    program = find_program("rg")
    assert program is not None
    began_s = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        program, "-n", *flags, "-e", name, "--", "./",
        cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    await process.communicate()
    return time.perf_counter() - began_s


def high(samples: Sequence[float]) -> float:
    return sorted(samples)[int(len(samples) * 0.95)]


def own_rss_mb() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


# --- how fresh it is ---------------------------------------------------------------------------------------------


async def freshness(bench: Bench, root: Path) -> list[Figure]:
    """A file is saved by somebody else; how long until its new name is found?"""
    work = bench.root / "saved"
    work.mkdir()
    for number, path in enumerate(sorted(root.rglob("*.py"))[:300]):  # noqa: ASYNC240  # nothing else runs
        shutil.copy(path, work / f"f{number}.py")
    work = work.resolve()
    index = CodeIndex(work, bench.root / "cache")
    index.start()
    await index.wait_until_settled()
    while not index.status().watch:  # noqa: ASYNC110  # told by its status alone
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.0)
    waits = []
    for number in range(SAVES):
        name = f"brand_new_{number}"
        (work / "f7.py").write_text(f"def {name}():\n    pass\n")
        began_s = time.perf_counter()
        while True:
            found = await search(SearchRequest(name, ("definition",)), Workspace.at(work), indexes={work: index})
            if any(hit.text == f"def {name}():" for hit in found.hits):
                break
        waits.append(time.perf_counter() - began_s)
        await asyncio.sleep(0.1)
    await index.close()
    return [Figure("file saved by somebody else → found, p95", high(waits) * 1000, "ms", reach=100)]


# --- looking without an index ------------------------------------------------------------------------------------


async def at_once(root: Path) -> list[Figure]:
    """All usual strategies side by side, and one after the other, each time with nothing of the tree in memory."""
    if not hasattr(os, "posix_fadvise"):
        return []
    workspace = Workspace.at(root)
    together, one_by_one = [], []
    for name in ("encode_response", "ConnectionPool", "parse_header"):
        forget(root)
        began_s = time.perf_counter()
        await search(SearchRequest(name), workspace, deadline_s=30)
        together.append(time.perf_counter() - began_s)
        summed_s = 0.0
        for kind in USUAL:
            forget(root)
            began_s = time.perf_counter()
            await search(SearchRequest(name, (kind,)), workspace, deadline_s=30)
            summed_s += time.perf_counter() - began_s
        one_by_one.append(summed_s)
    value, baseline = typical(together), typical(one_by_one)
    return [Figure("all strategies at once, cold, no index", value, "s", "one after another", baseline, 0.5, "ratio")]


def forget(root: Path) -> None:
    """Have the system drop the files' pages (posix_fadvise(2)); what somebody else has open may stay."""
    for path in root.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


async def capped(bench: Bench) -> list[Figure]:
    """A pattern with 100,000 matches: ours stops at its cap, ripgrepy's own runner reads and parses them all."""
    work = bench.root / "common"
    work.mkdir()
    for number in range(100):
        (work / f"f{number}.txt").write_text("the common word\n" * 1_000)
    program = find_program("rg")
    assert program is not None
    theirs_s = typical(
        [timed(lambda: Ripgrepy("common", str(work), rg_path=program).json().run().as_dict) for _ in range(3)]
    )
    looker, place = Ripgrep(program), Place(work.resolve())
    ours = []
    for _ in range(5):
        began_s = time.perf_counter()
        await looker.lines(place, Pattern("common", fixed=True, most=200), 10.0)
        ours.append(time.perf_counter() - began_s)
    return [
        Figure(
            "100,000 matches, capped at 200",
            typical(ours) * 1e3,
            "ms",
            "ripgrepy's runner",
            theirs_s * 1e3,
            0.01,
            "ratio",
        )
    ]
