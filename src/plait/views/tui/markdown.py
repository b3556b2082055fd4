"""Markdown to lines of styled text. Pure: no widget, no console.

The parser and the highlighter are imported when the first text comes, not before the first frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from plait.protocol.display import sanitise, sanitise_path
from plait.views.tui.palette import Palette
from plait.views.tui.wrapping import wrap

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MOST_WIDTH = 100
LIST_ITEM = re.compile(r"^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:\s|$)")
# The beginning of a mark that has not come whole.
HALF_ITEM = re.compile(r"^ {0,3}\d{1,9}\Z")
FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,})")


def split_closed(text: str) -> int:
    """Return up to where a growing text is settled: the last block that what follows cannot change any more.

    A block is settled once another begins behind a blank line; a list goes on behind one.
    """
    return _scan(text)[0]


def first_closed(text: str, at_least: int) -> int:
    """Return the first place at or behind `at_least` where the text is settled; 0 if there is none."""
    closed = _scan(text, at_least)[0]
    return closed if closed >= at_least else 0


def open_fence(text: str) -> str:
    """Return the line (with its newline) that opened the fence in which `text` ends; empty if it ends in none."""
    return _scan(text)[1]


def closes(opening: str, text: str) -> bool:
    """Return whether the first line of `text` ends the fence that the line `opening` began."""
    fence, line = FENCE.match(opening), text.partition("\n")[0]
    marker = FENCE.match(line)
    return bool(fence and marker and marker[1].startswith(fence[1]) and not line.strip(" `~"))


def _scan(text: str, enough: int | None = None) -> tuple[int, str]:
    closed = position = 0
    fence = opening = ""
    after_blank = in_list = False
    for line in text.splitlines(keepends=True):
        start, position = position, position + len(line)
        marker = FENCE.match(line)
        if fence:
            if marker and marker[1].startswith(fence) and not line.strip(" `~\n"):
                fence = opening = ""
            continue
        if not line.strip():
            after_blank = line.endswith("\n")
            continue
        item = LIST_ITEM.match(line) is not None
        goes_on = in_list and (item or line[0] in " \t" or HALF_ITEM.match(line) is not None)
        if after_blank and not goes_on:
            closed = start
            if enough is not None and closed >= enough:
                break
        # A list may begin in the midst of a paragraph.
        in_list = item or (in_list and (goes_on or not after_blank))
        after_blank = False
        if marker:
            fence, opening = marker[1], line if line.endswith("\n") else ""
    return closed, opening


def number_at(text: str, place: int, first_number: int | None = None) -> int | None:
    """Return the number with which the item of a list at `place` is shown; None if it is no item of a numbered list.

    first_number: of the list with which the text begins, as in `render`.
    """
    end = text.find("\n", place)
    tokens = _parser().parse(text if end < 0 else text[:end])
    starts = [index for index, token in enumerate(tokens) if token.level == 0 and token.nesting == 1]
    if not starts or tokens[starts[-1]].type != "ordered_list_open":
        return None
    begins_at = _first_number(tokens[starts[-1]]) if starts[-1] or first_number is None else first_number
    return begins_at + sum(token.type == "list_item_open" and token.level == 1 for token in tokens[starts[-1] :]) - 1


def _first_number(token: Token) -> int:
    start = token.attrGet("start")
    return 1 if start is None else int(start)


def render(text: str, width: int, palette: Palette, first_number: int | None = None) -> list[Text]:
    """Return the lines of a Markdown text, at most `width` cells wide (prose at most 100).

    first_number: of the numbered list with which the text begins, if that goes on from somewhere else.
    """
    tokens = _parser().parse(text)
    if first_number is not None and tokens and tokens[0].type == "ordered_list_open":
        tokens[0].attrSet("start", first_number)
    return list(_Renderer(width, palette).blocks(tokens))


def warm_up() -> None:
    """Import what the first answer needs. For a thread: a key must not wait for the tenth of a second it takes."""
    _parser().parse("`x`\n\n| a |\n|---|\n")
    for language in ("python", "py", "bash", "json", "diff", "javascript", "typescript", "go", "rust", "toml", "yaml"):
        lexer = _lexer(language)
        if lexer is not None:
            list(lexer.get_tokens("x = 1\n"))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    # 80 ms that the first frame need not wait for.
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


class _Renderer:
    def __init__(self, width: int, palette: Palette) -> None:
        self.width = max(8, width)
        self.palette = palette

    def blocks(self, tokens: Sequence[Token], indent: int = 0) -> Iterator[Text]:
        """Yield the lines of a run of block tokens, a blank line between blocks."""
        index = 0
        first = True
        while index < len(tokens):
            token = tokens[index]
            end = _closing(tokens, index)
            inner = tokens[index + 1 : end]
            if not first and token.type not in ("list_item_open",):
                yield Text("")
            first = False
            yield from self._block(token, inner, indent)
            index = end + 1

    def _block(self, token: Token, inner: Sequence[Token], indent: int) -> Iterator[Text]:
        palette = self.palette
        room = min(self.width, MOST_WIDTH) - indent
        match token.type:
            case "heading_open":
                style = palette.you if token.tag in ("h1", "h2") else palette.strong
                yield from self._indented(wrap(self._inline(inner[0], style), room), indent)
            case "paragraph_open":
                yield from self._indented(wrap(self._inline(inner[0], palette.text), room), indent)
            case "bullet_list_open" | "ordered_list_open":
                yield from self._list(token, inner, indent)
            case "blockquote_open":
                for line in _Renderer(self.width - 2, palette).blocks(inner):
                    yield Text.assemble((" " * indent + "│ ", palette.faint), line)
            case "fence" | "code_block":
                yield from self._code(token.content, token.info.strip().split(" ")[0], indent)
            case "hr":
                yield Text(" " * indent + "─" * max(3, room), palette.faint)
            case "table_open":
                yield from self._table(inner, indent)
            case _:
                yield from self._indented(wrap(Text(token.content, palette.text), room), indent)

    @staticmethod
    def _indented(lines: Sequence[Text], indent: int) -> Iterator[Text]:
        for line in lines:
            yield Text.assemble(" " * indent, line) if indent else line

    def _list(self, token: Token, inner: Sequence[Token], indent: int) -> Iterator[Text]:
        number = _first_number(token)
        index = 0
        while index < len(inner):
            end = _closing(inner, index)
            mark = f"{number}. " if token.type == "ordered_list_open" else "• "
            deeper = indent + len(mark)
            lines = list(self._item(inner[index + 1 : end], deeper))
            if lines:
                head = lines[0]
                head.plain  # noqa: B018  # makes sure that the spans are joined before they are cut
                yield Text.assemble(" " * indent, (mark, self.palette.dim), head[deeper:])
                yield from lines[1:]
            number += 1
            index = end + 1

    def _item(self, tokens: Sequence[Token], indent: int) -> Iterator[Text]:
        index = 0
        while index < len(tokens):
            end = _closing(tokens, index)
            yield from self._block(tokens[index], tokens[index + 1 : end], indent)
            index = end + 1

    def _code(self, source: str, language: str, indent: int) -> Iterator[Text]:
        room = max(8, self.width - indent - 2)
        for line in highlight(source.rstrip("\n"), language, self.palette):
            for piece in wrap(line, room, hard=True) or [Text("")]:
                padded = Text.assemble(" ", piece, " " * max(0, min(room, MOST_WIDTH) - cell_len(piece.plain) + 1))
                padded.stylize_before(self.palette.code)
                yield Text.assemble(" " * indent, padded) if indent else padded

    def _table(self, inner: Sequence[Token], indent: int) -> Iterator[Text]:
        rows: list[list[Text]] = []
        heads = 0
        for index, token in enumerate(inner):
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "thead_close":
                heads = len(rows)
            elif token.type == "inline" and rows:
                is_head = inner[index - 1].type == "th_open"
                rows[-1].append(self._inline(token, self.palette.strong if is_head else self.palette.text))
        columns = max((len(row) for row in rows), default=0)
        widths = [max((cell_len(row[c].plain) for row in rows if c < len(row)), default=0) for c in range(columns)]
        room = self.width - indent - 2 * max(0, columns - 1)
        while sum(widths) > room and max(widths) > 8:
            widths[widths.index(max(widths))] -= 1
        for number, row in enumerate(rows):
            cells = [wrap(cell, widths[c]) or [Text("")] for c, cell in enumerate(row)]
            for level in range(max((len(cell) for cell in cells), default=0)):
                line = Text(" " * indent)
                for c, cell in enumerate(cells):
                    piece = cell[level] if level < len(cell) else Text("")
                    line.append_text(piece)
                    line.append(" " * (max(0, widths[c] - cell_len(piece.plain)) + 2))
                line.rstrip()
                yield line
            if number + 1 == heads:
                yield Text(" " * indent + "  ".join("─" * width for width in widths), self.palette.faint)

    def _inline(self, token: Token, base: Style) -> Text:
        text = Text(style=base)
        styles: list[Style] = [base]
        hrefs: list[tuple[str, int]] = []
        for child in token.children or ():
            match child.type:
                case "text" | "html_inline":
                    # The parser has decoded `&#x202e;` and `%E2%80%AE` by now: what was safe may not be any more.
                    text.append(sanitise(child.content), styles[-1])
                case "code_inline":
                    text.append(child.content, self.palette.code)
                case "strong_open":
                    styles.append(styles[-1] + Style(bold=True))
                case "em_open":
                    styles.append(styles[-1] + Style(italic=True))
                case "s_open":
                    styles.append(styles[-1] + Style(strike=True))
                case "link_open":
                    href = str(child.attrGet("href") or "")
                    styles.append(self.palette.link if href.startswith(("http://", "https://")) else styles[-1])
                    hrefs.append((href, len(text)))
                case "strong_close" | "em_close" | "s_close":
                    styles.pop()
                case "link_close":
                    styles.pop()
                    href, start = hrefs.pop()
                    # A link's real target is always in sight.
                    if text.plain[start:] != (target := _target(href)):
                        text.append(f" ({target})", self.palette.dim)
                case "image":
                    text.append(sanitise(f"[image: {child.content} ({child.attrGet('src')})]"), self.palette.dim)
                case "softbreak":
                    text.append(" ", styles[-1])
                case "hardbreak":
                    text.append("\n", styles[-1])
                case _:
                    text.append(sanitise(child.content), styles[-1])
        return text


def _target(href: str) -> str:
    """Return where a link leads; what stands before an `@` is no host, however much it looks like one."""
    _, colon, rest = href.partition("://")
    user, at, host = re.split(r"[/?#\\]", rest, maxsplit=1)[0].rpartition("@")
    warning = f", which is at {sanitise_path(host)}" if colon and at and user else ""
    return f"{sanitise_path(href)}{warning}"


def _closing(tokens: Sequence[Token], index: int) -> int:
    """Return the index of the token that closes the one at `index`; itself if it has no closing."""
    if tokens[index].nesting != 1:
        return index
    depth = 0
    for place in range(index, len(tokens)):
        depth += tokens[place].nesting
        if depth == 0:
            return place
    return len(tokens) - 1


# --- code --------------------------------------------------------------------------------------------------------


def highlight(source: str, language: str, palette: Palette) -> list[Text]:
    """Return the lines of a source text, coloured if the language is known."""
    lexer = _lexer(language) if language and len(source) < 100_000 else None
    if lexer is None:
        return [Text(line, palette.text) for line in source.split("\n")]
    lines = [Text(style=palette.text)]
    for kind, value in lexer.get_tokens(source):
        style = _token_style(str(kind), palette)
        for number, piece in enumerate(value.split("\n")):
            if number:
                lines.append(Text(style=palette.text))
            lines[-1].append(piece, style)
    while len(lines) > 1 and not lines[-1].plain and len(lines) > source.count("\n") + 1:
        lines.pop()
    return lines


@lru_cache(maxsize=64)
def _lexer(language: str) -> Any:
    # Found by name when the first block of a language is shown.
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def _token_style(kind: str, palette: Palette) -> Style:
    if kind.startswith("Token.Comment"):
        return palette.dim
    if kind.startswith(("Token.Keyword", "Token.Operator.Word")):
        return palette.write
    if kind.startswith("Token.Literal.String"):
        return palette.ok
    if kind.startswith("Token.Literal.Number"):
        return palette.read
    if kind.startswith(("Token.Name.Function", "Token.Name.Class", "Token.Name.Decorator", "Token.Name.Tag")):
        return palette.read
    return palette.text
