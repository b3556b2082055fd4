import asyncio
import os
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from plait.host.commands import start_shell
from plait.host.process import ProcessEnd, run_process, start_process, stream_lines
from plait.protocol.errors import ToolRefused

HERE = Path("/tmp")
LONG = "sleep 300"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX processes")


async def shell(command: str, *, deadline_s: float | None = None) -> ProcessEnd:
    process = await start_shell(command, cwd=HERE)
    try:
        async with asyncio.timeout(deadline_s):
            return await process.wait()
    except TimeoutError:
        return await process.kill()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.parent.parent.is_dir() or stat.read_text().rpartition(")")[2].split()[0] not in ("Z", "X")


async def test_streams_exit_code_and_input_of_a_program() -> None:
    end = await run_process(
        ["bash", "-c", "cat; echo err >&2; exit 4"], cwd=HERE, deadline_s=10, stdin=b"in\n", merge_stderr=False
    )

    assert end == ProcessEnd(4, None, False, b"in\n", b"err\n", 7)


async def test_a_large_input_does_not_block() -> None:
    end = await run_process(["cat"], cwd=HERE, deadline_s=20, stdin=b"x" * 3_000_000, max_bytes=4_000_000)

    assert end.stdout == b"x" * 3_000_000


async def test_input_that_nobody_reads_is_no_error() -> None:
    end = await run_process(["true"], cwd=HERE, deadline_s=10, stdin=b"x" * 3_000_000)

    assert end.exit_code == 0


@pytest.mark.parametrize(
    ("argv", "cwd", "said"),
    [
        (["no-such-program"], HERE, "`no-such-program` could not be started: it does not exist"),
        (["true"], Path("/no/such/directory"), "directory `/no/such/directory` does not exist"),
        (["true", "x" * 200_000], HERE, "too long; put them into a file"),
        (["true", "a\0b"], HERE, "null byte"),
        (["/etc/passwd"], HERE, "permission denied"),
    ],
)
async def test_what_cannot_start_is_refused_in_one_line(argv: list[str], cwd: Path, said: str) -> None:
    with pytest.raises(ToolRefused, match=said) as refused:
        await run_process(argv, cwd=cwd, deadline_s=10)

    assert "\n" not in str(refused.value)


HARD_TO_END = {
    "a child": f"{LONG} & echo $!; wait",
    "a child that holds the pipe from a session of its own": f"setsid {LONG} & echo $!; {LONG}",
    "one that ignores the request": f"trap '' TERM HUP INT; {LONG} & echo $!; while :; do {LONG}; done",
    "stopped ones": f"{LONG} & echo $!; kill -STOP $!; kill -STOP $$",
    "one without parent, session, pipe or environment": (
        f"(env -i setsid {LONG} >/dev/null 2>&1 </dev/null & echo $!); {LONG}"
    ),
    "one that closed all it had inherited": (
        "python3 -c 'import subprocess as s; d = s.DEVNULL; "
        'print(s.Popen(["sleep", "300"], env={}, stdin=d, stdout=d, stderr=d, start_new_session=True).pid)\'; '
        f"{LONG}"
    ),
    "job control": f"set -m; {LONG} & echo $!; fg",
}
LINUX_ONLY = ("one without parent, session, pipe or environment", "one that closed all it had inherited")


@pytest.mark.parametrize("what", HARD_TO_END)
async def test_a_kill_leaves_nothing(what: str) -> None:
    if what in LINUX_ONLY and sys.platform != "linux":
        pytest.skip("only Linux shows what such a process belongs to")
    told = asyncio.Event()
    process = await start_shell(HARD_TO_END[what], cwd=HERE, on_output=lambda _: told.set())
    await told.wait()

    end = await process.kill()

    assert end.exit_code is None
    assert not alive(int(end.stdout.split()[0]))
    assert not alive(process.pid)


async def test_the_deadline_ends_it_and_keeps_what_it_wrote() -> None:
    end = await run_process(["bash", "-c", f"echo begun; {LONG}"], cwd=HERE, deadline_s=0.1)

    assert end == ProcessEnd(None, "SIGTERM", True, b"begun\n", b"", 6)


async def test_a_polite_end_is_waited_for() -> None:
    end = await shell("trap 'echo cleaned up; exit 7' TERM; sleep 300 & wait", deadline_s=0.2)

    assert (end.exit_code, end.stdout) == (7, b"cleaned up\n")


async def test_cancelling_again_while_it_is_killed_still_ends_all() -> None:
    told = asyncio.Event()
    command = ["bash", "-c", f"trap '' TERM; {LONG} & echo $!; while :; do {LONG}; done"]
    said: list[bytes] = []

    def heard(data: bytes) -> None:
        said.append(data)
        told.set()

    running = asyncio.create_task(run_process(command, cwd=HERE, deadline_s=None, on_output=heard))
    await told.wait()
    for _ in range(3):
        running.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await running

    assert not alive(int(said[0]))


