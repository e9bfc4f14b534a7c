import json
import math
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.contract.records import comparisons
from trainer.losses.preference import (
    Treatment,
    likert_margins,
    new_tie_parameter,
    pair_accuracy,
    pair_counts,
    ranking_losses,
    strength_margins,
    tie_losses,
    tie_value,
    tied_pairs,
    win_losses,
)

FLOAT32 = 1e-5
FLOAT64 = 1e-9

TIES = ["drop", "soft", "davidson", "rao_kupper"]
LIKELIHOODS = ["davidson", "rao_kupper"]


def charged(rewards, ranks, present, divisor="all_pairs", *, ties="drop", label_smoothing=0.0, **more):
    treatment = Treatment(ties, divisor, label_smoothing)
    return ranking_losses(rewards, ranks, present, treatment, **more)


def ranking_loss(rewards, ranks, present, divisor="all_pairs", **treatment):
    return charged(rewards, ranks, present, divisor, **treatment).mean()


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
    assert tied_pairs(ranks, present).nonzero().tolist() == [[0, 1, 2]]


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


@pytest.mark.parametrize("ties", TIES)
@settings(deadline=None, max_examples=30)
@given(drawn=weak_orders(), seed=st.integers(0, 1000))
def test_permuting_the_answers_changes_nothing(ties, drawn, seed):
    rewards, ranks, present = padded(*drawn)
    source = torch.Generator().manual_seed(seed)
    order = torch.randperm(rewards.shape[1], generator=source)
    margins = torch.rand(*rewards.shape, rewards.shape[1], generator=source)
    treatment = {"ties": ties, "tie_parameter": torch.tensor(0.3), "label_smoothing": 0.1}
    before = charged(rewards, ranks, present, margins=margins, **treatment)
    moved = (rewards[:, order], ranks[:, order], present[:, order])
    after = charged(*moved, margins=margins[:, order][:, :, order], **treatment)
    assert after.tolist() == pytest.approx(before.tolist(), abs=FLOAT32)
    assert torch.equal(pair_accuracy(*moved)[0], pair_accuracy(rewards, ranks, present)[0])


@pytest.mark.parametrize("ties", TIES)
@settings(deadline=None, max_examples=30)
@given(drawn=weak_orders(), shift=st.floats(-20, 20))
def test_shifting_all_rewards_of_a_prompt_changes_nothing(ties, drawn, shift):
    rewards, ranks, present = padded(*drawn)
    treatment = {"ties": ties, "tie_parameter": torch.tensor(-0.4)}
    shifted = charged(rewards + shift, ranks, present, **treatment).tolist()
    assert shifted == pytest.approx(charged(rewards, ranks, present, **treatment).tolist(), abs=FLOAT64)


@settings(deadline=None, max_examples=60)
@given(drawn=weak_orders())
def test_pairs_are_counted_as_the_contract_counts_them(drawn):
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
    loss = charged(rewards, ranks, present)
    loss.sum().backward()
    assert loss.tolist() == [0.0, 2e4]
    assert rewards.grad.isfinite().all()


def written(first, second, ties, parameter):
    """P(first wins), P(second wins), P(tie) from two worths, as the papers print them; float64, small rewards only."""
    if ties == "davidson":
        nu = parameter.exp()
        total = first + second + nu * (first * second).sqrt()
        return first / total, second / total, nu * (first * second).sqrt() / total
    if ties == "rao_kupper":
        theta = 1 + parameter.exp()
        win, lose = first / (first + theta * second), second / (second + theta * first)
        return win, lose, (theta**2 - 1) * first * second / ((first + theta * second) * (theta * first + second))
    return first / (first + second), second / (first + second), torch.zeros(())


