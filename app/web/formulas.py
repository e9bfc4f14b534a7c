r"""LaTeX in Markdown to MathML: ``$…$``, ``$$…$$``, ``\(…\)``, ``\[…\]`` and ``\begin{align}…\end{align}``.

What can be read as an amount of money or as prose between escaped brackets stays what it is. A formula that cannot be
set (unknown commands, missing braces, too long) is shown as its source. The MathML is written anew from a short list of
elements and attributes: whatever else the converter lets through (links, styles, colours, moves by whole screens) ends
here, and nothing that was written is invisible.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from html import escape, unescape
from typing import Any
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

LONGEST_FORMULA = 2_000
LONGEST_ALL = 20_000
"""Characters of LaTeX that one text may have set; what comes after them is shown as source."""
MOST_LINES = 100

ARITY = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
ELEMENTS = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mstyle", "menclose", "msqrt", "mtable", "mtr", "mtd"),
    *ARITY,
}
ATTRIBUTES = {
    "math": {"display", "alttext"},
    "mo": {"stretchy", "fence", "form", "minsize", "maxsize", "movablelimits"},
    "mi": {"mathvariant"},
    "mfrac": {"linethickness"},
    "mspace": {"width"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mtable": {"displaystyle"},
    "menclose": {"class"},
    "mtd": {"class"},
}
CLASSES = {"box", "strike", "left", "right", "line-before", "line-above"}
HARMLESS = re.compile(r"[a-z]{1,12}|[01]|-?0?\.\d{1,4}em|\d(\.\d{1,4})?em")
"""Words, yes and no, and lengths that move nothing onto its neighbours."""
STRUCK = {"updiagonalstrike", "downdiagonalstrike", "horizontalstrike"}

DEFINES = re.compile(r"\\(def|newcommand|renewcommand|providecommand|newenvironment|DeclareMathOperator|let)\b")
ENVIRONMENT = re.compile(r"\\begin\{((?:align|equation|gather|multline|alignat|cases|eqnarray|[pbvBV]?matrix)\*?)\}")
KNOWN_AS = {
    **dict.fromkeys(("align", "aligned", "alignat", "alignedat", "split", "eqnarray", "multline"), "align*"),
    **dict.fromkeys(("gather", "gathered"), "matrix"),
    "equation": "equation*",
    "dcases": "cases",
    "rcases": "cases",
}
"""Environments by what the converter knows that sets them alike, without the numbers that print puts beside them."""
ENVIRONMENTS = {
    *KNOWN_AS.values(),
    *("array", "matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix", "substack"),
}
SPACES = re.compile(r"\\[,;:! ]|\s")
UNKNOWN_BUT_COMMON: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\\operatorname\*?\{([^{}]*)\}"), lambda match: rf"\operatorname{{{SPACES.sub('', match[1])}}}"),
    (re.compile(r"\\arg\b"), r"\\operatorname{arg}"),
    (re.compile(r"\\not\s*="), r"\\neq "),
    (re.compile(r"\\not\s*\\in\b"), r"\\notin "),
)
LIMITS_BELOW = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
WITH_LIMITS = {*"∑∏∐⋂⋃⨁⨂⨆⋁⋀", "lim", "max", "min", "sup", "inf", "argmax", "argmin", "limsup", "liminf", "det", "Pr"}
NAMED = re.compile(r"\\(begin|end)\{(\w+)\*?\}")
TEX = re.compile(r"[\\^_={}]")
WORD = re.compile(r"[A-Za-z]{4}")
AMOUNT = re.compile(r"\d[\d.,]*\D*[A-Za-z]{2}")
ALPHANUMERIC = re.compile(r"[A-Za-z0-9]")


def to_mathml(latex: str, *, display: bool) -> str | None:
    """A formula as MathML, or None where it cannot be set."""
    if len(latex) > LONGEST_FORMULA or DEFINES.search(latex) or not latex.strip():
        return None
    try:
        tree = Converter(display="block" if display else "inline").convert_to_element(_prepared(latex, display=display))
        tree.set("alttext", "".join(c for c in " ".join(latex.split()) if c.isprintable()))
        return _written(tree)
    except Exception:  # noqa: BLE001 - the converter fails in as many ways as LaTeX can be wrong
        return None


def use_formulas(md: MarkdownIt) -> None:
    """Teach a Markdown parser the delimiters of mathematics."""
    md.inline.ruler.before("escape", "formula", _inline_rule)
    md.block.ruler.before("fence", "formula_block", _block_rule, {"alt": ["paragraph", "reference", "blockquote"]})
    md.add_render_rule("formula", _render)
    md.add_render_rule("formula_block", _render)


# Writing MathML -----------------------------------------------------------------------------------


def _prepared(latex: str, *, display: bool) -> str:
    r"""In the words that the converter knows; a bare ``\\\\`` in a display starts a line."""
    latex = latex.strip()
    if display and r"\\" in latex and r"\begin" not in latex:
        latex = rf"\begin{{align}}{latex}\end{{align}}"
    for unknown, common in UNKNOWN_BUT_COMMON:
        latex = unknown.sub(common, latex)
    latex = NAMED.sub(_known, latex)
    return re.sub(r"(\\begin\{align\*\})\{\d*\}", r"\1", latex)


def _known(named: re.Match[str]) -> str:
    name = KNOWN_AS.get(named[2], named[2])
    if name not in ENVIRONMENTS:
        raise ValueError(f"unknown environment {name}")
    return rf"\{named[1]}{{{name}}}"


def _amended(element: Element) -> str:
    """The element's tag, after what the converter leaves to others: limits, and whole matrices with an exponent."""
    tag, parts = element.tag, list(element)
    if tag not in ELEMENTS or (tag == "mo" and parts):  # what it holds is shown, whatever was meant to be done with it
        return "mrow"
    if tag in LIMITS_BELOW:
        if (surplus := len(parts) - ARITY[tag]) > 0:
            element[: surplus + 1] = [base := Element("mrow")]
            base.extend(parts[: surplus + 1])
        elif parts and "".join(unescape(parts[0].text or "").split()) in WITH_LIMITS:
            parts[0].set("movablelimits", "true")
            return LIMITS_BELOW[tag]
    if tag == "mi" and element.text == "&#x0007E;":
        element.text, tag = "∼", "mo"
    return tag


