"""What a trained reward model, or an ensemble, is worth on one split: against people, and against damaged answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from trainer.contract.folder import RANKINGS
from trainer.contract.judging import Judging, Probe
from trainer.contract.records import Ranking, Split, read_rows
from trainer.data.batches import shuffled
from trainer.data.chat import encode_answer
from trainer.data.packing import Conversation
from trainer.data.rankings import Rankings
from trainer.judging.judge import flat, judge
from trainer.judging.probes import EditedAnswer, edited_answers, probe_shares
from trainer.judging.scored import ScoredRankings
from trainer.models.reward_model import reading
from trainer.stages.reward_fitting import Trained
from trainer.stages.reward_scoring import Job, Metrics, losses, on_cpu, score_answers

PROBED_PROMPTS = 256
"""Prompts whose answers are edited to see whether the model notices."""


def judge_members(job: Job, data: Rankings, split: Split, members: Sequence[Trained]) -> tuple[Judging, Metrics]:
    """Measure a model or an ensemble on one split; returns the figures and their headline numbers."""
    seed = job.folder.spec.seed
    damaged = _damaged(job, data, split)
    talks = [each.conversation for each in damaged]
    scores, probed = [], []
    for member in members:
        with reading(member.model, shared=job.shared) as reader:
            scores.append(score_answers(job, reader, data, range(len(data))))
            probed.append(reader.scores(talks, job.config.tokens_per_forward)[:, 0])
    probes = _probes(damaged, np.mean(probed, axis=0), seed)
    judging = judge(scored(data, scores, job.config.heads), split=split, seed=seed, probes=probes)
    mean = np.mean(scores, axis=0)
    known = mean[~np.isnan(mean[:, 0]), 0]
    numbers: Metrics = {**flat(judging), "reward/mean": float(known.mean()), "reward/std": float(known.std())}
    if split == "heldout":
        orders = data.orders(data.all_rankings)
        part = losses(torch.from_numpy(mean), orders.answers, orders, job.config, on_cpu(members[0].tie))
        numbers["loss/heldout"] = part.mean().item()
    return judging, numbers


def scored(data: Rankings, members: Sequence[np.ndarray], heads: Sequence[str]) -> ScoredRankings:
    """Join rankings with what one or several models say of their answers.

    Args:
        data: the rankings.
        members: per model (A, 1 + H) scores.
        heads: H names.
    """
    numbers = data.all_rankings
    orders = data.orders(numbers)
    owners = data.owners[numbers]
    mean = np.mean(members, axis=0)
    return ScoredRankings(
        rewards=mean[orders.answers, 0],
        ranks=orders.ranks,
        present=orders.present,
        prompts=owners,
        labelers=[data.labelers[i] for i in numbers],
        groups=[data.groups[i] for i in numbers],
        use_cases=[data.use_cases[i] for i in numbers],
        likert=orders.likert,
        shown=orders.shown,
        strength=orders.strength,
        lengths=data.answer_lengths[orders.answers],
        answers=orders.answers,
        seen=orders.seen,
        sources=data.answer_sources,
        members=np.stack([scores[orders.answers, 0] for scores in members]) if len(members) > 1 else None,
        heads={
            name: (mean[orders.answers, place], orders.head_ranks[place - 1], orders.present)
            for place, name in enumerate(heads, start=1)
        },
    )


@dataclass(frozen=True)
class Damaged:
    """An answer and damaged copies of it, below their prompt.

    Attributes:
        element: number of the prompt.
        names: kinds of damage.
        conversation: the prompt with the original first and then its copies.
    """

    element: int
    names: list[str]
    conversation: Conversation


def _damaged(job: Job, data: Rankings, split: Split) -> list[Damaged]:
    """Damage the answers that people ranked best, of some prompts."""
    seed, longest = job.folder.spec.seed, job.max_tokens
    element_of = {data.prompt_ids[element]: element for element in shuffled(len(data), seed, 1)[:PROBED_PROMPTS]}
    texts: dict[int, str] = {}
    for row in read_rows(job.folder.snapshot / RANKINGS, Ranking, lambda _row, _why: None):
        if row.split == split and row.prompt_id in element_of:
            texts.setdefault(element_of[row.prompt_id], row.answers[row.ranks.index(min(row.ranks))].text)
    elements = sorted(texts)
    edits: dict[int, list[EditedAnswer]] = {}
    for edit in edited_answers([[texts[element]] for element in elements], seed, PROBED_PROMPTS):
        edits.setdefault(elements[edit.place[0]], []).append(edit)
    damaged = []
    for element, some in edits.items():
        answers = [
            encode_answer(job.tokenizer, text)[: longest - 1] for text in (texts[element], *(e.text for e in some))
        ]
        # All see the same of the prompt: only the damage may make the difference.
        prompt = data.tokens[slice(*data.prompt_spans[element])].tolist()[-(longest - max(map(len, answers))) :]
        damaged.append(Damaged(element, [edit.name for edit in some], Conversation(prompt, answers)))
    return damaged


def _probes(damaged: Sequence[Damaged], scores: np.ndarray, seed: int) -> list[Probe]:
    """How often originals score higher than their copies, by kind of damage.

    Args:
        damaged: originals with their copies.
        scores: of all of them, in order.
        seed: of the intervals.
    """
    originals: list[float] = []
    copies: list[float] = []
    start = 0
    for each in damaged:
        originals += [scores[start]] * len(each.names)
        copies += scores[start + 1 : start + 1 + len(each.names)].tolist()
        start += 1 + len(each.names)
    names = [name for each in damaged for name in each.names]
    clusters = [each.element for each in damaged for _ in each.names]
    return probe_shares(np.array(originals), np.array(copies), names, np.array(clusters), seed)
