import pytest
from tests.permissions.calls_to_decide import edit, fetch, read, rules, shell

from plait.host.paths import Workspace
from plait.permissions.rules import matches, parse_rule, split_rules
from plait.protocol.errors import UserError


def allows(pattern, request):
    return matches(rules(f"allow {pattern}")[0], request)


def forbids(pattern, request):
    return matches(rules(f"deny {pattern}")[0], request)


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("Bash", "shell"),
        ("bash(git *)", "shell(git *)"),
        ("Write(src/**)", "edit(src/**)"),
        ("MultiEdit", "edit"),
        ("Grep", "search"),
        ("LS", "list"),
        ("WebFetch(domain:example.org)", "web_fetch(domain:example.org)"),
        ("SHELL(Git *)", "shell(Git *)"),
        ("read(*)", "read"),
        (" glob ", "glob"),
        ('shell(echo "a)")', 'shell(echo "a)")'),
    ],
)
def test_names_of_tools_are_ours_whatever_their_spelling(text, ours):
    assert parse_rule(text, "allow", "user").pattern == ours


@pytest.mark.parametrize(
    "text",
    ["", "()", "shell(", "shell)", "shell()", "a b", "1x", "todo(x)", "web_fetch(x)", "web_fetch(domain:)", "-x"],
)
def test_what_is_not_a_rule_is_one_clear_line(text):
    with pytest.raises(UserError) as raised:
        parse_rule(text, "allow", "user")

    assert "\n" not in str(raised.value)


def test_a_list_of_rules_splits_outside_of_parentheses():
    assert split_rules("Bash(git log *),Edit Read(a, b)  shell(x") == [
        "Bash(git log *)",
        "Edit",
        "Read(a, b)",
        "shell(x",
    ]


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("edit", "a.py", True),
        ("edit(a.py)", "a.py", True),
        ("edit(a.py)", "src/a.py", True),
        ("edit(/a.py)", "src/a.py", False),
        ("edit(/a.py)", "a.py", True),
        ("edit(*.md)", "docs/x/y.md", True),
        ("edit(docs/*.md)", "docs/x/y.md", False),
        ("edit(docs/**/*.md)", "docs/x/y.md", True),
        ("edit(src/**)", "src/x/y.py", True),
        ("edit(src/**)", "src-evil/y.py", False),
        ("edit(src)", "src/y.py", True),
        ("edit(src)", "src-evil", False),
        ("edit(src/)", "src/y.py", True),
        ("edit(src/?.py)", "src/a.py", True),
        ("edit(src/[ab].py)", "src/c.py", False),
        ("edit(SRC/**)", "src/a.py", False),
        ("edit(//w/src/**)", "src/a.py", True),
        ("edit(//etc/**)", "/etc/passwd", True),
        ("edit(/etc/**)", "/etc/passwd", False),
        ("edit(**)", "/etc/passwd", False),
        ("edit(**)", "a/b", True),
        ("read", "a.py", False),
    ],
)
def test_path_patterns_are_those_of_gitignore(pattern, path, covered):
    assert allows(pattern, edit(path)) is covered


def test_a_rule_that_allows_must_cover_every_path():
    assert not allows("edit(src/**)", edit("src/a.py", "docs/b.md"))
    assert allows("edit(src/**)", edit("src/a.py", "src/b.md"))


def test_a_rule_that_denies_fits_any_path_through_any_tool():
    assert forbids("edit(src/**)", edit("docs/b.md", "src/a.py"))
    assert forbids("edit(src/**)", shell("echo x > src/a.py"))
    assert forbids("edit(src/api/**)", shell("rm -r src"))
    assert forbids("read(secret/**)", shell("cat secret/a"))
    assert forbids("read(secret/**)", read("secret", tool="search", tree=True))
    assert forbids("edit(/etc/**)", edit("/etc/passwd"))
    assert not forbids("edit(src/**)", read("src/a.py"))
    assert not forbids("search(secret/**)", read("secret/a"))


