import math
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.contract.records import comparisons
from trainer.losses.preference import clustered_interval, pair_accuracy, pair_counts, ranking_loss, ranking_losses

FLOAT32 = 1e-5


def padded(rewards, ranks):
    """Lists of different length -> (P, K) rewards, ranks, present, with junk where nothing is."""
    width = max(map(len, ranks))
    present = torch.tensor([[k < len(row) for k in range(width)] for row in ranks])
    return (
        torch.tensor([row + [1e6] * (width - len(row)) for row in rewards], dtype=torch.float64),
        torch.tensor([row + [0] * (width - len(row)) for row in ranks]),
        present,
    )


def brute_force(rewards, ranks, divisor):
    """Every pair of every prompt in plain Python numbers; nothing shared with the code under test."""
    total = 0.0
    for scores, places in zip(rewards, ranks, strict=True):
        loss, used, pairs = 0.0, 0, 0
        for i, j in combinations(range(len(scores)), 2):
            pairs += 1
            if places[i] == places[j]:
                continue
            winner, loser = (i, j) if places[i] < places[j] else (j, i)
            loss += math.log1p(math.exp(-(scores[winner] - scores[loser])))
            used += 1
        total += loss / (pairs if divisor == "all_pairs" else max(used, 1))
    return total / len(rewards)


@st.composite
def weak_orders(draw):
    sizes = draw(st.lists(st.integers(2, 9), min_size=1, max_size=5))
    ranks = [draw(st.lists(st.integers(1, n), min_size=n, max_size=n)) for n in sizes]
    rewards = [draw(st.lists(st.floats(-8, 8), min_size=n, max_size=n)) for n in sizes]
    return rewards, ranks


def test_four_answers_with_a_tie_by_hand():
    # Ranks 1, 2, 2, 3 with rewards 2, 1, 0, 1. Strict pairs and r_w − r_l:
    #   (0,1): 1   (0,2): 2   (0,3): 1   (1,3): 0   (2,3): −1      (1,2) is tied and dropped
    # −log σ(d): 1 → 0.313262, 2 → 0.126928, 1 → 0.313262, 0 → 0.693147, −1 → 1.313262; sum 2.759860
    rewards, ranks, present = padded([[2.0, 1.0, 0.0, 1.0]], [[1, 2, 2, 3]])
    assert abs(ranking_loss(rewards, ranks, present, "all_pairs").item() - 2.759860 / 6) < FLOAT32
    assert abs(ranking_loss(rewards, ranks, present, "strict_pairs").item() - 2.759860 / 5) < FLOAT32
    # Right: the first three; (1,3) has equal scores and counts ½; (2,3) is wrong: 3.5 of 5.
    correct, strict = pair_accuracy(rewards, ranks, present)
    assert (correct.item(), strict.item()) == (3.5, 5)
    assert [n.item() for n in pair_counts(ranks, present)] == [5, 1]


@pytest.mark.parametrize("divisor", ["all_pairs", "strict_pairs"])
@settings(deadline=None, max_examples=60)
@given(drawn=weak_orders())
def test_the_loss_equals_the_brute_force_sum_over_all_pairs(divisor, drawn):
    rewards, ranks = drawn
    expected = brute_force(rewards, ranks, divisor)
    assert abs(ranking_loss(*padded(rewards, ranks), divisor).item() - expected) < FLOAT32 * (1 + expected)


@settings(deadline=None, max_examples=40)
@given(drawn=weak_orders())
def test_the_gradient_equals_the_sum_over_pairs(drawn):
    rewards, ranks = drawn
    scores, places, present = padded(rewards, ranks)
    scores.requires_grad_()
    ranking_loss(scores, places, present).backward()
    for p, (row, place) in enumerate(zip(rewards, ranks, strict=True)):
        expected = [0.0] * len(row)
        for i in range(len(row)):
            for j in range(len(row)):
                if place[i] < place[j]:  # d/dr_w −log σ(r_w − r_l) = −σ(r_l − r_w)
                    pull = 1 / (1 + math.exp(row[i] - row[j])) / math.comb(len(row), 2) / len(rewards)
                    expected[i] -= pull
                    expected[j] += pull
        assert scores.grad[p, : len(row)].tolist() == pytest.approx(expected, abs=FLOAT32)
        assert scores.grad[p, len(row) :].abs().sum() == 0


