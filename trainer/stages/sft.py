"""Supervised fine-tuning on demonstrations: the loss counts answer tokens only (InstructGPT §3.5, C.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from trainer.contract.configs import SftConfig, settled
from trainer.contract.folder import DEMONSTRATIONS
from trainer.contract.records import Demonstration, read_rows
from trainer.data.batches import batch_at, by_length, epoch_steps, pad, positions
from trainer.data.chat import accepted, decode_answer, encode_pair
from trainer.loop import processes, stopping
from trainer.loop.checkpoint import latest_checkpoint, save_checkpoint
from trainer.loop.device import prepare
from trainer.loop.finite import check_weights, take_step
from trainer.loop.optimizer import adamw, cosine_rate, set_rate
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import derived, random_state, restore_random_state, seed_everything
from trainer.models.activations import learning_from, recompute_layers
from trainer.models.adapters import (
    ADAPTER,
    add_adapters,
    learned_state,
    load_learned,
    merge_adapters,
    save_adapters,
)
from trainer.models.backbone import agree_on_ends, check_context, generate, load_policy, load_tokenizer
from trainer.models.precision import round_for_good
from trainer.models.vocabulary import next_token_loss

SAMPLES = 4
SAMPLE_TOKENS = 48


@dataclass(frozen=True)
class Example:
    """One demonstration as token ids."""

    prompt: list[int]
    answer: list[int]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.answer)


def run(folder: RunFolder) -> dict[str, float | int | str | None]:
    """Fine-tune the parent "base"; leave an SFT model in ``model/`` and return the manifest's metrics."""
    config, seed = folder.config, folder.spec.seed
    assert isinstance(config, SftConfig)
    compute = prepare(config)
    seed_everything(seed)
    checkpoint = latest_checkpoint(folder.checkpoints)
    done, state = checkpoint or (0, {})

    tokenizer = load_tokenizer(folder.parent("base"))
    model = load_policy(folder.parent("base"), compute, config)
    longest = settled(config.max_tokens)
    check_context(model, longest, 'Field "max_tokens"')
    rows = accepted(tokenizer, list(read_rows(folder.snapshot / DEMONSTRATIONS, Demonstration)), folder.note)
    train = examples(tokenizer, [row for row in rows if row.split == "train"], longest)
    heldout = examples(tokenizer, [row for row in rows if row.split == "heldout"], longest)
    if not train:
        raise ValueError("The snapshot has no demonstrations to train on. Collect some, or widen its filters.")
    print(f"{len(train)} demonstrations to train on, {len(heldout)} held out", flush=True)  # noqa: T201

    add_adapters(model, config, seed)
    recompute_layers(model, config)
    optimizer = adamw(model, config, config.learning_rate)
    if state:
        load_learned(model, state["model"])
        optimizer.load_state_dict(state["optimizer"])
        restore_random_state(state["random"])
        print(f"resumed from step {done}", flush=True)  # noqa: T201
    metrics, samples = folder.metrics(done), folder.samples(done)

    steps_an_epoch = epoch_steps(len(train), config.batch_size)
    total = config.epochs * steps_an_epoch
    for step in stopping.steps(range(done + 1, total + 1)):
        batch = [train[i] for i in batch_at(step, len(train), config.batch_size, seed)]
        rate = cosine_rate(step, total, config.learning_rate, config.warmup_share, config.final_rate_share)
        set_rate(optimizer, rate)
        loss = accumulate(model, tokenizer, batch, config.tokens_per_forward)
        norm = take_step(optimizer, model, config.max_grad_norm, step=step, numbers={"the loss": loss})

        epoch_ends = step % steps_an_epoch == 0
        values = {
            "loss/train": loss,
            "epoch": step / steps_an_epoch,
            "optimizer/gradient_norm": norm,
            "optimizer/rate": rate,
        }
        if epoch_ends:
            check_weights(model, step, "The checkpoint")
            values["loss/heldout"] = heldout_loss(model, tokenizer, heldout, config.tokens_per_forward)
        if epoch_ends or step % config.log_every == 0:
            metrics.write(step, total, values)
        if epoch_ends:
            samples.write(step, answers(model, tokenizer, heldout or train, seed))
        if epoch_ends or step % config.checkpoint_every == 0 or stopping.asked():
            save_checkpoint(
                folder.checkpoints,
                step,
                {"model": learned_state(model), "optimizer": optimizer.state_dict(), "random": random_state()},
            )

    processes.leave_to_leader()
    save_adapters(model, config, folder.path / ADAPTER)
    merge_adapters(model)
    round_for_good(model)
    agree_on_ends(model, tokenizer)
    folder.save_model(model, tokenizer)
    return {
        "loss/train": heldout_loss(model, tokenizer, train, config.tokens_per_forward),
        "loss/heldout": heldout_loss(model, tokenizer, heldout, config.tokens_per_forward) if heldout else None,
        "data/demonstrations": len(train),
        "data/heldout": len(heldout),
        "data/answer_tokens": sum(len(example.answer) for example in train),
        "steps": total,
    }


