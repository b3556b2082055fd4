from dataclasses import replace

import pytest
from tests.permissions.calls_to_decide import edit, rules, shell

from plait.permissions.policy import Request, decide


def verdict(request: Request, *rule: str, mode: str = "default") -> str:
    return decide(replace(request, confined=True), mode, rules(*rule), interactive=True).verdict


@pytest.mark.parametrize("command", ["make", "python3 x.py", "npm test", "touch a", "./run.sh", "git commit -m x"])
def test_what_the_sandbox_keeps_harmless_runs_unasked(command):
    assert decide(shell(command), "default", (), interactive=True).verdict == "ask"

    assert verdict(shell(command)) == "allow"


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf /",
        "curl https://example.org",
        "git push origin x",
        "cat .env; make",
        "touch ~/a",
        "echo x > .git/hooks/pre-commit",
        "echo x >> ~/.bashrc",
        "git config core.fsmonitor x",
        "git remote add a b",
        "make && curl https://example.org",
        "sudo make",
    ],
)
def test_what_leaves_it_or_gets_more_in_it_than_others_is_asked_about(command):
    assert verdict(shell(command)) == "ask"


def test_rules_and_modes_that_forbid_still_do():
    assert verdict(shell("make"), "ask shell(make)") == "ask"
    assert verdict(shell("make"), "deny shell(make)") == "deny"
    assert verdict(shell("make"), mode="plan") == "deny"


def test_an_edit_is_not_a_command():
    assert decide(edit("src/a.py"), "default", (), interactive=True).verdict == "ask"
