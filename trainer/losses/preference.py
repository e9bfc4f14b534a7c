"""The reward model's loss on weak orders, and how well scores agree with them."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Divisor = Literal["all_pairs", "strict_pairs"]


def strict_pairs(ranks: Tensor, present: Tensor) -> Tensor:
    """Say which ordered pairs (i, j) state a preference of i over j.

    Args:
        ranks: (P, K); 1 is best, equal ranks are ties.
        present: (P, K) bool; False where a prompt has fewer than K answers.

    Returns:
        (P, K, K) bool; [p, i, j] is True when both exist and i ranks strictly better than j.
    """
    better = ranks.unsqueeze(2) < ranks.unsqueeze(1)
    return better & present.unsqueeze(2) & present.unsqueeze(1)


def pair_counts(ranks: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Count the strict and the tied pairs of each prompt; together they are C(K, 2).

    Args:
        ranks: (P, K).
        present: (P, K) bool.

    Returns:
        strict (P,) and tied (P,), long.
    """
    strict = strict_pairs(ranks, present).sum((1, 2))
    answers = present.sum(1)
    return strict, answers * (answers - 1) // 2 - strict


def ranking_losses(rewards: Tensor, ranks: Tensor, present: Tensor, divisor: Divisor = "all_pairs") -> Tensor:
    """Per prompt: -1/divisor · Σ over strict pairs of log σ(r_winner - r_loser).

    InstructGPT §3.5, eq. 1: the K answers of a prompt are one batch element, each scored once,
    instead of C(K, 2) independent examples, which overfit within one pass. Tied pairs are
    dropped (App. C.2). The paper prints the divisor C(K, 2) and drops ties, which together give
    a prompt with many ties less weight; ``strict_pairs`` gives every prompt with a preference
    the same weight.

    Args:
        rewards: (P, K) scores; where nothing is present they may hold anything.
        ranks: (P, K); 1 is best, equal ranks are ties.
        present: (P, K) bool.
        divisor: ``all_pairs`` is C(K, 2) of all answers, ``strict_pairs`` the pairs used.

    Returns:
        (P,); 0 for a prompt whose answers are all tied.
    """
    rewards = torch.where(present, rewards.float(), 0.0)
    strict = strict_pairs(ranks, present)
    margins = rewards.unsqueeze(2) - rewards.unsqueeze(1)
    # logsigmoid stays exact where sigmoid would underflow.
    losses = torch.where(strict, -F.logsigmoid(margins), 0.0).sum((1, 2))
    used, tied = pair_counts(ranks, present)
    pairs = used + tied if divisor == "all_pairs" else used
    return losses / pairs.clamp(min=1)


def ranking_loss(rewards: Tensor, ranks: Tensor, present: Tensor, divisor: Divisor = "all_pairs") -> Tensor:
    """Mean of ``ranking_losses`` over the prompts; one whose answers are all tied adds 0 and is counted."""
    return ranking_losses(rewards, ranks, present, divisor).mean()


def pair_accuracy(rewards: Tensor, ranks: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Count the strict pairs that the scores order as the person did; equal scores count one half.

    Args:
        rewards: (P, K) scores, or any other quantity to be tried as a predictor, such as length.
        ranks: (P, K); 1 is best.
        present: (P, K) bool.

    Returns:
        correct (P,) float and strict (P,) long; the accuracy is the ratio of their sums.
    """
    strict = strict_pairs(ranks, present)
    winner, loser = rewards.unsqueeze(2), rewards.unsqueeze(1)
    right = (winner > loser).float() + 0.5 * (winner == loser).float()
    return torch.where(strict, right, 0.0).sum((1, 2)), strict.sum((1, 2))


def clustered_interval(
    correct: np.ndarray, total: np.ndarray, seed: int, *, draws: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of sum(correct) / sum(total), drawing whole clusters.

    The pairs of one prompt share its answers and are not independent; drawing prompts with
    replacement (Efron & Tibshirani 1993, ch. 13) keeps the interval as wide as it must be.

    Args:
        correct: (C,) correct pairs of each cluster.
        total: (C,) pairs of each cluster.
        seed: of the draws.
        draws: resamples.
        level: coverage.

    Returns:
        Lower and upper bound; both NaN when there is no pair.
    """
    correct, total = correct[total > 0], total[total > 0]
    if len(total) == 0:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(len(total), size=(draws, len(total)))
    shares = correct[drawn].sum(1) / total[drawn].sum(1)
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
