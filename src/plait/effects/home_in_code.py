"""Whether code in another language removes or overwrites what lies in the home directory, by a name for it.

Only the plain forms are looked for: code asks in any case.
"""

from __future__ import annotations

import re

HOME = re.compile(
    r"""homedir\(\)|\buserInfo\(\)\.homedir|\bPath\.home\(\)|\bDir\.home\b|\bhome_dir\(\)|user_home!?\(?
    |expanduser\(\s*(?:[rfbu]?["']~|)|\.expanduser\(\)|expand(?:_path|vars)\(\s*["'](?:~|/)|path_expand\(\s*["']~
    |environ(?:\.get)?\s*[\[(]\s*["'](?:HOME|USERPROFILE)["']
    |getenv\(\s*["'](?:HOME|USERPROFILE)["']|get_env!?\(\s*["']HOME["']
    |process\.env(?:\.(?:HOME|USERPROFILE)\b|\[\s*["'`](?:HOME|USERPROFILE)["'`])
    |env\.get\(\s*["']HOME["']|Bun\.env\.HOME\b|import\.meta\.env\.HOME\b
    |\bENV(?:\.fetch)?\s*[\[(]\s*["']HOME["']|\$ENV\{\s*["']?HOME["']?\s*\}
    |\$_(?:SERVER|ENV)\[\s*["']HOME["']|\$env:(?:HOME|USERPROFILE)\b|\$HOME\b|["'`(\s]~/
    |\bglob\(?\s*["'(]~|<~/""",
    re.IGNORECASE | re.VERBOSE,
)
REMOVES = re.compile(
    r"""\b(?:rmtree|remove_tree|rmSync|rmdirSync|unlinkSync|removeSync|rimraf(?:\.sync)?|emptyDirSync|emptyDir
    |rm_rf|rm_r|rm_f|remove_entry(?:_secure)?|remove_dir|remove_file|removedirs|send2trash|deltree|rmdir|unlink)\b
    |\b(?:os|fs|shutil|FileUtils|Deno|fsp|promises|File|Dir|fsPromises)\.(?:remove|removeSync|rm|delete|safe_unlink)\b
    |\bfile\.remove\b|\bRemove-Item\b|\bFile\.rm(?:_rf)?\b|\.rmtree\b|\brm\(|["'`]rm["'`]|\brm\s+-\w|\bdel\s+["$]|\bri\s+-r""",
    re.IGNORECASE | re.VERBOSE,
)
OVERWRITES = re.compile(
    r"""writeFileSync\(|writeFile\(|truncateSync\(|\btruncate\b|\bwrite_text\(|\bwrite_bytes\(|File\.write\b
    |\bIO\.write\b|file_put_contents\(|Set-Content|Clear-Content|Out-File|createWriteStream\(|writeTextFile
    |\bopen\b[^;\n]*,\s*(?:mode\s*=\s*)?["'](?:w|wb|wt|w\+|x|>|\+>)["']|\.open\(\s*["']w|\bopen\b[^;\n]*["']>[^>]
    |shutil\.(?:copy\w*|move)\(|os\.(?:rename|replace)\(|renameSync\(|copyFileSync\(""",
    re.IGNORECASE | re.VERBOSE,
)
# A removal by a path that stands in the code.
REMOVED_PATH = re.compile(
    r"""(?:\b(?:rmtree|rmSync|rm_rf|rm_r|rm_f|rmdirSync|remove_tree|unlinkSync|removeSync|removedirs|unlink|rmdir
    |remove_dir|remove_entry_secure|rimraf|rimraf\.sync)
    |\b(?:os|fs|shutil|FileUtils|Deno|File|Dir)\.(?:remove|removeSync|rm|delete|rmdir)|\bRemove-Item(?:\s+-\w+)*)
    [\s(]*(?:os\.path\.expanduser\(\s*)?\[?[rfbu]?["'`]([^"'`\n]+)["'`]
    |\bPath\(\s*["']([^"'\n]+)["']\s*\)(?:\.expanduser\(\))?\.(?:unlink|rmdir)\(""",
    re.VERBOSE,
)


def home_danger(code: str) -> str | None:
    """Return what the code does to the home directory, as words for a reason, or None."""
    if HOME.search(code) is None:
        return None
    if REMOVES.search(code) is not None:
        return "removes what lies in the home directory"
    # Reading from there, and writing elsewhere, may stand in one program, but seldom in one statement.
    for statement in re.split(r"[;\n]", code):
        if HOME.search(statement) is not None and OVERWRITES.search(statement) is not None:
            return "overwrites what lies in the home directory"
    return None


def removed_paths(code: str) -> list[str]:
    """Every path that stands in a call which removes it."""
    return [found[1] or found[2] for found in REMOVED_PATH.finditer(code)]
