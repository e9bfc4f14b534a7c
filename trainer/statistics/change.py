"""Whether the mean of a sequence changes somewhere: the cumulative sum of deviations from the sequence's own mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.statistics.arrays import Floats
from trainer.statistics.tails import kolmogorov_tail

LINE = 1.3581
"""A bridge that does not drift stays between -LINE and LINE with a chance of 95 %: Kolmogorov's quantile."""


@dataclass(frozen=True)
class Change:
    """The likeliest moment of a change.

    Attributes:
        turn: place of the last value before it.
        shift: the mean after it minus the mean before it.
        p: the chance of as large an excursion if nothing changed.
        path: (M,) the cumulative sum S_k / (σ √M), which ends at 0; for a chart with lines at ± ``LINE``.
    """

    turn: int
    shift: float
    p: float
    path: Floats


def change(values: Floats) -> Change | None:
    """Look for a change in the mean of a sequence.

    If nothing changed, the path is a Brownian bridge, whose largest excursion has Kolmogorov's distribution (Brown,
    Durbin & Evans 1975; Ploberger & Krämer 1992); if something did, the bridge peaks where it happened.

    Args:
        values: (M,) in their order.

    Returns:
        None where all values are the same, or there are fewer than two.
    """
    if len(values) < 2:
        return None
    deviations = values - values.mean()
    spread = float(np.sqrt((deviations**2).mean()))
    if spread == 0:
        return None
    path = np.cumsum(deviations) / (spread * np.sqrt(len(values)))
    turn = int(np.abs(path[:-1]).argmax())
    before, after = values[: turn + 1], values[turn + 1 :]
    return Change(turn, float(after.mean() - before.mean()), kolmogorov_tail(float(np.abs(path).max())), path)
