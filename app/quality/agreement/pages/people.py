"""Who agrees with whom: the matrix of labelers, and each of them in a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.language import gettext as _
from app.language import mark
from app.quality.agreement.pages.figures import Figure, figure_of
from app.quality.agreement.rules import filters as rules
from app.quality.agreement.service import AgreementReport
from trainer.statistics.estimates import Estimate

LEVELS = 10
"""Steps of colour in the matrix, from one half to one."""
MATRIX_WORDS = mark(
    "%(one)s and %(other)s: %(value)s, n = %(pairs)s pairs of answers, prompts: %(prompts)s; 95 %%: %(interval)s"
)


@dataclass(frozen=True)
class Cell:
    """Agreement of two people in the matrix: ``words`` say it whole, ``text`` in two digits."""

    text: str
    count: str
    level: str
    words: str


@dataclass(frozen=True)
class Matrix:
    """Labeler × labeler; ``left_out`` people have fewer pairs and stand in the file alone."""

    names: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]
    left_out: int


@dataclass(frozen=True)
class Person:
    """A labeler in the list of everybody."""

    name: str
    role: str
    group: str
    rankings: int
    agreement: Figure
    ties: Figure


def matrix_of(report: AgreementReport) -> Matrix | None:
    pairs = report.rankings.labelers
    of_each: dict[int, int] = dict.fromkeys(report.order, 0)
    for (one, other), of in pairs.items():
        if one in of_each and other in of_each:
            of_each[one] += of.micro.counts.pairs
            of_each[other] += of.micro.counts.pairs
    most = set(sorted(of_each, key=lambda person: -of_each[person])[: rules.SHOWN_IN_MATRIX])
    order = [person for person in report.order if person in most]
    if len(order) < 2:
        return None
    names = [report.raters[person].name or "" for person in order]

    def cell(one: int, other: int) -> Cell | None:
        of = pairs.get((min(one, other), max(one, other)))
        return None if of is None else _cell(report.raters[one].name or "", report.raters[other].name or "", of.micro)

    rows = [(name, [cell(one, other) for other in order]) for name, one in zip(names, order, strict=True)]
    return Matrix(names, rows, len(report.order) - len(order))


def _cell(one: str, other: str, estimate: Estimate) -> Cell:
    figure = figure_of("", estimate)
    if estimate.value is None:
        return Cell("·", "", "none", _("%(one)s and %(other)s: %(why)s", one=one, other=other, why=figure.why))
    level = int(min(LEVELS - 1, max(0.0, (estimate.value - 0.5) * 2 * LEVELS)))
    words = _(
        MATRIX_WORDS,
        one=one,
        other=other,
        value=figure.value,
        pairs=f"{figure.pairs:,}",
        prompts=f"{figure.prompts:,}",
        interval=figure.interval or figure.why,
    )
    return Cell(
        f"{100 * estimate.value:.0f}", _short(figure.pairs), "low" if estimate.value < 0.5 else str(level), words
    )


def _short(count: int) -> str:
    return f"{count}" if count < 1000 else f"{count / 1000:.1f}k" if count < 10_000 else f"{count // 1000}k"


def people_of(report: AgreementReport) -> list[Person]:
    """Everybody who ranked, the least agreement first; those without any come last."""
    rankings = report.rankings
    people = [
        (
            of_each.micro.value,
            Person(
                rater.name,
                _(rater.role),
                rater.group or "",
                rater.rankings,
                figure_of(rater.name, of_each.micro),
                figure_of(rater.name, ties),
            ),
        )
        for rater, of_each, ties in zip(report.raters, rankings.of_each, rankings.ties_of_labeler, strict=False)
        if rater.rankings and rater.name is not None
    ]
    people.sort(key=lambda person: (person[0] is None, person[0] or 0.0, person[1].name))
    return [person for _value, person in people]
