"""Judges of programs that reach beyond the workspace: the system, the account, processes, containers, clusters."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from plait.effects.command import Command, Judge
from plait.effects.programs import danger_entries, judge_by_table
from plait.host.protected import credential

HARMLESS_SIGNALS = frozenset((
    "EXIT", "INT", "TERM", "HUP", "QUIT", "PIPE", "USR1", "USR2", "SIGINT", "SIGTERM", "SIGHUP", "0", "1", "2", "15",
))  # fmt: skip
RPM_DATABASES = tuple(
    f"{place}/{name}"
    for place in ("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm")
    for name in ("rpmdb.sqlite", "Packages", "Packages.db")
)
IP_SHOWING = re.compile(r"-(4|6|br|brief|j|json|o|c|s|d|color=\w+)")


# It only tells what would be done.
DRY_RUN = re.compile(r"--dry-?run(?:=(?!none|false|0).*)?")


@dataclass(frozen=True, slots=True)
class Danger:
    """An entry of `dangerous.toml`."""

    reason: str
    words: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()


@lru_cache(maxsize=1)
def dangers() -> dict[str, Danger]:
    found: dict[str, Danger] = {}
    for entry in danger_entries():
        danger = Danger(
            entry["reason"], frozenset(entry.get("words", "").split()), frozenset(entry.get("unless", "").split())
        )
        for name in entry["programs"].split():
            found[name] = danger
    return found


def only_tries(words: Sequence[str]) -> bool:
    """True for a sub-command that only tells what it would do; `--dry-run` after `--` is another program's."""
    return any(map(DRY_RUN.fullmatch, itertools.takewhile(lambda word: word != "--", words)))


def judge_dangerous(command: Command) -> None:
    """Judge a program that stands in `dangerous.toml`."""
    danger = dangers()[command.name]
    words = set(command.words)
    if "--help" in words or (danger.words and only_tries(command.words)):
        command.finding.ask(f"`{command.name}` is not known to be harmless")
        return
    if (not danger.words or words & danger.words) and not (danger.unless and words & danger.unless):
        command.finding.dangerous(f"{danger.reason} (`{command.name}`)")
    else:
        judge_by_table(command)


def judge_if_dangerous(command: Command) -> None:
    """Name the danger of a program that is judged otherwise too."""
    danger = dangers().get(command.name)
    if danger is not None and set(command.words) & danger.words and not only_tries(command.words):
        command.finding.dangerous(f"{danger.reason} (`{command.name}`)")


def judge_sudo(command: Command) -> None:
    judge_dangerous(command)
    rest = list(command.args)
    while rest and (rest[0].literal or "").startswith("-"):
        option = rest.pop(0).literal
        if option in ("-u", "-g", "-h", "-p", "-C", "-T", "-R", "-D") and rest:
            rest.pop(0)
    while rest and re.match(r"[A-Za-z_]\w*=", rest[0].literal or ""):
        rest.pop(0)
    if rest and command.name in ("sudo", "doas", "pkexec", "run0"):
        command.run(rest, command.place)


def judge_mount(command: Command) -> None:
    """mount, sysctl …: without arguments, or to list, they only show."""
    if not command.args and command.name in ("mount", "sysctl"):
        return
    if (
        command.name == "sysctl"
        and command.all_known
        and all(re.fullmatch(r"-[an]|[\w.]+", word) for word in command.words)
    ):
        return
    judge_dangerous(command)


def judge_ip(command: Command) -> None:
    words = [word for word in command.words if not word.startswith("-")]
    if command.name == "ip" and command.all_known and words:
        shows = len(words) == 1 or words[1] in ("show", "list", "ls")
        known_object = words[0] in ("a", "addr", "address", "l", "link", "r", "route", "n", "neigh", "rule")
        options = [word for word in command.words if word.startswith("-")]
        if known_object and shows and all(IP_SHOWING.fullmatch(word) for word in options):
            return
    if command.name == "ifconfig" and (not words or len(words) == 1) and command.all_known:
        return
    if command.name == "route" and not words and set(command.words) <= {"-n"}:
        return
    judge_dangerous(command)


