"""How expected each token of a text was: the statistics behind zero-shot detectors of machine-written text.

Text that a language model has written follows that model's expectations more closely than people do: its tokens are
likelier, rank higher, and lie above the mean of what could have stood in their place.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TokenSigns:
    """What the model thought of each token, (N,) each.

    Attributes:
        logprob: log p of the token that stands there, in nats.
        rank: its place among all tokens, 1 = likeliest; equally likely ones share the better place (int64).
        entropy: of the distribution that the model expected, in nats; with the sign turned it is the mean log p
            of a token drawn from that distribution.
        variance: of the log p of a token drawn from that distribution, in nats².
    """

    logprob: Tensor
    rank: Tensor
    entropy: Tensor
    variance: Tensor


def token_signs(logits: Tensor, chosen: Tensor) -> TokenSigns:
    """Judge tokens by the logits of the positions before them.

    Args:
        logits: (N, V), any float type; -inf marks what cannot come.
        chosen: (N,) the tokens that came.

    Returns:
        In float64, as differences of sums over a large vocabulary follow.
    """
    logprobs = torch.log_softmax(logits.double(), dim=-1)
    own = logprobs.gather(-1, chosen[:, None])
    probabilities = logprobs.exp()
    # 0 · log 0 counts as 0.
    weighted = torch.where(probabilities > 0, probabilities * logprobs, 0.0)
    mean = weighted.sum(dim=-1)
    centred = torch.where(probabilities > 0, logprobs - mean[:, None], 0.0)
    return TokenSigns(
        logprob=own.squeeze(-1),
        rank=(logprobs > own).sum(dim=-1) + 1,
        entropy=-mean,
        variance=(probabilities * centred.square()).sum(dim=-1),
    )


@dataclass(frozen=True)
class TextSigns:
    """The means over a text; ``curvature`` is empty where every expectation was certain and nothing can deviate."""

    likelihood: float
    rank: float
    log_rank: float
    entropy: float
    curvature: float | None


def text_signs(signs: TokenSigns) -> TextSigns:
    """Sum up a text of at least one token.

    Likelihood, rank, log-rank and entropy are the baselines of DetectGPT (Mitchell et al. 2023). The curvature is
    Fast-DetectGPT's in closed form, with one model to score and to draw (Bao et al. 2023, §3.2): how many standard
    deviations log p of the text lies above the mean of texts whose tokens are redrawn in place.
    """
    variance = signs.variance.sum()
    above = signs.logprob.sum() + signs.entropy.sum()
    return TextSigns(
        likelihood=signs.logprob.mean().item(),
        rank=signs.rank.double().mean().item(),
        log_rank=signs.rank.double().log().mean().item(),
        entropy=signs.entropy.mean().item(),
        curvature=(above / variance.sqrt()).item() if variance > 0 else None,
    )
