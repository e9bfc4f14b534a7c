"""Habits that show without looking at what was said: haste, equal ratings, untouched orders, what stands first."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from app.quality.labelers.rules.findings import (
    NO_OTHER_TIMES,
    NO_PLACES,
    NO_RATINGS,
    NO_TIMES,
    Bound,
    Finding,
    habit_shares,
    shares_of_parts,
    undefined,
)
from app.quality.labelers.rules.work import UNKNOWN, Work
from trainer.statistics.arrays import Floats, Integers, Mask
from trainer.statistics.tails import binomial_tail, median_interval, normal_tail

WORDS_A_MINUTE = 600.0
"""Nobody takes in texts faster. Adults read 175 to 300 words a minute silently (Brysbaert 2019, 190 studies), and of
the quickest readers tested none understood three quarters of a text at more than 600 (Carver 1985)."""
_LEAST_SECONDS = 0.1
_ROUNDS = 20
_CLOSE = 1e-3


def too_fast(work: Work, *, words_a_minute: float = WORDS_A_MINUTE) -> Mask:
    """(A,) whether the active time is shorter than the texts take to read once; False where either is unknown."""
    with np.errstate(invalid="ignore"):
        mask: Mask = (work.words > 0) & (work.seconds < 60 * work.words / words_a_minute)
    return mask


def impossible_speed(work: Work, bound: Bound, *, words_a_minute: float = WORDS_A_MINUTE) -> list[Finding]:
    """Share of each person's annotations that were quicker than anybody can read the texts."""
    known = np.isfinite(work.seconds) & (work.words > 0)
    fast = too_fast(work, words_a_minute=words_a_minute).astype(np.int64)
    return habit_shares(work.labeler[known], fast[known], work.labelers, bound=bound, why=NO_TIMES)


def pace_among_others(work: Work) -> Floats:
    """(A,) seconds as a multiple of what a typical person takes for the task; NaN where nobody else's are known.

    What a task takes is judged by the *others* who did it, the median of their times, each divided by how quick that
    person usually is, so that whoever shares tasks with the hasty does not look slow, nor they typical. How quick
    people are is found in a few rounds: the median over a person's tasks of their time beside the others', the median
    person being 1. Of what somebody judged twice one time counts among others' times.
    """
    logs = np.log(np.maximum(work.seconds, _LEAST_SECONDS))
    known = np.isfinite(logs)
    cells = work.task * max(work.labelers, 1) + work.labeler
    of_cell, first = np.unique(cells[known], return_index=True)
    first = np.flatnonzero(known)[first]
    task, labeler = work.task[first], work.labeler[first]
    cell = np.searchsorted(of_cell, cells[known])
    usual = np.zeros(work.labelers)
    ratio = np.full(len(work), np.nan)
    for _round in range(_ROUNDS):
        others = _medians_of_others(task, logs[first] - usual[labeler])
        ratio[known] = logs[known] - others[cell]
        before, usual = usual, _medians_of_people(ratio, work.labeler, work.labelers)
        if np.abs(usual - before).max(initial=0) < _CLOSE:
            break
    return np.exp(ratio)


def _medians_of_others(task: Integers, value: Floats) -> Floats:
    """(N,) of values sorted by task, the median of the task's other values; NaN where there is none."""
    others = np.full(len(task), np.nan)
    _tasks, start, sizes = np.unique(task, return_index=True, return_counts=True)
    for size in np.unique(sizes[sizes > 1]):
        rows = start[sizes == size][:, None] + np.arange(size)
        for column in range(size):
            others[rows[:, column]] = np.median(np.delete(value[rows], column, axis=1), axis=1)
    return others


def _medians_of_people(value: Floats, labeler: Integers, labelers: int) -> Floats:
    """(L,) the median of each person's values, less that of the median person; 0 for people without any."""
    defined = np.isfinite(value)
    medians = np.full(labelers, np.nan)
    for person in np.unique(labeler[defined]):
        medians[person] = np.median(value[defined & (labeler == person)])
    there = np.isfinite(medians)
    return np.where(there, medians - np.median(medians[there]), 0.0) if there.any() else np.zeros(labelers)


def pace(work: Work, bound: Bound) -> list[Finding]:
    """How long each person takes beside the others on the same tasks: 1 is as long, ½ half as long.

    The median of ``pace_among_others`` over tasks, which a few tasks whose other labelers were hasty or asleep do not
    move, with the interval between order statistics (Conover 1999, §3.2); the chance given is that of the sign test.
    """
    beside = pace_among_others(work)
    findings = []
    for person in range(work.labelers):
        times = np.sort(beside[(work.labeler == person) & np.isfinite(beside)])
        findings.append(_typical_pace(times, bound) if len(times) else undefined(NO_OTHER_TIMES))
    return findings


def _typical_pace(times: Floats, bound: Bound) -> Finding:
    """Of sorted times."""
    count, low, high, p = len(times), None, None, None
    left_out = median_interval(count)
    if left_out is not None:
        low, high = float(times[left_out]), float(times[count - 1 - left_out])
    if count >= bound.fewest:
        p = binomial_tail(int((times < bound.bound).sum()), [(count, 0.5)])
    return Finding(float(np.median(times)), low, high, count, count, p)