def loop_over_pairs(rewards, ranks, present, divisor, ties, parameter, margins, smoothing):
    """The mean loss, a pair at a time, from the written probabilities."""
    total = 0.0
    for p in range(len(rewards)):
        loss, used, pairs = 0.0, 0, 0
        for i, j in combinations([k for k in range(rewards.shape[1]) if present[p, k]], 2):
            pairs += 1
            if ranks[p, i] == ranks[p, j]:
                win, lose, tie = written(rewards[p, i].exp(), rewards[p, j].exp(), ties, parameter)
                if ties == "drop":
                    continue
                loss = loss - (0.5 * win.log() + 0.5 * lose.log() if ties == "soft" else tie.log())
            else:
                best, worst = (i, j) if ranks[p, i] < ranks[p, j] else (j, i)
                stated = written(
                    (rewards[p, best] - margins[p, best, worst]).exp(), rewards[p, worst].exp(), ties, parameter
                )[0]
                flipped = written(
                    (rewards[p, worst] - margins[p, worst, best]).exp(), rewards[p, best].exp(), ties, parameter
                )[0]
                loss = loss - (1 - smoothing) * stated.log() - smoothing * flipped.log()
            used += 1
        total = total + loss / max(pairs if divisor == "all_pairs" else used, 1)
    return total / len(rewards)


@pytest.mark.parametrize("divisor", ["all_pairs", "strict_pairs"])
@pytest.mark.parametrize("ties", TIES)
@settings(deadline=None, max_examples=15)
@given(
    drawn=weak_orders(),
    parameter=st.floats(-4, 4),
    margin=st.sampled_from([0.0, 1.5]),
    smoothing=st.sampled_from([0.0, 0.2]),
    seed=st.integers(0, 1000),
)
def test_loss_and_gradients_equal_autograd_of_the_written_probabilities(
    ties, divisor, drawn, parameter, margin, smoothing, seed
):
    rewards, ranks, present = padded(*drawn)
    generator = torch.Generator().manual_seed(seed)
    margins = margin * torch.rand(*ranks.shape, ranks.shape[1], generator=generator, dtype=torch.float64)
    results = []
    for loss in (ranking_loss, loop_over_pairs):
        scores = rewards.clone().requires_grad_()
        scalar = torch.tensor(parameter, dtype=torch.float64, requires_grad=True)
        if loss is ranking_loss:
            treatment = {"ties": ties, "tie_parameter": scalar, "margins": margins, "label_smoothing": smoothing}
            value = ranking_loss(scores, ranks, present, divisor, **treatment)
        else:
            value = loop_over_pairs(scores, ranks, present, divisor, ties, scalar, margins, smoothing)
        if isinstance(value, float):  # nothing but ties, dropped: no graph
            results.append((value, torch.zeros_like(rewards), 0.0))
            continue
        value.backward()
        results.append((value.item(), scores.grad, 0.0 if scalar.grad is None else scalar.grad.item()))
    (ours, our_pull, our_tie_pull), (theirs, their_pull, their_tie_pull) = results
    assert ours == pytest.approx(theirs, abs=FLOAT64)
    assert torch.allclose(our_pull, their_pull, atol=FLOAT64, rtol=0)
    assert our_tie_pull == pytest.approx(their_tie_pull, abs=FLOAT64)


@pytest.mark.parametrize(
    ("ties", "win", "lose", "tie"),
    [
        # Worths 4 and 1. Davidson, ν = 1: 4, 1 and √(4·1) = 2 of 7.
        ("davidson", 4 / 7, 1 / 7, 2 / 7),
        # Rao–Kupper, θ = 2: 4/(4 + 2·1), 1/(1 + 2·4) and 3·4·1 / (6·9).
        ("rao_kupper", 4 / 6, 1 / 9, 12 / 54),
        # Half a win for each side: the tie costs the geometric mean of 4/5 and 1/5.
        ("soft", 4 / 5, 1 / 5, math.sqrt(4 / 25)),
        ("drop", 4 / 5, 1 / 5, 1.0),
    ],
)
def test_two_answers_of_worth_four_and_one_by_hand(ties, win, lose, tie):
    rewards = torch.tensor([[math.log(4), 0.0]] * 3, dtype=torch.float64)
    ranks, present = torch.tensor([[1, 2], [2, 1], [1, 1]]), torch.ones(3, 2, dtype=torch.bool)
    losses = charged(rewards, ranks, present, ties=ties, tie_parameter=torch.tensor(0.0))
    assert losses.tolist() == pytest.approx([-math.log(win), -math.log(lose), -math.log(tie)], abs=FLOAT64)


