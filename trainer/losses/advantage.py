"""From one score per answer to one advantage per token."""

from __future__ import annotations

import torch
from torch import Tensor


def shaped_rewards(
    scores: Tensor, logprobs: Tensor, reference_logprobs: Tensor, mask: Tensor, kl_coefficient: float
) -> Tensor:
    """Give every token its KL penalty and the last token of the answer the score on top.

    r_t = -β·(log π(a_t) - log π_ref(a_t)) + [t is the last token]·score
    (InstructGPT §3.5: the environment is a bandit with a per-token penalty; the penalty is
    subtracted, though some texts write its sign loosely).

    Args:
        scores: (B,) the reward model's.
        logprobs: (B, T) of the answer's tokens under the policy that wrote them.
        reference_logprobs: (B, T) under the frozen start of training.
        mask: (B, T) bool, the answer's tokens; at least one per row.
        kl_coefficient: β.

    Returns:
        (B, T); 0 where the mask is False.
    """
    rewards = torch.where(mask, -kl_coefficient * (logprobs - reference_logprobs), 0.0)
    places = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask, places, -1).amax(1, keepdim=True)
    return rewards.scatter_add(1, last, scores.unsqueeze(1).to(rewards.dtype))


def generalized_advantages(
    rewards: Tensor, values: Tensor, mask: Tensor, discount: float = 1.0, gae_lambda: float = 0.95
) -> tuple[Tensor, Tensor]:
    """Generalized advantage estimation (Schulman et al. 2016, eq. 16), from the last token back.

    δ_t = r_t + γ·V_{t+1} - V_t,  A_t = δ_t + γ·λ·A_{t+1};  after the last token V and A are 0.
    Positions that do not count are stepped over, wherever they stand.

    Args:
        rewards: (B, T) of each token, on receiving it.
        values: (B, T) predicted before the token is chosen.
        mask: (B, T) bool.
        discount: γ (InstructGPT C.4: 1).
        gae_lambda: λ (not printed in InstructGPT; Stiennon et al. and Ziegler et al. use 0.95).

    Returns:
        advantages (B, T) and returns = advantages + values (B, T); both 0 where the mask is False.
    """
    advantages = torch.zeros_like(rewards)
    next_value = torch.zeros_like(rewards[:, 0])
    next_advantage = torch.zeros_like(next_value)
    for t in reversed(range(rewards.shape[1])):
        here = mask[:, t]
        delta = rewards[:, t] + discount * next_value - values[:, t]
        advantage = delta + discount * gae_lambda * next_advantage
        advantages[:, t] = torch.where(here, advantage, 0.0)
        next_advantage = torch.where(here, advantage, next_advantage)
        next_value = torch.where(here, values[:, t], next_value)
    return advantages, torch.where(mask, advantages + values, 0.0)
