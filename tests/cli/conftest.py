from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.program import Program


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def plait(tmp_path: Path, bytecode: Path) -> Program:
    return Program(tmp_path, bytecode)
