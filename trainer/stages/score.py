"""Score the prompts and answers of ``inputs/answers.parquet`` with a reward model, or with an ensemble of them."""

from __future__ import annotations

from itertools import islice
from typing import cast

import numpy as np

from trainer.contract.configs import ScoreConfig
from trainer.contract.folder import ANSWERS, SCORES
from trainer.contract.records import AnswerToScore, HeadScore, Score, read_rows, write_rows
from trainer.data.chat import Accepts
from trainer.loop.device import prepare
from trainer.loop.run_folder import RunFolder
from trainer.models.reward import Reward, Rewards

CHUNK = 4096
"""Answers read together; those of one prompt share its computation when they stand in one chunk."""


def run(folder: RunFolder) -> dict[str, float | int | str | None]:
    """Write one ``Score`` per row to ``scores.parquet``, in the order of the input.

    Answers with the same prompt are computed together. With an ensemble a score is the mean of
    its members.

    Raises:
        ValueError: there is no ``inputs/answers.parquet``.
    """
    config = cast("ScoreConfig", folder.config)
    compute = prepare(config)
    path = folder.inputs / ANSWERS
    if not path.exists():
        raise ValueError(f"There are no answers to score: {path} is missing.")
    reward = Reward.load(
        folder.parent("reward"), compute, max_tokens=config.max_tokens, share_prefixes=config.share_prefixes
    )
    if reward.why_not:
        folder.note(f"Prompts are computed again for every answer: {reward.why_not}.")

    accepts = Accepts(reward.tokenizer)
    total = sum(accepts(row) for row in read_rows(path, AnswerToScore))
    accepts.refuse_any("Nothing was scored, for every answer must have its score")
    rows = read_rows(path, AnswerToScore)
    log = folder.metrics()
    ids: list[str] = []
    found: list[np.ndarray] = []
    while chunk := list(islice(rows, CHUNK)):
        scores = reward([(row.messages, row.text) for row in chunk], config.tokens_per_forward).members
        ids += [row.answer_id for row in chunk]
        found.append(scores)
        log.write(len(ids), total, {"reward/mean": float(scores[..., 0].mean())})
    log.close()

    every = Rewards(np.concatenate(found, axis=1) if found else np.empty((len(reward.members), 0, 1)))
    mean, deviation = every.mean, every.deviation
    write_rows(
        folder.path / SCORES,
        Score,
        (
            Score(
                answer_id=answer_id,
                score=overall,
                deviation=float(deviation[row]) if len(reward.members) > 1 else None,
                heads=[HeadScore(name=name, score=score) for name, score in zip(reward.heads, others, strict=True)],
            )
            for row, (answer_id, (overall, *others)) in enumerate(zip(ids, mean.tolist(), strict=True))
        ),
    )
    return {
        "data/answers": len(ids),
        "data/prefixes_shared": int(reward.shared),
        "reward/mean": float(mean[:, 0].mean()) if ids else None,
        "reward/std": float(mean[:, 0].std()) if ids else None,
    }
