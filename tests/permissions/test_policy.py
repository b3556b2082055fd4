from dataclasses import replace
from pathlib import Path

import pytest
from tests.permissions.calls_to_decide import ROOT, edit, fetch, read, rules, shell

from plait.permissions.policy import Request, decide, offers
from plait.protocol.commands import PERMISSION_MODES
from plait.protocol.effects import UNKNOWN, Access, Effects, Mode

READ = read("src/a.py")
OUTSIDE = read("/elsewhere/a")
SECRET = read(".env")
EDIT = edit("src/a.py")
EDIT_OUTSIDE = edit("/elsewhere/a")
EDIT_SETTINGS = edit(".plait/settings.toml")
EDIT_GIT = edit(".git/config")
LIST = shell("ls src")
TOUCH = shell("touch a")
UNREADABLE = shell("echo 'open")
DANGER = shell("rm -rf /")
FETCH = fetch("example.org")

TABLE = {
    #               default  acceptEdits  plan    dontAsk  bypassPermissions
    "READ":          ("allow", "allow", "allow", "allow", "allow"),
    "OUTSIDE":       ("ask", "ask", "ask", "deny", "allow"),
    "SECRET":        ("ask", "ask", "ask", "deny", "allow"),
    "EDIT":          ("ask", "allow", "deny", "deny", "allow"),
    "EDIT_OUTSIDE":  ("ask", "ask", "deny", "deny", "allow"),
    "EDIT_SETTINGS": ("ask", "ask", "deny", "deny", "ask"),
    "EDIT_GIT":      ("deny", "deny", "deny", "deny", "deny"),
    "LIST":          ("allow", "allow", "allow", "allow", "allow"),
    "TOUCH":         ("ask", "ask", "deny", "deny", "allow"),
    "UNREADABLE":    ("ask", "ask", "deny", "deny", "allow"),
    "DANGER":        ("ask", "ask", "deny", "deny", "ask"),
    "FETCH":         ("ask", "ask", "ask", "deny", "allow"),
}  # fmt: skip
CELLS = [
    (name, mode, verdict) for name, row in TABLE.items() for mode, verdict in zip(PERMISSION_MODES, row, strict=True)
]


@pytest.mark.parametrize(("name", "mode", "verdict"), CELLS)
def test_each_mode_decides_as_the_table_says(name, mode, verdict):
    assert decide(globals()[name], mode, (), interactive=True).verdict == verdict


@pytest.mark.parametrize(("name", "mode", "verdict"), CELLS)
def test_headless_is_the_same_but_for_ask_which_is_deny(name, mode, verdict):
    decision = decide(globals()[name], mode, (), interactive=False)

    assert decision.verdict == ("deny" if verdict == "ask" else verdict)


@pytest.mark.parametrize("name", TABLE)
def test_allow_all_allows_all(name):
    for interactive in (True, False):
        decision = decide(globals()[name], "default", (), interactive=interactive, allow_all=True)
        assert decision.verdict == "allow"


@pytest.mark.parametrize("mode", PERMISSION_MODES)
@pytest.mark.parametrize("allow_all", [True, False])
def test_a_deny_rule_holds_in_every_mode_and_before_every_other_rule(mode, allow_all):
    decision = decide(EDIT, mode, rules("allow edit", "deny edit(src/**)"), interactive=True, allow_all=allow_all)

    assert decision.verdict == "deny"
    assert "deny edit(src/**)" in decision.reason


def test_an_ask_rule_goes_before_an_allowing_one_and_holds_in_bypass():
    both = rules("allow edit", "ask edit(src/**)")

    assert decide(EDIT, "default", both, interactive=True).verdict == "ask"
    assert decide(EDIT, "bypassPermissions", both, interactive=True).verdict == "ask"
    assert decide(edit("b"), "default", both, interactive=True).verdict == "allow"
    assert decide(READ, "default", rules("ask read(src/**)"), interactive=True).verdict == "ask"


@pytest.mark.parametrize("mode", PERMISSION_MODES)
def test_no_rule_covers_danger(mode):
    decision = decide(
        DANGER, mode, rules("allow shell", "allow shell(rm *)", "allow shell(rm -rf /)"), interactive=True
    )

    assert decision.verdict != "allow"
    assert offers(DANGER) == ()


@pytest.mark.parametrize(
    "request_",
    [EDIT_SETTINGS, shell("touch .git/x"), edit("a/.plait/x"), edit(".vscode/x"), edit("PLAIT~1/x"), edit(".plait./x")],
)
def test_no_rule_covers_what_governs_permissions_or_programs(request_):
    decision = decide(request_, "acceptEdits", rules("allow edit", "allow edit(**)"), interactive=True)

    assert decision.verdict == "ask"
    assert offers(request_) == ()


def test_a_wildcard_never_reaches_credentials_a_rule_that_names_them_does():
    assert decide(SECRET, "default", rules("allow read", "allow read(**)"), interactive=True).verdict == "ask"
    assert decide(SECRET, "default", rules("allow read(.env)"), interactive=True).verdict == "allow"
    assert decide(read("conf/.env"), "default", rules("allow read(conf)"), interactive=True).verdict == "ask"
    assert decide(read(".ssh/id_rsa"), "default", rules("allow read(.ssh)"), interactive=True).verdict == "allow"
    assert decide(shell("cat .env"), "default", rules("allow shell(cat *)"), interactive=True).verdict == "ask"
    assert decide(shell("cat .env"), "default", rules("allow shell(cat .env)"), interactive=True).verdict == "allow"


