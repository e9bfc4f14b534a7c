"""Agreement over months, as a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.quality.agreement.pages.figures import Figure, figure_of
from app.quality.agreement.rules import filters as rules
from app.web import charts
from app.web.charts import Axis, Frame
from trainer.statistics.ranking_agreement import HEADLINE, TAU_B, Agreement


@dataclass(frozen=True)
class Point:
    """A month in the line over time, in units of the picture."""

    x: float
    y: float | None
    low: float | None
    high: float | None
    figure: Figure


@dataclass(frozen=True)
class TimeLine:
    """The line over months; ``lines`` are its unbroken stretches."""

    frame: Frame
    points: Sequence[Point]
    lines: Sequence[str]
    bands: Sequence[str]
    reference: tuple[float, float] | None
    shares: bool


def time_line(months: Sequence[tuple[str, Mapping[str, Agreement]]], convention: str) -> TimeLine | None:
    """The line, if there are two months with a value."""
    estimates = [(name, of[convention].micro) for name, of in months]
    numbers = [number for _name, of in estimates for number in (of.value, of.low, of.high) if number is not None]
    if sum(of.value is not None for _name, of in estimates) < 2:
        return None
    shares = convention != TAU_B
    also = (0.5, rules.REFERENCE) if convention == HEADLINE else (0.5,)
    y = charts.share_axis(numbers, also) if shares else charts.number_axis(min([*numbers, 0.0]), max(numbers))
    frame = Frame(46, 12, 640, 196, Axis(-0.5, len(estimates) - 0.5, ()), y)
    points = [
        Point(
            frame.across(position),
            None if of.value is None else frame.down(of.value),
            None if of.low is None else frame.down(of.low),
            None if of.high is None else frame.down(of.high),
            figure_of(name, of, shares=shares),
        )
        for position, (name, of) in enumerate(estimates)
    ]
    reference = None
    if convention == HEADLINE:
        top = frame.down(rules.REFERENCE + rules.REFERENCE_MARGIN)
        reference = (top, round(frame.down(rules.REFERENCE - rules.REFERENCE_MARGIN) - top, 2))
    stretches = _unbroken(points)
    lines = [" ".join(f"{point.x},{point.y}" for point in stretch) for stretch in stretches]
    return TimeLine(
        frame, points, lines, [band for stretch in stretches for band in _bands(stretch)], reference, shares
    )


def _unbroken(points: Sequence[Point]) -> list[list[Point]]:
    stretches: list[list[Point]] = [[]]
    for point in points:
        if point.y is None:
            stretches.append([])
        else:
            stretches[-1].append(point)
    return [stretch for stretch in stretches if stretch]


def _bands(stretch: Sequence[Point]) -> list[str]:
    known = [point for point in stretch if point.low is not None and point.high is not None]
    if len(known) < 2:
        return []
    there = [f"{point.x},{point.high}" for point in known]
    back = [f"{point.x},{point.low}" for point in reversed(known)]
    return [" ".join([*there, *back])]
