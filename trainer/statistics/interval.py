"""Intervals that are a formula of few numbers; plain Python, so that whoever needs no arrays loads none."""

from __future__ import annotations

import math

LEVEL = 0.95
"""What share of intervals hold the truth, everywhere in the product."""
NORMAL = 1.959963984540054
"""The standard normal distribution lies between -NORMAL and NORMAL with the chance ``LEVEL``."""
_ROUNDING = 1e-9
"""A quotient of two sums of the same numbers may leave 0 and 1 by as much."""


def wilson(share: float, n: float, quantile: float = NORMAL) -> tuple[float, float]:
    """Interval of a share among independent trials (Wilson 1927).

    (p + z²/2n ± z √(p (1 - p)/n + z²/4n²)) / (1 + z²/n). It stays within 0 and 1 and has a width also where all trials
    went the same way.

    Args:
        share: p, 0 to 1.
        n: number of trials, above 0, or how many independent ones the data are worth; it need not be whole.
        quantile: z; Student's where the spread itself was estimated.

    Raises:
        ValueError: there are no trials, or the share lies outside of 0 and 1.
    """
    if not (n > 0 and -_ROUNDING <= share <= 1 + _ROUNDING):
        raise ValueError(f"a share of {share} of {n} trials has no interval")
    share = min(max(share, 0.0), 1.0)
    square = quantile**2 / n
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(square * (share * (1 - share) + square / 4)) / (1 + square)
    # Rounding must not move an end that is 0 or 1 by the formula.
    return max(0.0, middle - half) if share > 0 else 0.0, min(1.0, middle + half) if share < 1 else 1.0


def hanley_mcneil(area: float, negatives: int, positives: int) -> tuple[float, float]:
    """Interval of the area under a ROC curve (Hanley & McNeil 1982), within 0 and 1.

    With Q1 = A / (2 - A), Q2 = 2 A² / (1 + A): variance (A (1 - A) + (m - 1)(Q1 - A²) + (n - 1)(Q2 - A²)) / (n m) for n
    negatives and m positives. Where the two sides are told apart without an error the variance is 0, so the interval is
    that of an area half a pair away from the end.

    Args:
        area: A, 0 to 1.
        negatives: n, at least 1.
        positives: m, at least 1.
    """
    pairs = negatives * positives
    inside = min(max(area, 0.5 / pairs), 1 - 0.5 / pairs)
    q1, q2 = inside / (2 - inside), 2 * inside**2 / (1 + inside)
    spread = inside * (1 - inside) + (positives - 1) * (q1 - inside**2) + (negatives - 1) * (q2 - inside**2)
    half = NORMAL * math.sqrt(max(spread / pairs, 0.0))
    return max(0.0, min(area, inside - half)), min(1.0, max(area, inside + half))
