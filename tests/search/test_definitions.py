from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from plait.search.definitions import definition_in, opened, patterns
from plait.search.languages import EXTENSIONS

DEFINING = [
    ("a.py", "async def fetch(url):", "fetch", "function"),
    ("a.py", "    def close(self) -> None:", "close", "method"),
    ("a.py", "class Cart(Base):", "Cart", "class"),
    ("a.py", "MAX_SIZE: int = 3", "MAX_SIZE", "constant"),
    ("a.js", "export default async function main() {", "main", "function"),
    ("a.js", "const parse = async (text) => {", "parse", "function"),
    ("a.js", "Foo.prototype.bar = function () {", "bar", "method"),
    ("a.ts", "  private async load<T>(id: string): Promise<T> {", "load", "method"),
    ("a.ts", "export interface Options {", "Options", "interface"),
    ("a.ts", "export type Id = string | number;", "Id", "type"),
    ("a.tsx", "export const Button: FC<Props> = ({ label }) => (", "Button", "function"),
    ("a.go", "func (s *Server[T]) Close() error {", "Close", "method"),
    ("a.go", "func Map[K comparable, V any](m map[K]V) {", "Map", "function"),
    ("a.go", "type Handler interface {", "Handler", "interface"),
    ("a.rs", "pub(crate) async unsafe fn spawn<F>(f: F) {", "spawn", "function"),
    ("a.rs", "pub enum Error {", "Error", "enum"),
    ("a.rs", "macro_rules! ready {", "ready", "macro"),
    ("a.rs", "pub const MAX: usize = 3;", "MAX", "constant"),
    ("A.java", "  public static <T> List<T> of(T first, T... rest) {", "of", "method"),
    ("A.java", "public final class Cart<T> extends Base {", "Cart", "class"),
    ("A.java", "  public Cart(int size) {", "Cart", "method"),
    ("a.kt", "internal suspend fun String.shout(): String =", "shout", "function"),
    ("a.kt", "data class Point(val x: Int)", "Point", "class"),
    ("a.swift", "public protocol Shape: AnyObject {", "Shape", "interface"),
    ("a.swift", "    override func draw(_ rect: CGRect) {", "draw", "method"),
    ("a.cs", "    public async Task<int> RunAsync(string name)", "RunAsync", "method"),
    ("a.cs", "public record Person(string Name);", "Person", "struct"),
    ("a.scala", "case class Order(id: Int)", "Order", "class"),
    ("a.c", "static int read_all(int fd, char *buffer)", "read_all", "function"),
    ("a.c", "#define MIN(a, b) ((a) < (b) ? (a) : (b))", "MIN", "macro"),
    ("a.c", "struct buffer {", "buffer", "struct"),
    ("a.c", "typedef struct buffer buffer_t;", "buffer_t", "type"),
    ("a.cpp", "void Cart<T>::add(const Price& price) {", "add", "method"),
    ("a.hpp", "class EXPORT Widget final : public Base {", "Widget", "class"),
    ("a.rb", "  def self.build(attributes)", "build", "method"),
    ("a.php", "    public static function make(array $a): self", "make", "method"),
    ("a.sh", "install_all() {", "install_all", "function"),
    ("a.lua", "function Account:deposit(v)", "deposit", "function"),
    ("a.ex", "  defp parse(text) do", "parse", "function"),
    ("a.hs", "lookupEnv :: String -> IO (Maybe String)", "lookupEnv", "function"),
    ("a.ml", "let rec fold f acc = function", "fold", "function"),
    ("a.pl", "sub process {", "process", "function"),
    ("a.ps1", "function Get-Thing {", "Get-Thing", "function"),
    ("a.sql", "CREATE TABLE IF NOT EXISTS orders (", "orders", "type"),
    ("a.proto", "message Order {", "Order", "struct"),
    ("a.zig", "pub fn main() void {", "main", "function"),
]
NOT_DEFINING = [
    ("a.py", "    return close(self)"),
    ("a.py", "# class Cart"),
    ("a.py", "if cart == 3:"),
    ("a.js", "    if (cart) {"),
    ("a.js", "  for (const cart of carts) {"),
    ("a.ts", "    } catch (error) {"),
    ("a.go", "\tdefer func() {"),
    ("a.go", "\treturn func(x int) {"),
    ("a.go", "// type Cart is"),
    ("A.java", "    return new Cart(3);"),
    ("A.java", "        } else if (cart) {"),
    ("a.c", "    return read_all(fd, buffer);"),
    ("a.c", "  while (read_all(fd, buffer)) {"),
    ("a.rs", "    let x = spawn(f);"),
    ("a.md", "class Cart:"),
    ("a", "def cart():"),
]


@pytest.mark.parametrize(("path", "line", "name", "kind"), DEFINING)
def test_a_line_that_defines_says_what(path: str, line: str, name: str, kind: str) -> None:
    found = definition_in(line, path)

    assert found is not None
    assert (found.name, found.kind, found.weak) == (name, kind, False)


@pytest.mark.parametrize(("path", "line"), NOT_DEFINING)
def test_a_line_that_only_looks_like_it_defines_nothing_for_sure(path: str, line: str) -> None:
    found = definition_in(line, path)

    assert found is None or found.weak


@pytest.mark.parametrize(("path", "line", "name", "kind"), DEFINING)
def test_the_narrow_look_for_a_common_name_lets_every_definition_pass(
    path: str, line: str, name: str, kind: str
) -> None:
    if "-" not in name:
        assert any(re.search(pattern, line, re.IGNORECASE) for pattern in patterns(name)), line


def test_an_owner_that_a_line_names_is_told() -> None:
    assert [
        found.owner
        for line, path in (
            ("func (s *Server) Close() {", "a.go"),
            ("int Cart::total() const {", "a.cc"),
            ("function Account:deposit(v)", "a.lua"),
        )
        if (found := definition_in(line, path))
    ] == ["Server", "Cart", "Account"]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("class Cart(Base):", "Cart"),
        ("impl<T: Send> Future for Join<T> {", "Join"),
        ("impl Builder {", "Builder"),
        ("export abstract class Base<T> extends Other {", "Base"),
        ("pub trait Read {", "Read"),
        ("    async def inner():", "inner"),
        ("struct forward;", None),
        ("// class Cart", None),
        ("x = class_of(y)", None),
    ],
)
def test_a_line_that_opens_a_body_says_whose(line: str, name: str | None) -> None:
    assert opened(line) == name


@given(st.sampled_from(sorted(EXTENSIONS)), st.text(alphabet="ab_ (){}<>:;=,.*&@\"'\t#", max_size=60))
def test_any_line_is_judged_in_any_language(extension: str, line: str) -> None:
    found = definition_in(line, f"a.{extension}")

    assert found is None or found.name in line
    opened(line)
