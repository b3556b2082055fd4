"""Requests as the dispatcher makes them, for a workspace at `/w`."""

from pathlib import Path

from plait.effects.shell import command_effects
from plait.host.paths import Workspace
from plait.permissions.policy import Request
from plait.permissions.rules import parse_rule
from plait.protocol.commands import Rule
from plait.protocol.effects import Access, Effects, Mode

ROOT = Path("/w")
WORKSPACE = Workspace(ROOT, (ROOT,))


def shell(command: str, workspace: Workspace = WORKSPACE) -> Request:
    effects = command_effects(command, cwd=workspace.cwd, workspace=workspace)
    return Request("shell", {"command": command}, effects, workspace.roots)


def edit(*paths: str) -> Request:
    accesses = tuple(Access(Mode.WRITE, str(ROOT / path)) for path in paths)
    return Request("edit", {"path": paths[0]}, Effects(accesses), (ROOT,))


def read(path: str, *, tool: str = "read", tree: bool = False) -> Request:
    return Request(tool, {"path": path}, Effects((Access(Mode.READ, str(ROOT / path), tree),)), (ROOT,))


def fetch(*hosts: str) -> Request:
    return Request("web_fetch", {"urls": [f"https://{host}/" for host in hosts]}, Effects(network=hosts), (ROOT,))


def rules(*texts: str) -> tuple[Rule, ...]:
    """`allow read`, `deny shell(rm *)` …"""
    out = []
    for text in texts:
        verdict, _, pattern = text.partition(" ")
        assert verdict in ("allow", "ask", "deny")
        out.append(parse_rule(pattern, verdict, "session"))
    return tuple(out)
