"""Mixed precision: models compute in bfloat16 where that is asked for, and nothing that learns is kept in it.

A step at a learning rate of 10⁻⁵ is smaller than the distance of two bfloat16 numbers, so weights that learn as a
whole stay float32 and are rounded each time they compute (Micikevicius et al. 2018, §3.1); so do adapters and what Adam
keeps. A model that learns nothing, or beside which adapters learn, is held in bfloat16. Scores and log-probabilities
are float32 in any case: heads of scores compute in it, and logits are turned into it before the softmax.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from trainer.contract.configs import TunedConfig
from trainer.loop.device import Compute

ROUNDS = "prefloop_rounds_to"
"""Attribute of a model whose weights are float32 and are rounded when they compute: to what."""

HEAD = "score"
"""Of a reward model; it stays float32."""


def held_in(compute: Compute, config: TunedConfig | None) -> torch.dtype:
    """In which numbers a model is opened.

    Args:
        compute: of the stage.
        config: says whether it learns as a whole; None = it does not learn.
    """
    learns_as_a_whole = config is not None and not config.lora_rank
    return torch.promote_types(compute.dtype, torch.float32) if learns_as_a_whole else compute.dtype


def in_full(numbers: Any) -> Any:
    """A tensor, or a module, in float32; what is float64 stays."""
    dtype = numbers.dtype if isinstance(numbers, Tensor) else next(numbers.parameters()).dtype
    return numbers.to(torch.promote_types(dtype, torch.float32))


def set_up(model: Any, compute: Compute) -> Any:
    """Move an opened model to where it computes, in evaluation mode, and let it compute as it was asked.

    Dropout is off for good, while training too: log-probabilities and scores must be the same when asked twice (N+).
    """
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = 0.0
    if hasattr(model, HEAD):
        in_full(getattr(model, HEAD))
    if compute.dtype == torch.float64:
        model = model.to(compute.dtype)
    elif model.dtype != compute.dtype:
        setattr(model, ROUNDS, compute.dtype)
    return model.to(compute.device).eval()


def computes_in(model: Any) -> torch.dtype:
    """The numbers of a model's products; those of its weights, unless these are rounded."""
    found: torch.dtype = getattr(model, ROUNDS, None) or model.dtype
    return found


def computing(model: Any) -> AbstractContextManager[Any]:
    """Around whatever a model computes of its own: rounds weights that are float32, where it is to."""
    dtype = getattr(model, ROUNDS, None)
    return torch.autocast(model.device.type, dtype) if dtype else nullcontext()


def head_of(model: Any, hidden: Tensor) -> Tensor:
    """(…, d) -> (…, H) what the head of a reward model says, in its own numbers."""
    head = getattr(model, HEAD)
    scores: Tensor = head(hidden.to(head.weight.dtype))
    return scores


@torch.no_grad()
def round_for_good(model: Any) -> None:
    """Give a model that has learned the weights with which it computed; what is measured and saved from then on."""
    dtype = computes_in(model)
    if dtype != torch.bfloat16:
        return
    model.to(dtype)
    setattr(model, ROUNDS, None)
    if hasattr(model, HEAD):
        in_full(getattr(model, HEAD))
