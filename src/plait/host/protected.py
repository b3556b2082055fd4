"""Which paths hold secrets, and which decide what runs on this machine without being asked. Pure but for `~`.

Effects use it to name the credentials a call reads; the policy uses it to ask again before a write. Names are
compared without regard to case and to characters that some file systems ignore: `.GIT` may be `.git`.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Sequence
from fnmatch import translate
from functools import lru_cache

import platformdirs

from plait.host.governing import KINDS, PLAIN_FORMS, Governs, kind_of

# Base names of files that hold secrets, wherever they lie.
SECRET_NAMES = (
    ".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".npmrc", ".yarnrc.yml", ".pypirc", ".pgpass", ".my.cnf",
    ".htpasswd", ".git-credentials", ".vault-token", ".dockercfg", ".boto", ".s3cfg", ".terraformrc", ".mylogin.cnf",
    "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.keytab", "*.keychain*",
    "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "credentials", "credentials.*", "kubeconfig", "*.kubeconfig",
    "secrets.yml", "secrets.yaml", "secrets.json", "secrets.toml", "service-account*.json", "service_account*.json",
    ".bash_history", ".zsh_history", ".python_history", ".psql_history", ".mysql_history", ".node_repl_history",
)  # fmt: skip
# Look like secrets and are made to be read.
PUBLIC_NAMES = (
    "*.pub",
    "*.example",
    "*.sample",
    "*.template",
    "*.dist",
    "*.py",
    "*.md",
    "*.go",
    "*.rs",
    "*.ts",
    "*.js",
)
# Directories that hold nothing but secrets, wherever they lie.
SECRET_DIRECTORIES = (".ssh", ".aws", ".azure", ".gnupg", ".kube", ".password-store")
# Below the home directory; a directory covers what is in it.
SECRET_HOME = (
    ".config/gh", ".config/gcloud", ".config/hub", ".config/op", ".config/rclone", ".config/google-chrome",
    ".config/chromium", ".mozilla", ".docker/config.json", ".local/share/keyrings", "Library/Keychains",
    ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials", ".m2/settings.xml",
    ".gradle/gradle.properties", ".subversion/auth", ".config/glab-cli", ".config/doctl", ".config/heroku",
    ".databrickscfg", ".config/pypoetry/auth.toml", ".claude.json", ".claude/.credentials.json", ".codex/auth.json",
)  # fmt: skip
SECRET_SYSTEM = (
    "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers", "/etc/sudoers.d",
    "/etc/ssl/private", "/etc/krb5.keytab", "/etc/kubernetes", "/run/secrets", "/var/run/secrets", "/etc/wireguard",
    "/dev/mem", "/dev/kmem", "/proc/kcore",
)  # fmt: skip

# Below the home directory: read by shells, by git, by the session at login.
STARTUP_HOME = (
    ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases", ".profile", ".zshrc", ".zshenv",
    ".zprofile", ".zlogin", ".zlogout", ".config/fish", ".kshrc", ".cshrc", ".tcshrc", ".inputrc", ".gitconfig",
    ".config/git", ".ssh", ".gnupg", ".config/systemd", ".config/autostart", ".config/environment.d", ".xprofile",
    ".xinitrc", ".xsession", ".pam_environment", "Library/LaunchAgents", ".vim", ".config/nvim",
    ".emacs", ".emacs.d", ".tmux.conf", ".npmrc", ".pypirc", ".config/pip", ".cargo/config.toml", ".aws", ".kube",
    ".direnvrc", ".config/direnv", ".config/mise", ".asdfrc", ".config/husky", ".huskyrc", ".vimrc", ".gdbinit",
    ".lldbinit", ".Rprofile", ".irbrc", ".config/zed", ".config/helix", ".yarnrc.yml", ".bazelrc",
)  # fmt: skip
# Belongs to the system, whoever may write there; a home directory in it does not.
SYSTEM_TREES = (
    "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot", "/var", "/opt", "/root", "/proc", "/sys", "/dev",
    "/run", "/srv", "/System", "/Library", "/Applications", "/private/etc", "/private/var", "/snap", "/nix",
)  # fmt: skip
TEMPORARY_TREES = ("/tmp", "/var/tmp", "/private/tmp", "/private/var/folders", "/var/folders", "/dev/shm")
WORDS: dict[Governs, str] = {
    "plait": "Plait's own settings or the environment it runs from",
    "git": "git's own files",
    "tools": "settings that decide what an editor, a container or an agent runs",
    "hooks": "it decides what runs when git does",
    "environment": "it decides what runs in this directory, or on entering it",
    "start-up": "a file that is read when a shell, git or the session starts",
}
# One expression each: every path of every call is looked at.
PUBLIC = re.compile("|".join(map(translate, PUBLIC_NAMES)))
SECRET = re.compile("|".join(map(translate, SECRET_NAMES)))
# Zero-width and joining characters that HFS+ drops from names.
IGNORED = dict.fromkeys(
    [0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x206A, 0x2070)]
)
# Windows drops dots and blanks from the end of a name, and takes what follows a colon for a stream of the file.
ODD_NAME = re.compile(r"[. ](?:/|\Z)|:")
TRAILING = re.compile(r"(?<=[^/. ])(?::[^/]*|[. ]+(?::[^/]*)?)(?=/|\Z)")
# As Windows shortens names: `GIT~1` is `.git`.
SHORTENED = re.compile(r"([^/~.]{1,6})~\d(?:\.([^/~.]{1,3}))?")
# Below a directory of git's: what decides which programs git runs, and where else it looks for its files.
STEERING = re.compile(
    r"config[^/]*|commondir|gitdir|hooks|info|objects/info/(?:http-)?alternates|worktrees/[^/]+/(?:config[^/]*|commondir|gitdir)"
)


def _fold(text: str) -> str:
    """Return a path as file systems compare it that ignore case, spelling, and what ends a name in vain."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", unicodedata.normalize("NFD", text.translate(IGNORED)).casefold())
    text = text.casefold()
    return TRAILING.sub("", text) if ODD_NAME.search(text) else text


