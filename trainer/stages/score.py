"""Score the prompts and answers of ``inputs/answers.parquet`` with a reward model, or with an ensemble of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, cast

import numpy as np
import torch

from trainer.contract.configs import ScoreConfig
from trainer.contract.folder import ANSWERS, SCORES
from trainer.contract.records import AnswerToScore, HeadScore, Score, read_rows, write_rows
from trainer.data.chat import encode_answers, encode_prompt
from trainer.data.packing import Conversation, split_by_cut
from trainer.loop.device import prepare
from trainer.loop.run_folder import RunFolder
from trainer.models.backbone import check_context, load_tokenizer
from trainer.models.reward_model import label_names, load_members, reading
from trainer.models.shared_prefix import obstacle

CHUNK = 4096
"""Answers read together; those of one prompt share its computation when they stand in one chunk."""


@torch.no_grad()
def run(folder: RunFolder) -> dict[str, float | int | str | None]:
    """Write one ``Score`` per row to ``scores.parquet``, in the order of the input.

    Answers with the same prompt are computed together. With an ensemble a score is the mean of
    its members.

    Raises:
        ValueError: there is no ``inputs/answers.parquet``.
    """
    config = cast("ScoreConfig", folder.config)
    device = prepare(config)
    path = folder.inputs / ANSWERS
    if not path.exists():
        raise ValueError(f"There are no answers to score: {path} is missing.")
    tokenizer = load_tokenizer(folder.parent("reward"))
    members = [model.to(device) for model in load_members(folder.parent("reward"))]
    check_context(members[0], config.max_tokens, 'The field "max_tokens"')
    why_not = obstacle(members[0], config.max_tokens) if config.share_prefixes else None
    if why_not:
        folder.note(f"Prompts are computed again for every answer: {why_not}.")
    shared = config.share_prefixes and why_not is None

    total = sum(1 for _ in read_rows(path, AnswerToScore))
    rows = read_rows(path, AnswerToScore)
    log = folder.metrics()
    ids: list[str] = []
    found: list[np.ndarray] = []
    while chunk := list(islice(rows, CHUNK)):
        capacity = config.tokens_per_forward if shared else 0
        talks, places = conversations(chunk, tokenizer, config.max_tokens, capacity)
        scores = np.empty((len(members), len(chunk), len(label_names(members[0]))))
        for number, model in enumerate(members):
            with reading(model, shared=shared) as reader:
                scores[number, places] = reader.scores(talks, config.tokens_per_forward)
        ids += [row.answer_id for row in chunk]
        found.append(scores)
        log.write(len(ids), total, {"reward/mean": float(scores[..., 0].mean())})
    log.close()

    every = np.concatenate(found, axis=1) if found else np.empty((len(members), 0, 1))
    mean, deviation = every.mean(0), every[..., 0].std(0)
    heads = label_names(members[0])[1:]
    write_rows(
        folder.path / SCORES,
        Score,
        (
            Score(
                answer_id=answer_id,
                score=overall,
                deviation=float(deviation[row]) if len(members) > 1 else None,
                heads=[HeadScore(name=name, score=score) for name, score in zip(heads, others, strict=True)],
            )
            for row, (answer_id, (overall, *others)) in enumerate(zip(ids, mean.tolist(), strict=True))
        ),
    )
    return {
        "data/answers": len(ids),
        "data/prefixes_shared": int(shared),
        "reward/mean": float(mean[:, 0].mean()) if ids else None,
        "reward/std": float(mean[:, 0].std()) if ids else None,
    }


def conversations(
    rows: Sequence[AnswerToScore], tokenizer: Any, max_tokens: int, capacity: int
) -> tuple[list[Conversation], list[int]]:
    """Gather answers by prompt, each cut as if it stood alone; a thousand answers to one prompt are taken in parts.

    Args:
        rows: to score.
        tokenizer: the model's.
        max_tokens: of a prompt with one answer.
        capacity: tokens of a part, prompt included; 0 takes every answer by itself, for models that
            compute the prompt again anyway and then share forwards among answers of one length.

    Returns:
        The conversations, and for each of their answers, in order, its place in ``rows``.
    """
    encoded = encode_answers(tokenizer, [row.text for row in rows])
    by_prompt: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for place, row in enumerate(rows):
        by_prompt.setdefault(tuple((m.role, m.content) for m in row.messages), []).append(place)
    talks: list[Conversation] = []
    places: list[int] = []
    for members in by_prompt.values():
        prompt = encode_prompt(tokenizer, rows[members[0]].messages, max_tokens - 1)
        for some, talk in split_by_cut(prompt, [encoded[place] for place in members], max_tokens):
            talks += [Conversation(talk.prompt, part) for part in _parts(talk, capacity)]
            places += [members[i] for i in some]
    return talks, places


def _parts(talk: Conversation, capacity: int) -> list[list[Sequence[int]]]:
    """Answers that fit into one forward together with their prompt; at least one each."""
    found: list[list[Sequence[int]]] = []
    room = 0
    for answer in talk.answers:
        if not found or len(answer) > room:
            found.append([])
            room = capacity - len(talk.prompt)
        found[-1].append(answer)
        room -= len(answer)
    return found
