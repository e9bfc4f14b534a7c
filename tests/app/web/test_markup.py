"""Model text becomes an article: nothing in it is active, nothing of it is lost, and its size is bounded."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.web import formulas, markup
from app.web.markup import exact_text, excerpt, render_markdown

ALLOWED = {
    *("class", "dir", "start", "display", "alttext", "stretchy", "fence", "form", "minsize", "maxsize"),
    *("movablelimits", "mathvariant", "linethickness", "width", "displaystyle", "scriptlevel"),
}


class Seen(HTMLParser):
    """The elements, attributes and text of some HTML."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.attributes, self.text = [], [], ""
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.text += data


def is_inert(html):
    seen = Seen(html)
    strange = [tag for tag in seen.elements if tag not in markup.TAGS]
    assert not strange, (strange, html)
    for tag, name, value in seen.attributes:
        assert name in ALLOWED, (tag, name, value)
        if name != "alttext":
            assert re.fullmatch(r"[\w .+-]*", value or ""), (tag, name, value)
    assert "<!--" not in html
    return seen


ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)><animate onbegin=alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=alert(1)>'>",
    "<math href='javascript:alert(1)'>x</math>",
    "<style>body{display:none}</style><link rel=stylesheet href=//evil>",
    "<p style='position:fixed;inset:0'>over everything</p>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "[x](javascript:alert(1)) [y](vbscript:x) [z](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](JaVaScRiPt&#58;alert(1)) <javascript:alert(1)> ![x](javascript:alert(1))",
    "![x](https://example.org/spy.png) ![](data:image/png;base64,AAAA)",
    '[x](https://example.org/"onclick="alert(1)) [y](</a b> "t\\" onx=1")',
    '```"onclick=alert(1)\ncode\n```',
    "```html\n<script>alert(1)</script>\n```",
    "``` <img src=x onerror=alert(1)>\n</code></pre><script>alert(1)</script>\n```",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    r"$\href{javascript:alert(1)}{x}$ $\text{<img src=x onerror=alert(1)>}$",
    r"$\style{position:fixed}{x} \class{primary}{y} \unicode{x3c}script\unicode{x3e}$",
    r"$\text{</mtext></math><script>alert(1)</script>}$ $\color{white}{x}\hspace{-90em}y$",
    r"$$\begin{array}{l} <svg onload=alert(1)> \\ \end{array}$$",
    r"$\mathrm{" + '"' + r" onx=1}$ $x' onclick='y$",
    "a&lt;script&gt;b &#60;script&#62;",
    "<!-- hidden --> <?php x ?> <![CDATA[x]]>",
    "\x00\x01<scr\x00ipt>",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_shown_and_does_nothing(attack):
    is_inert(render_markdown(attack))
    is_inert(exact_text(attack))


PIECES = [
    *(
        "<b>",
        "</p>",
        "`",
        "``",
        "```\n",
        "$",
        "$$",
        r"\(",
        r"\)",
        r"\[",
        r"\]",
        "[",
        "](",
        ")",
        "![",
        "|",
        "\n",
        "\n\n",
    ),
    *("> ", "- ", "1. ", "# ", "*", "**", "_", "~~", "    ", "javascript:", "http://x.y/", '"', "'", "&lt;", "&#x3c;"),
    *(r"\frac", r"\text{", r"\href{", "{", "}", "^", r"\begin{align}", r"\end{align}", r"\\", "&", "|---|", "中", "。"),
    *("مرحبا", "\u202e", "\u2066", "\u2069", "a", "5", " ", "<script>", "<svg onload=x>", "-->", "\\", "\t"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@example("$\\text{\u202e<b>}$")
def test_any_mixture_of_marks_is_inert_and_raw_text_is_exact(text):
    is_inert(render_markdown(text))
    assert Seen(exact_text(text)).text == text


def test_raw_html_is_read_as_the_text_that_it_is():
    assert render_markdown("a <b>bold</b> & <!-- note -->") == (
        '<p dir="auto">a &lt;b&gt;bold&lt;/b&gt; &amp; &lt;!-- note --&gt;</p>\n'
    )


def test_links_lead_nowhere_and_show_their_address():
    html = render_markdown("[the manual](https://example.org/manual) and <https://example.org>")
    assert Seen(html).text.strip() == "the manual (https://example.org/manual) and https://example.org"
    assert "href" not in html


def test_the_address_of_a_link_inside_which_there_is_code_is_its_own():
    html = render_markdown("[a `b`](https://one.example) [c](https://two.example)")
    assert Seen(html).text.strip() == "a b (https://one.example) c (https://two.example)"


def test_images_are_named_and_not_loaded():
    html = render_markdown("![a red barn](https://example.org/barn.png)")
    assert Seen(html).text.strip() == "Image: a red barn (https://example.org/barn.png)"
    assert "<img" not in html


def test_an_address_of_thousands_of_characters_is_cut():
    html = render_markdown(f"![x](data:image/png;base64,{'A' * 5000})")
    assert len(html) < 500


def test_code_keeps_every_space_and_its_colours_need_no_style_attribute():
    code = "\n\ndef f(x):\n\treturn x  \n\n\nprint(f(1))\n"
    html = render_markdown(f"```python\n{code}```")
    assert Seen(html).text == code + "\n"  # the line break after the block
    assert '<span class="k">def</span>' in html
    assert render_markdown("    indented\n      twice").count("indented\n  twice") == 1


def test_code_in_an_unknown_language_is_code():
    html = render_markdown("```nosuchlanguage\nx < y\n```")
    assert html.startswith('<pre class="code" dir="ltr"><code>x &lt; y\n</code></pre>')


def test_tables_scroll_in_a_box_of_their_own_and_keep_their_alignment():
    html = render_markdown("| a | b |\n|:-:|--:|\n| 1 | 2 |")
    assert html.startswith('<div class="table-scroll" dir="auto"><table>')
    assert '<td class="center">1</td>' in html
    assert '<td class="right">2</td>' in html


def test_each_outermost_block_finds_its_own_direction():
    html = render_markdown("مرحبا\n\nhello\n\n- שלום\n\n> نعم\n\n# عنوان\n\n```\ncode\n```")
    assert re.findall(r"<(\w+) [^>]*dir=\"(\w+)\"", html) == [
        *(("p", "auto"), ("p", "auto"), ("ul", "auto"), ("blockquote", "auto"), ("h1", "auto"), ("pre", "ltr")),
    ]


def test_scripts_without_italics_are_stressed_otherwise():
    assert '<em class="upright dotted">强调</em>' in render_markdown("*强调*")
    assert '<em class="upright">مهم</em>' in render_markdown("*مهم*")
    assert "<em>stressed</em>" in render_markdown("*stressed*")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**“重点”。**后面", "<strong>“重点”。</strong>后面"),
        ("请看**《论语》**一书", "请看<strong>《论语》</strong>一书"),
        ("これは**「重要」**です", "これは<strong>「重要」</strong>です"),
        ("a**b**c", "a<strong>b</strong>c"),
        ("3 * 4 和 5 * 6", "3 * 4 和 5 * 6"),
        ("**「x」** y", "<strong>「x」</strong> y"),
    ],
)
def test_bold_works_beside_chinese_and_japanese_punctuation(text, html):
    assert render_markdown(text) == f'<p dir="auto">{html}</p>\n'


@pytest.mark.parametrize("character", markup.DIRECTIONAL)
def test_what_turns_the_writing_direction_is_seen_and_kept_to_itself(character):
    name = markup.DIRECTIONAL[character]
    shown = f'<bdi class="control {name}">{character}</bdi>'
    assert shown in render_markdown(f"pay {character}001 to me")
    assert shown in exact_text(f"pay {character}001 to me")
    assert shown in render_markdown(f"```python\nx = '{character}' # {character}\n```")
    for html in (render_markdown(f"$x{character}$"), render_markdown(f"[a{character}](http://x{character}.y)")):
        assert html.count(character) == html.count(shown)
    assert character not in excerpt(f"a{character}b")


# Size ---------------------------------------------------------------------------------------------


def test_a_text_beyond_the_limit_is_shown_as_it_was_typed():
    text = "*a* <b>\n" * (markup.LONGEST_RENDERED // 8 + 1)
    html = render_markdown(text)
    assert html.startswith('<pre class="as-typed" dir="auto">\n*a* &lt;b&gt;\n*a*')
    assert Seen(html).text == "\n" + text  # a page drops the first line break of a pre


@pytest.mark.parametrize(
    "text", ["> " * 25 + "deep", "".join("  " * i + "- item\n" for i in range(25)) + " " * 50 + "deep"]
)
def test_a_text_nested_beyond_what_the_parser_reads_is_shown_as_it_was_typed(text):
    assert Seen(render_markdown(text)).text == "\n" + text


def test_what_looks_like_the_definition_of_a_link_is_seen():
    assert "[1]: https://example.org" in Seen(render_markdown("see [1]\n\n[1]: https://example.org")).text


def test_a_paragraph_beyond_the_limit_is_left_as_it_was_typed_and_the_others_are_not():
    html = render_markdown("*a*" * (markup.LONGEST_BLOCK // 3 + 1) + "\n\nand *b*")
    assert html.count("<em>") == 1
    assert "<p" in html


def test_formulas_beyond_the_limit_are_shown_as_source():
    one = "$" + "x+" * 900 + "x$\n\n"
    html = render_markdown(one * 15)
    assert 5 < html.count("<math") < 15
    assert html.count("<math") + html.count('class="tex"') == 15
    assert 15 * len(one) > formulas.LONGEST_ALL


@pytest.mark.parametrize("letter", ["a", "ก", "&", "中", "e\u0301", "👩\u200d👧", "\u202e", "\u0301"])
def test_a_word_of_thousands_of_letters_is_laid_out_in_pieces_and_loses_none(letter):
    """However long the word is, no piece is, so that the time a browser takes grows with the pieces."""
    word = letter * (20_000 // len(letter))
    text = f"Before {word} after."
    for html in (render_markdown(text), exact_text(text)):
        assert Seen(html).text.strip() == text
        long_word = re.search(r'<span class="long-word">(.*?)</span>', html, re.DOTALL)[1]
        pieces = [Seen(piece).text for piece in long_word.split("<wbr>")]
        assert "".join(pieces) == word
        assert max(map(len, pieces)) <= 2 * markup.PIECE
        if letter != "\u0301":  # a pile of accents has no better place to part
            assert all(piece.startswith(letter[0]) for piece in pieces)
    assert "long-word" not in render_markdown("a" * markup.LONGEST_WORD + " " + "b" * markup.LONGEST_WORD)


def test_the_beginning_of_a_text_is_one_line():
    assert excerpt("a\n\n b   c") == "a b c"
    assert excerpt("word " * 100, 20) == "word word word word…"
    assert len(excerpt("x" * 1_000_000, 50)) == 50
