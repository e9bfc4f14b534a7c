"""The measures of single people, each beside an independent calculation."""

import itertools
import math
from collections import defaultdict
from statistics import median

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.diagnostic import breaks_cusumolsresid

from app.quality.labelers.rules import conduct, drift, findings, peers
from app.quality.labelers.rules.findings import Bound, habit_shares, shares_of_parts
from app.quality.labelers.rules.work import UNKNOWN, Work
from trainer.statistics.tails import binomial_tail

ANY = Bound(0.5, fewest=1)


# Shares ------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_a_share_of_clustered_trials_has_the_variance_of_a_weighted_regression(seed):
    random = np.random.default_rng(seed)
    cluster = random.integers(12, size=40)
    trials = random.integers(0, 5, size=40).astype(float)
    successes = random.binomial(trials.astype(int), random.random(12)[cluster]).astype(float)
    n, y = (np.bincount(cluster, weights=column, minlength=12) for column in (trials, successes))
    y, n = y[n > 0], n[n > 0]
    share = y.sum() / n.sum()
    assume(0 < share < 1)
    fit = sm.WLS(y / n, np.ones(len(n)), weights=n).fit(cov_type="cluster", cov_kwds={"groups": np.arange(len(n))})
    variance = fit.cov_params().item()
    assume(variance > 1e-12)
    bound = Bound(0.6, fewest=2)
    found = shares_of_parts(np.zeros(40, dtype=int), cluster, successes, trials, 1, bound=bound)[0]
    worth = min(share * (1 - share) / variance, trials.sum())
    z = stats.t.ppf(0.975, len(n) - 1)
    middle = (share + z * z / (2 * worth)) / (1 + z * z / worth)
    assert found.value == pytest.approx(share)
    assert (found.low + found.high) / 2 == pytest.approx(middle, abs=1e-6)
    assert found.p == pytest.approx(stats.t.cdf((share - 0.6) / np.sqrt(0.24 / worth), len(n) - 1), rel=1e-6)
    assert (found.tasks, found.judgements) == (len(n), trials.sum())


def test_shares_without_spread_or_without_trials_say_so():
    part, cluster = np.array([0, 0, 1, 2]), np.array([0, 1, 0, 0])
    all_of_them, one, none, nobody = shares_of_parts(part, cluster, np.array([2, 2, 1, 0]), np.array([2, 2, 3, 0]), 4)
    assert (all_of_them.value, all_of_them.high, one.value) == (1.0, 1.0, pytest.approx(1 / 3))
    assert 0 < all_of_them.low < 0.5  # two clusters prove little
    assert none == nobody == findings.undefined(findings.NO_WORK)
    assert none.said == findings.NO_WORK


def test_habits_are_tested_against_what_is_allowed_and_what_chance_does():
    labeler = np.repeat([0, 1], 10)
    habit = np.array([1] * 4 + [0] * 6 + [0] * 10)
    chance = np.tile([0.1, 0.3], 10)
    guilty, innocent, absent = habit_shares(labeler, habit, 3, bound=Bound(0.05), chance=chance)
    assert guilty.value == 0.4
    assert guilty.p == pytest.approx(binomial_tail(4, [(5, 0.15), (5, 0.35)]))
    assert (innocent.value, innocent.p, absent.undefined) == (0.0, pytest.approx(1), findings.NO_WORK)
    assert habit_shares(labeler, habit, 1, bound=Bound(0.05, fewest=11))[0].p is None


# Agreement ---------------------------------------------------------------------------------------


@st.composite
def works(draw):
    """Up to 24 annotations by five people of six tasks with three to five answers; some tasks judged twice."""
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    count = draw(st.integers(1, 24))
    task = random.integers(6, size=count)
    sizes = (3 + task % 3).astype(int)
    seconds = np.where(random.random(count) < 0.15, np.nan, random.lognormal(4, 1, count))
    places = [random.permutation(size) if random.random() < 0.85 else np.full(size, UNKNOWN) for size in sizes]
    return Work(
        labeler=random.integers(5, size=count),
        task=task,
        prompt=task // 2,
        day=np.sort(random.random(count) * 30),
        seconds=seconds,
        words=random.integers(0, 400, count),
        annotation=np.repeat(np.arange(count), sizes),
        answer=np.concatenate([np.arange(size) for size in sizes]),
        rank=np.concatenate([random.integers(1, 4, size) for size in sizes]),
        rating=np.concatenate([random.integers(0, 3, size) for size in sizes]),
        place=np.concatenate(places),
        labelers=5,
    )


