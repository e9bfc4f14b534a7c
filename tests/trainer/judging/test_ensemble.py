import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.judging.builds import credit, judgements, scored, strict_pairs_of
from trainer.judging.ensemble import ensemble_figures
from trainer.judging.intervals import Resamples


def figures(rankings):
    return ensemble_figures(rankings, Resamples(rankings.cluster_count, 0))


def test_three_members_by_hand():
    members = [[[2.0, 0.0, 1.0]], [[2.0, 1.0, 0.0]], [[5.0, 5.0, 2.0]]]
    found = figures(scored(np.mean(members, axis=0).tolist(), [[1, 2, 3]], members=members))
    assert [share.value for share in found.members] == pytest.approx([2 / 3, 1.0, 2.5 / 3])
    assert found.mean.value == 1.0  # 3, 2, 1
    # (0,1): the third is undecided. (0,2): one mind. (1,2): the first says otherwise.
    assert (found.split_pairs.value, found.split_pairs.n) == (pytest.approx(2 / 3), 3)
    assert found.score_deviation == pytest.approx((np.sqrt(2) + np.std([1, 0, 5]) + np.std([0, 1, 2])) / 3)


@settings(deadline=None, max_examples=40)
@given(drawn=judgements(), data=st.data())
def test_members_are_measured_each_for_itself(drawn, data):
    count = data.draw(st.integers(2, 4))
    members = [[[float(data.draw(st.integers(-2, 2))) for _ in row] for row in drawn["ranks"]] for _ in range(count)]
    pairs = strict_pairs_of(drawn["ranks"])
    found = figures(scored(**drawn, members=members))
    earned = [[credit(member[r][i], member[r][j]) for r, i, j in pairs] for member in members]
    if pairs:
        assert [share.value for share in found.members] == pytest.approx(np.mean(earned, axis=1).tolist())
        split = [len(set(column)) > 1 for column in zip(*earned, strict=True)]
        assert found.split_pairs.value == pytest.approx(np.mean(split))
    else:
        assert found.split_pairs.value is None


def test_an_answer_that_many_ranked_counts_once_in_the_deviation():
    members = [[[0.0, 0.0, 0.0], [0.0, 0.0]], [[2.0, 0.0, 0.0], [2.0, 0.0]]]
    rankings = scored(
        [[1.0, 0.0, 0.0], [1.0, 0.0]],
        [[1, 2, 3], [1, 2]],
        answers=[[0, 1, 2], [0, 1]],
        prompts=[0, 0],
        members=members,
    )
    assert figures(rankings).score_deviation == pytest.approx(1 / 3)


def test_one_model_is_no_ensemble():
    assert figures(scored([[1.0, 0.0]], [[1, 2]])) is None
    assert figures(scored([[1.0, 0.0]], [[1, 2]], members=[[[1.0, 0.0]]])) is None
