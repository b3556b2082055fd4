import subprocess

import pytest

from plait.effects.git import READING_ENVIRONMENT
from plait.effects.programs import versions
from plait.effects.shell import command_effects, verdict
from plait.effects.subcommands import TOOLS_ENVIRONMENT, tool, tool_names
from plait.host.paths import Workspace

FORMS = [(name, words, form) for name in tool_names() for words, form in tool(name).forms.items()]
# An operand that each of the expressions takes; the first that fits is used.
OPERANDS = (
    "a", "E0308", "sysroot", "bash", "editor", "region", "GOPATH", "build", "add", "json", "rust-analyzer", "A",
)  # fmt: skip
UNKNOWN = ("--no-such-option", "$X", '"$X"', "$(cat a)", "https://example.org/x", "-o a", "--output=a", "-w", "> a")


@pytest.fixture
def workspace(tmp_path):
    top = tmp_path / "ws"
    for name in ("src/a.py", "a"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("x = 1\n")
    return Workspace.at(top)


def judged(command, workspace):
    return verdict(command_effects(command, cwd=workspace.cwd, workspace=workspace), workspace)


def plainly(name, words, form):
    """The form with what it needs, and an operand if it takes one."""
    needed = sorted(form.needs)[:1]
    operand = next((word for word in OPERANDS if form.among is None or form.among.fullmatch(word)), None)
    takes = form.program.operands != "none" and operand is not None
    return " ".join([name, *words.split(), *needed, *([operand] if takes else [])])


def test_more_than_fifty_tools_are_known():
    assert len(tool_names()) >= 60
    assert len(FORMS) >= 350


@pytest.mark.parametrize("name", tool_names())
def test_each_form_only_reads_with_each_of_its_options(workspace, name):
    for words, form in tool(name).forms.items():
        command = plainly(name, words, form)
        for option in ("", *(form.program.only or ())):
            assert judged(f"{command} {option}", workspace) == "read_only", f"{command} {option}"


@pytest.mark.parametrize("name", tool_names())
def test_no_form_runs_with_what_is_not_known_of_it(workspace, name):
    unasked = []
    for words, form in tool(name).forms.items():
        for more in UNKNOWN:
            command = f"{plainly(name, words, form)} {more}"
            known = more.split()[0].partition("=")[0] in {*(form.program.only or ()), *form.program.values}
            if not known and judged(command, workspace) == "read_only":
                unasked.append(command)

    assert unasked == []


@pytest.mark.parametrize("name", [name for name in tool_names() if tool(name).obeys])
def test_no_form_counts_where_a_project_says_what_the_tool_runs(workspace, name):
    for obeyed in tool(name).obeys:
        path = workspace.cwd / obeyed
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
        for words, form in tool(name).forms.items():
            command = plainly(name, words, form)

            assert judged(command, workspace) != "read_only", (command, obeyed)
        path.unlink()


def test_a_file_above_the_directory_is_obeyed_too(workspace):
    (workspace.cwd / ".npmrc").write_text("")

    assert judged("cd src && npm ls", workspace) != "read_only"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[tool.ruff]\nfix = true\n"),
        ("pyproject.toml", 'tool = { ruff = { "fi\\u0078" = true } }\n'),
        ("ruff.toml", "fix-only = true\n"),
        (".ruff.toml", 'extend = "../x.toml"\n'),
        ("ruff.toml", "not toml"),
    ],
)
def test_ruff_asks_where_the_settings_make_it_change_files(workspace, name, text):
    (workspace.cwd / name).write_text(text)

    assert judged("ruff check --no-cache", workspace) != "read_only"
    assert judged("ruff rule F401", workspace) == "read_only"


def test_ruff_reads_where_the_settings_only_choose_rules(workspace):
    (workspace.cwd / "pyproject.toml").write_text('[tool.ruff.lint]\nselect = ["F"]\nextend-select = ["E"]\n')

    assert judged("ruff check --no-cache src", workspace) == "read_only"
    assert judged("ruff check src", workspace) != "read_only"
    assert judged("ruff format --check", workspace) == "read_only"
    assert judged("ruff format", workspace) != "read_only"


def test_what_lies_outside_is_not_read_unasked(workspace):
    for command in (
        "ruff check --no-cache /etc",
        "gofmt -l /etc",
        "bash -n ~/.bashrc",
        "php -l ../x.php",
        "jar tf ~/x.jar",
    ):
        assert judged(command, workspace) != "read_only", command


