"""Measure a policy on held-out prompts against the model it started from: KL, reward, length, demonstration loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from trainer.contract.configs import EvaluateConfig, settled
from trainer.contract.folder import DEMONSTRATIONS, PROMPTS
from trainer.contract.records import Demonstration, Prompt, read_rows
from trainer.data.batches import by_length, pad, positions, shuffled
from trainer.data.chat import Accepts, accepted, decode_answer, encode_pair, encode_prompt, finished
from trainer.loop.device import prepare
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import derived
from trainer.models.backbone import (
    check_context,
    check_one_language,
    generate,
    load_policy,
    load_tokenizer,
    token_logprobs,
)
from trainer.models.reward import Reward
from trainer.models.vocabulary import next_token_loss


@dataclass(frozen=True)
class Answers:
    """What one model answered: token ids (end token included), text, and the reward of each (float64)."""

    ids: list[list[int]]
    texts: list[str]
    rewards: torch.Tensor


def run(folder: RunFolder) -> dict[str, float | int | str | None]:
    """Answer the same held-out prompts with both models; return the manifest's metrics.

    ``…_se`` is the standard error of the mean over prompts.

    Raises:
        ValueError: the snapshot holds no held-out prompt, or policy and reference differ in vocabulary or template.
    """
    config, seed = folder.config, folder.spec.seed
    assert isinstance(config, EvaluateConfig)
    if folder.spec.generator is not None:
        from trainer.stages import endpoint

        return endpoint.evaluate(folder, folder.spec.generator)
    compute = prepare(config)
    tokenizer = load_tokenizer(folder.parent("policy"))
    policy = load_policy(folder.parent("policy"), compute)
    reference = load_policy(folder.parent("reference"), compute)
    reward = Reward.load(folder.parent("reward"), compute)
    check_one_language(tokenizer, load_tokenizer(folder.parent("reference")), "The policy and its reference")
    prompt_tokens = settled(config.max_prompt_tokens)
    longest = prompt_tokens + config.max_new_tokens
    for model in (policy, reference):
        check_context(model, longest, 'Fields "max_prompt_tokens" and "max_new_tokens" together')
    prompts = heldout_prompts(folder, config, seed)
    for each in (tokenizer, reward.tokenizer):
        prompts = accepted(each, prompts, folder.note)
    encoded = [encode_prompt(tokenizer, prompt.messages, prompt_tokens) for prompt in prompts]
    print(f"{len(prompts)} held-out prompts", flush=True)  # noqa: T201

    def answer(model: PreTrainedModel, name: str) -> Answers:
        ids: list[list[int]] = []
        for start in range(0, len(prompts), config.batch_size):
            part = slice(start, start + config.batch_size)
            seeds = [derived(seed, "evaluate", name, prompt.prompt_id) for prompt in prompts[part]]
            ids += generate(
                model,
                tokenizer,
                encoded[part],
                max_new_tokens=config.max_new_tokens,
                seeds=seeds,
                temperature=config.temperature,
            )
        texts = [decode_answer(tokenizer, row) for row in ids]
        said = reward(
            [(prompt.messages, text) for prompt, text in zip(prompts, texts, strict=True)],
            config.tokens_per_forward,
        )
        return Answers(ids, texts, torch.from_numpy(said.mean[:, 0]))

    ours, theirs = answer(policy, "policy"), answer(reference, "reference")
    sequence_kl = divergence(policy, reference, tokenizer, prompts=encoded, answers=ours.ids, config=config)
    tokens = torch.tensor([len(ids) for ids in ours.ids], dtype=torch.float64)
    metrics: dict[str, float | int | str | None] = {
        "data/prompts": len(prompts),
        **mean_and_error("kl/sequence", sequence_kl),
        "kl/token": (sequence_kl.sum() / tokens.sum()).item(),
        **mean_and_error("reward/policy", ours.rewards),
        **mean_and_error("reward/reference", theirs.rewards),
        # The same prompts on both sides: the paired difference is the sharper measure.
        **mean_and_error("reward/gain", ours.rewards - theirs.rewards),
    }
    for name, answers in (("policy", ours), ("reference", theirs)):
        lengths = torch.tensor([len(ids) for ids in answers.ids], dtype=torch.float64)
        ended = torch.tensor([finished(tokenizer, ids) for ids in answers.ids], dtype=torch.float64)
        metrics |= mean_and_error(f"length/{name}", lengths) | mean_and_error(f"finished/{name}", ended)
    accepts = Accepts(tokenizer)
    rows = (row for row in read_rows(folder.snapshot / DEMONSTRATIONS, Demonstration) if row.split == "heldout")
    demonstrations = [row for row in rows if accepts(row)]
    for sentence in accepts.findings.sentences():
        folder.note(sentence)
    if demonstrations:
        written = [encode_pair(tokenizer, row.messages, row.response, longest) for row in demonstrations]
        metrics["loss/demonstrations_policy"] = demonstration_loss(
            policy, tokenizer, written, config.tokens_per_forward
        )
        metrics["loss/demonstrations_reference"] = demonstration_loss(
            reference, tokenizer, written, config.tokens_per_forward
        )

    folder.metrics().write(1, 1, {name: value for name, value in metrics.items() if isinstance(value, float | int)})
    folder.samples().write(1, table(prompts, ours, theirs, sequence_kl))
    return metrics


def heldout_prompts(folder: RunFolder, config: EvaluateConfig, seed: int) -> list[Prompt]:
    """A seeded choice of the snapshot's held-out prompts."""
    found = [prompt for prompt in read_rows(folder.snapshot / PROMPTS, Prompt) if prompt.split == "heldout"]
    if not found:
        raise ValueError("The snapshot has no held-out prompts to evaluate on. Hold some out before freezing it.")
    return [found[i] for i in shuffled(len(found), seed, epoch=0)[: config.prompts]]