async def test_what_is_left_in_its_session_is_ended_after_it() -> None:
    end = await shell(f"{LONG} & echo $!")
    silent = await shell(f"{LONG} >/dev/null 2>&1 & echo $!")

    for each in (end, silent):
        assert each.exit_code == 0
        assert each.ended == (LONG,)
        assert not alive(int(each.stdout))


async def test_a_program_that_ends_a_little_later_is_waited_for() -> None:
    end = await shell("echo a > >(sleep 0.02; cat)")

    assert end == ProcessEnd(0, None, False, b"a\n", b"", 2)


async def test_a_daemon_that_holds_the_pipe_is_not_waited_for() -> None:
    end = await shell(f"setsid {LONG} & sleep 0.05; echo $!")

    pid = int(end.stdout)
    try:
        assert end.gone_on == (LONG,)
        assert alive(pid)
    finally:
        os.kill(pid, 9)


async def test_output_is_kept_by_head_and_tail() -> None:
    end = await run_process(["seq", "1", "2000000"], cwd=HERE, deadline_s=30, max_bytes=1000)

    assert end.total_bytes == 14_888_896
    assert end.stdout.startswith(b"1\n2\n3\n")
    assert end.stdout.endswith(b"\n1999999\n2000000\n")
    assert b"\n[... 14887896 bytes of output not kept ...]\n" in end.stdout
    assert len(end.stdout) < 1100


async def test_a_flood_leaves_the_loop_to_others() -> None:
    process = await start_process(["yes"], cwd=HERE, max_bytes=1000)
    turns = 0
    while process.output.total_bytes < 50_000_000:
        await asyncio.sleep(0)
        turns += 1

    await process.kill(0)

    assert turns > 50


async def test_no_output_is_lost_at_the_end() -> None:
    ends = await asyncio.gather(*(shell("head -c 300000 /dev/zero") for _ in range(10)))

    assert {end.total_bytes for end in ends} == {300_000}


async def test_a_held_program_waits_and_loses_nothing() -> None:
    process = await start_process(["seq", "1", "100000"], cwd=HERE)
    process.hold()
    await asyncio.sleep(0.05)
    assert process.running

    process.flow()

    assert (await process.wait()).total_bytes == 588_895


async def test_lines_come_as_they_are_written() -> None:
    async with aclosing(
        stream_lines(["bash", "-c", "echo one; echo two; sleep 300"], cwd=HERE, deadline_s=20, max_lines=10)
    ) as lines:
        assert [await anext(lines), await anext(lines)] == [b"one", b"two"]


async def test_lines_end_with_the_program_and_its_errors() -> None:
    ends: list[ProcessEnd] = []

    argv = ["bash", "-c", "printf 'a\\n\\nb'; echo err >&2; exit 2"]
    lines = [line async for line in stream_lines(argv, cwd=HERE, deadline_s=20, max_lines=10, on_end=ends.append)]

    assert lines == [b"a", b"", b"b"]
    assert (ends[0].exit_code, ends[0].stderr, ends[0].timed_out) == (2, b"err\n", False)


@pytest.mark.parametrize(("deadline_s", "max_lines", "timed_out"), [(20.0, 3, False), (0.1, 10**9, True)])
async def test_the_program_is_killed_at_the_last_line_and_the_deadline(
    deadline_s: float, max_lines: int, timed_out: bool
) -> None:
    ends: list[ProcessEnd] = []
    argv = ["bash", "-c", f"echo a; echo b; echo c; {LONG}"]

    lines = [
        line
        async for line in stream_lines(argv, cwd=HERE, deadline_s=deadline_s, max_lines=max_lines, on_end=ends.append)
    ]

    assert lines == [b"a", b"b", b"c"]
    assert (ends[0].signal, ends[0].timed_out) == ("SIGKILL", timed_out)


async def test_a_slow_consumer_holds_the_program_back() -> None:
    count = 0
    async with aclosing(stream_lines(["seq", "1", "600000"], cwd=HERE, deadline_s=30, max_lines=10**9)) as lines:
        async for line in lines:
            count += 1
            assert int(line) == count
            if count % 200_000 == 0:
                await asyncio.sleep(0.01)

    assert count == 600_000


async def test_a_line_without_end_is_cut() -> None:
    argv = ["bash", "-c", "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo last"]

    lines = [line async for line in stream_lines(argv, cwd=HERE, deadline_s=20, max_lines=10)]

    assert [len(line) for line in lines] == [1_000_000, 4]