def test_help_is_printed_and_nothing_is_run(workspace):
    for command in ("uv run --help", "gh pr create --help", "docker compose up --help", "rustup toolchain --help"):
        assert judged(command, workspace) == "read_only", command
    for command in ("uv run pytest --help", "docker exec web --help", "cargo evil --help", "npm run build --help"):
        assert judged(command, workspace) != "read_only", command


def test_a_tool_by_its_path_is_not_that_tool(workspace):
    assert judged("./gofmt -l .", workspace) != "read_only"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("git clean -n", "read_only"),
        ("git clean -ndx src", "read_only"),
        ("git clean --dry-run -e x -d", "read_only"),
        ("git clean -fd -en", "dangerous"),
        ("git clean -fd -e n", "dangerous"),
        ("git clean -n $X", "dangerous"),
        ("git clean -n -i", "stateful"),
        ("git clean -n --no-dry-run -f", "stateful"),
    ],
)
def test_git_clean_that_only_lists_is_told_from_one_that_deletes(workspace, command, expected):
    subprocess.run(["git", "init", "-q", str(workspace.cwd)], check=True)

    assert judged(command, workspace) == expected


def test_the_environment_keeps_tools_from_caches_and_from_asking_for_newer_versions():
    assert TOOLS_ENVIRONMENT.items() <= READING_ENVIRONMENT.items()
    assert "RUFF_NO_CACHE" in READING_ENVIRONMENT


@pytest.mark.parametrize("name", ["gofmt", "rustc", "apt-cache", "ls"])
def test_a_function_that_may_stand_in_for_a_program_asks(workspace, name):
    command = f"if [ -e x ]; then {name}() {{ touch a; }}; fi; {name} --version"

    assert judged(command, workspace) != "read_only"


@pytest.mark.parametrize("name", [name for name in tool_names() if tool(name).reads])
def test_no_form_counts_where_a_file_that_the_tool_reads_leads_out(workspace, name):
    outside = workspace.cwd.parent / "secret"
    outside.write_text("x\n")
    for read in tool(name).reads:
        path = workspace.cwd / read
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(outside)
        for words, form in tool(name).forms.items():
            command = plainly(name, words, form)

            if words not in versions().get(name, ()):
                assert judged(command, workspace) != "read_only", (command, read)
        path.unlink()


def test_a_directory_of_settings_that_leads_out_is_not_read(workspace):
    (workspace.cwd.parent / "secret").mkdir()
    (workspace.cwd.parent / "secret/environment").write_text("x\n")
    (workspace.cwd / ".terraform").symlink_to(workspace.cwd.parent / "secret")

    assert judged("terraform workspace show", workspace) != "read_only"


@pytest.mark.parametrize(
    ("command", "link"),
    [
        ("ruff check --no-cache", "src/b.py"),
        ("ruff check --no-cache src", "src/ruff.toml"),
        ("ruff format --check src", "src/x.ipynb"),
        ("gofmt -d .", "deep/x.go"),
        ("isort --diff src", "src/x"),
        ("terraform fmt -check -diff", "x.tf"),
        ("pyflakes .", "x.py"),
        ("shfmt -d .", "x.sh"),
        ("cargo metadata --no-deps", "sub/Cargo.toml"),
    ],
)
def test_a_tool_that_follows_links_below_its_operands_asks_where_one_leads_out(workspace, command, link):
    outside = workspace.cwd.parent / "secret"
    outside.mkdir()
    path = workspace.cwd / link
    path.parent.mkdir(exist_ok=True)
    assert judged(command, workspace) == "read_only"

    path.symlink_to(outside)

    assert judged(command, workspace) != "read_only"


def test_settings_of_ruff_below_its_operands_count_too(workspace):
    (workspace.cwd / "src/ruff.toml").write_text('extend = "/etc/x.toml"\n')

    assert judged("ruff check --no-cache .", workspace) != "read_only"
    assert judged("ruff format --check src", workspace) != "read_only"


def test_links_that_stay_inside_are_no_reason_to_ask(workspace):
    (workspace.cwd / "src/b.py").symlink_to("a.py")
    (workspace.cwd / "bin").mkdir()
    (workspace.cwd / "bin/python").symlink_to("/usr/bin/python3")

    assert judged("ruff check --no-cache", workspace) == "read_only"
