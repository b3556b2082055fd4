import os
import sys
from pathlib import Path

import pytest

from plait.host.environment import quiet, reading
from plait.host.programs import find_program, system_path


def test_helper_programs_are_found_without_the_users_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("rg", "git", "only-here"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    for name in ("rg", "git"):
        found = find_program(name)
        assert found is not None
        assert os.path.isabs(found)
        assert not found.startswith(str(tmp_path))
    assert find_program("only-here") is None


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths")
def test_a_reading_command_gets_no_program_and_no_switch_from_the_workspace(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    (root / "bin").mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "link").symlink_to(root / "bin")
    path = f"{root}/bin:.::relative:{elsewhere}/link:{elsewhere}:/usr/bin"

    environ = reading(
        [root],
        {"GIT_OPTIONAL_LOCKS": "0"},
        {
            "PATH": path,
            "HOME": "/h",
            "GIT_EXTERNAL_DIFF": "x",
            "LD_PRELOAD": "x",
            "BASH_FUNC_ls%%": "x",
            "BASH_ENV": "x",
        },
    )

    assert environ["PATH"].split(":") == list(dict.fromkeys([str(elsewhere), "/usr/bin", *system_path()]))
    assert environ["HOME"] == "/h"
    assert environ["GIT_OPTIONAL_LOCKS"] == "0"
    assert not {"GIT_EXTERNAL_DIFF", "LD_PRELOAD", "BASH_FUNC_ls%%", "BASH_ENV"} & environ.keys()


def test_a_quiet_environment_is_otherwise_the_users() -> None:
    assert quiet({"MINE": "1", "PAGER": "less", "FORCE_COLOR": "1"}).items() >= {"MINE": "1", "PAGER": "cat"}.items()
    assert "FORCE_COLOR" not in quiet({"FORCE_COLOR": "1"})
