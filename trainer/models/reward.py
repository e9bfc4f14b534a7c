"""The reward: what a reward model, or an ensemble of them, says of answers. Every stage that wants it asks here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer.contract.limits import UNKNOWN_CONTEXT
from trainer.data.conversations import Pair, conversations
from trainer.loop.device import IN_FULL, Compute
from trainer.models.backbone import check_context, load_tokenizer
from trainer.models.reward_model import label_names, load_reward_model, members_at, reading, trained_length
from trainer.models.shared_prefix import obstacle


@dataclass(frozen=True)
class Rewards:
    """What M members say of N answers by 1 + H heads.

    Attributes:
        members: (M, N, 1 + H) float64; the first head is the reward.
    """

    members: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """(N, 1 + H): the score of an answer is the mean of the members, everywhere."""
        found: np.ndarray = self.members.mean(0)
        return found

    @property
    def deviation(self) -> np.ndarray:
        """(N,) standard deviation of the members' rewards (divisor M); 0 for a single model."""
        found: np.ndarray = self.members[..., 0].std(0)
        return found

    def pessimistic(self, k: float) -> np.ndarray:
        """(N,) mean − k · deviation: what most members would still grant.

        After the uncertainty-weighted objective of Coste et al. 2023 (§3), who subtract the variance; the deviation has
        the unit of the score, so k means the same for every reward model.
        """
        found: np.ndarray = self.mean[:, 0] - k * self.deviation
        return found


@dataclass(frozen=True)
class Reward:
    """A reward model, or an ensemble, with all that a score depends on.

    Attributes:
        members: the models, on one device.
        tokenizer: theirs.
        max_tokens: read of a prompt with one answer; what is longer is cut as in training.
        shared: whether prompts are computed once for all their answers; scores are the same either way.
        why_not: shared, where that was wanted.
    """

    members: list[Any]
    tokenizer: Any
    max_tokens: int
    shared: bool
    why_not: str | None = None

    @classmethod
    def load(
        cls,
        path: Path,
        compute: Compute = IN_FULL,
        *,
        max_tokens: int | None = None,
        share_prefixes: bool = False,
        first: Any | None = None,
    ) -> Reward:
        """Load the model in a folder with all members.

        Args:
            path: model folder.
            compute: where they shall be, and in which numbers.
            max_tokens: read of prompt and answer; empty means as many as the model was trained on.
            share_prefixes: wanted.
            first: the first member, where somebody holds it already.

        Raises:
            ValueError: the model has fewer positions.
            NotFiniteError: a weight is no number.
        """
        folders = members_at(path)[first is not None :]
        others = [load_reward_model(folder, compute).requires_grad_(False) for folder in folders]
        members = [first, *others] if first is not None else others
        positions = getattr(members[0].config, "max_position_embeddings", None)
        length = max_tokens or trained_length(members[0]) or positions or UNKNOWN_CONTEXT
        check_context(members[0], length, 'The field "max_tokens"')
        why_not = obstacle(members[0], length) if share_prefixes else None
        return cls(members, load_tokenizer(path), length, share_prefixes and why_not is None, why_not)

    @property
    def heads(self) -> list[str]:
        """Names of the further heads."""
        return label_names(self.members[0])[1:]

    @torch.no_grad()
    def __call__(self, pairs: Sequence[Pair], capacity: int) -> Rewards:
        """Score answers.

        Args:
            pairs: conversations with the texts that answer them.
            capacity: tokens that one forward computes at most.

        Raises:
            NotFiniteError: a score is no number.
        """
        talks, places = conversations(pairs, self.tokenizer, self.max_tokens, capacity if self.shared else 0)
        scores = np.empty((len(self.members), len(pairs), 1 + len(self.heads)))
        for number, model in enumerate(self.members):
            with reading(model, shared=self.shared) as reader:
                scores[number, places] = reader.scores(talks, capacity)
        return Rewards(scores)
