"""Turn a web page into text that a model reads well: headings, lists, code and links kept, the rest dropped. Pure.

The tokenizer is our own because a page is hostile: it looks at every character a bounded number of times, which
`html.parser` does not. What is not closed at the end of the page is dropped, as the HTML standard has it (13.2.5).
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

SKIPPED = frozenset({"head", "template", "svg", "math", "object", "iframe", "select", "datalist", "dialog"})
# Their content is no markup; it ends at their end tag only.
RAW = frozenset({"script", "style", "noscript", "textarea", "title", "xmp", "noembed", "noframes"})
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "legend",
    "li", "main", "menu", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
})  # fmt: skip
# Blocks that follow each other line by line.
TIGHT = frozenset({"li", "tr", "dt", "dd", "thead", "tbody", "tfoot"})
HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
DEEPEST_INDENT = 8
# A `<main>` with less than this is a page that fills it by script; then the whole page is better.
LEAST_MAIN = 200

# Stands for `<br>`, since line ends of the page are only spaces; the page itself holds no NUL.
LINE_BREAK = "\0"

# Possessive throughout: what fails to match must fail at once.
_TAG = re.compile(r"<([a-zA-Z][^\s/>]*+)((?:[^>\"']|\"[^\"]*\"|'[^']*')*+)>")
_END_NAME = re.compile(r"[^\s/>]*+")
_ATTRIBUTE = re.compile(r"([^\s\"'<>/=]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'=<>`]+)))?")
_HUGE_REFERENCE = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")
_CHARSETS = re.compile(
    r"ascii|utf-(8|16|32)\S*|iso8859\S*|iso2022\S*|cp\d+|koi8\S*|mac\S*|gb\w+|big5\S*|shift_jis\S*|euc\S*|tis-620|johab|hz"
)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([a-zA-Z0-9_.:-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is `text` (unescaped, in `text`), `start` or `end` (the element's name in `text`)."""

    kind: str
    text: str
    attributes: str = ""


def tokens(page: str) -> Iterator[Token]:
    """Yield the tokens of an HTML page, raw text elements as start, text, end."""
    at = 0
    while at < len(page):
        tag = page.find("<", at)
        if tag < 0:
            tag = len(page)
        if tag > at:
            yield Token("text", _unescape(page[at:tag]))
        if tag == len(page):
            return
        following = page[tag + 1 : tag + 2]
        if page.startswith("<!--", tag):
            end = page.find("-->", tag + 4)
            at = end + 3
        elif following in ("!", "?"):
            end = page.find(">", tag)
            at = end + 1
        elif following == "/":
            end = page.find(">", tag)
            at = end + 1
            closed = _END_NAME.match(page, tag + 2)
            if end > 0 and closed is not None:
                yield Token("end", closed[0].lower())
        elif following.isascii() and following.isalpha():
            match = _TAG.match(page, tag)
            if match is None:
                return
            name = match[1].lower()
            yield Token("start", name, match[2])
            end = at = match.end()
            if name in RAW:
                closing = re.compile(rf"</{re.escape(name)}[\s/>]", re.IGNORECASE).search(page, at)
                if closing is None:
                    return
                yield Token("text", _unescape(page[at : closing.start()]))
                end = at = closing.start()
        else:
            yield Token("text", "<")
            end = at = tag + 1
        if end < 0:
            return


def _unescape(text: str) -> str:
    # Python refuses to read numbers of thousands of digits, and no such character exists.
    return html.unescape(_HUGE_REFERENCE.sub("\ufffd", text)) if "&" in text else text


def attribute(token: Token, wanted: str) -> str:
    """Return an attribute's value, empty if it is not there."""
    for match in _ATTRIBUTE.finditer(token.attributes):
        if match[1].lower() == wanted:
            return _unescape(match[2] or match[3] or match[4] or "").strip()
    return ""


