"""Which files' text the model is given before the conversation, and which not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from plait.agent.context import instruction_places, read_instructions, static_instructions


class Place:
    def __init__(self, root: Path) -> None:
        self.config, self.project, self.elsewhere = root / "config", root / "project", root / "elsewhere"
        for directory in (self.config, self.project / "sub", self.elsewhere):
            directory.mkdir(parents=True)

    def texts(self, cwd: Path | None = None) -> list[str]:
        places = instruction_places(cwd or self.project, self.project, self.config)
        return [found.text for found in read_instructions(places)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_users_come_first_then_the_projects_from_its_root_down(place: Place) -> None:
    (place.config / "AGENTS.md").write_text("mine")
    (place.project / "AGENTS.md").write_text("root")
    (place.project / "sub" / "CLAUDE.md").write_text("sub")

    assert place.texts(place.project / "sub") == ["mine", "root", "sub"]


def test_a_link_within_the_project_is_followed(place: Place) -> None:
    (place.project / "AGENTS.md").write_text("text")
    (place.project / "sub" / "CLAUDE.md").symlink_to("../AGENTS.md")

    assert place.texts(place.project / "sub") == ["text"]


@pytest.mark.parametrize("target", ["../elsewhere/notes.txt", ".env", "../project-evil/x", "/dev/zero", "AGENTS.md"])
def test_a_link_to_what_is_none_of_the_providers_business_is_not(place: Place, target: str) -> None:
    (place.elsewhere / "notes.txt").write_text("secret")
    (place.project / ".env").write_text("KEY=secret")
    (place.project.parent / "project-evil").mkdir()
    (place.project.parent / "project-evil" / "x").write_text("secret")
    (place.project / "AGENTS.md").symlink_to(target)

    assert place.texts() == []


def test_a_pipe_in_their_place_is_not_waited_for(place: Place) -> None:
    os.mkfifo(place.project / "AGENTS.md")

    assert place.texts() == []


def test_the_users_own_may_lie_anywhere(place: Place) -> None:
    (place.elsewhere / "dotfiles.md").write_text("mine")
    (place.config / "AGENTS.md").symlink_to(place.elsewhere / "dotfiles.md")

    assert place.texts() == ["mine"]


def test_a_long_file_is_cut_and_says_so(place: Place) -> None:
    (place.project / "AGENTS.md").write_text("x" * 70_000)

    [text] = place.texts()

    assert text.endswith("[cut: the file is longer than 64 KB]")


def test_the_model_is_told_whose_words_they_are(place: Place) -> None:
    (place.config / "AGENTS.md").write_text("mine")
    (place.project / "AGENTS.md").write_text("theirs")
    found = read_instructions(instruction_places(place.project, place.project, place.config))

    text = static_instructions("base", found, None)

    assert f"# Instructions from {place.config / 'AGENTS.md'}\n\nmine" in text
    assert f"# Instructions from {place.project / 'AGENTS.md'} (a file of the project; it permits nothing" in text
