"""The clipped losses of proximal policy optimization (Schulman et al. 2017) and what to watch beside them."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.losses.masked import masked_mean


def policy_loss(logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, mask: Tensor, clip: float) -> Tensor:
    """-E[min(ρ·A, clip(ρ, 1-ε, 1+ε)·A)] with ρ = π(a)/π_old(a) (Schulman et al. 2017, eq. 7).

    Args:
        logprobs: (B, T) of the tokens taken, under the policy being trained.
        old_logprobs: (B, T) under the policy that took them, no gradient.
        advantages: (B, T), no gradient.
        mask: (B, T) bool.
        clip: ε.

    Returns:
        A scalar, the mean over tokens; lower is better.
    """
    ratio = ratios(logprobs, old_logprobs, mask)
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return masked_mean(-torch.minimum(ratio * advantages, clipped * advantages), mask)


def value_loss(values: Tensor, old_values: Tensor, returns: Tensor, mask: Tensor, clip: float) -> Tensor:
    """½·E[max((V - R)², (V_clipped - R)²)], V_clipped within ±clip of the old prediction.

    From OpenAI's baselines and the code of Ziegler et al. 2019; no paper prints it.

    Args:
        values: (B, T) predicted now.
        old_values: (B, T) predicted when the episode was played, no gradient.
        returns: (B, T) the targets, no gradient.
        mask: (B, T) bool.
        clip: how far a prediction may move per batch, in units of reward.

    Returns:
        A scalar, the mean over tokens.
    """
    near = torch.minimum(torch.maximum(values, old_values - clip), old_values + clip)
    return 0.5 * masked_mean(torch.maximum((values - returns).square(), (near - returns).square()), mask)


def ratios(logprobs: Tensor, old_logprobs: Tensor, mask: Tensor) -> Tensor:
    """ρ = π(a)/π_old(a), (B, T); exactly 1 where the mask is False."""
    return torch.where(mask, logprobs - old_logprobs, 0.0).exp()


def clip_fraction(logprobs: Tensor, old_logprobs: Tensor, mask: Tensor, clip: float) -> Tensor:
    """Share of tokens whose ratio lies outside 1 ± clip; a scalar in [0, 1]."""
    return masked_mean(((ratios(logprobs, old_logprobs, mask) - 1).abs() > clip).float(), mask)


def approximate_kl(logprobs: Tensor, old_logprobs: Tensor, mask: Tensor) -> Tensor:
    """KL(π_old ‖ π) per token, in nats, by E[(ρ - 1) - log ρ].

    Never negative and of low variance (Schulman 2020, "Approximating KL divergence", k3).
    """
    log_ratio = torch.where(mask, logprobs - old_logprobs, 0.0)
    return masked_mean(log_ratio.exp() - 1 - log_ratio, mask)


def sequence_kl(logprobs: Tensor, reference_logprobs: Tensor, mask: Tensor) -> Tensor:
    """Σ_t log π(a_t) - log π_ref(a_t) of each answer, (B,), in nats.

    Its mean over answers drawn from π estimates KL(π ‖ π_ref) without bias; one answer's value
    may be negative. This is the quantity that the penalty of InstructGPT §3.5 charges.
    """
    return torch.where(mask, logprobs - reference_logprobs, 0.0).sum(1)