@torch.no_grad()
def divergence(
    policy: PreTrainedModel,
    reference: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    prompts: list[list[int]],
    answers: list[list[int]],
    config: EvaluateConfig,
) -> torch.Tensor:
    """One-sample estimate per prompt of KL(policy ‖ reference) over whole answers, in nats (N,), float64.

    log π(y|x) - log π_ref(y|x) for y drawn from the policy: unbiased, single values may be
    negative (Stiennon et al. 2020, §3.4).
    """
    found = torch.empty(len(prompts), dtype=torch.float64)
    whole = [prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]
    for places in by_length([len(row) for row in whole], config.tokens_per_forward):
        padded = pad([whole[place] for place in places], tokenizer.pad_token_id, "right")
        ids, mask = (tensor.to(policy.device) for tensor in padded)
        lengths = torch.tensor([len(prompts[place]) for place in places], device=ids.device)
        counted = (mask & (positions(mask) >= lengths[:, None]))[:, 1:]
        said = token_logprobs(policy, ids, mask, config.temperature, counted)
        ratio = said - token_logprobs(reference, ids, mask, config.temperature, counted)
        found[places] = ratio.double().sum(dim=1).cpu()
    return found


@torch.no_grad()
def demonstration_loss(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: list[tuple[list[int], list[int]]],
    capacity: int,
) -> float:
    """Mean loss in nats per answer token on what people wrote."""
    total, tokens = 0.0, 0
    for places in by_length([len(prompt) + len(answer) for prompt, answer in pairs], capacity):
        part = [pairs[place] for place in places]
        ids, mask = pad([prompt + answer for prompt, answer in part], tokenizer.pad_token_id, "right")
        lengths = torch.tensor([len(prompt) for prompt, _ in part])
        counted = mask & (positions(mask) >= lengths[:, None])
        count = int(counted.sum())
        total += next_token_loss(model, ids.to(model.device), counted.to(model.device)).item() * count
        tokens += count
    return total / tokens


def mean_and_error(name: str, values: torch.Tensor) -> dict[str, float | int | str | None]:
    """Mean over prompts and its standard error s/√n; no error can be told from a single value."""
    n = len(values)
    error = values.std().item() / math.sqrt(n) if n > 1 else None
    return {name: values.mean().item(), f"{name}_se": error}


def table(prompts: list[Prompt], ours: Answers, theirs: Answers, kl: torch.Tensor) -> list[dict[str, Any]]:
    """Both answers to each prompt, to read side by side."""
    return [
        {
            "prompt": prompt.messages[-1].content,
            "answer": ours.texts[i],
            "reference": theirs.texts[i],
            "reward": ours.rewards[i].item(),
            "reward_reference": theirs.rewards[i].item(),
            "kl": kl[i].item(),
        }
        for i, prompt in enumerate(prompts)
    ]
