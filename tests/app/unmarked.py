"""Finds English in templates, in scripts and in Python that was not marked for translation."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

from jinja2 import Environment, nodes

EXCEPTIONS = {
    "Prefloop",
    "API",
    "JSON",
    "JSONL",
    "CSV",
    "Parquet",
    "Markdown",
    "KL",
    "SFT",
    "PPO",
    "AUC",
    "MB",
    "kB",
    "UTC",
}
"""Names that are the same in every language."""
SAID = ("aria-label", "title", "placeholder", "alt", "aria-description", "aria-roledescription", "aria-valuetext")
NOT_FOR_READING = ("code", "pre", "kbd", "script", "style", "samp", "svg")
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
TRANSLATED = re.compile(r"\{%-?\s*trans\b.*?\{%-?\s*endtrans\s*-?%\}", re.DOTALL)
STATEMENT = re.compile(r"\{%-?\s*(?:set\s+\w+\s*=|for\s+[\w, ]+\s+in\s)((?:(?!%\}).)*?)-?%\}", re.DOTALL)
RAW_WORDS = re.compile(r"[^\W\d_]{2,}")
ATTRIBUTE = re.compile(r'[\w-]+="[^"]*"|\bdata-[\w-]+(?:\s+inert\b)?')
PLACE = "\ue000"
NO_WORDS = re.compile(r"\{% block body_class %\}.*?\{% endblock %\}", re.DOTALL)
KEYS = re.compile(r"^(alt|ctrl|shift|esc)\b")
_environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)


@dataclass(frozen=True)
class Unmarked:
    """A piece of English; ``start`` and ``end`` are its place in the source, ``kind`` is text or expression."""

    line: int
    text: str
    start: int
    end: int
    kind: str


def unmarked(source: str) -> list[Unmarked]:
    """English in a template's texts, in the attributes that people read, and in its expressions."""
    expressions: list[tuple[int, int, str]] = []

    def hidden(match: re.Match[str]) -> str:
        if match[0].startswith("{{"):
            expressions.append((match.start(), match.end(), match[0][2:-2].strip("-").strip()))
        return re.sub(r"[^\n]", PLACE, match[0])

    flat = TRANSLATED.sub(lambda match: re.sub(r"[^\n]", PLACE, match[0]), source)
    flat = NO_WORDS.sub(lambda match: re.sub(r"[^\n]", PLACE, match[0]), flat)
    flat = JINJA.sub(hidden, flat)
    reader = _Reader(flat)
    found = [piece for piece in reader.found if _is_english(piece.text)]
    for start, end, expression in expressions:
        if any(a <= start < b for a, b in reader.read):
            said = [text for text in _said_by(expression) if _is_english(text)]
            if said:
                found.append(Unmarked(source.count("\n", 0, start) + 1, " | ".join(said), start, end, "expression"))
    for match in STATEMENT.finditer(source):
        for text in _said_by(match[1].strip(), whole=False):
            if _is_english(text):
                line = source.count("\n", 0, match.start()) + 1
                found.append(Unmarked(line, text, match.start(), match.end(), "statement"))
    return sorted(found, key=lambda piece: piece.start)


def _is_english(text: str) -> bool:
    words = RAW_WORDS.findall(text)
    return any(word not in EXCEPTIONS and word.isascii() for word in words)


def _said_by(expression: str, *, whole: bool = True) -> Iterator[str]:
    """The literals that an expression puts on the page, or hands to a macro that does."""
    tree = _environment.parse("{{ " + expression + " }}")
    output = tree.find(nodes.Output)
    for node in output.nodes if output else ():
        yield from _literals(node, sure=whole)


