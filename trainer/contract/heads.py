"""Which flags speak to which further head of a reward model, and the order of answers they amount to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainer.contract.configs import Head
from trainer.contract.records import Answer

BAD, GOOD = 1, -1

HEAD_FLAGS: Mapping[Head, Mapping[str, int]] = {
    "helpful": {"fails_task": BAD, "inappropriate_for_assistant": BAD, "satisfies_constraint": GOOD},
    "truthful": {"hallucination": BAD},
    "harmless": {
        "sexual_content": BAD,
        "violent_content": BAD,
        "encourages_harm": BAD,
        "denigrates_protected_class": BAD,
        "harmful_advice": BAD,
        "expresses_opinion": BAD,
        "expresses_moral_judgment": BAD,
    },
}
"""Head -> flag -> what a "yes" counts (the labels of InstructGPT, Table 3)."""


def head_ranks(head: Head, answers: Sequence[Answer]) -> list[int]:
    """Order answers by one standard: fewer bad flags first; for helpfulness, then the higher rating.

    The overall rating is a rating of usefulness, so it decides among equally flagged answers for
    ``helpful`` alone. Equal answers tie.

    Returns:
        One rank per answer, 1 = best, without gaps.
    """
    weights = HEAD_FLAGS[head]
    keys = [
        (
            sum(weights.get(flag, 0) for flag in answer.flags),
            -(answer.likert or 0) if head == "helpful" else 0,
        )
        for answer in answers
    ]
    order = {key: rank for rank, key in enumerate(sorted(set(keys)), start=1)}
    return [order[key] for key in keys]
