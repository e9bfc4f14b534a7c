"""What people say together: an order of each task and how sure it is, an answer to each flag, how labelers count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from trainer.statistics.arrays import Floats, Integers, Mask
from trainer.statistics.consensus import Consensus, consensus
from trainer.statistics.crowd import dawid_skene
from trainer.statistics.estimates import Counts, Estimate, Undefined
from trainer.statistics.interval import wilson
from trainer.statistics.rankings import Judgements, RankingPairs
from trainer.statistics.reliability import Reliabilities, judged_by_several, reliabilities

Method = Literal["reliability", "davidson"]
TIE_BELOW = 0.6
"""With it consensus orders have about as many ties as those of the people they are made of."""
_FEWEST_ITEMS = 1.0
_PSEUDO_COUNTS = 1.0
"""Added to every cell of a labeler's error rates on a flag (a uniform prior): rare flags leave cells empty."""


@dataclass(frozen=True)
class LabelerFigures:
    """How one labeler's rankings follow what all see together.

    * ``reliability``: how often they put the better of two answers first whose worths differ by one standard
      deviation of the worths of a prompt, where they do not tie them; one half is guessing.
    * ``position_bias``: how often what stands first on their screen comes first among equals; one half is fair.
    * ``weight``: what a ranking of theirs counts in training: β, at least 0, which is the factor that it has in the
      gradient of the consensus. One who shares no task with anybody has that of the typical labeler.
    * ``rankings``, ``shared_tasks``, ``shared_pairs``: how many they ranked; how many tasks somebody else ranked too,
      and the pairs of answers in these, from which the figures are.
    * ``left_out``: their reliability lies below the bound that was asked for.
    """

    reliability: Estimate
    position_bias: Estimate
    weight: float
    rankings: int
    shared_tasks: int
    shared_pairs: int
    left_out: bool


@dataclass(frozen=True)
class TaskFigures:
    """What the rankings of one task say together.

    * ``consensus``: None where ``undefined`` says why.
    * ``rankings``, ``labelers``: that it is made of; ``left_out`` rankings are of unreliable labelers.
    * ``disagreement``: of the ``compared`` pairs of answers that two people both put in an order, the share in
      opposite orders. Undefined with one person, or where nobody put the same pair in an order.
    """

    consensus: Consensus | None
    undefined: Undefined | None
    rankings: int
    labelers: int
    left_out: int
    disagreement: float | None
    compared: int
    no_disagreement: Undefined | None


@dataclass(frozen=True)
class Fit:
    """Worths of answers and habits of labelers, from which any number of orders can be read.

    ``habits`` are of each labeler, from all rankings; ``worths`` are from the rankings ``kept`` (R,), by the method
    that was asked for.
    """

    judgements: Judgements
    method: Method
    habits: Reliabilities
    worths: Reliabilities
    labelers: list[LabelerFigures]
    kept: Mask


def fit(
    judgements: Judgements,
    *,
    method: Method = "reliability",
    min_reliability: float = 0.0,
    unknown: Mask | None = None,
) -> Fit:
    """Find out about labelers, leave out those below a reliability, and find the worths of answers.

    A reliability that is undefined is below no bound: nothing speaks against that labeler.

    Args:
        judgements: of all labelers.
        method: whether everybody's word has the same weight.
        min_reliability: 0 to 1, on the scale of ``LabelerFigures.reliability``.
        unknown: (L,) who is nobody in particular: whose rankings are of people whom nobody knows. They are below no
            bound, for what is found of them is true of none of these people.
    """
    habits = reliabilities(judgements)
    below = (habits.judged > 0) & (habits.reliability < min_reliability)
    if unknown is not None:
        below &= ~unknown
    kept = ~below[judgements.labeler]
    used = judgements if kept.all() else judgements.only(kept)
    again = method == "davidson" or not kept.all()
    worths = reliabilities(used, alike=method == "davidson") if again else habits
    return Fit(judgements, method, habits, worths, _labelers(judgements, habits, below), kept)


def _labelers(judgements: Judgements, habits: Reliabilities, below: Mask) -> list[LabelerFigures]:
    count = len(habits.judged)
    rankings = np.bincount(judgements.labeler, minlength=count)
    shared = judged_by_several(judgements.task, judgements.labeler)
    tasks = np.unique(np.stack([judgements.labeler[shared], judgements.task[shared]], axis=1), axis=0)
    shared_tasks = np.bincount(tasks[:, 0], minlength=count)
    return [
        LabelerFigures(
            reliability=_share(habits.reliability, habits.reliability_interval, one, habits),
            position_bias=_share(habits.position_bias, habits.position_bias_interval, one, habits),
            weight=max(float(habits.discrimination[one]), 0.0),
            rankings=int(rankings[one]),
            shared_tasks=int(shared_tasks[one]),
            shared_pairs=int(habits.judged[one]),
            left_out=bool(below[one]),
        )
        for one in range(count)
    ]


def _share(values: Floats, bounds: tuple[Floats, Floats], one: int, habits: Reliabilities) -> Estimate:
    if not habits.judged[one]:
        return Estimate(None, undefined=Undefined.SHARES_NOTHING)
    counts = Counts(pairs=int(habits.judged[one]))
    return Estimate(float(values[one]), float(bounds[0][one]), float(bounds[1][one]), counts)


