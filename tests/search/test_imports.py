from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.search.trees import find, write_tree

from plait.index.import_lines import nearness, parts_of
from plait.search.imports import pattern

IMPORTS = [
    ("a.py", "import yaml", "yaml", 3),
    ("a.py", "from yaml import Node as N, ScalarNode", "yaml", 3),
    ("a.py", "from yaml import Node as N, ScalarNode", "ScalarNode", 2),
    ("a.py", "import os.path, yaml.loader as y", "yaml", 2),
    ("a.py", "from .models import Cart", "models", 3),
    ("a.ts", "import { Server } from './net/server.js'", "net/server", 3),
    ("a.ts", 'import type { Server } from "../net/server"', "server", 2),
    ("a.js", "const fs = require('fs/promises')", "fs/promises", 3),
    ("a.js", "  const lazy = await import('./lazy')", "lazy", 3),
    ("a.js", "export * from '@scope/pkg'", "@scope/pkg", 3),
    ("a.go", '\t"net/http"', "net/http", 3),
    ("a.go", 'import log "example.com/shop/log"', "shop/log", 2),
    ("a.rs", "use std::{io, collections::HashMap};", "std::collections::HashMap", 3),
    ("a.rs", "pub use crate::net as n;", "net", 2),
    ("A.java", "import static java.util.List.of;", "java.util.List", 2),
    ("a.scala", "import a.b.{C, D}", "a.b.D", 3),
    ("a.cs", "using System.Text;", "System.Text", 3),
    ("a.c", '#include "net/socket.h"', "net/socket.h", 3),
    ("a.c", "#include <stdio.h>", "stdio", 3),
    ("a.rb", "require_relative '../lib/cart'", "lib/cart", 3),
    ("a.php", "use App\\Models\\Cart;", "App\\Models\\Cart", 3),
    ("a.hs", "import qualified Data.Map as M", "Data.Map", 3),
    ("a.ex", "alias Shop.Cart", "Shop.Cart", 3),
    ("a.sh", "source ./lib/common.sh", "lib/common.sh", 3),
    ("a.swift", "@testable import Shop", "Shop", 3),
]


@pytest.mark.parametrize(("path", "line", "module", "near"), IMPORTS)
def test_an_import_is_as_near_as_it_names_the_module(path: str, line: str, module: str, near: int) -> None:
    assert nearness(line, path, parts_of(module)) == near


@pytest.mark.parametrize(("path", "line", "module", "near"), IMPORTS)
def test_the_look_for_imports_lets_every_one_pass(path: str, line: str, module: str, near: int) -> None:
    assert re.search(pattern(parts_of(module)), line)


@pytest.mark.parametrize(
    ("path", "line", "module"),
    [
        ("a.py", "import yamlish", "yaml"),
        ("a.py", "# import yaml", "yaml"),
        ("a.ts", "import x from 'react-dom'", "react"),
        ("a.go", 'fmt.Println("net/http")', "net/http"),
        ("a.py", "from a import b", "c"),
    ],
)
def test_what_imports_something_else_is_not_near(path: str, line: str, module: str) -> None:
    assert nearness(line, path, parts_of(module)) == 0


async def test_what_a_file_imports_is_told_by_line(tmp_path: Path) -> None:
    workspace = write_tree(tmp_path)

    found = await find(workspace, "what does server.go import?")

    assert [(hit.path, hit.line, hit.kind) for hit in found.hits[:2]] == [
        ("web/server.go", 4, "import"),
        ("web/server.go", 5, "import"),
    ]
