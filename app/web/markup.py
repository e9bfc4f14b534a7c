"""Model text to safe HTML: an article to read, or the exact text.

Everything is sanitized. Links lead nowhere and show their address, images are named and not loaded, raw HTML is shown
as the text that it is, and characters that would turn the writing direction of what follows are seen and turn nothing.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from html import escape
from itertools import takewhile
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token
from markdown_it.utils import EnvType
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from app.language import gettext as _
from app.web import formulas

LONGEST_RENDERED = 120_000
"""Characters beyond which a text is shown as it is, without Markdown."""
LONGEST_BLOCK = 20_000
"""Characters of one paragraph beyond which its emphasis, links and formulas are left as they were typed: the time to
find them can grow faster than the text."""
DEEPEST = 19
"""Quotations and lists within one another; the parser leaves out what is one level deeper (its ``maxNesting``)."""
LONGEST_HIGHLIGHTED = 50_000
LONGEST_WORD, PIECE = 1_000, 500
"""Characters without a blank beyond which a word is laid out in pieces, and how long these are. For every line of a
word a browser looks at all the rest of it, so that the time grows with the square of its length; and in scripts whose
words are found by a dictionary, or under a pile of accents, that is minutes."""
LONGEST_ADDRESS = 200

BLOCKS = {*("p", "blockquote", "ul", "ol"), *(f"h{level}" for level in range(1, 7))}
TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "span", "div", "bdi"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
    *formulas.ELEMENTS,
}
ATTRIBUTES = {
    **{block: {"dir"} for block in BLOCKS},
    "ol": {"dir", "start"},
    "pre": {"dir"},
    "div": {"dir"},
    **{tag: names - {"class"} for tag, names in formulas.ATTRIBUTES.items()},
}
CLASSES = {
    "span": {"link", "address", "image", "formula"},
    "div": {"table-scroll", "formula"},
    "pre": {"code", "as-typed"},
    "code": {"tex"},
    "em": {"upright", "dotted"},
    "th": {"left", "center", "right"},
    "td": {"left", "center", "right"},
    **{tag: formulas.CLASSES for tag, names in formulas.ATTRIBUTES.items() if "class" in names},
}
PYGMENTS = re.compile(r"[a-z]{1,2}[a-z0-9]?")

# Unicode's explicit directional controls: embeddings, overrides and isolates with their ends (UAX 9, 2.1 to 2.5).
DIRECTIONAL = {
    "\u202a": "lre",
    "\u202b": "rle",
    "\u202c": "pdf",
    "\u202d": "lro",
    "\u202e": "rlo",
    "\u2066": "lri",
    "\u2067": "rli",
    "\u2068": "fsi",
    "\u2069": "pdi",
}
CONTROL = re.compile(f"[{''.join(DIRECTIONAL)}]")
_CJK = "\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
CJK = re.compile(f"[{_CJK}\uff00-\uffef\U00020000-\U0003ffff]")
NO_ITALICS = re.compile(f"[{_CJK}\u0590-\u08ff\u0e00-\u0eff\U00020000-\U0003ffff]")


def render_markdown(text: str) -> Markup:
    """A text as an article: Markdown, tables, highlighted code and formulas; anything active is removed.

    A text longer than ``LONGEST_RENDERED``, or nested more deeply than the parser reads, is shown as it was typed.
    """
    if len(text) > LONGEST_RENDERED:
        return _as_typed(text)
    environment: dict[str, Any] = {}
    tokens = _markdown.parse(text, environment)
    if any(token.level >= DEEPEST for token in tokens):
        return _as_typed(text)
    html = _markdown.renderer.render(tokens, _markdown.options, environment)
    return Markup(_shown(_cleaner.clean(html)))  # noqa: S704


def exact_text(text: str) -> Markup:
    """Every character of a text, for an element that keeps white space."""
    return Markup(_shown(escape(text, quote=False)))  # noqa: S704


def _as_typed(text: str) -> Markup:
    return Markup('<pre class="as-typed" dir="auto">\n{}</pre>').format(exact_text(text))


def excerpt(text: str, length: int = 160) -> str:
    """The beginning of a text on one line."""
    line = re.sub(r"\s+", " ", CONTROL.sub("", text[: 4 * length])).strip()
    return line if len(line) <= length and len(text) <= 4 * length else line[: length - 1].rstrip() + "…"


def _shown(html: str) -> str:
    """HTML whose directional controls keep their effect to themselves and are seen (their names are in the style)."""
    html = _LONG_WORD.sub(lambda match: f'<span class="long-word">{"<wbr>".join(_pieces(match[0]))}</span>', html)
    return CONTROL.sub(lambda match: f'<bdi class="control {DIRECTIONAL[match[0]]}">{match[0]}</bdi>', html)


_CHARACTER = re.compile(r"&[#\w]+;|.", re.DOTALL)
_LONG_WORD = re.compile(rf"(?<![^\s<>])[^\s<>]{{{LONGEST_WORD + 1},}}")
_JOINER = "\u200d"


def _pieces(word: str) -> Iterator[str]:
    """A long word of HTML in pieces that together are the word; none begins with an accent, if that can be helped."""
    characters = _CHARACTER.findall(word)
    start = 0
    while start < len(characters):
        end = start + PIECE
        while end < min(len(characters), start + 2 * PIECE) and _clings(characters[end - 1], characters[end]):
            end += 1
        yield "".join(characters[start:end])
        start = end


def _clings(before: str, character: str) -> bool:
    return _JOINER in (before, character) or unicodedata.category(character[0]).startswith("M")


# Markdown -----------------------------------------------------------------------------------------


class _Inline(StateInline):
    """Emphasis beside Chinese, Japanese and Korean, which put no spaces around it: `**“重点”。**后面` is bold."""

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803
        scanned = super().scanDelims(start, canSplitWord)
        before = self.src[start - 1] if start else " "
        after = self.src[start + scanned.length] if start + scanned.length < self.posMax else " "
        can_open = scanned.can_open or (CJK.match(before) is not None and not after.isspace() and canSplitWord)
        can_close = scanned.can_close or (CJK.match(after) is not None and not before.isspace() and canSplitWord)
        return Scanned(can_open, can_close, scanned.length)


class _InlineParser(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = _Inline(src, md, env, tokens)
        if len(src) > LONGEST_BLOCK:
            state.pending = src
            state.pushPending()
            return state.tokens
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


def _prepare(state: StateCore) -> None:
    """Each outermost block finds its own direction; columns are aligned by class; scripts without italics get none."""
    for token in state.tokens:
        if token.tag in ("th", "td") and token.attrs.get("style"):
            token.attrSet("class", str(token.attrs.pop("style")).removeprefix("text-align:"))
        if token.level == 0 and token.nesting == 1 and token.tag in BLOCKS:
            token.attrSet("dir", "auto")
        for i, child in enumerate(token.children or ()):
            if child.type == "em_open":
                inside = takewhile(lambda child: child.type != "em_close", (token.children or [])[i + 1 :])
                words = "".join(child.content for child in inside)
                if NO_ITALICS.search(words):
                    child.attrSet("class", "upright dotted" if CJK.search(words) else "upright")


_FORMATTER = HtmlFormatter(nowrap=True)


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer:
    return get_lexer_by_name(language, stripnl=False)


def _highlight(code: str, language: str, _attributes: str) -> str:
    lines = escape(code)
    if language and len(code) <= LONGEST_HIGHLIGHTED:
        with suppress(ClassNotFound):
            lines = highlight(code, _lexer(language), _FORMATTER)
    return f'<pre class="code" dir="ltr"><code>{lines}</code></pre>'


def _code_block(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return _highlight(tokens[index].content, "", "")


def _table_open(*_: Any) -> str:
    return '<div class="table-scroll" dir="auto"><table>'


def _table_close(*_: Any) -> str:
    return "</table></div>"


def _link_open(*_: Any) -> str:
    return '<span class="link">'


def _link_close(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    opening = max(i for i in range(index) if tokens[i].type == "link_open")
    address = str(tokens[opening].attrs.get("href", ""))
    words = "".join(token.content for token in tokens[opening + 1 : index])
    if not address or address in (words, f"mailto:{words}"):
        return "</span>"
    return f"</span> {_address(address)}"


def _image(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    token = tokens[index]
    words = escape(_("Image: %(description)s", description=token.content or _("without a description")))
    return f'<span class="image">{words} {_address(str(token.attrs.get("src", "")))}</span>'


def _address(address: str) -> str:
    if len(address) > LONGEST_ADDRESS:
        address = address[:LONGEST_ADDRESS] + "…"
    return f'<span class="address">({escape(address)})</span>'


def _make_parser() -> MarkdownIt:
    # Raw HTML in an answer is shown as the text it is.
    md = MarkdownIt("commonmark", {"html": False, "breaks": True, "highlight": _highlight})
    inline = _InlineParser()
    md.inline = inline
    md.enable(["table", "strikethrough"])
    md.disable(["reference"])  # what stands in no paragraph would be seen nowhere
    formulas.use_formulas(md)
    md.core.ruler.push("prepare", _prepare)
    for name, rule in (
        ("code_block", _code_block),
        ("table_open", _table_open),
        ("table_close", _table_close),
        ("link_open", _link_open),
        ("link_close", _link_close),
        ("image", _image),
    ):
        md.add_render_rule(name, rule)
    return md


def _only_ours(tag: str, attribute: str, value: str) -> str | None:
    """Classes that the style sheet knows, in the elements that it knows them of."""
    if attribute != "class":
        return value
    known = CLASSES.get(tag, set())
    classes = [name for name in value.split() if name in known or (tag == "span" and PYGMENTS.fullmatch(name))]
    return " ".join(classes) or None


_markdown = _make_parser()
_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes={tag: ATTRIBUTES.get(tag, set()) | ({"class"} if tag in CLASSES else set()) for tag in TAGS},
    attribute_filter=_only_ours,
)
