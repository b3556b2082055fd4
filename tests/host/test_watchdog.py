import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.host.test_process import alive

pytestmark = pytest.mark.skipif(not Path("/bin/sh").exists(), reason="needs /bin/sh")

PROGRAM = """
import asyncio
from pathlib import Path
from plait.host.commands import start_shell

async def main():
    short = await start_shell("exit 0", cwd=Path("/tmp"))
    await short.wait()
    process = await start_shell("sleep 300 & sleep 300 & echo $! $$; wait", cwd=Path("/tmp"), on_output=tell)
    await process.wait()

def tell(data):
    print(data.decode().strip(), flush=True)

asyncio.run(main())
"""


def wait_until_gone(pid: int) -> None:
    ends_at = time.monotonic() + 20
    # What is looked at may go at this very moment.
    with suppress(ProcessLookupError, FileNotFoundError):
        while alive(pid):
            assert time.monotonic() < ends_at


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV], ids=["killed", "crashed"])
def test_commands_do_not_outlive_plait_however_it_ends(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as plait:
        assert plait.stdout is not None
        sleeping, shell = map(int, plait.stdout.readline().split())
        assert alive(sleeping)

        os.kill(plait.pid, number)
        plait.wait()

    wait_until_gone(sleeping)
    wait_until_gone(shell)


def test_what_plait_ended_itself_is_forgotten_and_the_watchdog_goes_with_it() -> None:
    program = PROGRAM.split("    process =")[0] + (
        "    from plait.host.watchdog import WATCHDOG\n"
        "    import os\n"
        "    children = open(f'/proc/self/task/{os.getpid()}/children').read().split()\n"
        "    print(*children, flush=True)\n"
        "asyncio.run(main())\n"
    )
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        pytest.skip("needs the kernel's list of children")

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=20)

    [watchdog] = map(int, ran.stdout.split())
    wait_until_gone(watchdog)
