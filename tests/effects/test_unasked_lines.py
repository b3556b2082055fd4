"""Generated lines that need no question are run, without a sandbox of Plait's, among canaries.

A short run; `python -m benchmarks.commands.unasked` is the long one.
"""

import json
import subprocess

import pytest
from benchmarks.commands.unasked.__main__ import reports
from benchmarks.commands.unasked.machine import BWRAP, REPOSITORY

CODE = REPOSITORY / "src"


def namespaces_work():
    probe = ["--unshare-all", "--unshare-user", "--ro-bind", "/", "/", "true"]
    return BWRAP is not None and subprocess.run([BWRAP, *probe], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not namespaces_work(), reason="bubblewrap is not installed or does not work")

NOTICED = {
    "./evil": "ran",
    "sh -c 'sleep 0.01; ./evil' &": "ran",
    "make": "ran",
    "cat ../o/s": "read outside",
    "read x < ~/notes": "read outside",
    "ls ..": "listed outside",
    "echo x > F": "changed",
    "rm b": "changed",
    "touch b": "changed",
    "chmod +x b": "changed",
    "echo x > ../o/new": "changed",
    "touch ../new": "changed",
    "git add x.csv": "changed",
    "exec 3<>/dev/tcp/127.0.0.1/9": "network",
    "cat < /dev/udp/10.0.0.1/9": "network",
    "echo $FUZZ_TOKEN": "secret shown",
}


@pytest.mark.slow
def test_every_canary_notices_what_it_is_there_for():
    ran = list(reports(["--one", json.dumps(list(NOTICED))], CODE))

    kinds = {report["line"]: {kind for kind, _ in report["marks"]} for report in ran}
    assert {line: kind for line, kind in NOTICED.items() if kind not in kinds[line]} == {}
    assert [report["line"] for report in ran if report["verdict"] == "read_only"] == []


@pytest.mark.slow
def test_lines_that_only_read_leave_no_mark():
    lines = ["cat b", "ls -la", "git status", "grep -r x src", "find . -name '*.py' | xargs cat", "echo *", "sleep 9 &"]

    ran = list(reports(["--one", json.dumps(lines)], CODE))

    assert [(report["verdict"], report["marks"]) for report in ran] == [("read_only", [])] * len(lines)


@pytest.mark.slow
def test_generated_lines_that_need_no_question_do_no_more_than_read():
    short = ["--seed", "short", "--without-help", "--without-tools", "--runs", "100000", "--lines", "1500"]

    found = list(reports([*short, "--seconds", "15"], CODE))

    assert [report for report in found if report["kind"] != "end"] == []
    assert found[-1]["total"]["run"] > 50
