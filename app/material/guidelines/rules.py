"""What a guideline, a question and an answer may be, and how two versions differ."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from app.instruments import kinds
from app.language import LOCALES, SOURCE, listed, mark
from app.language import gettext as _

PHASES = ("training", "evaluation")
LONGEST_NAME = 120
LONGEST_TEXT = 60_000
LONGEST_CHANGES = 1_000
LONGEST_POST = 4_000
HIGH_STAKES = (
    mark("loans and other decisions about money"),
    mark("therapy"),
    mark("medical advice"),
    mark("legal advice"),
)
"""Where an answer that is only slightly wrong can still do great damage (IG Fig. 10)."""

EMPTY = {
    "question": mark("The question is empty. Write it first, then send it."),
    "answer": mark("The answer is empty. Write it first, then send it."),
}
TOO_LONG = {
    "question": mark("The question has %(length)s characters; %(most)s fit. Shorten it and send it again."),
    "answer": mark("The answer has %(length)s characters; %(most)s fit. Shorten it and send it again."),
}

LINES_AROUND = 1
MOST_WORDS_COMPARED = 800  # words of one changed passage; beyond that its lines are shown as replaced


def tidy(text: str) -> str:
    """A text as it is kept: line ends as on Unix, no empty space around it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def tidy_translations(given: Mapping[str, str]) -> dict[str, str]:
    """Translations as they are kept: into languages that we speak, without empty ones."""
    return {tag: text for tag in LOCALES if tag != SOURCE and (text := tidy(given.get(tag, "")))}


def in_language(text: str, translations: Mapping[str, str], locale: str) -> tuple[str, str]:
    """A guideline for a reader: its words in their language, else the original; and the tag of the language it is."""
    return (translations[locale], locale) if locale in translations else (text, SOURCE)


def instrument_of(campaign_kind: str) -> str | None:
    """The instrument that a guideline for such a campaign names; none for those that share the rest."""
    return campaign_kind if campaign_kind in own_documents() else None


def own_documents() -> tuple[str, ...]:
    """Kinds of campaigns whose labelers go by documents of their own; all others share the rest."""
    return kinds(lambda each: bool(each.guidelines))


def guideline_problem(name: str, phase: str, instrument: str | None = None) -> str | None:
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        return _("Give the guideline a name of at most %(number)s visible characters.", number=LONGEST_NAME)
    if phase not in PHASES:
        return _(
            "A guideline is for %(phases)s labels, not “%(phase)s”.",
            phases=listed(map(_, PHASES), "or"),
            phase=phase[:40],
        )
    if instrument is not None and instrument not in own_documents():
        return _("There is no instrument “%(name)s”.", name=instrument[:40])
    return None


def text_problem(text: str) -> str | None:
    if not text:
        return _("The guideline has no text yet. Write it, then publish.")
    if len(text) > LONGEST_TEXT:
        return _(
            "The guideline has %(length)s characters; %(most)s fit. Labelers read all of it, so shorten it.",
            length=f"{len(text):,}",
            most=f"{LONGEST_TEXT:,}",
        )
    return None


def texts_problem(text: str, translations: Mapping[str, str]) -> str | None:
    """Why a text or one of its translations will not do."""
    problems = (text_problem(each) for each in (text, *translations.values()))
    return next((problem for problem in problems if problem), None)


def changes_problem(changes: str) -> str | None:
    """Why the summary of a new version (not the first one) will not do."""
    if not changes:
        return _("Say in a sentence what changes. Labelers read it before they confirm the new version.")
    if len(changes) > LONGEST_CHANGES:
        return _(
            "The summary of changes has %(length)s characters; %(most)s fit.",
            length=f"{len(changes):,}",
            most=f"{LONGEST_CHANGES:,}",
        )
    return None


def post_problem(text: str, what: str) -> str | None:
    """Why a ``what`` (question, answer) cannot be sent."""
    if not text:
        return _(EMPTY[what])
    if len(text) > LONGEST_POST:
        return _(TOO_LONG[what], length=f"{len(text):,}", most=f"{LONGEST_POST:,}")
    return None


# Differences -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    """Words that are in both versions (``same``), only in the old (``removed``) or only in the new (``added``)."""

    kind: str
    text: str


@dataclass(frozen=True)
class Passage:
    """Lines that belong together: ``same``, ``changed``, or ``left_out`` unchanged lines that are not shown."""

    pieces: tuple[Piece, ...]
    left_out: int = 0

    @property
    def changed(self) -> bool:
        return any(piece.kind != "same" for piece in self.pieces)


def difference(before: str, after: str, around: int = LINES_AROUND) -> list[Passage]:
    """What was changed, line by line and word by word where a line was rewritten; nothing for equal texts.

    Pieces that are not ``removed`` make up the new text, pieces that are not ``added`` the old one.

    Args:
        before: the old text.
        after: the new text.
        around: so many unchanged lines are shown before and after a change; others are only counted.
    """
    old, new = before.splitlines(), after.splitlines()
    steps = SequenceMatcher(None, old, new).get_opcodes()
    if all(step[0] == "equal" for step in steps):
        return []
    found: list[Passage] = []
    for number, (kind, i1, i2, j1, j2) in enumerate(steps):
        if kind == "equal":
            head = around if number > 0 else 0
            tail = around if number < len(steps) - 1 else 0
            found += _context(new[j1:j2], head, tail)
        else:
            found.append(Passage(tuple(_rewritten(old[i1:i2], new[j1:j2]))))
    return found


def _context(lines: Sequence[str], head: int, tail: int) -> Iterator[Passage]:
    """Unchanged lines: the first ``head`` and the last ``tail`` of them, and how many stand between."""
    if len(lines) <= head + tail + 1:
        yield _same(lines)
        return
    if head:
        yield _same(lines[:head])
    yield Passage((), left_out=len(lines) - head - tail)
    if tail:
        yield _same(lines[-tail:])


def _same(lines: Sequence[str]) -> Passage:
    return Passage((Piece("same", "\n".join(lines)),))


def _rewritten(old: Sequence[str], new: Sequence[str]) -> Iterator[Piece]:
    before, after = _words("\n".join(old)), _words("\n".join(new))
    if not before or not after or len(before) + len(after) > 2 * MOST_WORDS_COMPARED:
        if old:
            yield Piece("removed", "\n".join(old))
        if new:
            yield Piece("added", "\n".join(new))
        return
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(before[i1:i2]))
            continue
        if i1 < i2:
            yield Piece("removed", "".join(before[i1:i2]))
        if j1 < j2:
            yield Piece("added", "".join(after[j1:j2]))


def _words(text: str) -> list[str]:
    """A text cut into words, each with the space after it; joined they are the text again."""
    return re.findall(r"\s+|[^\s]+\s*", text)
