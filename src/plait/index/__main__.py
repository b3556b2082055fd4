"""The index's own processes: `python -m plait.index ROOT --directory D` keeps an index, `--worker ROOT` reads files.

Started by `index.code_index` and `index.workers`, not by hand. They end when their standard input does, so that they
outlive nobody.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

NICENESS = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m plait.index", allow_abbrev=False)
    parser.add_argument("root")
    parser.add_argument("--worker", action="store_true")
    parser.add_argument("--yielding", action="store_true", help="run only when nobody else wants to")
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--once", action="store_true", help="end as soon as the index is ready")
    parser.add_argument("--any-size", action="store_true", help="whatever the number of files")
    options = parser.parse_args()
    # The terminal's Ctrl+C is for the application.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if options.worker:
        from plait.index.worker import main as work

        if options.yielding and hasattr(os, "SCHED_IDLE"):
            with suppress(OSError):
                os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        return work(options.root)
    if options.directory is None:
        parser.error("--directory is missing")
    return keep(options)


def keep(options: argparse.Namespace) -> int:
    # Not above: a worker needs none of it.
    from plait.index.indexer import Indexer
    from plait.index.languages import grammar_versions
    from plait.index.scan import MOST_FILES

    _step_back()

    def tell(line: str) -> None:
        try:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        except OSError:
            # Nobody listens any more; standard input says the same in a moment.
            pass

    indexer = Indexer(
        Path(options.root),
        options.directory,
        grammar_versions(),
        tell,
        watch=not options.once,
        most_files=None if options.any_size else MOST_FILES,
    )

    def listen() -> None:
        for line in sys.stdin.buffer:
            indexer.take_command(line)
        indexer.stop()

    threading.Thread(target=listen, name="commands", daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: indexer.stop())
    return indexer.run()


def _step_back() -> None:
    """Let whoever types go first."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    if hasattr(os, "sched_setscheduler"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


if __name__ == "__main__":
    sys.exit(main())
