"""Searches that run side by side parse in threads of one process."""

from __future__ import annotations

import subprocess
import sys

THREADS = """
from concurrent.futures import ThreadPoolExecutor
from plait.index.parse import comment_spans, parse

text = b"# one\\ndef f(a):\\n    return a  # two\\n" * 3000

def work(turn):
    return len(comment_spans(text, "python")) if turn % 2 else len(parse(text, "python").symbols)

with ThreadPoolExecutor(4) as pool:
    assert list(pool.map(work, range(24))) == [3000, 6000] * 12
"""


def test_threads_that_parse_at_once_do_not_crash_the_process() -> None:
    # In a process of its own, which a crash would take along.
    done = subprocess.run([sys.executable, "-c", THREADS], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
