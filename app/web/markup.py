"""Model text to safe HTML. All of it is sanitized, links are shown but lead nowhere by themselves."""

import re

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

TAGS = {
    *("p", "br", "hr", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li", "span", "div"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"code": {"class"}, "span": {"class"}, "div": {"class"}, "ol": {"start"}}
LONGEST_HIGHLIGHTED = 50_000


def _highlight(code: str, language: str, _attributes: str) -> str:
    if not language or len(code) > LONGEST_HIGHLIGHTED:
        return ""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return ""
    return f'<pre class="code"><code>{highlight(code, lexer, HtmlFormatter(nowrap=True))}</code></pre>'


# Raw HTML in an answer is shown as the text it is; a link's address stays readable beside its words.
_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "highlight": _highlight})
_markdown.enable(["table", "strikethrough"])
_markdown.disable(["image"])


def render_markdown(text: str) -> Markup:
    """An answer as an article: Markdown, tables and highlighted code; anything active is removed."""
    return Markup(nh3.clean(_markdown.render(text), tags=TAGS, attributes=ATTRIBUTES))  # noqa: S704


def excerpt(text: str, length: int = 160) -> str:
    """The beginning of a text on one line."""
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
