"""The value function of PPO: the reward model's twin, read at every token (InstructGPT C.4: value ← reward model)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from trainer.models.reward_model import load_reward_model, token_scores


def load_value_model(reward_model: Path) -> Any:
    """A value model that starts as the reward model; a network of its own, so the two losses share no weight."""
    return load_reward_model(reward_model)


def values(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """Expected score of the whole answer as seen after each token.

    Args:
        model: a value model.
        ids: (B, T), padded on either side.
        mask: (B, T) bool.

    Returns:
        (B, T-1): entry t has read the tokens up to t and stands before the choice of token t + 1,
        so it lines up with the log-probability of that choice.
    """
    return token_scores(model, ids, mask)[:, :-1]
