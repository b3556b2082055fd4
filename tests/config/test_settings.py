from __future__ import annotations

import os
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from plait.config.kinds import FLAGS_ONLY, SETTINGS
from plait.config.settings import FlagValue, Loaded, Settings, load
from plait.permissions.rules import canonical_tool, parse_rule
from plait.protocol.commands import Rule
from plait.protocol.errors import UserError


class Place:
    """A user's directories and a repository in it, with `load` over them."""

    def __init__(self, root: Path) -> None:
        self.config = root / "config"
        self.project = root / "project"
        self.state = root / "state"
        for directory in (self.config, self.project / ".plait", self.project / ".git", self.project / "sub"):
            directory.mkdir(parents=True)

    def user(self, text: str) -> None:
        (self.config / "settings.toml").write_text(text)

    def shared(self, text: str) -> None:
        (self.project / ".plait" / "settings.toml").write_text(text)

    def local(self, text: str) -> None:
        (self.project / ".plait" / "settings.local.toml").write_text(text)

    def load(
        self,
        *flags: FlagValue,
        file: Path | None = None,
        cwd: Path | None = None,
        trusting: bool = False,
        **environ: str,
    ) -> Loaded:
        own = {"PLAIT_CONFIG_DIR": self.config, "PLAIT_STATE_DIR": self.state, "PLAIT_CACHE_DIR": self.state}
        return load(
            cwd or self.project,
            environ={**{name: str(path) for name, path in own.items()}, **environ},
            flags=flags,
            settings_file=file,
            read_rule=parse_rule,
            tool_name=canonical_tool,
            trusting=trusting,
        )

    def refusal(self, *flags: FlagValue, file: Path | None = None, **environ: str) -> str:
        with pytest.raises(UserError) as caught:
            self.load(*flags, file=file, **environ)
        assert "\n" not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def origins(loaded: Loaded, name: str) -> list[tuple[str, str]]:
    return [(value.value, value.origin) for value in loaded.values if value.name == name]


def test_every_setting_stands_in_the_table_and_in_the_dataclass() -> None:
    names = set()
    for field in fields(Settings):
        default = getattr(Settings(), field.name)
        inner = [f"{field.name}.{one.name}" for one in fields(default)] if is_dataclass(default) else [field.name]
        names.update(inner)

    assert names == {*SETTINGS, *FLAGS_ONLY}


def test_nothing_written_anywhere_gives_the_defaults(place: Place) -> None:
    loaded = place.load()

    assert loaded.settings == Settings()
    assert {value.origin for value in loaded.values} == {"default"}
    assert loaded.warnings == ()


def test_the_higher_layer_wins_and_each_value_says_where_it_came_from(place: Place, tmp_path: Path) -> None:
    place.user('model = "a:user"\ntheme = "dusk"\neffort = "low"\n[limits]\nmax_turns = 3\nmax_tokens = 5\n')
    extra = tmp_path / "extra.toml"
    extra.write_text('effort = "high"\n[limits]\nmax_tokens = 7\n')

    loaded = place.load(FlagValue("limits.max_tokens", "9", "--max-tokens"), file=extra, PLAIT_MODEL="a:environment")

    assert loaded.settings.model == "a:environment"
    assert loaded.settings.effort == "high"
    assert (loaded.settings.limits.max_turns, loaded.settings.limits.max_tokens) == (3, 9)
    assert origins(loaded, "model") == [("a:environment", "PLAIT_MODEL")]
    assert origins(loaded, "theme") == [("dusk", str(place.config / "settings.toml"))]
    assert origins(loaded, "effort") == [("high", str(extra))]
    assert origins(loaded, "limits.max_tokens") == [("9", "--max-tokens")]


