"""Checkpoints that a killed process or a full disk cannot break."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from trainer.contract.folder import checkpoints_of
from trainer.loop import lease, processes
from trainer.loop.finite import check_weights, first_not_finite, tensors_of

KEEP = 2


def save_checkpoint(folder: Path, step: int, state: dict[str, Any]) -> None:
    """Write a checkpoint beside the old ones, then put it in place in one atomic step; keep the last two.

    Args:
        folder: the run's ``checkpoints/``.
        step: the last step that ``state`` contains.
        state: state dicts, tensors and plain values (loaded with ``weights_only``).

    Raises:
        OSError: the disk is full or not writable; the earlier checkpoints are as they were.
        NotFiniteError: the state holds a number that is none; likewise.
    """
    check_weights(state, step, "The checkpoint")
    if not processes.leads():
        return
    folder.mkdir(parents=True, exist_ok=True)
    _remove_partial(folder)
    partial = folder / f"step-{step:08d}.pt.partial"
    try:
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        lease.hold()
        partial.replace(folder / f"step-{step:08d}.pt")
    except (OSError, RuntimeError) as error:  # torch wraps a failed write in a RuntimeError
        partial.unlink(missing_ok=True)
        raise OSError(
            f"The checkpoint of step {step} could not be written to {folder} ({error}). "
            "Is the disk full? Earlier checkpoints are intact: make room and start the run again."
        ) from error
    for _, path in checkpoints_of(folder)[:-KEEP]:
        path.unlink()


def latest_checkpoint(folder: Path) -> tuple[int, dict[str, Any]] | None:
    """The newest good checkpoint as (step, state on the CPU), or None; damaged and spoilt ones are passed over."""
    for step, path in reversed(checkpoints_of(folder)):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # noqa: BLE001 - damage shows in many ways; an older checkpoint is the answer to all
            print(f"checkpoint {path.name} cannot be read ({error}); trying the one before", flush=True)  # noqa: T201
            continue
        if tensor := first_not_finite(tensors_of(state)):
            print(f"checkpoint {path.name} is spoilt ({tensor} is not finite); trying the one before", flush=True)  # noqa: T201
            continue
        return step, state
    return None


def _remove_partial(folder: Path) -> None:
    """What an earlier, killed process left half-written."""
    for path in folder.glob("*.partial"):
        path.unlink(missing_ok=True)
