"""The rules offered with a question: what a careful user would want, and nothing that is a blank cheque."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from tests.permissions.calls_to_decide import edit, fetch, read, rules, shell

from plait.permissions.policy import decide, offers
from plait.permissions.rules import parse_text
from plait.protocol.commands import PERMISSION_MODES, Rule

OFFERED = {
    "pytest tests/a.py -x": "pytest tests/*",
    "pytest -q tests/unit/a.py::test_b -k 'x and y' --tb=short": "pytest tests/unit/*",
    "pytest -q": "pytest -q",
    "python -m pytest tests/a.py": "python -m pytest tests/*",
    "uv run pytest tests/a.py": "uv run pytest tests/*",
    "timeout 60 pytest tests/a.py": "pytest tests/*",
    "cd src && pytest tests/a.py": "pytest tests/*",
    "pytest tests/a.py 2>&1 | tail -5": "pytest tests/*",
    "pytest 'tests/a b.py'": "pytest tests/*",
    "git commit -m 'fix: the end'": "git commit *",
    "git add src/a.py": "git add src/*",
    "git add -A && git commit -m 'fix'": "git add * && git commit *",
    "git push origin main": "git push origin main",
    "git checkout -b topic": "git checkout -b topic",
    "git -c user.name=x commit -m y": "git -c user.name=x commit -m y",
    "npm run build": "npm run build",
    "npm install left-pad": "npm install left-pad",
    "npx eslint src": "npx eslint src",
    "cargo test parser": "cargo test *",
    "cargo run -- --all": "cargo run -- --all",
    "go test ./...": "go test *",
    "make test": "make test",
    "ruff check --fix src": "ruff check *",
    "ruff format src/a.py": "ruff format src/*",
    "mypy src": "mypy *",
    "prettier --write src/a.ts": "prettier *",
    "mkdir -p src/new": "mkdir -p src/*",
    "rm src/a.py": "rm src/a.py",
    "echo hi > out.txt": "echo hi > out.txt",
    "pytest > out.txt": "pytest > out.txt",
    "env LD_PRELOAD=./x.so pytest tests/a.py": "env LD_PRELOAD=./x.so pytest tests/a.py",
    "PYTHONPATH=. pytest tests/a.py": "PYTHONPATH=. pytest tests/a.py",
    "ssh host pytest tests/a.py": "ssh host pytest tests/a.py",
    "alembic upgrade head": "alembic upgrade head",
    "gcc -o a a.c": "gcc -o a a.c",
    "pip install requests": "pip install requests",
    "docker run -it image": "docker run -it image",
    "./run.sh --fast": "./run.sh --fast",
}
# ruff: noqa: E501
RUN_ANYTHING = (
    "python x.py", "python -c 'print(1)'", "python3 -m http.server", "bash run.sh", "sh -c 'touch a'", "node x.js", "perl x",
    "ruby x.rb", "find . -exec touch {} ;", "xargs touch", "env A=1 touch a", "ssh h touch a", "docker run i", "docker exec c x",
    "git -c core.pager=x log", "npx x y", "bunx x", "uvx x", "uv run x.py", "uv run python x.py", "poetry run bash", "pipx run x",
    "make x", "just x", "awk -f x.awk a", "sed -i -f x a", "tar --to-command=x -xf a", "kubectl exec p -- x", "parallel touch",
    "nix run x", "deno run x", "php x.php", "osascript x", "vim -c x", "rsync -e x a b", "script -c x a", "watch touch a",
    "npm exec x", "yarn dlx x", "cargo run", "go run x.go", "dotnet run", "mvn exec:java", "gradle run", "tox", "nox",
)  # fmt: skip


@pytest.mark.parametrize("command", OFFERED)
def test_the_rule_offered_first_is_the_one_a_careful_user_would_want(command):
    assert offers(shell(command))[0].pattern == f"shell({OFFERED[command]})"


@pytest.mark.parametrize("command", RUN_ANYTHING)
def test_what_runs_whatever_it_is_given_is_offered_as_spelled_only(command):
    assert [rule.pattern for rule in offers(shell(command))] in ([], [f"shell({command})"])


@pytest.mark.parametrize(
    ("request_", "patterns"),
    [
        (edit("src/a.py"), ["edit(src/**)", "edit(src/a.py)"]),
        (edit("src/x/y/z.py"), ["edit(src/x/y/**)", "edit(src/x/y/z.py)"]),
        (edit("a.py"), ["edit(/a.py)", "edit(/**)"]),
        (edit("src/a.py", "src/b/c.py"), ["edit(src/**)"]),
        (edit("/elsewhere/a"), ["edit(//elsewhere/a)"]),
        (edit("/elsewhere/deep/a"), ["edit(//elsewhere/deep/a)", "edit(//elsewhere/deep/**)"]),
        (read("/etc/passwd"), ["read(//etc/passwd)"]),
        (read(".env"), ["read(/.env)"]),
        (fetch("docs.python.org"), ["web_fetch(domain:docs.python.org)"]),
        (fetch("a.org", "b.org"), []),
    ],
)
def test_paths_and_hosts_are_offered_by_their_directory_and_name(request_, patterns):
    assert [rule.pattern for rule in offers(request_)] == patterns


COMMANDS = [
    json.loads(line) for line in (Path(__file__).parents[1] / "effects" / "commands.jsonl").read_text().splitlines()
]
DANGEROUS = [row["command"] for row in COMMANDS if row["expect"] == "dangerous"]


@pytest.mark.parametrize("mode", PERMISSION_MODES)
def test_no_rule_of_any_form_covers_what_is_dangerous(mode):
    ran = []
    for command in DANGEROUS:
        request = shell(command)
        if request.effects.danger is None:
            # The classifier's own tests say which these are.
            continue
        hand_written = (Rule("allow", "shell"), Rule("allow", "shell(*)"), Rule("allow", f"shell({command})"))
        decision = decide(
            request, mode, (*hand_written, Rule("allow", "edit"), Rule("allow", "read")), interactive=True
        )
        if decision.verdict == "allow" or offers(request):
            ran.append(command)
    assert len(DANGEROUS) > 300
    assert ran == []


@given(st.sampled_from(COMMANDS).map(lambda row: row["command"]))
def test_an_offer_covers_the_call_it_was_offered_for_and_is_never_a_blank_cheque(command):
    request = shell(command)
    for rule in offers(request):
        parsed = parse_text(rule.pattern)
        assert parsed.pattern is not None
        assert not parsed.pattern.startswith("*")
        assert decide(request, "default", (rule,), interactive=True).verdict == "allow"


@pytest.mark.parametrize(
    "command",
    [
        "env LD_PRELOAD=./x.so pytest",
        "env -S 'A=1 pytest'",
        "ssh host pytest",
        "script -c pytest out",
        "find . -fprint out -exec pytest {} ;",
        "./timeout 5 pytest",
        "pytest tests/a.py -k $(touch a)",
    ],
)
def test_a_rule_for_a_program_does_not_cover_a_wrapper_that_does_more(command):
    assert decide(shell(command), "default", rules("allow shell(pytest *)"), interactive=True).verdict == "ask"
