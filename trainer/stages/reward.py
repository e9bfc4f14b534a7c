"""Train a reward model on rankings: every answer of a prompt in one batch element, scored once an epoch.

InstructGPT §3.5 and Appendix C.2.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from trainer.contract.configs import RewardConfig
from trainer.contract.folder import DEMONSTRATIONS, RANKINGS
from trainer.contract.records import Demonstration, Message, Ranking, read_rows
from trainer.data.batches import batch_at, epoch_steps, pad, shuffled
from trainer.data.chat import encode_pair
from trainer.loop.checkpoint import latest_checkpoint, save_checkpoint
from trainer.loop.device import prepare
from trainer.loop.optimizer import adamw, cosine_rate, set_rate
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import generator, seed_everything
from trainer.losses.preference import clustered_interval, pair_accuracy, pair_counts, ranking_losses
from trainer.models.backbone import check_context, load_tokenizer
from trainer.models.reward_model import centre, new_reward_model, offset, scores

MICRO_TOKENS = 16_384
"""Padded tokens per forward: bounds memory, and changes nothing else, for the gradients of a step are summed."""

WATCHED_PROMPTS = 64
"""Held-out prompts scored ten times during training; all of them are scored at the end."""

CENTRED_ON = 1024
"""Demonstrations (or answers) whose mean score becomes 0."""


@dataclass(frozen=True)
class Element:
    """One prompt with its distinct answers and everybody's rankings of them: one batch element.

    Several people may rank the same answers. Scoring an answer once for all of them keeps it
    from being used in several updates, which is what overfits (InstructGPT §3.5).

    Attributes:
        prompt_id: the prompt.
        messages: its conversation.
        texts: the distinct answers.
        rankings: per ranking the places of its answers in ``texts`` and their ranks.
    """

    prompt_id: str
    messages: list[Message]
    texts: list[str]
    rankings: list[tuple[list[int], list[int]]]


def run(folder: RunFolder) -> dict[str, float | int | str | None]:
    """Train on the snapshot's training rankings, measure on the held-out ones, leave ``model/``.

    Raises:
        ValueError: the snapshot has no training ranking with a preference in it, or the loss is
            no longer a number.
    """
    config = cast("RewardConfig", folder.config)
    seed = folder.spec.seed
    device = prepare(config)
    seed_everything(seed)

    train = elements(folder.snapshot / RANKINGS, "train")
    heldout = elements(folder.snapshot / RANKINGS, "heldout")
    counts = data_counts(train, heldout)
    if not counts["data/pairs_used"]:
        raise ValueError(
            f"The snapshot has {counts['data/rankings']} training rankings and no strict preference among them: "
            "there is nothing a reward model could learn."
        )
    watched = [heldout[i] for i in shuffled(len(heldout), seed, 0)[:WATCHED_PROMPTS]]

    tokenizer = load_tokenizer(folder.parent("sft"))
    pad_id = int(tokenizer.pad_token_id)
    model = new_reward_model(folder.parent("sft"), pad_id, generator(seed, "reward head")).to(device)
    check_context(model, config.max_tokens, 'The field "max_tokens"')
    optimizer = adamw(model, config, config.learning_rate)
    done = 0
    if found := latest_checkpoint(folder.checkpoints):
        done, state = found
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    log = folder.metrics(done)

    total = config.epochs * epoch_steps(len(train), config.prompts_per_batch)
    watch_every = max(1, total // 10)
    scored, seconds = 0, 0.0
    for step in range(done + 1, total + 1):
        started = time.monotonic()
        batch = [train[i] for i in batch_at(step, len(train), config.prompts_per_batch, seed)]
        rate = cosine_rate(step, total, config.learning_rate, config.warmup_share, config.final_rate_share)
        set_rate(optimizer, rate)

        loss, correct, strict = 0.0, 0.0, 0
        all_scores: list[Tensor] = []
        rankings = sum(len(element.rankings) for element in batch)
        for cpu_micro in micro_batches(batch, tokenizer, pad_id, config.max_tokens):
            micro = cpu_micro.to(device)
            flat = scores(model, micro.ids, micro.mask)
            rewards = flat[micro.places]
            part = ranking_losses(rewards, micro.ranks, micro.present, config.divisor).sum() / rankings
            part.backward()
            loss += part.item()
            right, pairs = pair_accuracy(rewards.detach(), micro.ranks, micro.present)
            correct, strict = correct + right.sum().item(), strict + int(pairs.sum())
            all_scores.append(flat.detach())
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        if not np.isfinite(loss):
            raise ValueError(f"The loss of step {step} is {loss}. A smaller learning rate usually helps.")
        optimizer.step()
        optimizer.zero_grad()

        flat = torch.cat(all_scores)
        scored, seconds = scored + len(flat), seconds + time.monotonic() - started
        line = {
            "loss/train": loss,
            "reward/train_accuracy": correct / strict if strict else float("nan"),
            "reward/mean": flat.mean().item(),
            "reward/std": flat.std(correction=0).item(),
            "optimizer/rate": rate,
            "optimizer/gradient_norm": norm.item(),
            "time/answers_per_second": scored / seconds,
        }
        if watched and (step % watch_every == 0 or step == total):
            seen = measure(model, watched, tokenizer, config, device, seed)
            line |= {"reward/heldout_accuracy": seen["accuracy"], "loss/heldout": seen["loss"]}
        if step % config.log_every == 0 or step == total or "reward/heldout_accuracy" in line:
            log.write(step, total, line)
        if step % config.checkpoint_every == 0 or step == total:
            save_checkpoint(
                folder.checkpoints, step, {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            )
    log.close()

    centred_on, mean = zero_point(model, folder.snapshot, train, tokenizer, config, device, seed)
    centre(model, mean)
    folder.save_model(model, tokenizer, _card(model))

    final = measure(model, heldout or train, tokenizer, config, device, seed)
    metrics: dict[str, float | int | str | None] = {
        **counts,
        "reward/mean": final["mean"],
        "reward/std": final["std"],
        "reward/centred_on": centred_on,
        "reward/offset": offset(model),
        "time/answers_per_second": scored / seconds if seconds else None,
    }
    if heldout:
        metrics |= {
            "loss/heldout": final["loss"],
            "reward/heldout_accuracy": final["accuracy"],
            "reward/heldout_accuracy_low": final["accuracy_low"],
            "reward/heldout_accuracy_high": final["accuracy_high"],
            "reward/longer_wins": final["longer"],
            "reward/longer_wins_low": final["longer_low"],
            "reward/longer_wins_high": final["longer_high"],
        }
    return metrics


def elements(path: Path, split: str) -> list[Element]:
    """Gather the rankings of one split by prompt, in file order."""
    found: dict[str, Element] = {}
    places: dict[tuple[str, str, str], int] = {}
    for ranking in read_rows(path, Ranking):
        if ranking.split != split:
            continue
        element = found.setdefault(ranking.prompt_id, Element(ranking.prompt_id, ranking.messages, [], []))
        here = []
        for answer in ranking.answers:
            key = (ranking.prompt_id, answer.candidate_id, answer.text)
            if key not in places:
                places[key] = len(element.texts)
                element.texts.append(answer.text)
            here.append(places[key])
        element.rankings.append((here, ranking.ranks))
    return list(found.values())


def data_counts(train: Sequence[Element], heldout: Sequence[Element]) -> dict[str, int]:
    """What the run reads, counted: ties are dropped from the loss, not from the books."""
    counts: dict[str, int] = {}
    for prefix, part in (("data/", train), ("data/heldout_", heldout)):
        pairs = [pair_counts(*_padded_ranks(element)[1:]) for element in part]
        counts |= {
            f"{prefix}prompts": len(part),
            f"{prefix}rankings": sum(len(element.rankings) for element in part),
            f"{prefix}rankings_all_tied": sum(int((strict == 0).sum()) for strict, _ in pairs),
            f"{prefix}answers": sum(len(element.texts) for element in part),
            f"{prefix}pairs_used": sum(int(strict.sum()) for strict, _ in pairs),
            f"{prefix}pairs_tied": sum(int(tied.sum()) for _, tied in pairs),
        }
    # Not 0 when people are held out instead of prompts; then the model has seen these answers.
    seen = {element.prompt_id for element in train}
    counts["data/heldout_prompts_seen"] = sum(element.prompt_id in seen for element in heldout)
    return counts


@dataclass(frozen=True)
class Micro:
    """Some batch elements as tensors: N answers, R rankings of at most K.

    Attributes:
        ids: (N, T) prompt + answer.
        mask: (N, T) bool.
        places: (R, K) row of ``ids`` of each ranked answer; 0 where none is present.
        ranks: (R, K).
        present: (R, K) bool.
        owners: (R,) position of each ranking's element among those that were given.
    """

    ids: Tensor
    mask: Tensor
    places: Tensor
    ranks: Tensor
    present: Tensor
    owners: Tensor

    def to(self, device: torch.device) -> Micro:
        return Micro(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


def micro_batches(batch: Sequence[Element], tokenizer: Any, pad_id: int, max_tokens: int) -> Iterator[Micro]:
    """Encode elements and group those of similar length, at most ``MICRO_TOKENS`` padded tokens together."""
    encoded = []
    for owner, element in enumerate(batch):
        pairs = (encode_pair(tokenizer, element.messages, text, max_tokens) for text in element.texts)
        encoded.append((owner, element, [[*prompt, *answer] for prompt, answer in pairs]))
    encoded.sort(key=lambda item: max(map(len, item[2])))
    group: list[tuple[int, Element, list[list[int]]]] = []
    answers = 0
    for item in encoded:
        # Sorted, so the newcomer is the longest.
        if group and (answers + len(item[2])) * max(map(len, item[2])) > MICRO_TOKENS:
            yield _micro(group, pad_id)
            group, answers = [], 0
        group.append(item)
        answers += len(item[2])
    if group:
        yield _micro(group, pad_id)


def _micro(group: Sequence[tuple[int, Element, list[list[int]]]], pad_id: int) -> Micro:
    ids, mask = pad([row for _, _, rows in group for row in rows], pad_id, "right")
    starts = np.cumsum([0, *(len(rows) for _, _, rows in group)])
    parts = [_padded_ranks(element) for _, element, _ in group]
    width = max(places.shape[1] for places, _, _ in parts)
    wide = [[torch.nn.functional.pad(x, (0, width - x.shape[1])) for x in part] for part in parts]
    return Micro(
        ids,
        mask,
        torch.cat([torch.where(part[2], part[0] + int(start), 0) for part, start in zip(wide, starts, strict=False)]),
        torch.cat([part[1] for part in wide]),
        torch.cat([part[2] for part in wide]),
        torch.cat([torch.full((len(part[0]),), owner) for part, (owner, _, _) in zip(wide, group, strict=True)]),
    )


def _padded_ranks(element: Element) -> tuple[Tensor, Tensor, Tensor]:
    """places, ranks, present of one element's rankings, each (R, K)."""
    places, present = pad([here for here, _ in element.rankings], 0, "right")
    ranks, _ = pad([ranks for _, ranks in element.rankings], 0, "right")
    return places, ranks, present


