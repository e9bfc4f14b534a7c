"""Train a reward model on rankings: every answer of a prompt in one batch element, scored once an epoch.

InstructGPT §3.5 and Appendix C.2. A prompt is computed once for all its answers
(``data/packing.py``) and gives the gradients of the C(K, 2) pairs written out.
"""

from __future__ import annotations

import shutil
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
from trainer.contract.heads import HEAD_FLAGS
from trainer.contract.judging import Judging, Probe
from trainer.contract.records import Demonstration, Ranking, Split, read_rows
from trainer.data.batches import batch_at, epoch_steps, shuffled
from trainer.data.chat import Accepts, encode_answer
from trainer.data.conversations import conversations
from trainer.data.packing import Conversation, forwards
from trainer.data.rankings import Orders, Rankings, read_rankings
from trainer.judging.judge import flat, judge
from trainer.judging.probes import EditedAnswer, edited_answers, probe_shares
from trainer.judging.scored import ScoredRankings
from trainer.loop import stopping
from trainer.loop.checkpoint import latest_checkpoint, save_checkpoint
from trainer.loop.device import prepare
from trainer.loop.finite import check_said, check_weights, take_step
from trainer.loop.metrics import MetricsLog
from trainer.loop.optimizer import adamw, cosine_rate, set_rate
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import derived, generator, seed_everything
from trainer.losses.preference import (
    likert_margins,
    new_tie_parameter,
    pair_accuracy,
    pair_counts,
    ranking_losses,
    strength_margins,
    tie_value,
)
from trainer.models.backbone import check_context, load_tokenizer
from trainer.models.reward_model import (
    Reader,
    centre,
    label_names,
    load_reward_model,
    new_reward_model,
    offsets,
    reading,
)
from trainer.models.shared_prefix import obstacle

Metrics = dict[str, float | int | str | None]

WATCHED_PROMPTS = 64
"""Held-out prompts scored ten times during training; all of them are scored at the end."""

CENTRED_ON = 1024
"""Demonstrations (or answers) whose mean score becomes 0."""

PROBED_PROMPTS = 256
"""Prompts whose answers are edited to see whether the model notices."""

TIE_RATE = 0.1
"""Peak learning rate of the tie parameter: one number that may have to move by one or two within an epoch."""


@dataclass(frozen=True)
class Job:
    """What every training of a run shares.

    Attributes:
        folder: the run's.
        config: its configuration.
        device: where tensors live.
        tokenizer: of the SFT model.
        shared: whether prompts are computed once for all their answers.
    """

    folder: RunFolder
    config: RewardConfig
    device: torch.device
    tokenizer: Any
    shared: bool


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


def run(folder: RunFolder) -> Metrics:
    """Train on the snapshot's training rankings, measure on the held-out ones, leave ``model/``.

    Raises:
        ValueError: the snapshot has no training ranking with a preference in it.
        NotFiniteError: the training explodes.
    """
    config = cast("RewardConfig", folder.config)
    job, train, heldout, metrics = open_job(folder, config)
    total = steps_of(train, config)
    progress = Progress(folder.metrics(last_step(folder)), total * config.ensemble)
    watched = _watched(heldout, folder.spec.seed)
    members = []
    for number in range(config.ensemble):
        progress.before = number * total
        seed = folder.spec.seed if number == 0 else derived(folder.spec.seed, "member", number)
        kept = folder.checkpoints / f"member-{number + 1}"
        member = _kept(kept, job) or fit(job, train, progress, seed=seed, watched=watched)
        if config.ensemble > 1:
            _keep(kept, member)
        members.append(member)
    progress.log.close()

    centred_on = _centre(job, train, [member.model for member in members])
    folder.save_model(members[0].model, job.tokenizer, _card(members[0].model), [m.model for m in members[1:]])
    judged, split = (heldout, "heldout") if len(heldout) else (train, "train")
    folder.judging, final = _judge(job, judged, cast("Split", split), members)
    first = members[0]
    metrics |= final | progress.metrics()
    metrics |= {"reward/centred_on": centred_on, "reward/offset": offsets(first.model)[0]}
    if first.tie is not None:
        metrics["reward/tie_parameter"] = tie_value(config.ties, first.tie)
    return metrics


