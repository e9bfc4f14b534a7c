"""Train a reward model with TRL's ``RewardTrainer`` on all pairs, as fast as it can on this machine.

    python train_with_trl.py JOB.json RESULT.json

Runs in the environment that the benchmark made for TRL and imports nothing of the product. What is set otherwise than
TRL would: no gradient checkpointing and no bf16 (both slow a CPU down), pairs of similar length together (less
padding), nothing saved, a line of the log every optimizer step as our stage writes it. Attention is SDPA and AdamW is
fused, by default; RewardTrainer has neither packing nor padding-free batches. Collating a batch takes milliseconds
beside a second of computing, so a worker process for it would only take a core away.
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
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def load_pairs(path, count):
    """The first ``count`` pairs (None: all) as the columns that ``RewardTrainer`` takes for tokenised data."""
    data = json.loads(Path(path).read_text())
    sequences, pairs = data["sequences"], data["pairs"][:count]
    return datasets.Dataset.from_dict(
        {
            "chosen_ids": [sequences[winner] for winner, _ in pairs],
            "rejected_ids": [sequences[loser] for _, loser in pairs],
            "length": [max(len(sequences[winner]), len(sequences[loser])) for winner, loser in pairs],
        }
    )


def train(job, batch_size, pairs):
    """One epoch over the pairs; seconds of ``train()`` alone, and what the trainer logged."""
    model = AutoModelForSequenceClassification.from_pretrained(job["model"], dtype=torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        trainer = trl.RewardTrainer(
            model=model,
            processing_class=AutoTokenizer.from_pretrained(job["model"]),
            train_dataset=pairs,
            args=trl.RewardConfig(
                output_dir=folder,
                per_device_train_batch_size=batch_size,
                gradient_accumulation_steps=-(-job["pairs_per_step"] // batch_size),
                num_train_epochs=1,
                gradient_checkpointing=False,
                bf16=False,
                use_cpu=True,
                max_length=None,
                train_sampling_strategy="group_by_length",
                remove_unused_columns=False,  # the sampler reads the column of lengths
                save_strategy="no",
                logging_steps=1,
                report_to="none",
                disable_tqdm=True,
                seed=1,
                **job["optimizer"],
            ),
        )
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
    assert trainer.model.config._attn_implementation == "sdpa"  # noqa: SLF001 - it has no other name
    assert not trainer.model.is_gradient_checkpointing
    assert trainer.model.dtype == torch.float32
    return seconds, trainer


def sweep(job):
    """Seconds of the same pairs at each batch size, the better of two, in one process that has warmed up."""
    pairs = load_pairs(job["pairs"], job["sweep_pairs"])
    train(job, job["batch_sizes"][0], pairs)
    rounds = [{size: train(job, size, pairs)[0] for size in job["batch_sizes"]} for _ in range(2)]
    return {"seconds": {size: min(r[size] for r in rounds) for size in job["batch_sizes"]}}


def measure(job):
    pairs = load_pairs(job["pairs"], None)
    seconds, trainer = train(job, job["batch_size"], pairs)
    logged = trainer.state.log_history
    return {
        "seconds": seconds,
        "comparisons": len(trainer.train_dataset),
        "optimizer_steps": trainer.state.global_step,
        "tokens_computed": int(max(line.get("num_tokens", 0) for line in logged)),
        "first_log": {name: logged[0][name] for name in ("loss", "grad_norm")},
        "versions": {package.__name__: package.__version__ for package in (torch, transformers, trl, accelerate)},
    }


def main(job):
    torch.set_num_threads(job["threads"])
    return sweep(job) if "batch_sizes" in job else measure(job)


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(main(json.loads(Path(sys.argv[1]).read_text()))))
