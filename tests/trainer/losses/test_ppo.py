import pytest
import torch

from trainer.losses.ppo import (
    approximate_kl,
    clip_fraction,
    policy_loss,
    ratios,
    sequence_kl,
    value_loss,
)

FLOAT32 = 1e-6


def test_the_policy_loss_by_hand():
    # Ratios 1.5, 0.5, 1.5, 0.5 with advantages +1, +1, −1, −1, clip 0.2:
    #   min(1.5, 1.2) = 1.2   min(0.5, 0.8) = 0.5   min(−1.5, −1.2) = −1.5   min(−0.5, −0.8) = −0.8
    # loss = −(1.2 + 0.5 − 1.5 − 0.8)/4 = 0.15; all four ratios lie outside 1 ± 0.2
    new, old = torch.tensor([[1.5, 0.5, 1.5, 0.5]]).log(), torch.zeros(1, 4)
    advantages, mask = torch.tensor([[1.0, 1.0, -1.0, -1.0]]), torch.ones(1, 4, dtype=torch.bool)
    assert abs(policy_loss(new, old, advantages, mask, 0.2).item() - 0.15) < FLOAT32
    assert clip_fraction(new, old, mask, 0.2) == 1


def test_a_clipped_token_gives_no_gradient_and_the_others_do():
    new = torch.tensor([[1.5, 0.5]]).log().requires_grad_()
    advantages, mask = torch.tensor([[1.0, 1.0]]), torch.ones(1, 2, dtype=torch.bool)
    policy_loss(new, torch.zeros(1, 2), advantages, mask, 0.2).backward()
    assert new.grad[0].tolist() == pytest.approx([0, -0.25])  # −ρ·A/2


def test_the_value_loss_takes_the_worse_of_clipped_and_unclipped():
    # Old value 0, clip 0.2. Token 0: V 1, R 1 -> unclipped 0, clipped (0.2−1)² = 0.64.
    # Token 1: V 1, R 0 -> unclipped 1, clipped 0.04. ½·(0.64 + 1)/2 = 0.41
    values, returns = torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 0.0]])
    loss = value_loss(values, torch.zeros(1, 2), returns, torch.ones(1, 2, dtype=torch.bool), 0.2)
    assert abs(loss.item() - 0.41) < FLOAT32


def test_equal_policies_have_ratio_one_no_kl_and_nothing_clipped():
    logprobs, mask = -torch.rand(3, 5), torch.ones(3, 5, dtype=torch.bool)
    assert torch.equal(ratios(logprobs, logprobs, mask), torch.ones(3, 5))
    assert torch.equal(sequence_kl(logprobs, logprobs, mask), torch.zeros(3))
    assert approximate_kl(logprobs, logprobs, mask) == 0
    assert clip_fraction(logprobs, logprobs, mask, 0.2) == 0


def test_both_kl_estimates_agree_with_the_exact_kl():
    policy, reference = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.4, 0.4, 0.2])
    exact = (policy * (policy / reference).log()).sum().item()
    # Every token as often as the policy draws it, out of ten.
    drawn = torch.tensor([[0] * 7 + [1] * 2 + [2]])
    mask = torch.ones(1, 10, dtype=torch.bool)
    under_policy, under_reference = policy.log()[drawn], reference.log()[drawn]
    assert sequence_kl(under_policy, under_reference, mask).item() / 10 == pytest.approx(exact, abs=FLOAT32)
    assert approximate_kl(under_reference, under_policy, mask).item() == pytest.approx(exact, abs=FLOAT32)


def test_masked_positions_change_nothing():
    source = torch.Generator().manual_seed(0)
    new, old, advantages = (torch.randn(4, 6, generator=source) for _ in range(3))
    mask = torch.rand(4, 6, generator=source) < 0.6

    def everything():
        return [
            policy_loss(new, old, advantages, mask, 0.2),
            value_loss(new, old, advantages, mask, 0.2),
            approximate_kl(new, old, mask),
            clip_fraction(new, old, mask, 0.2),
            sequence_kl(new, old, mask).sum(),
        ]

    before = everything()
    new[~mask], old[~mask], advantages[~mask] = 1e3, -1e3, 1e3
    assert everything() == before
