"""Whether claimed probabilities mean what they say."""

from __future__ import annotations

import numpy as np

from trainer.statistics.arrays import Floats, Integers


def bins_of(claimed: Floats, edges: Floats) -> Integers:
    """The bin of each claimed probability: (N,) -> (N,), 0 … B - 1, from the edges (B + 1,) in ascending order.

    A bin holds its lower edge; the last one holds the uppermost edge too.
    """
    return np.clip(np.searchsorted(edges, claimed, side="right") - 1, 0, len(edges) - 2)


def expected_calibration_error(counts: Integers, claimed: Floats, observed: Floats) -> float | None:
    """Mean of |claimed - observed| over all predictions (Naeini et al. 2015); None without any.

    Args:
        counts: (B,) predictions in each bin.
        claimed: (B,) their mean claimed probability.
        observed: (B,) the share of them that came true.
    """
    total = np.sum(counts)
    return float(np.sum(counts * np.abs(np.asarray(claimed) - observed)) / total) if total else None
