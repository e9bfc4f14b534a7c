import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.judging.builds import credit, judgements, scored, strict_pairs_of
from trainer.judging.biases import bias_probes, earlier_wins, length_correlation, longer_wins
from trainer.judging.intervals import Resamples


def asked(probe, rankings):
    return probe(rankings, Resamples(rankings.cluster_count, 0))


def test_longer_wins_by_hand():
    rankings = scored(
        [[3.0, 2.0, 1.0], [0.0, 0.0]],
        [[1, 2, 3], [2, 1]],
        lengths=[[10, 30, 10], [5, 6]],
    )
    # Pairs (better, worse) and who is longer: (0,1) worse, (0,2) equal, (1,2) better; second: (1,0) better.
    found = asked(longer_wins, rankings)
    assert (found.people.value, found.people.n) == ((0 + 0.5 + 1 + 1) / 4, 4)
    # The model: prefers the shorter, one half, prefers the longer; equal scores one half.
    assert (found.model.value, found.model.n) == ((0 + 0.5 + 1 + 0.5) / 4, 4)
    assert found.name == "longer_wins"


@settings(deadline=None, max_examples=80)
@given(drawn=judgements(), data=st.data())
def test_longer_wins_is_the_accuracy_of_that_rule_and_earlier_wins_asks_only_known_places(drawn, data):
    some_places = st.one_of(st.just(math.nan), st.integers(0, 4).map(float))
    lengths = [[data.draw(st.integers(1, 4)) for _ in row] for row in drawn["ranks"]]
    shown = [[data.draw(some_places) for _ in row] for row in drawn["ranks"]]
    rankings = scored(**drawn, lengths=lengths, shown=shown)
    pairs = strict_pairs_of(drawn["ranks"])

    def share(values):
        return pytest.approx(float(np.mean(values))) if values else None

    longer = asked(longer_wins, rankings)
    assert longer.people.value == share([credit(lengths[r][i], lengths[r][j]) for r, i, j in pairs])
    model = []
    for r, i, j in pairs:
        if lengths[r][i] == lengths[r][j]:
            model.append(0.5)
        else:
            long, short = (i, j) if lengths[r][i] > lengths[r][j] else (j, i)
            model.append(credit(drawn["rewards"][r][long], drawn["rewards"][r][short]))
    assert longer.model.value == share(model)

    known = [(r, i, j) for r, i, j in pairs if not math.isnan(shown[r][i] + shown[r][j])]
    earlier = asked(earlier_wins, rankings)
    assert earlier.people.value == share([credit(-shown[r][i], -shown[r][j]) for r, i, j in known])
    assert earlier.people.n == earlier.model.n == len(known)
    assert [probe.name for probe in bias_probes(rankings, Resamples(rankings.cluster_count, 0))] == [
        "longer_wins",
        *(["earlier_wins"] if known else []),
    ]


def test_a_model_that_counts_letters_is_found_out():
    lengths = [[3, 9, 6], [40, 20, 30]]
    rankings = scored([[float(n) for n in row] for row in lengths], [[1, 2, 3], [1, 2, 3]], lengths=lengths)
    found = asked(longer_wins, rankings)
    assert (found.model.value, found.correlation) == (1.0, pytest.approx(1.0))


def test_a_person_who_likes_the_first_card_is_found_out():
    rankings = scored([[1.0, 2.0, 0.0]], [[1, 2, 3]], shown=[[0, 1, 2]])
    found = asked(earlier_wins, rankings)
    assert (found.people.value, found.model.value) == (1.0, pytest.approx(2 / 3))
    assert found.correlation is None


def test_the_correlation_is_blind_to_what_differs_between_prompts():
    # Within each prompt the longer answer scores lower, though the prompt with long answers scores higher.
    rankings = scored([[1.0, 0.0], [9.0, 8.0]], [[1, 2], [1, 2]], lengths=[[10, 20], [900, 910]])
    assert length_correlation(rankings) == pytest.approx(-1.0)
    # Both prompts' answers together rise with length.
    assert np.corrcoef([1, 0, 9, 8], [10, 20, 900, 910])[0, 1] > 0.9


@settings(deadline=None, max_examples=40)
@given(drawn=judgements(), data=st.data())
def test_the_correlation_equals_that_of_the_residuals(drawn, data):
    lengths = [[data.draw(st.integers(1, 9)) for _ in row] for row in drawn["ranks"]]
    residuals = []
    for prompt in set(drawn["prompts"]):
        rows = [
            pair
            for row, sizes, name in zip(drawn["rewards"], lengths, drawn["prompts"], strict=True)
            if name == prompt
            for pair in zip(row, sizes, strict=True)
        ]
        residuals += (np.array(rows) - np.mean(rows, axis=0)).tolist()
    scores, sizes = np.array(residuals).T
    found = length_correlation(scored(**drawn, lengths=lengths))
    if min(np.abs(scores).max(), np.abs(sizes).max()) < 1e-9:
        assert found is None
    else:
        assert found == pytest.approx(np.corrcoef(scores, sizes)[0, 1], abs=1e-9)


def test_equal_lengths_have_no_correlation():
    assert length_correlation(scored([[0.1, 0.2, 0.3]], [[1, 2, 3]])) is None
