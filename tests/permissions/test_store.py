import stat
import tomllib
from pathlib import Path

import pytest

from plait.config.shape import Directories
from plait.permissions.store import allows, forget_rule, load_rules, project_file, save_rule
from plait.protocol.commands import Rule
from plait.protocol.errors import UserError

USERS = Rule("allow", "shell(pytest *)", "user")
PROJECTS = Rule("allow", "edit(src/**)", "project")
PROJECT = Path("/home/me/demo")


@pytest.fixture
def directories(tmp_path):
    return Directories(config=tmp_path / "config", state=tmp_path / "state", cache=tmp_path / "cache")


def settings(directories, text):
    directories.config.mkdir()
    file = directories.config / "settings.toml"
    file.write_bytes(text.encode("latin-1"))
    return file


def test_a_rule_joins_the_users_settings_and_everything_else_in_them_stays(directories):
    file = settings(
        directories, '# mine\nmodel = "x"  # the good one\n\n[permissions]\nallow = [\n  "read",  # all of it\n]\n'
    )

    assert save_rule(USERS, directories, PROJECT)

    assert file.read_text() == (
        '# mine\nmodel = "x"  # the good one\n\n[permissions]\n'
        'allow = [\n  "read",  # all of it\n  "shell(pytest *)",\n]\n'
    )


def test_a_projects_rule_is_remembered_outside_of_the_project_for_its_owner_alone(directories):
    save_rule(PROJECTS, directories, PROJECT)

    file = project_file(directories.state, PROJECT)
    assert load_rules(directories.state, PROJECT) == (PROJECTS,)
    assert load_rules(directories.state, PROJECT.parent) == ()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_a_rule_is_not_written_twice_and_can_be_forgotten(directories):
    save_rule(PROJECTS, directories, PROJECT)

    assert not save_rule(PROJECTS, directories, PROJECT)
    assert forget_rule(PROJECTS, directories, PROJECT)
    assert not forget_rule(PROJECTS, directories, PROJECT)
    assert load_rules(directories.state, PROJECT) == ()


def test_a_sessions_rule_is_kept_nowhere(directories):
    assert not save_rule(Rule("allow", "read", "session"), directories, PROJECT)
    assert not forget_rule(Rule("allow", "read", "session"), directories, PROJECT)
    assert not directories.state.exists()


def test_rules_with_quotes_and_newlines_survive(directories):
    rule = Rule("deny", "shell(echo \"a\n\" 'b' \\ é)", "project")

    save_rule(rule, directories, PROJECT)

    assert load_rules(directories.state, PROJECT) == (rule,)


@pytest.mark.parametrize("text", ["allow = [", 'permissions = "no"', "[permissions]\nallow = 3\n", "\xff"])
def test_a_file_that_is_not_understood_is_left_alone(directories, text):
    file = settings(directories, text)

    with pytest.raises(UserError, match=r"settings\.toml"):
        save_rule(USERS, directories, PROJECT)

    assert file.read_bytes() == text.encode("latin-1")


@pytest.mark.parametrize("text", ["allow = [", "[permissions]\nallow = 3\n", '[permissions]\nallow = ["shell("]\n'])
def test_remembered_rules_that_are_not_understood_are_one_clear_line(directories, text):
    save_rule(PROJECTS, directories, PROJECT)
    project_file(directories.state, PROJECT).write_text(text)

    with pytest.raises(UserError) as raised:
        load_rules(directories.state, PROJECT)

    assert "\n" not in str(raised.value)


def test_a_settings_file_that_is_a_link_stays_one(directories, tmp_path):
    directories.config.mkdir()
    real = tmp_path / "dotfiles.toml"
    real.write_text("")
    (directories.config / "settings.toml").symlink_to(real)

    save_rule(USERS, directories, PROJECT)

    assert (directories.config / "settings.toml").is_symlink()
    assert tomllib.loads(real.read_text()) == {"permissions": {"allow": ["shell(pytest *)"]}}


MAIN, TREE = Path("/home/me/demo"), Path("/home/me/tree")
DENIES, ASKS = Rule("deny", "shell(git push *)", "project"), Rule("ask", "web_fetch", "project")
OWN_ALLOWS, OWN_DENIES = Rule("allow", "read", "project"), Rule("deny", "edit(*.lock)", "project")


def test_a_worktree_takes_over_what_denies_and_asks_and_what_allows_once_it_is_trusted(directories):
    for rule, place in ((PROJECTS, MAIN), (DENIES, MAIN), (ASKS, MAIN), (OWN_ALLOWS, TREE), (OWN_DENIES, TREE)):
        save_rule(rule, directories, place)

    assert set(load_rules(directories.state, TREE)) == {OWN_ALLOWS, OWN_DENIES}
    assert set(load_rules(directories.state, TREE, MAIN)) == {OWN_ALLOWS, OWN_DENIES, DENIES, ASKS}
    assert set(load_rules(directories.state, TREE, MAIN, inherits=True)) == {
        OWN_ALLOWS, OWN_DENIES, DENIES, ASKS, PROJECTS
    }  # fmt: skip
    assert set(load_rules(directories.state, MAIN)) == {PROJECTS, DENIES, ASKS}


def test_a_rule_of_both_holds_once(directories):
    for place in (MAIN, TREE):
        save_rule(PROJECTS, directories, place)

    assert load_rules(directories.state, TREE, MAIN, inherits=True) == (PROJECTS,)


def test_whether_anything_is_allowed_is_told(directories):
    save_rule(DENIES, directories, MAIN)
    assert not allows(directories.state, MAIN)

    save_rule(PROJECTS, directories, MAIN)
    assert allows(directories.state, MAIN)