def straight_lining(work: Work, bound: Bound, *, fewest_answers: int = 3) -> list[Finding]:
    """Share of each person's rated annotations in which all answers, at least three, have the same rating."""
    rated = work.rating > 0
    size = np.bincount(work.annotation[rated], minlength=len(work))
    # All are equal where the spread is nought: the largest is the smallest.
    largest, smallest = np.zeros(len(work), dtype=np.int64), np.full(len(work), np.iinfo(np.int64).max)
    np.maximum.at(largest, work.annotation[rated], work.rating[rated])
    np.minimum.at(smallest, work.annotation[rated], work.rating[rated])
    asked = size >= fewest_answers
    equal = (largest == smallest)[asked].astype(np.int64)
    return habit_shares(work.labeler[asked], equal, work.labelers, bound=bound, why=NO_RATINGS)


def untouched_orders(work: Work, bound: Bound) -> list[Finding]:
    """Share of each person's rankings that are the order in which the answers were shown, without a tie.

    Answers are shown in random order, so chance alone does this once in K! rankings of K answers; that is allowed on
    top of the bound. One answer, or places that nobody knows, tell nothing.
    """
    ranked, size, known = _shown(work)
    touched = np.zeros(len(work), dtype=np.int64)
    np.maximum.at(touched, work.annotation, (work.rank != work.place + 1).astype(np.int64))
    factorials = np.array([1 / math.factorial(min(k, 20)) for k in range(int(size.max(initial=0)) + 1)])
    asked = ranked & known
    return habit_shares(
        work.labeler[asked],
        1 - touched[asked],
        work.labelers,
        bound=bound,
        chance=factorials[size[asked]],
        why=NO_PLACES,
    )


def position_bias(work: Work, bound: Bound) -> list[Finding]:
    """Of each person's strict pairs the share in which the answer shown first was preferred; ½ is fair.

    Answers are shown in random order, so where place does not matter the order shown is independent of the ranking,
    whatever the answers are worth: a randomisation test that needs nothing else to hold. With S the pairs for the
    answer shown first minus those for the other, the sum of S over rankings is, by chance, about normal with mean 0
    and variance Σ [K (K - 1) (2 K + 5) - Σ_t t (t - 1) (2 t + 5)] / 18, t the sizes of tied groups (Kendall 1970).
    The chance given is that of a sum as far from 0 to either side. With much work it finds biases too small to matter,
    so an alert also asks that the share lie outside ``bound`` (and as far below one half).
    """
    ranked, _size, known = _shown(work)
    usable = ranked & known
    judgements = work.judgements
    sign = judgements.sign.astype(np.float64) * judgements.shown
    counted = usable[judgements.ranking]
    ranking, sign = judgements.ranking[counted], sign[counted]
    preferred, strict = (sign > 0).astype(np.float64), np.abs(sign)
    shares = shares_of_parts(work.labeler[ranking], work.task[ranking], preferred, strict, work.labelers, why=NO_PLACES)
    score = np.bincount(work.labeler[ranking], weights=sign, minlength=work.labelers)
    variance = np.bincount(work.labeler[usable], weights=_null_variance(work)[usable], minlength=work.labelers)
    tested = []
    for person, finding in enumerate(shares):
        enough = finding.value is not None and finding.tasks >= bound.fewest and variance[person] > 0
        p = 2 * normal_tail(abs(score[person]) / math.sqrt(variance[person])) if enough else None
        tested.append(replace(finding, p=p))
    return tested


def _shown(work: Work) -> tuple[Mask, Integers, Mask]:
    """(A,) whether at least two answers are ranked, how many are, and whether all of their places are known."""
    size = np.bincount(work.annotation, minlength=len(work))
    unknown = np.bincount(work.annotation[work.place == UNKNOWN], minlength=len(work))
    return size >= 2, size, unknown == 0


def _null_variance(work: Work) -> Floats:
    """(A,) variance of S of each ranking when the order shown is random."""
    k = np.bincount(work.annotation, minlength=len(work)).astype(np.float64)
    width = int(work.rank.max(initial=0)) + 1
    groups, t = np.unique(work.annotation * width + work.rank, return_counts=True)
    tied = np.bincount(groups // width, weights=t * (t - 1.0) * (2 * t + 5), minlength=len(work))
    variance: Floats = (k * (k - 1) * (2 * k + 5) - tied) / 18
    return variance


@dataclass(frozen=True)
class Workload:
    """How much one person did.

    Attributes:
        tasks: annotations in all.
        days: different days with work.
        hours: active time in all; None where none was measured.
        longest_day: most active hours on one day.
        last_day: day of the newest annotation, in days since the moment that ``Work`` counts from; None without work.
    """

    tasks: int
    days: int
    hours: float | None
    longest_day: float | None
    last_day: float | None


def workload(work: Work) -> list[Workload]:
    """Of each person; days begin where whole numbers of ``Work.day`` do."""
    loads = []
    for person in range(work.labelers):
        mine = work.labeler == person
        day, seconds = work.day[mine], work.seconds[mine]
        known = np.isfinite(seconds)
        dates, day_number = np.unique(np.floor(day), return_inverse=True)
        hours = np.bincount(day_number[known], weights=seconds[known] / 3600, minlength=len(dates))
        loads.append(
            Workload(
                tasks=int(mine.sum()),
                days=len(dates),
                hours=float(hours.sum()) if known.any() else None,
                longest_day=float(hours.max()) if known.any() else None,
                last_day=float(day.max()) if len(day) else None,
            )
        )
    return loads
