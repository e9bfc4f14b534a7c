import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.judging.builds import credit, judgements, scored, strict_pairs_of
from trainer.judging.accuracy import (
    CONTRADICTED,
    NO_TIES,
    OTHERS,
    SOME_TIES,
    UNKNOWN,
    by_group,
    by_head,
    by_k,
    by_labeler,
    by_likert_gap,
    by_strength,
    by_ties,
    by_use_case,
    complete_orders,
    pair_accuracy,
)
from trainer.judging.intervals import Resamples

EXACT = 1e-12


def measured(figure, rankings):
    return figure(rankings, Resamples(rankings.cluster_count, 0))


def table(groups):
    return [(group.name, group.accuracy.value, group.accuracy.n) for group in groups]


def test_four_answers_with_a_tie_by_hand():
    # Ranks 1, 2, 2, 3 with rewards 2, 1, 0, 1: right (0,1) (0,2) (0,3), half (1,3), wrong (2,3); (1,2) is tied.
    found = measured(pair_accuracy, scored([[2.0, 1.0, 0.0, 1.0]], [[1, 2, 2, 3]]))
    assert (found.value, found.n, found.prompts) == (3.5 / 5, 5, 1)


@settings(deadline=None, max_examples=80)
@given(drawn=judgements())
def test_accuracy_equals_the_count_over_all_pairs(drawn):
    pairs = strict_pairs_of(drawn["ranks"])
    found = measured(pair_accuracy, scored(**drawn))
    right = sum(credit(drawn["rewards"][r][i], drawn["rewards"][r][j]) for r, i, j in pairs)
    assert found.n == len(pairs)
    assert found.value == (pytest.approx(right / len(pairs), abs=EXACT) if pairs else None)
    assert found.prompts == len({drawn["prompts"][r] for r, *_ in pairs})


@settings(deadline=None, max_examples=40)
@given(drawn=judgements(), shifts=st.lists(st.integers(-50, 50), min_size=6, max_size=6))
def test_only_the_order_within_a_ranking_matters(drawn, shifts):
    moved = [[(score**3 + 2 * score) + shifts[r] for score in row] for r, row in enumerate(drawn["rewards"])]
    before, after = scored(**drawn), scored(**(drawn | {"rewards": moved}))
    for figure in (pair_accuracy, complete_orders, by_k):
        assert measured(figure, after) == measured(figure, before)


def drawn_ties(drawn):
    """A label where any ranking repeats a rank."""
    return [1 if any(len(set(row)) < len(row) for row in drawn["ranks"]) else None]


@settings(deadline=None, max_examples=60)
@given(
    drawn=judgements(),
    labels=st.lists(st.sampled_from(["a", "b", None]), min_size=6, max_size=6),
    strength=st.lists(st.sampled_from([0.0, 1.5, math.nan]), min_size=6, max_size=6),
)
def test_the_parts_add_up_to_the_whole(drawn, labels, strength):
    labels, strength = labels[: len(drawn["ranks"])], strength[: len(drawn["ranks"])]
    rankings = scored(**drawn, use_cases=labels, groups=labels, strength=strength)
    whole = measured(pair_accuracy, rankings)
    for figure, given_labels in (
        (by_k, [1]),
        (by_labeler, [1]),
        (by_ties, drawn_ties(drawn)),
        (by_use_case, labels),
        (by_group, labels),
    ):
        parts = measured(figure, rankings)
        if all(label is None for label in given_labels):
            assert parts == []
            continue
        assert sum(part.accuracy.n for part in parts) == whole.n
        right = sum(part.accuracy.n * (part.accuracy.value or 0) for part in parts)
        assert right == pytest.approx(whole.n * (whole.value or 0), abs=1e-9)


def test_a_complete_order_has_every_strict_pair_right():
    rankings = scored(
        [
            [3.0, 2.0, 1.0],  # all right
            [3.0, 1.0, 2.0],  # one pair wrong
            [3.0, 3.0, 1.0],  # one pair equal: not right
            [3.0, 1.0, 2.0],  # the wrong one is tied, so nothing is wrong
            [1.0, 2.0],  # all tied: states no order
        ],
        [[1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 2], [1, 1]],
    )
    found = measured(complete_orders, rankings)
    assert (found.value, found.n, found.prompts) == (2 / 4, 4, 4)


def test_k_is_sorted_as_a_number():
    ten, two, nine = ([float(-k) for k in range(size)] for size in (10, 2, 9))
    rankings = scored([ten, two, nine], [list(range(1, len(row) + 1)) for row in (ten, two, nine)])
    assert table(measured(by_k, rankings)) == [("2", 1.0, 1), ("9", 1.0, 36), ("10", 1.0, 45)]


