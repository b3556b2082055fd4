import os
import subprocess
from pathlib import Path

import pytest

from plait.host.git_config import entries_of_environment, parse, read_configuration, user_files

TEXTS = [
    "[core]\n\thooksPath = ci/hooks\n",
    "[core] hooksPath=ci/hooks # by hand\n",
    "[CORE]\nHOOKSPATH = ci/hooks ; or not\n",
    '[core]\nhooksPath = "ci/hooks"   \n',
    '[core]\nhooksPath = ci/"hooks"\n',
    "[core]\nhooksPath = ci/\\\nhooks\n",
    '[core]\nhooksPath = "ci/hooks" # "x"\n',
    "[core]\r\n  hooksPath = ci/hooks\r\n",
    "\ufeff[core]\nhooksPath = ci/hooks\n",
    '[user]\nname = "a \\" [core]"\n[core]\nhooksPath = ci/hooks\n',
    '[branch "[core]"]\nmerge = x\n[core]\nbare\nhooksPath = ci/hooks\n',
    "# [x]\n; y\n\n[core]\n\n   hooksPath    =    ci/hooks\t\n",
    "[core]\nhooksPath = ci/hooks\0junk\n",
    "[core]\nhooksPath = other\nhooksPath = ci/hooks\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_value_is_read_as_git_reads_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_bytes(text.encode())

    said = subprocess.run(
        ["git", "config", "--file", str(file), "core.hooksPath"], check=True, capture_output=True, text=True
    )

    assert said.stdout == "ci/hooks\n"
    assert [entry.value for entry in parse(text) if entry.name == "core.hookspath"][-1] == "ci/hooks"


def test_more_is_read_than_git_would() -> None:
    text = "[core\n?!\n[core]\n = x\n9 = y\nhooksPath = a\n[x"

    assert [(entry.name, entry.value) for entry in parse(text)] == [("core.hookspath", "a")]


def test_all_that_is_included_is_read_on_whatever_condition(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('[include] path = sub/b\n[includeIf "onbranch:x"]\npath = c\n[include]\npath = a\n')
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/b").write_text("[include]\npath = ../d\n[include]\npath = missing\n")
    (tmp_path / "c").write_text("[core]\nhooksPath = from-c\n")
    (tmp_path / "d").write_text("[core]\nhooksPath = from-d\n")

    found = read_configuration([tmp_path / "a"])

    hooks = {entry.value for entry in found.entries if entry.name == "core.hookspath"}
    assert hooks == {"from-c", "from-d"}
    assert {Path(file).name for file in found.files} == {"a", "b", "c", "d", "missing"}
    assert found.complete


def test_what_cannot_be_read_is_told_and_nothing_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"#" * 5_000_000)

    assert read_configuration([tmp_path / "none"]).complete
    assert not read_configuration([tmp_path / "pipe"]).complete
    assert not read_configuration([tmp_path / "large"]).complete


def test_the_users_own_files_and_variables_count(tmp_path: Path) -> None:
    environ = {"GIT_CONFIG_GLOBAL": str(tmp_path / "mine"), "XDG_CONFIG_HOME": str(tmp_path)}
    environ |= {"GIT_CONFIG_KEY_0": "Core.HooksPath", "GIT_CONFIG_VALUE_0": "x"}

    assert {tmp_path / "mine", tmp_path / "git/config"} <= set(user_files(environ))
    assert [(entry.name, entry.value) for entry in entries_of_environment(environ)] == [("core.hookspath", "x")]
