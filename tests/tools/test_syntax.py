from pathlib import Path

import pytest

from plait.tools.syntax import new_syntax_findings, syntax_findings

GOOD = {
    "a.py": "match x:\n    case [1, *_]:\n        print(f'{x!r:>{10}}')\n",
    "new.py": "type Pair[T] = tuple[T, T]\ndef first[T](p: Pair[T]) -> T: return p[0]\n",
    "a.js": "export const f = async (a = 1, ...b) => a ?? b?.c;\n",
    "a.jsx": "const A = () => <p className='x'>{1}</p>;\n",
    "a.ts": "export type A<T extends object> = { [K in keyof T]?: T[K] };\nlet x = y satisfies A<Z>;\n",
    "a.tsx": "const A = <T,>(p: { x: T }) => <p>{String(p.x)}</p>;\n",
    "a.go": "package a\n\nfunc F[T any](x T) (T, error) { return x, nil }\n",
    "a.rs": "fn f<'a>(x: &'a str) -> Option<&'a str> { Some(x)?; None }\n",
    "A.java": "record A(int x) { static <T> T id(T t) { return t; } }\n",
    "a.sh": 'for x in a b; do echo "${x%%.*}" > /dev/null; done\n',
    "a.json": '{"a": [1, 2.5e3, null]}',
    "a.toml": "[a]\nb = 1\n",
    "tsconfig.json": '{\n  // comments are custom here\n  "a": 1,\n}',
    "a.unknown": "(((",
    "empty.py": "",
    "bom.py": "\ufeffx = 1\n",
    "blocks.py": "class A:\n    # note\n\n    x = x[\n        1:]\n    def f(self): return lambda: 0\n\nif A: pass\n",
}
BAD = {
    "a.py": ("def f(:\n    pass\n", "a.py:1:"),
    "b.py": ("if x:\n        a\n    b\n", "b.py:3:1: IndentationError: unindent does not match"),
    "c.py": ("if x:\n# note\n\ny = 1\n", "c.py:4:1: IndentationError: expected an indented block"),
    "d.py": ("x = 1\n    y = 2\n", "d.py:2:1:"),
    "a.js": ("function f() { return (1; }\n", "a.js:1:"),
    "a.ts": ("let x: = 1;\n", "a.ts:1:"),
    "a.tsx": ("const A = () => <p>{1}</b;\n", "a.tsx:1:"),
    "a.go": ("package a\nfunc F( { }\n", "a.go:2:"),
    "a.rs": ("fn f( -> i32 { 1 }\n", "a.rs:1:"),
    "A.java": ("class A { void f( }\n", "A.java:1:"),
    "a.sh": ("if true; then echo x\n", "a.sh:2:1: syntax error: `fi` is missing"),
    "a.json": ('{\n  "a": 1,\n}', "a.json:3:1: invalid JSON"),
    "a.toml": ("a = 1\nb = \n", "a.toml:2:5: invalid: Invalid value"),
}


@pytest.mark.parametrize("name", GOOD)
async def test_good_syntax_has_no_findings(name: str) -> None:
    assert await syntax_findings(Path(name), GOOD[name].encode()) == []


@pytest.mark.parametrize("name", BAD)
async def test_bad_syntax_is_found_with_its_place(name: str) -> None:
    text, said = BAD[name]

    findings = await syntax_findings(Path("somewhere") / name, text.encode())

    assert findings
    assert findings[0].startswith(said), findings


async def test_only_what_an_edit_broke_is_new() -> None:
    before, after = b"let a = 1 +;\n", b"// one more\nlet a = 1 +;\nlet b = [1, 2;\n"

    fresh = await new_syntax_findings(Path("a.js"), before, after)

    assert fresh
    assert all(finding.startswith("a.js:3:") for finding in fresh), fresh
    assert await new_syntax_findings(Path("a.js"), before, before) == []
    assert await new_syntax_findings(Path("a.js"), None, before)


@pytest.mark.parametrize(
    "data", [b"(" * 100_000, b"-" * 50_000 + b"1", b"\0\0\0", b"\xff\xfe", b"a." * 100_000, b"[" * 5000]
)
@pytest.mark.parametrize("name", ["a.py", "a.json", "a.js", "a.toml"])
async def test_hostile_content_is_survived(name: str, data: bytes) -> None:
    assert len(await syntax_findings(Path(name), data)) <= 20