def test_rules_of_all_layers_hold_together_under_our_names(place: Place) -> None:
    place.user('[permissions]\nallow = ["Bash(git status)"]\ndeny = ["Read(*.pem)"]\n')
    place.shared('[permissions]\nask = ["edit(src/**)"]\ndeny = ["WebFetch"]\n')

    loaded = place.load(FlagValue("permissions.allow", ["Edit"], "--allowedTools"), PLAIT_PERMISSIONS_DENY="web_search")

    assert loaded.rules == (
        Rule("allow", "edit", "command line"),
        Rule("deny", "web_search", "user"),
        Rule("deny", "web_fetch", "project"),
        Rule("ask", "edit(src/**)", "project"),
        Rule("deny", "read(*.pem)", "user"),
        Rule("allow", "shell(git status)", "user"),
    )
    assert ("Edit", "--allowedTools") in origins(loaded, "permissions.allow")


@pytest.mark.parametrize("write", [Place.shared, Place.local])
def test_a_project_may_tighten(place: Place, write) -> None:
    place.user('tools = ["read", "search", "shell"]\ndisallowed_tools = ["web_fetch"]\n[limits]\nmax_turns = 9\n')
    write(
        place,
        'permission_mode = "plan"\ntools = ["Read", "edit"]\ndisallowed_tools = ["web_search"]\n'
        "[limits]\nmax_turns = 4\nmax_budget_usd = 0.5\n[caps]\ncommands = 1\n[deadlines]\ncommand_s = 5\n"
        '[sandbox]\nmode = "require"\n',
    )

    loaded = place.load()

    assert loaded.warnings == ()
    assert loaded.settings.permission_mode == "plan"
    assert loaded.settings.tools == ("read",)
    assert loaded.settings.disallowed_tools == ("web_fetch", "web_search")
    assert (loaded.settings.limits.max_turns, loaded.settings.limits.max_budget_usd) == (4, 0.5)
    assert loaded.settings.sandbox.mode == "require"
    assert (loaded.settings.caps.commands, loaded.settings.deadlines.command_s) == (1, 5.0)


@pytest.mark.parametrize("write", [Place.shared, Place.local])
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('permission_mode = "acceptEdits"', "permission_mode"),
        ('[permissions]\nallow = ["shell"]', "permissions.allow"),
        ("[caps]\ncommands = 100", "caps.commands"),
        ("[deadlines]\ncommand_s = 600", "deadlines.command_s"),
        ('model = "evil:model"', "model"),
        ('base_url = "http://evil.example"', "base_url"),
        ('system_prompt = "obey"', "system_prompt"),
        ('additional_directories = ["/"]', "additional_directories"),
        ('[network]\nallow_private = ["10.0.0.0/8"]', "network.allow_private"),
        ('[web_search]\nendpoint = "http://evil.example"', "web_search.endpoint"),
    ],
)
def test_what_would_loosen_in_a_project_waits_for_trust(place: Place, write, text: str, name: str) -> None:
    before = place.load()

    write(place, text)
    after = place.load()
    trusting = place.load(trusting=True)

    assert (after.settings, after.rules, after.values) == (before.settings, before.rules, before.values)
    assert (after.trust.state, [grant.name for grant in after.trust.grants]) == ("unasked", [name])
    [warning] = after.warnings
    assert f"`{name}` not in force: this directory is not trusted" in warning
    assert "\n" not in warning
    assert trusting.warnings == ()
    assert (trusting.settings, trusting.rules) != (before.settings, before.rules)


@pytest.mark.parametrize("trusting", [False, True])
@pytest.mark.parametrize("write", [Place.shared, Place.local])
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('permission_mode = "bypassPermissions"', "permission_mode"),
        ("[limits]\nmax_turns = 100", "limits.max_turns"),
        ("[keyboard]\nquit = 'x'", "keyboard"),
        ('debug = "/tmp/x"', "debug"),
        ('theme = "x"', "theme"),
        ('trusted_directories = ["."]', "trusted_directories"),
        ('[sandbox]\nmode = "off"', "sandbox.mode"),
        ("[sandbox]\nauto_allow = true", "sandbox.auto_allow"),
        ("[sandbox]\nvisible = ['~']", "sandbox.visible"),
        ('tools = ["shell", "read"]', "tools"),
    ],
)
def test_some_settings_are_never_loosened_by_a_project(
    place: Place, write, text: str, name: str, trusting: bool
) -> None:
    place.user('tools = ["read"]\n[limits]\nmax_turns = 5\n')
    before = place.load()

    write(place, text)
    after = place.load(trusting=trusting)

    assert (after.settings, after.rules, after.values) == (before.settings, before.rules, before.values)
    assert after.trust.state == "nothing"
    [warning] = after.warnings
    assert f"`{name}`" in warning
    assert "may only tighten" in warning
    assert "\n" not in warning


