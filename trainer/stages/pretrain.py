"""Train a tokenizer and a small language model from nothing on plain text (GPT-1 eq. 1)."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from trainer.contract.configs import PretrainConfig
from trainer.contract.grouping import grouped, read
from trainer.data.batches import batch_at, held_out_groups, rows_together, token_blocks
from trainer.data.corpus import fingerprint, open_corpus
from trainer.data.tokenizer import tokenizer_from_text, train_tokenizer
from trainer.loop import processes, stopping
from trainer.loop.checkpoint import latest_checkpoint, save_checkpoint
from trainer.loop.device import prepare
from trainer.loop.finite import check_weights, take_step
from trainer.loop.optimizer import adamw, cosine_rate, set_rate
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import derived, random_state, restore_random_state, seed_everything
from trainer.models.activations import learning_from, recompute_layers
from trainer.models.backbone import build_llama, generate
from trainer.models.precision import round_for_good, set_up
from trainer.models.vocabulary import next_token_loss

SAMPLES = 4
SAMPLE_PROMPT_TOKENS = 12
SAMPLE_TOKENS = 48
HELDOUT_BLOCKS = 128


def run(folder: RunFolder) -> dict[str, float | int | str | None]:
    """Learn from the corpus; leave a base model in ``model/`` and return the manifest's metrics."""
    config, seed = folder.config, folder.spec.seed
    assert isinstance(config, PretrainConfig)
    compute = prepare(config)
    seed_everything(seed)
    checkpoint = latest_checkpoint(folder.checkpoints)
    done, state = checkpoint or (0, {})

    train_texts, heldout_texts = split(open_corpus(config.corpus, folder.opened), config.heldout_share, seed)
    # The checkpoint carries the tokenizer, so that resuming does not learn it again.
    tokenizer = (
        tokenizer_from_text(state["tokenizer"]) if state else train_tokenizer(train_texts, config.vocabulary_size)
    )
    train = blocks(tokenizer, train_texts, config.block)
    heldout = blocks(tokenizer, heldout_texts, config.block)[:HELDOUT_BLOCKS]
    if not len(train):
        raise ValueError(f'The corpus has fewer tokens than one "block" ({config.block}). Give more text.')
    print(f"{train.numel()} training tokens, {heldout.numel()} held out, vocabulary {len(tokenizer)}", flush=True)  # noqa: T201

    model = set_up(build_llama(config, tokenizer), compute)
    recompute_layers(model, config)
    optimizer = adamw(model, config, config.learning_rate)
    if state:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        restore_random_state(state["random"])
        print(f"resumed from step {done}", flush=True)  # noqa: T201
    metrics, samples = folder.metrics(done), folder.samples(done)

    for step in stopping.steps(range(done + 1, config.steps + 1)):
        ids = train[batch_at(step, len(train), config.batch_size, seed)].to(compute.device)
        rate = cosine_rate(step, config.steps, config.learning_rate, config.warmup_share, config.final_rate_share)
        set_rate(optimizer, rate)
        value = accumulate(model, ids, config.tokens_per_forward)
        norm = take_step(optimizer, model, config.max_grad_norm, step=step, numbers={"the loss": value})

        last = step == config.steps
        keep = last or step % config.checkpoint_every == 0
        values = {"loss/train": value, "optimizer/gradient_norm": norm, "optimizer/rate": rate}
        if keep:
            check_weights(model, step, "The checkpoint")
            values["loss/heldout"] = heldout_loss(model, heldout, config.tokens_per_forward)
        if keep or step % config.log_every == 0:
            metrics.write(step, config.steps, values)
        if keep:
            samples.write(step, continuations(model, tokenizer, heldout, seed))
        if keep or stopping.asked():
            save_checkpoint(
                folder.checkpoints,
                step,
                {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "random": random_state(),
                    "tokenizer": tokenizer.backend_tokenizer.to_str(),
                },
            )

    processes.leave_to_leader()
    round_for_good(model)
    folder.save_model(model, tokenizer)
    return {
        "loss/heldout": heldout_loss(model, heldout, config.tokens_per_forward) if len(heldout) else None,
        "data/corpus": config.corpus,
        "data/sha256": fingerprint(train_texts, heldout_texts),
        "data/tokens": train.numel(),
        "model/parameters": sum(p.numel() for p in model.parameters()),
        "model/vocabulary": len(tokenizer),
        "steps": config.steps,
    }


def split(documents: list[str], heldout_share: float, seed: int) -> tuple[list[str], list[str]]:
    """Keep a share of the documents for validation, with all that repeats them; at least one stays for training."""
    groups = grouped([read([("user", text)]) for text in documents]).of
    heldout = set(held_out_groups(groups, round(len(documents) * heldout_share), derived(seed, "heldout")))
    train = [text for i, text in enumerate(documents) if i not in heldout]
    return train, [documents[i] for i in sorted(heldout)]


def blocks(tokenizer: PreTrainedTokenizerBase, texts: list[str], block: int) -> torch.Tensor:
    """Rows (N, block) of ``<bos> document <end> <bos> document <end> …``."""
    if not texts:
        return torch.empty(0, block, dtype=torch.long)
    encoded = tokenizer(texts, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return token_blocks(([tokenizer.bos_token_id, *ids, tokenizer.eos_token_id] for ids in encoded), block)


def accumulate(model: PreTrainedModel, ids: torch.Tensor, capacity: int) -> float:
    """Add the gradients of the mean next-token loss of a batch (B, block), ``capacity`` tokens at a time."""
    total = 0.0
    block = ids.shape[1]
    with learning_from(model):
        together = rows_together(block, processes.share_of(capacity, ids.numel(), block))
        for rows in processes.mine(ids.split(together)):
            loss = next_token_loss(model, rows, torch.ones_like(rows, dtype=torch.bool)) * (len(rows) / len(ids))
            loss.backward()
            total += loss.item()
    processes.add_up_gradients(model.parameters())
    return processes.total(total)


@torch.no_grad()
def heldout_loss(model: PreTrainedModel, heldout: torch.Tensor, capacity: int) -> float:
    """Mean next-token loss in nats over the held-out blocks; NaN when there are none."""
    if not len(heldout):
        return float("nan")
    total = 0.0
    for rows in heldout.split(rows_together(heldout.shape[1], capacity)):
        ids = rows.to(model.device)
        total += next_token_loss(model, ids, torch.ones_like(ids, dtype=torch.bool)).item() * len(rows)
    return total / len(heldout)


def continuations(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, heldout: torch.Tensor, seed: int
) -> list[dict[str, Any]]:
    """What the model makes of the beginnings of a few held-out blocks."""
    prompts = [row[:SAMPLE_PROMPT_TOKENS].tolist() for row in heldout[:SAMPLES]]
    seeds = [derived(seed, "sample", row) for row in range(len(prompts))]
    answers = generate(model, tokenizer, prompts, max_new_tokens=SAMPLE_TOKENS, seeds=seeds)
    return [
        {"prompt": tokenizer.decode(prompt), "answer": tokenizer.decode(answer)}
        for prompt, answer in zip(prompts, answers, strict=True)
    ]
