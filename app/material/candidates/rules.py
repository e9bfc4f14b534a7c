"""Blinding: in which order a labeler sees the answers, and under which letters."""

import hashlib
import random
from collections.abc import Sequence

from app.material.prompts.rules import candidate_letter

__all__ = ["candidate_letter", "shuffled_order"]


def shuffled_order(candidate_ids: Sequence[int], *, task_id: int, person_id: int, seed: int) -> list[int]:
    """The order in which one person sees a task's answers: random between people, always the same for one.

    The generator starts from the hash of (seed, task, person), so neighbouring numbers give unrelated orders;
    the ids are sorted first, so that the order does not depend on how the task lists its answers.
    """
    key = hashlib.sha256(f"{seed}:{task_id}:{person_id}".encode()).digest()
    order = sorted(candidate_ids)
    random.Random(key).shuffle(order)
    return order
