"""Make what every method starts from: models, snapshots as the product writes them, and the same tokens for TRL.

    python make_data.py JOB.json RESULT.json

Runs in the product's environment. ``JOB.json`` names the folder, the model's size, the cells and the seed.
"""

import json
import random
import re
import sys
from pathlib import Path

import torch

from trainer.contract.configs import PretrainConfig
from trainer.contract.folder import RANKINGS
from trainer.contract.records import Answer, Message, Ranking, comparisons, write_rows
from trainer.data.chat import encode_pair
from trainer.data.corpus import STDLIB, load_corpus
from trainer.data.tokenizer import train_tokenizer
from trainer.loop.seed import derived, generator
from trainer.models.backbone import build_llama
from trainer.models.reward_model import new_reward_model

TOKENIZER_DOCUMENTS = 4000
"""Docstrings that the tokenizer learns from; more change nothing that is measured here."""

ANSWER_TOKENS = range(56, 73)
"""Lengths of answers, end token included: 64 on average, ragged as real ones are."""


class Writer:
    """Writes English-looking text of an exact number of tokens.

    Byte-level BPE splits at blanks first, so the tokens of a text are the tokens of its words, one after another.
    """

    def __init__(self, tokenizer, documents, draw):
        words = sorted({word for text in documents for word in re.findall(r"\b[a-z]{2,12}\b", text)})
        # Every piece carries its own blank, so that it costs the same wherever it stands.
        pieces = [" " + word for word in words]
        encoded = tokenizer(pieces, add_special_tokens=False)["input_ids"]
        self.lengths = {piece: len(ids) for piece, ids in zip(pieces, encoded, strict=True)}
        self.pieces = pieces
        self.draw = draw

    def text(self, tokens):
        """A text of exactly this many tokens."""
        parts = []
        while tokens:
            piece = self.draw.choice(self.pieces)
            if self.lengths[piece] <= tokens:
                parts.append(piece)
                tokens -= self.lengths[piece]
        return "".join(parts)


def save_models(folder, shape, documents, seed):
    """Leave ``sft/`` (the stage's parent) and ``reward/`` (the very model the stage makes of it, for the others)."""
    tokenizer = train_tokenizer(documents[:TOKENIZER_DOCUMENTS], shape["vocabulary_size"])
    torch.manual_seed(seed)
    sft = build_llama(PretrainConfig(**shape), tokenizer)
    sft.save_pretrained(folder / "sft")
    tokenizer.save_pretrained(folder / "sft")
    reward = new_reward_model(folder / "sft", tokenizer.pad_token_id, generator(seed, "reward head"))
    reward.save_pretrained(folder / "reward")
    tokenizer.save_pretrained(folder / "reward")
    return tokenizer, sum(p.numel() for p in reward.parameters())


def make_rankings(cell, tokenizer, writer, draw):
    """One complete order of K answers for every prompt, and nothing held out."""
    overhead = len(encode_pair(tokenizer, [Message(role="user", content="")], "", 8)[0])
    for number in range(cell["prompts"]):
        yield Ranking(
            ranking_id=f"r{number}",
            prompt_id=f"p{number}",
            messages=[Message(role="user", content=writer.text(cell["prompt_tokens"] - overhead))],
            answers=[
                Answer(candidate_id=f"c{number}-{k}", text=writer.text(draw.choice(ANSWER_TOKENS) - 1))
                for k in range(cell["k"])
            ],
            ranks=draw.sample(range(1, cell["k"] + 1), cell["k"]),
            annotator="labeler-1",
        )


def make_cell(folder, cell, tokenizer, writer, draw, max_tokens):
    """Leave ``snapshot/`` and ``pairs.json``; returns the counts of tokens and comparisons.

    Raises:
        AssertionError: a prompt or an answer has not the number of tokens it should have.
    """
    (folder / "snapshot").mkdir(parents=True)
    rankings = list(make_rankings(cell, tokenizer, writer, draw))
    write_rows(folder / "snapshot" / RANKINGS, Ranking, rankings)
    sequences, pairs, unique = [], [], 0
    for ranking in rankings:
        encoded = [encode_pair(tokenizer, ranking.messages, answer.text, max_tokens) for answer in ranking.answers]
        assert all(len(prompt) == cell["prompt_tokens"] for prompt, _ in encoded)
        assert all(len(answer) in ANSWER_TOKENS for _, answer in encoded)
        strict, tied = comparisons(ranking.ranks)
        assert tied == 0
        assert len(strict) == cell["k"] * (cell["k"] - 1) // 2
        pairs += [[len(sequences) + pair.winner, len(sequences) + pair.loser] for pair in strict]
        sequences += [[*prompt, *answer] for prompt, answer in encoded]
        unique += cell["prompt_tokens"] + sum(len(answer) for _, answer in encoded)
    (folder / "pairs.json").write_text(json.dumps({"sequences": sequences, "pairs": pairs}))
    return {
        "comparisons": len(pairs),
        "unique_tokens": unique,
        "answer_tokens": sum(map(len, sequences)),
        "pair_tokens": sum(len(sequences[side]) for pair in pairs for side in pair),
    }


def main(job):
    folder = Path(job["folder"])
    documents = load_corpus(STDLIB)
    tokenizer, parameters = save_models(folder, job["model"], documents, job["seed"])
    cells = {}
    for name, cell in job["cells"].items():
        draw = random.Random(derived(job["seed"], "data", name))
        writer = Writer(tokenizer, documents[:TOKENIZER_DOCUMENTS], draw)
        cells[name] = make_cell(folder / name, cell, tokenizer, writer, draw, job["max_tokens"])
    return {"parameters": parameters, "cells": cells}


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(main(json.loads(Path(sys.argv[1]).read_text()))))
