"""Improve the supervised policy against the reward model by PPO (InstructGPT §3.5 and Appendix C.4).

The environment is a bandit: a random training prompt, one answer, one score, the end. Details
that papers leave out follow "The N Implementation Details of RLHF with PPO" (NI, N+).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from trainer.contract.configs import PpoConfig
from trainer.contract.folder import PROMPTS
from trainer.contract.records import Prompt, read_rows
from trainer.data.batches import pad, shuffled, token_blocks
from trainer.data.chat import accepted, decode_answer, encode_prompt, finished
from trainer.data.corpus import open_corpus
from trainer.loop import stopping
from trainer.loop.checkpoint import latest_checkpoint, save_checkpoint
from trainer.loop.device import prepare
from trainer.loop.finite import LIKELY, check_said, take_step
from trainer.loop.optimizer import adamw, cosine_rate, set_rate
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import derived, generator, seed_everything
from trainer.losses.advantage import generalized_advantages, shaped_rewards
from trainer.losses.language import next_token_loss
from trainer.losses.masked import masked_mean, whiten
from trainer.losses.ppo import approximate_kl, clip_fraction, policy_loss, ratios, sequence_kl, value_loss
from trainer.models.backbone import (
    agree_on_ends,
    check_context,
    check_one_language,
    generate,
    load_policy,
    load_tokenizer,
    token_logprobs,
)
from trainer.models.reward import Reward, Rewards
from trainer.models.value_head import load_value_model, values

PRETRAIN_BLOCK = 128
"""Tokens per sequence of the pretraining mix."""

PRETRAIN_ROWS = 64
"""Sequences of the mix per forward: bounds memory and changes nothing else."""

LIKELY_WITH_MIX = (
    "Most often the learning rate or “pretrain_coefficient” is too high: start a new run with a lower one."
)

SHOW_EVERY = 10
SHOWN = 4
"""Every so many iterations, so many answers are written to samples.jsonl beside the supervised model's."""


@dataclass(frozen=True)
class Episodes:
    """Answers as they were played. T counts tokens of prompt + answer; entry t of the rest is about token t + 1.

    Attributes:
        ids: (B, T).
        mask: (B, T) bool, what is not padding.
        answered: (B, T-1) bool, choices that the policy made.
        logprobs: (B, T-1) of the policy that played.
        reference: (B, T-1) log-probabilities of the supervised model.
        values: (B, T-1) predicted before each choice.
        scores: (B,) of the reward model, the mean of its members, nothing subtracted.
        granted: (B,) what the policy is paid for: the same, less what ``pessimism`` takes off.
        ended: (B,) bool, the answer closed itself.
    """

    ids: Tensor
    mask: Tensor
    answered: Tensor
    logprobs: Tensor
    reference: Tensor
    values: Tensor
    scores: Tensor
    granted: Tensor
    ended: Tensor


