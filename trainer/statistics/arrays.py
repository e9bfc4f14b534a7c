"""Kinds of arrays, and sums and quotients of their columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[Any]
"""Of any width: narrow ones where many are kept."""
Mask = NDArray[np.bool_]


def by_group(groups: Integers, values: Floats, count: int) -> Floats:
    """Sums of the rows of each group, 0 … count - 1: (N,), (N, S) -> (count, S)."""
    found = np.empty((count, values.shape[1]))
    for column in range(values.shape[1]):
        found[:, column] = np.bincount(groups, weights=values[:, column], minlength=count)
    return found


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, NaN where the denominator is not above 0."""
    found: Floats = np.where(denominator > 0, numerator / np.where(denominator > 0, denominator, 1), np.nan)
    return found
