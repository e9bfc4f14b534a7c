import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.statistics.weak_orders import dense_ranks, densify, weak_order

ranks = st.lists(st.integers(1, 50), max_size=9)


@given(ranks)
def test_dense_ranks_keep_the_order_and_skip_none(ranks):
    dense = dense_ranks(ranks)
    assert set(dense) == set(range(1, len(set(ranks)) + 1))
    for i in range(len(ranks)):
        for j in range(len(ranks)):
            assert (ranks[i] < ranks[j]) == (dense[i] < dense[j])


def test_empty_lanes_are_closed_and_names_stay_where_they_were():
    dense = densify({"a": 5, "b": 2, "c": 5, "d": 9})
    assert list(dense.items()) == [("a", 2), ("b", 1), ("c", 2), ("d", 3)]
    assert densify({7: -0.5, 3: -2.5}) == {7: 2, 3: 1}


@pytest.mark.parametrize(
    ("ranks", "written"),
    [
        ({"A": 2, "B": 3, "C": 1, "D": 2}, "C > A = D > B"),
        ({"D": 1, "C": 1, "B": 1, "A": 1}, "A = B = C = D"),
        ({"B": 7, "A": 9}, "B > A"),
        ({"A": 1}, "A"),
        ({}, ""),
    ],
)
def test_a_weak_order_reads_best_first_with_ties_in_the_order_of_names(ranks, written):
    assert weak_order(ranks) == written
