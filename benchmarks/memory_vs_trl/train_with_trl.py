"""A few steps of TRL's own trainers by adapters in bfloat16; leaves the peak memory of this process.

    python train_with_trl.py JOB.json RESULT.json

Runs in the environment that the benchmark made for TRL and imports nothing of the product. What saves memory
stays on, as it is in TRL by itself: gradient checkpointing, and the loss that is fused with the vocabulary's head.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import datasets
import peft
import torch
import transformers
import trl
from transformers import AutoModelForSequenceClassification, AutoTokenizer

COMMON = {
    "num_train_epochs": 1,
    "bf16": True,
    "use_cpu": True,
    "gradient_checkpointing": True,
    "save_strategy": "no",
    "logging_steps": 1,
    "report_to": "none",
    "disable_tqdm": True,
    "learning_rate": 1e-5,
    "seed": 1,
}


def adapters(task):
    return peft.LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type=task)


def sft(job, rows, folder):
    args = trl.SFTConfig(
        output_dir=folder,
        per_device_train_batch_size=job["rows_together"],
        max_length=job["max_tokens"],
        completion_only_loss=True,
        model_init_kwargs={"dtype": "bfloat16"},
        max_steps=job["steps"],
        **COMMON,
    )
    data = datasets.Dataset.from_list([{"prompt": row["prompt"], "completion": row["answer"]} for row in rows])
    return trl.SFTTrainer(
        job["model"],
        args=args,
        train_dataset=data,
        processing_class=AutoTokenizer.from_pretrained(job["model"]),
        peft_config=adapters("CAUSAL_LM"),
    )


def reward(job, rows, folder):
    args = trl.RewardConfig(
        output_dir=folder,
        per_device_train_batch_size=job["rows_together"],
        max_length=job["max_tokens"],
        max_steps=job["steps"],
        **COMMON,
    )
    pairs = [
        {"prompt": row["prompt"], "chosen": one, "rejected": other}
        for row in rows
        for place, one in enumerate(row["answers"])
        for other in row["answers"][place + 1 :]
    ]
    model = AutoModelForSequenceClassification.from_pretrained(job["model"], dtype=torch.bfloat16, num_labels=1)
    return trl.RewardTrainer(
        model=model,
        args=args,
        train_dataset=datasets.Dataset.from_list(pairs),
        processing_class=AutoTokenizer.from_pretrained(job["model"]),
        peft_config=adapters("SEQ_CLS"),
    )


def main(job):
    torch.set_num_threads(job["threads"])
    rows = json.loads(Path(job["rows"]).read_text())
    with tempfile.TemporaryDirectory() as folder:
        trainer = {"sft": sft, "reward": reward}[job["stage"]](job, rows, folder)
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
    return {
        "seconds": seconds / job["steps"],
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "losses": [line["loss"] for line in trainer.state.log_history if "loss" in line],
        "versions": {package.__name__: package.__version__ for package in (torch, transformers, trl, peft)},
    }


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(main(json.loads(Path(sys.argv[1]).read_text()))))