@settings(deadline=None, max_examples=40)
@given(drawn=weak_orders(), seed=st.integers(0, 1000))
def test_permuting_the_answers_changes_nothing(drawn, seed):
    rewards, ranks, present = padded(*drawn)
    order = torch.randperm(rewards.shape[1], generator=torch.Generator().manual_seed(seed))
    moved = (rewards[:, order], ranks[:, order], present[:, order])
    assert ranking_losses(*moved).tolist() == pytest.approx(ranking_losses(rewards, ranks, present).tolist(), abs=1e-5)
    assert torch.equal(pair_accuracy(*moved)[0], pair_accuracy(rewards, ranks, present)[0])


@settings(deadline=None, max_examples=40)
@given(drawn=weak_orders(), shift=st.floats(-20, 20))
def test_shifting_all_rewards_of_a_prompt_changes_nothing(drawn, shift):
    rewards, ranks, present = padded(*drawn)
    shifted = ranking_losses(rewards + shift, ranks, present).tolist()
    assert shifted == pytest.approx(ranking_losses(rewards, ranks, present).tolist(), abs=1e-4)


@settings(deadline=None, max_examples=60)
@given(drawn=weak_orders())
def test_pairs_are_counted_as_the_treaty_counts_them(drawn):
    _, ranks = drawn
    _, places, present = padded(*drawn)
    strict, tied = pair_counts(places, present)
    for p, row in enumerate(ranks):
        pairs, ties = comparisons(row)
        assert (strict[p].item(), tied[p].item()) == (len(pairs), ties)


@pytest.mark.parametrize("divisor", ["all_pairs", "strict_pairs"])
def test_a_prompt_whose_answers_are_all_tied_adds_nothing_and_is_counted(divisor):
    strict_prompt = padded([[1.0, 0.0]], [[1, 2]])
    alone = ranking_loss(*strict_prompt, divisor)
    with_tied = ranking_loss(*padded([[1.0, 0.0], [5.0, -5.0]], [[1, 2], [1, 1]]), divisor)
    assert torch.isclose(with_tied, alone / 2)


def test_one_pair_at_equal_scores_costs_log_two():
    assert abs(ranking_loss(*padded([[3.0, 3.0]], [[2, 1]])).item() - math.log(2)) < FLOAT32


def test_huge_margins_stay_finite():
    rewards, ranks, present = padded([[1e4, -1e4], [-1e4, 1e4]], [[1, 2], [1, 2]])
    rewards.requires_grad_()
    loss = ranking_losses(rewards, ranks, present)
    loss.sum().backward()
    assert loss.tolist() == [0.0, 2e4]
    assert rewards.grad.isfinite().all()


def test_the_interval_covers_the_share_and_widens_when_pairs_share_a_prompt():
    correct = np.array([1.0] * 30 + [0.0] * 10)
    low, high = clustered_interval(correct, np.ones(40), seed=0)
    # Normal approximation: 0.75 ± 1.96·√(0.75·0.25/40) = 0.75 ± 0.134
    assert low == pytest.approx(0.616, abs=0.03)
    assert high == pytest.approx(0.884, abs=0.03)
    ten_alike = clustered_interval(correct[::10] * 10, np.full(4, 10.0), seed=0)
    assert ten_alike[1] - ten_alike[0] > high - low
    assert clustered_interval(correct, np.ones(40), seed=0) == (low, high)


def test_no_pairs_give_no_interval():
    assert all(math.isnan(bound) for bound in clustered_interval(np.zeros(2), np.zeros(2), seed=0))
