"""Agreement on ratings, flags, choices and scales, in tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.language import gettext as _
from app.language import mark, said
from app.material.schemas.rules import PROMPT
from app.quality.agreement.pages.figures import Figure, figure_of
from app.quality.agreement.questions import Question
from app.quality.agreement.rules.label_report import (
    AC1,
    AC2,
    ALPHA_INTERVAL,
    ALPHA_NOMINAL,
    ALPHA_ORDINAL,
    FLEISS,
    MEASURES,
    POSITIVE,
    RAW,
    WEIGHTED_KAPPA,
)
from app.quality.agreement.service import AgreementReport

SHORT_MEASURES = {
    RAW: mark("Same answer"),
    POSITIVE: mark("Positive"),
    FLEISS: mark("Fleiss κ"),
    AC1: mark("Gwet AC1"),
    ALPHA_NOMINAL: mark("α nominal"),
    ALPHA_ORDINAL: mark("α ordinal"),
    ALPHA_INTERVAL: mark("α interval"),
    WEIGHTED_KAPPA: mark("Weighted κ"),
    AC2: mark("Gwet AC2"),
}
"""Heads of columns; the others stand in the file."""
OF_RATINGS = (ALPHA_ORDINAL, WEIGHTED_KAPPA, AC2, ALPHA_INTERVAL, RAW)
OF_FLAGS = (RAW, POSITIVE, FLEISS, AC1, ALPHA_NOMINAL)
OF_SCALES = (RAW, ALPHA_ORDINAL, WEIGHTED_KAPPA, AC2)


@dataclass(frozen=True)
class LabelRow:
    """A question with its figures in the order of the columns, and why some are missing, each reason once."""

    name: str
    about: str
    given: int
    chosen: str
    figures: Sequence[Figure | None]
    reasons: Sequence[str]
    items: int
    people: int


@dataclass(frozen=True)
class LabelTable:
    title: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[LabelRow]


def table_of_ratings(report: AgreementReport) -> LabelTable:
    question = Question("answer", "", _("Overall rating, 1 to 7"), report.ratings)
    return LabelTable(_("Ratings"), _columns(OF_RATINGS), [_label_row(question, OF_RATINGS)])


def tables_of_labels(report: AgreementReport) -> list[LabelTable]:
    """Flags and choices in one table, scales in another: they have other measures."""
    plain = [question for question in report.questions if ALPHA_ORDINAL not in question.report.figures]
    scales = [question for question in report.questions if ALPHA_ORDINAL in question.report.figures]
    tables = []
    for title, questions, measures in ((_("Flags and choices"), plain, OF_FLAGS), (_("Scales"), scales, OF_SCALES)):
        if questions:
            tables.append(
                LabelTable(title, _columns(measures), [_label_row(question, measures) for question in questions])
            )
    return tables


def _columns(measures: Sequence[str]) -> list[tuple[str, str]]:
    return [(_(SHORT_MEASURES[name]), _(MEASURES[name])) for name in measures]


def _label_row(question: Question, measures: Sequence[str]) -> LabelRow:
    report = question.report
    figures = [
        figure_of(name, report.figures[name], shares=name in (RAW, POSITIVE)) if name in report.figures else None
        for name in measures
    ]
    counts = report.figures[RAW].counts
    chosen = ", ".join(f"{said(value)}: {count:,}" for value, count in report.chosen.items() if count)
    return LabelRow(
        name=said(question.text) or question.name.replace("_", " "),
        about=_("about the prompt") if question.part == PROMPT else _("about the answer"),
        given=report.given,
        chosen=chosen,
        figures=figures,
        reasons=_reasons(measures, figures),
        items=counts.items,
        people=counts.raters,
    )


def _reasons(measures: Sequence[str], figures: Sequence[Figure | None]) -> list[str]:
    """Why figures or intervals are missing: “Fleiss κ, α nominal: undefined, because …”."""
    of: dict[str, list[str]] = {}
    for name, figure in zip(measures, figures, strict=True):
        if figure is not None and figure.why:
            of.setdefault(figure.why, []).append(_(SHORT_MEASURES[name]))
    return [_("%(figures)s: %(why)s", figures=", ".join(names), why=why) for why, names in of.items()]