@pytest.mark.parametrize("ties", LIKELIHOODS)
@settings(deadline=None, max_examples=100)
@given(gap=st.floats(-30, 30), parameter=st.floats(-20, 20))
def test_win_loss_and_tie_are_all_that_can_happen(ties, gap, parameter):
    gap, parameter = torch.tensor(gap, dtype=torch.float64), torch.tensor(parameter, dtype=torch.float64)
    costs = [win_losses(gap, ties, parameter), win_losses(-gap, ties, parameter), tie_losses(gap, ties, parameter)]
    assert torch.stack(costs).neg().exp().sum().item() == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize("ties", TIES)
def test_gradients_equal_finite_differences(ties):
    generator = torch.Generator().manual_seed(3)
    rewards = torch.randn(3, 4, generator=generator, dtype=torch.float64).mul(3).requires_grad_()
    ranks = torch.tensor([[1, 2, 2, 3], [2, 1, 1, 9], [1, 1, 2, 2]])
    present = torch.tensor([[True] * 4, [True, True, True, False], [True] * 4])
    margins = torch.rand(3, 4, 4, generator=generator, dtype=torch.float64)
    parameter = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)

    def losses(rewards, parameter):
        treatment = {"ties": ties, "tie_parameter": parameter, "margins": margins, "label_smoothing": 0.1}
        return charged(rewards, ranks, present, **treatment)

    assert torch.autograd.gradcheck(losses, (rewards, parameter), eps=1e-6, atol=1e-7)


@pytest.mark.parametrize("ties", TIES)
@settings(deadline=None, max_examples=60)
@given(gap=st.floats(-1e4, 1e4, width=32), parameter=st.floats(-80, 80), junk=st.sampled_from([math.nan, math.inf]))
def test_losses_and_gradients_are_finite_at_huge_gaps_and_beside_absent_answers(ties, gap, parameter, junk):
    rewards = torch.tensor([[gap, 0.0, junk]] * 3, requires_grad=True)
    ranks = torch.tensor([[1, 2, 0], [2, 1, 0], [1, 1, 0]])
    present = torch.tensor([[True, True, False]] * 3)
    scalar = torch.tensor(parameter, requires_grad=True)
    treatment = {"ties": ties, "tie_parameter": scalar, "margins": torch.ones(3, 3, 3), "label_smoothing": 0.1}
    losses = charged(rewards, ranks, present, **treatment)
    losses.sum().backward()
    assert losses.dtype == torch.float32
    assert losses.isfinite().all()
    assert rewards.grad.isfinite().all()
    assert rewards.grad[:, 2].tolist() == [0, 0, 0]
    assert scalar.grad is None or scalar.grad.isfinite()


@pytest.mark.parametrize("ties", LIKELIHOODS)
def test_a_hopeless_pair_still_pulls_with_full_strength(ties):
    # Far in the tail -log P grows by 1 a unit of reward for a wrong winner. The tail of a tie falls as √(π_i/π_j)
    # with Davidson and as π_i/π_j with Rao–Kupper.
    slope = {"davidson": 0.5, "rao_kupper": 1.0}[ties]
    rewards = torch.tensor([[-1e4, 0.0], [-1e4, 0.0]], requires_grad=True)
    ranks, present = torch.tensor([[1, 2], [1, 1]]), torch.ones(2, 2, dtype=torch.bool)
    losses = charged(rewards, ranks, present, ties=ties, tie_parameter=torch.tensor(0.0))
    losses.sum().backward()
    assert losses.tolist() == pytest.approx([1e4, slope * 1e4], abs=2)
    assert rewards.grad.tolist() == [[-1, 1], [-slope, slope]]


@pytest.mark.parametrize("ties", ["soft", *LIKELIHOODS])
def test_every_pair_is_used_where_ties_are_not_dropped(ties):
    orders = padded([[1.0, 0.0, -1.0, 0.5], [1.0, 0.0]], [[1, 2, 2, 2], [1, 1]])
    treatment = {"ties": ties, "tie_parameter": torch.tensor(0.2)}
    by_used = charged(*orders, "strict_pairs", **treatment)
    assert by_used.tolist() == charged(*orders, "all_pairs", **treatment).tolist()
    assert (by_used > 0).all()


