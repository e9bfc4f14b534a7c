r"""LaTeX to MathML: what is set, what stays money or prose, and what is shown as its source."""

import re

import pytest

from app.web.formulas import to_mathml
from app.web.markup import render_markdown


def shown(text):
    return re.sub(r"</?p[^>]*>\n?", "", render_markdown(text)).strip()


def letters(html):
    """What a reader sees of some MathML."""
    return re.sub(r"<[^>]+>", "", html)


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ("$x^2$", "inline"),
        (r"\(x^2\)", "inline"),
        ("$$x^2$$", "block"),
        (r"\[x^2\]", "block"),
        ("so $$x^2$$ holds", "block"),
        (r"so \[x^2\] holds", "block"),
        ("$$\nx^2\n$$", "block"),
        ("\\[\nx^2\n\\]", "block"),
        ("Thus\n$$\nx^2\n$$\nholds.", "block"),
        ("- item\n  $$\n  x^2\n  $$", "block"),
        ("> $$x^2$$", "block"),
        ("设$x^2$为", "inline"),
        ("**bold $x^2$**", "inline"),
        ("| a |\n|---|\n| $x^2$ |", "inline"),
    ],
)
def test_every_way_to_write_a_formula_is_set(text, display):
    html = render_markdown(text)
    assert html.count("<math") == 1, html
    assert f'<math display="{display}" alttext="x^2">' in html
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in html
    assert "$" not in letters(html)


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $6",
        "between $5-$10 or US$7, A$8 and 9$",
        "It costs $5, not $6.",
        "$1,000 for them and me$",
        "$HOME/$USER and $PATH",
        "a $ b $ c",
        r"\$5 and \$6",
        r"\[not a link\](x) and \(optional\)",
        "`$x^2$` is source",
        "only one $x",
        "$$",
        "$ $",
        "$$ $$",
    ],
)
def test_money_prose_and_code_are_no_formulas(text):
    assert "<math" not in render_markdown(text)
    assert "tex" not in render_markdown(text)


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{1",
        r"\nosuchcommand{x}",
        r"x^",
        r"x^2^3",
        r"\left( x",
        r"}x{",
        r"\begin{nosuch}x\end{nosuch}",
        r"\def\a{\a\a}\a",
        r"\newcommand{\b}{bb}\b",
        "{" * 900 + "x" + "}" * 900,
    ],
)
def test_what_cannot_be_set_is_shown_as_its_source(latex):
    assert to_mathml(latex, display=False) is None
    source = re.sub(r'<wbr>|<span class="long-word">|</span>', "", shown(f"${latex}$"))  # how a long word is laid out
    assert source == f'<code class="tex">${latex}$</code>'


def test_a_formula_that_is_too_long_stays_text():
    assert "<math" not in render_markdown("$" + "x+" * 1500 + "x$")


@pytest.mark.parametrize(
    ("latex", "seen"),
    [
        (r"\sum_{i=1}^n x_i", "∑i=1nxi"),
        (r"\mathbb{R} \mathcal{L} \mathbf{W} \mathfrak{g} \boldsymbol{\beta}", "ℝℒ𝐖𝔤𝜷"),
        (r"a < b \& c", "a<b&c"),
        (r"\not= \sim", "≠∼"),
        (r"\text{if } x \ge 0", "if x≥0"),
        (r"\boxed{42}", "42"),
        (r"\arg\min_x", "argminx"),
        (r"\color{white}{x} \phantom{y}", "xy"),
    ],
)
def test_what_is_seen_of_a_formula(latex, seen):
    html = to_mathml(latex, display=True)
    assert letters(html).replace("\u00a0", " ") == seen.replace("<", "&lt;").replace("b&c", "b&amp;c")


def test_limits_stand_below_in_a_display_and_beside_in_a_line():
    assert '<munder><mo movablelimits="true">lim</mo>' in to_mathml(r"\lim_{n \to 0} x", display=True)


def test_a_matrix_keeps_its_exponent():
    html = to_mathml(r"\begin{bmatrix}1\\2\end{bmatrix}^T", display=True)
    assert re.search(r"<msup><mrow><mo>\[</mo><mtable>.*</mtable><mo>\]</mo></mrow><mi>T</mi></msup>", html)


def test_cells_are_aligned_and_ruled_by_classes():
    html = to_mathml(r"\begin{array}{l|r} a & b \\ \hline c & d\end{array}", display=True)
    assert re.findall(r'class="([^"]+)"', html) == [
        "left",
        "right line-before",
        "left line-above",
        "right line-before line-above",
    ]
    aligned = to_mathml(r"\begin{aligned} a &= b \\ &= c \end{aligned}", display=True)
    assert re.findall(r'class="([^"]+)"', aligned) == ["right", "left", "right", "left"]
    assert "(1)" not in letters(to_mathml(r"\begin{align} a &= b \end{align}", display=True))


def test_nothing_moves_over_its_neighbours():
    html = to_mathml(r"a\hspace{-90em}b\kern-8em c\quad d", display=True)
    assert re.findall(r'width="([^"]+)"', html) == ["1em"]