def measure(
    model: Any,
    part: Sequence[Element],
    tokenizer: Any,
    config: RewardConfig,
    device: torch.device,
    seed: int,
) -> dict[str, float]:
    """Loss, pair accuracy, the accuracy of "the longer answer wins", and the spread of the scores.

    Each accuracy comes with a 95 % interval that draws whole prompts; the length of an answer is
    counted in characters and equal lengths count one half.
    """
    correct, longer, strict = (np.zeros(len(part)) for _ in range(3))
    loss, rankings = 0.0, 0
    collected: list[Tensor] = []
    with torch.no_grad():
        for start in range(0, len(part), 64):
            chunk = part[start : start + 64]
            for micro in micro_batches(chunk, tokenizer, int(tokenizer.pad_token_id), config.max_tokens):
                flat = scores(model, *(x.to(device) for x in (micro.ids, micro.mask))).cpu()
                rewards = flat[micro.places]
                loss += ranking_losses(rewards, micro.ranks, micro.present, config.divisor).sum().item()
                rankings += len(rewards)
                right, pairs = pair_accuracy(rewards, micro.ranks, micro.present)
                owners = start + micro.owners.numpy()
                np.add.at(correct, owners, right.numpy())
                np.add.at(strict, owners, pairs.numpy())
                collected.append(flat)
    for place, element in enumerate(part):
        for here, ranks in element.rankings:
            lengths = torch.tensor([[len(element.texts[i]) for i in here]])
            right, _ = pair_accuracy(lengths, torch.tensor([ranks]), torch.ones(1, len(here), dtype=torch.bool))
            longer[place] += right.item()
    accuracy_low, accuracy_high = clustered_interval(correct, strict, seed)
    longer_low, longer_high = clustered_interval(longer, strict, seed)
    everything = torch.cat(collected)
    pairs_seen = strict.sum()
    return {
        "loss": loss / rankings,
        "accuracy": float(correct.sum() / pairs_seen) if pairs_seen else float("nan"),
        "accuracy_low": accuracy_low,
        "accuracy_high": accuracy_high,
        "longer": float(longer.sum() / pairs_seen) if pairs_seen else float("nan"),
        "longer_low": longer_low,
        "longer_high": longer_high,
        "mean": everything.mean().item(),
        "std": everything.std(correction=0).item(),
    }


def zero_point(
    model: Any,
    snapshot: Path,
    train: Sequence[Element],
    tokenizer: Any,
    config: RewardConfig,
    device: torch.device,
    seed: int,
) -> tuple[str, float]:
    """Mean score of what shall score 0: people's demonstrations, or the ranked answers where there are none."""
    texts: list[tuple[list[Message], str]] = []
    name = "demonstrations"
    if (snapshot / DEMONSTRATIONS).exists():
        texts = [
            (d.messages, d.response) for d in read_rows(snapshot / DEMONSTRATIONS, Demonstration) if d.split == "train"
        ]
    if not texts:
        name = "answers"
        texts = [(element.messages, text) for element in train for text in element.texts]
    chosen = [texts[i] for i in shuffled(len(texts), seed, 0)[:CENTRED_ON]]
    pairs = (encode_pair(tokenizer, messages, text, config.max_tokens) for messages, text in chosen)
    rows = sorted(([*prompt, *answer] for prompt, answer in pairs), key=len)
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(rows), 64):
            ids, mask = pad(rows[start : start + 64], int(tokenizer.pad_token_id), "right")
            total += scores(model, ids.to(device), mask.to(device)).double().sum().item()
    return name, total / len(rows)


def _card(model: Any) -> str:
    return (
        "## Scores\n\nThe score of an answer is this model's single logit at the answer's last token plus "
        f"`prefloop_reward_offset` of `config.json` ({offset(model):.6g}), which makes the mean score of the "
        "people's demonstrations 0. The constant changes no comparison: a plain "
        "`AutoModelForSequenceClassification` orders answers alike."
    )