def _below(path: str, tops: tuple[str, ...]) -> str | None:
    return next((top for top in tops if path == top or path.startswith(top + "/")), None)


@lru_cache(maxsize=8)
def _in_home(home: str, entries: tuple[str, ...]) -> tuple[str, ...]:
    homes = {home.rstrip("/"), os.path.realpath(home).replace(os.sep, "/").rstrip("/")}
    return tuple(_fold(f"{place}/{entry}") for place in sorted(homes) for entry in entries)


@lru_cache(maxsize=1)
def _own() -> tuple[str, ...]:
    """Plait's own settings and state, and the environment it runs from."""
    places = (platformdirs.user_config_dir("plait"), platformdirs.user_state_dir("plait"), sys.prefix)
    return tuple(_fold(os.path.realpath(place).replace(os.sep, "/")) for place in places)


def secret_name(name: str) -> bool:
    """True if a file of this base name holds secrets wherever it lies."""
    name = _fold(name)
    return not PUBLIC.match(name) and bool(SECRET.match(name))


@lru_cache(maxsize=4096)
def credential(path: str) -> bool:
    """True if the absolute, resolved `path` holds secrets, or is a directory of nothing else."""
    folded = _fold(path.replace(os.sep, "/"))
    name = folded.rsplit("/", 1)[-1]
    if secret_name(name):
        return True
    if any(part in SECRET_DIRECTORIES for part in folded.split("/")):
        return not name.endswith(".pub") and name not in ("known_hosts",)
    if _below(folded, SECRET_SYSTEM) or (folded.startswith("/etc/ssh/") and name.endswith("_key")):
        return True
    if folded.startswith("/proc/") and name in ("environ", "mem", "maps", "fd"):
        return True
    return _below(folded, _in_home(os.path.expanduser("~"), SECRET_HOME)) is not None


def governs(path: str, places: Sequence[str] = ()) -> Governs | None:
    """Say what the absolute, resolved `path` decides, or None if it is an ordinary file.

    places: further files and directories that git runs, by its configuration or by links (`governed_places`).
    """
    folded = _fold(path.replace(os.sep, "/"))
    named = kind_of([_lengthened(part) for part in folded.split("/")])
    if named in ("plait", "git"):
        return named
    if _below(folded, _own()):
        return "plait"
    if _below(folded, _in_home(os.path.expanduser("~"), STARTUP_HOME)):
        return "start-up"
    if named is None and places and _below(folded, tuple(_fold(place.replace(os.sep, "/")) for place in places)):
        return "hooks"
    return named


def _lengthened(part: str) -> str:
    """Return the governing name that a name shortened by Windows stands for, else the name itself."""
    short = SHORTENED.fullmatch(part)
    if short is None:
        return part
    stem, end = short[1], short[2] or ""
    return next((name for name in (*KINDS, *PLAIN_FORMS) if _shortened(name) == (stem, end)), part)


def _shortened(name: str) -> tuple[str, str]:
    stem, dot, end = name.lstrip(".").rpartition(".")
    return (stem or end).replace(".", "")[:6], end[:3] if stem and dot else ""


def holds_git(path: str) -> bool:
    """True if the absolute `path` is a `.git`, or lies below one, whatever else governs it."""
    return any(_lengthened(part) == ".git" for part in _fold(path.replace(os.sep, "/")).split("/"))


def steers_git(path: str) -> bool:
    """True if a write to the absolute `path` decides what git runs or where it finds its files.

    That is `config*`, `hooks/`, `info/`, `commondir`, `gitdir` and alternates below a `.git`, and the `.git` itself,
    which may be a file that names another directory.
    """
    parts = [_lengthened(part) for part in _fold(path.replace(os.sep, "/")).split("/")]
    if ".git" not in parts:
        return False
    below = parts[parts.index(".git") + 1 :]
    while below[:1] == ["modules"]:
        # A submodule's own directory; its name may be a path.
        heads = [place for place, part in enumerate(below) if STEERING.fullmatch(part)]
        below = below[heads[0] :] if heads else []
        if not heads:
            return False
    return not below or any(STEERING.fullmatch("/".join(below[:size])) for size in range(1, 5))


def protected(path: str, places: Sequence[str] = ()) -> str | None:
    """Say in words what `path` governs, or None. A write to it asks in every mode: it changes what may run."""
    kind = governs(path, places)
    return None if kind is None else WORDS[kind]


def of_system(path: str) -> bool:
    """True if the absolute, resolved `path` belongs to the system, and is not in the home directory or temporary."""
    if path == "/":
        return True
    home = os.path.realpath(os.path.expanduser("~")).replace(os.sep, "/")
    at_home = path.startswith(home.rstrip("/") + "/")
    return not at_home and _below(path, SYSTEM_TREES) is not None and _below(path, TEMPORARY_TREES) is None
