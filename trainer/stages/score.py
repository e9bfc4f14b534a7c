"""Score the prompts and answers of ``inputs/answers.parquet`` with a reward model."""

from __future__ import annotations

from typing import cast

import torch

from trainer.contract.configs import ScoreConfig
from trainer.contract.folder import ANSWERS, SCORES
from trainer.contract.records import AnswerToScore, Score, read_rows, write_rows
from trainer.data.batches import pad
from trainer.data.chat import encode_pair
from trainer.loop.device import prepare
from trainer.loop.run_folder import RunFolder
from trainer.models.backbone import check_context, load_tokenizer
from trainer.models.reward_model import load_reward_model, scores


def run(folder: RunFolder) -> dict[str, float | int | str | None]:
    """Write one ``Score`` per row to ``scores.parquet``, in the order of the input.

    Raises:
        ValueError: there is no ``inputs/answers.parquet``.
    """
    config = cast("ScoreConfig", folder.config)
    device = prepare(config)
    path = folder.inputs / ANSWERS
    if not path.exists():
        raise ValueError(f"There are no answers to score: {path} is missing.")
    answers = list(read_rows(path, AnswerToScore))
    tokenizer = load_tokenizer(folder.parent("reward"))
    model = load_reward_model(folder.parent("reward")).to(device)
    check_context(model, config.max_tokens, 'The field "max_tokens"')

    pairs = (encode_pair(tokenizer, row.messages, row.text, config.max_tokens) for row in answers)
    rows = [[*prompt, *answer] for prompt, answer in pairs]
    # Neighbours in length share a batch, so little is spent on padding.
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    found = torch.zeros(len(rows))
    log = folder.metrics()
    batches = -(-len(order) // config.batch_size)
    with torch.no_grad():
        for batch in range(batches):
            chosen = order[batch * config.batch_size : (batch + 1) * config.batch_size]
            ids, mask = pad([rows[i] for i in chosen], int(tokenizer.pad_token_id), "right")
            found[chosen] = scores(model, ids.to(device), mask.to(device)).float().cpu()
            log.write(batch + 1, batches, {"reward/mean": found[chosen].mean().item()})
    log.close()

    write_rows(
        folder.path / SCORES,
        Score,
        (Score(answer_id=row.answer_id, score=score) for row, score in zip(answers, found.tolist(), strict=True)),
    )
    return {
        "data/answers": len(answers),
        "reward/mean": found.mean().item() if answers else None,
        "reward/std": found.std(correction=0).item() if answers else None,
    }
