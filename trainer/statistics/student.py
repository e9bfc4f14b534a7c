"""Student's t, and the interval of the mean of a sample."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from trainer.statistics.interval import LEVEL


def student_tail(t: float, df: float) -> float:
    """P(T ≥ t) of Student's t with ``df`` > 0 degrees of freedom, which need not be whole."""
    return float(special.stdtr(df, -t))


def student_quantile(share: float, df: float) -> float:
    """The t with P(T ≤ t) = ``share``, 0 < share < 1."""
    return float(special.stdtrit(df, share))


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Interval of the mean of n independent values: x̄ ± t_{n-1} s / √n (Student 1908), s² with the divisor n - 1.

    None for fewer than two values, which show no spread.
    """
    n = len(values)
    if n < 2:
        return None
    mean = float(np.mean(values))
    half = student_quantile((1 + LEVEL) / 2, n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return mean - half, mean + half
