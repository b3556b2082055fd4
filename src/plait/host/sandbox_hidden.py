"""The places that are hidden from commands: where secrets are kept, and where programs listen that act for the user."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress

from plait.host.protected import SECRET_DIRECTORIES, SECRET_HOME, SECRET_SYSTEM, secret_name
from plait.host.sandbox_paths import within

# Programs of the system listen there for everything that the user may do: run containers, unlock keys, start services.
SOCKETS_SYSTEM = (
    "/run/docker.sock", "/run/podman", "/run/containerd", "/run/crio", "/run/dbus", "/run/snapd.socket",
    "/run/lxd.socket", "/run/libvirt", "/run/systemd/private", "/run/user", "/run/screen", "/run/tmux",
)  # fmt: skip
SOCKETS_HOME = (
    ".docker/run", ".docker/desktop", ".colima", ".lima", ".rd", ".orbstack", ".local/share/containers/podman",
)  # fmt: skip
# More of the home directory that holds secrets and nothing a build needs: browsers and messengers, keyrings, and the
# files in which tools keep what they sign in with.
SECRET_HOME_TOO = (
    ".thunderbird", ".local/share/kwalletd", ".config/1Password", ".config/Bitwarden", ".config/Bitwarden CLI",
    ".config/keepassxc", ".config/BraveSoftware", ".config/microsoft-edge", ".config/vivaldi", ".config/opera",
    ".config/Signal", ".config/Slack", ".config/discord", ".config/Element", ".config/TelegramDesktop",
    ".config/evolution", ".config/msmtp", ".config/aerc/accounts.conf", ".config/syncthing", ".config/filezilla",
    ".config/remmina", ".config/sops", ".config/age", ".config/git/credentials", ".config/github-copilot",
    ".config/solana/id.json", ".config/composer/auth.json", ".config/dart/pub-credentials.json",
    ".config/coursier/credentials.properties", ".config/configstore/firebase-tools.json", ".config/netlify",
    ".config/stripe", ".config/hcloud", ".config/scw", ".config/argocd", ".config/helm/registry",
    ".config/containers/auth.json", ".config/.wrangler", ".config/ngrok", ".composer/auth.json", ".foundry/keystores",
    ".terraform.d/credentials.tfrc.json", ".pulumi/credentials.json", ".pub-cache/credentials.json",
    ".ivy2/.credentials", ".sbt/.credentials", ".sbt/1.0/credentials.sbt", ".m2/settings-security.xml",
    ".hex/hex.config", ".julia/servers", ".android/adbkey", ".local/share/uv/credentials", ".cache/huggingface/token",
    ".cache/huggingface/stored_tokens",
)  # fmt: skip
LISTENING = "/proc/net/unix"
_ACCEPTS_CONNECTIONS = 1 << 16


def hidden_places(
    home: str, own: Iterable[str], roots: Sequence[str], open_places: Sequence[str], *, narrow: bool, agent: bool
) -> list[str]:
    """Return what is there of them, where it really is.

    own: Plait's own. narrow: of the home directory all is hidden but what is shown by name. agent: sockets are left
    open, since one of them leads to the user's keys.
    """
    found = [f"{home}/{name}" for name in (*SECRET_DIRECTORIES, *SECRET_HOME, *SECRET_HOME_TOO, *SOCKETS_HOME)]
    if not narrow:
        with suppress(OSError):
            found += [f"{home}/{name}" for name in os.listdir(home) if secret_name(name)]
    found += [path for path in (*SECRET_SYSTEM, *SOCKETS_SYSTEM) if not path.startswith(("/proc", "/dev"))]
    found += own
    if not agent:
        found += listening_sockets()
    real = dict.fromkeys(os.path.realpath(path) for path in found if os.path.exists(path))
    # A root that lies in a hidden place is seen all the same; one that is a hidden place would leave nothing to do.
    seen = [*open_places, home]
    return [path for path in real if path not in roots and path != "/" and not _is_private_tmp(path, seen)]


def _is_private_tmp(path: str, seen: Sequence[str]) -> bool:
    """True for what lies in the real `/tmp` and not in a place that is `seen`: another directory is there instead."""
    return path.startswith("/tmp/") and not within(path, seen)


def listening_sockets() -> list[str]:
    """The sockets in the file system on which anything of this machine listens (proc(5), `/proc/net/unix`)."""
    try:
        with open(LISTENING, encoding="utf-8", errors="surrogateescape") as table:
            rows = [line.rstrip("\n").split(" ", 7) for line in table]
    except OSError:
        return []
    paths = (row[7] for row in rows if len(row) > 7 and row[3].isalnum() and _listens(row[3]))
    return sorted({path for path in paths if path.startswith("/") and _is_socket(path)})


def _listens(flags: str) -> bool:
    try:
        return bool(int(flags, 16) & _ACCEPTS_CONNECTIONS)
    except ValueError:
        return False


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False
