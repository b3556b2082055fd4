"""The user's own keys: how they are written, who gets a key that two want, and what cannot be a key."""

import pytest

from plait.views.tui.keymap import KEYS, NO_KEY, read_keyboard


def test_without_settings_it_is_the_table() -> None:
    keyboard, problems = read_keyboard({})
    assert problems == []
    assert keyboard.keys == {key.action: key.keys for key in KEYS}
    assert keyboard.for_textual() == {}


@pytest.mark.parametrize(
    ("written", "keys"),
    [
        ("Ctrl+N", ("ctrl+n",)),
        ("control+n, F7", ("ctrl+n", "f7")),
        ("Shift+Ctrl+Up", ("ctrl+shift+up",)),
        ("PgUp", ("pageup",)),
        ("Alt+?", ("alt+question_mark",)),
        ("ctrl++", ("ctrl+plus",)),
        ("alt+comma", ("alt+comma",)),
    ],
)
def test_a_key_is_written_as_people_do(written: str, keys: tuple[str, ...]) -> None:
    keyboard, problems = read_keyboard({"todo": written})
    assert problems == []
    assert keyboard.keys["todo"] == keys
    assert keyboard.for_textual() == {"todo": ",".join(keys)}


def test_letters_are_keys_where_nothing_is_typed() -> None:
    keyboard, problems = read_keyboard({"always": "shift+y", "cancel_call": "?", "no": "n, 0"})
    assert problems == []
    assert keyboard.of("approval")["Y"] == "always"
    assert keyboard.of("transcript")["question_mark"] == "cancel_call"
    assert keyboard.shown("no") == "n, 0"


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"dance": "f9"}, "no such action: dance"),
        ({"todo": "hyperspace"}, "no such key: 'hyperspace'"),
        ({"todo": "ctrl+"}, "no such key: 'ctrl+'"),
        ({"todo": "turbo+x"}, "no such key: 'turbo+x'"),
        ({"todo": "t"}, "'t' for todo would be missed when typing"),
        ({"todo": "Space"}, "would be missed when typing"),
        ({"yes": "enter"}, "cannot be yes"),
    ],
)
def test_what_cannot_be_a_key_is_one_line_and_the_table_stays(own: dict[str, str], said: str) -> None:
    keyboard, problems = read_keyboard(own)
    assert len(problems) == 1
    assert said in problems[0]
    assert "\n" not in problems[0]
    assert keyboard.keys == {key.action: key.keys for key in KEYS}


def test_a_key_of_the_users_is_taken_from_what_had_it() -> None:
    keyboard, problems = read_keyboard({"newline": "ctrl+t"})
    assert problems == ["keyboard: Ctrl+T is given to newline and todo; newline has it."]
    assert keyboard.of("prompt")["ctrl+t"] == "newline"
    assert keyboard.keys["todo"] == ()
    assert keyboard.for_textual() == {"todo": NO_KEY, "newline": "ctrl+t"}
    assert keyboard.shown("todo") == "no key"


def test_of_two_actions_given_one_key_the_first_has_it_and_all_is_said_in_one_line() -> None:
    keyboard, problems = read_keyboard({"todo": "f7", "editor": "f7, f8", "dance": "f9"})
    assert keyboard.keys["todo"] == ("f7",)
    assert keyboard.keys["editor"] == ("f8",)
    assert len(problems) == 1
    assert "F7 is given to todo and editor; todo has it" in problems[0]


def test_two_actions_may_change_places() -> None:
    keyboard, problems = read_keyboard({"todo": "ctrl+o", "expand": "ctrl+t"})
    assert problems == []
    assert (keyboard.keys["todo"], keyboard.keys["expand"]) == (("ctrl+o",), ("ctrl+t",))


@pytest.mark.parametrize(
    "written", ["", " ", ",", ",,", "+", "++", "ctrl++x", "\x1b", "é", "\u202e", "日本", "ctrl+shift"]
)
def test_nothing_in_the_settings_breaks_the_keys(written: str) -> None:
    keyboard, problems = read_keyboard({"todo": written, "yes": written, written: "f7"})
    assert keyboard.first("todo")
    assert len(problems) == 1