def examples(tokenizer: PreTrainedTokenizerBase, rows: list[Demonstration], max_tokens: int) -> list[Example]:
    """Encode demonstrations; a prompt that is too long keeps its end."""
    return [Example(*encode_pair(tokenizer, row.messages, row.response, max_tokens)) for row in rows]


def collate(
    tokenizer: PreTrainedTokenizerBase, batch: list[Example]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Batch tensors: ids (B, T), mask (B, T) of real tokens, counted (B, T) of answer tokens."""
    ids, mask = pad([example.prompt + example.answer for example in batch], tokenizer.pad_token_id, "right")
    lengths = torch.tensor([len(example.prompt) for example in batch])
    return ids, mask, mask & (positions(mask) >= lengths[:, None])


def batch_loss(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, batch: list[Example]) -> torch.Tensor:
    """Mean loss in nats per answer token of a batch; a scalar."""
    ids, _, counted = (tensor.to(model.device) for tensor in collate(tokenizer, batch))
    return next_token_loss(model, ids, counted)


def accumulate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, batch: list[Example], capacity: int
) -> float:
    """Add the gradients of a batch, ``capacity`` tokens at a time; every answer token of the batch weighs the same."""
    tokens = sum(len(example.answer) for example in batch)
    total = 0.0
    with learning_from(model):
        lengths = [example.length for example in batch]
        for places in processes.mine(by_length(lengths, processes.share_of(capacity, sum(lengths), max(lengths)))):
            part = [batch[place] for place in places]
            weight = sum(len(example.answer) for example in part) / tokens
            loss = batch_loss(model, tokenizer, part) * weight
            loss.backward()
            total += loss.item()
    processes.add_up_gradients(model.parameters())
    return processes.total(total)


@torch.no_grad()
def heldout_loss(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, heldout: list[Example], capacity: int
) -> float:
    """Mean loss in nats per answer token over all examples; NaN when there are none."""
    total, tokens = 0.0, 0
    for places in by_length([example.length for example in heldout], capacity):
        part = [heldout[place] for place in places]
        count = sum(len(example.answer) for example in part)
        total += batch_loss(model, tokenizer, part).item() * count
        tokens += count
    return total / tokens if tokens else float("nan")


def answers(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, shown: list[Example], seed: int
) -> list[dict[str, Any]]:
    """What the model answers to a few prompts, beside what the person wrote."""
    shown = shown[:SAMPLES]
    drawn = generate(
        model,
        tokenizer,
        [example.prompt for example in shown],
        max_new_tokens=SAMPLE_TOKENS,
        seeds=[derived(seed, "sample", row) for row in range(len(shown))],
    )
    return [
        {
            "prompt": tokenizer.decode(example.prompt, skip_special_tokens=True),
            "answer": decode_answer(tokenizer, ids),
            "demonstration": decode_answer(tokenizer, example.answer),
        }
        for example, ids in zip(shown, drawn, strict=True)
    ]