def rankings(work):
    """annotation -> {answer: rank}."""
    found = defaultdict(dict)
    for annotation, answer, rank in zip(work.annotation, work.answer, work.rank, strict=True):
        found[int(annotation)][int(answer)] = int(rank)
    return found


def sign(ranks, one, other):
    return int(np.sign(ranks[other] - ranks[one]))


@settings(max_examples=40, deadline=None)
@given(works())
def test_agreement_with_others_and_with_oneself_counts_every_pair_once_per_comparison(work):
    others = np.array([True, True, False, False, True])
    ranks = rankings(work)
    tried, met, again, kept = (np.zeros(5) for _ in range(4))
    for a, b in itertools.permutations(range(len(work)), 2):
        if work.task[a] != work.task[b]:
            continue
        me, you = work.labeler[a], work.labeler[b]
        for one, other in itertools.combinations(ranks[a], 2):
            mine, yours = sign(ranks[a], one, other), sign(ranks[b], one, other)
            if not (mine and yours):
                continue
            if me == you and a < b:
                again[me] += 1
                kept[me] += mine == yours
            elif me != you and others[you]:
                tried[me] += 1
                met[me] += mine == yours
    with_them = peers.agreement_with(work.judgements, others, labelers=5)
    with_self = peers.consistency(work.judgements, labelers=5)
    for person in range(5):
        assert with_them[person].judgements == tried[person]
        assert with_self[person].judgements == again[person]
        for found, hits, tries in ((with_them, met, tried), (with_self, kept, again)):
            if tries[person]:
                assert found[person].value == pytest.approx(hits[person] / tries[person])
            else:
                assert found[person].undefined
    by_half = peers.agreement_with(
        work.judgements, others, labelers=5, part=work.labeler * 2 + (work.day > 15), parts=10
    )
    assert sum(one.judgements for one in by_half) == tried.sum()


@settings(max_examples=25, deadline=None)
@given(works())
def test_the_voice_of_the_team_is_that_of_all_others_by_their_log_odds(work):
    ranks, trusted = rankings(work), np.array([False, False, False, False, True])
    share = np.full(5, 0.7)
    for _round in range(6):
        kept = np.clip(np.where(trusted, 0.9, share), 0.5, 0.9)
        weight = np.log(kept / (1 - kept))
        agreed, sure = np.zeros(5), np.zeros(5)
        for a in range(len(work)):
            me = work.labeler[a]
            for one, other in itertools.combinations(ranks[a], 2):
                mine = sign(ranks[a], one, other)
                voice = sum(
                    weight[work.labeler[b]] * sign(ranks[b], one, other)
                    for b in range(len(work))
                    if work.task[b] == work.task[a] and work.labeler[b] != me
                )
                if mine and abs(voice) > 1e-9:
                    sure[me] += np.tanh(abs(voice) / 2)
                    agreed[me] += np.tanh(abs(voice) / 2) * (np.sign(voice) == mine)
        share = np.where(sure > 0, agreed / np.maximum(sure, 1e-12), 0.5)
    found = peers.agreement_with_the_team(work.judgements, labelers=5, trusted=trusted)
    for person in range(5):
        if sure[person]:
            assert found[person].value == pytest.approx(share[person], abs=1e-9)
        else:
            assert found[person].undefined == findings.NOBODY_SHARED


# Conduct -----------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(works())
def test_pace_is_the_time_beside_the_others_times_each_by_how_quick_they_are(work):
    usual = dict.fromkeys(range(5), 0.0)
    for _round in range(20):
        beside = [math.nan] * len(work)
        for a in range(len(work)):
            theirs = {}
            for b in range(len(work)):
                person = int(work.labeler[b])
                if work.task[b] == work.task[a] and person != work.labeler[a] and np.isfinite(work.seconds[b]):
                    theirs.setdefault(person, math.log(work.seconds[b]) - usual[person])
            if theirs and np.isfinite(work.seconds[a]):
                beside[a] = math.log(work.seconds[a]) - median(theirs.values())
        mine = {
            p: [x for x, q in zip(beside, work.labeler, strict=True) if q == p and not math.isnan(x)] for p in range(5)
        }
        medians = {person: median(values) for person, values in mine.items() if values}
        before = usual
        usual = {p: medians[p] - median(medians.values()) if p in medians else 0.0 for p in range(5)}
        if max(abs(usual[p] - before[p]) for p in range(5)) < 1e-3:
            break
    assert np.log(conduct.pace_among_others(work)) == pytest.approx(np.array(beside), nan_ok=True)


