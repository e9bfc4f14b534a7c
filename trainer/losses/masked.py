"""Statistics over the positions that count. In every mask True counts."""

from __future__ import annotations

import torch
from torch import Tensor


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Average what counts; what does not count may hold anything, even NaN.

    Args:
        values: any shape.
        mask: same shape, bool.

    Returns:
        A scalar; 0 when nothing counts, so that an empty micro-batch adds nothing.
    """
    return torch.where(mask, values, 0.0).sum() / mask.sum().clamp(min=1)


def masked_var(values: Tensor, mask: Tensor) -> Tensor:
    """Population variance (divided by the count, not count - 1) of what counts; a scalar."""
    mean = masked_mean(values, mask)
    return masked_mean((values - mean).square(), mask)


def whiten(values: Tensor, mask: Tensor, *, shift_mean: bool = True, epsilon: float = 1e-8) -> Tensor:
    """Scale what counts to variance 1.

    Advantages are whitened with the mean removed, rewards without, so that a reward keeps its
    sign (Ziegler et al. 2019, code; "N Implementation Details of RLHF", detail on whitening).

    Args:
        values: any shape.
        mask: same shape, bool.
        shift_mean: True removes the mean, False keeps it.
        epsilon: added to the variance; constant values become 0 (or their mean), never NaN.

    Returns:
        Same shape; 0 where the mask is False.
    """
    mean = masked_mean(values, mask)
    white = (values - mean) * torch.rsqrt(masked_var(values, mask) + epsilon)
    if not shift_mean:
        white = white + mean
    return torch.where(mask, white, 0.0)
