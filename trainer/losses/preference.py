"""The reward model's loss on weak orders, and how well scores agree with them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.contract.configs import Ties

Divisor = Literal["all_pairs", "strict_pairs"]


def strict_pairs(ranks: Tensor, present: Tensor, seen: Tensor | None = None) -> Tensor:
    """Say which ordered pairs (i, j) state a preference of i over j.

    Args:
        ranks: (P, K); 1 is best, equal ranks are ties.
        present: (P, K) bool; False where a prompt has fewer than K answers.
        seen: (P, K) number of what a model reads of each answer; two answers of one number are the same to it,
            and a pair of them says nothing. Empty means that all are told apart.

    Returns:
        (P, K, K) bool; [p, i, j] is True when both exist, are told apart, and i ranks strictly better than j.
    """
    return (ranks.unsqueeze(2) < ranks.unsqueeze(1)) & _told_apart(present, seen)


def tied_pairs(ranks: Tensor, present: Tensor, seen: Tensor | None = None) -> Tensor:
    """Say which pairs are tied, each once.

    Args:
        ranks: (P, K); 1 is best, equal ranks are ties.
        present: (P, K) bool.
        seen: (P, K), see ``strict_pairs``.

    Returns:
        (P, K, K) bool; [p, i, j] is True when i < j, both exist, are told apart, and their ranks are equal.
    """
    return ((ranks.unsqueeze(2) == ranks.unsqueeze(1)) & _told_apart(present, seen)).triu(1)


def _told_apart(present: Tensor, seen: Tensor | None) -> Tensor:
    """(P, K, K) bool: both answers exist, and a model reads something else of each."""
    both = present.unsqueeze(2) & present.unsqueeze(1)
    return both if seen is None else both & (seen.unsqueeze(2) != seen.unsqueeze(1))


def pair_counts(ranks: Tensor, present: Tensor, seen: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Count the strict and the tied pairs of each prompt; together they are C(K, 2), less what is not told apart.

    Args:
        ranks: (P, K).
        present: (P, K) bool.
        seen: (P, K), see ``strict_pairs``.

    Returns:
        strict (P,) and tied (P,), long.
    """
    return strict_pairs(ranks, present, seen).sum((1, 2)), tied_pairs(ranks, present, seen).sum((1, 2))


@dataclass(frozen=True)
class Treatment:
    """How pairs are charged.

    Attributes:
        ties: what a tied pair costs.
        divisor: ``all_pairs`` is C(K, 2) of all answers, ``strict_pairs`` the pairs used: the strict ones when ties
            are dropped, otherwise every pair, which is C(K, 2) again.
        label_smoothing: ε in [0, ½), the share of strict pairs taken to be labelled the wrong way: such a pair costs
            (1 - ε) · loss(i beats j) + ε · loss(j beats i) (Mitchell 2023, "A note on DPO with noisy preferences",
            conservative DPO). The second term demands margins[p, j, i], which is 0 in the margins made here: who
            doubts that i is better cannot know by how much j is.
    """

    ties: Ties = "drop"
    divisor: Divisor = "all_pairs"
    label_smoothing: float = 0.0


