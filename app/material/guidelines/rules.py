"""What a guideline, a question and an answer may be."""

from collections.abc import Mapping

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


def tidy(text: str) -> str:
    """A text as it is kept: line ends as on Unix, no empty space around it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def tidy_translations(translations: Mapping[str, str]) -> dict[str, str]:
    """Translations as they are kept: into languages that we speak, without empty ones."""
    return {tag: text for tag in LOCALES if tag != SOURCE and (text := tidy(translations.get(tag, "")))}


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
