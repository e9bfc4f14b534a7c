"""Cross-validation by labeler group: does the model generalise to people it has not learned from?"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np

from trainer.contract.judging import CrossValidation, Fold, Share


def labeler_folds(counts: Mapping[str, int], folds: int, seed: int) -> list[list[str]]:
    """Put people into groups with about equal data (InstructGPT §4.1, E.2 has five).

    The person with the most data comes first; each goes to the group with the least so far
    (longest processing time first: no group exceeds the best possible largest one by more than
    a third, Graham 1969). The seed decides between people with equally much.

    Args:
        counts: labeler -> how much they contributed, e.g. strict pairs.
        folds: number of groups, at least 1.
        seed: of the order among equals.

    Returns:
        The groups, each sorted by name; none is empty.

    Raises:
        ValueError: there are fewer people than groups.
    """
    if len(counts) < folds:
        people = "one labeler" if len(counts) == 1 else f"{len(counts)} labelers"
        raise ValueError(
            f"Only {people} ranked here, too few for {folds} groups that are left out in turn. "
            "Ask for fewer folds or use a snapshot with more people."
        )
    names = sorted(counts)
    random.Random(seed).shuffle(names)
    names.sort(key=lambda name: -counts[name])
    groups: list[list[str]] = [[] for _ in range(folds)]
    loads = [0] * folds
    for name in names:
        # Of equal loads the group with fewer people: so nobody without data leaves a group empty.
        lightest = min(range(folds), key=lambda fold: (loads[fold], len(groups[fold])))
        groups[lightest].append(name)
        loads[lightest] += counts[name]
    return [sorted(group) for group in groups]


def named_groups(groups: Mapping[str, str | None]) -> dict[str, list[str]]:
    """The labeler groups that people belong to, each with its people, sorted by name.

    Args:
        groups: labeler -> the name of their group; people without one are in no group, and so never left out.

    Raises:
        ValueError: there are fewer than two groups, so that leaving one out leaves none.
    """
    found: dict[str, list[str]] = {}
    for labeler, group in sorted(groups.items()):
        if group:
            found.setdefault(group, []).append(labeler)
    if len(found) < 2:
        there = f"only the labeler group “{next(iter(found))}”" if found else "no labeler group"
        raise ValueError(
            f"The people who ranked here have {there}, and leaving one out needs two. "
            "Give people groups and freeze again, or let the groups be drawn."
        )
    return dict(sorted(found.items()))


def summary(folds: Sequence[Fold]) -> CrossValidation:
    """Means and deviations over the trainings; those where nothing was counted are left out."""
    seen_mean, seen_deviation = _spread([fold.seen for fold in folds])
    unseen_mean, unseen_deviation = _spread([fold.unseen for fold in folds])
    return CrossValidation(
        folds=list(folds),
        seen_mean=seen_mean,
        seen_deviation=seen_deviation,
        unseen_mean=unseen_mean,
        unseen_deviation=unseen_deviation,
    )


def _spread(shares: Sequence[Share]) -> tuple[float | None, float | None]:
    """Mean and standard deviation (n − 1); None where there are too few."""
    values = [share.value for share in shares if share.value is not None]
    mean = float(np.mean(values)) if values else None
    return mean, float(np.std(values, ddof=1)) if len(values) > 1 else None
