"""The sandbox by bubblewrap: namespaces of its own, nothing but the view's places to write, nothing left behind.

The command runs in a shell that reports on a pipe: first that the sandbox stands, last what was left running, which
ends with it. Nothing here decides what is seen (`sandbox_view`).
"""

from __future__ import annotations

import os
import platform
import stat
import subprocess
from collections.abc import Iterator, Sequence
from glob import glob

from plait.host.sandbox_view import View

PROBE_DEADLINE_S = 5.0
NAMESPACES = ("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try")
# Not in every kernel that has user namespaces: it keeps the command from making more of them.
NO_MORE_NAMESPACES = "--disable-userns"
# Graphics cards: what computes on them would otherwise fail, and they hold no files.
DEVICES = ("/dev/dri", "/dev/kfd", "/dev/nvidia*")
# $1: the descriptor of the report. $2: the number that brands its processes. $0: bash. $3: the command. $4: a place
# from which nothing ever comes, so that reading it takes its time. $5: how many threads it may have (root: any). The
# kernel's first choice when memory runs out is what has the highest score, and that is not to be Plait.
SCRIPT = """
trap : TERM INT HUP
ulimit -S -x "$2" 2>/dev/null
[ -n "$5" ] && ulimit -S -u "$5" 2>/dev/null
echo 500 2>/dev/null >/proc/self/oom_score_adj
report=$1
exec {errors}>&2 2>/dev/null
printf 'stands\\n' >&"$report"
(exec 2>&"$errors" {errors}>&- {report}>&-; exec -a bash "$0" --noprofile --norc -c -- "$3")
code=$?
shopt -s nullglob
others() {
    left=()
    local place words
    for place in /proc/[0-9]*; do
        case ${place#/proc/} in 1|$$) continue ;; esac
        words=()
        mapfile -d '' -t words <"$place/cmdline" && ((${#words[@]})) && left+=("${words[*]}")
    done
    ((${#left[@]}))
}
for round in 1 2 3 4 5 6 7; do
    others || exit "$code"
    read -rt 0.02 _ <>"$4"
done
others || exit "$code"
for line in "${left[@]:0:20}"; do
    line=${line//$'\\n'/ }
    printf 'left %s\\n' "${line:0:80}" >&"$report"
done
exit "$code"
"""


def works(program: str) -> tuple[str, ...] | str:
    """Try it for real. Return the options for namespaces that work here, or why none does. Blocking, some 10 ms."""
    problem = ""
    for options in ((*NAMESPACES, NO_MORE_NAMESPACES), NAMESPACES):
        probe = [program, *options, "--unshare-net", *BASE, "--die-with-parent", "--", "/bin/sh", "-c", "exit 0"]
        try:
            answer = subprocess.run(
                probe,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=PROBE_DEADLINE_S,
                check=False,
                env={"PATH": "/usr/bin:/bin"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"`{program}` cannot be run: {getattr(error, 'strerror', None) or 'it did not end'}"
        if answer.returncode == 0:
            return options
        problem = answer.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
    return f"`{program}` does not work here: {problem or 'it failed'}"


# Settings of the kernel belong to root by their number alone, which root keeps in the sandbox.
KERNEL = ("--ro-bind", "/proc/sys", "/proc/sys", "--ro-bind-try", "/proc/sysrq-trigger", "/proc/sysrq-trigger")
BASE = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", *KERNEL)


def wrapped(
    program: str, namespaces: Sequence[str], argv: Sequence[str], view: View, *, empty: str, cwd: str, network: bool
) -> list[str]:
    """Return the words that run `argv` in the sandbox. empty: a file that is in the place of each hidden one."""
    words = [program, *namespaces, *(() if network else ("--unshare-net",)), "--die-with-parent"]
    everything = any(mount.path == "/" and mount.kind == "write" for mount in view.mounts)
    words += ["--bind" if everything else "--ro-bind", "/", "/", *BASE[3:]]
    words += [word for device in _devices() for word in ("--dev-bind-try", device, device)]
    sealed: list[str] = []
    for mount in view.mounts:
        if mount.path == "/":
            continue
        match mount.kind:
            case "write":
                words += ["--bind", mount.source, mount.path]
            case "read":
                words += ["--ro-bind", mount.source, mount.path]
            case "hide" if _is_directory(mount.path):
                words += ["--tmpfs", mount.path]
                sealed += ["--remount-ro", mount.path]
            case "hide":
                words += ["--ro-bind", empty, mount.path]
            case "link":
                words += ["--symlink", mount.source, mount.path]
    return [*words, *sealed, "--chdir", cwd, "--", *argv]


def shell(bash: str, command: str, brand: int, report: int) -> list[str]:
    """Return the words that run `command` in bash in the sandbox and report on the descriptor `report`."""
    return [
        bash,
        "--noprofile",
        "--norc",
        "-c",
        SCRIPT,
        bash,
        str(report),
        str(brand),
        command,
        "/dev/ptmx",
        most_threads(),
    ]


def most_threads() -> str:
    """How many the user may have in the namespace; nothing where the kernel counts those outside too (before 5.14)."""
    version = tuple(int(number) for number in platform.release().split(".")[:2] if number.isdigit())
    return str(max(2048, 256 * (os.cpu_count() or 1))) if version >= (5, 14) else ""


def _devices() -> Iterator[str]:
    for pattern in DEVICES:
        yield from glob(pattern)


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except OSError:
        return False
