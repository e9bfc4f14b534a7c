import numpy as np
import pytest
from hypothesis import given, settings

from tests.trainer.judging.builds import judgements, scored, strict_pairs_of


@settings(deadline=None, max_examples=60)
@given(drawn=judgements())
def test_pairs_are_those_of_plain_loops(drawn):
    rankings = scored(**drawn)
    strict = rankings.strict
    found = list(zip(strict.rankings.tolist(), strict.first.tolist(), strict.second.tolist(), strict=True))
    assert sorted(found) == sorted(strict_pairs_of(drawn["ranks"]))
    tied = rankings.tied
    assert sorted(zip(tied.rankings.tolist(), tied.first.tolist(), tied.second.tolist(), strict=True)) == [
        (r, i, j)
        for r, row in enumerate(drawn["ranks"])
        for i in range(len(row))
        for j in range(i + 1, len(row))
        if row[i] == row[j]
    ]


def test_an_answer_that_two_people_ranked_is_one_answer():
    rankings = scored([[1.0, 2.0, 3.0], [3.0, 1.0]], [[1, 2, 3], [1, 2]], answers=[[0, 1, 2], [2, 0]], prompts=[9, 9])
    rows, places = rankings.distinct
    assert rankings.rewards[rows, places].tolist() == [1.0, 2.0, 3.0]
    assert (rankings.clusters.tolist(), rankings.cluster_count) == ([0, 0], 1)


def test_scores_that_are_no_numbers_are_refused_in_words():
    with pytest.raises(ValueError, match="1 of 4 scores are not finite numbers"):
        scored([[1.0, np.nan], [0.0, 1.0]], [[1, 2], [1, 2]])
    with pytest.raises(ValueError, match='2 of 2 scores of the head "harmless"'):
        scored([[1.0, 2.0]], [[1, 2]], heads={"harmless": ([[np.nan, np.inf]], [[1, 2]])})
    with pytest.raises(ValueError, match="scores of ensemble member 1 "):
        scored([[1.0, 2.0]], [[1, 2]], members=[[[1.0, 2.0]], [[1.0, -np.inf]]])


def test_shapes_that_disagree_are_refused():
    with pytest.raises(ValueError, match=r"shape of labelers is \(2,\), not \(1,\)"):
        scored([[1.0, 2.0]], [[1, 2]], labelers=["ann", "bob"])
    with pytest.raises(ValueError, match=r"shape of likert"):
        scored([[1.0, 2.0]], [[1, 2]], likert=[[1, 2, 3]])
    with pytest.raises(ValueError, match="no source"):
        scored([[1.0, 2.0]], [[1, 2]], sources=["sft"])
