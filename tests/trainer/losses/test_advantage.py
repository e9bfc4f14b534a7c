import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.losses.advantage import generalized_advantages, shaped_rewards

FLOAT32 = 1e-5


def test_the_penalty_is_subtracted_per_token_and_the_score_comes_last():
    logprobs = torch.tensor([[-1.0, -2.0, -9.0], [-1.0, -1.0, -1.0]])
    reference = torch.tensor([[-1.5, -1.0, -3.0], [-1.0, -1.0, -3.0]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    rewards = shaped_rewards(torch.tensor([10.0, 20.0]), logprobs, reference, mask, kl_coefficient=0.1)
    # Row 0: −0.1·0.5, then −0.1·(−1) + 10. Row 1: 0, 0, −0.1·2 + 20.
    assert rewards.flatten().tolist() == pytest.approx([-0.05, 10.1, 0, 0, 0, 19.8])


def test_gae_by_hand():
    # γ = 0.9, λ = 0.5; rewards 0, 1, 2; values 0.5, 1, 1.5; nothing after the end.
    #   δ2 = 2 − 1.5                 = 0.5    A2 = 0.5
    #   δ1 = 1 + 0.9·1.5 − 1 = 1.35           A1 = 1.35 + 0.45·0.5   = 1.575
    #   δ0 = 0 + 0.9·1 − 0.5 = 0.4            A0 = 0.4 + 0.45·1.575  = 1.10875
    rewards, values = torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[0.5, 1.0, 1.5]])
    advantages, returns = generalized_advantages(rewards, values, torch.ones(1, 3, dtype=torch.bool), 0.9, 0.5)
    assert advantages[0].tolist() == pytest.approx([1.10875, 1.575, 0.5])
    assert returns[0].tolist() == pytest.approx([1.60875, 2.575, 2.0])


def test_with_lambda_and_discount_one_the_return_is_the_sum_of_what_follows():
    rewards, values = torch.randn(3, 6), torch.randn(3, 6)
    _, returns = generalized_advantages(rewards, values, torch.ones(3, 6, dtype=torch.bool), 1.0, 1.0)
    assert torch.allclose(returns, rewards.flip(1).cumsum(1).flip(1), atol=FLOAT32)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1000), before=st.integers(0, 3), after=st.integers(0, 3))
def test_padding_on_either_side_changes_nothing(seed, before, after):
    source = torch.Generator().manual_seed(seed)
    rewards, values = torch.randn(2, 5, generator=source), torch.randn(2, 5, generator=source)
    mask = torch.ones(2, 5, dtype=torch.bool)
    plain = generalized_advantages(rewards, values, mask)
    wide = [torch.nn.functional.pad(x, (before, after), value=99.0) for x in (rewards, values)]
    wide_mask = torch.nn.functional.pad(mask, (before, after))
    for narrow, padded in zip(plain, generalized_advantages(*wide, wide_mask), strict=True):
        assert torch.equal(padded[:, before : before + 5], narrow)
        assert torch.equal(padded * ~wide_mask, torch.zeros_like(padded))


def test_masked_positions_change_nothing_in_shaped_rewards():
    logprobs, reference = torch.randn(2, 5), torch.randn(2, 5)
    mask = torch.tensor([[True, True, True, False, False], [False, True, True, True, False]])
    before = shaped_rewards(torch.ones(2), logprobs, reference, mask, 0.5)
    logprobs[~mask] = float("nan")
    assert torch.equal(shaped_rewards(torch.ones(2), logprobs, reference, mask, 0.5), before)