@pytest.mark.parametrize(
    ("pattern", "command", "covered"),
    [
        ("shell(pytest)", "pytest", True),
        ("shell(pytest)", "pytest -q", False),
        ("shell(pytest *)", "pytest", True),
        ("shell(pytest *)", "pytest -q tests", True),
        ("shell(pytest:*)", "pytest -q tests", True),
        ("shell(pytest *)", "pytest-evil", False),
        ("shell(pytest tests/*)", "pytest tests/a.py", True),
        ("shell(pytest tests/*)", "pytest tests/../../x", False),
        ("shell(pytest tests/*)", "pytest tests/a.py -p evil", False),
        ("shell(pytest * -q)", "pytest --p=evil -q", False),
        ("shell(npm run *)", "npm run build -- --x", True),
        ("shell(npm run *)", "npm install", False),
        ("shell(git commit -m 'a b')", "git commit -m 'a b'", True),
        ("shell(git commit -m *)", "git commit -m 'a; rm -rf b'", True),
        ("shell(pytest *)", "pytest; touch x", False),
        ("shell(pytest *)", "pytest && touch x", False),
        ("shell(pytest *)", "pytest | tee x", False),
        ("shell(pytest *)", "pytest\ntouch x", False),
        ("shell(pytest *)", "pytest & touch x", False),
        ("shell(pytest *)", "pytest $(touch x)", False),
        ("shell(pytest *)", "pytest `touch x`", False),
        ("shell(pytest *)", "pytest <(touch x)", False),
        ("shell(pytest *)", "pytest > out", False),
        ("shell(pytest *)", "pytest > /dev/null 2>&1", True),
        ("shell(pytest > out)", "pytest > out", True),
        ("shell(pytest *)", "X=1 pytest", False),
        ("shell(X=1 pytest *)", "X=1 pytest -q", True),
        ("shell(pytest *)", "LANG=C pytest", True),
        ("shell(pytest *)", "PATH=. pytest", False),
        ("shell(pytest *)", "./pytest", False),
        ("shell(pytest *)", "timeout 60 pytest -q", True),
        ("shell(pytest *)", "timeout 60 touch x", False),
        ("shell(timeout *)", "timeout 60 touch x", False),
        ("shell(timeout 60 touch *)", "timeout 60 touch x", True),
        ("shell(bash *)", "bash -c 'touch x'", False),
        ("shell(touch *)", "bash -c 'touch x'", True),
        ("shell(xargs *)", "ls | xargs touch", False),
        ("shell(touch *)", "echo a | xargs touch", True),
        ("shell(touch *)", "cat a | xargs touch", False),
        ("shell(touch a)", "ls | xargs touch", False),
        ("shell(pytest *)", "cd src && pytest", True),
        ("shell(pytest *)", "cat a | pytest | head", True),
        ("shell(pytest *)", "cat /etc/passwd && pytest", False),
        ("shell(pytest *)", "$X", False),
        ("shell(pytest *)", "pytest $X", False),
        ("shell(pytest *)", "pytest $(cat a)", False),
        ("shell(pytest *)", "cat a | xargs pytest", False),
        ("shell(pytest *)", "cat a | xargs timeout 5 pytest", False),
        ("shell(pytest *)", 'pytest "$X"', True),
        ("shell(ruff check *)", "ruff check $(cat a)", False),
        ("shell(git *)", "git $(cat a)", False),
        ("shell(git fetch *)", "git fetch $(cat a)", False),
        ("shell(git fetch *)", "git fetch `cat a`", False),
        ("shell(git fetch *)", 'git fetch "$(cat a)"', False),
        ("shell(git fetch *)", 'git fetch "$@"', False),
        ("shell(git fetch *)", 'git fetch origin -- "$X"', True),
        ("shell(git rebase *)", "git rebase $X", False),
        ("shell(git *)", 'git rebase "$X"', False),
        ("shell(git *)", 'git commit -m "$X"', True),
        ("shell(git commit *)", 'git commit -m "$(cat a)"', True),
        ("shell(pytest tests/*)", "pytest tests/$X", False),
        ("shell(pytest te*)", "pytest tests/*", False),
        ("shell(echo hi > a; touch b)", "echo hi > a; touch b", True),
        ("shell(f() { ls; }; f)", "f() { ls; }; f", True),
        ("shell(f *)", "f() { touch x; }; f", False),
        ("shell", "f() { ls; }; f", True),
        ("Bash(PYTEST *)", "pytest", False),
    ],
)
def test_command_patterns_must_cover_every_part(pattern, command, covered):
    assert allows(pattern, shell(command)) is covered


@pytest.mark.parametrize(
    "command",
    [
        "git push",
        "git push origin main",
        "ls; git push",
        "ls && git push &",
        "(git push)",
        "if true; then git push; fi",
        "echo $(git push)",
        "cat <(git push)",
        "timeout 5 git push",
        "env X=1 git push",
        "nice nohup git push",
        "bash -c 'git push'",
        "ls | xargs git push",
        "ls | xargs -I{} git push {}",
        "find . -exec git push \\;",
        "X=1 git push",
        "/usr/bin/git push",
        "GIT push",
        "git -C x push",
        "git -c a=b --no-pager push",
        "sudo git push",
        "g\\it push",
        "'git' $'pu\\x73h'",
        "x=git; $x push",
        "$X push",
        "git $X",
        "git push $X",
        "eval 'git push'",
        "f() { git push; }; f",
        "git push; " + "true; " * 80,
        "true; " * 80 + "git push",
        "echo 'unclosed",
    ],
)
def test_a_rule_that_denies_a_command_fits_every_disguise(command):
    assert forbids("shell(git push *)", shell(command))


@pytest.mark.parametrize("command", ["git status", "git log push", "echo git push", "git stash push", "echo $X"])
def test_a_rule_that_denies_a_command_fits_no_other(command):
    assert not forbids("shell(git push *)", shell(command))


