"""`plait` and `python -m plait`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # `python -m` looks there first, and what is worked in may bring a `json.py` of its own.
    del sys.path[0]

import contextlib

from plait.cli import main as run
from plait.host.exit_work import run_exit_work


def main() -> None:
    """Run the command line and leave at once: what is to be kept has been written by then.

    Tearing down an interpreter that has loaded a model's library takes longer than everything else at the end.
    """
    code = run()
    run_exit_work()
    for stream in (sys.stdout, sys.stderr):
        # A closed one is None, a broken one raises: nothing can be done about either any more.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