def ranking_losses(
    rewards: Tensor,
    ranks: Tensor,
    present: Tensor,
    treatment: Treatment = Treatment(),
    *,
    seen: Tensor | None = None,
    tie_parameter: Tensor | None = None,
    margins: Tensor | None = None,
) -> Tensor:
    """Per prompt: 1/divisor · Σ over pairs of -log P(what the person said of the pair).

    InstructGPT §3.5, eq. 1: the K answers of a prompt are one batch element, each scored once,
    instead of C(K, 2) independent examples, which overfit within one pass. With the defaults a
    pair in which i is ranked better than j costs -log σ(r_i - r_j), and tied pairs are dropped
    (App. C.2). ``win_losses`` and ``tie_losses`` state what the other treatments of ties charge.
    The paper prints the divisor C(K, 2) and drops ties, which together give a prompt with many
    ties less weight; ``strict_pairs`` gives every prompt with a preference the same weight.

    Args:
        rewards: (P, K) scores; where nothing is present they may hold anything. Half precision
            is computed in float32, float64 stays.
        ranks: (P, K); 1 is best, equal ranks are ties.
        present: (P, K) bool.
        treatment: what a pair costs, and how many there are taken to be.
        seen: (P, K), see ``strict_pairs``: pairs that are not told apart are as if they were not there.
        tie_parameter: scalar, any real number, learned; for ``davidson`` and ``rao_kupper``.
        margins: (P, K, K), finite and at least 0, in units of reward; [p, i, j] is the gap that
            is demanded when i is ranked better than j: -log P(win) at r_i - r_j - margins[p, i, j]
            (Llama 2 §3.2.2, eq. 2). Tied pairs have none.

    Returns:
        (P,); 0 for a prompt none of whose pairs is used.

    Raises:
        ValueError: the treatment of ties has a parameter and none was given.
    """
    rewards = torch.where(present, rewards.to(torch.promote_types(rewards.dtype, torch.float32)), 0.0)
    gaps = rewards.unsqueeze(2) - rewards.unsqueeze(1)
    ties, smoothing = treatment.ties, treatment.label_smoothing
    stated = win_losses(gaps if margins is None else gaps - margins, ties, tie_parameter)
    if smoothing:
        stated = (1 - smoothing) * stated + smoothing * stated.transpose(1, 2)
    losses = torch.where(strict_pairs(ranks, present, seen), stated, 0.0).sum((1, 2))
    used, tied = pair_counts(ranks, present, seen)
    if ties != "drop":
        cost = tie_losses(gaps, ties, tie_parameter)
        losses = losses + torch.where(tied_pairs(ranks, present, seen), cost, 0.0).sum((1, 2))
    pairs = used if (ties, treatment.divisor) == ("drop", "strict_pairs") else used + tied
    return losses / pairs.clamp(min=1)


def win_losses(gaps: Tensor, ties: Ties, tie_parameter: Tensor | None = None) -> Tensor:
    """-log P(i beats j) of pairs with r_i - r_j = d, where π = exp(r) is an answer's worth.

    * ``drop`` and ``soft``: Bradley–Terry, π_i / (π_i + π_j) = σ(d).
    * ``davidson``: π_i / (π_i + π_j + ν √(π_i π_j)), ν = exp(tie_parameter) > 0 (Davidson 1970).
    * ``rao_kupper``: π_i / (π_i + θ π_j), θ = 1 + exp(tie_parameter) > 1 (Rao & Kupper 1967): i must
      be better than j by log θ to win as often as not.

    Each is written as -log σ(log odds), which neither overflows nor loses its gradient for any gap.

    Args:
        gaps: d, any shape.
        ties: the model.
        tie_parameter: scalar; see ``ranking_losses``.

    Returns:
        Same shape, at least 0.
    """
    if ties == "davidson":
        # The odds are π_i against everything else: π_j + ν √(π_i π_j), both divided by π_i.
        return -F.logsigmoid(-torch.logaddexp(-gaps, _needed(tie_parameter, gaps) - gaps / 2))
    if ties == "rao_kupper":
        return -F.logsigmoid(gaps - F.softplus(_needed(tie_parameter, gaps)))
    return -F.logsigmoid(gaps)


def tie_losses(gaps: Tensor, ties: Ties, tie_parameter: Tensor | None = None) -> Tensor:
    """What a tied pair with r_i - r_j = d costs; the same for d and -d.

    * ``drop``: nothing.
    * ``soft``: half a win for each side, -½ log σ(d) - ½ log σ(-d). Not a likelihood of ties: it
      pulls the two scores together but predicts no share of ties.
    * ``davidson``: -log of ν √(π_i π_j) / (π_i + π_j + ν √(π_i π_j)).
    * ``rao_kupper``: -log of (θ² - 1) π_i π_j / ((π_i + θ π_j)(θ π_i + π_j)), which is θ² - 1 times
      the chances of both wins.

    Args:
        gaps: d, any shape.
        ties: the model, as in ``win_losses``.
        tie_parameter: scalar.

    Returns:
        Same shape.
    """
    if ties == "davidson":
        # The odds are ν √(π_i π_j) against π_i + π_j, both divided by √(π_i π_j).
        return -F.logsigmoid(_needed(tie_parameter, gaps) - torch.logaddexp(gaps / 2, -gaps / 2))
    if ties == "rao_kupper":
        # With t the parameter, θ² - 1 = (θ - 1)(θ + 1) = exp(t) · (2 + exp(t)).
        t = _needed(tie_parameter, gaps)
        surplus = t + math.log(2) + F.softplus(t - math.log(2))
        return win_losses(gaps, ties, t) + win_losses(-gaps, ties, t) - surplus
    if ties == "soft":
        return -(F.logsigmoid(gaps) + F.logsigmoid(-gaps)) / 2
    return torch.zeros_like(gaps)


