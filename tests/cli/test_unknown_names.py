"""Settings that name what is not there are told, with and without a screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.cli.program import Program
from textual.theme import BUILTIN_THEMES

from plait.cli.unknown_names import TEXTUAL_THEMES

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ('theme = "nosuch"', "theme `nosuch`: not found; themes: "),
        ('tools = ["read", "nosuch"]', "`tools`: there is no tool `nosuch`"),
        ('disallowed_tools = ["nosuch"]', "`disallowed_tools`: there is no tool `nosuch`"),
        ('[permissions]\ndeny = ["nosuch"]', "`permissions.deny`: there is no tool `nosuch`; this rule covers nothing"),
        ('[permissions]\nallow = ["shel"]', "`permissions.allow`: there is no tool `shel`"),
        ('fallback_model = "nosuch"', "`fallback_model`: `nosuch` is not a model"),
        ('trusted_directories = ["/nosuch"]', "`trusted_directories`: there is no `/nosuch`"),
        ('[sandbox]\nvisible = ["/nosuch"]', "`sandbox.visible`: there is no `/nosuch`"),
        ('[keyboard]\nnosuch = "f5"', "`keyboard`: no such action: nosuch"),
        ('[web_search]\nendpoint = "nosuch"', "`web_search.endpoint`: this is no address"),
        ('[network]\nallow_private = ["no such host"]', "`network.allow_private`: `no such host` is neither"),
    ],
)
def test_a_name_that_stands_for_nothing_is_told(in_process: Run, plait: Program, toml: str, told: str) -> None:
    (plait.config / "settings.toml").write_text(toml + "\n")

    code, _, said = in_process("config")

    assert code == 0
    assert f"plait: warning: `{plait.config / 'settings.toml'}`: {told}" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "toml",
    [
        'theme = "ember"',
        'theme = "nord"',
        'theme = "mine"',
        'theme = "named otherwise"',
        'tools = ["Bash", "read", "mcp__server__tool"]',
        '[permissions]\ndeny = ["Bash(rm *)", "MultiEdit", "mcp__server__tool", "ask_user"]',
        'fallback_model = "scout"',
        'trusted_directories = ["/"]',
        '[keyboard]\ntodo = "f5"',
        '[web_search]\nendpoint = "http://127.0.0.1:8080/search"',
        '[network]\nallow_private = ["10.0.0.0/8", "build.internal", "*.corp", "fd00::/8", "::1"]',
    ],
)
def test_names_that_are_there_are_not_told(in_process: Run, plait: Program, toml: str) -> None:
    (plait.config / "themes").mkdir()
    (plait.config / "themes" / "mine.toml").write_text('[colors]\nprimary = "#ffffff"\n')
    (plait.config / "themes" / "other.toml").write_text('name = "named otherwise"\n[colors]\nprimary = "#ffffff"\n')
    (plait.config / "settings.toml").write_text(toml + "\n")

    code, _, said = in_process("config")

    assert (code, said) == (0, "")


def test_print_mode_tells_it_too_and_answers(plait: Program) -> None:
    (plait.config / "settings.toml").write_text('theme = "nosuch"\n')
    (plait.project / "a.py").write_text("def needle() -> None: ...\n")

    ran = plait("-p", "--disallowed-tools", "nosuch", "--", "Where is needle defined?")

    assert ran.returncode == 0
    assert "theme `nosuch`: not found" in ran.stderr
    assert ran.stderr.count("there is no tool `nosuch`") == 1
    assert "a.py:1" in ran.stdout


def test_the_names_of_textuals_themes_are_its_own() -> None:
    assert set(TEXTUAL_THEMES) == set(BUILTIN_THEMES)
