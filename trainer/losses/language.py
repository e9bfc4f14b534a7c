"""The language-model loss."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def next_token_loss(logits: Tensor, ids: Tensor, counted: Tensor) -> Tensor:
    """Mean of -log p(token | tokens before it), in nats, over the tokens that count.

    Supervised fine-tuning counts the answer's tokens, pretraining all of them
    (GPT, Radford et al. 2018, eq. 1; InstructGPT §3.5).

    Args:
        logits: (B, T, V); position t predicts token t + 1.
        ids: (B, T).
        counted: (B, T) bool; True = this token is predicted from the one before it and counts.
            Column 0 has nothing before it and never counts.

    Returns:
        A scalar; 0 when nothing counts.
    """
    counts = counted[:, 1:]
    # Picking the rows first spares the softmax of a large vocabulary over prompts and padding.
    losses = F.cross_entropy(logits[:, :-1][counts].float(), ids[:, 1:][counts], reduction="sum")
    return losses / counts.sum().clamp(min=1)
