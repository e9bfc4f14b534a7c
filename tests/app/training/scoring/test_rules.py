import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.training.scoring import rules

SCORES = st.lists(st.one_of(st.none(), st.floats(-50, 50)), max_size=12)


def test_equal_scores_share_a_rank_and_none_is_skipped():
    assert rules.ranks_of_scores([0.5, 2.0, 0.5, None, -1.0]) == [2, 1, 2, None, 3]
    assert rules.ranks_of_scores([]) == []


@given(SCORES)
def test_a_higher_score_has_a_lower_rank(scores):
    ranks = rules.ranks_of_scores(scores)
    known = [(s, r) for s, r in zip(scores, ranks, strict=True) if s is not None]
    assert all((a > b) == (p < q) for a, p in known for b, q in known)
    assert {r for _, r in known} == set(range(1, len({s for s, _ in known}) + 1))


def test_the_chance_is_the_logistic_function_of_the_gap():
    assert rules.chance_preferred(1.0, 1.0) == 0.5
    assert rules.chance_preferred(1.5, 0.4) == pytest.approx(1 / (1 + math.exp(-1.1)))
    assert rules.chance_preferred(-2, 2) == pytest.approx(1 - rules.chance_preferred(2, -2))
    assert (rules.chance_preferred(5_000, -5_000), rules.chance_preferred(-5_000, 5_000)) == (1.0, 0.0)


@given(SCORES)
def test_every_score_and_zero_stand_on_the_axis_in_their_order(scores):
    axis = rules.shared_axis(scores)
    known = sorted([0.0, *(s for s in scores if s is not None)])
    places = [axis.at(score) for score in known]
    assert places == sorted(places)
    assert all(axis.margin <= place <= axis.width - axis.margin for place in places)


def test_the_axis_leaves_room_for_deviations_and_is_never_empty():
    axis = rules.shared_axis([1.0, 3.0], [None, 0.5])
    assert (axis.low, axis.high) == (-0.5, 3.5)
    assert rules.shared_axis([None]) == rules.shared_axis([0.0]) == rules.Axis(-1.0, 1.0)