def judge_kill(command: Command) -> None:
    """kill: single processes are an ordinary question; all of them, or the first, are not."""
    finding, words = command.finding, command.words
    if words and words[0] in ("-l", "-L", "--list"):
        return
    targets = [word for word in words if not re.fullmatch(r"-(s|n|[A-Z]+\d*|SIG[A-Z]+|\d+)|--|[A-Z]+", word)]
    last = words[-1] if words else ""
    if (last in ("-1", "1", "0") and len(words) > 1) or words == ["1"]:
        finding.dangerous("ends every process, or the first one of the system")
    for target in targets:
        finding.ends(target)
    finding.ask(f"ends processes ({', '.join(f'`{target}`' for target in targets) or 'which, cannot be told'})")


def judge_pkill(command: Command) -> None:
    words = command.words
    if any(word in ("-u", "-U", "--euid", "--uid", "--user") or re.match(r"-u\w", word) for word in words):
        command.finding.dangerous(f"ends all processes of a user (`{command.name}`)")
    if words and words[-1] in (".", ".*", "", "systemd", "init", "sshd", "Xorg", "gnome-shell"):
        command.finding.dangerous(f"ends processes of the system (`{command.name}`)")
    for word in words:
        if not word.startswith("-"):
            command.finding.ends(word)
    command.finding.ask(f"ends processes by name through `{command.name}`")


def judge_container(command: Command) -> None:
    """docker, podman: ordinary, unless they open the machine to the container or remove all that was kept.

    Names and states are read by the forms of `subcommands.toml`; logs and settings hold what programs keep to
    themselves.
    """
    finding, words = command.finding, command.words
    for index, word in enumerate(words):
        mount = words[index + 1] if word in ("-v", "--volume", "--mount") and index + 1 < len(words) else ""
        mount = word.partition("=")[2] if word.startswith(("--volume=", "--mount=")) else mount
        source = re.search(r"(?:^|src=|source=)(/[^:,]*)", mount)
        if source and source[1].rstrip("/") in (
            "",
            "/etc",
            "/root",
            "/home",
            "/var/run/docker.sock",
            "/usr",
            "/boot",
            "/dev",
        ):
            finding.dangerous(f"opens `{source[1]}` of this machine to a container")
        local = mount.partition(":")[0]
        if local and any(credential(path) for path in command.place.resolve(local)):
            finding.dangerous(f"opens `{local}` to a container")
        if local and os.path.realpath(local) == os.path.realpath(os.path.expanduser("~")):
            finding.dangerous("opens the home directory to a container")
        if word in ("--privileged", "--pid=host", "--userns=host") or word.startswith("--cap-add=SYS_ADMIN"):
            finding.dangerous(f"gives a container the rights of the machine (`{word}`)")
    everything = any(re.fullmatch(r"--all|-[a-z]*a[a-z]*", word) for word in words)
    if "prune" in words and (set(words) & {"--volumes", "volume"} or (words[0] == "system" and everything)):
        finding.dangerous("destroys the data of stopped containers")
    if words[:2] in (["volume", "rm"],):
        finding.dangerous("destroys the data of a container")
    if words[:1] in (["ps"], ["images"], ["logs"], ["info"], ["version"], ["inspect"], ["stats"], ["top"], ["port"]):
        finding.ask(f"asks the daemon of `{command.name}`, which may be on another machine")
    else:
        finding.ask(f"`{' '.join([command.name, *words[:1]])}` may change containers or what they hold")


def _clears_up(command: Command, text: str) -> bool:
    """True for the removal of what `mktemp` has made: `trap 'rm -rf "$tmp"' EXIT`."""
    found = re.fullmatch(r'rm -(?:rf|fr|r|f) (?:-- )?"?\$\{?(\w+)\}?"?', text)
    made = command.place.variables.get(found[1]) if found is not None else None
    return made is not None and made.glob is not None and made.glob.startswith(("/tmp/", "/var/tmp/"))


def judge_trap(command: Command) -> None:
    """trap: its text runs later, in whatever directory and with whatever variables there are then."""
    words = command.words
    if not words or words[0] in ("-l", "-p", "-"):
        return
    if command.args[0].literal is None or words[0].startswith("-"):
        command.finding.ask("runs a text that cannot be told through `trap`")
    elif _clears_up(command, words[0]):
        command.finding.ask("removes a temporary directory through `trap`")
    elif words[0]:
        command.run_text(words[0], replace(command.place, cwds=(), variables={}, functions={}))
    if any(word not in HARMLESS_SIGNALS for word in words[1:]):
        command.finding.ask("runs a text between commands through `trap`")