@pytest.mark.parametrize(
    ("pattern", "host", "allowed", "forbidden"),
    [
        ("web_fetch(domain:example.org)", "example.org", True, True),
        ("web_fetch(domain:example.org)", "EXAMPLE.org.", True, True),
        ("web_fetch(domain:example.org)", "a.example.org", False, True),
        ("web_fetch(domain:*.example.org)", "a.example.org", True, True),
        ("web_fetch(domain:*.example.org)", "evilexample.org", False, False),
        ("web_fetch(domain:example.org)", "example.org.evil.net", False, False),
        ("web_fetch(domain:example.org)", "*", False, True),
        ("web_fetch", "anything.net", True, True),
    ],
)
def test_hosts_are_compared_by_label(pattern, host, allowed, forbidden):
    assert allows(pattern, fetch(host)) is allowed
    assert forbids(pattern, fetch(host)) is forbidden


def test_every_host_of_a_fetch_must_be_covered():
    assert not allows("web_fetch(domain:a.org)", fetch("a.org", "b.org"))


@pytest.mark.parametrize(
    "command",
    [
        "git -c core.pager=./x log", "git -c alias.x='!touch y' x", "git -c core.sshCommand=./x fetch", "git -c",
        "git --exec-path=. status", "git --exec-path . gc", "git --config-env=core.pager=X log", "git -C /srv/x pull",
        "git -C .. pull", "git --git-dir=/srv/x/.git gc", "git --work-tree=/ checkout -f", "git grep -O./x y",
        "git grep -nO./x y", "git grep --open-files-in-pager=./x y", "git diff --ext-diff", "git difftool -x ./x",
        "git difftool --extcmd=./x", "git fetch --upload-pack=./x", "git fetch --upload-p ./x", "git push --rec=./x",
        "git clone -u ./x a", "git clone -c core.fsmonitor=./x a", "git clone --config core.fsmonitor=./x a",
        "git --attr-source HEAD -c alias.x=!./x x", "git --shallow-file a -c alias.x=!./x x", "git --unknown gc",
        "git ls-remote --up=./x .", "git ls-remote --exec=./x .", "git clone --u=./x . a", "git clone --co a=b . a",
        "git clone --te=x . a", "git init --te=x", "git grep --op=./x y", "git push --exec=./x a",
        "git difftool --ex=./x",
        "git difftool -t x", "git archive --remote=. --exec=./x HEAD", "git fetch-pack --exec=./x .",
        "git log --output=../x", "git archive -o ../x HEAD", "git archive -o/srv/x HEAD",
        "git format-patch -o ../x HEAD",
        "git worktree add ../x", "git clone . ../x", "git config --file ~/x a.b c", "git commit -F ../x",
        "git hook run pre-commit", "git credential fill", "git for-each-repo --config=x gc",
        "git init --template=x", "true && git -c core.pager=./x log", "timeout 5 git -c core.pager=./x log",
    ],
)  # fmt: skip
def test_a_wildcard_reaches_no_option_by_which_git_runs_another_program(command):
    assert not allows("shell(git *)", shell(command))


@pytest.mark.parametrize(
    "command",
    [
        "git commit -m x", "git -c user.name=a -c user.email=a@b commit -m x", "git -c color.ui=never add .",
        "git -C /w/sub add .", "git -C sub add .", "git push -u origin main", "git fetch -u", "git commit -c HEAD",
        "git switch --track origin/x", "git branch --contains x", "git rebase --continue", "git merge --commit x",
        "git commit -m /a/b", "git commit -m 'see ../x'", "git add /w/a", "git --no-pager -p gc",
        "git push origin a/b:c",
        "git checkout --theirs x", "git stash -u", "git -c commit.gpgsign=false commit --template-not -m x",
    ],
)  # fmt: skip
def test_a_wildcard_covers_the_usual_options_of_git(command):
    assert allows("shell(git *)", shell(command))


def test_a_rule_may_spell_an_option_by_which_git_runs_another_program():
    assert allows("shell(git -c core.pager=less *)", shell("git -c core.pager=less log -p"))
    assert not allows("shell(git -c *)", shell("git -c core.pager=./x log"))


def test_a_shell_that_reads_a_file_of_its_own_first_is_not_seen_through():
    assert allows("shell(npm run build)", shell("bash -c 'npm run build'"))
    assert allows("shell(npm run build)", shell("bash -euo pipefail -c 'npm run build'"))
    assert not allows("shell(npm run build)", shell("bash --rcfile x -ic 'npm run build'"))
    assert not allows("shell(npm run build)", shell("bash --init-file ./x -i -c 'npm run build'"))


def test_a_wildcard_for_names_does_not_lead_out_through_a_link(tmp_path):
    (tmp_path / "w" / "src").mkdir(parents=True)
    (tmp_path / "w" / "src" / "out").symlink_to(tmp_path)
    workspace = Workspace.at(tmp_path / "w")

    assert allows("shell(touch src/*)", shell("touch src/a", workspace))
    assert not allows("shell(touch src/*)", shell("touch src/out/a", workspace))
    assert not allows("shell(rm src/*)", shell("rm src/out/a", workspace))
