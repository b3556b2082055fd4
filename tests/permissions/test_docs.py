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


def test_the_page_has_its_examples():
    assert len(EXAMPLES) >= 40


@pytest.mark.parametrize(("given", "tool", "what", "verdict"), EXAMPLES)
def test_each_example_of_the_page_is_true(given, tool, what, verdict):
    texts = re.split(r", (?=(?:allow|ask|deny) )", given) if given else []

    assert decide(CALLS[tool](what), "default", rules(*texts), interactive=True).verdict == verdict
