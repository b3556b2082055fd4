from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "src" / "plait"

# Whole modules and packages whose business it is to load late.
LOAD_LATE = {
    "plait.cli": "each subcommand loads what it needs and no more",
    "plait.wiring": "joins the engine once a session is asked for",
    "plait.index.__main__": "an indexer or a worker, each without what only the other needs",
    "plait.agent.model": "loads the SDK of the provider in use",
}
START_UP = "not needed before the first frame, and slow to load"
PLATFORM = "does not exist on every platform"
RARE = "needed on an unusual path only"
LATE_IMPORTS = {
    ("plait.agent.structured", "jsonschema"): START_UP,
    ("plait.config.settings", "platformdirs"): START_UP,
    ("plait.config.sources", "difflib"): RARE,
    ("plait.host.http", "httpcore2"): START_UP,
    ("plait.host.process_tree", "resource"): PLATFORM,
    ("plait.host.sandbox_launcher", "landlockpy"): "an optional package, found where the launcher is told",
    ("plait.index.freshness", "plait.index.frames"): RARE,
    ("plait.index.freshness", "plait.index.words"): RARE,
    ("plait.index.freshness", "plait.index.worker"): RARE,
    ("plait.index.languages", "importlib"): START_UP,
    ("plait.index.parse", "tree_sitter"): RARE,
    ("plait.index.watch", "watchfiles._rust_notify"): START_UP,
    ("plait.protocol.display", "plait.protocol.combining"): START_UP,
    ("plait.protocol.display", "plait.protocol.lookalikes"): START_UP,
    ("plait.search.references", "plait.index.parse"): RARE,
    ("plait.permissions.store", "tomlkit"): RARE,
    ("plait.permissions.store", "tomlkit.exceptions"): RARE,
    ("plait.views.tui.app", "plait.views.tui.palette"): START_UP,
    ("plait.views.tui.app", "plait.views.tui.screens.pages"): START_UP,
    ("plait.views.tui.app", "plait.views.tui.screens.trust"): "only where there is something to ask",
    ("plait.views.tui.keymap", "textual.keys"): START_UP,
    ("plait.views.tui.markdown", "markdown_it"): START_UP,
    ("plait.views.tui.markdown", "pygments.lexers"): START_UP,
    ("plait.views.tui.markdown", "pygments.util"): START_UP,
}


def test_the_import_contracts_hold() -> None:
    lint = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    ran = subprocess.run(
        [sys.executable, "-c", lint], check=False, cwd=REPOSITORY, capture_output=True, text=True, timeout=50
    )

    assert ran.returncode == 0, ran.stdout[ran.stdout.find("Contracts") :] + ran.stderr


def test_imports_inside_functions_are_those_that_have_a_reason() -> None:
    assert {found for found in late_imports() if not loads_late(found[0])} == set(LATE_IMPORTS)


def loads_late(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in LOAD_LATE)


def late_imports() -> Iterator[tuple[str, str]]:
    """Yield (module, imported module) for each import within a function."""
    for path in PACKAGE.rglob("*.py"):
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for function in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for node in ast.walk(function):
                    yield from ((module, name) for name in imported(node))


def imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str() as module):
            return [module]
        case _:
            return []