def test_plan_and_dont_ask_do_not_replace_each_other(place: Place) -> None:
    place.user('permission_mode = "dontAsk"')
    place.shared('permission_mode = "plan"')

    assert place.load().settings.permission_mode == "dontAsk"


def test_the_command_line_overrides_what_a_project_tightened(place: Place) -> None:
    place.shared('permission_mode = "plan"\n[limits]\nmax_turns = 1')

    loaded = place.load(
        FlagValue("permission_mode", "default", "--permission-mode"), FlagValue("limits.max_turns", "8", "--max-turns")
    )

    assert (loaded.settings.permission_mode, loaded.settings.limits.max_turns) == ("default", 8)


def test_a_projects_rules_hold_in_its_subdirectories(place: Place) -> None:
    place.shared('[permissions]\ndeny = ["shell"]')
    (place.project / "sub" / ".plait").mkdir()
    (place.project / "sub" / ".plait" / "settings.toml").write_text('[permissions]\nask = ["read"]')

    loaded = place.load(cwd=place.project / "sub")

    assert loaded.rules == (Rule("ask", "read", "project"), Rule("deny", "shell", "project"))
    assert loaded.project == place.project


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ('model = "a"\neffort = "huge"', 2, "`effort` must be one of `low`, `medium`, `high`; found `huge`."),
        ("# x\n\n[limits]\n\nmax_turns = 0", 5, "`limits.max_turns` must be a whole number from 1; found `0`."),
        ("limits.max_turns = true", 1, "`limits.max_turns` must be a whole number from 1; found `True`."),
        ("[caps]\nfiles=2\ncalls = 2.5", 3, "`caps.calls` must be a whole number from 1; found `2.5`."),
        ('limits = { time_limit_s = "soon" }', 1, "`limits.time_limit_s` must be a number of seconds above 0"),
        ("[deadlines]\nlocal_s = nan", 2, "`deadlines.local_s` must be a number of seconds above 0; found `nan`."),
        ("[compaction]\nthreshold = 80", 2, "`compaction.threshold` must be a number above 0 and at most 1"),
        ("limits = 4", 1, "`limits` must be a table, written `[limits]`; found `4`."),
        ('tools = "read"', 1, "`tools` must be a list of texts; found `read`."),
        ('[permissions]\nallow = ["shell", 3]', 2, "`permissions.allow` must be a list of texts"),
        ('theme = ""', 1, "`theme` must be a text that is not empty"),
        ('[permissions]\ndeny = ["read("]', 2, "rule `read(`: not understood"),
    ],
)
def test_a_wrong_value_names_file_line_and_what_was_expected(place: Place, text: str, line: int, expected: str) -> None:
    place.user(text)

    message = place.refusal()

    assert message.startswith(f"`{place.config / 'settings.toml'}`, line {line}: ")
    assert expected in message


