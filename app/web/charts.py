"""Where the marks of a picture stand: axes, points with intervals, histograms; pure.

Positions are percent of a picture's width (from the left) or height (from the top), so that a
picture fills any width without stretching its marks. Only ``Frame`` counts in SVG units.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NARROWEST_SHARES = 0.2


@dataclass(frozen=True)
class Axis:
    """A stretch of numbers with the ticks that are written along it."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Percent of the way from ``low`` to ``high``; what lies beyond an end is drawn at that end."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)


def share_axis(shares: Iterable[float | None], also: Sequence[float] = (0.5,)) -> Axis:
    """An axis of rates in whole tenths that holds every share and ``also``, and is at least two tenths long."""
    known = [share for share in (*shares, *also) if share is not None]
    low = max(0, math.floor(round(10 * min(known), 6)))
    high = min(10, math.ceil(round(10 * max(known), 6)))
    if high - low < 10 * NARROWEST_SHARES:
        high = min(10, low + 2)
        low = min(low, high - 2)
    step = 0.05 if high - low <= 2 else 0.1 if high - low <= 6 else 0.25
    return Axis(low / 10, high / 10, ticks_between(low / 10, high / 10, step))


def number_axis(low: float, high: float, most_ticks: int = 6) -> Axis:
    """An axis from ``low`` to ``high`` exactly, with about ``most_ticks`` ticks at 1, 2 or 5 times a power of 10."""
    if not high > low:
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / most_ticks
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    return Axis(low, high, ticks_between(low, high, step))


def ticks_between(low: float, high: float, step: float) -> tuple[float, ...]:
    """The multiples of ``step`` from ``low`` to ``high``, ends included."""
    digits = max(0, 2 - math.floor(math.log10(step)))
    first, last = math.ceil(round(low / step, 6)), math.floor(round(high / step, 6))
    return tuple(round(i * step, digits) for i in range(first, last + 1))


@dataclass(frozen=True)
class Mark:
    """A value and its interval on an axis; a part that is not known is None."""

    at: float | None
    low: float | None = None
    high: float | None = None


def mark(axis: Axis, value: float | None, low: float | None = None, high: float | None = None) -> Mark:
    return Mark(*(None if number is None else axis.at(number) for number in (value, low, high)))


@dataclass(frozen=True)
class Bar:
    """One bin of a histogram, standing on the bottom of its picture."""

    x: float
    width: float
    y: float
    height: float


def histogram(axis: Axis, edges: Sequence[float], shares: Sequence[float], tallest: float) -> tuple[Bar, ...]:
    """Bars of the bins that hold anything.

    Args:
        axis: the one of all pictures that are compared.
        edges: of the bins, in order, shape [bins + 1].
        shares: what each bin holds, shape [bins].
        tallest: the share whose bar fills the height; as for ``axis``, one for all.

    Returns:
        Nothing where edges and shares do not fit together.
    """
    if len(edges) != len(shares) + 1 or tallest <= 0:
        return ()
    bars = []
    for left, right, share in zip(edges, edges[1:], shares, strict=False):
        if share > 0:
            x, height = axis.at(left), round(100 * min(1.0, share / tallest), 2)
            bars.append(Bar(x, round(axis.at(right) - x, 2), round(100 - height, 2), height))
    return tuple(bars)


@dataclass(frozen=True)
class Frame:
    """The plotting area of a picture of fixed size, in SVG units, with an axis each way."""

    left: float
    top: float
    width: float
    height: float
    x: Axis
    y: Axis

    def across(self, value: float) -> float:
        return round(self.left + self.width * self.x.at(value) / 100, 2)

    def down(self, value: float) -> float:
        """Larger values stand higher, that is nearer to 0."""
        return round(self.top + self.height * (1 - self.y.at(value) / 100), 2)


def radius(count: int, largest: int, smallest_radius: float = 3.0, largest_radius: float = 9.0) -> float:
    """Of a point whose area, beyond the smallest that can be seen, grows with what it counts."""
    share = count / largest if largest else 0.0
    return round(math.sqrt(smallest_radius**2 + share * (largest_radius**2 - smallest_radius**2)), 2)