def run(folder: RunFolder) -> dict[str, float | int | str | None]:
    """Play, score and learn for ``iterations``; leave the moving average of the policy in ``model/``.

    Raises:
        ValueError: there is no training prompt, the parents do not share tokenizer and chat template, or an answer
            would not fit the context.
        NotFiniteError: the training explodes.
    """
    config = cast("PpoConfig", folder.config)
    seed = folder.spec.seed
    device = prepare(config)
    seed_everything(seed)

    tokenizer = load_tokenizer(folder.parent("sft"))
    check_one_language(tokenizer, load_tokenizer(folder.parent("reward")), "The policy and the reward model")
    prompts, rows = training_prompts(folder, tokenizer, config.max_prompt_tokens)

    policy = load_policy(folder.parent("sft")).to(device)
    reference = load_policy(folder.parent("sft")).to(device).requires_grad_(False)
    value_model = load_value_model(folder.parent("reward")).to(device)
    reward = Reward.load(folder.parent("reward"), device)
    for model in (policy, value_model):
        check_context(model, config.max_prompt_tokens + config.max_new_tokens, '"max_prompt_tokens" + "max_new_tokens"')
    if config.max_new_tokens >= reward.max_tokens:
        folder.note(
            f"Answers of up to {config.max_new_tokens} tokens are asked for, and the reward model was trained to read "
            f"{reward.max_tokens} with the prompt: it does not see the end of long ones."
        )
    if config.pessimism and len(reward.members) == 1:
        folder.note("“pessimism” changes nothing: the reward model is a single one, not an ensemble.")
    mix = pretraining_blocks(folder, config, tokenizer, policy) if config.pretrain_coefficient else None

    policy_optimizer = adamw(policy, config, config.learning_rate)
    value_optimizer = adamw(value_model, config, config.value_learning_rate)
    average = [p.detach().clone() for p in policy.parameters()]
    updates, done = 0, 0
    history: list[dict[str, float]] = []
    if found := latest_checkpoint(folder.checkpoints):
        done, state = found
        policy.load_state_dict(state["policy"])
        value_model.load_state_dict(state["value"])
        policy_optimizer.load_state_dict(state["policy_optimizer"])
        value_optimizer.load_state_dict(state["value_optimizer"])
        average = [tensor.to(device) for tensor in state["average"]]
        updates, history = state["updates"], state["history"]
    log, samples = folder.metrics(done), folder.samples(done)

    for iteration in stopping.steps(range(done + 1, config.iterations + 1)):
        started = time.monotonic()
        share = warmup(iteration, config.warmup_iterations)
        decay = cosine_rate(iteration, config.iterations, 1.0, config.warmup_share, config.final_rate_share)
        set_rate(policy_optimizer, share * decay * config.learning_rate)
        set_rate(value_optimizer, share * decay * config.value_learning_rate)

        # Play: the current policy answers the next prompts.
        chosen = prompts_at(iteration, len(prompts), config.batch_size, seed)
        asked = [prompts[i] for i in chosen]
        answers = generate(
            policy,
            tokenizer,
            asked,
            max_new_tokens=config.max_new_tokens,
            seeds=[derived(seed, "rollout", iteration, row) for row in range(len(asked))],
            temperature=config.temperature,
        )
        played = time.monotonic()

        # Score: the reward model reads the texts as people do, the others every token that the policy chose.
        said = [decode_answer(tokenizer, answer) for answer in answers]
        judged = reward(
            [(rows[i].messages, text) for i, text in zip(chosen, said, strict=True)],
            config.minibatch_size * reward.max_tokens,
        )
        episodes = look_back(asked, answers, judged, tokenizer, policy, reference, value_model, config, device)
        kl = sequence_kl(episodes.logprobs, episodes.reference, episodes.answered)
        missing = config.missing_eos_penalty * (~episodes.ended).float()
        rewards = shaped_rewards(
            episodes.granted - missing,
            episodes.logprobs,
            episodes.reference,
            episodes.answered,
            config.kl_coefficient,
        )
        earned = rewards.sum(1)
        if config.whiten_rewards:
            # The mean stays: a shifted reward would pay for long or for short answers.
            rewards = whiten(rewards, episodes.answered, shift_mean=False)
        advantages, returns = generalized_advantages(
            rewards, episodes.values, episodes.answered, config.discount, config.gae_lambda
        )
        advantages = whiten(advantages, episodes.answered)
        scored = time.monotonic()

        # Learn: the first pass takes the minibatches as they were looked back upon, so that the
        # ratio of the very first one is exactly 1; later passes draw new ones.
        seen: list[dict[str, float]] = []
        for epoch in range(config.inner_epochs):
            order = torch.arange(len(asked))
            if epoch:
                order = torch.randperm(len(asked), generator=generator(seed, "minibatches", iteration, epoch))
            for place, cpu_rows in enumerate(order.split(config.minibatch_size)):
                part = cpu_rows.to(device)
                ids, mask, answered = episodes.ids[part], episodes.mask[part], episodes.answered[part]
                old = episodes.logprobs[part]

                logprobs = token_logprobs(policy, ids, mask, config.temperature)
                loss = policy_loss(logprobs, old, advantages[part], answered, config.clip)
                loss.backward()
                now = logprobs.detach()
                ratio = ratios(now, old, answered)
                numbers = {
                    "loss/policy": loss.item(),
                    "kl/update": approximate_kl(now, old, answered).item(),
                    "ppo/clip_fraction": clip_fraction(now, old, answered, config.clip).item(),
                    "ppo/ratio_max": ratio.max().item(),
                    "ppo/ratio_off_one": (ratio - 1).abs().max().item(),
                    "optimizer/gradient_norm_policy": norm_of(p.grad for p in policy.parameters()),
                }
                if mix is not None:
                    draw = generator(seed, "pretraining", iteration, epoch, place)
                    numbers |= add_pretraining(policy, mix, config, len(part), draw)
                learned_from = {"the policy's loss": numbers["loss/policy"]}
                if "loss/pretrain" in numbers:
                    learned_from |= {
                        "the loss of the pretraining mix": numbers["loss/pretrain"],
                        "the norm of the pretraining mix's gradient": numbers["optimizer/gradient_norm_pretrain"],
                    }
                take_step(
                    policy_optimizer,
                    policy,
                    config.max_grad_norm,
                    step=iteration,
                    numbers=learned_from,
                    likely=LIKELY if mix is None else LIKELY_WITH_MIX,
                )

                predicted = values(value_model, ids, mask)
                regret = value_loss(predicted, episodes.values[part], returns[part], answered, config.value_clip)
                regret.backward()
                numbers["loss/value"] = regret.item()
                numbers["optimizer/gradient_norm_value"] = take_step(
                    value_optimizer,
                    value_model,
                    config.max_grad_norm,
                    step=iteration,
                    numbers={"the value model's loss": numbers["loss/value"]},
                )

                updates += 1
                move_average(average, policy.parameters(), config.ema_decay, updates)
                seen.append(numbers)
        learned = time.monotonic()

        lengths = episodes.answered.sum(1).float()
        line = {
            "reward/score_mean": episodes.scores.mean().item(),
            "reward/score_std": episodes.scores.std(correction=0).item(),
            **({"reward/deviation": float(judged.deviation.mean())} if len(reward.members) > 1 else {}),
            "reward/with_penalty": earned.mean().item(),
            "kl/sequence": kl.mean().item(),
            "kl/per_token": (kl.sum() / lengths.sum()).item(),
            # The policy's own tokens surprise it by its entropy on average.
            "ppo/entropy": -masked_mean(episodes.logprobs, episodes.answered).item(),
            "ppo/value_mean": masked_mean(episodes.values, episodes.answered).item(),
            "ppo/first_ratio_off_one": seen[0]["ppo/ratio_off_one"],
            "answer/length": lengths.mean().item(),
            "answer/finished": episodes.ended.float().mean().item(),
            **summary(seen),
            "optimizer/rate": share * decay * config.learning_rate,
            "time/rollout": played - started,
            "time/scoring": scored - played,
            "time/update": learned - scored,
        }
        history.append({name: line[name] for name in ("reward/score_mean", "kl/sequence", "answer/length")})
        if iteration % config.log_every == 0 or iteration == config.iterations:
            log.write(iteration, config.iterations, line)
        if iteration % SHOW_EVERY == 0 or iteration in (1, config.iterations):
            shown = [rows[i].messages[-1].content for i in chosen[:SHOWN]]
            samples.write(iteration, show(shown, asked, said, episodes, kl, reference, tokenizer, config, seed))
        if iteration % config.checkpoint_every == 0 or iteration == config.iterations or stopping.asked():
            state = {
                "policy": policy.state_dict(),
                "value": value_model.state_dict(),
                "policy_optimizer": policy_optimizer.state_dict(),
                "value_optimizer": value_optimizer.state_dict(),
                "average": average,
                "updates": updates,
                "history": history,
            }
            save_checkpoint(folder.checkpoints, iteration, state)
    log.close()
    samples.close()

    with torch.no_grad():
        for parameter, mean in zip(policy.parameters(), average, strict=True):
            parameter.copy_(mean)
    agree_on_ends(policy, tokenizer)
    folder.save_model(policy, tokenizer, _card(config))

    last = history[-10:]
    return {
        "data/prompts": len(prompts),
        "data/episodes": config.iterations * config.batch_size,
        "reward/score_start": history[0]["reward/score_mean"],
        "reward/score_end": sum(h["reward/score_mean"] for h in last) / len(last),
        "kl/sequence_start": history[0]["kl/sequence"],
        "kl/sequence_end": sum(h["kl/sequence"] for h in last) / len(last),
        "answer/length_end": sum(h["answer/length"] for h in last) / len(last),
    }


