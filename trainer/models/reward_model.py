"""A policy whose vocabulary head is replaced by one number: how good is this answer (InstructGPT §3.5).

On disk it is an ordinary ``AutoModelForSequenceClassification``. Its first label is the overall
score, the reward; further labels judge by one standard each. The head has no bias, and the final
norm leaves no direction to hide one in, so the constants that centre the scores stand in the
model's config; they shift every score of a head alike and change no comparison.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForSequenceClassification

from trainer.contract.configs import TunedConfig
from trainer.contract.folder import MEMBERS
from trainer.data.batches import pad, positions
from trainer.data.packing import Conversation, forwards, pack
from trainer.loop.device import IN_FULL, Compute
from trainer.loop.finite import check_loaded, check_said
from trainer.models.backbone import load_policy
from trainer.models.precision import head_of, held_in, set_up
from trainer.models.shared_prefix import last_hidden_states, shared_prefixes
from trainer.models.vocabulary import hidden_states

OFFSET = "prefloop_reward_offset"
"""Key in the model's config: one number per label, added to what the head says."""

LENGTH = "prefloop_max_tokens"
"""Key in the model's config: tokens of prompt + answer that it was trained to read; what is longer is cut."""

OVERALL = "overall"
"""Name of the first label: the score that is learned from the rankings and rewards the policy."""


def new_reward_model(
    sft: Path,
    pad_id: int,
    generator: torch.Generator,
    heads: Sequence[str] = (),
    max_tokens: int | None = None,
    compute: Compute = IN_FULL,
    learns: TunedConfig | None = None,
) -> Any:
    """Take over a policy's body and give it a fresh scalar head for the overall score, and one for each further one.

    Args:
        sft: model folder of the supervised policy.
        pad_id: the tokenizer's padding token, for those who call the saved model without our mask.
        generator: draws the head from N(0, 1/√(d + 1)) (standard deviation; Stiennon et al. 2020
            print the square of it, their code has the root).
        heads: names of the further scores.
        max_tokens: of prompt + answer that it will be trained to read.
        compute: where it shall be, and in which numbers.
        learns: by which configuration; None = it does not.

    Raises:
        ValueError: the architecture has no sequence classifier with a head called ``score``.
    """
    names = (OVERALL, *heads)
    config = AutoConfig.from_pretrained(
        sft,
        local_files_only=True,
        id2label=dict(enumerate(names)),
        label2id={name: place for place, name in enumerate(names)},
    )
    config.pad_token_id = pad_id
    setattr(config, OFFSET, [0.0] * len(names))
    setattr(config, LENGTH, max_tokens)
    policy = load_policy(sft, compute, learns)
    model = AutoModelForSequenceClassification.from_config(config, dtype=policy.dtype)
    if not isinstance(getattr(model, "score", None), torch.nn.Linear):
        raise ValueError(f"A {config.model_type} model cannot become a reward model: it has no linear head 'score'.")  # noqa: TRY004
    # Taken over, not copied: two bodies are never held.
    model.base_model.load_state_dict(policy.base_model.state_dict(), assign=True)
    model = set_up(model, compute)
    width = model.score.weight.shape[1]
    with torch.no_grad():
        drawn = torch.empty(model.score.weight.shape).normal_(0.0, 1 / math.sqrt(width + 1), generator=generator)
        model.score.weight.copy_(drawn)
    return model


def load_reward_model(path: Path, compute: Compute = IN_FULL, learns: TunedConfig | None = None) -> Any:
    """Load what was saved; computing as before, its scores are bit for bit those of the model that was saved.

    Args:
        path: of the folder.
        compute: where it shall be, and in which numbers.
        learns: by which configuration; None = it does not.

    Raises:
        NotFiniteError: a weight is no number.
    """
    dtype = held_in(compute, learns)
    model = AutoModelForSequenceClassification.from_pretrained(path, dtype=dtype, local_files_only=True)
    check_loaded(model, path)
    return set_up(model, compute)


def label_names(model: Any) -> list[str]:
    """What each of this model's scores is called; the first is the reward, whatever a model from elsewhere calls it."""
    return [str(model.config.id2label[place]) for place in range(model.score.weight.shape[0])]


def members_at(path: Path) -> list[Path]:
    """The folders of a reward model: its own, then those of the other members of its ensemble, if it is one."""
    others = sorted((path / MEMBERS).glob("[0-9]*"), key=lambda folder: int(folder.name))
    return [path, *others]


