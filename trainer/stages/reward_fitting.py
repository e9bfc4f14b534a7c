"""Training one reward model on rankings, from the SFT model or from where an earlier process stopped."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.contract.configs import RewardConfig, settled
from trainer.data.batches import batch_at, epoch_steps
from trainer.data.rankings import Rankings
from trainer.loop import processes, stopping
from trainer.loop.checkpoint import latest_checkpoint, save_checkpoint
from trainer.loop.device import Compute
from trainer.loop.finite import check_weights, take_step
from trainer.loop.metrics import MetricsLog
from trainer.loop.optimizer import adamw, cosine_rate, set_rate
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import generator
from trainer.losses.preference import new_tie_parameter, pair_accuracy, pair_counts, tie_value
from trainer.models.activations import learning_from, recompute_layers
from trainer.models.adapters import add_adapters, learned_state, load_learned
from trainer.models.reward_model import Reader, new_reward_model, reading
from trainer.stages.reward_scoring import (
    Job,
    Metrics,
    conversations_of,
    forwards_of,
    losses,
    on_cpu,
    rows_of,
    score_answers,
    tensors_of,
)

TIE_RATE = 0.1
"""Peak learning rate of the tie parameter: one number that may have to move by one or two within an epoch."""


@dataclass
class Progress:
    """Where a run of one or several trainings stands; the metrics of all of them are one series of steps.

    Attributes:
        log: of the whole run.
        total: steps of all trainings.
        before: steps of the trainings before this one.
        scored: answers scored in training by this process.
        tokens: tokens computed for them.
        seconds: spent in steps, from choosing the batch to its line in the log; watching held-out prompts is apart.
    """

    log: MetricsLog
    total: int
    before: int = 0
    scored: int = 0
    tokens: int = 0
    seconds: float = 0.0

    def metrics(self) -> Metrics:
        return {
            "time/train_seconds": self.seconds,
            "time/answers_per_second": self.scored / self.seconds if self.seconds else None,
            "time/tokens_per_second": self.tokens / self.seconds if self.seconds else None,
        }


@dataclass
class Trained:
    """One finished training.

    Attributes:
        model: on the job's device.
        tie: the learned parameter of the ties' likelihood, where the loss has one.
    """

    model: Any
    tie: torch.nn.Parameter | None


def steps_of(train: Rankings, config: RewardConfig) -> int:
    """Optimizer steps of one training."""
    return config.epochs * epoch_steps(len(train), config.prompts_per_batch)


def fit(
    job: Job, train: Rankings, progress: Progress, *, seed: int, watched: tuple[Rankings, list[int]] | None = None
) -> Trained:
    """Train one model from the SFT model, or go on where an earlier process stopped.

    Args:
        job: shared by all trainings of the run.
        train: rankings with weights.
        progress: is moved on.
        seed: of the head's first weights and of the order of the data.
        watched: held-out rankings and the prompts among them that are scored now and then.

    Raises:
        NotFiniteError: the training explodes.
    """
    config, folder = job.config, job.folder
    total = steps_of(train, config)
    last = progress.before + total
    model = new_model(folder, config, job.tokenizer, seed, job.compute)
    add_adapters(model, config, seed)
    recompute_layers(model, config)
    tie = new_tie_parameter(config.ties, _tied_share(train))
    if tie is not None:
        tie = torch.nn.Parameter(tie.detach().to(job.compute.device))
    optimizer = adamw(model, config, config.learning_rate)
    if tie is not None:
        optimizer.add_param_group({"params": [tie], "weight_decay": 0.0, "lr": TIE_RATE})
    done = progress.before
    checkpoint = latest_checkpoint(folder.checkpoints)
    if checkpoint and progress.before < checkpoint[0] <= last:
        done, state = checkpoint
        load_learned(model, state["model"])
        optimizer.load_state_dict(state["optimizer"])
        if tie is not None:
            tie.data.copy_(state["tie"])

    watch_every = max(1, total // 10)
    with reading(model, shared=job.shared) as reader:
        for at in stopping.steps(range(done + 1, last + 1), progress.total):
            step = at - progress.before
            started = time.monotonic()
            batch = batch_at(step, len(train), config.prompts_per_batch, seed)
            share = cosine_rate(step, total, 1.0, config.warmup_share, config.final_rate_share)
            set_rate(optimizer, share * config.learning_rate)
            if tie is not None:
                optimizer.param_groups[-1]["lr"] = share * TIE_RATE
            with learning_from(model):
                line = _step(job, reader, train, batch, tie, progress)
            numbers = {"the loss": line["loss/train"]}
            if tie is not None and tie.grad is not None:
                numbers["the gradient of the tie parameter"] = tie.grad.item()
            norm = take_step(optimizer, model, config.max_grad_norm, step=at, numbers=numbers)
            line |= {"optimizer/rate": share * config.learning_rate, "optimizer/gradient_norm": norm}
            if tie is not None:
                line["reward/tie_parameter"] = tie_value(config.ties, tie)
            line["time/answers_per_second"] = progress.scored / (progress.seconds + time.monotonic() - started)
            kept = at % config.checkpoint_every == 0 or step == total
            if kept:
                check_weights(model, at, "The checkpoint")
            watching = time.monotonic()
            if watched and watched[1] and (step % watch_every == 0 or step == total):
                line |= _watch(job, reader, *watched, tie)
            watching = time.monotonic() - watching
            if at % config.log_every == 0 or step == total or "reward/heldout_accuracy" in line:
                progress.log.write(at, progress.total, line)
            progress.seconds += time.monotonic() - started - watching
            if kept or stopping.asked():
                state = {"model": learned_state(model), "optimizer": optimizer.state_dict()}
                save_checkpoint(folder.checkpoints, at, state | {"tie": None if tie is None else tie.detach()})
    return Trained(model, tie)


def _step(
    job: Job, reader: Reader, train: Rankings, batch: Sequence[int], tie: torch.nn.Parameter | None, progress: Progress
) -> dict[str, float]:
    """Add up the gradients of one batch of prompts; returns the numbers of its line in the log."""
    rankings = sum(len(train.rankings_of[element]) for element in batch)
    loss, correct, strict = 0.0, 0.0, 0
    scored: list[float] = []
    for elements in processes.mine(list(forwards_of(job, train, batch))):
        answers, talks = conversations_of(train, elements, job.max_tokens)
        scores = reader(talks)
        orders = train.orders(np.concatenate([train.rankings_of[element] for element in elements]))
        part = losses(scores, rows_of(orders, answers), orders, job.config, tie)
        weights = torch.as_tensor(orders.weights, dtype=part.dtype, device=part.device)
        weighted = (weights * part).sum() / rankings
        weighted.backward()
        loss += weighted.item()
        overall = scores.detach()[:, 0].cpu()
        right, pairs = pair_accuracy(overall[rows_of(orders, answers)], *tensors_of(orders))
        correct, strict = correct + right.sum().item(), strict + int(pairs.sum())
        scored += overall.tolist()
        progress.tokens += reader.cost(talks)
    processes.add_up_gradients(reader.model.parameters())
    if tie is not None:
        processes.add_up_gradients([tie])
    loss, correct = processes.total(loss), processes.total(correct)
    strict = round(processes.total(strict))
    seen = torch.tensor([score for part in processes.collected(scored) for score in part], dtype=torch.float64)
    progress.scored += len(seen)
    return {
        "loss/train": loss,
        "reward/train_accuracy": correct / strict if strict else float("nan"),
        "reward/mean": seen.mean().item(),
        "reward/std": seen.std(correction=0).item(),
    }


def _watch(job: Job, reader: Reader, data: Rankings, elements: list[int], tie: Tensor | None) -> dict[str, float]:
    """Accuracy and loss on the watched prompts."""
    scores = torch.from_numpy(score_answers(job, reader, data, elements))
    orders = data.orders(np.concatenate([data.rankings_of[element] for element in elements]))
    part = losses(scores, orders.answers, orders, job.config, on_cpu(tie))
    right, pairs = pair_accuracy(scores[orders.answers, 0], *tensors_of(orders))
    strict = int(pairs.sum())
    return {
        "loss/heldout": part.mean().item(),
        "reward/heldout_accuracy": right.sum().item() / strict if strict else float("nan"),
    }


def new_model(folder: RunFolder, config: RewardConfig, tokenizer: Any, seed: int, compute: Compute) -> Any:
    head = generator(seed, "reward head")
    pad_id, longest = int(tokenizer.pad_token_id), settled(config.max_tokens)
    return new_reward_model(folder.parent("sft"), pad_id, head, config.heads, longest, compute, config)


def _tied_share(train: Rankings) -> float:
    orders = train.orders(train.all_rankings)
    strict, tied = pair_counts(*tensors_of(orders))
    return int(tied.sum()) / max(1, int((strict + tied).sum()))
