"""Searches over real files by real ripgrep."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.tools.contract import make_context

from plait.host.paths import Workspace
from plait.protocol.calls import HitsDetail
from plait.protocol.errors import ToolRefused
from plait.search.completion import complete_path
from plait.search.definitions import definition_in
from plait.search.fan_out import SearchRequest, search
from plait.search.wire import encode_hits, parse_query, serve
from plait.tools.hits_text import as_text
from plait.tools.search import Search

FILES = {
    "src/retry.py": (
        "import time\n"
        "\n"
        "\n"
        "class Backoff:\n"
        "    def wait(self, attempt):\n"
        "        return 2**attempt\n"
        "\n"
        "\n"
        "def retry_request(send):\n"
        "    # Retries are handled here: failed requests are sent again.\n"
        "    return send()\n"
    ),
    "src/client.py": (
        "from src.retry import Backoff, retry_request\n"
        "\n"
        "\n"
        "class Client:\n"
        "    def wait(self):\n"
        "        retry_request(None)\n"
    ),
    "src/wait.go": "package wait\n\nfunc (c *Clock) Wait(n int) error {\n\treturn nil\n}\n",
    "web/index.ts": (
        "import { thing } from './thing';\n"
        "export const makeThing = () => thing();\n"
        "export class View {\n"
        "  render(x: number): string {\n"
        "    return '';\n"
        "  }\n"
        "}\n"
    ),
    "lib/util.c": (
        '#include "util.h"\n'
        "\n"
        "static int\n"
        "parse_line(const char *line)\n"
        "{\n"
        "    return 0;\n"
        "}\n"
        "\n"
        'int main(void) { return parse_line(""); }\n'
    ),
    "src/lib.rs": ("use std::fmt;\n\npub struct Point;\n\nimpl Point {\n    pub fn norm(&self) -> f64 { 0.0 }\n}\n"),
    "tests/test_retry.py": (
        "from src.retry import retry_request\n\n\ndef test_retry_request():\n    retry_request(None)\n"
    ),
    "docs/retry.md": "How retries are handled: retry_request, retries, retry.\n",
    ".env": "SECRET_RETRY=1\n",
    ".gitignore": "ignored/\n",
    "ignored/retry_request.py": "def retry_request(): pass\n",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Workspace.at(tmp_path)


async def find(workspace: Workspace, query: str, **options: object) -> HitsDetail:
    return await search(SearchRequest(query, **options), workspace, deadline_s=20.0)  # type: ignore[arg-type]


def places(detail: HitsDetail) -> list[str]:
    return [f"{hit.path}:{hit.line}" for hit in detail.hits]


@pytest.mark.parametrize(
    ("query", "first", "kind"),
    [
        ("retry_request", "src/retry.py:9", "function"),
        ("Backoff", "src/retry.py:4", "class"),
        ("Client.wait", "src/client.py:5", "method"),
        ("Backoff.wait", "src/retry.py:5", "method"),
        ("Clock.Wait", "src/wait.go:3", "method"),
        ("makeThing", "web/index.ts:2", "function"),
        ("View.render", "web/index.ts:4", "method"),
        ("parse_line", "lib/util.c:4", "function"),
        ("Point::norm", "src/lib.rs:6", "method"),
        ("client.py", "src/client.py:1", "file"),
        ("import src.retry", "src/client.py:1", "import"),
        ("where are retries handled", "src/retry.py:9", "function"),
    ],
)
async def test_the_right_place_comes_first(workspace: Workspace, query: str, first: str, kind: str) -> None:
    detail = await find(workspace, query)

    assert places(detail)[0] == first
    assert detail.hits[0].kind == kind
    assert detail.hits[0].freshness == "live"


@pytest.mark.parametrize("typed", ["retryrequest", "RetryRequest", "retry request", "rety_request", "retr_requ"])
async def test_a_definition_is_found_by_a_name_typed_from_memory(workspace: Workspace, typed: str) -> None:
    assert places(await find(workspace, typed, kinds=("definition",)))[:1] == ["src/retry.py:9"]


async def test_words_are_text_for_who_asks_for_content(workspace: Workspace) -> None:
    assert places(await find(workspace, "failed requests are sent", kinds=("content",))) == ["src/retry.py:10"]


async def test_ignored_and_secret_files_never_answer(workspace: Workspace) -> None:
    found = {hit.path for query in ("retry_request", "SECRET_RETRY") for hit in (await find(workspace, query)).hits}

    assert not any(path.startswith(("ignored/", ".env")) for path in found)


async def test_a_pattern_that_looks_like_a_flag_runs_nothing(workspace: Workspace, tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\ntouch ran\n")
    script.chmod(0o755)

    for query in (f"--pre={script}", "--files", "-e", "--version", f'"--pre={script}"'):
        await find(workspace, query, path="src")
        await find(workspace, query, kinds=("content",))

    assert not (tmp_path / "ran").exists()


async def test_a_path_of_flags_and_a_glob_stay_what_they_are(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "--pre=x").mkdir()
    (tmp_path / "--pre=x" / "a.py").write_text("retry_request\n")

    assert places(await find(workspace, "retry_request", path="--pre=x")) == ["--pre=x/a.py:1"]
    assert all(hit.path.endswith(".go") for hit in (await find(workspace, "wait", glob="*.go")).hits)


async def test_a_broken_regex_is_searched_for_letter_by_letter(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("call(foo[\n")

    assert places(await find(workspace, "foo[", kinds=("content",))) == ["a.txt:1"]


async def test_unknown_kinds_empty_queries_and_missing_paths_are_one_line(workspace: Workspace) -> None:
    for query, options in ((" ", {}), ("x", {"kinds": ("nope",)}), ("x", {"path": "not/there"})):
        with pytest.raises(ToolRefused) as refused:
            await find(workspace, query, **options)
        assert "\n" not in str(refused.value)


async def test_names_that_are_not_utf_8_and_binary_files_do_no_harm(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / b"caf\xe9.py".decode("utf-8", "surrogateescape")).write_text("def coffee(): pass\n")
    (tmp_path / "blob.bin").write_bytes(b"coffee\0" * 100)

    [hit] = (await find(workspace, "coffee")).hits
    assert hit.kind == "function"
    json.dumps(encode_hits(await find(workspace, "coffee")))


async def test_further_roots_are_searched_and_named_by_their_whole_path(workspace: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "far.py").write_text("def faraway(): pass\n")
    both = Workspace.at(tmp_path / "src", other)

    assert places(await find(both, "faraway")) == [f"{other.as_posix()}/far.py:1"]


async def test_the_deadline_keeps_what_is_there(workspace: Workspace) -> None:
    detail = await search(SearchRequest("retry_request"), workspace, deadline_s=0.0)

    assert set(detail.timings_ms.values()) == {-1.0}


async def test_the_answer_to_a_model_is_short_unless_it_asks_for_more(workspace: Workspace, tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"m{number}.py").write_text(f"{'needle ' * 30}\n")
    tool = Search()

    short = await tool.run(tool.args(query="needle"), make_context(workspace))
    long = await tool.run(tool.args(query="needle", limit=50), make_context(workspace))

    assert len(short.text) <= 1024
    assert "more files" in short.text
    assert len(long.text) > 2 * len(short.text)


async def test_nothing_found_says_so(workspace: Workspace) -> None:
    assert as_text(await find(workspace, "zzzqqq"), 1000).startswith("No hits for `zzzqqq`")


async def test_paths_are_completed(workspace: Workspace) -> None:
    assert [entry.text for entry in await complete_path("@clie", workspace)] == ["src/client.py"]
    assert ".gitignore" not in [entry.text for entry in await complete_path("@", workspace)]


@pytest.mark.parametrize(
    ("path", "line", "kind"),
    [
        ("a.py", "    return foo(x)", None),
        ("a.py", "foo(1)", None),
        ("a.py", "# def foo():", None),
        ("a.py", "async def foo():", "function"),
        ("a.rs", "pub(crate) fn foo<T>() {", "function"),
        ("a.c", "#define foo 3", "macro"),
        ("A.java", "    public static int foo(int x) {", "method"),
        ("a.go", "type foo interface {", "interface"),
    ],
)
def test_a_line_is_told_from_a_use(path: str, line: str, kind: str | None) -> None:
    found = definition_in(line, path)

    assert (found.kind if found is not None and found.name == "foo" else None) == kind


class Lines:
    def __init__(self, *lines: bytes) -> None:
        self.lines = list(lines)
        self.out: list[dict[str, object]] = []

    async def readline(self) -> bytes:
        return self.lines.pop(0) if self.lines else b""

    def write(self, data: bytes) -> None:
        self.out.append(json.loads(data))

    async def drain(self) -> None:
        await asyncio.sleep(0)


async def test_lines_are_answered_in_order_and_a_bad_one_does_not_end_it(workspace: Workspace) -> None:
    lines = Lines(
        b'{"query": "Backoff"}\n', b"nope\n", b'{"query": "Backoff", "kind": "definition"}\n', b'{"query": 3}\n'
    )

    await serve(lines, lines, workspace)

    assert [bool(answer["hits"]) for answer in lines.out] == [True, False, True, False]
    assert set(lines.out[0]) >= {"hits", "index", "timings"}
    assert parse_query(b'{"query":"x","kind":"files"}').kind == "files"
