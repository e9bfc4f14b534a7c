"""Rankings as signs of pairs, and two rankings of one task side by side; each counted again answer by answer."""

from collections import Counter
from itertools import combinations

import numpy as np
from hypothesis import given

from tests.trainer.statistics.random_data import PACKAGES, judgements_of, rank_tables
from trainer.statistics.rankings import Judgements, RankingPairs, numbered_within


def two_rankings(**options):
    """Ann ranks 7, 8 and 9 of task 0, Ben 9 and 8; a third ranking of task 1 holds a single answer."""
    return Judgements.of_rankings(
        np.array([0, 0, 0, 1, 1, 2]),
        np.array([9, 7, 8, 9, 8, 5]),
        np.array([2, 1, 2, 1, 2, 1]),
        task=np.array([0, 0, 1]),
        labeler=np.array([3, 4, 3]),
        **options,
    )


def said(judgements):
    answers = judgements.answers[judgements.pair].tolist()
    rows = (judgements.ranking.tolist(), answers, judgements.sign.tolist(), judgements.shown.tolist())
    return {(ranking, *pair): (sign, shown) for ranking, pair, sign, shown in zip(*rows, strict=True)}


def test_a_ranking_is_the_signs_of_all_its_pairs_and_unknown_places_are_nothing():
    expected = {(0, 7, 8): 1, (0, 7, 9): 1, (0, 8, 9): 0, (1, 8, 9): -1}
    found = two_rankings()
    assert said(found) == {pair: (sign, 0) for pair, sign in expected.items()}
    assert (found.task.tolist(), found.prompt.tolist(), found.labeler.tolist()) == ([0, 0, 1], [0, 0, 1], [3, 4, 3])
    assert two_rankings(prompt=np.array([6, 6, 2])).prompt.tolist() == [6, 6, 2]


def test_the_first_of_a_pair_stood_before_or_after_the_second_if_both_places_are_known():
    found = said(two_rankings(place=np.array([0, 2, 1, 1, -1, 0])))
    assert {pair: shown for pair, (_sign, shown) in found.items()} == {
        (0, 7, 8): -1,
        (0, 7, 9): -1,
        (0, 8, 9): -1,
        (1, 8, 9): 0,
    }


def test_pairs_in_the_order_of_the_screen_are_told_apart_by_it():
    found = said(two_rankings(ordered=True))
    assert {pair: sign for pair, (sign, _shown) in found.items()} == {
        (0, 9, 7): -1,
        (0, 9, 8): 0,
        (0, 7, 8): 1,
        (1, 9, 8): 1,
    }


def test_pairs_of_different_tasks_are_different_pairs():
    found = Judgements.of_pairs(
        np.array([0, 1]), np.array([[2, 1], [1, 2]]), np.array([1, 1]), task=np.arange(2), labeler=np.arange(2)
    )
    assert said(found) == {(0, 1, 2): (-1, 0), (1, 1, 2): (1, 0)}
    assert len(set(found.pair.tolist())) == 2
    assert len(RankingPairs.of(found)) == 0


def test_some_rankings_keep_all_numbers():
    found = two_rankings(place=np.array([0, 2, 1, 1, 0, 0])).only(np.array([False, True, True]))
    assert said(found) == {(1, 8, 9): (-1, 1)}
    assert (found.task.tolist(), len(found.answers)) == ([0, 0, 1], 3)


def test_signs_as_labels_have_the_prompt_of_their_task():
    labels = two_rankings(prompt=np.array([6, 6, 2])).as_labels()
    signs = labels.categories[labels.values].tolist()
    assert set(zip(labels.items.tolist(), labels.raters.tolist(), signs, strict=True)) == {
        (0, 3, 1),
        (1, 3, 1),
        (2, 3, 0),
        (2, 4, -1),
    }
    assert labels.clusters.tolist() == [6, 6, 6]


@PACKAGES
@given(rank_tables())
def test_what_became_of_common_pairs_is_counted_answer_by_answer(tables):
    judgements = judgements_of(tables)
    pairs = RankingPairs.of(judgements)
    expected = {}
    for task, table in enumerate(tables):
        for a, b in combinations(range(len(table)), 2):
            both = np.flatnonzero((table[a] > 0) & (table[b] > 0)).tolist()
            counts = Counter(
                tuple(int(np.sign(table[one, j] - table[one, i])) for one in (a, b)) for i, j in combinations(both, 2)
            )
            if counts:
                expected[task * 10 + a, task * 10 + b] = (
                    counts[1, 1] + counts[-1, -1],
                    counts[1, -1] + counts[-1, 1],
                    counts[0, 1] + counts[0, -1],
                    counts[1, 0] + counts[-1, 0],
                    counts[0, 0],
                )
    columns = (pairs.agreed, pairs.reversed, pairs.first_tied, pairs.second_tied, pairs.both_tied)
    counted = zip(*(column.tolist() for column in columns), strict=True)
    found = dict(zip(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True), counted, strict=True))
    assert found == expected
    assert pairs.common.tolist() == [sum(one) for one in found.values()]
    assert pairs.task.tolist() == pairs.prompt.tolist() == [first // 10 for first in pairs.first.tolist()]


def test_batches_of_any_size_give_the_same_comparisons(monkeypatch):
    tables = [np.random.default_rng(seed).integers(1, 4, size=(3, 4)) for seed in range(5)]
    whole = RankingPairs.of(judgements_of(tables))
    monkeypatch.setattr("trainer.statistics.rankings._AT_ONCE", 24)  # two tasks at a time
    parts = RankingPairs.of(judgements_of(tables))
    assert (parts.first.tolist(), parts.agreed.tolist()) == (whole.first.tolist(), whole.agreed.tolist())
    assert len(parts) == 15


def test_people_meet_themselves_where_they_ranked_twice():
    same = np.array([[1, 2], [2, 1], [1, 2]])
    ranking, item, rank = np.arange(3).repeat(2), np.tile([0, 1], 3), same.ravel()
    pairs = RankingPairs.of(
        Judgements.of_rankings(ranking, item, rank, task=np.zeros(3, dtype=int), labeler=np.array([5, 5, 2]))
    )
    between, within = pairs.between_people(), pairs.of_one_person()
    assert list(zip(between.first.tolist(), between.second.tolist(), strict=True)) == [(0, 2), (1, 2)]
    assert (within.first.tolist(), within.second.tolist(), within.reversed.tolist()) == ([0], [1], [1])
    assert pairs.only(np.array([0, 0])).first.tolist() == [0, 0]


def test_members_are_numbered_within_their_group():
    groups, members = np.array([4, 1, 4, 4, 1]), np.array([9, 3, 2, 9, 8])
    assert numbered_within(groups, members).tolist() == [1, 0, 0, 1, 1]


def test_of_what_somebody_judged_twice_the_first_verdict_stays_pair_by_pair():
    """Person 0 ranks the answers 1, 2, 3, later 2 before 1 with a new answer; person 1 ranks once."""
    judgements = Judgements.of_rankings(
        np.repeat([0, 1, 2], 3),
        np.array([1, 2, 3, 1, 2, 4, 1, 2, 3]),
        np.array([1, 2, 3, 2, 1, 3, 3, 2, 1]),
        task=np.zeros(3, dtype=int),
        labeler=np.array([0, 0, 1]),
    )
    first = judgements.firsts()
    kept = {
        (int(ranking), *map(int, first.answers[pair])) for ranking, pair in zip(first.ranking, first.pair, strict=True)
    }
    assert kept == {(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 1, 4), (1, 2, 4), (2, 1, 2), (2, 1, 3), (2, 2, 3)}
    assert first.firsts() is first
