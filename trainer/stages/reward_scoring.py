"""Scores of a reward model for the answers of rankings, and what they cost: shared by training and judging."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.contract.configs import RewardConfig, settled
from trainer.data.packing import Conversation, forwards
from trainer.data.rankings import Orders, Rankings
from trainer.loop import processes
from trainer.loop.device import Compute
from trainer.loop.finite import check_said
from trainer.loop.run_folder import RunFolder
from trainer.losses.preference import Treatment, likert_margins, ranking_losses, strength_margins
from trainer.models.reward_model import Reader, label_names

Metrics = dict[str, float | int | str | None]


@dataclass(frozen=True)
class Job:
    """What every training of a run shares.

    Attributes:
        folder: the run's.
        config: its configuration.
        compute: where models are, and in which numbers.
        tokenizer: of the SFT model.
        shared: whether prompts are computed once for all their answers.
    """

    folder: RunFolder
    config: RewardConfig
    compute: Compute
    tokenizer: Any
    shared: bool

    @property
    def max_tokens(self) -> int:
        """Read of a prompt with one answer; what is longer is cut."""
        return settled(self.config.max_tokens)


def losses(scores: Tensor, rows: np.ndarray, orders: Orders, config: RewardConfig, tie: Tensor | None = None) -> Tensor:
    """Loss of each ranking, before its weight.

    The further heads learn their own orders by the plain loss with ties dropped; together they
    weigh as much as the overall one.

    Args:
        scores: (N, 1 + H).
        rows: (R, K) row of ``scores`` of each ranked answer.
        orders: R rankings.
        config: says what the loss is.
        tie: the tie parameter, where the loss has one.

    Returns:
        (R,).
    """
    device = scores.device
    ranked = scores[torch.as_tensor(rows, device=device)]
    ranks, present, seen = (tensor.to(device) for tensor in tensors_of(orders))
    margins = None
    if config.margin == "likert":
        likert = torch.as_tensor(orders.likert, dtype=scores.dtype, device=device)
        margins = likert_margins(likert, ranks, present, config.margin_scale)
    elif config.margin == "strength":
        strength = torch.as_tensor(orders.strength, dtype=scores.dtype, device=device)
        margins = strength_margins(strength, ranks, present, config.margin_scale, config.margin_from)
    treatment = Treatment(config.ties, config.divisor, config.label_smoothing)
    per_ranking = ranking_losses(
        ranked[..., 0],
        ranks,
        present,
        treatment,
        seen=seen,
        tie_parameter=tie,
        margins=margins,
    )
    for number, head in enumerate(orders.head_ranks, start=1):
        wanted = torch.as_tensor(head, device=device)
        own = ranking_losses(ranked[..., number], wanted, present, Treatment(divisor=config.divisor), seen=seen)
        per_ranking = per_ranking + own / len(orders.head_ranks)
    return per_ranking


def tensors_of(orders: Orders) -> tuple[Tensor, Tensor, Tensor]:
    """Ranks, present and seen (R, K), as the losses take them."""
    return torch.from_numpy(orders.ranks), torch.from_numpy(orders.present), torch.from_numpy(orders.seen)


def forwards_of(job: Job, data: Rankings, elements: Sequence[int]) -> Iterator[list[int]]:
    """Divide prompts among forwards of at most ``tokens_per_forward`` tokens."""
    sizes = [data.size(element) for element in elements]
    costs = [size.unique if job.shared else size.longest * size.answers for size in sizes]
    capacity = processes.share_of(job.config.tokens_per_forward, sum(costs), max(costs, default=0))
    for places in forwards(sizes, capacity, shared=job.shared):
        yield [elements[place] for place in places]


def rows_of(orders: Orders, answers: np.ndarray) -> np.ndarray:
    """(R, K) places in ``answers`` of the ranked answers; 0 where none is present.

    Args:
        orders: R rankings.
        answers: (N,) numbers of the answers that were scored.
    """
    sorted_places = np.argsort(answers)
    places = np.searchsorted(answers, orders.answers, sorter=sorted_places)
    return np.where(orders.present, sorted_places[np.where(orders.present, places, 0)], 0)


@torch.no_grad()
def score_answers(job: Job, reader: Reader, data: Rankings, elements: Sequence[int]) -> np.ndarray:
    """Score every answer of some prompts.

    Returns:
        (A, 1 + H) float64 by number of the answer; NaN for answers of other prompts.

    Raises:
        NotFiniteError: a score is no number.
    """
    scores = np.full((len(data.answer_spans), len(label_names(reader.model))), np.nan)
    for some in forwards_of(job, data, elements):
        answers, talks = conversations_of(data, some, job.max_tokens)
        said = reader(talks).double().cpu().numpy()
        check_said({"The reward model": said})
        scores[answers] = said
    return scores


def conversations_of(data: Rankings, elements: Sequence[int], max_tokens: int) -> tuple[np.ndarray, list[Conversation]]:
    answers: list[int] = []
    talks: list[Conversation] = []
    for element in elements:
        numbers, some = data.conversations(element, max_tokens)
        answers += numbers
        talks += some
    return np.array(answers), talks


def on_cpu(tie: Tensor | None) -> Tensor | None:
    return None if tie is None else tie.detach().cpu()
