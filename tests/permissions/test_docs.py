import os
import re
from pathlib import Path

import pytest
from tests.permissions.calls_to_decide import edit, fetch, read, rules, shell

from plait.permissions.policy import decide

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
ROW = re.compile(r"^\| (.*?) ?\| `(\w+) (.*)` \| (allow|ask|deny) \|$", re.MULTILINE)
EXAMPLES = [
    (given, tool, what.replace("\\|", "|"), verdict) for given, tool, what, verdict in ROW.findall(PAGE.read_text())
]
CALLS = {
    "shell": shell,
    "read": read,
    "web_fetch": fetch,
    "edit": lambda path: edit(os.path.normpath(path)),
}


def test_a_deny_rule_holds_for_the_last_of_a_thousand_parts():
    line = " && ".join(["true"] * 1000 + ["git push"])

    assert len(line) < 10_000
    assert (
        decide(shell(line), "default", rules("deny shell(git push *)", "allow shell"), interactive=True).verdict
        == "deny"
    )


@pytest.mark.parametrize("command", ["ls " + "a" * 10_000, "git status; " * 900, "echo " + "'x' " * 3_000])
def test_what_is_too_long_to_be_taken_apart_asks_and_every_deny_rule_fits_it(command):
    assert decide(shell(command), "default", rules("allow shell(ls *)"), interactive=True).verdict == "ask"
    assert decide(shell(command), "default", rules("deny shell(git push *)"), interactive=True).verdict == "deny"


def test_the_page_has_its_examples():
    assert len(EXAMPLES) > 75


@pytest.mark.parametrize(("given", "tool", "what", "verdict"), EXAMPLES)
def test_each_example_of_the_page_is_true(given, tool, what, verdict):
    texts = re.split(r", (?=(?:allow|ask|deny) )", given) if given else []

    assert decide(CALLS[tool](what), "default", rules(*texts), interactive=True).verdict == verdict
