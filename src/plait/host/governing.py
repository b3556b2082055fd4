"""Which names make a program run something that nobody started: on a git command, on entering or opening a directory.

The table of `protected.governs`, by the documentation of the programs. Build files (`Makefile`, `package.json`,
`conftest.py`) are not in it: they are the work itself, and run only when somebody builds or tests. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

Governs = Literal["plait", "git", "tools", "hooks", "environment", "start-up"]

# Names of directories and files, wherever they lie, in lower case.
NAMES: dict[Governs, tuple[str, ...]] = {
    "plait": (".plait",),
    "git": (".git",),
    # Editors, agents, and the containers that editors start.
    "tools": (
        ".vscode", ".idea", ".fleet", ".zed", ".vs", ".run", ".theia", ".helix", ".nova", ".exrc", ".nvimrc",
        ".nvim.lua", ".vimrc", ".gvimrc", ".lvimrc", ".dir-locals.el", ".dir-locals-2.el", ".claude", ".cursor",
        ".codex", ".gemini", ".mcp.json", "mcp.json", ".windsurf", ".continue", ".continuerc.json", ".aider.conf.yml",
        ".opencode", "opencode.json", "opencode.jsonc", ".crush", ".crush.json", "crush.json", ".roo", ".roomodes",
        ".kilocode", ".kilocodemodes", ".kiro", ".amazonq", ".qwen", ".clinerules", ".junie", ".augment", ".trae",
        ".factory", ".goose", ".pi", ".vibe", ".agents", ".copilot", ".devcontainer", ".devcontainer.json", ".gitpod",
        ".gitpod.yml", ".gitpod.dockerfile", ".ona", ".idx", ".replit", ".codesandbox", ".stackblitzrc",
        "devfile.yaml", ".devfile.yaml",
    ),
    # Hooks of git and of its like, and the programs that manage them.
    "hooks": (
        ".husky", ".cargo-husky", ".githooks", ".git-hooks", ".git_hooks", ".lefthook", ".lefthook-local", "prek.toml",
        ".rusty-hook.toml", ".hkrc.pkl", ".hg", ".jj", ".sl",
    ),
    # Read on entering a directory, or by a debugger or a shell of a language that starts in it; and what decides which
    # program stands behind a plain name.
    "environment": (
        ".direnv", ".shadowenv.d", ".mise", ".rtx", "mise-tasks", ".mise-tasks", ".tool-versions", "rust-toolchain",
        "rust-toolchain.toml", ".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", ".pnpmfile.mjs", "pnpmfile.js",
        ".bazelrc", ".bazeliskrc", ".mvn", "sitecustomize.py", "usercustomize.py", ".gdbinit", ".gdbearlyinit",
        ".lldbinit", ".pdbrc", ".pdbrc.py", ".irbrc", ".pryrc", ".iex.exs", ".ghci", ".rprofile", ".renviron",
        ".octaverc", ".perldb", "cmakeuserpresets.json", "local.mk",
    ),
}  # fmt: skip
KINDS: dict[str, Governs] = {name: kind for kind, names in NAMES.items() for name in names}
# Names of which there are several forms. Personal additions to a build are in no diff that anybody reads.
FORMS: dict[Governs, str] = {
    "tools": r".+\.(?:code-workspace|sublime-project)",
    "hooks": (
        r"\.?lefthook(?:-local)?\.(?:ya?ml|toml|jsonc?)|\.?pre-commit-(?:config|hooks)\.ya?ml"
        r"|\.(?:local-)?overcommit\.ya?ml|\.?simple-git-hooks\.(?:[cm]?js|json)|\.huskyrc(?:\..+)?"
        r"|husky\.config\.[cm]?js|\.lintstagedrc(?:\..+)?|lint-staged\.config\.[cm]?[jt]s"
        r"|\.?nano-staged\.(?:json|[cm]?js)|hk(?:\.local)?\.pkl|captainhook(?:\.config)?\.json"
        r"|grumphp(?:\.dist)?\.ya?ml(?:\.dist)?|\.?git-?hooks\.(?:ya?ml|toml|json)"
    ),
    "environment": (
        r"\.envrc(?!\.(?:example|sample|template|dist)\Z)(?:\..+)?|\.autoenv(?:[._].+)?"
        r"|\.?(?:mise|miserc|rtx)(?:\.[^.]+)*\.toml|\.?pkgx\.ya?ml|(?:gnu)?makefile\.(?:local|user)(?:\..+)?"
        r"|.+[.-]local\.mk|.+\.mk\.local|(?:docker-)?compose\.override\.ya?ml|.+proj\.user"
    ),
}
# The forms that a program looks for of itself.
PLAIN_FORMS = (
    *(f"{dot}lefthook{local}.{end}" for dot in ("", ".") for local in ("", "-local")
      for end in ("yml", "yaml", "toml", "json", "jsonc")),
    *(f"{dot}simple-git-hooks.{end}" for dot in ("", ".") for end in ("cjs", "js", "mjs", "json")),
    ".pre-commit-config.yaml", ".pre-commit-hooks.yaml", ".overcommit.yml", ".local-overcommit.yml", ".huskyrc",
    ".huskyrc.json", ".huskyrc.js", "husky.config.js", ".lintstagedrc", ".lintstagedrc.json", "lint-staged.config.js",
    "hk.pkl", "hk.local.pkl", "captainhook.json", "grumphp.yml", "grumphp.yaml", ".envrc", ".autoenv", ".autoenv.zsh",
    "mise.toml", ".mise.toml", "mise.local.toml", ".mise.local.toml", ".rtx.toml", ".pkgx.yaml", "makefile.local",
    "gnumakefile.local", "compose.override.yml", "compose.override.yaml", "docker-compose.override.yml",
    "docker-compose.override.yaml",
)  # fmt: skip
# Two names, the second directly in the first.
PAIRS: dict[Governs, str] = {
    "tools": r"\.github/(?:hooks|copilot)",
    "environment": (
        r"\.cargo/config(?:\.toml)?|\.yarn/(?:releases|plugins)|\.bundle/config|tools/bazel|\.config/mise"
        r"|mise/(?:config(?:\..+)?\.toml|conf\.d|tasks)"
    ),
}
# Their first names.
PAIR_FOLDERS = (".github", ".cargo", ".yarn", ".bundle", "tools", ".config", "mise")
# Programs that were installed into the workspace. Installers write there all the time, so a sandbox leaves them open.
INSTALLED = r"node_modules/\.bin|\.?v?env/(?:bin|scripts)|site-packages/.+\.pth"


_FORMS = {kind: re.compile(form) for kind, form in FORMS.items()}
_PAIRS = {kind: re.compile(pair) for kind, pair in PAIRS.items()}
_INSTALLED = re.compile(INSTALLED)


def kind_of_name(name: str) -> Governs | None:
    """Say what a file or directory decides by its own name, folded to lower case, or None."""
    if (kind := KINDS.get(name)) is not None:
        return kind
    return next((kind for kind, form in _FORMS.items() if form.fullmatch(name)), None)


def kind_of(parts: Sequence[str]) -> Governs | None:
    """Say what a path decides by the names in it, folded to lower case, or None. Plait's and git's own come first."""
    kinds = [kind for before, part in zip(("", *parts), parts, strict=False) if (kind := _kind(before, part))]
    return next((kind for kind in kinds if kind in ("plait", "git")), kinds[0] if kinds else None)


@lru_cache(maxsize=4096)
def _kind(before: str, part: str) -> Governs | None:
    return kind_of_entry(before, part) or ("environment" if _INSTALLED.fullmatch(f"{before}/{part}") else None)


def kind_of_entry(folder: str, name: str) -> Governs | None:
    """The same for a name in a directory of another name, both folded; what was installed does not count."""
    pair = f"{folder}/{name}"
    return kind_of_name(name) or next((kind for kind, form in _PAIRS.items() if form.fullmatch(pair)), None)
