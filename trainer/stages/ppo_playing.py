"""PPO's first half: prompts are drawn and answered, and every model is asked about the answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainer.contract.configs import PpoConfig
from trainer.contract.folder import PROMPTS
from trainer.contract.records import Prompt, read_rows
from trainer.data.batches import pad, rows_together, shuffled
from trainer.data.chat import accepted, decode_answer, encode_prompt, finished
from trainer.data.conversations import Pair
from trainer.loop import processes
from trainer.loop.finite import check_said
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import derived
from trainer.models.adapters import without_adapters
from trainer.models.backbone import generate, token_logprobs
from trainer.models.reward import Reward, Rewards
from trainer.models.value_head import values


@dataclass(frozen=True)
class Players:
    """The models of a run; every process has them all.

    Attributes:
        tokenizer: of all of them.
        policy: learns.
        frozen: the supervised model that it began as; None where that is the policy without its adapters.
        value_model: predicts what the policy will be paid; learns.
        reward: the reward model; never changes. Where adapters learn, its body is that of the value model.
    """

    tokenizer: Any
    policy: Any
    frozen: Any | None
    value_model: Any
    reward: Reward

    @property
    def device(self) -> torch.device:
        """Where all of them are."""
        found: torch.device = self.policy.device
        return found

    def judge(self, pairs: Sequence[Pair], capacity: int) -> Rewards:
        """What the reward model says of answers, ``capacity`` tokens at a time."""
        with without_adapters(self.value_model):
            return self.reward(pairs, capacity)

    @contextmanager
    def reference(self) -> Iterator[Any]:
        """The supervised model that the policy began as, which never changes."""
        if self.frozen is not None:
            yield self.frozen
            return
        with without_adapters(self.policy):
            yield self.policy


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


def play(players: Players, config: PpoConfig, seed: int, iteration: int, prompts: list[list[int]]) -> list[list[int]]:
    """What the policy answers to some prompts, as token ids; each process answers its part."""
    rows = processes.mine(range(len(prompts)))
    answers = generate(
        players.policy,
        players.tokenizer,
        [prompts[row] for row in rows],
        max_new_tokens=config.max_new_tokens,
        seeds=[derived(seed, "rollout", iteration, row) for row in rows],
        temperature=config.temperature,
    )
    every = (pair for part in processes.collected(list(zip(rows, answers, strict=True))) for pair in part)
    return [answer for _row, answer in sorted(every)]


def rows_of_all(parts: Sequence[tuple[Tensor, Tensor]], device: torch.device) -> Tensor:
    """What all processes say of their rows, in the order of the rows.

    Args:
        parts: (n,) rows of this process, and (…, n, T) what it says of them.
        device: where the result shall be.

    Returns:
        (…, N, T), N rows of all processes.
    """
    if processes.size() > 1:
        own = [(rows.cpu(), said.cpu()) for rows, said in parts]
        parts = [part for of_one in processes.collected(own) for part in of_one]
    order = torch.cat([rows for rows, _said in parts]).argsort()
    return torch.cat([said for _rows, said in parts], dim=-2).index_select(-2, order).to(device)


def groups_of_rows(rows: Tensor, length: int, config: PpoConfig) -> Iterator[Tensor]:
    """Rows that this process computes together: of one minibatch, and no more tokens than ``tokens_per_forward``.

    Args:
        rows: (N,) of the episodes, in the order in which minibatches take them.
        length: tokens of each, padding included.
        config: of the run.
    """
    for minibatch in rows.split(config.minibatch_size):
        capacity = processes.share_of(config.tokens_per_forward, length * len(minibatch), length)
        yield from processes.mine(minibatch.split(rows_together(length, capacity)))


@torch.no_grad()
def look_back(
    players: Players,
    config: PpoConfig,
    prompts: Sequence[list[int]],
    answers: Sequence[list[int]],
    judged: Rewards,
) -> Episodes:
    """Ask policy, reference and value model about the answers just played and judged.

    The policy is asked again, not quoted from the rollout, and in the same groups of rows in
    which it will learn: sums in another order differ in the last bit, and then neither the first
    KL would be exactly 0 nor the first ratio exactly 1.
    """
    device, tokenizer = players.device, players.tokenizer
    whole = [[*prompt, *answer] for prompt, answer in zip(prompts, answers, strict=True)]
    ids, mask = (tensor.to(device) for tensor in pad(whole, int(tokenizer.pad_token_id), "right"))
    starts = torch.tensor([len(prompt) for prompt in prompts], device=device)
    places = torch.arange(1, ids.shape[1], device=device)
    answered = mask[:, 1:] & (places >= starts.unsqueeze(1))
    said: list[tuple[Tensor, Tensor]] = []
    for rows in groups_of_rows(torch.arange(len(ids), device=device), ids.shape[1], config):
        asked = (ids[rows], mask[rows], config.temperature, answered[rows])
        with players.reference() as reference:
            expected = token_logprobs(reference, *asked)
        chosen, predicted = token_logprobs(players.policy, *asked), values(players.value_model, ids[rows], mask[rows])
        said.append((rows, torch.stack([chosen, expected, predicted])))
    logprobs, reference_logprobs, predicted = rows_of_all(said, device).unbind()
    check_said(
        {
            "The policy": logprobs,
            "The SFT model": reference_logprobs,
            "The value model": torch.where(answered, predicted, 0.0),
        }
    )
    ended = torch.tensor([finished(tokenizer, answer) for answer in answers], device=device)
    scores, granted = (
        torch.tensor(numbers, dtype=predicted.dtype, device=device)
        for numbers in (judged.mean[:, 0], judged.pessimistic(config.pessimism))
    )
    return Episodes(ids, mask, answered, logprobs, reference_logprobs, predicted, scores, granted, ended)


def show(
    players: Players,
    config: PpoConfig,
    seed: int,
    episodes: Episodes,
    kl: Tensor,
    texts: Sequence[str],
    prompts: Sequence[list[int]],
    answers: Sequence[str],
) -> list[dict[str, Any]]:
    """Some answers beside what the supervised model says to the same prompt, for people to read.

    Args:
        players: whose answers these are.
        config: how they are drawn.
        seed: of the run.
        episodes: of the iteration.
        kl: (B,) of each answer to the supervised model.
        texts: what the first prompts ask; so many are shown.
        prompts: of the iteration, as token ids.
        answers: to them, as text.
    """
    with players.reference() as reference:
        supervised = generate(
            reference,
            players.tokenizer,
            prompts[: len(texts)],
            max_new_tokens=config.max_new_tokens,
            seeds=[derived(seed, "shown", row) for row in range(len(texts))],
            temperature=config.temperature,
        )
    return [
        {
            "prompt": text,
            "answer": answers[row],
            "sft_answer": decode_answer(players.tokenizer, supervised[row]),
            "score": episodes.scores[row].item(),
            "finished": bool(episodes.ended[row]),
            "kl": kl[row].item(),
        }
        for row, text in enumerate(texts)
    ]
