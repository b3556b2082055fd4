"""Words whose value is not known: they stand for any words, and names that a program lists are looked at first."""

import subprocess

import pytest

from plait.effects.shell import command_effects, verdict
from plait.host.paths import Workspace

# Each takes a value, a pattern, a format or an operand where a word that splits would become an option or a program.
TAKERS = (
    "nice -n {} ls",
    "printf {}",
    "git log -n {}",
    "git show {}",
    "git grep -e {} b",
    "sort -k {} b",
    "sort {} b",
    "uniq -f {} b",
    "uniq {}",
    "head -n {} b",
    "tail -n {} b",
    "tail -c {} b",
    "grep -h {} b",
    "grep -A {} x b",
    "timeout -s {} 5 ls",
    "timeout {} ls",
    "stdbuf -o {} ls",
    "ionice -c {} ls",
    "taskset {} ls",
    "rg -A {} x",
    "rg -e {} src",
    "rg -g {} x",
    "rg {}",
    "xxd -l {} b",
    "cut -d {} b",
    "find {} -name x",
    "find . -newer {}",
    "wc {}",
    "cat {}",
    "ls {}",
    "diff {} b",
    "tar -tf {}",
    "awk {} b",
    "sed -n {} b",
    "jq {} b",
    "test {}",
    "date -d {}",
    "xargs {} < b",
    "env {} ls",
    "cd {}",
    "set -- {}",
    "declare {}",
)
# Expansions that are not quoted and whose value cannot be told.
EXPANSIONS = ("$(cat a)", "`cat a`", "$x", "${x}", "${x:-y}", '"$@"', "$*", "$1", "${x[@]}", "pre$(cat a)", "./$x")


@pytest.fixture
def workspace(tmp_path):
    top = tmp_path / "outside" / "ws"
    (top / "src").mkdir(parents=True)
    for name in ("a", "b", "n", "src/m.py", "src/n.py"):
        (top / name).write_text("x\n")
    subprocess.run(["git", "init", "-q", str(top)], check=True)
    subprocess.run(["git", "-C", str(top), "add", "."], check=True)
    return Workspace.at(top)


def is_judged(command, workspace):
    return verdict(command_effects(command, cwd=workspace.cwd, workspace=workspace), workspace)


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("expansion", EXPANSIONS)
def test_an_unquoted_expansion_stands_for_any_words(workspace, taker, expansion):
    assert is_judged(taker.format(expansion), workspace) != "read_only"
    assert is_judged("read x < a; " + taker.format(expansion), workspace) != "read_only"


@pytest.mark.parametrize(
    "command",
    [
        "cat a | xargs grep -h",
        "cat a | xargs -n1 head",
        "cat a | xargs -I{} grep {} b",
        'read x < a; grep "$x" b',
        'for o in -f/etc/passwd x; do grep "$o" b; done',
        'f() { grep "$@"; }; f -f /etc/passwd x',
        'x=(); head "${x[@]}" -n 1 b',
        "head -n */m.py b",
        "timeout */5 ls",
        "git -C */ log",
        "uniq src/*",
        "printf 'a\\n/etc/passwd\\n' | xargs -I{} cat {}",
        "echo '\"/etc/passwd\"' | xargs cat",
    ],
)
def test_words_from_elsewhere_are_not_taken_for_harmless_ones(workspace, command):
    assert is_judged(command, workspace) != "read_only"


@pytest.mark.parametrize(
    "command",
    [
        "echo $(cat a) $(date)",
        "printf '%s\\n' $(cat a)",
        'head -n "$(cat n)" b',
        "x=3; head -n $x b; exit $?",
        "head -n ${#x} b; head -n $((1+2)) b",
        'files="a b"; wc -l $files',
        'files=(a src/m.py); wc -l "${files[@]}"',
        "for f in src/*.py; do head -1 $f; done",
        "grep -r --include=*.py x .",
        "head -1 src/*.py",
    ],
)
def test_words_that_are_known_or_can_do_no_harm_are_not_asked_about(workspace, command):
    assert is_judged(command, workspace) == "read_only"


