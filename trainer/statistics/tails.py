"""Chances of the distributions behind single tests, tests in families, and the interval of a median."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import special

from trainer.statistics.interval import LEVEL


def normal_tail(z: float) -> float:
    """P(Z ≥ z) of a standard normal variable."""
    return float(special.ndtr(-z))


def kolmogorov_tail(x: float) -> float:
    """P(max |B(t)| ≥ x) of a Brownian bridge B on [0, 1] (Kolmogorov 1933); 1 for x ≤ 0."""
    return float(special.kolmogorov(x))


def binomial_tail(successes: int, chances: Sequence[tuple[int, float]]) -> float:
    """P(X ≥ successes), X the successes among independent trials of several kinds.

    Args:
        successes: at least so many; 0 or fewer are certain.
        chances: (number of trials, chance of each) of every kind of trial; one pair is the binomial distribution.
    """
    mass = np.ones(1)
    for trials, chance in chances:
        mass = np.convolve(mass, binomial(trials, chance))
    # Adding from the smallest keeps far tails exact.
    return float(min(1.0, np.sort(mass[max(successes, 0) :]).sum()))


def binomial(trials: int, chance: float) -> np.ndarray:
    """Chances of 0 … ``trials`` successes: (trials + 1,)."""
    k = np.arange(trials + 1)
    logs = special.gammaln(trials + 1) - special.gammaln(k + 1) - special.gammaln(trials - k + 1)
    # 0 · log 0 counts as 0: what is certain or impossible needs no case of its own.
    found: np.ndarray = np.exp(logs + special.xlogy(k, chance) + special.xlog1py(trials - k, -chance))
    return found


@lru_cache(maxsize=4096)
def median_interval(count: int) -> int | None:
    """How many of ``count`` ordered values to leave out at each end for an interval of at least 95 % of their median.

    Between order statistics (Conover 1999, §3.2); None where even all values are not enough: below six.
    """
    below = np.cumsum(binomial(count, 0.5))
    left_out = int((below <= (1 - LEVEL) / 2).sum()) - 1
    return left_out if left_out >= 0 else None


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
