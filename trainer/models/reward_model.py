"""A policy whose vocabulary head is replaced by one number: how good is this answer (InstructGPT §3.5).

On disk it is an ordinary ``AutoModelForSequenceClassification`` with one label. Its head has no
bias, and the final norm leaves no direction to hide one in, so the constant that centres the
scores stands in the model's config; it shifts every score alike and changes no comparison.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForSequenceClassification

from trainer.data.batches import positions
from trainer.models.backbone import load_policy

OFFSET = "prefloop_reward_offset"
"""Key in the model's config: added to what the head says."""


def new_reward_model(sft: Path, pad_id: int, generator: torch.Generator) -> Any:
    """Take over a policy's body and give it a fresh scalar head.

    Args:
        sft: model folder of the supervised policy.
        pad_id: the tokenizer's padding token, for those who call the saved model without our mask.
        generator: draws the head from N(0, 1/√(d + 1)) (standard deviation; Stiennon et al. 2020
            print the square of it, their code has the root).

    Returns:
        The model in evaluation mode: no dropout, in training either, so that a score is repeatable.

    Raises:
        ValueError: the architecture has no sequence classifier with a head called ``score``.
    """
    config = AutoConfig.from_pretrained(sft, num_labels=1, local_files_only=True)
    config.pad_token_id = pad_id
    setattr(config, OFFSET, 0.0)
    model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    if not isinstance(getattr(model, "score", None), torch.nn.Linear):
        raise ValueError(f"A {config.model_type} model cannot become a reward model: it has no linear head 'score'.")  # noqa: TRY004
    model.base_model.load_state_dict(load_policy(sft).base_model.state_dict())
    width = model.score.weight.shape[1]
    with torch.no_grad():
        model.score.weight.normal_(0.0, 1 / math.sqrt(width + 1), generator=generator)
    return model.eval()


def load_reward_model(path: Path) -> Any:
    """Load what was saved; its scores are bit for bit those of the model that was saved."""
    return AutoModelForSequenceClassification.from_pretrained(path, dtype=torch.float32, local_files_only=True).eval()


def offset(model: Any) -> float:
    """The constant that centres this model's scores; 0 for a model from elsewhere."""
    return float(getattr(model.config, OFFSET, 0.0))


def centre(model: Any, mean: float) -> None:
    """Shift the zero point so that answers that now score ``mean`` on average score 0 (InstructGPT C.2)."""
    setattr(model.config, OFFSET, offset(model) - mean)


def token_scores(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """What the head says at every token.

    Args:
        model: a reward or value model.
        ids: (B, T), padded on either side.
        mask: (B, T) bool.

    Returns:
        (B, T); meaningless where the mask is False.
    """
    return model.score(_hidden(model, ids, mask)).squeeze(-1) + offset(model)


def scores(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """Score of each prompt + answer, read at its last token.

    That token is found by the mask, never by searching for the padding token, which some
    tokenizers share with the end of sequence.

    Args:
        model: a reward model.
        ids: (B, T), padded on either side.
        mask: (B, T) bool; at least one True per row.

    Returns:
        (B,); higher is better.
    """
    places = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask, places, -1).amax(1)
    hidden = _hidden(model, ids, mask)
    return model.score(hidden[torch.arange(len(ids), device=ids.device), last]).squeeze(-1) + offset(model)


def _hidden(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """Last hidden states (B, T, d)."""
    return model.base_model(
        input_ids=ids, attention_mask=mask.long(), position_ids=positions(mask), use_cache=False
    ).last_hidden_state