def training_prompts(folder: RunFolder, tokenizer: Any, max_tokens: int) -> tuple[list[list[int]], list[Prompt]]:
    """Every training prompt, as token ids and as it stands; held-out prompts are never even encoded.

    Raises:
        ValueError: there is none.
    """
    rows = [row for row in read_rows(folder.snapshot / PROMPTS, Prompt) if row.split == "train"]
    if not rows:
        raise ValueError("The snapshot has no prompt of the training split, so there is nothing to answer.")
    rows = accepted(tokenizer, rows, folder.note)
    ids = [encode_prompt(tokenizer, row.messages, max_tokens) for row in rows]
    return ids, rows


def prompts_at(iteration: int, n: int, batch_size: int, seed: int) -> list[int]:
    """The prompts of an iteration (from 1): all prompts once, in a new order each time round.

    Args:
        iteration: from 1.
        n: prompts there are; may be fewer than ``batch_size``.
        batch_size: prompts wanted.
        seed: of the orders.
    """
    first = (iteration - 1) * batch_size
    orders = {epoch: shuffled(n, seed, epoch) for epoch in range(first // n, (first + batch_size - 1) // n + 1)}
    return [orders[place // n][place % n] for place in range(first, first + batch_size)]


def warmup(iteration: int, iterations: int) -> float:
    """Share of the peak rate: from a tenth at the first iteration to 1 after ``iterations`` (InstructGPT C.4)."""
    return 0.1 + 0.9 * min(1.0, (iteration - 1) / iterations) if iterations else 1.0


@torch.no_grad()
def look_back(
    prompts: Sequence[list[int]],
    answers: Sequence[list[int]],
    judged: Rewards,
    tokenizer: Any,
    policy: Any,
    reference: Any,
    value_model: Any,
    config: PpoConfig,
    device: torch.device,
) -> Episodes:
    """Ask policy, reference and value model about the answers just played and judged.

    The policy is asked again, not quoted from the rollout, and in the same groups of rows in
    which it will learn: sums in another order differ in the last bit, and then neither the first
    KL would be exactly 0 nor the first ratio exactly 1.
    """
    whole = [[*prompt, *answer] for prompt, answer in zip(prompts, answers, strict=True)]
    ids, mask = (tensor.to(device) for tensor in pad(whole, int(tokenizer.pad_token_id), "right"))
    starts = torch.tensor([len(prompt) for prompt in prompts], device=device)
    places = torch.arange(1, ids.shape[1], device=device)
    answered = mask[:, 1:] & (places >= starts.unsqueeze(1))
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for part, here in zip(ids.split(config.minibatch_size), mask.split(config.minibatch_size), strict=True):
        found.append(
            (
                token_logprobs(policy, part, here, config.temperature),
                token_logprobs(reference, part, here, config.temperature),
                values(value_model, part, here),
            )
        )
    logprobs, reference_logprobs, value = (torch.cat(tensors) for tensors in zip(*found, strict=True))
    check_said(
        {
            "The policy": logprobs,
            "The SFT model": reference_logprobs,
            "The value model": torch.where(answered, value, 0.0),
        }
    )
    ended = torch.tensor([finished(tokenizer, answer) for answer in answers], device=device)
    scores, granted = (
        torch.tensor(numbers, dtype=value.dtype, device=device)
        for numbers in (judged.mean[:, 0], judged.pessimistic(config.pessimism))
    )
    return Episodes(ids, mask, answered, logprobs, reference_logprobs, value, scores, granted, ended)


def pretraining_blocks(folder: RunFolder, config: PpoConfig, tokenizer: Any, policy: Any) -> Tensor:
    """The text of the pretraining mix as (N, block) token ids.

    Raises:
        ValueError: the corpus is shorter than one block.
    """
    block = min(PRETRAIN_BLOCK, getattr(policy.config, "max_position_embeddings", PRETRAIN_BLOCK))
    # Laid out as in pretraining: <bos> document <end>; special tokens spelled in the text stay text.
    texts = open_corpus(config.corpus, folder.opened)
    documents = tokenizer(texts, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    blocks = token_blocks(([*start, *document, tokenizer.eos_token_id] for document in documents), block)
    if not len(blocks):
        raise ValueError(f'The text of "corpus" ({config.corpus}) has fewer than {block} tokens.')
    return blocks


def add_pretraining(
    policy: Any, mix: Tensor, config: PpoConfig, episodes: int, draw: torch.Generator
) -> dict[str, float]:
    """Add γ times the gradient of the mean token loss on pretraining text to the policy's gradients.

    InstructGPT C.4 prints γ = 27.8 for a convention of sums and means that it does not print;
    here the loss is a mean over tokens, so the fitting γ is another. The norms of both
    gradients are logged for choosing it.

    Args:
        policy: holds the PPO gradients already.
        mix: (N, block).
        config: γ and the sequences per episode.
        episodes: of this minibatch.
        draw: picks the sequences.
    """
    rows = torch.randint(len(mix), (episodes * config.pretrain_per_episode,), generator=draw)
    if not len(rows):
        return {}
    parameters = [p for p in policy.parameters() if p.requires_grad]
    gradients: list[Tensor] | None = None
    total = 0.0
    for part in rows.split(PRETRAIN_ROWS):
        ids = mix[part].to(policy.device)
        logits = policy(input_ids=ids, use_cache=False).logits
        loss = next_token_loss(logits, ids, torch.ones_like(ids, dtype=torch.bool)) * (len(part) / len(rows))
        total += loss.item()
        more = torch.autograd.grad(loss, parameters)
        gradients = list(more) if gradients is None else [a + b for a, b in zip(gradients, more, strict=True)]
    assert gradients is not None
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert parameter.grad is not None
        parameter.grad.add_(gradient, alpha=config.pretrain_coefficient)
    return {
        "loss/pretrain": total,
        "optimizer/gradient_norm_pretrain": config.pretrain_coefficient * norm_of(gradients),
    }


def norm_of(gradients: Iterable[Tensor | None]) -> float:
    """Euclidean norm of all gradients together."""
    return nn.utils.get_total_norm([g for g in gradients if g is not None]).item()


@torch.no_grad()
def move_average(average: list[Tensor], parameters: Iterable[nn.Parameter], decay: float, updates: int) -> None:
    """Move the average one step towards the weights (InstructGPT C.4: decay 0.992).

    A fixed decay would leave a run of a hundred updates near its start, so the average
    begins short and lengthens: min(decay, (1 + n)/(10 + n)) after n updates, which is the decay
    itself from the 1,115th on at 0.992.
    """
    pull = 1 - min(decay, (1 + updates) / (10 + updates))
    for mean, parameter in zip(average, parameters, strict=True):
        mean.lerp_(parameter, pull)


def summary(seen: Sequence[dict[str, float]]) -> dict[str, float]:
    """The minibatches of an iteration in one line: means, except that a maximum stays one."""
    result = {}
    for name in seen[0]:
        numbers = [numbers[name] for numbers in seen]
        worst = name in {"ppo/ratio_max", "ppo/ratio_off_one"}
        result[name] = max(numbers) if worst else sum(numbers) / len(numbers)
    return result


def show(
    texts: Sequence[str],
    prompts: Sequence[list[int]],
    said: Sequence[str],
    episodes: Episodes,
    kl: Tensor,
    reference: Any,
    tokenizer: Any,
    config: PpoConfig,
    seed: int,
) -> list[dict[str, Any]]:
    """Some answers beside what the supervised model says to the same prompt, for people to read."""
    plain = generate(
        reference,
        tokenizer,
        prompts[: len(texts)],
        max_new_tokens=config.max_new_tokens,
        seeds=[derived(seed, "shown", row) for row in range(len(texts))],
        temperature=config.temperature,
    )
    return [
        {
            "prompt": text,
            "answer": said[row],
            "sft_answer": decode_answer(tokenizer, plain[row]),
            "score": episodes.scores[row].item(),
            "finished": bool(episodes.ended[row]),
            "kl": kl[row].item(),
        }
        for row, text in enumerate(texts)
    ]


def _card(config: PpoConfig) -> str:
    return (
        "## Weights\n\nThese are the exponential moving average of the policy's weights "
        f"(decay {config.ema_decay}), trained with a KL penalty of {config.kl_coefficient} per token "
        "against the supervised model and scored by the reward model named above."
    )