def test_a_file_that_is_not_toml_names_the_line(place: Place) -> None:
    place.shared("[permissions]\ndeny = [")

    message = place.refusal()

    assert str(place.project / ".plait" / "settings.toml") in message
    assert "at" in message


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a = " + b"[" * 5000, b"x" * 1_000_001, b"model = 'a\x00b'"])
def test_bytes_that_are_no_settings_give_one_line(place: Place, data: bytes) -> None:
    (place.config / "settings.toml").write_bytes(data)

    assert str(place.config / "settings.toml") in place.refusal()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_in_place_of_a_settings_file_does_not_hang(place: Place) -> None:
    os.mkfifo(place.project / ".plait" / "settings.toml")

    assert "is not a file" in place.refusal()


def test_a_settings_file_named_by_a_flag_must_exist(place: Place, tmp_path: Path) -> None:
    assert "there is no such settings file" in place.refusal(file=tmp_path / "missing.toml")


def test_an_unknown_name_is_a_warning_that_names_the_nearest(place: Place) -> None:
    place.user('[limits]\nmax_turn = 3\n[colours]\nred = "x"')

    loaded = place.load(PLAIT_MODLE="x")

    assert [warning.split(": ", 1)[-1] for warning in loaded.warnings] == [
        "`limits.max_turn` is not a setting; did you mean `limits.max_turns`?; it is ignored.",
        "`colours` is not a setting; it is ignored.",
        "`PLAIT_MODLE` is not a setting; did you mean `PLAIT_MODEL`?; it is ignored.",
    ]
    assert "line 2" in loaded.warnings[0]


@pytest.mark.parametrize(
    ("variable", "text", "read"),
    [
        ("PLAIT_LIMITS_MAX_TURNS", "7", lambda settings: settings.limits.max_turns == 7),
        ("PLAIT_COMPACTION_AUTO", "off", lambda settings: settings.compaction.auto is False),
        ("PLAIT_DEADLINES_LOCAL_S", "2.5", lambda settings: settings.deadlines.local_s == 2.5),
        ("PLAIT_DEADLINES_FIRST_TOKEN_S", "900", lambda settings: settings.deadlines.first_token_s == 900),
        (
            "PLAIT_DISALLOWED_TOOLS",
            "Bash, web_fetch",
            lambda settings: settings.disallowed_tools == ("shell", "web_fetch"),
        ),
        ("PLAIT_MODEL", "", lambda settings: settings.model is None),
    ],
)
def test_variables_are_read_as_their_settings_kind(place: Place, variable: str, text: str, read) -> None:
    assert read(place.load(**{variable: text}).settings)


def test_a_wrong_variable_is_named(place: Place) -> None:
    assert (
        place.refusal(PLAIT_CAPS_FILES="many")
        == "`PLAIT_CAPS_FILES`: `caps.files` must be a whole number from 1; found `many`."
    )


def test_directories_of_several_layers_are_joined_and_absolute(place: Place) -> None:
    place.user('additional_directories = ["/srv/shared"]')

    loaded = place.load(FlagValue("additional_directories", ["../lib"], "--add-dir"))

    assert loaded.settings.additional_directories == ("/srv/shared", str(place.project.parent / "lib"))
    assert origins(loaded, "additional_directories")[0][1] == f"{place.config / 'settings.toml'}, --add-dir"


def test_a_password_in_an_address_is_not_shown(place: Place) -> None:
    loaded = place.load(PLAIT_BASE_URL="https://me:secret@example.org/v1")

    assert loaded.settings.base_url == "https://me:secret@example.org/v1"
    assert origins(loaded, "base_url") == [("https://…@example.org/v1", "PLAIT_BASE_URL")]


def test_the_schema_for_answers_comes_from_the_command_line_only(place: Place) -> None:
    place.user('json_schema = "{}"')

    loaded = place.load()

    assert loaded.settings.json_schema is None
    assert "`json_schema` is not a setting" in loaded.warnings[0]
    assert place.load(FlagValue("json_schema", "{}", "--json-schema")).settings.json_schema == "{}"


def test_the_debug_log_has_a_usual_place(place: Place) -> None:
    assert place.load(PLAIT_DEBUG="1").settings.debug == str(place.state / "debug.log")
    assert place.load(PLAIT_DEBUG="0").settings.debug is None
    assert place.load(PLAIT_DEBUG="log.txt").settings.debug == str(place.project / "log.txt")


def test_the_documentation_names_every_setting() -> None:
    text = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()

    assert [name for name in SETTINGS if f"`{name}`" not in text] == []


def test_places_that_the_sandbox_shows_are_absolute(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    place.user('[sandbox]\nvisible = ["~/libs", "/opt/x", "beside"]\n')

    assert place.load().settings.sandbox.visible == ("/home/me/libs", "/opt/x", str(place.project / "beside"))
