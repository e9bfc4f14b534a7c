"""Whether a standard of judging moves with time: a fixed pair of models, judged again and again.

Stiennon et al. (2020, appendix C) put answers of the same two models into most batches and watched how often one was
preferred: the models do not change, so a trend is a change of the people.

*Why this CUSUM.* Nobody knows beforehand what share is right for a person, so Page's chart, which watches for a step
away from a known value, has nothing to start from, and one estimated from the first few verdicts would give false
alerts for as long as it is used. Comparing intervals of months asks the reader to choose months, and needs each of them
to be well filled. The cumulative sum of deviations from the person's own mean needs neither
(``trainer.statistics.change``). Each look at the report is one test of all the data so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.quality.labelers.rules.findings import (
    NO_SPREAD,
    NOT_JUDGED_TOGETHER,
    Bound,
    Finding,
    shares_of_parts,
    undefined,
)
from app.quality.labelers.rules.work import Work
from trainer.statistics.arrays import Floats, Integers
from trainer.statistics.change import change


@dataclass(frozen=True)
class Preferences:
    """M verdicts on the same two models.

    * ``labeler``, ``task``: (M,) who, about what.
    * ``day``: (M,) when.
    * ``preferred``: (M,) 1 where the first model's answer was preferred, 0 where the second's, ½ for a tie; of several
      answers of a model in one task the mean over their pairs.
    """

    labeler: Integers
    task: Integers
    day: Floats
    preferred: Floats


def preferences(work: Work, source: Integers, first: int, second: int) -> Preferences:
    """The verdicts on two sources' answers, of all annotations that rank answers of both.

    Args:
        work: of everybody.
        source: (N,) who made each ranked answer, any integers.
        first: one source.
        second: another.
    """
    one, other = np.flatnonzero(source == first), np.flatnonzero(source == second)
    # Every answer of the one beside every answer of the other in the same annotation.
    order = np.argsort(work.annotation[other], kind="stable")
    other = other[order]
    low, high = (np.searchsorted(work.annotation[other], work.annotation[one], side=side) for side in ("left", "right"))
    left = np.repeat(one, high - low)
    offset = np.arange(len(left)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
    right = other[np.repeat(low, high - low) + offset]
    score = (1 + np.sign(work.rank[right] - work.rank[left])) / 2
    annotations, comparison = np.unique(work.annotation[left], return_inverse=True)
    mean = np.bincount(comparison, weights=score) / np.maximum(np.bincount(comparison), 1) if len(left) else np.zeros(0)
    return Preferences(work.labeler[annotations], work.task[annotations], work.day[annotations], mean)


@dataclass(frozen=True)
class Drift:
    """How a sequence of verdicts moves.

    Attributes:
        finding: ``value`` is the mean after the likeliest moment of change minus the mean before it; ``p`` the chance
            of as large an excursion if nothing changed.
        day: that moment, the day of the last verdict before it; None where undefined.
        days: (M,) of the verdicts, in order.
        path: (M,) the cumulative sum S_k / (σ √M), which ends at 0; for a chart with lines at ± ``change.LINE``.
    """

    finding: Finding
    day: float | None
    days: Floats
    path: Floats


def drift(day: Floats, value: Floats, bound: Bound) -> Drift:
    """Look for a change in the mean of a sequence; see the head of this module.

    Args:
        day: (M,) when each verdict was given, in any order.
        value: (M,) 0 to 1.
        bound: ``fewest`` verdicts are needed; ``bound`` is the change of the mean that is still fine.
    """
    order = np.argsort(day, kind="stable")
    days, values = day[order], value[order]
    nothing = np.zeros(0)
    if not len(values):
        return Drift(undefined(NOT_JUDGED_TOGETHER), None, nothing, nothing)
    shift = change(values)
    if shift is None:
        return Drift(undefined(NO_SPREAD), None, days, np.zeros(len(values)))
    p = shift.p if len(values) >= bound.fewest else None
    finding = Finding(shift.shift, tasks=len(values), judgements=len(values), p=p)
    return Drift(finding, float(days[shift.turn]), days, shift.path)


def drift_by_labeler(preferences: Preferences, labelers: int, bound: Bound) -> list[Drift]:
    """``drift`` of each person's verdicts on the fixed pair: (L,)."""
    return [
        drift(
            preferences.day[preferences.labeler == person], preferences.preferred[preferences.labeler == person], bound
        )
        for person in range(labelers)
    ]


def preference_over_time(preferences: Preferences, period: Integers, periods: int) -> list[Finding]:
    """How often the first model was preferred in each period, over all people; an interval clustered by tasks.

    Args:
        preferences: the verdicts.
        period: (M,) from 0, e.g. the month.
        periods: how many.
    """
    return shares_of_parts(
        period,
        preferences.task,
        preferences.preferred,
        np.ones(len(preferences.preferred)),
        periods,
        why=NOT_JUDGED_TOGETHER,
    )
