"""Programs that only read, but for what leads them elsewhere or what they write by the way."""

import subprocess

import pytest

from plait.effects.git import READING_ENVIRONMENT
from plait.effects.programs import versions
from plait.effects.shell import command_effects, verdict
from plait.host.environment import reading
from plait.host.paths import Workspace


@pytest.fixture
def workspace(tmp_path):
    top = tmp_path / "outside" / "ws"
    (top / "src").mkdir(parents=True)
    for name in ("b", "y.yaml", "src/s.sh", "src/m.py"):
        (top / name).write_text("x\n")
    return Workspace.at(top)


def is_judged(command, workspace):
    return verdict(command_effects(command, cwd=workspace.cwd, workspace=workspace), workspace)


@pytest.mark.parametrize(
    ("file", "command", "heedless"),
    [
        (".yamllint", "yamllint y.yaml", None),
        (".yamllint.yml", "yamllint src", None),
        ("src/.shellcheckrc", "shellcheck src/s.sh", "shellcheck --norc src/s.sh"),
        ("src/.shellcheckrc", "shellcheck src/*.sh", "shellcheck --norc src/*.sh"),
        (
            "src/.shellcheckrc",
            "find . -name '*.sh' | xargs shellcheck",
            "find . -name '*.sh' | xargs shellcheck --norc",
        ),
        ("shellcheckrc", "cd src && shellcheck s.sh", "cd src && shellcheck --norc s.sh"),
        (".ackrc", "ack x", "ack --noenv x"),
        (".ackrc", "ack x src", "ack --noenv x src"),
    ],
)
def test_a_file_of_the_project_that_leads_a_program_elsewhere_makes_it_ask(workspace, file, command, heedless):
    assert is_judged(command, workspace) == "read_only"

    (workspace.cwd / file).write_text("x\n")

    assert is_judged(command, workspace) != "read_only"
    if heedless is not None:
        assert is_judged(heedless, workspace) == "read_only"


def test_a_script_may_not_lead_shellcheck_to_other_files(workspace):
    assert is_judged("shellcheck -x src/s.sh", workspace) != "read_only"


@pytest.mark.parametrize("command", ["cloc .", "scc", "exiftool .", "exiftool src", "mediainfo x", "exiftool -s ."])
def test_what_reads_all_of_a_directory_follows_its_links(workspace, command):
    (workspace.cwd / "src" / "link").symlink_to(workspace.cwd.parent)

    assert is_judged(command, workspace) != "read_only"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("date -d 'TZ=\"/x/y\" 2020-01-01'", "stateful"),
        ("date --date=' TZ=\"../x\" now'", "stateful"),
        ('date -d "$x"', "stateful"),
        ("date -d tomorrow", "read_only"),
        ('date -d "@$x"', "read_only"),
        ('date -d "2 days ago" +%s', "read_only"),
        ("find . -newermt 'TZ=\"/x/y\" 2020-01-01'", "stateful"),
        ('find . -newermt "$x"', "stateful"),
        ("find . -newermt 2020-01-01", "read_only"),
        ("whereis -B ../x -f y", "stateful"),
        ("whereis -M ../x -f y", "stateful"),
        ("whereis -b ls", "read_only"),
        ("df ../x", "stateful"),
        ("df -h .", "read_only"),
        ("df -h", "read_only"),
        ("which ../x", "stateful"),
        ("command -v ../x", "stateful"),
        ("type -a ../x/y", "stateful"),
        ("which python3 ls", "read_only"),
        ("file -p b", "stateful"),
        ("file b", "read_only"),
        ("pgrep --pidf ../x", "stateful"),
        ("grep --fil ../x b", "stateful"),
        ("du --exclude-fr ../x", "stateful"),
        ("ip ''", "stateful"),
        ("env -i git status", "stateful"),
        ("env - ls", "stateful"),
        ("ag -C x ../y", "stateful"),
        ("ag -C3 x src", "read_only"),
        ("printenv $(grep -l x *)", "stateful"),
        ('printenv "$x"', "stateful"),
        ("printenv LANG", "read_only"),
        ("xzcat --files=b", "stateful"),
        ("xzcat --files < b", "stateful"),
        ("zcat -r src", "stateful"),
        ("zcat b", "read_only"),
        ("getconf -v ../x PATH", "stateful"),
        ("getconf -a", "read_only"),
        ("getconf PAGE_SIZE", "read_only"),
        ("iconv -f ../x b", "stateful"),
        ("iconv -f latin1 -t ASCII//TRANSLIT b", "read_only"),
    ],
)
def test_options_and_operands_that_open_a_file_elsewhere_ask(workspace, command, expected):
    assert is_judged(command, workspace) in (expected, "dangerous" if expected == "stateful" else expected)