def open_job(folder: RunFolder, config: RewardConfig) -> tuple[Job, Rankings, Rankings, Metrics]:
    """Read the data, look at the model, and say what is unusual about either.

    Returns:
        The job, the training and the held-out rankings, and what was counted.

    Raises:
        ValueError: there is nothing to learn from.
    """
    device = prepare(config)
    seed_everything(folder.spec.seed)
    started = time.monotonic()
    tokenizer = load_tokenizer(folder.parent("sft"))
    splits, found = read_rankings(folder.snapshot / RANKINGS, tokenizer, config.max_tokens, config.heads)
    for sentence in found:
        folder.note(sentence)
    train, heldout = splits["train"], splits["heldout"]
    seconds = time.monotonic() - started

    counts = data_counts(train, heldout)
    if not counts["data/pairs_used"] + (counts["data/pairs_tied"] if config.ties != "drop" else 0):
        raise ValueError(
            f"The snapshot has {counts['data/rankings']} training rankings and no strict preference among them that a "
            f"model could see in {config.max_tokens} tokens: there is nothing a reward model could learn."
        )
    _check_heads(train, config)
    for kind, given, known in (
        ("prompt", config.prompt_weights, set(train.prompt_ids)),
        ("labeler", config.labeler_weights, set(train.labelers) - {None}),
    ):
        if unknown := sorted(set(given) - known):
            folder.note(f"{len(unknown)} × a weight is given for a {kind} without training rankings ({_some(unknown)})")
    train = train.weighted(config.prompt_weights, config.labeler_weights)

    model = _new_model(folder, config, tokenizer, 0)
    check_context(model, config.max_tokens, 'The field "max_tokens"')
    why_not = obstacle(model, config.max_tokens) if config.share_prefixes else None
    if why_not:
        folder.note(f"Prompts are computed again for every answer: {why_not}.")
    job = Job(folder, config, device, tokenizer, config.share_prefixes and why_not is None)
    metrics: Metrics = {**counts, "time/prepare_seconds": seconds, "data/prefixes_shared": int(job.shared)}
    return job, train, heldout, metrics


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
    model = _new_model(folder, config, job.tokenizer, seed).to(job.device)
    tie = new_tie_parameter(config.ties, _tied_share(train))
    if tie is not None:
        tie = torch.nn.Parameter(tie.detach().to(job.device))
    optimizer = adamw(model, config, config.learning_rate)
    if tie is not None:
        optimizer.add_param_group({"params": [tie], "weight_decay": 0.0, "lr": TIE_RATE})
    done = progress.before
    found = latest_checkpoint(folder.checkpoints)
    if found and progress.before < found[0] <= last:
        done, state = found
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        if tie is not None:
            tie.data.copy_(state["tie"])

    watch_every = max(1, total // 10)
    with reading(model, shared=job.shared) as reader:
        for at in stopping.steps(range(done + 1, last + 1)):
            step = at - progress.before
            started = time.monotonic()
            batch = batch_at(step, len(train), config.prompts_per_batch, seed)
            share = cosine_rate(step, total, 1.0, config.warmup_share, config.final_rate_share)
            set_rate(optimizer, share * config.learning_rate)
            if tie is not None:
                optimizer.param_groups[-1]["lr"] = share * TIE_RATE
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
                state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
                save_checkpoint(folder.checkpoints, at, state | {"tie": None if tie is None else tie.detach()})
    return Trained(model, tie)


def _step(
    job: Job, reader: Reader, train: Rankings, batch: Sequence[int], tie: Tensor | None, progress: Progress
) -> dict[str, float]:
    """Add up the gradients of one batch of prompts; returns the numbers of its line in the log."""
    rankings = sum(len(train.rankings_of[element]) for element in batch)
    loss, correct, strict = 0.0, 0.0, 0
    collected: list[Tensor] = []
    for elements in forwards_of(job, train, batch):
        answers, talks = _conversations(train, elements, job.config.max_tokens)
        scores = reader(talks)
        orders = train.orders(np.concatenate([train.rankings_of[element] for element in elements]))
        part = losses(scores, rows_of(orders, answers), orders, job.config, tie)
        weights = torch.as_tensor(orders.weights, dtype=part.dtype, device=part.device)
        weighted = (weights * part).sum() / rankings
        weighted.backward()
        loss += weighted.item()
        overall = scores.detach()[:, 0].cpu()
        right, pairs = pair_accuracy(overall[rows_of(orders, answers)], *_tensors(orders))
        correct, strict = correct + right.sum().item(), strict + int(pairs.sum())
        collected.append(overall)
        progress.tokens += reader.cost(talks)
    seen = torch.cat(collected)
    progress.scored += len(seen)
    return {
        "loss/train": loss,
        "reward/train_accuracy": correct / strict if strict else float("nan"),
        "reward/mean": seen.mean().item(),
        "reward/std": seen.std(correction=0).item(),
    }


def losses(scores: Tensor, rows: np.ndarray, orders: Orders, config: RewardConfig, tie: Tensor | None = None) -> Tensor:
    """Loss of each ranking, before its weight.

    The further heads learn their own orders by the plain loss with ties dropped; together they
    weigh as much as the overall one.

    Args:
        scores: (N, 1 + H).
        rows: (R, K) row of ``scores`` of each ranked answer.
        orders: R rankings.
        config: says what the loss is.
        tie: the tie parameter, where the loss has one.

    Returns:
        (R,).
    """
    device = scores.device
    ranked = scores[torch.as_tensor(rows, device=device)]
    ranks, present, seen = (tensor.to(device) for tensor in _tensors(orders))
    margins = None
    if config.margin == "likert":
        likert = torch.as_tensor(orders.likert, dtype=scores.dtype, device=device)
        margins = likert_margins(likert, ranks, present, config.margin_scale)
    elif config.margin == "strength":
        strength = torch.as_tensor(orders.strength, dtype=scores.dtype, device=device)
        margins = strength_margins(strength, ranks, present, config.margin_scale)
    found = ranking_losses(
        ranked[..., 0],
        ranks,
        present,
        config.divisor,
        seen=seen,
        ties=config.ties,
        tie_parameter=tie,
        margins=margins,
        label_smoothing=config.label_smoothing,
    )
    for number, head in enumerate(orders.head_ranks, start=1):
        wanted = torch.as_tensor(head, device=device)
        own = ranking_losses(ranked[..., number], wanted, present, config.divisor, seen=seen)
        found = found + own / len(orders.head_ranks)
    return found


def _tensors(orders: Orders) -> tuple[Tensor, Tensor, Tensor]:
    """Ranks, present and seen (R, K), as the losses take them."""
    return torch.from_numpy(orders.ranks), torch.from_numpy(orders.present), torch.from_numpy(orders.seen)


def forwards_of(job: Job, data: Rankings, elements: Sequence[int]) -> Iterator[list[int]]:
    """Divide prompts among forwards of at most ``tokens_per_forward`` tokens."""
    sizes = [data.size(element) for element in elements]
    for places in forwards(sizes, job.config.tokens_per_forward, shared=job.shared):
        yield [elements[place] for place in places]


def rows_of(orders: Orders, answers: np.ndarray) -> np.ndarray:
    """(R, K) places in ``answers`` of the ranked answers; 0 where none is present.

    Args:
        orders: R rankings.
        answers: (N,) numbers of the answers that were scored.
    """
    sorted_places = np.argsort(answers)
    found = np.searchsorted(answers, orders.answers, sorter=sorted_places)
    return np.where(orders.present, sorted_places[np.where(orders.present, found, 0)], 0)


@torch.no_grad()
def score_answers(job: Job, reader: Reader, data: Rankings, elements: Sequence[int]) -> np.ndarray:
    """Score every answer of some prompts.

    Returns:
        (A, 1 + H) float64 by number of the answer; NaN for answers of other prompts.

    Raises:
        NotFiniteError: a score is no number.
    """
    found = np.full((len(data.answer_spans), len(label_names(reader.model))), np.nan)
    for some in forwards_of(job, data, elements):
        answers, talks = _conversations(data, some, job.config.max_tokens)
        said = reader(talks).double().cpu().numpy()
        check_said({"The reward model": said})
        found[answers] = said
    return found


def data_counts(train: Rankings, heldout: Rankings) -> dict[str, int]:
    """What the run reads, counted: ties are dropped from the loss, not from the books."""
    counts: dict[str, int] = {}
    for prefix, part in (("data/", train), ("data/heldout_", heldout)):
        orders = part.orders(part.all_rankings)
        strict, tied = pair_counts(*_tensors(orders))
        answers = torch.from_numpy(orders.present.sum(1))
        counts |= {
            f"{prefix}prompts": len(part),
            f"{prefix}rankings": len(strict),
            f"{prefix}rankings_all_tied": int(((strict == 0) & (tied > 0)).sum()),
            f"{prefix}answers": sum(map(len, part.answers_of)),
            f"{prefix}pairs_used": int(strict.sum()),
            f"{prefix}pairs_tied": int(tied.sum()),
            # Answers that are the same to a model, by text or after the cut.
            f"{prefix}pairs_same": int((answers * (answers - 1) // 2 - strict - tied).sum()),
        }
    # Not 0 when people are held out instead of prompts; then the model has seen these answers.
    counts["data/heldout_prompts_seen"] = len(set(train.prompt_ids) & set(heldout.prompt_ids))
    return counts


def scored(data: Rankings, members: Sequence[np.ndarray], heads: Sequence[str]) -> ScoredRankings:
    """Join rankings with what one or several models say of their answers.

    Args:
        data: the rankings.
        members: per model (A, 1 + H) scores.
        heads: H names.
    """
    numbers = data.all_rankings
    orders = data.orders(numbers)
    owners = data.owners[numbers]
    mean = np.mean(members, axis=0)
    return ScoredRankings(
        rewards=mean[orders.answers, 0],
        ranks=orders.ranks,
        present=orders.present,
        prompts=owners,
        labelers=[data.labelers[i] for i in numbers],
        groups=[data.groups[i] for i in numbers],
        use_cases=[data.use_cases[i] for i in numbers],
        likert=orders.likert,
        shown=orders.shown,
        strength=orders.strength,
        lengths=data.answer_lengths[orders.answers],
        answers=orders.answers,
        seen=orders.seen,
        sources=data.answer_sources,
        members=np.stack([scores[orders.answers, 0] for scores in members]) if len(members) > 1 else None,
        heads={
            name: (mean[orders.answers, place], orders.head_ranks[place - 1], orders.present)
            for place, name in enumerate(heads, start=1)
        },
    )


def _judge(job: Job, data: Rankings, split: Split, members: Sequence[Trained]) -> tuple[Judging, Metrics]:
    """Measure a model or an ensemble on one split; returns the figures and their headline numbers."""
    seed = job.folder.spec.seed
    damaged = _damaged(job, data, split)
    talks = [each.conversation for each in damaged]
    found, probed = [], []
    for member in members:
        with reading(member.model, shared=job.shared) as reader:
            found.append(score_answers(job, reader, data, range(len(data))))
            probed.append(reader.scores(talks, job.config.tokens_per_forward)[:, 0])
    probes = _probes(damaged, np.mean(probed, axis=0), seed)
    judging = judge(scored(data, found, job.config.heads), split=split, seed=seed, probes=probes)
    mean = np.mean(found, axis=0)
    known = mean[~np.isnan(mean[:, 0]), 0]
    numbers: Metrics = {**flat(judging), "reward/mean": float(known.mean()), "reward/std": float(known.std())}
    if split == "heldout":
        orders = data.orders(data.all_rankings)
        part = losses(torch.from_numpy(mean), orders.answers, orders, job.config, _on_cpu(members[0].tie))
        numbers["loss/heldout"] = part.mean().item()
    return judging, numbers


@dataclass(frozen=True)
class Damaged:
    """An answer and damaged copies of it, below their prompt.

    Attributes:
        element: number of the prompt.
        names: kinds of damage.
        conversation: the prompt with the original first and then its copies.
    """

    element: int
    names: list[str]
    conversation: Conversation


def _damaged(job: Job, data: Rankings, split: Split) -> list[Damaged]:
    """Damage the answers that people ranked best, of some prompts."""
    seed, longest = job.folder.spec.seed, job.config.max_tokens
    element_of = {data.prompt_ids[element]: element for element in shuffled(len(data), seed, 1)[:PROBED_PROMPTS]}
    texts: dict[int, str] = {}
    for row in read_rows(job.folder.snapshot / RANKINGS, Ranking, lambda _row, _why: None):
        if row.split == split and row.prompt_id in element_of:
            texts.setdefault(element_of[row.prompt_id], row.answers[row.ranks.index(min(row.ranks))].text)
    elements = sorted(texts)
    edits: dict[int, list[EditedAnswer]] = {}
    for edit in edited_answers([[texts[element]] for element in elements], seed, PROBED_PROMPTS):
        edits.setdefault(elements[edit.place[0]], []).append(edit)
    found = []
    for element, some in edits.items():
        answers = [
            encode_answer(job.tokenizer, text)[: longest - 1] for text in (texts[element], *(e.text for e in some))
        ]
        # All see the same of the prompt: only the damage may make the difference.
        prompt = data.tokens[slice(*data.prompt_spans[element])].tolist()[-(longest - max(map(len, answers))) :]
        found.append(Damaged(element, [edit.name for edit in some], Conversation(prompt, answers)))
    return found


def _probes(damaged: Sequence[Damaged], scores: np.ndarray, seed: int) -> list[Probe]:
    """How often originals score higher than their copies, by kind of damage.

    Args:
        damaged: originals with their copies.
        scores: of all of them, in order.
        seed: of the intervals.
    """
    originals: list[float] = []
    copies: list[float] = []
    start = 0
    for each in damaged:
        originals += [scores[start]] * len(each.names)
        copies += scores[start + 1 : start + 1 + len(each.names)].tolist()
        start += 1 + len(each.names)
    names = [name for each in damaged for name in each.names]
    clusters = [each.element for each in damaged for _ in each.names]
    return probe_shares(np.array(originals), np.array(copies), names, np.array(clusters), seed)


def _watch(job: Job, reader: Reader, data: Rankings, elements: list[int], tie: Tensor | None) -> dict[str, float]:
    """Accuracy and loss on the watched prompts."""
    scores = torch.from_numpy(score_answers(job, reader, data, elements))
    orders = data.orders(np.concatenate([data.rankings_of[element] for element in elements]))
    part = losses(scores, orders.answers, orders, job.config, _on_cpu(tie))
    right, pairs = pair_accuracy(scores[orders.answers, 0], *_tensors(orders))
    strict = int(pairs.sum())
    return {
        "loss/heldout": part.mean().item(),
        "reward/heldout_accuracy": right.sum().item() / strict if strict else float("nan"),
    }


def _centre(job: Job, train: Rankings, models: Sequence[Any]) -> str:
    """Let people's demonstrations, or the training answers where there are none, score 0 on average.

    Returns:
        Which of the two it was.
    """
    seed = job.folder.spec.seed
    texts: list[Conversation] = []
    name = "demonstrations"
    if (job.folder.snapshot / DEMONSTRATIONS).exists():
        written = [d for d in read_rows(job.folder.snapshot / DEMONSTRATIONS, Demonstration) if d.split == "train"]
        accepts = Accepts(job.tokenizer)
        rows = [(d.messages, d.response) for d in written if accepts(d)]
        chosen = [rows[place] for place in shuffled(len(rows), seed, 0)[:CENTRED_ON]]
        texts = conversations(chosen, job.tokenizer, job.config.max_tokens)[0]
    if not texts:
        name = "answers"
        for element in shuffled(len(train), seed, 0):
            texts += train.conversations(element, job.config.max_tokens)[1]
            if sum(len(talk.answers) for talk in texts) >= CENTRED_ON:
                break
    for model in models:
        with reading(model, shared=job.shared) as reader:
            centre(model, reader.scores(texts, job.config.tokens_per_forward).mean(0).tolist())
    return name


def _conversations(data: Rankings, elements: Sequence[int], max_tokens: int) -> tuple[np.ndarray, list[Conversation]]:
    answers: list[int] = []
    talks: list[Conversation] = []
    for element in elements:
        numbers, some = data.conversations(element, max_tokens)
        answers += numbers
        talks += some
    return np.array(answers), talks


def _new_model(folder: RunFolder, config: RewardConfig, tokenizer: Any, seed: int) -> Any:
    head = generator(seed, "reward head")
    return new_reward_model(folder.parent("sft"), int(tokenizer.pad_token_id), head, config.heads, config.max_tokens)


def _watched(heldout: Rankings, seed: int) -> tuple[Rankings, list[int]]:
    return heldout, shuffled(len(heldout), seed, 0)[:WATCHED_PROMPTS]


def last_step(folder: RunFolder) -> int:
    """Steps that an earlier process left in a checkpoint."""
    found = latest_checkpoint(folder.checkpoints)
    return found[0] if found else 0


def _keep(path: Path, member: Trained) -> None:
    """Keep a finished member of an ensemble while the others are trained, all or nothing."""
    if path.exists():
        return
    check_weights(member.model, None, "A member of the ensemble")
    partial = path.with_name(path.name + ".saving")
    shutil.rmtree(partial, ignore_errors=True)
    member.model.save_pretrained(partial)
    torch.save(member.tie, partial / "tie.pt")
    partial.rename(path)


def _kept(path: Path, job: Job) -> Trained | None:
    if not path.exists():
        return None
    tie = torch.load(path / "tie.pt", map_location=job.device, weights_only=True)
    return Trained(load_reward_model(path).to(job.device), tie)


def _check_heads(train: Rankings, config: RewardConfig) -> None:
    """Refuse a head whose flags say nothing, before anything is computed."""
    orders = train.orders(train.all_rankings)
    for head, ranks in zip(config.heads, orders.head_ranks, strict=True):
        _, present, seen = _tensors(orders)
        strict, _ = pair_counts(torch.from_numpy(ranks), present, seen)
        if not int(strict.sum()):
            raise ValueError(
                f'The head "{head}" has nothing to learn from: no training ranking has answers that differ in the '
                f'flags it reads ({", ".join(HEAD_FLAGS[head])}). Leave it out of "heads".'
            )


def _tied_share(train: Rankings) -> float:
    orders = train.orders(train.all_rankings)
    strict, tied = pair_counts(*_tensors(orders))
    return int(tied.sum()) / max(1, int((strict + tied).sum()))


def _on_cpu(tie: Tensor | None) -> Tensor | None:
    return None if tie is None else tie.detach().cpu()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _card(model: Any) -> str:
    names, constants = label_names(model), offsets(model)
    table = "\n".join(f"- `{name}`: {constant:.6g}" for name, constant in zip(names, constants, strict=True))
    return (
        "## Scores\n\nThe score of an answer is this model's logit at the answer's last token plus the constant of "
        "`prefloop_reward_offset` in `config.json`, which makes the mean score of the people's demonstrations 0. The "
        "first label is the reward, learned from rankings. The constants change no comparison: a plain "
        f"`AutoModelForSequenceClassification` orders answers alike.\n\n{table}"
    )
