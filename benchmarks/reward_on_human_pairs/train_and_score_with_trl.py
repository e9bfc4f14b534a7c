"""Train a reward model with TRL's ``RewardTrainer`` on tokenised pairs and score the test answers with it.

    python train_and_score_with_trl.py JOB.json RESULT.json

Runs in an environment with TRL and imports nothing of the product. Every setting that our stage has too is given by
the job; what else is set keeps TRL from doing less: no bf16, no gradient checkpointing, nothing saved.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import accelerate
import datasets
import torch
import transformers
import trl
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForSequenceClassification, AutoTokenizer

SCORED_TOGETHER = 32


def train(job):
    """All epochs over the pairs; the trained model and the seconds of ``train()`` alone."""
    torch.set_num_threads(job["threads"])
    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    pairs = datasets.Dataset.from_dict(
        {
            "chosen_ids": [chosen for chosen, _ in job["pairs"]],
            "rejected_ids": [rejected for _, rejected in job["pairs"]],
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = trl.RewardTrainer(
            model=AutoModelForSequenceClassification.from_pretrained(job["model"], dtype=torch.float32),
            processing_class=tokenizer,
            train_dataset=pairs,
            args=trl.RewardConfig(
                output_dir=folder,
                per_device_train_batch_size=job["pairs_per_step"],
                num_train_epochs=job["epochs"],
                seed=job["seed"],
                train_sampling_strategy=job["order"],
                max_length=None,  # the pairs come cut as our stage cuts them
                gradient_checkpointing=False,
                bf16=False,
                use_cpu=True,
                save_strategy="no",
                logging_steps=50,
                report_to="none",
                disable_tqdm=True,
                **job["optimizer"],
            ),
        )
        assert len(trainer.train_dataset) == len(job["pairs"]), "TRL left pairs out"
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
    return trainer, tokenizer.pad_token_id, seconds


@torch.no_grad()
def scores(model, sequences, pad_id):
    """What the model itself says of each sequence; padded on the right, where it looks for the last real token."""
    model.eval()
    found = [0.0] * len(sequences)
    order = sorted(range(len(sequences)), key=lambda place: len(sequences[place]))
    for start in range(0, len(order), SCORED_TOGETHER):
        places = order[start : start + SCORED_TOGETHER]
        rows = [torch.tensor(sequences[place]) for place in places]
        ids = pad_sequence(rows, batch_first=True, padding_value=pad_id)
        mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, 0]
        for place, score in zip(places, logits.tolist(), strict=True):
            found[place] = score
    return found


def main(job):
    trainer, pad_id, seconds = train(job)
    return {
        "seconds": seconds,
        "steps": trainer.state.global_step,
        "scores": scores(trainer.model, job["test"], pad_id),
        "versions": {package.__name__: package.__version__ for package in (torch, transformers, trl, accelerate)},
    }


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(main(json.loads(Path(sys.argv[1]).read_text()))))