def test_top_asks_where_it_would_make_a_directory_for_its_settings(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert is_judged("top -bn1", workspace) == "stateful"

    (tmp_path / ".config" / "procps").mkdir(parents=True)

    assert is_judged("top -bn1", workspace) == "read_only"


def test_versions_and_helps_come_from_the_program_alone():
    assert not {"kubectl", "gcloud", "az"} & versions().keys()


def test_git_diff_leaves_the_index_as_it_is(workspace):
    top = workspace.cwd
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=top, check=True)
    (top / "b").write_text("x\n")
    before = (top / ".git" / "index").read_bytes()
    assert is_judged("git diff", workspace) == "read_only"

    subprocess.run(["git", "diff"], cwd=top, env=reading(workspace.roots, READING_ENVIRONMENT), check=True)

    assert (top / ".git" / "index").read_bytes() == before


@pytest.mark.parametrize(
    "option", ["-r", "-d recurse", "-drecurse", "--directories=recurse", "--direct recurse", "--recurs"]
)
def test_a_search_of_all_files_shows_secrets_however_it_is_asked_for(workspace, option):
    (workspace.cwd / ".env").write_text("TOKEN=x\n")

    assert is_judged(f"grep {option} TOKEN .", workspace) != "read_only"
    assert is_judged(f"grep {option} import src", workspace) == "read_only"
    assert is_judged("grep -d skip TOKEN b", workspace) == "read_only"


@pytest.mark.parametrize("command", ["grep -R x *", "for f in *; do grep --dereference-recursive x $f; done", "cloc *"])
def test_links_below_what_a_pattern_names_are_followed_too(workspace, command):
    assert is_judged(command, workspace) == "read_only"

    (workspace.cwd / "src" / "link").symlink_to(workspace.cwd.parent)

    assert is_judged(command, workspace) != "read_only"


LISTING_THROUGH_LINKS = (
    "ls *", "ls ./*", "ls src/*", "ls */", "ls -RL .", "du -L .", "du -D *", "du */", "tree *", "tree -l .",
    "find */ -name x",
    "find -L . -name x", "find . -follow -name x", "find . -exec ls {} +", "find . -name 'ou*' -exec ls {} +",
    "find . -name '*' | xargs ls", "ls | xargs ls", "fd . *", "fd -L x", "for f in *; do ls $f; done", "echo */*",
    "for f in */*; do echo $f; done", "ls -d */*", "stat */*", "ls --derefer .", "for f in */; do ls $f; done",
)  # fmt: skip


@pytest.mark.parametrize("command", LISTING_THROUGH_LINKS)
def test_a_directory_elsewhere_is_not_listed_through_a_link(workspace, command):
    before = is_judged(command, workspace)

    for folder in (workspace.cwd, workspace.cwd / "src"):
        (folder / "out").symlink_to(workspace.cwd.parent.parent)

    assert before == "read_only"
    assert is_judged(command, workspace) != "read_only"


@pytest.mark.parametrize(
    "command", ["ls", "ls -la src", "find . -name '*.py' -exec ls -l {} +", "ls *.yaml", "du -sh .", "tree"]
)
def test_a_link_that_nothing_goes_through_is_not_asked_about(workspace, command):
    (workspace.cwd / "out").symlink_to(workspace.cwd.parent.parent)

    assert is_judged(command, workspace) == "read_only"


@pytest.mark.parametrize("command", ["git config alias.x", "git config --list", "git config --get-regexp x", "ag x"])
def test_what_reads_the_settings_of_git_asks_where_they_lead_out(workspace, command):
    subprocess.run(["git", "init", "-q"], cwd=workspace.cwd, check=True)
    assert is_judged(command, workspace) == "read_only"

    subprocess.run(["git", "config", "include.path", "../../../x"], cwd=workspace.cwd, check=True)

    assert is_judged(command, workspace) != "read_only"


def test_df_opens_files_and_not_directories(workspace):
    assert is_judged("df -h / /tmp ..", workspace) == "read_only"
    assert is_judged("df *", workspace) == "read_only"
    (workspace.cwd.parent / "file").write_text("x\n")

    assert is_judged("df ../file", workspace) != "read_only"
