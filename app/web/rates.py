"""Rates with intervals as rows of a table, each with its place on a shared axis."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from app.language import gettext as _
from app.language import mark
from app.web import charts
from app.web.charts import Axis, Mark
from trainer.contract.judging import Share

CHANCE = 0.5

Kind = Literal["model", "people", "rule", "bound"]


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}\u00a0%"


def points(value: float) -> str:
    """A difference of two rates in percentage points, without its sign."""
    return f"{100 * abs(value):.1f}"


@dataclass(frozen=True)
class Line:
    """A value that all rows of a table are read against."""

    at: float
    words: str
    kind: Literal["even", "whole"]


@dataclass(frozen=True)
class Row:
    """A rate with its interval, and where both are drawn.

    Attributes:
        kind: what the rate is of: the model, people, a simple rule, or a bound that was computed.
        note: a word about the row, small.
        unit: what was counted, where the rows of a table count different things.
    """

    name: str
    share: Share
    mark: Mark
    kind: Kind = "model"
    note: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Dots:
    """Rates under one axis, a row each; ``first``, ``value`` and ``counted`` head the columns."""

    caption: str
    first: str
    axis: Axis
    lines: Sequence[Line]
    rows: Sequence[Row]
    value: str = mark("Accuracy")
    counted: str = mark("Pairs")


def axis_of(shares: Iterable[Share]) -> Axis:
    """One axis that holds every rate, every interval and a coin's one half."""
    return charts.share_axis(number for s in shares for number in (s.value, s.low, s.high))


def rate_row(axis: Axis, name: str, share: Share, kind: Kind = "model", note: str = "", unit: str = "") -> Row:
    return Row(name, share, charts.mark(axis, share.value, share.low, share.high), kind, note, unit)


def even_line(axis: Axis) -> Line:
    """Where a coin would stand."""
    return Line(axis.at(CHANCE), _("even, 50 %%"), "even")