def _literals(node: nodes.Node, *, sure: bool) -> Iterator[str]:
    if isinstance(node, nodes.Const):
        if isinstance(node.value, str) and (sure or _like_a_sentence(node.value)):
            yield node.value
    elif isinstance(node, nodes.CondExpr):
        for branch in (node.expr1, node.expr2):
            if branch is not None:
                yield from _literals(branch, sure=sure)
    elif isinstance(node, (nodes.Concat, nodes.List, nodes.Tuple)):
        inner = sure and isinstance(node, nodes.Concat)
        for child in node.iter_child_nodes():
            yield from _literals(child, sure=inner)
    elif isinstance(node, (nodes.Or, nodes.Add)):
        yield from _literals(node.left, sure=sure)
        yield from _literals(node.right, sure=sure)
    elif isinstance(node, nodes.Filter):
        if node.node is not None:
            yield from _literals(node.node, sure=False)
    elif isinstance(node, nodes.Dict):
        for pair in node.items:
            yield from _literals(pair.value, sure=False)
    elif isinstance(node, nodes.Call):
        if isinstance(node.node, nodes.Name) and node.node.name in ("_", "gettext", "ngettext"):
            return
        if isinstance(node.node, nodes.Getattr) and node.node.attr in ("get", "strftime"):
            yield from _literals(node.node.node, sure=False)
            return
        for argument in [*node.args, *(keyword.value for keyword in node.kwargs)]:
            yield from _literals(argument, sure=False)


def _like_a_sentence(text: str) -> bool:
    if KEYS.match(text):
        return False
    return bool(re.match(r"[A-Z][a-z]", text)) or bool(re.search(r"[a-z]{2,} [a-z]", text))


MARKS = ("_", "gettext", "ngettext", "mark")
ERRORS = ("Invalid", "Conflict", "NotFound", "Forbidden", "TooManyAttempts", "NoRoom")
ORDERS = {"tell": 1, "whole_number": 1}
"""Functions that put a sentence before a person, and which of their arguments it is."""


def unmarked_in_python(source: str) -> list[tuple[int, str]]:
    """Line and text of sentences that are raised, told or begun with, as bare literals."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        place = 0 if node.func.id in ERRORS else ORDERS.get(node.func.id)
        if place is not None and len(node.args) > place:
            said = node.args[place]
            if isinstance(said, ast.JoinedStr) or (isinstance(said, ast.Constant) and isinstance(said.value, str)):
                found.append((said.lineno, ast.unparse(said)))
    return found


SCRIPT_TEXT = re.compile(r"""(?<![\w)])(["'`])((?:(?!\1)[^\\\n]|\\.)*)\1""")
MARKED_BEFORE = re.compile(r"(?:\b_|\bngettext|\bmark)\(\s*$|\bngettext\(\"[^\"]*\",\s*$")


def unmarked_in_script(source: str) -> list[tuple[int, str]]:
    """Line and text of literals that read like sentences and stand outside ``_`` and ``ngettext``."""
    code = re.sub(r"(?m)^\s*//.*$|(?<=\s)//\s.*$", "", source)
    found = []
    for match in SCRIPT_TEXT.finditer(code):
        text = match[2]
        words = re.match(r"[A-Z][a-z]+(?:[ ,.…]|$)", text) and re.search(r" [a-z]|…$|^[A-Z][a-z]+ ", text)
        if words and not MARKED_BEFORE.search(code[: match.start()]):
            found.append((code.count("\n", 0, match.start()) + 1, text))
    return found


class _Reader(HTMLParser):
    """Walks the HTML around the expressions: ``found`` are texts, ``read`` the places that people read."""

    def __init__(self, flat: str) -> None:
        super().__init__(convert_charrefs=False)
        self.flat = flat
        self.starts = [0]
        for line in flat.split("\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.found: list[Unmarked] = []
        self.read: list[tuple[int, int]] = []
        self.silent: list[str] = []
        self.feed(flat)
        self.close()

    def _here(self) -> int:
        line, column = self.getpos()
        return self.starts[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        start = self._here()
        whole = self.get_starttag_text() or ""
        for match in re.finditer(r'([\w-]+)="([^"]*)"', whole):
            if match[1] in SAID:
                self._say(match[2], start + match.start(2), "attribute")
        if tag in NOT_FOR_READING and not whole.endswith("/>"):
            self.silent.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.silent and tag == self.silent[-1]:
            self.silent.pop()

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self._say(data, self._here(), "text")

    def _say(self, text: str, start: int, kind: str) -> None:
        self.read.append((start, start + len(text)))
        line = self.flat.count("\n", 0, start) + 1
        words = ATTRIBUTE.sub("", text.replace(PLACE, ""))  # a macro may write an attribute alone
        self.found.append(Unmarked(line, words, start, start + len(text), kind))
