import tomllib
from importlib.resources import files

from plait.effects.programs import danger_entries, table, versions
from plait.effects.shell import judges
from plait.effects.subcommands import tool, tool_names


def test_the_table_read_entry_by_entry_holds_what_the_whole_file_does() -> None:
    whole = tomllib.loads(files("plait.effects").joinpath("programs.toml").read_text(encoding="utf-8"))
    names = {name for key in whole["programs"] for name in key.split()}
    of_git = {name for key in whole["programs"]["git"]["sub"] for name in key.split()}

    assert set(table()) == names
    assert set(table()["git"].sub) == of_git
    assert set(versions()) == {name for names in whole["versions"].values() for name in names.split()}
    for key, entry in whole["programs"].items():
        for name in key.split() if key != "git" else ():
            assert table()[name].only == (tuple(entry["only"]) if "only" in entry else None), name
            assert table()[name].operands == entry.get("operands", "read"), name
    for key, entry in whole["programs"]["git"]["sub"].items():
        for name in key.split():
            assert table()["git"].sub[name].operands == entry.get("operands", "read"), name


def test_a_program_that_is_not_in_the_table_is_not_found() -> None:
    assert table().get("no-such-program") is None
    assert "no-such-program" not in table()


def test_what_is_dangerous_says_why() -> None:
    assert all(entry["reason"] and entry["programs"].split() for entry in danger_entries())


def test_hundreds_of_programs_are_known_with_their_subcommands() -> None:
    known = {*table(), *judges()}
    subcommands = sum(len(table()[name].sub) for name in table()) + sum(len(tool(name).forms) for name in tool_names())

    assert len(known) >= 400
    assert subcommands >= 400
