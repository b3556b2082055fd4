import pytest

from plait.tools.readable import readable


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>one<p>two &amp; three", "one\n\ntwo & three"),
        ("<h2>Head</h2>text", "## Head\n\ntext"),
        ("<ul><li>a<li>b<ol><li>c</ol></ul>d", "- a\n- b\n  1. c\n\nd"),
        ("<ol><li><p>a</p><p>b</p></li><li>c</li></ol>", "1. a\n   b\n2. c"),
        ("<pre><code>if a &lt; b:\n    x</code></pre>", "```\nif a < b:\n    x\n```"),
        ("<pre>a<br>```<br>b</pre>", "````\na\n```\nb\n````"),
        ("<table><tr><th>a</th><th>b<tr><td>1</td><td>2</td></tr></table>", "a | b\n1 | 2"),
        ("a<br>b", "a\nb"),
        ("<a href='../x?y=1&amp;z'>l <b>i</b></a>", "[l i](http://h/x?y=1&z)"),
        ("<a href='javascript:x'>no</a> <a href='#top'>top</a> <a name=x>n</a>", "no top n"),
        ("<blockquote><p>q</p></blockquote>r", "> q\n\nr"),
        ("<script>if (a<b) {}</script>x<style>p > a {}</style>y", "xy"),
        ("<script>document.write('<p>no')</script >yes", "yes"),
        ("<!-- no --><!doctype html>yes<?php no ?>", "yes"),
        ("a < b <3 &lt;p&gt; &#9731; &#x2603; &nosuch;", "a < b <3 <p> ☃ ☃ &nosuch;"),
        ("<code>x</code> <img alt='a cat' src=y><img src=z>", "`x` [image: a cat]"),
        ("<head><meta x><body>shown", "shown"),
        ("<svg><title>no</title><text>no</text></svg>yes", "yes"),
        ("<p title='a > b'>x</p>", "x"),
        ("&#" + "9" * 5000 + ";x", "\ufffdx"),
        ("a</>b</ >c</p", "abc"),
        ("", ""),
    ],
)
def test_markup_becomes_text(page: str, text: str) -> None:
    assert readable(page, "http://h/d/") == text


def test_the_title_heads_the_page() -> None:
    assert readable("<title>A\n B</title><p>x", "http://h/") == "# A B\n\nx"
    assert readable("<title>A</title><h1>A</h1>x", "http://h/") == "# A\n\nx"


def test_a_main_part_of_some_length_stands_for_the_page() -> None:
    content = "word " * 60

    assert readable(f"<nav>menu</nav><main><p>{content}</main>footer", "http://h/") == content.strip()
    assert "menu" in readable("<nav>menu</nav><main>short</main>", "http://h/")


@pytest.mark.parametrize(
    "piece",
    [
        "<a ",
        '<a "',
        "<!--",
        "</",
        "<p",
        "<li>",
        "<ul><li>x",
        "&#9",
        "<pre>",
        "<a href=x>",
        "<td>",
        "<svg>",
        "<script>",
        "<b></svg>",
    ],
)
def test_hostile_repetition_is_read_in_linear_time(piece: str) -> None:
    # Quadratic work on this much would outlast the suite's time limit many times over.
    readable("<svg>" * 1000 + piece * (400_000 // len(piece)), "http://h/")
    readable(piece * (400_000 // len(piece)), "http://h/")
