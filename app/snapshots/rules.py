"""Which side of the split a prompt stands on, and which labels a snapshot takes."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from app.language import gettext as _
from app.language import mark

Split = Literal["train", "heldout"]
INSTRUMENTS = {"ranking": mark("overall quality"), "toxicity": mark("toxicity and continuity")}
"""What the orders of a snapshot may go by: kinds of campaigns, and how people speak of them."""
FORMATS = ("native", "csv", "trl", "openrlhf")
FEWEST_ANSWERS, MOST_ANSWERS = 2, 9


def split_of(key: str, heldout_share: float, seed: int) -> Split:
    """The side of everything that carries ``key``: always the same, whatever else is in the snapshot.

    The key of a prompt is its user where one is known, else the prompt itself, so that a user never
    stands on both sides (InstructGPT §3.2 splits by user).
    """
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return "heldout" if int.from_bytes(digest[:8], "big") < heldout_share * 2**64 else "train"


def split_key(user_key: str | None, fingerprint: str) -> str:
    return f"user:{user_key}" if user_key else f"prompt:{fingerprint}"


@dataclass(frozen=True)
class Filters:
    """What a snapshot takes from the pool.

    Attributes:
        campaigns: ids; empty = all. Demonstrations that were imported belong to no campaign and are always taken.
        instrument: what the orders go by: ``ranking`` (overall quality) or ``toxicity``. Never both: a model that
            learned from a mixture would have learned neither.
        phases: ``training`` by default; labels made for evaluation train nothing unless somebody asks for it.
        sources: sources of prompts; empty = all.
        min_answers: rankings of fewer answers are left out.
        heldout_share: the part of users (or prompts) that no stage trains on, 0 to 0.9.
        split_seed: another seed gives another split.
    """

    campaigns: tuple[int, ...] = ()
    phases: tuple[str, ...] = ("training",)
    sources: tuple[str, ...] = ()
    min_answers: int = 2
    heldout_share: float = 0.1
    split_seed: int = 0
    instrument: str = "ranking"

    def split(self, user_key: str | None, fingerprint: str) -> Split:
        return split_of(split_key(user_key, fingerprint), self.heldout_share, self.split_seed)

    def as_json(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def filters_problem(filters: Filters) -> str | None:
    """Why a snapshot cannot be made like this, or nothing."""
    if not 0 <= filters.heldout_share <= 0.9:
        return _("The held-out share is a number from 0 to 0.9, not %(number)s.", number=filters.heldout_share)
    if not FEWEST_ANSWERS <= filters.min_answers <= MOST_ANSWERS:
        return _(
            "A ranking has %(fewest)s to %(most)s answers, not %(number)s.",
            fewest=FEWEST_ANSWERS,
            most=MOST_ANSWERS,
            number=filters.min_answers,
        )
    if not filters.phases or set(filters.phases) - {"training", "evaluation"}:
        return _("The phases are training, evaluation or both.")
    if filters.instrument not in INSTRUMENTS:
        return _("Rankings go by overall quality or by toxicity, not by “%(name)s”.", name=filters.instrument[:40])
    return None


def name_problem(name: str) -> str | None:
    return None if 1 <= len(name.strip()) <= 120 else _("Give the snapshot a name of at most 120 characters.")


def count_names() -> Sequence[str]:
    """What a manifest counts; each also by split, as ``<name>_train`` and ``<name>_heldout``."""
    return ("prompts", "demonstrations", "rankings", "strict_pairs", "tied_pairs")