def test_rankings_with_ties_are_told_from_those_without():
    rankings = scored(
        [[3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [2.0, 1.0], [1.0, 1.0]],
        [[1, 2, 2], [1, 2, 3], [1, 2], [1, 1]],
    )
    assert table(measured(by_ties, rankings)) == [(NO_TIES, 1 / 4, 4), (SOME_TIES, 1.0, 2)]


def test_use_cases_with_most_pairs_come_first_and_unlabelled_ones_last():
    rankings = scored(
        [[2.0, 1.0], [2.0, 1.0, 0.0], [1.0, 2.0], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0]],
        [[1, 2], [1, 2, 3], [1, 2], [1, 2, 3, 4], [1, 1]],
        use_cases=["chat", "rewrite", "chat", None, "extract"],
    )
    assert table(measured(by_use_case, rankings)) == [
        ("rewrite", 1.0, 3),
        ("chat", 0.5, 2),
        ("extract", None, 0),  # all tied: there is nothing to count, and it is said
        (UNKNOWN, 0.0, 6),
    ]


def test_very_many_labelers_end_in_others():
    people = [f"p{number:02}" for number in range(60) for _ in range(1 if number < 20 else 2)]
    rankings = scored([[1.0, 0.0]] * 100, [[1, 2]] * 60 + [[2, 1]] * 40, labelers=people)
    groups = measured(by_labeler, rankings)
    assert len(groups) == 51
    assert [group.name for group in groups[:41]] == [f"p{n:02}" for n in range(20, 60)] + ["p00"]
    assert (groups[-1].name, groups[-1].accuracy.n) == (OTHERS, 10)
    wanted = Counter(people)
    assert all(group.accuracy.n == wanted[group.name] for group in groups[:-1])


def test_likert_gaps_by_hand():
    nan = math.nan
    rankings = scored(
        [[4.0, 3.0, 2.0, 1.0], [0.0, 1.0], [0.0, 1.0]],
        [[1, 2, 2, 3], [1, 2], [1, 2]],
        likert=[[7, 5, 1, 5], [2, 6], [3, nan]],
    )
    # First ranking: (0,1) 2, (0,2) 6, (0,3) 2, (1,3) 0, (2,3) 1 against 5: contradicted.
    # Second: contradicted and wrong. Third: not both rated.
    assert table(measured(by_likert_gap, rankings)) == [
        ("0", 1.0, 1),
        ("2", 1.0, 2),
        ("6", 1.0, 1),
        (CONTRADICTED, 0.5, 2),
    ]


def test_strengths_are_sorted_as_numbers():
    rankings = scored(
        [[1.0, 0.0]] * 6, [[1, 2], [2, 1], [1, 2], [1, 2], [1, 2], [1, 2]], strength=[10.0, 0.0, 0.5, math.nan, 10, 10]
    )
    assert table(measured(by_strength, rankings)) == [
        ("0", 0.0, 1),
        ("0.5", 1.0, 1),
        ("10", 1.0, 3),
        (UNKNOWN, 1.0, 1),
    ]


def test_a_fine_scale_of_strengths_is_cut_into_four():
    rankings = scored([[1.0, 0.0]] * 101, [[1, 2]] * 51 + [[2, 1]] * 50, strength=[n / 100 for n in range(101)])
    groups = measured(by_strength, rankings)
    assert table(groups) == [
        ("0 to 0.25", 1.0, 26),
        ("0.25 to 0.5", 1.0, 25),
        ("0.5 to 0.75", 0.0, 25),
        ("0.75 to 1", 0.0, 25),
    ]


def test_a_head_is_held_to_its_own_labels():
    rankings = scored(
        [[1.0, 0.0], [0.0, 1.0]],
        [[1, 2], [1, 2]],
        heads={"harmless": ([[0.0, 1.0], [3.0, 2.0]], [[2, 1], [1, 2]])},
    )
    assert table(measured(by_head, rankings)) == [("harmless", 1.0, 2)]
    assert measured(pair_accuracy, rankings).value == 0.5


@settings(deadline=None, max_examples=20)
@given(drawn=judgements())
def test_no_rating_no_strength_no_head_give_no_groups(drawn):
    rankings = scored(**drawn)
    for figure in (by_likert_gap, by_strength, by_head, by_use_case, by_group):
        assert measured(figure, rankings) == []


def test_a_pair_that_a_model_cannot_tell_apart_is_not_judged():
    judged = scored([[1.0, 1.0, 0.0]], [[1, 2, 2]], seen=[[5, 5, 6]])
    share = pair_accuracy(judged, Resamples(judged.cluster_count, 0))
    assert (share.value, share.n) == (1.0, 1)
    assert len(judged.tied) == 1