def test_whoever_shares_tasks_with_the_hasty_is_not_taken_for_slow():
    """Persons 0 and 1 take a tenth of the time, and do two tasks of three together with person 2 alone."""
    with_the_hasty = [(task, who) for task in range(20) for who in (0, 1, 2)]
    with_others = [(task, who) for task in range(20, 30) for who in (0, 1, 2, 3, 4)]
    task, who = np.array(with_the_hasty + with_others).T
    count = len(task)
    nothing = np.zeros(0, dtype=int)
    work = Work(
        who, task, task, np.zeros(count), np.where(who < 2, 10.0, 100.0), np.zeros(count, dtype=int),
        nothing, nothing, nothing, nothing, nothing, 5,
    )  # fmt: skip
    assert [one.value for one in conduct.pace(work, ANY)] == pytest.approx([0.1, 0.1, 1, 1, 1], rel=0.1)


@settings(max_examples=40, deadline=None)
@given(works())
def test_typical_pace_is_a_median_with_the_sign_test(work):
    beside = conduct.pace_among_others(work)
    for person, found in enumerate(conduct.pace(work, Bound(0.5, fewest=2))):
        times = beside[(work.labeler == person) & np.isfinite(beside)]
        if not len(times):
            assert found.undefined == findings.NO_OTHER_TIMES
            continue
        assert found.value == pytest.approx(np.median(times))
        if len(times) >= 2:
            quick = int((times < 0.5).sum())
            assert found.p == pytest.approx(stats.binomtest(quick, len(times), alternative="greater").pvalue)


@settings(max_examples=40, deadline=None)
@given(works())
def test_speed_equal_ratings_and_untouched_orders_are_counted(work):
    fast, equal, untouched, known, rated, shown = (np.zeros(5, dtype=int) for _ in range(6))
    for a in range(len(work)):
        mine, who = work.annotation == a, work.labeler[a]
        if np.isfinite(work.seconds[a]) and work.words[a]:
            known[who] += 1
            fast[who] += work.seconds[a] / 60 < work.words[a] / 600
        ratings = work.rating[mine][work.rating[mine] > 0]
        if len(ratings) >= 3:
            rated[who] += 1
            equal[who] += len(set(ratings)) == 1
        if (work.place[mine] >= 0).all():
            shown[who] += 1
            untouched[who] += list(work.rank[mine][np.argsort(work.place[mine])]) == list(range(1, mine.sum() + 1))
    for measure, hits, tries in (
        (conduct.impossible_speed(work, ANY), fast, known),
        (conduct.straight_lining(work, ANY), equal, rated),
        (conduct.untouched_orders(work, ANY), untouched, shown),
    ):
        for person in range(5):
            assert measure[person].judgements == tries[person]
            assert measure[person].value == (pytest.approx(hits[person] / tries[person]) if tries[person] else None)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_position_bias_in_one_ranking_is_kendalls_test(seed):
    random = np.random.default_rng(seed)
    size = int(random.integers(3, 10))
    rank, place = random.integers(1, 5, size), random.permutation(size)
    assume(len(set(rank)) > 1)
    found = conduct.position_bias(single(rank, place), ANY)[0]
    assert found.p == pytest.approx(stats.kendalltau(rank, place, method="asymptotic").pvalue)
    strict = [(i, j) for i, j in itertools.combinations(range(size), 2) if rank[i] != rank[j]]
    first = sum((rank[i] < rank[j]) == (place[i] < place[j]) for i, j in strict)
    assert found.value == pytest.approx(first / len(strict))