@dataclass(slots=True)
class Writer:
    """Lays out text as it comes. Blocks are separated by an empty line, list entries are not."""

    base: str
    title: str = ""
    lines: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    lists: list[int | None] = field(default_factory=list)
    bullet: str = ""
    heading: str = ""
    quotes: int = 0
    pre: int = 0
    skipping: str = ""
    skipped_deep: int = 0
    link: tuple[str, int] | None = None
    main: list[int] = field(default_factory=list)

    def take(self, token: Token) -> None:
        if token.kind == "text":
            if not self.skipping:
                self.inline.append(token.text)
        elif token.kind == "start":
            self._start(token)
        else:
            self._end(token.text)

    def _start(self, token: Token) -> None:
        name = token.text
        if not self.skipping and (name in SKIPPED or name in RAW):
            self.skipping = name
        if self.skipping == "head" and name == "body":
            # `<head>` need not be closed.
            self.skipping, self.skipped_deep = "", 0
        if self.skipping:
            self.skipped_deep += name == self.skipping
            return
        if name in BLOCKS:
            self._break(gap=name not in TIGHT and not self.lists)
        match name:
            case "br":
                self.inline.append(LINE_BREAK)
            case "hr":
                self.lines += ["---", ""]
            case "pre":
                self.pre += 1
                self.inline.clear()
            case "code" | "kbd" | "samp" if not self.pre:
                self.inline.append("`")
            case "ul" | "menu":
                self.lists.append(None)
            case "ol":
                self.lists.append(0)
            case "li":
                self._begin_entry()
            case "td" | "th":
                if any(piece.strip() for piece in self.inline):
                    self.inline.append(" | ")
            case "blockquote":
                self.quotes += 1
            case "a":
                self.link = (attribute(token, "href"), len(self.inline))
            case "img":
                alt = attribute(token, "alt")
                self.inline.append(f"[image: {alt}]" if alt else "")
            case "main" | "article" if not self.main:
                self.main.append(len(self.lines))
            case _:
                self.heading = HEADINGS.get(name, self.heading)

    def _begin_entry(self) -> None:
        indent = "  " * min(max(len(self.lists) - 1, 0), DEEPEST_INDENT)
        number = self.lists[-1] if self.lists else None
        if number is None:
            self.bullet = f"{indent}- "
        else:
            self.lists[-1] = number + 1
            self.bullet = f"{indent}{number + 1}. "

    def _end(self, name: str) -> None:
        if self.skipping:
            self.skipped_deep -= name == self.skipping
            if not self.skipped_deep:
                self.skipping = ""
            return
        match name:
            case "pre" if self.pre:
                self._end_pre()
                return
            case "code" | "kbd" | "samp" if not self.pre:
                self.inline.append("`")
            case "a":
                self._end_link()
        if name not in BLOCKS:
            return
        if name in ("ul", "ol", "menu"):
            self.lists[-1:] = []
        self._break(gap=name not in TIGHT and not self.lists)
        if name == "li" or not self.lists:
            self.bullet = ""
        match name:
            case "blockquote":
                self.quotes = max(self.quotes - 1, 0)
            case "main" | "article" if len(self.main) == 1:
                self.main.append(len(self.lines))
        self.heading = "" if name in HEADINGS else self.heading

    def _end_link(self) -> None:
        if self.link is None:
            return
        (href, begun), self.link = self.link, None
        text = " ".join("".join(self.inline[begun:]).replace(LINE_BREAK, " ").split())
        if not text or not href or href.startswith("#") or self.pre:
            return
        try:
            target = urljoin(self.base, href)
        except ValueError:
            return
        if target.startswith(("http://", "https://")):
            self.inline[begun:] = [f"[{text}]({target})"]

    def _end_pre(self) -> None:
        self.pre -= 1
        code = "".join(self.inline).replace("\r\n", "\n").replace(LINE_BREAK, "\n").strip("\n")
        self.inline.clear()
        if not self.pre and code.strip():
            fence = "````" if "```" in code else "```"
            self.lines += [fence, *code.split("\n"), fence, ""]

    def _break(self, *, gap: bool) -> None:
        """End the line that is being written. Inside `<pre>` blocks are only line ends."""
        if self.pre:
            self.inline.append(LINE_BREAK)
            return
        self.link = None
        written = [" ".join(line.split()) for line in "".join(self.inline).split(LINE_BREAK)]
        self.inline.clear()
        written = [line for line in written if line]
        prefix = "> " * min(self.quotes, DEEPEST_INDENT)
        for line in written:
            self.lines.append(f"{prefix}{self.bullet or self.heading}{line}".rstrip())
            # What follows in the same entry stands below its text.
            self.bullet = " " * len(self.bullet)
        if gap and self.lines and self.lines[-1]:
            self.lines.append("")

    def text(self) -> str:
        self.pre = 0
        self._break(gap=True)
        if len(self.main) == 2:
            inner = "\n".join(self.lines[self.main[0] : self.main[1]]).strip("\n")
            if len(inner) >= LEAST_MAIN:
                return inner
        return "\n".join(self.lines).strip("\n")


def readable(page: str, base: str) -> str:
    """Return an HTML page as Markdown-like text under its title; links are made absolute against `base`."""
    writer = Writer(base)
    title = ""
    in_title = False
    for token in tokens(page.replace("\0", "\ufffd")):
        if token.text == "title" and token.kind != "text" and writer.skipping in ("", "head", "title"):
            in_title = token.kind == "start" and not title
        elif in_title and token.kind == "text":
            title = " ".join(token.text.split())
        writer.take(token)
    body = writer.text()
    return f"# {title}\n\n{body}" if title and not body.startswith(f"# {title}") else body


def decode_page(data: bytes, content_type: str, *, cut: bool = False) -> tuple[str, str]:
    """Return a body as text, and the encoding used: a BOM's, the header's, the page's own, else UTF-8 or cp1252.

    `cut` says that the body was cut off, maybe in the middle of a character.
    """
    for bom, name in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(bom):
            return data.decode(name, "replace"), name
    named = re.search(r"charset\s*=\s*[\"']?([^\s\"';]{1,40})", content_type, re.IGNORECASE)
    in_page = _META_CHARSET.search(data[:2048])
    for name in (named[1] if named else "", in_page[1].decode() if in_page else ""):
        try:
            codec = codecs.lookup(name)
        except (LookupError, ValueError):
            continue
        # Python also has codecs that are no character sets of the web (`zlib`, `idna`, `unicode_escape`).
        if _CHARSETS.fullmatch(codec.name):
            # Servers that say latin-1 mean cp1252 (WHATWG Encoding, 4.2).
            used = "cp1252" if codec.name in ("iso8859-1", "ascii") else codec.name
            return data.decode(used, "replace"), used
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        if cut and error.start >= len(data) - 3:
            return data.decode("utf-8", "replace"), "utf-8"
        return data.decode("cp1252", "replace"), "cp1252"
