"""One order of a prompt's answers out of several people's, with how sure it is; and what a majority says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import sqrt

import numpy as np

from trainer.statistics.arrays import Floats, Integers
from trainer.statistics.rankings import Judgements
from trainer.statistics.reliability import Reliabilities
from trainer.statistics.tails import normal_tail

CERTAIN = 0.75
"""An order that is less likely than this is left a tie."""


@dataclass(frozen=True)
class Consensus:
    """The answers of one task from best to worst.

    ``better[i]`` is the chance that answer i is truly better than answer i + 1; where it lies below the limit that was
    asked for, the two share a rank. ``errors`` are standard deviations of the worths.
    """

    answers: list[int]
    ranks: list[int]
    worths: list[float]
    errors: list[float]
    better: list[float]
    misorder: float
    """Probability of misorder: the mean over all pairs of answers of the chance that the lower one is truly the better.
    0 is certain, ½ knows nothing. Unlike the certainty it can be compared between short and long orders."""

    @property
    def certainty(self) -> float:
        """The chance of the least certain step of the order; 1 for a single answer. A weight for training data."""
        return min(self.better, default=1.0)


def consensus(
    found: Reliabilities, *, certain: float = CERTAIN, alone: Mapping[int, Mapping[int, int]] | None = None
) -> dict[int, Consensus]:
    """The consensus of each task, from worths that weigh every labeler by their reliability.

    Args:
        found: the fit; each task's worths are normal with its covariance.
        certain: how likely the order of two neighbours must be, ½ to 1; ½ leaves no ties.
        alone: the ranks of answers in tasks that have a single ranking, by task and answer: they stand as they are.
    """
    alone = alone or {}
    bounds = np.searchsorted(found.task, np.arange(len(found.covariance) + 1))
    everything: dict[int, Consensus] = {}
    for task, (start, end) in enumerate(pairwise(bounds)):
        if end == start:
            continue
        worth, covariance = found.worth[start:end], found.covariance[task]
        answers = found.answer[start:end].tolist()
        own = alone.get(task)
        order = (
            np.lexsort((-worth, np.array([own[answer] for answer in answers])))
            if own
            else np.argsort(-worth, kind="stable")
        )
        variances = np.diagonal(covariance)
        chances = {
            (i, j): normal_tail((worth[j] - worth[i]) / sqrt(variances[i] + variances[j] - 2 * covariance[i, j]))
            for i, j in combinations(order.tolist(), 2)
        }
        better = [chances[step] for step in pairwise(order.tolist())]
        ranks = [1]
        for place, chance in enumerate(better):
            one, other = (answers[order[place + step]] for step in (0, 1))
            apart = own[one] != own[other] if own else chance >= certain
            ranks.append(place + 2 if apart else ranks[-1])
        everything[task] = Consensus(
            [answers[i] for i in order],
            ranks,
            [float(one) for one in worth[order]],
            [sqrt(covariance[i, i]) for i in order],
            better,
            sum(1 - chance for chance in chances.values()) / max(len(chances), 1),
        )
    return everything


def majority(judgements: Judgements) -> tuple[Integers, Floats]:
    """The verdict that most people gave on each pair, and its share of the votes: the baseline.

    Returns:
        Signs (P,), 0 also where two verdicts have the same number of votes; shares (P,), NaN without a vote.
    """
    pairs = len(judgements.answers)
    votes = np.bincount(judgements.pair * 3 + judgements.sign + 1, minlength=pairs * 3).reshape(pairs, 3)
    most = votes.max(axis=1, keepdims=True)
    alone = (votes == most).sum(axis=1) == 1
    with np.errstate(invalid="ignore"):
        shares = most[:, 0] / votes.sum(axis=1)
    return np.where(alone, votes.argmax(axis=1) - 1, 0), shares


def plurality(judgements: Judgements) -> Integers:
    """The verdicts of the whole order that most people gave of a task, the earliest among equals: signs (P,).

    Rankings of a task that hold other answers are other orders. A pair that the chosen order does not hold is a tie.
    """
    by_ranking = np.lexsort((judgements.pair, judgements.ranking))
    bounds = np.flatnonzero(np.diff(judgements.ranking[by_ranking], prepend=-1, append=-1))
    votes: dict[int, dict[tuple[bytes, bytes], int]] = {}
    for start, end in pairwise(bounds.tolist()):
        rows = by_ranking[start:end]
        order = (judgements.pair[rows].tobytes(), judgements.sign[rows].tobytes())
        of_task = votes.setdefault(int(judgements.task[judgements.ranking[rows[0]]]), {})
        of_task[order] = of_task.get(order, 0) + 1
    signs = np.zeros(len(judgements.answers), dtype=np.int64)
    for orders in votes.values():
        pairs, said = max(orders, key=lambda order: orders[order])
        signs[np.frombuffer(pairs, judgements.pair.dtype)] = np.frombuffer(said, judgements.sign.dtype)
    return signs