def test_float64_is_kept_and_half_precision_is_computed_in_float32():
    ranks, present = torch.tensor([[1, 2, 3]]), torch.ones(1, 3, dtype=torch.bool)
    rewards = torch.tensor([[1 + 1e-12, 1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    loss = charged(rewards, ranks, present)
    costs = [math.log1p(math.exp(-d)) for d in (1e-12, 1 + 1e-12, 1.0)]
    assert loss.dtype == torch.float64
    assert loss.item() == pytest.approx(sum(costs) / 3, abs=1e-15)

    coarse = torch.tensor([[3.0, 2.0, -1.0]], dtype=torch.bfloat16)
    computed = charged(coarse, ranks, present)
    assert computed.dtype == torch.float32
    assert computed.item() == charged(coarse.float(), ranks, present).item()


def test_a_margin_asks_the_better_answer_for_more_by_hand():
    # d = 1 with a demanded gap of 2 costs -log σ(-1) = 1.313262; the margin of the other order is not asked for.
    rewards, ranks, present = padded([[1.0, 0.0]], [[1, 2]])
    margins = torch.tensor([[[0.0, 2.0], [7.0, 0.0]]])
    assert charged(rewards, ranks, present, margins=margins).item() == pytest.approx(1.313262, abs=1e-6)


def test_label_smoothing_by_hand():
    # ε = 0.1, d = 1: 0.9 · 0.313262 + 0.1 · 1.313262 = 0.413262; it takes no side between equal answers.
    rewards, ranks, present = padded([[1.0, 0.0], [2.0, 2.0]], [[1, 2], [1, 2]])
    losses = charged(rewards, ranks, present, label_smoothing=0.1)
    assert losses.tolist() == pytest.approx([0.413262, math.log(2)], abs=1e-6)


def test_label_smoothing_demands_no_margin_of_the_answer_that_was_ranked_worse():
    # A rating gap of 2 for the first: -log σ(1 - 2) = 1.313262 as stated, -log σ(-1) = 1.313262 the other way round,
    # where a margin of 2 would have cost -log σ(-3) = 3.048587.
    rewards, ranks, present = padded([[1.0, 0.0]], [[1, 2]])
    margins = likert_margins(torch.tensor([[6.0, 4.0]]), ranks, present, 1.0)
    smoothed = charged(rewards, ranks, present, margins=margins, label_smoothing=0.3)
    assert smoothed.item() == pytest.approx(1.313262, abs=1e-6)


def test_likert_margins_follow_the_ratings_where_they_agree_with_the_ranks():
    # Ranks 1, 2, 2, 3 rated 6, 2, unrated, 4. Of the strict pairs (0,1) and (0,3) have margins of 4 and 2 points,
    # (0,2) and (2,3) lack a rating, (1,3) is rated the other way round; (1,2) is tied.
    likert = torch.tensor([[6.0, 2.0, math.nan, 4.0]])
    margins = likert_margins(likert, torch.tensor([[1, 2, 2, 3]]), torch.ones(1, 4, dtype=torch.bool), 0.5)
    expected = torch.zeros(1, 4, 4)
    expected[0, 0, 1], expected[0, 0, 3] = 2.0, 1.0
    assert torch.equal(margins, expected)


def test_tied_and_absent_answers_have_no_likert_margin():
    likert, ranks = torch.tensor([[7.0, 1.0, 3.0]]), torch.tensor([[1, 1, 2]])
    present = torch.tensor([[True, True, False]])
    assert likert_margins(likert, ranks, present, 1.0).abs().sum() == 0


def test_strength_margins_speak_of_two_answers():
    strength = torch.tensor([3.0, math.nan, 2.0, 2.0])
    ranks = torch.tensor([[2, 1, 0], [1, 2, 0], [1, 1, 0], [1, 2, 3]])
    present = torch.tensor([[True, True, False]] * 3 + [[True] * 3])
    margins = strength_margins(strength, ranks, present, 0.5)
    expected = torch.zeros(4, 3, 3)
    expected[0, 1, 0] = 1.5  # the others: unknown, tied, three answers
    assert torch.equal(margins, expected)


@pytest.mark.parametrize(("scale", "published"), [(1, (3, 2, 1, 0)), (1 / 3, (1, 2 / 3, 1 / 3, 0))])
@pytest.mark.parametrize("start", [0, 1])
def test_the_two_tables_of_llama_2_are_lines(scale, published, start):
    """Its four levels counted from 0, or from 1 as on a bar of eight steps (§3.2.2)."""
    strength = torch.tensor([3.0, 2.0, 1.0, 0.0]) + start
    ranks = torch.tensor([[1, 2]] * 4)
    demanded = strength_margins(strength, ranks, torch.ones(4, 2, dtype=torch.bool), scale, start)
    assert demanded[:, 0, 1].tolist() == pytest.approx(published)


@pytest.mark.parametrize("ties", LIKELIHOODS)
def test_a_new_tie_parameter_ties_equal_answers_one_time_in_three_and_is_learned(ties):
    parameter = new_tie_parameter(ties)
    cost = tie_losses(torch.zeros(()), ties, parameter)
    assert cost.item() == pytest.approx(math.log(3), abs=1e-6)
    cost.backward()
    assert parameter.grad.item() < 0  # a tie was seen: more ties


def test_the_tie_value_is_the_number_of_the_papers():
    learned = torch.tensor(math.log(0.25))
    assert tie_value("davidson", learned) == pytest.approx(0.25, abs=1e-7)
    assert tie_value("rao_kupper", learned) == pytest.approx(1.25, abs=1e-7)


@pytest.mark.parametrize("ties", ["drop", "soft"])
def test_treatments_without_a_tie_parameter_have_none(ties):
    assert new_tie_parameter(ties) is None
    with pytest.raises(ValueError, match=ties):
        tie_value(ties, torch.zeros(()))


@pytest.mark.parametrize("ties", LIKELIHOODS)
def test_a_likelihood_of_ties_asks_for_its_parameter(ties):
    with pytest.raises(ValueError, match="tie parameter"):
        charged(*padded([[1.0, 0.0]], [[1, 2]]), ties=ties)


@pytest.fixture(scope="module")
def pudding(shared_data):
    """Davidson's six chocolate puddings: 745 comparisons, 202 of them tied, and the published fit."""
    studies = json.loads((shared_data / "bradley_terry_classics.json").read_text())
    return next(study for study in studies if study["name"] == "chocolate_pudding_ties")


def total_loss(log_worths, parameter, ties, pudding):
    """-log-likelihood of the puddings: three rows of two answers per pair, weighted by how often each was said."""
    i, j, _, i_wins, j_wins, tied = torch.tensor(pudding["rows"]).T
    rewards = torch.stack([log_worths[i - 1], log_worths[j - 1]], 1).repeat(3, 1)
    ranks = torch.tensor([[1, 2], [2, 1], [1, 1]]).repeat_interleave(len(i), 0)
    present = torch.ones_like(ranks, dtype=torch.bool)
    losses = charged(rewards, ranks, present, ties=ties, tie_parameter=parameter)
    return (losses * torch.cat([i_wins, j_wins, tied])).sum()


def fitted(ties, pudding):
    """Log-worths (the first is 0), the tie parameter, and the -log-likelihood where it is least."""
    free = torch.zeros(6, dtype=torch.float64, requires_grad=True)  # log-worths of 2 to 6 and the tie parameter
    search = torch.optim.LBFGS([free], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def loss(values):
        return total_loss(torch.cat([torch.zeros(1, dtype=torch.float64), values[:5]]), values[5], ties, pudding)

    def closure():
        search.zero_grad()
        value = loss(free)
        value.backward()
        return value

    search.step(closure)
    errors = torch.linalg.inv(torch.autograd.functional.hessian(loss, free.detach())).diagonal().sqrt()
    return [0.0, *free[:5].tolist()], free[5].detach(), loss(free).item(), errors.tolist()


def test_davidson_fitted_to_the_chocolate_puddings_gives_the_published_numbers(pudding):
    published = pudding["expected"]
    log_worths, parameter, loss, errors = fitted("davidson", pudding)
    worths = np.exp(log_worths) / np.exp(log_worths).sum()
    assert np.round(worths, 4).tolist() == [0.1388, 0.1730, 0.1617, 0.1654, 0.1587, 0.2024]
    assert round(tie_value("davidson", parameter), 4) == 0.7468
    assert round(2 * loss, 1) == published["neg2loglik"]
    assert errors == pytest.approx([*published["std_errors"][1:], published["log_tie_se"]], abs=6e-5)
    # The published fit was stopped a little early: its further digits differ from ours, and are less likely.
    assert worths.tolist() == pytest.approx(published["worth"], abs=3e-5)
    theirs = torch.tensor(published["worth"], dtype=torch.float64).log()
    nu = torch.tensor(published["tie_parameter"], dtype=torch.float64)
    assert 0 < total_loss(theirs, nu.log(), "davidson", pudding).item() - loss < 1e-5


def rao_kupper_by_majorization(rows, rounds=2000):
    """Fit Rao and Kupper's model by Hunter's MM updates (2004, §4): no gradient, nothing of the code under test.

    A tie's chance holds that of either win as a factor, so s_ij = wins of i over j + ties is the power of
    π_i / (π_i + θ π_j) in the likelihood, beside (θ² - 1) to the power of all ties.
    """
    said = np.zeros((6, 6))
    ties = 0
    for i, j, _, i_wins, j_wins, tied in rows:
        said[i - 1, j - 1], said[j - 1, i - 1] = i_wins + tied, j_wins + tied
        ties += tied
    worth, theta = np.ones(6), 2.0
    for _ in range(rounds):
        chance = said / (worth[:, None] + theta * worth[None, :])
        worth = said.sum(1) / (chance.sum(1) + theta * chance.sum(0))
        pull = (said * worth[None, :] / (worth[:, None] + theta * worth[None, :])).sum() / ties
        theta = 1 / pull + math.sqrt(1 / pull**2 + 1)
    return np.log(worth / worth[0]), theta


def test_rao_kupper_fitted_to_the_chocolate_puddings_equals_an_independent_fit(pudding):
    log_worths, parameter, _, _ = fitted("rao_kupper", pudding)
    expected, theta = rao_kupper_by_majorization(pudding["rows"])
    assert log_worths == pytest.approx(expected.tolist(), abs=1e-6)
    assert tie_value("rao_kupper", parameter) == pytest.approx(theta, abs=1e-6)


@pytest.mark.parametrize("ties", ["davidson", "rao_kupper"])
@pytest.mark.parametrize("share", [0.1, 1 / 3, 0.6])
def test_a_new_tie_parameter_ties_equal_answers_as_often_as_the_data(ties, share):
    parameter = new_tie_parameter(ties, share)
    assert math.exp(-tie_losses(torch.zeros(()), ties, parameter).item()) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("ties", ["drop", "soft", "davidson", "rao_kupper"])
@pytest.mark.parametrize("divisor", ["all_pairs", "strict_pairs"])
def test_a_pair_that_is_not_told_apart_is_as_if_it_were_not_there(ties, divisor):
    """A > B > C > D = E, where B reads like A: nine of ten pairs are left, and cost what they cost in pairs of two."""
    rewards = torch.tensor([[0.3, 0.3, -1.0, 2.0, 0.5]])
    ranks = torch.tensor([[1, 2, 3, 4, 4]])
    present = torch.ones_like(ranks, dtype=torch.bool)
    seen = torch.tensor([[7, 7, 2, 3, 4]])
    parameter = torch.tensor(0.2)
    found = charged(rewards, ranks, present, divisor, seen=seen, ties=ties, tie_parameter=parameter)
    total = 0.0
    for i, j in combinations(range(5), 2):
        if (i, j) != (0, 1):
            two = torch.tensor([[i, j]])
            pair = [tensor.gather(1, two) for tensor in (rewards, ranks, present)]
            total += charged(*pair, "all_pairs", ties=ties, tie_parameter=parameter).item()
    pairs = 8 if (ties, divisor) == ("drop", "strict_pairs") else 9
    assert found.item() == pytest.approx(total / pairs, rel=1e-5)
    assert [counts.tolist() for counts in pair_counts(ranks, present, seen)] == [[8], [1]]
    right, strict = pair_accuracy(rewards, ranks, present, seen)
    assert strict.item() == 8
    assert right.item() == sum(
        rewards[0, i].item() > rewards[0, j].item()
        for i, j in combinations(range(5), 2)
        if (i, j) not in {(0, 1), (3, 4)}
    )
