"""AdamW and the learning-rate schedule (InstructGPT Appendix C)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from trainer.contract.configs import TrainConfig


def adamw(model: nn.Module | Iterable[nn.Module], config: TrainConfig, learning_rate: float) -> torch.optim.AdamW:
    """AdamW over every parameter that asks for a gradient.

    Matrices decay, vectors (norms, biases) do not: shrinking a scale that is meant to stay
    near one only fights the optimizer.
    """
    modules = [model] if isinstance(model, nn.Module) else list(model)
    unique = {id(p): p for module in modules for p in module.parameters() if p.requires_grad}
    matrices = [p for p in unique.values() if p.ndim >= 2]
    vectors = [p for p in unique.values() if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=learning_rate,
        betas=(config.adam_beta1, config.adam_beta2),
        fused=True,
    )


def cosine_rate(step: int, total: int, peak: float, warmup_share: float, final_share: float) -> float:
    """Learning rate of one step: linear warmup from 0, then a cosine down to a share of the peak.

    Args:
        step: the step about to be taken, from 1 to ``total``.
        total: steps of the whole run.
        peak: highest rate.
        warmup_share: share of ``total`` spent warming up; the peak is reached at its last step.
        final_share: the last step's rate as a share of the peak (1 = constant).
    """
    warmup = round(total * warmup_share)
    if step <= warmup:
        return peak * step / warmup
    progress = (step - warmup) / max(1, total - warmup)
    floor = peak * final_share
    return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Use this learning rate for the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate
