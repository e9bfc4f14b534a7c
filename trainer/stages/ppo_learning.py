"""PPO's second half: the policy and the value model learn from the episodes of an iteration, a minibatch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from trainer.contract.configs import PpoConfig
from trainer.data.batches import rows_together, token_blocks
from trainer.data.corpus import open_corpus
from trainer.loop import processes
from trainer.loop.finite import LIKELY, take_step
from trainer.loop.optimizer import adamw, set_rate
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import generator
from trainer.losses.ppo import approximate_kl, clip_fraction, policy_loss, ratios, value_loss
from trainer.models.activations import learning_from
from trainer.models.adapters import learned_state, learning, load_learned
from trainer.models.backbone import token_logprobs
from trainer.models.value_head import values
from trainer.models.vocabulary import next_token_loss
from trainer.stages.ppo_playing import Episodes, Players, groups_of_rows, rows_of_all

PRETRAIN_BLOCK = 128
"""Tokens per sequence of the pretraining mix."""

LIKELY_WITH_MIX = (
    "Most often the learning rate or “pretrain_coefficient” is too high: start a new run with a lower one."
)


class Learner:
    """The two models that learn, with their optimizers and the policy's moving average.

    Attributes:
        average: of the policy's weights, in the order of its parameters.
        updates: minibatches learned from since the run began.
    """

    def __init__(self, players: Players, config: PpoConfig, seed: int, mix: Tensor | None) -> None:
        self.policy, self.value_model = players.policy, players.value_model
        self.config, self.seed, self.mix = config, seed, mix
        self.policy_optimizer = adamw(self.policy, config, config.learning_rate)
        self.value_optimizer = adamw(self.value_model, config, config.value_learning_rate)
        self.average = [p.detach().clone() for p in learning(self.policy)]
        self.updates = 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {
            "policy": learned_state(self.policy),
            "value": learned_state(self.value_model),
            "policy_optimizer": self.policy_optimizer.state_dict(),
            "value_optimizer": self.value_optimizer.state_dict(),
            "average": self.average,
            "updates": self.updates,
        }

    def restore(self, state: dict[str, Any], device: torch.device) -> None:
        load_learned(self.policy, state["policy"])
        load_learned(self.value_model, state["value"])
        self.policy_optimizer.load_state_dict(state["policy_optimizer"])
        self.value_optimizer.load_state_dict(state["value_optimizer"])
        self.average = [tensor.to(device) for tensor in state["average"]]
        self.updates = state["updates"]

    def set_rates(self, share: float) -> None:
        """Set both learning rates to a share of their peaks."""
        set_rate(self.policy_optimizer, share * self.config.learning_rate)
        set_rate(self.value_optimizer, share * self.config.value_learning_rate)

    def learn(self, episodes: Episodes, advantages: Tensor, returns: Tensor, iteration: int) -> list[dict[str, float]]:
        """Pass ``inner_epochs`` times over the episodes; returns the numbers of each minibatch.

        The first pass takes the minibatches as they were looked back upon, so that the ratio of the very first one is
        exactly 1; later passes draw new ones.

        Args:
            episodes: B answers.
            advantages: (B, T-1) of the policy's choices.
            returns: (B, T-1) that the value model should have predicted.
            iteration: from 1.
        """
        numbers: list[dict[str, float]] = []
        count = len(episodes.ids)
        for epoch in range(self.config.inner_epochs):
            order = torch.arange(count)
            if epoch:
                order = torch.randperm(count, generator=generator(self.seed, "minibatches", iteration, epoch))
            for place, rows in enumerate(order.split(self.config.minibatch_size)):
                draw = generator(self.seed, "pretraining", iteration, epoch, place)
                chosen = rows.sort().values.to(advantages.device)
                numbers.append(self._step(episodes, advantages, returns, chosen, draw, iteration))
                self.updates += 1
                move_average(self.average, learning(self.policy), self.config.ema_decay, self.updates)
        return numbers

    def _step(
        self,
        episodes: Episodes,
        advantages: Tensor,
        returns: Tensor,
        rows: Tensor,
        draw: torch.Generator,
        iteration: int,
    ) -> dict[str, float]:
        """Let both models learn from one minibatch, the given rows of the episodes, in their order."""
        config = self.config
        answered, old_logprobs = episodes.answered[rows], episodes.logprobs[rows]

        with learning_from(self.policy):
            loss, new_logprobs = self._policy_gradient(episodes, advantages, rows)
            policy_norm = norm_of(p.grad for p in self.policy.parameters())
            mixed = add_pretraining(self.policy, self.mix, config, len(rows), draw) if self.mix is not None else {}
        ratio = ratios(new_logprobs, old_logprobs, answered)
        numbers = {
            "loss/policy": loss,
            "kl/update": approximate_kl(new_logprobs, old_logprobs, answered).item(),
            "ppo/clip_fraction": clip_fraction(new_logprobs, old_logprobs, answered, config.clip).item(),
            "ppo/ratio_max": ratio.max().item(),
            "ppo/ratio_off_one": (ratio - 1).abs().max().item(),
            "optimizer/gradient_norm_policy": policy_norm,
            **mixed,
        }
        learned_from = {"the policy's loss": numbers["loss/policy"]}
        if "loss/pretrain" in numbers:
            learned_from |= {
                "the loss of the pretraining mix": numbers["loss/pretrain"],
                "the norm of the pretraining mix's gradient": numbers["optimizer/gradient_norm_pretrain"],
            }
        take_step(
            self.policy_optimizer,
            self.policy,
            config.max_grad_norm,
            step=iteration,
            numbers=learned_from,
            likely=LIKELY if self.mix is None else LIKELY_WITH_MIX,
        )

        with learning_from(self.value_model):
            numbers["loss/value"] = self._value_gradient(episodes, returns, rows)
        numbers["optimizer/gradient_norm_value"] = take_step(
            self.value_optimizer,
            self.value_model,
            config.max_grad_norm,
            step=iteration,
            numbers={"the value model's loss": numbers["loss/value"]},
        )
        return numbers

    def _policy_gradient(self, episodes: Episodes, advantages: Tensor, rows: Tensor) -> tuple[float, Tensor]:
        """Add up the gradients of a minibatch; returns its loss and what the policy says of the tokens now."""
        tokens, total = int(episodes.answered[rows].sum()), 0.0
        said: list[tuple[Tensor, Tensor]] = []
        for part in groups_of_rows(rows, episodes.ids.shape[1], self.config):
            answered = episodes.answered[part]
            logprobs = token_logprobs(
                self.policy, episodes.ids[part], episodes.mask[part], self.config.temperature, answered
            )
            loss = policy_loss(logprobs, episodes.logprobs[part], advantages[part], answered, self.config.clip)
            loss = loss * (int(answered.sum()) / tokens)
            loss.backward()
            total += loss.item()
            said.append((part, logprobs.detach()))
        processes.add_up_gradients(learning(self.policy))
        return processes.total(total), rows_of_all(said, rows.device)

    def _value_gradient(self, episodes: Episodes, returns: Tensor, rows: Tensor) -> float:
        """Add up the gradients of a minibatch; returns its loss."""
        tokens, total = int(episodes.answered[rows].sum()), 0.0
        for part in groups_of_rows(rows, episodes.ids.shape[1], self.config):
            answered = episodes.answered[part]
            predicted = values(self.value_model, episodes.ids[part], episodes.mask[part])
            loss = value_loss(predicted, episodes.values[part], returns[part], answered, self.config.value_clip)
            loss = loss * (int(answered.sum()) / tokens)
            loss.backward()
            total += loss.item()
        processes.add_up_gradients(learning(self.value_model))
        return processes.total(total)


def warmup(iteration: int, iterations: int) -> float:
    """Share of the peak rate: from a tenth at the first iteration to 1 after ``iterations`` (InstructGPT C.4)."""
    return 0.1 + 0.9 * min(1.0, (iteration - 1) / iterations) if iterations else 1.0


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
    parameters = learning(policy)
    gradients = [torch.zeros_like(parameter) for parameter in parameters]
    total, block = 0.0, mix.shape[1]
    capacity = processes.share_of(config.tokens_per_forward, block * len(rows), block)
    for part in processes.mine(rows.split(rows_together(block, capacity))):
        ids = mix[part].to(policy.device)
        loss = next_token_loss(policy, ids, torch.ones_like(ids, dtype=torch.bool)) * (len(part) / len(rows))
        total += loss.item()
        for gradient, more in zip(gradients, torch.autograd.grad(loss, parameters), strict=True):
            gradient.add_(more)
    processes.add_up(gradients)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert parameter.grad is not None
        parameter.grad.add_(gradient, alpha=config.pretrain_coefficient)
    return {
        "loss/pretrain": processes.total(total),
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
