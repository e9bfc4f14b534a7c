from collections import defaultdict
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.labeling.surveys import rules

counts = st.lists(st.integers(0, 12), min_size=5, max_size=5)


@pytest.mark.parametrize(
    ("given_counts", "expected"),
    [
        ((11, 8, 0, 0, 0), [((0,), 11), ((1, 2, 3, 4), 8)]),
        ((0, 6, 6, 7, 0), [((0, 1), 6), ((2,), 6), ((3, 4), 7)]),
        ((15, 4, 0, 0, 0), [((0, 1, 2, 3, 4), 19)]),  # 15 of 19 would tell the 4
        ((12, 0, 0, 0, 0), [((0, 1, 2, 3, 4), 12)]),  # all of 12 would tell everybody's answer
        ((2, 8, 0, 5, 4), [((0, 1), 10), ((2, 3, 4), 9)]),
        ((5, 5, 5, 5, 5), [((0,), 5), ((1,), 5), ((2,), 5), ((3,), 5), ((4,), 5)]),
        ((1, 1, 1, 1, 1), [((0, 1, 2, 3, 4), 5)]),
        ((4, 0, 0, 0, 0), []),
    ],
)
def test_small_numbers_are_put_together_with_their_neighbours(given_counts, expected):
    assert rules.told(given_counts) == expected


@given(counts)
def test_no_number_below_five_is_told_and_none_is_lost(given_counts):
    groups = rules.told(given_counts)
    assert all(count >= 5 for _, count in groups)
    if sum(given_counts) >= 5:
        assert [place for places, _ in groups for place in places] == [0, 1, 2, 3, 4]
        assert [count for _, count in groups] == [sum(given_counts[p] for p in places) for places, _ in groups]
    else:
        assert groups == []


@pytest.mark.parametrize("n", [5, 8, 11, 13])
def test_whoever_knows_the_rule_cannot_work_a_small_number_out(n):
    """Of all ways in which n people can answer, those that are told alike leave a small number five values or more."""
    alike = defaultdict(list)
    for bars in combinations(range(n + 4), 4):
        edges = (-1, *bars, n + 4)
        answers = tuple(right - left - 1 for left, right in pairwise(edges))
        alike[tuple(rules.told(answers))].append(answers)
    assert sum(map(len, alike.values())) > 100
    for tables in alike.values():
        for place in range(5):
            values = {answers[place] for answers in tables}
            assert min(values) >= 5 or len(values) >= 5, (tables[0], place, values)


def test_a_result_keeps_what_may_be_told_and_nothing_else():
    tally = {(q, c): 0 for q in rules.QUESTIONS for c in rules.CHOICES}
    tally |= {(q, "agree"): 3 for q in rules.QUESTIONS} | {(q, "neutral"): 6 for q in rules.QUESTIONS}
    result = rules.result_of(tally, invited=12)
    assert (result["invited"], result["answered"]) == (12, 9)
    assert result["questions"]["clear"] == [[list(rules.CHOICES), 9]]
    few = rules.result_of({key: min(count, 2) for key, count in tally.items()}, invited=12)
    assert few == {"invited": 12}


def test_shares_have_wilsons_interval_and_the_papers_share_of_the_same_choices():
    share = rules.Share(("agree", "neutral"), 8, 19)
    assert share.share == pytest.approx(8 / 19)
    assert share.interval == pytest.approx((0.2314, 0.6372), abs=5e-5)
    assert share.of_instructgpt("repetitive") == pytest.approx(0.632)
    assert rules.Share(("agree",), 0, 10).interval == pytest.approx((0, 0.2775), abs=5e-5)
    assert rules.Share(("agree",), 10, 10).interval == pytest.approx((0.7225, 1), abs=5e-5)
