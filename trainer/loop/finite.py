"""The door for numbers: nothing that is NaN or infinite is learned from, kept, saved or handed out.

One such number in a weight makes every later loss, score and weight one too, and nothing downstream notices by
itself. So it is looked for at the few places that everything passes: a step's gradient, a checkpoint, ``model/``,
a model that is loaded, and what a model says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from trainer.contract.errors import StageError

LIKELY = "Most often the learning rate is too high: start a new run with a lower one."
SPOILT = "It was spoilt when it was trained or written. Choose another model, or train this one again."
OVERFLOW = (
    "Its numbers overflow on this input. Choose another model, or train this one again with a lower learning rate."
)


class NotFiniteError(StageError):
    """A number is NaN or infinite."""


def take_step(
    optimizer: torch.optim.Optimizer,
    model: nn.Module,
    max_norm: float,
    *,
    step: int,
    numbers: Mapping[str, float],
    likely: str = LIKELY,
) -> float:
    """Clip the gradients, take the optimizer's step and clear them; the only place where weights change.

    Everything is looked at before anything is changed, and with the one wait for the device that reading the norm
    costs anyway.

    Args:
        optimizer: of the model.
        model: holds the gradients.
        max_norm: the gradients are clipped to this Euclidean norm.
        step: about to be taken, for the sentence.
        numbers: what must be finite too, by name, such as the loss.
        likely: why it is not, most often, and what to do.

    Returns:
        The norm before clipping.

    Raises:
        NotFiniteError: weights and optimizer are as they were before this step.
    """
    parameters = [p for p in model.parameters() if p.grad is not None]
    total = get_total_norm([p.grad for p in parameters if p.grad is not None])
    norm = total.item()
    if not all(map(math.isfinite, (norm, *numbers.values()))):
        raise _bad_step(model, step, norm, numbers, likely)
    clip_grads_with_norm_(parameters, max_norm, total)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm


def _bad_step(model: nn.Module, step: int, norm: float, numbers: Mapping[str, float], likely: str) -> NotFiniteError:
    gradients = [(name, p.grad) for name, p in model.named_parameters() if p.grad is not None]
    tensor = first_not_finite(gradients)
    told = [f"{name} is {number}" for name, number in numbers.items() if not math.isfinite(number)][:1]
    told += [f"the gradient of {tensor} is not finite"] if tensor else []
    # Finite gradients whose squares overflow: they have exploded all the same.
    told = told or [f"the norm of the gradients is {norm}"]
    return NotFiniteError(
        f"Step {step} was not taken: {', and '.join(told)}. {likely}",
        # A CPU adds in the same order every time and would end here again; a GPU may not.
        resumable=any(gradient.is_cuda for _, gradient in gradients),
        step=step,
        tensor=tensor.name if tensor else None,
        cause=likely,
    )


def check_weights(state: Any, step: int | None, what: str) -> None:
    """Refuse to keep what holds a number that is not finite.

    Args:
        state: a module, or dictionaries and lists of tensors and numbers, as deep as they are.
        step: the last one that it contains, if there are steps.
        what: is about to be written, such as ``The checkpoint``.

    Raises:
        NotFiniteError: naming the tensor.
    """
    tensor = first_not_finite(state.state_dict().items() if isinstance(state, nn.Module) else tensors_of(state))
    if tensor:
        after = "" if step is None else f" after step {step}"
        raise NotFiniteError(
            f"{what} was not written: {tensor} is not finite{after}. {LIKELY}",
            resumable=False,
            step=step,
            tensor=tensor.name,
            cause=LIKELY,
        )


def check_loaded(model: nn.Module, path: Path | str) -> None:
    """Refuse a model that was spoilt before.

    Raises:
        NotFiniteError: naming the tensor.
    """
    if tensor := first_not_finite(model.state_dict().items()):
        raise NotFiniteError(
            f"The model at {path} cannot be used: its tensor {tensor} is not finite. {SPOILT}",
            resumable=False,
            tensor=tensor.name,
            model=str(path),
            cause=SPOILT,
        )


def check_said(numbers: Mapping[str, Any]) -> None:
    """Refuse what a model says when it is no number.

    Args:
        numbers: who says what, ``{"The reward model": scores}``: tensors, arrays or floats; anything else is fine.

    Raises:
        NotFiniteError: naming the first who.
    """
    if said := first_not_finite(tensors_of(numbers)):
        many = f"{said.wrong:,} of {said.size:,} numbers that are" if said.size > 1 else "a number that is"
        raise NotFiniteError(
            f"{said.name} gave {many} not finite, though all weights are. {OVERFLOW}",
            resumable=False,
            tensor=said.name,
            cause=OVERFLOW,
        )


@dataclass(frozen=True)
class Broken:
    """A tensor with numbers that are not finite, and how many."""

    name: str
    wrong: int
    size: int

    def __str__(self) -> str:
        return f"{self.name} ({self.wrong:,} of {self.size:,} numbers)" if self.size > 1 else self.name


def first_not_finite(named: Iterable[tuple[str, Tensor]]) -> Broken | None:
    """The first tensor that holds such a number, or None.

    All tensors are asked together, so a GPU is waited for once; only when there is something wrong, one by one.
    """
    some = [(name, tensor.detach()) for name, tensor in named if tensor.is_floating_point() and tensor.numel()]
    # The largest absolute value of all: NaN wins against any number, and unlike a sum of squares it cannot overflow.
    if not some or math.isfinite(get_total_norm([tensor for _, tensor in some], math.inf).item()):
        return None
    for name, tensor in some:
        if wrong := int((~tensor.isfinite()).sum()):
            return Broken(name, wrong, tensor.numel())
    return None


def tensors_of(state: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor, array and float of a nested state, named by the way to it: ``optimizer.state.3.exp_avg``."""
    if isinstance(state, Tensor):
        yield name, state
    elif isinstance(state, float | np.ndarray):
        yield name, torch.as_tensor(state)
    elif isinstance(state, Mapping):
        for key, value in state.items():
            yield from tensors_of(value, f"{name}.{key}" if name else str(key))
    elif isinstance(state, list | tuple):
        for place, value in enumerate(state):
            yield from tensors_of(value, f"{name}.{place}")