LISTED = (
    "wc -l $(git ls-files)",
    "git ls-files | xargs wc -l",
    "git ls-files | sort -u | head -20 | xargs wc -l",
    "git ls-files -z | xargs -0 wc -l",
    "git ls-files | grep -v x | xargs wc -l",
    "git grep -l x | xargs head -1",
    "find . -name '*.py' | xargs grep x",
    "find src -name '*.py' -print0 | xargs -0 grep x",
    "find . -name '*.py' | while read -r f; do wc -l \"$f\"; done",
    "find . -name '*.py' -print0 | while IFS= read -r -d '' f; do wc -l \"$f\"; done",
    "grep -rl x src | xargs sed -n 1p",
    "rg -l x | xargs -I{} head -1 {}",
    "rg --files | xargs wc -l",
    "ls src/*.py | xargs wc -l",
    "for f in $(git ls-files '*.py'); do wc -l $f; done",
)


@pytest.mark.parametrize("command", LISTED)
def test_names_that_a_program_lists_are_read_without_a_question(workspace, command):
    assert is_judged(command, workspace) == "read_only"


@pytest.mark.parametrize("folder", ["x ", "y'", 'z"', "w\\", "a ..", "a -f", "nl\n"])
@pytest.mark.parametrize("command", [command for command in LISTED if "0" not in command and "*.py" not in command])
def test_names_that_fall_apart_are_no_names(workspace, folder, command):
    (workspace.cwd / "src" / folder / "etc").mkdir(parents=True)
    (workspace.cwd / "src" / folder / "etc" / "passwd.py").write_text("x\n")
    subprocess.run(["git", "-C", str(workspace.cwd), "add", "-A"], check=True)

    assert is_judged(command, workspace) != "read_only"


@pytest.mark.parametrize("command", ["git ls-files | xargs wc", "rg --files | xargs head", "ls | xargs wc"])
def test_a_listed_name_that_is_an_option_is_no_name(workspace, command):
    (workspace.cwd / "--files0-from=a").write_text("/etc/passwd\0")
    subprocess.run(["git", "-C", str(workspace.cwd), "add", "-A"], check=True)

    assert is_judged(command, workspace) != "read_only"


def test_a_name_in_the_index_alone_is_looked_at_too(workspace):
    odd = workspace.cwd / "x " / "etc"
    odd.mkdir(parents=True)
    (odd / "passwd").write_text("x\n")
    subprocess.run(["git", "-C", str(workspace.cwd), "add", "-A"], check=True)
    (odd / "passwd").unlink()
    odd.rmdir()
    odd.parent.rmdir()

    assert is_judged("git ls-files | xargs cat", workspace) != "read_only"
    assert is_judged("git ls-files -z | xargs -0 cat", workspace) == "read_only"


@pytest.mark.parametrize(
    "command",
    [
        "cat $(git ls-files --format=/etc/passwd a)",
        "cat $(git ls-files -s)",
        "cat $(git ls-files -z)",
        "git ls-files -z | xargs cat",
        "git ls-files | xargs -0 cat",
        "git ls-files | xargs -d s cat",
        "find . -maxdepth 0 -printf '/etc/passwd\\n' | xargs cat",
        "find . -exec cat {} + | xargs cat",
        "find . -ls | xargs cat",
        "cat $(find . -print0)",
        "find . 2>&1 | xargs cat",
        "rg --files |& xargs cat",
        'find . | while IFS=. read x f; do cat "$f"; done',
        'find . | while IFS=/ read -r f; do cat "$f"; done',
        'find . | while read -r -n 3 f; do cat "$f"; done',
        'find . | while read -r -d / f; do cat "$f"; done',
        'find . | while read -r x f; do cat "$f"; done',
        "git log --name-only --format=/etc/passwd | xargs cat",
        "git diff --name-only HEAD~1 | xargs cat",
        "git grep -l x HEAD~1 | xargs cat",
        "grep -l x --label=/etc/passwd - < b | xargs cat",
        "ls -l | xargs cat",
        "ls -R | xargs cat",
        "git ls-files | cat a | xargs cat",
        "git ls-files | cat - a | xargs cat",
        "git ls-files | tail -c 12 | xargs cat",
        "git ls-files | grep -o 'etc.*' | xargs cat",
        "git ls-files | grep -A1 --group-separator=$x m | xargs cat",
        "git ls-files | sort a - | xargs cat",
        "cat pre$(git ls-files)",
        "cat $(rg --files ..)",
        "rg --files .. | wc -l",
        "rg --type-list /etc",
    ],
)
def test_what_is_no_plain_listing_gives_no_names(workspace, command):
    assert is_judged(command, workspace) != "read_only"