def _written(element: Element) -> str:
    tag = _amended(element)
    if ARITY.get(tag, len(element)) != len(element):
        raise ValueError(f"{tag} with {len(element)} parts")
    text = unescape(element.text or "")
    if re.match(r"\\[A-Za-z]|[{}]$", text) and tag == "mi":
        raise ValueError(f"unknown command {text}")
    variant = element.get("mathvariant", "")
    inside = escape("".join(_in_variant(character, variant) for character in text))
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in _attributes(element, tag))
    _place_cells(element)
    return f"<{tag}{attributes}>{inside}{''.join(map(_written, element))}</{tag}>"


def _attributes(element: Element, tag: str) -> list[tuple[str, str]]:
    attributes = dict(element.attrib)
    if tag == "menclose":
        notation = set(attributes.get("notation", "").split())
        attributes["class"] = "strike" if notation & STRUCK else "box"
    if attributes.get("mathvariant") != "normal":
        attributes.pop("mathvariant", None)  # the letters themselves are changed instead
    allowed = ATTRIBUTES.get(tag, set())
    return [
        (name, value)
        for name, value in attributes.items()
        if name in allowed and (name in ("alttext", "class") or HARMLESS.fullmatch(value))
    ]


def _place_cells(table: Element) -> None:
    """Alignment and rules of a table's cells as classes: browsers know no attributes for them."""
    if table.tag != "mtable":
        return
    columns, rows = table.get("columnlines", "").split(), table.get("rowlines", "").split()
    for r, row in enumerate(table):
        for c, cell in enumerate(row):
            names = [cell.get("columnalign", "")] if cell.get("columnalign") in ("left", "right") else []
            if c and columns and columns[min(c, len(columns)) - 1] in ("solid", "dashed"):
                names.append("line-before")
            if r and rows and rows[min(r, len(rows)) - 1] in ("solid", "dashed"):
                names.append("line-above")
            if names:
                cell.set("class", " ".join(names))


def _in_variant(character: str, variant: str) -> str:
    return _variants().get((variant, character), character) if variant else character


@cache
def _variants() -> dict[tuple[str, str], str]:
    """(MathML's name of a variant, plain letter) → Unicode's letter: browsers know variants in no other way."""
    names = {
        "BOLD": "bold",
        "ITALIC": "italic",
        "BOLD ITALIC": "bold-italic",
        "DOUBLE-STRUCK": "double-struck",
        "SCRIPT": "script",
        "BOLD SCRIPT": "bold-script",
        "FRAKTUR": "fraktur",
        "BLACK-LETTER": "fraktur",
        "BOLD FRAKTUR": "bold-fraktur",
        "SANS-SERIF": "sans-serif",
        "SANS-SERIF BOLD": "bold-sans-serif",
        "SANS-SERIF ITALIC": "sans-serif-italic",
        "MONOSPACE": "monospace",
    }
    kind = re.compile(rf"(?:MATHEMATICAL )?({'|'.join(sorted(names, key=len, reverse=True))}) (?:CAPITAL|SMALL|DIGIT) ")
    variants = {}
    for code in (*range(0x2100, 0x2140), *range(0x1D400, 0x1D800)):
        character = chr(code)
        match = kind.match(unicodedata.name(character, ""))
        plain = unicodedata.normalize("NFKC", character)
        if match and len(plain) == 1 and plain != character:
            variants[names[match[1]], plain] = character
    return variants


