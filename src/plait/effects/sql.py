"""Whether a text of SQL only reads: SELECT, EXPLAIN and their like, with functions that have no effects. Pure.

Words are looked at, not a grammar: a statement passes only if it begins with a word of reading and holds none that
writes, and only functions that are known to compute are let through.
"""

from __future__ import annotations

import re

STRINGS = re.compile(
    r"""--(?=\s)[^\n]*|/\*(?![!+]).*?\*/|'(?:[^'\\]|'')*'|"(?:[^"\\]|"")*"|`[^`]*`|\[[\w ]+\](?=[\s.,);]|$)""",
    re.DOTALL,
)
READING = re.compile(r"(select|values|with|explain|show|describe|desc|table|pragma)\b", re.IGNORECASE)
WRITING = re.compile(
    r"\b(insert|update|delete|drop|create|alter|attach|detach|merge|truncate|grant|revoke|copy|call|do|execute|prepare|"
    r"into|lock|vacuum|reindex|analyze|analyse|set|begin|commit|rollback|savepoint|release|load|import|handler|use|"
    r"outfile|dumpfile|listen|notify|unlisten|discard|reset|refresh|cluster|comment|security|declare|fetch|move|close|"
    r"rename|kill|share|fsdir|zipfile|flush|purge|install|uninstall|shutdown|restart|change|stop|start|cache|optimize|repair|xa)\b",
    re.IGNORECASE,
)
REPLACING = re.compile(r"\breplace\b(?!\s*\()", re.IGNORECASE)
CALLED = re.compile(r"([\w.]+)\s*\(")
COMPUTING = frozenset(
    """
    count sum avg min max total group_concat string_agg array_agg json_agg jsonb_agg json_group_array
    json_group_object json_object json_array json_extract json_array_length json_each json_tree json_type
    jsonb_each json_build_object jsonb_build_object row_to_json to_json to_jsonb coalesce ifnull nullif iif if
    cast convert abs round ceil ceiling floor trunc mod power sqrt sign greatest least exp ln log log10 lower
    upper length char_length octet_length trim ltrim rtrim substr substring left right replace instr position
    concat concat_ws split_part lpad rpad reverse repeat initcap hex quote typeof printf format unicode char
    ascii regexp_replace regexp_matches regexp_match like glob md5 sha256 encode date time datetime julianday
    strftime unixepoch now current_date current_timestamp date_trunc date_part extract age to_char to_date
    to_timestamp interval date_format from_unixtime unix_timestamp datediff date_add date_sub year month day
    hour minute second week curdate row_number rank dense_rank lag lead first_value last_value ntile
    percentile_cont percentile_disc over filter in exists any all some values array row unnest generate_series
    as and or not on using when then else between by from where select with union distinct having limit offset
    recursive partition order join lateral within case version current_database current_schema current_user user
    database schema pg_size_pretty pg_total_relation_size pg_relation_size pg_table_size pg_database_size
    pg_get_viewdef pg_get_indexdef pg_get_constraintdef obj_description format_type to_regclass random
    randomblob zeroblob last_insert_rowid changes total_changes sqlite_version varchar numeric decimal integer
    int bigint text float double real timestamp timestamptz pragma_table_info
""".split()  # noqa: SIM905 - a list of words reads better so
)
# Of these only the form without a value, or with a table's name in parentheses, reads.
PRAGMAS = re.compile(
    r"pragma\s+(?:(?:table_info|table_xinfo|table_list|index_list|index_info|index_xinfo|foreign_key_list|"
    r"foreign_key_check|integrity_check|quick_check)(?:\s*\(\s*[\w'\"]*\s*\))?|database_list|collation_list|"
    r"compile_options|user_version|schema_version|page_count|page_size|encoding|freelist_count|function_list)\s*",
    re.IGNORECASE,
)


def only_reads(text: str, *, functions_may_act: bool = True) -> bool:
    """True if every statement only reads. functions_may_act: those not known to compute may do anything."""
    if "\\" in text or "\0" in text:
        return False
    bare = STRINGS.sub(lambda found: " " if found[0].startswith(("--", "/*")) else "''", text)
    # What one kind of server takes for a comment or a quote, and another does not; a quoted name of a function.
    if set(bare.replace("''", "")) & set("'\"`#$") or "--" in bare or "/*" in bare or re.search(r"''\s*\(", bare):
        return False
    statements = [statement.strip() for statement in bare.split(";") if statement.strip()]
    return bool(statements) and all(
        _statement_reads(statement, functions_may_act=functions_may_act) for statement in statements
    )


def _statement_reads(statement: str, *, functions_may_act: bool) -> bool:
    first = READING.match(statement)
    if first is None:
        return False
    if first[1].lower() == "pragma":
        return PRAGMAS.fullmatch(statement) is not None
    if WRITING.search(statement) or REPLACING.search(statement):
        return False
    called = {found[1].lower().rpartition(".")[2] for found in CALLED.finditer(statement)}
    if any("." in found[1] for found in CALLED.finditer(statement)) and functions_may_act:
        return False
    return called <= COMPUTING
