"""A directory's own settings, and the user's answer to what they would switch on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.config.test_settings import Place

from plait.config.trust import forget, remember
from plait.protocol.errors import UserError

LOOSE = '[permissions]\nallow = ["shell(*)"]\n'


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.shared(LOOSE)
    return place


def test_an_answer_is_remembered(place: Place) -> None:
    remember(place.load().trust, place.state, trusted=True)

    loaded = place.load()

    assert (loaded.trust.state, [rule.pattern for rule in loaded.rules]) == ("trusted", ["shell"])


def test_a_no_is_remembered_and_not_asked_again(place: Place) -> None:
    remember(place.load().trust, place.state, trusted=False)

    assert (place.load().trust.state, place.load().rules) == ("declined", ())


def test_what_is_forgotten_is_asked_again(place: Place) -> None:
    remember(place.load().trust, place.state, trusted=True)

    assert forget(place.project, place.state)

    assert place.load().trust.state == "unasked"
    assert not forget(place.project, place.state)


@pytest.mark.parametrize("change", [LOOSE + 'deny = ["read"]', LOOSE + "# only a comment\n"])
def test_an_answer_holds_while_the_same_is_switched_on(place: Place, change: str) -> None:
    remember(place.load().trust, place.state, trusted=True)

    place.shared(change)

    assert place.load().trust.state == "trusted"


@pytest.mark.parametrize("write", [Place.shared, Place.local])
def test_an_answer_holds_for_nothing_that_was_not_shown(place: Place, write) -> None:
    remember(place.load().trust, place.state, trusted=True)

    write(place, '[permissions]\nallow = ["shell(*)", "edit"]\n')

    loaded = place.load()
    assert (loaded.trust.state, loaded.rules) == ("unasked", ())


def test_each_subdirectory_with_settings_of_its_own_has_an_answer(place: Place) -> None:
    (place.project / "sub" / ".plait").mkdir()
    (place.project / "sub" / ".plait" / "settings.toml").write_text('model = "m"')
    remember(place.load().trust, place.state, trusted=True)
    assert place.load(cwd=place.project / "sub").trust.state == "unasked"

    remember(place.load(cwd=place.project / "sub").trust, place.state, trusted=True)

    assert place.load(cwd=place.project / "sub").trust.state == "trusted"
    assert place.load().trust.state == "trusted"


def test_a_worktree_does_not_inherit_trust(place: Place, tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *identity, *words], cwd=place.project, check=True, capture_output=True)

    (place.project / ".git").rmdir()
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "x")
    git("worktree", "add", str(tmp_path / "tree"))
    remember(place.load().trust, place.state, trusted=True)

    assert place.load(cwd=tmp_path / "tree").trust.state == "unasked"


def test_a_directory_that_only_points_to_a_trusted_one_does_not_inherit_trust(place: Place, tmp_path: Path) -> None:
    remember(place.load().trust, place.state, trusted=True)
    for inner in (tmp_path / "lookalike", place.project / "vendored"):
        (inner / ".plait").mkdir(parents=True)
        (inner / ".plait" / "settings.toml").write_text(LOOSE)
        (inner / ".git").write_text(f"gitdir: {place.project / '.git'}\n")

        assert place.load(cwd=inner).trust.state == "unasked"


def test_another_directory_at_the_end_of_the_same_link_is_another(place: Place, tmp_path: Path) -> None:
    remember(place.load().trust, place.state, trusted=True)
    other = Place(tmp_path / "other")
    other.shared(LOOSE)

    assert place.load(cwd=other.project).trust.state == "unasked"


def test_the_user_may_list_a_directory(place: Place) -> None:
    place.user(f'trusted_directories = ["{place.project}"]')

    assert place.load().trust.state == "trusted"


@pytest.mark.parametrize("named", ["..", "../pro", "../project-evil", "sub", "/"])
def test_listing_a_directory_lists_no_other(place: Place, named: str) -> None:
    place.user(f'trusted_directories = ["{named}"]')

    assert place.load().trust.state == "unasked"


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"answers": 1}', b"\xff", b"[" * 100_000])
def test_a_damaged_record_is_no_answer(place: Place, record: bytes) -> None:
    remember(place.load().trust, place.state, trusted=True)
    [file] = (place.state / "trust").iterdir()
    file.write_bytes(record)

    assert place.load().trust.state == "unasked"
    remember(place.load().trust, place.state, trusted=True)
    assert place.load().trust.state == "trusted"


def test_a_record_is_private(place: Place) -> None:
    remember(place.load().trust, place.state, trusted=True)

    [file] = (place.state / "trust").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


def test_an_answer_that_cannot_be_kept_is_said(place: Place) -> None:
    place.state.mkdir(exist_ok=True)
    (place.state / "trust").write_text("in the way")

    with pytest.raises(UserError, match="not remembered"):
        remember(place.load().trust, place.state, trusted=True)


@pytest.mark.parametrize(
    ("shown", "other"),
    [
        ('additional_directories = ["/srv/a, /srv/b"]', 'additional_directories = ["/srv/a", "/srv/b"]'),
        ('base_url = "https://a:b@example.org/v1"', 'base_url = "https://evil.example#@example.org/v1"'),
        ('base_url = "https://a:b@example.org/v1"', 'base_url = "https://a:c@example.org/v1"'),
    ],
)
def test_an_answer_covers_no_value_that_is_written_alike(place: Place, shown: str, other: str) -> None:
    place.shared(shown)
    remember(place.load().trust, place.state, trusted=True)

    place.shared(other)

    assert place.load().trust.state == "unasked"


@pytest.mark.parametrize(
    "url", ["https://evil.example#@example.org/v1", "https://evil.example?@example.org/", "https://u:p@evil.example/"]
)
def test_the_question_shows_where_an_address_leads(place: Place, url: str) -> None:
    place.shared(f'base_url = "{url}"')

    [grant] = place.load().trust.grants
    [shown] = [value.value for value in place.load(trusting=True).values if value.name == "base_url"]

    assert grant.value == url
    assert "evil.example" in shown