def trained_length(model: Any) -> int | None:
    """Tokens of prompt + answer on which this model was trained; None where it does not say."""
    length = getattr(model.config, LENGTH, None)
    return int(length) if length else None


def offsets(model: Any) -> list[float]:
    """The constants that centre this model's scores, one per label; 0 for a model from elsewhere."""
    labels = model.score.weight.shape[0]
    given = getattr(model.config, OFFSET, 0.0)
    # Models of the first version carry one bare number.
    return [float(x) for x in given] if isinstance(given, list) else [float(given)] * labels


def centre(model: Any, means: Sequence[float]) -> None:
    """Shift the zero points so that answers that now score ``means`` on average score 0 (InstructGPT C.2).

    Args:
        model: a reward model.
        means: one per label.
    """
    setattr(model.config, OFFSET, [old - mean for old, mean in zip(offsets(model), means, strict=True)])


def token_scores(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """What the overall head says at every token.

    Args:
        model: a reward or value model.
        ids: (B, T), padded on either side.
        mask: (B, T) bool.

    Returns:
        (B, T); meaningless where the mask is False.
    """
    return _head(model, _hidden(model, ids, mask))[..., 0]


def scores(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """Overall score of each prompt + answer, read at its last token.

    Args:
        model: a reward model.
        ids: (B, T), padded on either side.
        mask: (B, T) bool; at least one True per row.

    Returns:
        (B,); higher is better.
    """
    return label_scores(model, ids, mask)[:, 0]


def label_scores(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """Every label's score of each prompt + answer, read at its last token.

    That token is found by the mask, never by searching for the padding token, which some
    tokenizers share with the end of sequence.

    Args:
        model: a reward model of H labels.
        ids: (B, T), padded on either side.
        mask: (B, T) bool; at least one True per row.

    Returns:
        (B, H).
    """
    places = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask, places, -1).amax(1)
    hidden = _hidden(model, ids, mask)
    return _head(model, hidden[torch.arange(len(ids), device=ids.device), last])


@contextmanager
def reading(model: Any, *, shared: bool) -> Iterator[Reader]:
    """Prepare a model to score conversations, prompts computed once where ``shared``; see ``Reader``."""
    if not shared:
        yield Reader(model, shared=False)
        return
    with shared_prefixes(model):
        yield Reader(model, shared=True)


class Reader:
    """Scores conversations, in one forward each call.

    Attributes:
        shared: whether prompts are computed once for all their answers; scores are the same either way.
    """

    def __init__(self, model: Any, *, shared: bool) -> None:
        self.model, self.shared = model, shared

    def cost(self, conversations: Sequence[Conversation]) -> int:
        """Tokens that one forward over these computes, padding included."""
        sizes = [talk.size for talk in conversations]
        if self.shared:
            return sum(size.unique for size in sizes)
        return sum(size.answers for size in sizes) * max(size.longest for size in sizes)

    def __call__(self, conversations: Sequence[Conversation]) -> Tensor:
        """Score every answer.

        Returns:
            (N, H) in the order of the conversations and their answers.
        """
        if self.shared:
            return _head(self.model, last_hidden_states(self.model, pack(conversations)))
        rows = [[*talk.prompt, *answer] for talk in conversations for answer in talk.answers]
        ids, mask = pad(rows, 0, "right")
        return label_scores(self.model, ids.to(self.model.device), mask.to(self.model.device))

    @torch.no_grad()
    def scores(self, conversations: Sequence[Conversation], capacity: int) -> np.ndarray:
        """Score any number of conversations without gradients.

        Args:
            conversations: their order does not matter for speed.
            capacity: tokens that one forward computes at most.

        Returns:
            (N, H) float64 in the order of the conversations and their answers.

        Raises:
            NotFiniteError: a score is no number.
        """
        starts = np.cumsum([0, *(len(talk.answers) for talk in conversations)])
        found = np.empty((int(starts[-1]), len(label_names(self.model))))
        for places in forwards([talk.size for talk in conversations], capacity, shared=self.shared):
            rows = np.concatenate([np.arange(starts[place], starts[place + 1]) for place in places])
            found[rows] = self([conversations[place] for place in places]).double().cpu().numpy()
        check_said({"The reward model": found})
        return found


def _head(model: Any, hidden: Tensor) -> Tensor:
    """(…, d) -> (…, H)."""
    said = head_of(model, hidden)
    return said + torch.tensor(offsets(model), dtype=said.dtype, device=said.device)


def _hidden(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """Last hidden states (B, T, d)."""
    return hidden_states(model, ids, mask.long(), positions(mask))
