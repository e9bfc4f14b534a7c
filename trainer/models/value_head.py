"""The value function of PPO: the reward model's twin, read at every token (InstructGPT C.4: value ← reward model)."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from torch import Tensor

from trainer.contract.configs import PpoConfig
from trainer.loop.device import Compute
from trainer.models.reward_model import load_reward_model, token_scores


def load_value_model(reward_model: Path, compute: Compute, config: PpoConfig) -> Any:
    """A value model that starts as the reward model; it shares no weight with the policy."""
    return load_reward_model(reward_model, compute, config)


def reward_within(value_model: Any) -> Any:
    """The reward model as a second head of a value model that is about to learn beside adapters only.

    The body is one; without the adapters (``without_adapters``) it says what it always said.
    """
    reward_model = copy.copy(value_model)
    reward_model._modules = dict(value_model._modules)  # noqa: SLF001 - torch has no public way to share modules
    reward_model.score = copy.deepcopy(value_model.score).requires_grad_(False)
    return reward_model


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
