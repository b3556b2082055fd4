"""What the figures were taken on: the machine, the interpreter, the versions that matter."""

from __future__ import annotations

import importlib.metadata
import os
import platform

PACKAGES = ("plait", "textual", "pydantic-ai-slim", "pydantic", "openai", "anthropic", "httpx2", "msgspec")


def describe() -> dict[str, object]:
    """Return a JSON object."""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "machine": platform.machine(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_1min": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "versions": versions,
    }


def line(machine: dict[str, object]) -> str:
    versions = machine["versions"]
    assert isinstance(versions, dict)
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{machine['cores']} cores, {machine['machine']}, {machine['kernel']}, Python {machine['python']}, "
        f"load {machine['load_1min']:.1f}; {packages}"
    )
