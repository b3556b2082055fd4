"""Fixtures of the tests of sessions."""

from pathlib import Path

import pytest

from plait.session.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state" / "sessions")
