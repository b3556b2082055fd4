"""The environment that commands run in: the user's, made quiet for programs that nobody can answer. Pure.

There is no terminal and nobody at the keyboard: pagers, editors, password prompts and colours would hang a command
or garble its output.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    "SUDO_ASKPASS": "/bin/false",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_NO_INPUT": "1",
    "GCM_INTERACTIVE": "never",
}
# The first two name a file that a shell runs before the command; the others demand colours.
DROPPED = ("BASH_ENV", "ENV", "FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS", "COLORTERM")


def quiet(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` with whatever would ask, page, edit or colour switched off."""
    return {**{name: value for name, value in environ.items() if name not in DROPPED}, **QUIET}
