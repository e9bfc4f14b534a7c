"""Activation checkpointing: layers are computed again on the way back instead of being kept (Chen et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trainer.contract.configs import TrainConfig
from trainer.contract.errors import StageError


def layers_of(model: Any) -> Any:
    """The layers of a model's body, in their order; None where they are not where they usually are."""
    return getattr(model.base_model, "layers", None) or getattr(model.base_model, "h", None)


def recompute_layers(model: Any, config: TrainConfig) -> None:
    """Let a model keep between its layers only what one hands to the next, if that is asked for.

    The last layer is kept: it comes first on the way back, and may be computed at a few tokens only
    (``trainer.models.shared_prefix``).

    Raises:
        StageError: the family has no layers that can be computed again.
    """
    if not config.activation_checkpointing:
        return
    try:
        model.activation_checkpointing_enable({"use_reentrant": False})
    except ValueError as error:
        raise StageError(
            f"A {model.config.model_type} model cannot compute its layers again. Set “activation_checkpointing” to no.",
            resumable=False,
        ) from error
    if layers := layers_of(model):
        layers[-1].gradient_checkpointing = False


@contextmanager
def learning_from(model: Any) -> Iterator[None]:
    """Around a forward that is learned from, with its way back; a model that answers or judges keeps nothing anyway."""
    model.train()
    try:
        yield
    finally:
        model.eval()