@pytest.mark.parametrize("operator", ["-e", "-f", "-r", "-s", "-L"])
@pytest.mark.parametrize("path", ["/etc/shadow", "../x", "~/.ssh/id_rsa", "$(cat a)", '"$x"'])
@pytest.mark.parametrize("form", ["[[ {} {} ]]", "[ {} {} ]", "test {} {}", "[[ a == b && ! {} {} ]]"])
def test_a_test_of_a_file_outside_reads_it(workspace, operator, path, form):
    assert is_judged(form.format(operator, path), workspace) != "read_only"


@pytest.mark.parametrize("operator", ["-nt", "-ot", "-ef"])
def test_a_comparison_of_files_reads_both(workspace, operator):
    assert is_judged(f"[[ a {operator} b ]]", workspace) == "read_only"
    assert is_judged(f"[[ a {operator} /etc/shadow ]]", workspace) != "read_only"
    assert is_judged(f"[[ /etc/shadow {operator} a ]]", workspace) != "read_only"
    assert is_judged(f"[ ../x {operator} a ]", workspace) != "read_only"


@pytest.mark.parametrize("command", ["case a in /etc/*) ls;; esac", "[[ a == /etc/* ]]", "case a in ../*) ls;; esac"])
def test_a_pattern_that_is_compared_with_text_lists_nothing(workspace, command):
    assert is_judged(command, workspace) == "read_only"


@pytest.mark.parametrize("glob", ["../*", "/etc/*", "~/.s*", "src/../../*", "*/../../*"])
@pytest.mark.parametrize(
    "command",
    [
        "echo {}",
        "true {}",
        "df {}",
        "cal {}",
        "printf '%s\\n' {}",
        "for x in {}; do echo hi; done",
        "x=({}); ls",
        "return {}",
        "basename {}",
        "seq {}",
        "which {}",
    ],
)
def test_a_pattern_lists_its_directory_wherever_it_stands(workspace, glob, command):
    assert is_judged(command.format(glob), workspace) != "read_only"


@pytest.mark.parametrize("program", ["md5sum", "sha256sum", "b2sum", "cksum", "shasum"])
@pytest.mark.parametrize("option", ["-c", "--check", "--che"])
def test_a_list_of_checksums_reads_what_it_names(workspace, program, option):
    (workspace.cwd / "inside").write_text(f"{'0' * 64}  src/m.py\n")
    (workspace.cwd / "outside").write_text(f"{'0' * 64}  src/m.py\nSHA256 (/etc/shadow) = {'0' * 64}\n")
    (workspace.cwd / "escaped").write_text(f"\\{'0' * 64}  src/m.py\\n../x\n")

    assert is_judged(f"{program} {option} inside", workspace) == "read_only"
    for command in (
        f"{option} outside",
        f"{option} escaped",
        f"{option} < inside",
        f"{option} no-such",
        f'{option} "$x"',
    ):
        assert is_judged(f"{program} {command}", workspace) != "read_only"


@pytest.mark.parametrize(
    "value", ["/etc/passwd", ":/etc/passwd", "../x", "a/../../x", "$x", '"$(cat a)"', "~/x", "./x"]
)
@pytest.mark.parametrize("name", ["TZ", "LC_ALL", "LANG", "LANGUAGE"])
@pytest.mark.parametrize("form", ["{}={} date", "env {}={} date", "export {}={}; date"])
def test_a_variable_by_which_the_c_library_opens_a_file_is_asked_about(workspace, name, value, form):
    assert is_judged(form.format(name, value), workspace) != "read_only"
    assert is_judged(f"read {name} < a; date", workspace) != "read_only"


@pytest.mark.parametrize(
    "setting", ["TZ=Europe/Berlin", "TZ=UTC", "TZ=", "LC_ALL=C", "LANG=en_US.UTF-8", "LC_ALL=de_DE@euro"]
)
def test_a_time_zone_and_a_language_are_not_asked_about(workspace, setting):
    assert is_judged(f"{setting} date", workspace) == "read_only"


@pytest.mark.parametrize(
    "command", ["git log -O/etc/passwd -p", "git diff -O ../x", "git log --format=%G?", 'git show --pretty="%h %GK"']
)
def test_git_options_that_read_elsewhere_or_run_something_ask(workspace, command):
    assert is_judged(command, workspace) != "read_only"


