"""How often a user is asked in the course of an ordinary bug fix."""

from tests.permissions.calls_to_decide import edit, fetch, read, shell

from plait.permissions.policy import decide, offers

BUG_FIX = (
    read(".", tool="list"),
    shell("git status"),
    shell("git log --oneline -5"),
    read("src", tool="search", tree=True),
    read("src/app/models.py"),
    read("src/app/views.py"),
    read("tests/app/test_models.py"),
    shell("rg -n 'off_by_one' src tests"),
    shell("pytest tests/app/test_models.py -x"),
    edit("src/app/models.py"),
    shell("pytest tests/app/test_models.py -x -q"),
    read("src/app/models.py"),
    edit("src/app/models.py"),
    edit("src/app/views.py"),
    edit("tests/app/test_models.py"),
    shell("pytest tests/app -q 2>&1 | tail -20"),
    shell("pytest tests/app/test_views.py -k bounds --tb=short"),
    edit("tests/app/test_views.py"),
    shell("ruff check src tests"),
    shell("ruff format src/app/models.py"),
    shell("git diff"),
    shell("git diff --stat && git status --short"),
    shell("pytest tests/app/test_models.py tests/app/test_views.py"),
    fetch("docs.python.org"),
    edit("docs/changes.md"),
    shell("cat docs/changes.md | head -20"),
    shell("ruff check --fix src"),
    shell("pytest -q"),
    shell("git add src/app/models.py src/app/views.py tests/app docs/changes.md"),
    shell("git diff --cached"),
    shell('git commit -m "Mend the off-by-one in models"'),
    shell("git log -1 --stat"),
)


def test_an_ordinary_bug_fix_asks_few_questions_where_the_rules_offered_are_taken():
    granted, asked = [], []
    for call in BUG_FIX:
        decision = decide(call, "default", granted, interactive=True)
        assert decision.verdict != "deny"
        if decision.verdict == "ask":
            asked.append((call.name, call.args, offers(call)[0].pattern))
            granted.append(offers(call)[0])

    assert len(BUG_FIX) >= 30
    assert len(asked) <= 11, asked


def test_with_edits_accepted_it_asks_for_commands_alone():
    granted, asked = [], 0
    for call in BUG_FIX:
        if decide(call, "acceptEdits", granted, interactive=True).verdict == "ask":
            assert call.name != "edit"
            granted.append(offers(call)[0])
            asked += 1

    assert asked <= 8