# Finding formulas in Markdown ---------------------------------------------------------------------


def _inline_rule(state: StateInline, silent: bool) -> bool:
    source, start = state.src, state.pos
    delimiters = _delimiters_at(source, start)
    if not delimiters:
        return False
    opening, closing = delimiters
    begin = start + len(opening)
    end = _find_closing(source, closing, begin, min(state.posMax, begin + LONGEST_FORMULA))
    if end < 0:
        return False
    latex = source[begin:end]
    if not latex.strip() or _is_prose(latex) or (opening == "$" and not _is_dollar_formula(source, start, end)):
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content, token.markup, token.info = latex, opening, closing
    state.pos = end + len(closing)
    return True


def _block_rule(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    if state.is_code_block(first):
        return False
    start, end = state.bMarks[first] + state.tShift[first], state.eMarks[first]
    line = state.src[start:end].rstrip()
    environment = ENVIRONMENT.match(line)
    if environment:
        opening, closing = "", rf"\end{{{environment[1]}}}"
    elif line.startswith(("$$", r"\[")):
        opening, closing = line[:2], {"$$": "$$", r"\[": r"\]"}[line[:2]]
    else:
        return False
    closed_at = _closing_line(state, first, last, opening, closing)
    if closed_at is None:
        return False
    if silent:
        return True
    lines = state.getLines(first, closed_at + 1, state.blkIndent, False).strip()
    latex = lines if environment else lines[len(opening) : -len(closing)]
    if not latex.strip():
        return False
    token = state.push("formula_block", "", 0)
    token.block = True
    token.content, token.markup, token.info = latex, opening or "$$", "" if environment else closing
    token.map = [first, closed_at + 1]
    state.line = closed_at + 1
    return True


def _closing_line(state: StateBlock, first: int, last: int, opening: str, closing: str) -> int | None:
    for number in range(first, min(last, first + MOST_LINES)):
        if number > first and (state.isEmpty(number) or state.sCount[number] < state.blkIndent):
            return None
        line = state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()
        if number == first:
            line = line[len(opening) :]
        if closing in line:
            return number if line.endswith(closing) and line.count(closing) == 1 else None
    return None


def _delimiters_at(source: str, at: int) -> tuple[str, str] | None:
    if source[at] == "$":
        return ("$$", "$$") if source.startswith("$$", at) else ("$", "$")
    if source[at] == "\\":
        return {r"\(": (r"\(", r"\)"), r"\[": (r"\[", r"\]")}.get(source[at : at + 2])
    return None


def _find_closing(source: str, closing: str, begin: int, stop: int) -> int:
    """Where the closing delimiter begins, not counting escaped ones; -1 where there is none."""
    at = source.find(closing, begin, stop)
    while at >= 0 and (len(source[begin:at]) - len(source[begin:at].rstrip("\\"))) % 2:
        at = source.find(closing, at + 1, stop)
    return at


def _is_dollar_formula(source: str, start: int, end: int) -> bool:
    """Pandoc's rule (no space inside the dollars, no digit after them), and no letter touching them from outside."""
    outside = source[max(0, start - 1) : start] + source[end + 1 : end + 2]
    return not (source[start + 1].isspace() or source[end - 1].isspace() or ALPHANUMERIC.search(outside))


def _is_prose(latex: str) -> bool:
    """Words between escaped brackets, or an amount and what it is for: neither is set as a formula."""
    return not TEX.search(latex) and bool(WORD.search(latex) or AMOUNT.match(latex))


def _render(_renderer: Any, tokens: Any, index: int, _options: Any, env: dict[str, Any]) -> str:
    token = tokens[index]
    display = token.markup in ("$$", r"\[")
    env["latex"] = env.get("latex", 0) + len(token.content)
    mathml = to_mathml(token.content, display=display) if env["latex"] <= LONGEST_ALL else None
    shown = mathml or f'<code class="tex">{escape(token.markup * bool(token.info) + token.content + token.info)}</code>'
    if not display:
        return shown
    tag = "div" if token.block else "span"
    return f'<{tag} class="formula">{shown}</{tag}>'
