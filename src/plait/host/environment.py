"""The environments that commands run in: the user's own, made quiet, and for reading ones made safe.

There is no terminal and nobody at the keyboard: pagers, editors, password prompts and colours would hang a command
or garble its output.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from plait.host.programs import system_path
from plait.host.secrets import NOT_SECRET_VARIABLE, SECRET_VARIABLE, redact

QUIET: Mapping[str, str] = {
    "TERM": "dumb",
    "NO_COLOR": "1",
    "PAGER": "cat",
    "MANPAGER": "cat",
    "SYSTEMD_PAGER": "cat",
    "GH_PAGER": "cat",
    "AWS_PAGER": "",
    # An editor that changes nothing: `git rebase --continue` goes on, `git commit` without a message stops.
    "EDITOR": "true",
    "VISUAL": "true",
    "GIT_EDITOR": "true",
    "GIT_SEQUENCE_EDITOR": "true",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS_REQUIRE": "never",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_NO_INPUT": "1",
    "GCM_INTERACTIVE": "never",
}
# The first two name a file that a shell runs before the command; the others demand colours.
DROPPED = frozenset(("BASH_ENV", "ENV", "FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS", "COLORTERM"))
# What changes the meaning of plain reading programs: their own option files and preprocessors, functions that stand
# in for them, libraries loaded into them.
MEDDLING = frozenset(("RIPGREP_CONFIG_PATH", "LESSOPEN", "LESSCLOSE", "SHELLOPTS", "BASHOPTS", "CDPATH", "IFS"))
MEDDLING_PREFIXES = ("GIT_", "BASH_FUNC_", "LD_", "DYLD_")


def quiet(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return `environ` (None: this process's own) with whatever would ask, page, edit or colour switched off."""
    environ = os.environ if environ is None else environ
    return {**{name: value for name, value in environ.items() if name not in DROPPED}, **QUIET}


def reading(
    roots: Iterable[Path], more: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of a command that runs unasked, since all its programs are known to only read.

    They must be the system's or the user's own: what a workspace (`roots`) brings is not on the search path.
    more: set on top, such as what switches off programs that a repository may name.
    """
    kept = {
        name: value
        for name, value in (os.environ if environ is None else environ).items()
        if name not in MEDDLING and not name.startswith(MEDDLING_PREFIXES)
    }
    kept["PATH"] = _path_outside(kept.get("PATH", ""), tuple(roots))
    return {**quiet(kept), **(more or {})}


# What leads to agents that hold keys, to services that act for the user, to the screen and what is copied from it.
LEADING_OUT = frozenset((
    "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS",
    "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DOCKER_HOST", "CONTAINER_HOST", "KUBECONFIG",
    "TMUX", "TMUX_PANE", "STY", "SUDO_ASKPASS", "SSH_ASKPASS", "GIT_ASKPASS", "VSCODE_IPC_HOOK_CLI",
    "VSCODE_GIT_IPC_HANDLE", "GNOME_KEYRING_CONTROL", "KRB5CCNAME", "AWS_SESSION_TOKEN", "AWS_PROFILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
))  # fmt: skip
_PROXY = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY")


def confined(environ: Mapping[str, str], *, network: bool, kept: Iterable[str] = ()) -> dict[str, str]:
    """Return `environ` without secrets and without what leads out of the sandbox.

    network: proxies may have their password, the command is to pass them. kept: variables that are kept all the
    same (`*` at the end for any ending).
    """
    patterns = tuple(kept)

    def stays(name: str, value: str) -> bool:
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return True
        # The name of a setting, without which git refuses to start; it only looks like that of a key.
        if re.fullmatch(r"GIT_CONFIG_KEY_[0-9]+", name):
            return True
        if network and name.upper() in _PROXY:
            return True
        if name in LEADING_OUT or (SECRET_VARIABLE.search(name) and not NOT_SECRET_VARIABLE.search(name)):
            return False
        return redact(value) == value

    kept_variables = {name: value for name, value in environ.items() if stays(name, value)}
    # There nobody may give a file to another user: an archive unpacked as root would end with errors.
    options = f"{environ.get('TAR_OPTIONS', '')} --no-same-owner".strip()
    return {**kept_variables, **({"TAR_OPTIONS": options} if hasattr(os, "geteuid") and os.geteuid() == 0 else {})}


def _path_outside(path: str, roots: tuple[Path, ...]) -> str:
    """Return the search path without relative places and those in a workspace, the system's own added at its end."""
    places = [place for place in path.split(os.pathsep) if os.path.isabs(place)]
    outside = [
        place for place in places if not any(Path(os.path.realpath(place)).is_relative_to(root) for root in roots)
    ]
    return os.pathsep.join(dict.fromkeys([*outside, *system_path()]))
