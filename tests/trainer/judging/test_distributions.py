from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.judging.builds import scored
from trainer.judging.accuracy import OTHERS, UNKNOWN
from trainer.judging.distributions import MOST_BINS, histogram_edges, score_distributions


def test_an_answer_that_three_people_ranked_counts_once():
    rankings = scored(
        [[1.0, 5.0], [5.0, 1.0], [1.0, 5.0, 3.0]],
        [[1, 2], [1, 2], [1, 2, 3]],
        answers=[[0, 1], [1, 0], [0, 1, 2]],
        prompts=[4, 4, 4],
        sources=["sft", "ppo", "sft"],
    )
    edges, (sft, ppo) = score_distributions(rankings)
    assert (sft.source, sft.answers, sft.mean, sft.std) == ("sft", 2, 2.0, 1.0)
    assert (ppo.source, ppo.answers, ppo.mean, ppo.std) == ("ppo", 1, 5.0, 0.0)
    assert ppo.quantiles == [5.0] * 5
    assert sft.quantiles == pytest.approx([1.1, 1.5, 2.0, 2.5, 2.9])
    assert len(sft.counts) == len(edges) - 1


def test_counts_lie_where_the_scores_do():
    scores = np.arange(0.5, 10.5)  # 0.5 … 9.5; the middle 99 % spans 8.91, so bins are 0.5 wide
    edges, (all_of_them,) = score_distributions(scored([list(scores)], [list(range(10))], sources=["a"] * 10))
    assert edges == pytest.approx(np.arange(0.5, 9.51, 0.5))
    expected = [sum(low <= s < high for s in scores) for low, high in pairwise(edges)]
    expected[-1] += 1  # 9.5 itself: the last bin is closed
    assert all_of_them.counts == expected


def test_the_outermost_bins_hold_what_lies_beyond():
    scores = [*np.linspace(-1, 1, 1000), 500.0, -300.0]
    edges, (found,) = score_distributions(scored([scores], [list(range(len(scores)))], sources=["a"] * len(scores)))
    assert -1.1 <= edges[0] < edges[-1] <= 1.1
    assert sum(found.counts) == len(scores)


def test_sources_with_most_answers_come_first_and_unknown_ones_have_a_name():
    count = 24
    names = ["big", "big", None, *(f"s{n:02}" for n in range(count - 3))]
    edges, found = score_distributions(scored([[float(n) for n in range(count)]], [[1] * count], sources=names))
    assert [part.source for part in found[:3]] == ["big", UNKNOWN, "s00"]
    assert (found[-1].source, found[-1].answers) == (OTHERS, 3)
    assert sum(part.answers for part in found) == count
    assert all(sum(part.counts) == part.answers and len(part.counts) == len(edges) - 1 for part in found)


@settings(deadline=None, max_examples=300)
@given(
    scores=st.lists(st.floats(-1e30, 1e30, allow_subnormal=False), min_size=1, max_size=40),
    offset=st.floats(-1e6, 1e6),
)
def test_edges_rise_are_few_and_span_the_middle(scores, offset):
    values = np.array(scores) + offset
    edges = histogram_edges(values)
    assert 1 <= len(edges) - 1 <= MOST_BINS
    assert all(low < high for low, high in pairwise(edges))
    low, high = np.quantile(values, [0.005, 0.995])
    slack = 1e-9 * max(abs(low), abs(high))
    assert edges[0] <= low + slack
    assert edges[-1] >= high - slack


@pytest.mark.parametrize(
    ("low", "high", "step"), [(0, 30, 1), (-1.5, 1.5, 0.1), (0.01, 0.08, 0.0025), (-2e4, 2e5, 1e4)]
)
def test_bins_have_a_round_width(low, high, step):
    edges = histogram_edges(np.array([low] * 500 + [high] * 500, dtype=float))
    assert np.diff(edges) == pytest.approx(np.full(len(edges) - 1, step))
    assert [f"{edge:.10g}" for edge in edges] == [f"{float(str(edge)):.10g}" for edge in edges]


def test_scores_all_alike_have_one_bin_around_them():
    edges, (found,) = score_distributions(scored([[2.0, 2.0]], [[1, 2]]))
    assert (edges, found.counts) == ([1.5, 2.5], [2])
