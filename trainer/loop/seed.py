"""All randomness of a run grows from one seed, in named streams.

A stream depends on the seed and its names alone, never on what was drawn before it, so a
resumed run needs no stored position to draw what an uninterrupted one would have drawn.
"""

from __future__ import annotations

import hashlib
import random

import torch


def derived(seed: int, *names: str | int) -> int:
    """A 63-bit seed for the stream of these names, e.g. ``derived(7, "answer", prompt_id, index)``."""
    key = "\x1f".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: str | int) -> torch.Generator:
    """A CPU generator at the start of the stream of these names."""
    return torch.Generator().manual_seed(derived(seed, *names))


def seed_everything(seed: int) -> None:
    """Seed the global generators (weight initialisation draws from them)."""
    random.seed(derived(seed, "python"))
    torch.manual_seed(derived(seed, "torch"))


def random_state() -> dict[str, torch.Tensor]:
    """The global torch generators, for a checkpoint."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def restore_random_state(state: dict[str, torch.Tensor]) -> None:
    """Put back what ``random_state`` gave."""
    torch.set_rng_state(state["cpu"].cpu())
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"].cpu())
