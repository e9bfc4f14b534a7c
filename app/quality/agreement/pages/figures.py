"""Figures in words, alone and as pictures under one axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.language import gettext as _
from app.measures import CONVENTIONS, why
from app.quality.agreement.rules import filters as rules
from app.quality.agreement.rules.filters import CONVENTION_WORDS
from app.web import charts
from app.web.charts import Axis, Mark
from trainer.statistics.estimates import Estimate
from trainer.statistics.ranking_agreement import HEADLINE, TAU_B, Agreement


@dataclass(frozen=True)
class Figure:
    """A figure in words: ``value`` and ``interval``, or ``why`` there is none; ``mark`` is its place on an axis."""

    name: str
    value: str
    interval: str
    why: str
    pairs: int
    prompts: int
    people: int
    items: int
    mark: Mark


@dataclass(frozen=True)
class Picture:
    """Figures under one axis; ``reference`` is the stretch of a published figure, in percent of the axis."""

    name: str
    title: str
    first: str
    hint: str
    axis: Axis
    shares: bool
    rows: Sequence[Figure]
    reference: tuple[float, float, float] | None

    @property
    def unit(self) -> str:
        return "percent" if self.shares else "number"


@dataclass(frozen=True)
class Convention:
    """A way of counting ties, with its figure over pairs, over tasks, and of one person ranking again."""

    name: str
    meaning: str
    figures: Sequence[Figure]


def figure_of(name: str, estimate: Estimate, *, shares: bool = True, axis: Axis | None = None) -> Figure:
    counts = estimate.counts
    return Figure(
        name=name,
        value="" if estimate.value is None else _number(estimate.value, shares=shares),
        interval=_interval(estimate, shares=shares),
        why=why(estimate),
        pairs=counts.pairs,
        prompts=counts.prompts,
        people=counts.raters,
        items=counts.items,
        mark=Mark(None) if axis is None else charts.mark(axis, estimate.value, estimate.low, estimate.high),
    )


def convention_of(name: str, of: Agreement, themselves: Estimate) -> Convention:
    shares = name != TAU_B
    figures = [figure_of("", estimate, shares=shares) for estimate in (of.micro, of.macro, themselves)]
    return Convention(_(CONVENTION_WORDS[name]), _(CONVENTIONS[name]), figures)


def _number(value: float, *, shares: bool) -> str:
    return f"{100 * value:.1f}\u00a0%" if shares else f"{value:.3f}".replace("-", "−")


def _interval(estimate: Estimate, *, shares: bool) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    ends = (f"{100 * end:.1f}" if shares else f"{end:.3f}".replace("-", "−") for end in (estimate.low, estimate.high))
    return " – ".join(ends) + (_(" (Wilson)") if estimate.by_wilson else "")


def verdict_of(estimate: Estimate) -> str:
    """Where the headline stands beside the published figure."""
    if estimate.low is None or estimate.high is None:
        return ""
    low, high = rules.REFERENCE - rules.REFERENCE_MARGIN, rules.REFERENCE + rules.REFERENCE_MARGIN
    if estimate.high < low:
        return _("▼ the whole interval lies below the published figure")
    return _("▲ the whole interval lies above the published figure") if estimate.low > high else _("≈ overlaps it")


def picture_of(
    name: str, title: str, first: str, hint: str, rows: Iterable[tuple[str, Estimate]], convention: str
) -> Picture:
    estimates = list(rows)
    shares = convention != TAU_B
    numbers = [number for _name, of in estimates for number in (of.value, of.low, of.high) if number is not None]
    if shares:
        also = (0.5, rules.REFERENCE) if convention == HEADLINE else (0.5,)
        axis = charts.share_axis(numbers, also)
    else:
        axis = charts.number_axis(min([*numbers, 0.0]), max([*numbers, 1.0]))
    reference = None
    if convention == HEADLINE:
        ends = (rules.REFERENCE - rules.REFERENCE_MARGIN, rules.REFERENCE, rules.REFERENCE + rules.REFERENCE_MARGIN)
        low, middle, high = map(axis.at, ends)
        reference = (low, middle, round(high - low, 2))
    lines = [figure_of(row, of, shares=shares, axis=axis) for row, of in estimates]
    return Picture(name, title, first, hint, axis, shares, lines, reference)
