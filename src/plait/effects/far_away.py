"""What a tool destroys, opens or publishes on other machines, or in containers: beyond recall, so beyond a plain yes.

Each program's own judge asks about the rest of it. Names of sub-commands are those of the tools' help texts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from plait.effects.command import Command
from plait.effects.system import only_tries

LOCAL = re.compile(
    r"(?:\w+://)?(?:[^/@]*@)?(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[?::1\]?|host\.docker\.internal)(?=[:/?#]|$)"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """Sub-commands (the first plain words, as a pattern) that are dangerous; `option`: only with one like this."""

    words: re.Pattern[str]
    reason: str
    option: re.Pattern[str] | None = None


@lru_cache(maxsize=1)
def _entries() -> Mapping[str, Sequence[Mapping[str, str]]]:
    found: dict[str, list[Mapping[str, str]]] = {}
    text = files("plait.effects").joinpath("far_away.toml").read_text(encoding="utf-8")
    for entry in tomllib.loads(text)["far"]:
        for name in entry["programs"].split():
            found.setdefault(name, []).append(entry)
    return found


@cache
def _rules(name: str) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            re.compile(f"(?:{entry['words']})(?: |$)"),
            entry["reason"],
            re.compile(entry["option"]) if "option" in entry else None,
        )
        for entry in _entries().get(name, ())
    )


# Options whose value is the next word, so that it is not taken for a sub-command.
VALUES = frozenset((
    "--profile", "--region", "--context", "--namespace", "-n", "--kubeconfig", "-R", "--repo", "--project", "-p", "-f",
    "--file", "--filter", "--token", "-t", "--tag", "--otp", "--registry", "--access", "--cwd", "--prefix", "--scope",
    "-chdir", "--workspace", "-w", "--subscription", "--zone", "--project-name", "--endpoint-url", "--org", "-C",
    "--dir",
))  # fmt: skip
GIVES_FIELD = re.compile(r"-[fF]|--(?:raw-)?field|--input")
HTTP_METHOD = re.compile(r"(?:-X|--method|--request)=?(.*)", re.DOTALL)
# Fields and places of the API by which others get in, or see what they should not.
OPENS_BY_API = re.compile(
    r"\b(?:private|visibility|archived|default_branch|enforce_admins|is_public|public)\b=|/(?:collaborators|keys|hooks|secrets|"
    r"protection|transfer|memberships|actions/permissions|deploy_keys|variables|members)\b|mutation\b[\s\S]*\b(?:delete|remove|archive|update\w*Visib)",
    re.IGNORECASE,
)
GIVES_CREDENTIALS = re.compile(
    r"-u\S*|--user(?:=.*)?|-n|--netrc(?:-\w+)?(?:=.*)?|--oauth2-bearer(?:=.*)?|--aws-sigv4(?:=.*)?|--cert(?:=.*)?|-E|-b|--cookie(?:=.*)?|"
    r"-a|--auth(?:=.*)?|--(?:http-)?(?:user|password)=.*|(?:-H|--header=)?\s*(?:authorization|[\w-]*token|[\w-]*api-?key|cookie|[\w-]*auth[\w-]*)\s*:.*|"
    r"\w+://[^/@\s]+@.*",
    re.IGNORECASE | re.DOTALL,
)


def name_far_danger(command: Command) -> None:
    """Name what the command destroys, opens or publishes elsewhere, if it does."""
    judge = OTHERS.get(command.name)
    if judge is not None:
        judge(command)
    rules = _rules(command.name)
    if not rules:
        return
    words = command.words
    if "--help" in words or only_tries(words):
        return
    plain, options = _parted(words)
    for rule in rules:
        if rule.words.match(plain) and (rule.option is None or any(map(rule.option.fullmatch, options))):
            command.finding.dangerous(f"{rule.reason} (`{' '.join([command.name, *plain.split()[:3]])}`)")
            return


def _parted(words: Sequence[str]) -> tuple[str, list[str]]:
    """The sub-commands in one text, and what else stands there: options and their values."""
    plain: list[str] = []
    options: list[str] = []
    skip = False
    for word in words:
        if word.startswith("-") and len(word) > 1:
            options.append(word)
            skip = word in VALUES
        elif skip:
            options.append(word)
            skip = False
        else:
            plain.append(word)
            options.append(word)
    return " ".join(plain), options


def _method(words: Sequence[str]) -> str:
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if (found := HTTP_METHOD.fullmatch(word)) is not None:
            return (found[1] or following).upper()
    return ""


def _judge_api(command: Command) -> None:
    """`gh api`: what it deletes, and what it opens."""
    words = command.words
    if words[:1] != ["api"]:
        return
    method = _method(words)
    text = "\n".join(words)
    changes = method in ("PUT", "PATCH", "POST") or (
        not method and any(re.match(r"-[fF]|--(?:raw-)?field|--input", w) for w in words)
    )
    if method == "DELETE" or (changes and OPENS_BY_API.search(text) is not None):
        command.finding.dangerous(f"destroys or opens what lies on other machines (`{command.name} api`)")


def _judge_http(command: Command) -> None:
    """`curl -X DELETE` with the credentials of the user."""
    words = command.words
    deletes = _method(words) == "DELETE" or (command.name not in ("curl", "wget", "wget2") and "DELETE" in words[:4])
    urls = [word for word in words if "://" in word or re.match(r"[\w.-]+\.\w+(?:[:/]|$)|localhost|:\d", word)]
    remote = not urls or any(not LOCAL.match(url) and not url.startswith(":") for url in urls)
    if deletes and remote and any(map(GIVES_CREDENTIALS.fullmatch, words)):
        command.finding.dangerous(f"destroys what lies on other machines (`{command.name}`, with credentials)")


OTHERS: Mapping[str, Callable[[Command], None]] = {
    **dict.fromkeys(("gh", "glab"), _judge_api),
    **dict.fromkeys(("curl", "wget", "wget2", "http", "https", "xh"), _judge_http),
}
