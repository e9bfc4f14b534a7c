"""What a measure found about one person: a number with its interval, its counts, and how surely it crosses a bound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.language import gettext as _
from app.language import mark
from trainer.statistics.arrays import Floats, Integers
from trainer.statistics.clusters import clustered_shares
from trainer.statistics.interval import LEVEL, wilson
from trainer.statistics.student import student_quantile, student_tail
from trainer.statistics.tails import binomial_tail

NOBODY_SHARED = mark("undefined, because none of these people judged the same")
NO_WORK = mark("undefined, because there is no work")
NO_TIMES = mark("undefined, because no active time was measured")
NO_OTHER_TIMES = mark("undefined, because nobody else's active time on the same tasks is known")
NO_RATINGS = mark("undefined, because nothing was rated")
NO_PLACES = mark("undefined, because nobody knows where the answers stood on the screen")
NOTHING_REPEATED = mark("undefined, because nothing was judged twice")
NOT_JUDGED_TOGETHER = mark("undefined, because the two models were never judged together")
NO_SPREAD = mark("undefined, because all verdicts were the same")


@dataclass(frozen=True)
class Finding:
    """One measure of one person.

    Attributes:
        value: the number; None where it is undefined, and ``undefined`` says why, in English.
        low: lower end of the 95 % interval; None where there is none.
        high: upper end.
        tasks: how many tasks stand behind it.
        judgements: how many single judgements (pairs of answers, annotations).
        p: the chance of a value as bad as this or worse if the true one were just at its bound; None without a bound.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    tasks: int = 0
    judgements: int = 0
    p: float | None = None
    undefined: str = ""

    @property
    def said(self) -> str:
        """Why there is no value, in the language in use; empty where there is one."""
        return _(self.undefined) if self.undefined else ""


def undefined(why: str) -> Finding:
    return Finding(None, undefined=why)


@dataclass(frozen=True)
class Bound:
    """Where a measure becomes a reason to look at somebody's work; data, so that an admin can choose others.

    Attributes:
        bound: the last value that is fine.
        fewest: tasks below which nothing is said, because the interval could not be trusted.
        above: whether it is too large, not too small, that is bad.
    """

    bound: float
    fewest: int = 8
    above: bool = False


def shares_of_parts(
    parts: Integers,
    clusters: Integers,
    successes: Floats,
    trials: Floats,
    count: int,
    *,
    judged: Integers | None = None,
    bound: Bound | None = None,
    why: str = NO_WORK,
) -> list[Finding]:
    """The share Σ successes / Σ trials in each part of the data, where the trials of a cluster hang together.

    *Interval*: Wilson's for the number n* of independent trials that the data are worth (``clustered_shares``), with
    Student's quantile for C - 1 degrees of freedom, C the clusters, as the spread is estimated.
    *Chance of the value under the bound b*: Student's tail of (r - b) / √(b (1 - b) / n*).

    Args:
        parts: (M,) part of each row, 0 … count - 1, e.g. its labeler.
        clusters: (M,) what hangs together, e.g. its task.
        successes: (M,) from 0 to ``trials``.
        trials: (M,)
        count: number of parts.
        judged: (M,) how many judgements a row stands for, to be told beside the share; by default its trials.
        bound: tested against, if any.
        why: said of a part without trials.
    """
    tried = np.asarray(trials) > 0
    weights = np.asarray(trials if judged is None else judged, dtype=np.float64)[tried]
    told = np.bincount(parts[tried], weights=weights, minlength=count)
    shares = clustered_shares(parts, clusters, successes, trials, count)
    findings = []
    for share, worth, met, judgements in zip(
        shares.share.tolist(), shares.worth.tolist(), shares.clusters.tolist(), told.tolist(), strict=True
    ):
        if not met:
            findings.append(undefined(why))
            continue
        freedom = max(met - 1, 1)
        low, high = wilson(share, worth, student_quantile((1 + LEVEL) / 2, freedom))
        p = None
        if bound is not None and met >= bound.fewest:
            t = (share - bound.bound) / math.sqrt(bound.bound * (1 - bound.bound) / worth)
            p = student_tail(t if bound.above else -t, freedom)
        findings.append(Finding(share, low, high, met, round(judgements), p))
    return findings


def habit_shares(
    labeler: Integers,
    habit: Integers,
    count: int,
    *,
    bound: Bound,
    chance: Floats | None = None,
    why: str = NO_WORK,
) -> list[Finding]:
    """How often each person did something that others do now and then, in independent annotations.

    The bound is a share that is still fine; where chance alone does it in a share c of cases (``chance``), it may be
    c + bound. The chance of as many cases or more is that of a binomial distribution, or of a sum of several.

    Args:
        labeler: (A,) who.
        habit: (A,) 1 where it was done, else 0.
        count: number of people.
        bound: the share that is still fine.
        chance: (A,) how often it happens by chance; by default never.
        why: said of people without annotations.
    """
    allowed = np.round(np.minimum(bound.bound + (0 if chance is None else chance), 1.0) * np.ones(len(labeler)), 12)
    findings = []
    for person in range(count):
        mine = labeler == person
        n, k = int(mine.sum()), int(habit[mine].sum())
        if not n:
            findings.append(undefined(why))
            continue
        low, high = wilson(k / n, n)
        levels, numbers = np.unique(allowed[mine], return_counts=True)
        kinds = list(zip(numbers.tolist(), levels.tolist(), strict=True))
        p = binomial_tail(k, kinds) if n >= bound.fewest else None
        findings.append(Finding(k / n, low, high, n, n, p))
    return findings


Findings = Mapping[str, list[Finding]]
"""Measure -> what it found of each person, (L,)."""
