"""Log-probabilities of tokens without the logits of all of them at once.

A model of 151,936 tokens says 2.5 GB of logits about 4,096 tokens, and their softmax and gradient take as much again.
Only the tokens that count are asked about, and so many together as fit into ``TOGETHER``; where there are more, each
part is computed once more on the way back instead of being kept.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from trainer.models.precision import computing, in_full

TOGETHER = 2**24
"""Logits that are held at once; 64 MB of float32, with softmax and gradient some 200 MB."""


def logprobs_after(model: Any, hidden: Tensor, tokens: Tensor, temperature: float = 1.0) -> Tensor:
    """Log-probability log π(token | what was read before it), over the sampling temperature as the rollout was (NI).

    Args:
        model: a causal language model.
        hidden: (N, d) last hidden states of its body.
        tokens: (N,) the token that follows each.
        temperature: > 0.

    Returns:
        (N,) float32, or float64 of such a model.
    """
    together = max(1, TOGETHER // model.get_output_embeddings().weight.shape[0])
    if len(tokens) <= together:
        return _logprobs(model, hidden, tokens, temperature)
    parts = zip(hidden.split(together), tokens.split(together), strict=True)
    if not torch.is_grad_enabled():
        return torch.cat([_logprobs(model, *part, temperature) for part in parts])
    return torch.cat([checkpoint(_logprobs, model, *part, temperature, use_reentrant=False) for part in parts])


def next_token_loss(model: Any, ids: Tensor, counted: Tensor) -> Tensor:
    """Mean of -log p(token | tokens before it), in nats, over the tokens that count.

    Supervised fine-tuning counts the answer's tokens, pretraining all of them (GPT, Radford et al. 2018, eq. 1;
    InstructGPT §3.5).

    Args:
        model: a causal language model.
        ids: (B, T); padding stands on the right, where causal attention never looks.
        counted: (B, T) bool; True = this token is predicted from the one before it and counts. Column 0 has nothing
            before it and never counts.

    Returns:
        A scalar; 0 when nothing counts.
    """
    counts = counted[:, 1:]
    # Without a mask attention may take its fastest way.
    hidden = hidden_states(model, ids)[:, :-1][counts]
    return -logprobs_after(model, hidden, ids[:, 1:][counts]).sum() / counts.sum().clamp(min=1)


def hidden_states(model: Any, ids: Tensor, mask: Tensor | None = None, positions: Tensor | None = None) -> Tensor:
    """(B, T) token ids -> (B, T, d) what the body says after each, before the vocabulary's head.

    Args:
        model: a causal language model.
        ids: (B, T).
        mask: (B, T) of real tokens; None = all of them, or padding on the right that is not asked about.
        positions: (B, T); None = counted from 0.
    """
    with computing(model):
        found: Tensor = model.base_model(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False
        ).last_hidden_state
    return found


def _logprobs(model: Any, hidden: Tensor, tokens: Tensor, temperature: float) -> Tensor:
    return -F.cross_entropy(in_full(logits_after(model, hidden)) / temperature, tokens, reduction="none")


def logits_after(model: Any, hidden: Tensor) -> Tensor:
    """What the model itself makes of hidden states: its head, and what a few families do to the logits after it."""
    with computing(model):
        logits: Tensor = model.get_output_embeddings()(hidden)
    config = model.config.get_text_config()
    if (scale := getattr(config, "logit_scale", None)) is not None:  # Cohere
        logits = logits * scale
    if (divisor := getattr(config, "logits_scaling", None)) is not None:  # Granite
        logits = logits / divisor
    if (cap := getattr(config, "final_logit_softcapping", None)) is not None:  # Gemma
        logits = cap * torch.tanh(logits / cap)
    return logits


@torch.no_grad()
def check_head(model: Any) -> None:
    """Try whether ``logprobs_after`` is what the model says; families differ, and a new one may do something new.

    Raises:
        ValueError: it is not.
    """
    vocabulary = model.config.get_text_config().vocab_size
    ids = torch.randint(vocabulary, (1, 6), generator=torch.Generator().manual_seed(0)).to(model.device)
    with computing(model):
        logits = model(input_ids=ids, use_cache=False).logits
    said = torch.log_softmax(logits[0, :-1].float(), -1)
    said = said.gather(-1, ids[0, 1:, None])[:, 0]
    found = logprobs_after(model, hidden_states(model, ids)[0, :-1], ids[0, 1:])
    # Rounding is a thousand times smaller. A model of broken weights says no number, which others report.
    if (found - said).abs().max() > 1e-2 * said.abs().max().clamp(min=1):
        raise ValueError(
            f"The head of a {model.config.model_type} model does something to its logits that is not known here, so "
            "its log-probabilities would be wrong. Choose another model."
        )