def test_the_parts_of_a_command_may_be_covered_by_several_rules():
    command = shell("touch a && mkdir b > log.txt")

    assert (
        decide(command, "default", rules("allow shell(touch *)", "allow shell(mkdir *)"), interactive=True).verdict
        == "ask"
    )
    covering = rules("allow shell(touch *)", "allow shell(mkdir *)", "allow edit(*.txt)")
    assert decide(command, "default", covering, interactive=True).verdict == "allow"


def test_the_paths_of_an_edit_may_be_covered_by_several_rules():
    decision = decide(edit("a.md", "b.py"), "default", rules("allow edit(*.md)", "allow edit(*.py)"), interactive=True)

    assert decision.verdict == "allow"


def test_a_question_to_the_user_is_answered_by_no_rule_and_no_mode():
    question = replace(READ, name="ask_user", effects=Effects(), always_asks=True)

    for allow_all in (True, False):
        decision = decide(question, "bypassPermissions", rules("allow ask_user"), interactive=True, allow_all=allow_all)
        assert decision.verdict == "ask"
    assert decide(question, "default", (), interactive=False).verdict == "deny"


def test_plan_mode_is_not_opened_by_an_allowing_rule():
    assert decide(EDIT, "plan", rules("allow edit"), interactive=True).verdict == "deny"
    assert decide(FETCH, "plan", rules("allow web_fetch"), interactive=True).verdict == "allow"


def test_headless_tells_how_it_could_be_allowed():
    reason = decide(shell("pytest tests/a.py"), "default", (), interactive=False).reason

    assert "no user to ask" in reason
    assert "--allowed-tools 'shell(pytest tests/*)'" in reason


def test_headless_says_that_danger_cannot_be_allowed_by_a_rule():
    decision = decide(DANGER, "bypassPermissions", (), interactive=False)

    assert decision.verdict == "deny"
    assert "no rule can allow it" in decision.reason


def test_an_unknown_tool_with_unknown_effects_asks():
    request = replace(READ, name="mcp_x", effects=UNKNOWN)

    assert decide(request, "default", (), interactive=True).verdict == "ask"
    assert decide(request, "acceptEdits", (), interactive=True).verdict == "ask"
    assert decide(request, "default", rules("allow mcp_x"), interactive=True).verdict == "allow"


@pytest.mark.parametrize(
    ("request_", "patterns"),
    [
        (shell("cd src && pytest"), ["shell(cd src && pytest)", "shell(pytest *)"]),
        (shell("touch a && touch b"), ["shell(touch a && touch b)"]),
        (shell("touch $(ls)"), ["shell(touch $(ls))"]),
        (shell("rm *.o"), []),
        (shell("cat .env"), ["shell(cat .env)"]),
        (edit("we[i]rd.py"), []),
        (DANGER, []),
    ],
)
def test_what_cannot_be_covered_narrowly_is_offered_as_spelled_or_not_at_all(request_, patterns):
    assert [rule.pattern for rule in offers(request_)] == patterns


@pytest.mark.parametrize(
    "request_",
    [
        shell(text)
        for text in ("pytest tests/a.py", "git commit -m 'a b'", "cd src && pytest -x", "touch a > b", "cat .env")
    ]
    + [edit("src/a.py"), edit("a b/c.py"), edit("a.py", "b.py"), read("/elsewhere/a"), FETCH],
)
def test_every_offer_settles_the_question(request_):
    for rule in offers(request_):
        assert decide(request_, "default", (rule,), interactive=True).verdict == "allow"


def test_roots_are_compared_by_component():
    assert decide(read("/w-evil/a"), "default", (), interactive=True).verdict == "ask"
    assert decide(replace(READ, roots=(ROOT / "src",)), "default", (), interactive=True).verdict == "allow"


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".git",
        ".GIT/index",
        "a/.Git/hooks/x",
        ".git./config",
        ".git /config",
        ".git::$INDEX_ALLOCATION/config",
        "GIT~1/config",
        ".gi\u200ct/config",
        ".vscode/.git/x",
    ],
)
@pytest.mark.parametrize("mode", PERMISSION_MODES)
def test_no_tool_for_files_writes_what_is_gits_own(path, mode):
    decision = decide(edit(path), mode, rules("allow edit", "allow edit(**)"), interactive=True)

    assert decision.verdict == "deny"
    assert "use `git`" in decision.reason
    assert offers(edit(path)) == ()


@pytest.mark.parametrize("path", [".gitignore", ".github/x", "git/config", "a.git/config", "x.git", "gi~1/config"])
def test_what_only_sounds_like_gits_own_is_an_ordinary_file(path):
    assert decide(edit(path), "acceptEdits", (), interactive=True).verdict == "allow"


@pytest.mark.parametrize("mode", ["default", "acceptEdits", "bypassPermissions"])
@pytest.mark.parametrize("roots", [("/",), ("/home/u/work",), ("/", "/home/u/work")])
def test_files_of_the_system_are_asked_about_even_where_all_of_the_disk_is_the_workspace(mode, roots):
    effects = Effects((Access(Mode.WRITE, "/etc/passwd"),))
    request = Request("edit", {"path": "/etc/passwd"}, effects, tuple(map(Path, roots)))

    assert decide(request, mode, rules("allow edit"), interactive=True).verdict == "ask"
    assert offers(request) == ()


def test_a_workspace_in_a_place_of_the_system_is_worked_in_as_any_other():
    effects = Effects((Access(Mode.WRITE, "/srv/app/a.py"),))
    request = Request("edit", {"path": "a.py"}, effects, (Path("/srv/app"),))

    assert decide(request, "acceptEdits", (), interactive=True).verdict == "allow"