@pytest.mark.parametrize(
    "command",
    [
        "x=b; eval x=../o; cat $x",
        "x=b; command eval x=../o; cat $x",
        "cd src && eval 'cd ..' && cat ../o",
        "cd src && f() { eval cd ..; } && f && cat ../o",
        "x=b && eval 'read x < a' && cat $x",
        'x=(b); : ${x[5]:=../o}; cat "${x[@]}"',
        'x=("" b); : ${x:=../o}; cat "${x[@]}"',
        'x=(b b); for x in ../o; do :; done; cat "${x[@]}"',
        'x=(b); for i in 1 2; do cat "${x[@]}"; read x < a; done',
        "_=b; : ../o; cat $_",
        '_=b; : ../o; cat "$_"',
        'f() { head -n "$@"; }; f 1 ../o',
        "ls -a | xargs cat",
        "x=$(ls -a); cat $x",
        'ls -a | while read x; do cat "$x"; done',
        "dir --all | xargs cat",
    ],
)
def test_a_value_that_changes_unseen_is_not_known(workspace, command):
    assert is_judged(command, workspace) != "read_only"


def test_eval_of_a_reading_command_is_not_asked_about(workspace):
    assert is_judged("eval 'cat a' | head", workspace) == "read_only"


@pytest.mark.parametrize(
    "command", ["fd | xargs grep", "grep *", "rg --files | xargs chrt -o 0 grep", "grep $(git ls-files)"]
)
def test_names_after_the_first_are_files_where_the_first_is_a_pattern(workspace, command):
    assert is_judged(command, workspace) == "read_only"
    (workspace.cwd / "link").symlink_to("/etc/passwd")
    subprocess.run(["git", "-C", str(workspace.cwd), "add", "-A"], check=True)

    assert is_judged(command, workspace) != "read_only"


@pytest.mark.parametrize("listing", ["git rev-list HEAD -n 3", "git log --format=%h -3", "git log --pretty=%H"])
@pytest.mark.parametrize(
    "form",
    [
        "for c in $({}); do git show --stat $c; done",
        'for c in $({}); do git show --stat "$c"; done',
        "git show $({})",
        '{} | while read -r c; do git show "$c"; done',
        "{} | xargs -n1 git show --stat",
        'c=$({}); git show "$c"',
    ],
)
def test_ids_of_commits_are_no_options(workspace, form, listing):
    assert is_judged(form.format(listing), workspace) == "read_only"


@pytest.mark.parametrize(
    "command",
    [
        "git log --format=%h -p | xargs git show",
        "git log --format=%s | xargs git show",
        "git log --format='%h %s' -3 | xargs git show",
        "git rev-list --objects HEAD | xargs git show",
        "git rev-list --format=%s HEAD | xargs git show",
        "git rev-parse $x | xargs git show",
        "cat $(git rev-list HEAD)",
        "c=$(git merge-base a b); echo $((c))",
        "c=$(git merge-base a b); cat x$c",
        "c=$(git merge-base a b); head -n $c b",
        "git merge-base a b | sed s/a/-/ | xargs git show",
        "$(git rev-list HEAD)",
    ],
)
def test_what_is_more_than_ids_of_commits_is_not_known(workspace, command):
    assert is_judged(command, workspace) != "read_only"


@pytest.mark.parametrize(
    "options", ["-Lo 2 F", "-aLo 1 F", "-Pow x F", "-Io x F", "-L2o F", "-L 2 -o F", "-oL F 2", "-oF"]
)
def test_a_bundle_of_tree_takes_words_of_its_own(workspace, options):
    assert is_judged(f"tree {options}", workspace) != "read_only"


@pytest.mark.parametrize(
    "command",
    ["tree -L 2", "tree -aL 2", "tree -L2", "tree -a -I node_modules", "awk '/^\\[x\\]/{f=1} /^\\[/{f=0} f' b"],
)
def test_usual_forms_of_tree_and_awk_are_not_asked_about(workspace, command):
    assert is_judged(command, workspace) == "read_only"


def test_an_option_that_the_index_alone_names_is_no_name(workspace):
    (workspace.cwd / "--output=F").write_text("x\n")
    subprocess.run(["git", "-C", str(workspace.cwd), "add", "-A"], check=True)
    (workspace.cwd / "--output=F").unlink()

    assert is_judged("git ls-files -z | xargs -0 sort", workspace) != "read_only"
    assert is_judged("git ls-files -dz | xargs -0 wc", workspace) != "read_only"


@pytest.mark.parametrize(
    "command",
    [
        "git diff --name-only 'HEAD^{/on*e}' | xargs wc",
        "git rev-list --pretty HEAD | xargs git show",
        "git log --pretty | xargs git show",
    ],
)
def test_other_commits_and_messages_are_no_names(workspace, command):
    assert is_judged(command, workspace) != "read_only"
