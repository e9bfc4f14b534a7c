"""Chances and intervals of the few distributions that the reports on single people need.

They are written out because the product carries no statistics library; the tests hold each to scipy or statsmodels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from app.quality.rules.resamples import Floats

LEVEL = 0.95


def normal_tail(z: float) -> float:
    """P(Z ≥ z) of a standard normal variable."""
    return math.erfc(z / math.sqrt(2)) / 2


def student_tail(t: float, df: float) -> float:
    """P(T ≥ t) of Student's t with ``df`` > 0 degrees of freedom, by the incomplete beta function."""
    # The smaller of the two sides of the beta function keeps its digits: the middle near 0, the tails far out.
    near = abs(t) < 1
    middle = incomplete_beta(0.5, df / 2, t * t / (df + t * t)) if near else None
    both_sides = incomplete_beta(df / 2, 0.5, df / (df + t * t)) if middle is None else 1 - middle
    return both_sides / 2 if t >= 0 else 1 - both_sides / 2


@lru_cache(maxsize=4096)
def student_quantile(share: float, df: float) -> float:
    """The t with P(T ≤ t) = ``share``, ½ < share < 1, by bisection; relative error below 1e-12."""
    low, high = 0.0, 2.0
    while student_tail(high, df) > 1 - share:
        low, high = high, high * 2
    for _step in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if student_tail(middle, df) > 1 - share else (low, middle)
    return (low + high) / 2


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22), modified Lentz."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # there the fraction converges slowly, but not that of the other side
        return 1 - incomplete_beta(b, a, 1 - x)
    tiny = 1e-300
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1), tiny)
    value = d
    for m in range(1, 1000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + step * d, tiny)
            c = _away_from_zero(1 + step / c, tiny)
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * value / a


def _away_from_zero(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny


def binomial_tail(successes: int, chances: Sequence[tuple[int, float]]) -> float:
    """P(X ≥ successes), X the successes among independent trials.

    Args:
        successes: at least so many.
        chances: (number of trials, chance of each) of every kind of trial; one pair is the binomial distribution.
    """
    mass: Floats = np.ones(1)
    for trials, chance in chances:
        if trials:
            mass = np.convolve(mass, _binomial(trials, chance))
    # Adding from the smallest keeps far tails exact.
    return float(min(1.0, np.sort(mass[max(successes, 0) :]).sum()))


def _binomial(trials: int, chance: float) -> Floats:
    """Chances of 0 … trials successes."""
    if chance <= 0 or chance >= 1:
        sure = np.zeros(trials + 1)
        sure[trials if chance >= 1 else 0] = 1.0
        return sure
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, trials + 1)))])
    k = np.arange(trials + 1)
    logs = factorials[-1] - factorials - factorials[::-1] + k * math.log(chance) + (trials - k) * math.log1p(-chance)
    found: Floats = np.exp(logs)
    return found


@lru_cache(maxsize=4096)
def median_interval(count: int) -> int | None:
    """How many of ``count`` ordered values to leave out at each end for an interval of at least 95 % of their median.

    None where even all of them are not enough: below six values.
    """
    left_out, chance = -1, 0.0
    mass = _binomial(count, 0.5)
    while chance + mass[left_out + 1] <= (1 - LEVEL) / 2:
        left_out += 1
        chance += float(mass[left_out])
    return left_out if left_out >= 0 else None


def kolmogorov_tail(x: float) -> float:
    """P(max |B(t)| ≥ x) of a Brownian bridge B on [0, 1] (Kolmogorov 1933)."""
    if x < 0.2:  # the chance is 1 up to 1e-12, and the series below converges slowly
        return 1.0
    terms = (2 * (-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 101))
    return min(1.0, max(0.0, math.fsum(terms)))


def share_interval(share: float, n: float, quantile: float | None = None) -> tuple[float, float]:
    """Wilson's 95 % interval of a share among ``n`` > 0 independent trials, or as many as it is worth (Wilson 1927).

    Args:
        share: 0 to 1.
        n: need not be whole.
        quantile: instead of the normal distribution's 1.96, where the spread itself was estimated.
    """
    z2 = (student_quantile_of_normal() if quantile is None else quantile) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # Rounding must not push the ends of 0 and 1 outwards.
    return max(0.0, middle - half), min(1.0, middle + half)


def student_quantile_of_normal() -> float:
    """1.959964, the normal distribution's quantile of 97.5 %."""
    return 1.959963984540054


def holm(chances: Sequence[float]) -> list[float]:
    """Adjusted p-values of a family of tests (Holm 1979), in the order given.

    Alarms where the adjusted value is at most α are, with chance 1 - α, all true, however the tests hang together.
    """
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    adjusted, largest = [0.0] * len(chances), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(chances) - rank) * chances[place]))
        adjusted[place] = largest
    return adjusted
