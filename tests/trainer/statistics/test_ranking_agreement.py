"""Agreement of rankings with ties, by hand and against scipy."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from tests.trainer.statistics.random_data import EXACT, PACKAGES, judgements_of, rank_tables
from trainer.statistics.bootstrap import Resamples
from trainer.statistics.estimates import Counts, Undefined
from trainer.statistics.ranking_agreement import (
    CONVENTIONS,
    HALF_CREDIT,
    NON_TIE,
    TAU_B,
    TIE_CLASS,
    agreement,
    agreement_by,
    agreement_of_each,
    group_matrix,
    labeler_matrix,
    sign_alpha,
    tie_kappa,
    tie_rate,
    tie_rate_by,
)
from trainer.statistics.rankings import Judgements, RankingPairs


def compared(tables, **options):
    return RankingPairs.of(judgements_of(tables, **options)).between_people()


def values(tables):
    return {name: of.micro.value for name, of in agreement(compared(tables)).items()}


def by_hand(one, other):
    """Numerator and denominator of each convention, pair by pair; 0 is an answer that was not ranked."""
    common = [answer for answer in range(len(one)) if one[answer] and other[answer]]
    met = [
        (np.sign(one[j] - one[i]), np.sign(other[j] - other[i])) for i, j in combinations(common, 2)
    ]  # the sign of i against j
    strict = [(a, b) for a, b in met if a and b]
    found = {
        NON_TIE: (sum(a == b for a, b in strict), len(strict)),
        TIE_CLASS: (sum(a == b for a, b in met), len(met)),
        HALF_CREDIT: (sum(1 if a == b else 0.5 if 0 in (a, b) else 0 for a, b in met), len(met)),
    }
    if any(a for a, _ in met) and any(b for _, b in met):
        tau = kendalltau([one[answer] for answer in common], [other[answer] for answer in common]).statistic
        return found | {TAU_B: (tau, 1)}
    return found | {TAU_B: (0, 0)}


def share(parts):
    total = sum(denominator for _, denominator in parts)
    return sum(numerator for numerator, _ in parts) / total if total else None


def test_the_three_conventions_differ_on_the_example_of_the_facts():
    found = values([np.array([[1, 2, 3, 3], [1, 1, 2, 3]])])
    assert {name: round(value, 3) for name, value in found.items()} == {
        TIE_CLASS: 0.667,
        NON_TIE: 1.0,
        HALF_CREDIT: 0.833,
        TAU_B: 0.8,
    }


@PACKAGES
@given(rank_tables())
def test_every_convention_is_what_counting_pair_by_pair_gives(tables):
    found = agreement(compared(tables))
    by_task = [[by_hand(one, other) for one, other in combinations(table, 2)] for table in tables]
    for name in CONVENTIONS:
        micro = share([one[name] for task in by_task for one in task])
        macro = [share([one[name] for one in task]) for task in by_task]
        macro = [value for value in macro if value is not None]
        if micro is None:
            assert found[name].micro.undefined is not None
            assert found[name].macro.value is None
        else:
            assert found[name].micro.value == pytest.approx(micro, abs=EXACT)
            assert found[name].macro.value == pytest.approx(np.mean(macro), abs=EXACT)


@PACKAGES
@given(rank_tables(), st.integers(0, 3))
def test_a_weighted_prompt_is_a_prompt_that_stands_in_the_data_more_than_once(tables, seed):
    tables = tables * 2
    prompts = np.repeat(np.arange(len(tables)) // 2, 10)
    judgements = judgements_of(tables, prompt=prompts)
    pairs = RankingPairs.of(judgements).between_people()
    resamples = Resamples(len(tables), seed=seed, draws=3)
    measures = {
        "kappa": lambda pairs, resamples=None: tie_kappa(pairs, resamples),
        "alpha": lambda pairs, resamples=None: sign_alpha(pairs.judgements, "ordinal", resamples),
        "ties": lambda pairs, resamples=None: tie_rate(pairs.judgements, resamples),
    }
    for name in CONVENTIONS:
        for kind in ("micro", "macro"):
            measures[name + kind] = lambda pairs, resamples=None, name=name, kind=kind: getattr(
                agreement(pairs, resamples)[name], kind
            )
    for name, measure in measures.items():
        found = measure(pairs, resamples)
        if found.low is None:
            continue
        again = []
        for times in resamples.times.T:
            drawn = [tables[task] for task in range(len(tables)) for _ in range(times[task // 2])]
            if drawn:
                again.append(measure(compared(drawn)).value)
        again = [value for value in again if value is not None]
        assert found.draws == len(again), name
        if found.by_wilson:
            assert np.ptp(again) < EXACT, name
            continue
        assert [found.low, found.high] == pytest.approx(np.quantile(again, [0.025, 0.975]), abs=EXACT), name


@PACKAGES
@given(rank_tables(missing=False), st.randoms(use_true_random=False))
def test_no_figure_depends_on_the_order_or_the_names_of_answers_and_people(tables, random):
    shuffled = []
    for table in tables:
        columns, rows = list(range(table.shape[1])), list(range(len(table)))
        random.shuffle(columns)
        random.shuffle(rows)
        shuffled.append(table[rows][:, columns])
    random.shuffle(shuffled)
    figures = []
    for some in (tables, shuffled):
        pairs = compared(some)
        estimates_ = [one for of in agreement(pairs).values() for one in (of.micro, of.macro)]
        estimates_ += [tie_kappa(pairs), sign_alpha(pairs.judgements), sign_alpha(pairs.judgements, "ordinal")]
        figures.append([np.nan if one.value is None else one.value for one in estimates_])
    assert figures[0] == pytest.approx(figures[1], abs=EXACT, nan_ok=True)


def test_a_person_is_not_compared_with_themselves():
    same, opposite = [1, 2, 3], [3, 2, 1]
    ranking, item, rank = np.arange(3).repeat(3), np.tile(np.arange(3), 3), np.array([*same, *opposite, *same])
    judgements = Judgements.of_rankings(ranking, item, rank, task=np.zeros(3, dtype=int), labeler=np.array([0, 0, 1]))
    pairs = RankingPairs.of(judgements)
    assert agreement(pairs.between_people())[NON_TIE].micro.value == 0.5
    assert agreement(pairs.of_one_person())[NON_TIE].micro.value == 0


def test_only_what_both_ranked_is_compared():
    found = agreement(compared([np.array([[1, 2, 3, 0], [0, 1, 2, 3]])]))[NON_TIE].micro
    assert (found.value, found.counts.pairs) == (1, 1)


def test_answers_seen_in_another_order_can_be_kept_apart():
    ranking, item, rank = np.array([0, 0, 1, 1, 2, 2]), np.array([7, 8, 8, 7, 8, 7]), np.array([1, 2, 2, 1, 1, 2])
    of = {"task": np.zeros(3, dtype=int), "labeler": np.arange(3)}
    everything = RankingPairs.of(Judgements.of_rankings(ranking, item, rank, **of))
    same_order = RankingPairs.of(Judgements.of_rankings(ranking, item, rank, **of, ordered=True))
    assert (len(everything), len(same_order)) == (3, 1)
    assert agreement(same_order)[NON_TIE].micro.value == 0


def test_macro_gives_a_task_of_nine_answers_the_weight_of_a_task_of_two():
    large = np.array([np.arange(1, 10), np.arange(1, 10)])  # full agreement on 36 pairs
    small = np.array([[1, 2], [2, 1]])
    found = agreement(compared([large, small]))[NON_TIE]
    assert found.micro.value == pytest.approx(36 / 37)
    assert found.macro.value == 0.5
    assert found.micro.counts == Counts(items=2, raters=2, pairs=37, prompts=2)


def test_the_matrix_names_every_two_labelers_with_what_they_have_in_common():
    tables = [np.array([[1, 2, 3], [1, 3, 2], [0, 0, 0]]), np.array([[1, 2, 0], [0, 0, 0], [1, 1, 0]])]
    found = labeler_matrix(compared(tables), Resamples(2, seed=1, draws=20))
    assert set(found) == {(0, 1), (0, 2)}
    assert found[0, 1].micro.value == pytest.approx(2 / 3)
    assert found[0, 1].micro.counts == Counts(items=1, raters=2, pairs=3, prompts=1)
    assert found[0, 2].micro.undefined == Undefined.NO_STRICT_PAIR


def test_groups_are_compared_within_and_with_each_other():
    tables = [np.array([[1, 2, 3], [1, 2, 3], [3, 2, 1], [2, 1, 3]])]
    groups = np.array([0, 0, 1, -1, -1, -1, -1, -1, -1, -1])
    found = group_matrix(compared(tables), groups, 2)
    assert found[0, 0][NON_TIE].micro.value == 1
    assert found[0, 1][NON_TIE].micro.value == 0
    assert found[0, 1][NON_TIE].micro.counts.raters == 3
    assert found[1, 1][NON_TIE].micro.undefined == Undefined.NO_PAIRS


@PACKAGES
@given(rank_tables(tasks=st.integers(2, 5)))
def test_a_slice_is_what_its_tasks_alone_give(tables):
    pairs = compared(tables)
    assume(len(pairs))
    parts = np.where(pairs.task == 0, -1, pairs.task % 2)
    found = agreement_by(pairs, parts, 2)
    for part in range(2):
        alone = agreement(compared([table for task, table in enumerate(tables) if task and task % 2 == part]))
        for name in CONVENTIONS:
            assert found[part][name].micro.value == pytest.approx(alone[name].micro.value, abs=EXACT)
            assert found[part][name].macro.value == pytest.approx(alone[name].macro.value, abs=EXACT)
            assert found[part][name].micro.counts == alone[name].micro.counts


def test_many_small_parts_and_few_large_ones_are_drawn_alike():
    """Both ways of summing under the draws give the same interval."""
    random = np.random.default_rng(2)
    tables = [random.integers(1, 4, size=(2, 4)) for _ in range(150)]
    pairs, resamples = compared(tables), Resamples(150, seed=1, draws=50)
    whole = agreement(pairs, resamples)
    half = agreement_by(pairs, pairs.task // 75, 2, resamples)
    fifth = agreement_by(pairs, pairs.task // 30, 5, resamples)
    lone = agreement_by(pairs, np.where(pairs.task < 30, 0, -1), 1, resamples)
    assert whole[NON_TIE].micro.draws == 50
    assert fifth[0] == lone[0]
    again = Resamples(150, seed=1, draws=50)
    parted = agreement_by(pairs.only(pairs.task < 75), np.zeros(int((pairs.task < 75).sum()), dtype=int), 1, again)
    assert parted[0] == half[0]


@pytest.mark.parametrize(
    ("tables", "undefined"),
    [
        ([np.array([[1, 1, 1], [1, 1, 1]])], {NON_TIE: Undefined.NO_STRICT_PAIR, TAU_B: Undefined.ALL_TIED}),
        ([np.array([[1, 1, 1], [1, 2, 3]])], {NON_TIE: Undefined.NO_STRICT_PAIR, TAU_B: Undefined.ALL_TIED}),
        ([np.array([[1, 2, 0, 0], [0, 0, 1, 2]])], dict.fromkeys(CONVENTIONS, Undefined.NO_PAIRS)),
        ([np.array([[1, 2, 3]])], dict.fromkeys(CONVENTIONS, Undefined.NO_PAIRS)),
        ([np.array([[1, 0], [1, 2]])], dict.fromkeys(CONVENTIONS, Undefined.NO_PAIRS)),
        ([], dict.fromkeys(CONVENTIONS, Undefined.NO_PAIRS)),
    ],
    ids=["all tied", "one all tied", "nothing in common", "one person", "single answers", "nothing"],
)
def test_what_says_nothing_is_undefined_for_a_reason(tables, undefined):
    pairs = compared(tables)
    for resamples in (None, Resamples(max(len(tables), 1), seed=1, draws=5)):
        found = agreement(pairs, resamples)
        assert {name: of.micro.undefined for name, of in found.items() if of.micro.value is None} == undefined
        assert {name: of.macro.undefined for name, of in found.items() if of.macro.value is None} == undefined
        for one in (tie_kappa(pairs, resamples), sign_alpha(pairs.judgements, "nominal", resamples)):
            assert one.value is None or np.isfinite(one.value)
            assert (one.value is None) == bool(one.undefined)


def test_all_ties_leave_nothing_beyond_chance():
    pairs = compared([np.array([[1, 1], [1, 1]])])
    assert tie_kappa(pairs).undefined == sign_alpha(pairs.judgements).undefined == Undefined.ONE_CATEGORY


def test_tie_rates_of_each_labeler():
    judgements = judgements_of([np.array([[1, 1, 2], [1, 2, 3]]), np.array([[1, 2, 2], [0, 0, 0]])])
    by_labeler = tie_rate_by(judgements, judgements.labeler[judgements.ranking], 3, Resamples(2, seed=1, draws=10))
    assert [one.value for one in by_labeler] == [pytest.approx(2 / 6), 0, None]
    assert by_labeler[2].undefined == Undefined.NO_JUDGEMENTS
    assert tie_rate(judgements).value == pytest.approx(2 / 9)


def test_signs_half_way_between_chance_and_agreement():
    """Two pairs judged by two people, one alike and one opposed; α by hand: D_o = 1/2, D_e = (4 · 4 - 8) / (4 · 3)."""
    judgements = judgements_of([np.array([[1, 2], [1, 2]]), np.array([[1, 2], [2, 1]])])
    # Mirrored marginals are 2 and 2 of n = 4: D_e = 2 · 2 · 2 / (4 · 3) = 2/3, so α = 1 - (1/2) / (2/3).
    assert sign_alpha(judgements).value == pytest.approx(0.25)
    assert tie_kappa(RankingPairs.of(judgements)).value == pytest.approx(0)  # no ties: chance is one half


def test_groups_meet_whichever_of_two_people_is_named_first():
    groups = np.array([1, 0, -1, -1, -1, -1, -1, -1, -1, -1])
    found = group_matrix(compared([np.array([[1, 2, 3], [1, 2, 3]])]), groups, 2)
    assert found[0, 1][NON_TIE].micro.value == 1


def test_what_is_counted_is_what_counts_under_the_convention():
    pairs = compared([np.array([[1, 2], [1, 2]]), np.array([[1, 1], [1, 1]])])
    found = agreement(pairs, Resamples(2, seed=1, draws=20))
    assert found[NON_TIE].micro.counts == Counts(items=1, raters=2, pairs=1, prompts=1)
    assert found[TIE_CLASS].micro.counts == Counts(items=2, raters=2, pairs=2, prompts=2)
    # A share on which all draws agree has Wilson's interval; τ-b is no share.
    assert found[TIE_CLASS].micro.by_wilson
    assert not found[TAU_B].micro.by_wilson


def test_ties_that_nobody_else_judged_are_no_pairs():
    assert tie_kappa(compared([np.array([[1, 1, 2]])])).undefined == Undefined.NO_PAIRS


def test_nobody_has_an_empty_matrix():
    assert labeler_matrix(compared([])) == {}


def test_agreement_beyond_chance_by_hand():
    """One tie against an order, two orders alike: 2 of 3; a sixth of ties, so chance is 1/36 + (5/6)² / 2 = 3/8."""
    assert tie_kappa(compared([np.array([[1, 1, 2], [1, 2, 3]])])).value == pytest.approx((2 / 3 - 3 / 8) / (5 / 8))


def test_every_two_and_each_of_three_people():
    """The first two alike, the third turned around; numbered to the last, so that no two pairs of people meet."""
    ranks = np.array([[1, 2, 3], [1, 2, 3], [3, 2, 1]])
    judgements = Judgements.of_rankings(
        np.arange(3).repeat(3),
        np.tile(np.arange(3), 3),
        ranks.ravel(),
        task=np.zeros(3, dtype=int),
        labeler=np.arange(3),
    )
    pairs = RankingPairs.of(judgements)
    matrix = {people: of.micro.value for people, of in labeler_matrix(pairs).items()}
    assert matrix == {(0, 1): 1, (0, 2): 0, (1, 2): 0}
    each = agreement_of_each(pairs, 3)
    assert [(one.micro.value, one.micro.counts.raters, one.micro.counts.pairs) for one in each] == [
        (0.5, 3, 6),
        (0.5, 3, 6),
        (0, 3, 6),
    ]


def test_a_share_of_ties_that_all_draws_give_has_wilsons_interval_and_counts_whoever_tied():
    judgements = Judgements.of_rankings(
        np.array([0, 0, 1, 1]),
        np.array([1, 2, 1, 2]),
        np.array([1, 2, 1, 2]),
        task=np.arange(2),
        labeler=np.array([1, 2]),
    )
    found = tie_rate(judgements, Resamples(2, seed=1, draws=10))
    assert (found.value, found.by_wilson) == (0, True)
    assert (found.counts.raters, found.counts.items) == (2, 2)