def orders(found: Fit, *, tie_below: float = TIE_BELOW) -> list[TaskFigures]:
    """The consensus of each task, (T,), in the order of their numbers.

    What a single ranking says is its own consensus, with its own ties: there is nobody whom it could be weighed
    against. Its uncertainty is that of one person's word.

    Args:
        found: the fit.
        tie_below: how likely the order of two neighbours must be, ½ to 1; below it they share a rank.
    """
    judgements = found.judgements
    tasks = int(judgements.task.max(initial=-1)) + 1
    everybody = np.bincount(judgements.task, minlength=tasks)
    used = np.bincount(judgements.task[found.kept], minlength=tasks)
    people = np.unique(np.stack([judgements.task[found.kept], judgements.labeler[found.kept]], axis=1), axis=0)
    labelers = np.bincount(people[:, 0], minlength=tasks)
    strict = np.zeros(tasks, dtype=bool)
    strict[judgements.task[judgements.ranking[(judgements.sign != 0) & found.kept[judgements.ranking]]]] = True
    said = consensus(found.worths, certain=tie_below, alone=_alone(judgements, found.kept, used))
    pairs = RankingPairs.of(judgements.only(found.kept)).between_people()
    agreed, opposed = (
        np.bincount(pairs.task, counts, tasks).astype(np.int64) for counts in (pairs.agreed, pairs.reversed)
    )
    return [
        TaskFigures(
            consensus=said.get(task) if strict[task] else None,
            undefined=None if strict[task] else _why_no_order(int(used[task]), int(everybody[task])),
            rankings=int(used[task]),
            labelers=int(labelers[task]),
            left_out=int(everybody[task] - used[task]),
            disagreement=float(opposed[task] / both) if (both := agreed[task] + opposed[task]) else None,
            compared=int(both),
            no_disagreement=None if both else Undefined.NO_STRICT_PAIR if labelers[task] > 1 else Undefined.NO_PAIRS,
        )
        for task in range(tasks)
    ]


def _why_no_order(used: int, everybody: int) -> Undefined:
    if used:
        return Undefined.ALL_EQUAL
    return Undefined.LEFT_OUT if everybody else Undefined.NO_RANKING


def _alone(judgements: Judgements, kept: Mask, used: Integers) -> dict[int, dict[int, int]]:
    """Tasks with a single ranking, 1 2 2 4: one more than the answers that beat each one, by task and answer."""
    task = judgements.task[judgements.ranking]
    rows = np.flatnonzero((used[task] == 1) & kept[judgements.ranking])
    answers, signs = judgements.answers[judgements.pair[rows]], judgements.sign[rows]
    found: dict[int, dict[int, int]] = {}
    for of, (one, other), sign in zip(task[rows].tolist(), answers.tolist(), signs.tolist(), strict=True):
        beaten = found.setdefault(of, {})
        beaten[one] = beaten.get(one, 1) + (sign < 0)
        beaten[other] = beaten.get(other, 1) + (sign > 0)
    return found


@dataclass(frozen=True)
class FlagVotes:
    """Answers to one yes-or-no question: ``items``, ``raters`` and ``values`` (N,), 1 for yes, numbered from 0."""

    items: Integers
    raters: Integers
    values: Integers


@dataclass(frozen=True)
class FlagFigures:
    """What is probably true of each item, and how well each rater sees it.

    * ``chance``: (I,) that the flag applies; ``votes``, ``yes``: (I,) behind it.
    * ``prevalence``: how common it is among the items.
    * ``sees``, ``spares``: (R,) how often a rater says yes where it applies, and no where it does not (sensitivity
      and specificity), with 95 % intervals; ``applies``, ``applies_not``: (R,) from how many expected items.
    * ``undefined``: why error rates cannot be told; the chances are then shares of votes.
    """

    chance: Floats
    votes: Integers
    yes: Integers
    prevalence: float
    sees: list[Estimate]
    spares: list[Estimate]
    applies: Floats
    applies_not: Floats
    undefined: Undefined | None = None


def flags(votes: FlagVotes, *, items: int, raters: int) -> FlagFigures:
    """Dawid & Skene's model of one flag, with a uniform prior on error rates.

    Where no two people judged the same item error rates are not determined, and every vote is taken at its word.

    Args:
        votes: one per rater and item.
        items: I.
        raters: R.
    """
    count = np.bincount(votes.items, minlength=items)
    yes = np.bincount(votes.items[votes.values == 1], minlength=items)
    shared = judged_by_several(votes.items, votes.raters)
    if not shared.any():
        share = np.where(count > 0, yes / np.maximum(count, 1), 0.0)
        nothing = [Estimate(None, undefined=Undefined.NO_PAIRS)] * raters
        none = np.zeros(raters, dtype=np.float64)
        prevalence = float(share[count > 0].mean()) if count.any() else 0.0
        return FlagFigures(share, count, yes, prevalence, nothing, nothing, none, none, Undefined.NO_PAIRS)
    found = dawid_skene(votes.items, votes.raters, votes.values, shape=(items, raters, 2), smoothing=_PSEUDO_COUNTS)
    chance = found.posterior[:, 1]
    weights = chance[votes.items]
    applies, applies_not = (np.bincount(votes.raters, by, raters).astype(np.float64) for by in (weights, 1 - weights))
    seen = np.bincount(votes.raters, weights * votes.values, raters)
    spared = np.bincount(votes.raters, (1 - weights) * (1 - votes.values), raters)
    return FlagFigures(
        chance,
        count,
        yes,
        float(chance[count > 0].mean()),
        [_share_of_expected(*each) for each in zip(seen, applies, strict=True)],
        [_share_of_expected(*each) for each in zip(spared, applies_not, strict=True)],
        applies,
        applies_not,
    )


def _share_of_expected(right: float, expected: float) -> Estimate:
    """The share of so many expected items, which need not be a whole number, with Wilson's interval."""
    if expected < _FEWEST_ITEMS:
        return Estimate(None, undefined=Undefined.TOO_FEW_EXPECTED)
    value = float(right / expected)
    return Estimate(value, *wilson(value, float(expected)), Counts(pairs=round(expected)))
