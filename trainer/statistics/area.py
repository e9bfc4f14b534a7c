"""How well a score tells two groups apart: areas under the ROC and the precision–recall curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def placements(sample: ArrayLike, values: ArrayLike) -> Floats:
    """Of each value the share of a sample that lies below it, equal ones one half (DeLong et al. 1988).

    Args:
        sample: (N,), N > 0, in any order.
        values: (M,).

    Returns:
        (M,). Their mean is the area under the ROC curve of ``values`` above ``sample``.
    """
    ordered = np.sort(np.asarray(sample, dtype=np.float64))
    left, right = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    found: Floats = (left + right) / (2 * len(ordered))
    return found


def roc_auc(negatives: Sequence[float], positives: Sequence[float]) -> float | None:
    """The chance that a positive scores above a negative, equal scores half: the area under the ROC curve.

    Mann & Whitney's U over the product of the sizes (1947). None where one side is empty.
    """
    if not len(negatives) or not len(positives):
        return None
    return float(placements(negatives, positives).mean())


def pr_auc(negatives: Sequence[float], positives: Sequence[float]) -> float | None:
    """Area under precision over recall by trapezoids, a point for each threshold.

    Linear between points, so a little above or below average precision where many scores are equal (Davis & Goadrich
    2006). None where one side is empty.
    """
    if not len(negatives) or not len(positives):
        return None
    scores = np.concatenate([np.asarray(side, dtype=np.float64) for side in (negatives, positives)])
    order = np.argsort(-scores, kind="stable")
    found, kept = np.cumsum(order >= len(negatives)), np.arange(1, len(scores) + 1)
    last_of_its_score = np.append(np.diff(scores[order]) != 0, True)
    # Beyond the lowest threshold at which all are found precision only falls, and recall stands still.
    recall = np.concatenate([[0.0], found[last_of_its_score] / len(positives)])
    precision = np.concatenate([[1.0], (found / kept)[last_of_its_score]])
    return float(np.sum(np.diff(recall) * (precision[1:] + precision[:-1]) / 2))