def single(rank, place):
    """One annotation of one person."""
    one, zeros = np.zeros(1, dtype=int), np.zeros(len(rank), dtype=int)
    return Work(
        one, one, one, np.zeros(1), np.ones(1), one, zeros, np.arange(len(rank)), np.array(rank), zeros,
        np.array(place), 1,
    )  # fmt: skip


def test_the_chance_of_position_bias_is_right_when_place_does_not_matter():
    """Rankings with many ties, shown at random: the share of p-values below x is x."""
    random = np.random.default_rng(5)
    people, each, size = 800, 12, 4
    count = people * each
    work = Work(
        labeler=np.repeat(np.arange(people), each),
        task=np.arange(count),
        prompt=np.arange(count),
        day=np.zeros(count),
        seconds=np.ones(count),
        words=np.zeros(count, dtype=int),
        annotation=np.repeat(np.arange(count), size),
        answer=np.tile(np.arange(size), count),
        rank=np.tile([1, 2, 2, 3], count),
        rating=np.zeros(count * size, dtype=int),
        place=np.argsort(random.random((count, size)), axis=1).ravel(),
        labelers=people,
    )
    chances = np.array([one.p for one in conduct.position_bias(work, ANY)])
    assert [(chances < level).mean() for level in (0.05, 0.2, 0.5)] == pytest.approx([0.05, 0.2, 0.5], abs=0.04)


def test_workload_is_counted_by_day():
    work = single([1, 2], [0, 1])
    twice = Work(
        np.array([0, 0, 0]), np.arange(3), np.arange(3), np.array([0.1, 0.9, 4.5]), np.array([3600.0, 1800.0, np.nan]),
        np.zeros(3, dtype=int), *(np.zeros(0, dtype=int) for _ in range(5)), 2,
    )  # fmt: skip
    busy, idle = conduct.workload(twice)
    assert busy == conduct.Workload(tasks=3, days=2, hours=1.5, longest_day=1.5, last_day=4.5)
    assert idle == conduct.Workload(tasks=0, days=0, hours=None, longest_day=None, last_day=None)
    assert conduct.workload(work)[0].hours == pytest.approx(1 / 3600)


# Drift -------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=3, max_size=80))
def test_the_cumulative_sum_is_that_of_statsmodels(values):
    values = np.array(values)
    assume(len(set(values)) > 1)
    found = drift.drift(np.arange(len(values))[::-1], values[::-1], Bound(0.2, fewest=2))
    largest, chance, _lines = breaks_cusumolsresid(values - values.mean(), ddof=0)
    assert np.abs(found.path).max() == pytest.approx(largest)
    assert found.finding.p == pytest.approx(chance, abs=1e-9)
    assert found.path[-1] == pytest.approx(0, abs=1e-9)
    turn = int(found.day)
    assert found.finding.value == pytest.approx(values[turn + 1 :].mean() - values[: turn + 1].mean())


def test_drift_is_undefined_without_verdicts_or_without_a_difference():
    nothing = drift.drift(np.zeros(0), np.zeros(0), ANY)
    same = drift.drift(np.arange(30.0), np.ones(30), ANY)
    assert (nothing.finding.undefined, same.finding.undefined) == (findings.NOT_JUDGED_TOGETHER, findings.NO_SPREAD)
    assert drift.drift(np.arange(3.0), np.array([0, 1, 1.0]), Bound(0.2, fewest=4)).finding.p is None


@settings(max_examples=30, deadline=None)
@given(works(), st.integers(0, 10**6))
def test_preferences_between_two_sources_are_means_over_their_pairs(work, seed):
    source = np.random.default_rng(seed).integers(3, size=len(work.answer))
    expected = {}
    for a in range(len(work)):
        mine = np.flatnonzero(work.annotation == a)
        scores = [
            (1 + np.sign(work.rank[j] - work.rank[i])) / 2
            for i in mine[source[mine] == 0]
            for j in mine[source[mine] == 2]
        ]
        if scores:
            expected[a] = (work.labeler[a], np.mean(scores))
    found = drift.preferences(work, source, 0, 2)
    assert list(zip(found.labeler, found.preferred, strict=True)) == [
        (who, pytest.approx(value)) for who, value in expected.values()
    ]
    months = drift.preference_over_time(found, (found.day > 15).astype(int), 2)
    assert sum(one.judgements for one in months) == len(expected)
