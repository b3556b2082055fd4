"""Builds, tests and formatters ask, and still let work on other trees go on beside them."""

import pytest

from plait.effects.shell import command_effects, verdict
from plait.host.paths import Workspace
from plait.permissions.policy import Request, decide
from plait.protocol.effects import Access, Effects, Mode, conflict
from plait.scheduling.scheduler import Scheduler

BOUNDED = (
    "pytest", "pytest -q tests/a", "pytest tests/a.py::test_x -k 'a and b'", "python -m pytest -x", "uv run pytest",
    "poetry run mypy src", "mypy src", "ruff check src", "npm test", "npm run build", "yarn test", "pnpm run lint",
    "npx jest", "npx tsc --noEmit", "cargo build --release", "cargo test", "cargo clippy", "go build ./...",
    "go test ./...", "go vet ./...", "make", "make test", "make -j4 build", "cmake --build build", "ninja",
    "mvn test", "gradle build", "bundle exec rspec", "dotnet test", "swift build", "mix test", "timeout 60 pytest",
    "cd sub && pytest", "pytest 2>&1 | tail -5", "eslint src", "prettier --check .", "black --check .",
)  # fmt: skip
UNBOUNDED = (
    "make deploy", "make install", "npm run deploy", "npm install", "npm start", "cargo install x", "go run .",
    "pytest /elsewhere", "pytest ../other", "pytest --basetemp=/elsewhere", "make -C ../other", "pytest $X",
    "uv run x.py", "python -m x", "cargo publish", "npm publish", "uv pip install x", "python x.py", "npx x",
    "pytest; ./x", "cd .. && pytest", "./gradlew build",
)  # fmt: skip


@pytest.fixture
def workspace(tmp_path):
    for name in ("src", "tests/a", "docs", "sub", "build"):
        (tmp_path / "ws" / name).mkdir(parents=True)
    return Workspace.at(tmp_path / "ws")


def of(command, workspace):
    return command_effects(command, cwd=workspace.cwd, workspace=workspace)


def edit(path, workspace):
    return Effects((Access(Mode.WRITE, f"{workspace.cwd}/{path}"),))


def read(path, workspace):
    return Effects((Access(Mode.READ, f"{workspace.cwd}/{path}"),))


def both_ways(a, b):
    assert conflict(a, b) is conflict(b, a)
    scheduler = Scheduler()
    scheduler.reserve("a", a)
    assert bool(scheduler.reserve("b", b).waits_for) is conflict(a, b)
    return conflict(a, b)


@pytest.mark.parametrize("command", BOUNDED)
def test_a_well_known_tool_is_bounded_and_asks_all_the_same(workspace, command):
    effects = of(command, workspace)

    assert effects.bounded
    assert not effects.boundless
    assert verdict(effects, workspace) == "stateful"
    for mode in ("default", "acceptEdits", "plan", "dontAsk"):
        request = Request("shell", {"command": command}, effects, workspace.roots)
        assert decide(request, mode, (), interactive=True).verdict != "allow"


@pytest.mark.parametrize("command", BOUNDED)
def test_a_bounded_tool_overlaps_with_documents_and_not_with_sources_or_its_like(workspace, command):
    effects = of(command, workspace)

    assert not both_ways(effects, edit("docs/b.md", workspace))
    assert not both_ways(effects, read("docs/b.md", workspace))
    assert both_ways(effects, edit("src/a.py", workspace))
    assert both_ways(effects, edit("new.py", workspace))
    assert both_ways(effects, effects)
    assert both_ways(effects, of("make deploy", workspace))


def test_tools_of_two_kinds_do_not_run_in_one_tree_at_a_time(workspace):
    assert both_ways(of("npm test", workspace), of("pytest", workspace))
    assert both_ways(of("cargo build", workspace), of("make", workspace))


def test_reads_of_sources_go_on_beside_a_test_run_and_not_beside_a_formatter(workspace):
    assert not both_ways(of("pytest", workspace), read("src/a.py", workspace))
    assert both_ways(of("black .", workspace), read("src/a.py", workspace))
    assert both_ways(of("ruff check --fix", workspace), read("src/a.py", workspace))
    assert both_ways(of("prettier --write .", workspace), edit("docs/b.md", workspace))


def test_a_tool_that_is_given_documents_waits_for_them(workspace):
    assert both_ways(of("pytest docs", workspace), edit("docs/b.md", workspace))
    assert both_ways(of("pytest --junitxml=docs/x.xml", workspace), edit("docs/b.md", workspace))


@pytest.mark.parametrize("command", UNBOUNDED)
def test_what_is_not_well_known_or_leads_elsewhere_waits_for_everything(workspace, command):
    effects = of(command, workspace)

    assert effects.boundless
    assert both_ways(effects, read("docs/b.md", workspace))


@pytest.mark.parametrize(
    ("command", "ended"),
    [
        ("kill 12 -9", ("12",)),
        ("kill -9 12 13", ("12", "13")),
        ("pkill -f server", ("server",)),
        ("killall node", ("node",)),
        ("kill -l", ()),
        ("ls", ()),
    ],
)
def test_processes_that_are_ended_are_named(workspace, command, ended):
    effects = of(command, workspace)

    assert effects.processes == ended
    assert effects.read_only is (not ended)


@pytest.mark.parametrize(
    "command",
    [
        "npm install", "npm ci", "yarn", "yarn add x", "pnpm add -D x", "npx create-vite app", "pip install x",
        "python -m pip install -e .", "uv sync", "uv pip install x", "poetry install", "cargo add x", "cargo fetch",
        "go get x@latest", "go mod download", "bundle install", "composer install", "cd sub && npm install",
        "timeout 60 pip install x", "gem install x", "dotnet restore", "brew install x", "pre-commit run",
    ],
)  # fmt: skip
def test_what_downloads_names_the_network_and_asks(command, tmp_path):
    workspace = Workspace.at(tmp_path)

    effects = command_effects(command, cwd=tmp_path, workspace=workspace)

    assert effects.network
    assert verdict(effects, workspace) != "read_only"


@pytest.mark.parametrize("command", ["npm test", "npx tsc", "uv run pytest", "cargo test", "go test ./...", "pip list"])
def test_what_works_with_what_is_there_names_none(command, tmp_path):
    assert command_effects(command, cwd=tmp_path, workspace=Workspace.at(tmp_path)).network == ()