def new_tie_parameter(ties: Ties, tied_share: float = 1 / 3) -> torch.nn.Parameter | None:
    """Make the learned scalar of a treatment of ties, or None where there is none to learn.

    It starts where two equally good answers are tied as often as pairs of the data are:
    ν / (2 + ν) = s for Davidson and (θ - 1) / (θ + 1) = s for Rao and Kupper both give
    log(2s / (1 - s)), which is 0 for one tie in three. Weight decay would pull it there and is best
    left off.

    Args:
        ties: the treatment.
        tied_share: s, the share of pairs that people left tied; kept within 1 % and 99 %.
    """
    if ties not in ("davidson", "rao_kupper"):
        return None
    share = min(max(tied_share, 0.01), 0.99)
    return torch.nn.Parameter(torch.tensor(math.log(2 * share / (1 - share))))


def tie_value(ties: Ties, tie_parameter: Tensor) -> float:
    """Translate the learned scalar into the number that papers print: Davidson's ν or Rao and Kupper's θ.

    Two equally good answers are tied with chance ν / (2 + ν), and (θ - 1) / (θ + 1).

    Raises:
        ValueError: this treatment of ties has no parameter.
    """
    growth = tie_parameter.detach().double().exp().item()
    if ties == "davidson":
        return growth
    if ties == "rao_kupper":
        return 1 + growth
    raise ValueError(f"Ties treated as {ties!r} have no parameter.")


def _needed(tie_parameter: Tensor | None, gaps: Tensor) -> Tensor:
    """The tie parameter in the precision in which the gaps are computed."""
    if tie_parameter is None:
        raise ValueError("A likelihood of ties needs its tie parameter.")
    return tie_parameter.to(gaps.dtype)


def likert_margins(likert: Tensor, ranks: Tensor, present: Tensor, scale: float) -> Tensor:
    """Demand a larger gap where the ratings of two answers lie further apart.

    Args:
        likert: (P, K) ratings, higher is better; NaN where an answer was not rated.
        ranks: (P, K); 1 is best.
        present: (P, K) bool.
        scale: units of reward per point of the rating.

    Returns:
        (P, K, K): scale · (likert_i - likert_j) where i is ranked better than j; 0 where a rating
        is missing, where the ratings say the opposite of the ranks, and in all other places.
    """
    apart = (likert.unsqueeze(2) - likert.unsqueeze(1)).nan_to_num(nan=0.0).clamp(min=0)
    return torch.where(strict_pairs(ranks, present), scale * apart, 0.0)


def strength_margins(strength: Tensor, ranks: Tensor, present: Tensor, scale: float, start: float = 0.0) -> Tensor:
    """Demand a larger gap where the person said that the better of two answers is much better.

    Llama 2 §3.2.2 with its levels as numbers: 3 for "significantly better" to 0 for "negligibly better / unsure" give
    the large margins 3, 2, 1, 0 at a scale of 1 and the small ones 1, ⅔, ⅓, 0 at ⅓. A strength speaks of two answers,
    so rankings of more have no margin.

    Args:
        strength: (P,) at least 0; NaN where unknown.
        ranks: (P, K); 1 is best.
        present: (P, K) bool.
        scale: units of reward per unit of strength.
        start: the strength that demands nothing, and below which none does.

    Returns:
        (P, K, K): scale · max(0, strength - start) at [p, i, j] where i is ranked better than j; 0 elsewhere.
    """
    demanded = torch.where(present.sum(1) == 2, scale * (strength.nan_to_num(nan=0.0) - start).clamp(min=0), 0.0)
    return torch.where(strict_pairs(ranks, present), demanded[:, None, None], 0.0)


def pair_accuracy(rewards: Tensor, ranks: Tensor, present: Tensor, seen: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Count the strict pairs that the scores order as the person did; equal scores count one half.

    Args:
        rewards: (P, K) scores, or any other quantity to be tried as a predictor, such as length.
        ranks: (P, K); 1 is best.
        present: (P, K) bool.
        seen: (P, K), see ``strict_pairs``.

    Returns:
        correct (P,) float and strict (P,) long; the accuracy is the ratio of their sums.
    """
    strict = strict_pairs(ranks, present, seen)
    winner, loser = rewards.unsqueeze(2), rewards.unsqueeze(1)
    right = (winner > loser).float() + 0.5 * (winner == loser).float()
    return torch.where(strict, right, 0.0).sum((1, 2)), strict.sum((1, 2))