def judge_kubectl(command: Command) -> None:
    """kubectl, helm …: they speak to the cluster. What is asked of this machine alone stands in `subcommands.toml`."""
    judge_if_dangerous(command)
    words = command.words
    if {"secret", "secrets"} & set(words) and "get" in words:
        command.finding.secret("the secrets of the cluster")
    command.finding.contact("*", " ".join([command.name, *words[:1]]))
    if words[:1] not in (["get"], ["describe"], ["logs"], ["top"], ["explain"], ["list"], ["status"]):
        command.finding.ask(f"may change what is deployed through `{' '.join([command.name, *words[:1]])}`")


def judge_settings(command: Command) -> None:
    """pip: its settings are those of the user's account."""
    name_settings(command)
    judge_by_table(command)


def name_settings(command: Command) -> None:
    """Name a change of settings that hold for all that the user does, not for this project alone."""
    words = command.words
    changes = words[:1] == ["config"] and set(words) & {"set", "delete", "unset", "edit"}
    if changes and not {"--location=project", "--site"} & set(words):
        command.finding.dangerous(f"changes the user's settings of `{command.name}`")


def judge_keygen(command: Command) -> None:
    """ssh-keygen: a key that is made in the workspace is a file like others."""
    named = next((arg for before, arg in zip(command.words, command.args[1:], strict=False) if before == "-f"), None)
    paths = command.place.resolve(named.literal) if named is not None and named.literal is not None else []
    if named is None or not paths or not all(command.place.workspace.contains(Path(path)) for path in paths):
        judge_dangerous(command)
        return
    command.finding.write(named, "ssh-keygen -f")
    command.finding.ask("makes or changes keys through `ssh-keygen`")


def judge_rpm(command: Command) -> None:
    """rpm: without `-q` it installs."""
    if not any(word == "--query" or re.fullmatch(r"-[a-zA-Z]*q[a-zA-Z]*", word) for word in command.words):
        command.finding.ask("`rpm` without `-q` may change the packages of the system")
    if not any(map(os.path.exists, RPM_DATABASES)):
        command.finding.ask("`rpm` makes a database of its own where the system has none")
    judge_dangerous(command) if "-q" not in command.words else judge_by_table(command)


def judge_hostname(command: Command) -> None:
    if any(not word.startswith("-") for word in command.words):
        command.finding.dangerous("changes the name of the machine")
    judge_by_table(command)


def judge_history(command: Command) -> None:
    if command.args:
        command.finding.ask("changes the history of the shell")
    else:
        command.finding.secret("the history of the shell")


def judge_plait(command: Command) -> None:
    """Plait itself: what it may do is the user's to say, not a command's."""
    words = command.words
    if words in (["--version"], ["--help"], ["-h"]):
        return
    switches = any(re.match(r"--(yolo|dangerous|trust|perm|allowed|settings)", word) for word in words)
    shows = words[1:2] in ([], ["list"], ["show"])
    if switches or words[:1] == ["trust"] or (words[:1] == ["sessions"] and not shows):
        command.finding.dangerous("changes what Plait itself may do, or what it keeps (`plait`)")
    command.finding.ask(f"starts Plait itself (`{' '.join(['plait', *words[:1]])}`)")


JUDGES: Mapping[str, Judge] = {
    "plait": judge_plait,
    "sudo": judge_sudo,
    "doas": judge_sudo,
    "pkexec": judge_sudo,
    "run0": judge_sudo,
    "mount": judge_mount,
    "sysctl": judge_mount,
    "ip": judge_ip,
    "ifconfig": judge_ip,
    "route": judge_ip,
    "kill": judge_kill,
    "pkill": judge_pkill,
    "killall": judge_pkill,
    "docker": judge_container,
    "podman": judge_container,
    "nerdctl": judge_container,
    "trap": judge_trap,
    "kubectl": judge_kubectl,
    "oc": judge_kubectl,
    "helm": judge_kubectl,
    "pip": judge_settings,
    "pip3": judge_settings,
    "rpm": judge_rpm,
    "ssh-keygen": judge_keygen,
    "history": judge_history,
    "hostname": judge_hostname,
}
