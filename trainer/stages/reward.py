"""Train a reward model on rankings: every answer of a prompt in one batch element, scored once an epoch.

InstructGPT §3.5 and Appendix C.2. A prompt is computed once for all its answers
(``data/packing.py``) and gives the gradients of the C(K, 2) pairs written out.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch

from trainer.contract.configs import RewardConfig, settled
from trainer.contract.folder import DEMONSTRATIONS, RANKINGS
from trainer.contract.heads import HEAD_FLAGS
from trainer.contract.records import Demonstration, Split, read_rows
from trainer.data.batches import shuffled
from trainer.data.chat import Accepts
from trainer.data.conversations import conversations
from trainer.data.packing import Conversation
from trainer.data.rankings import Rankings
from trainer.data.reading import read_rankings
from trainer.loop import processes
from trainer.loop.checkpoint import latest_checkpoint
from trainer.loop.device import prepare
from trainer.loop.finite import check_weights
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import derived, seed_everything
from trainer.losses.preference import pair_counts, tie_value
from trainer.models.adapters import ADAPTER, merge_adapters, save_adapters
from trainer.models.backbone import check_context, load_tokenizer
from trainer.models.precision import round_for_good
from trainer.models.reward_model import centre, label_names, load_reward_model, offsets, reading
from trainer.models.shared_prefix import obstacle
from trainer.stages.reward_fitting import Progress, Trained, fit, new_model, steps_of
from trainer.stages.reward_judging import judge_members
from trainer.stages.reward_scoring import Job, Metrics, tensors_of

WATCHED_PROMPTS = 64
"""Held-out prompts scored ten times during training; all of them are scored at the end."""

CENTRED_ON = 1024
"""Demonstrations (or answers) whose mean score becomes 0."""


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
        member = _kept(kept, job)
        if member is None:
            member = fit(job, train, progress, seed=seed, watched=watched)
            save_adapters(member.model, config, folder.path / (f"{ADAPTER}-{number + 1}" if number else ADAPTER))
            merge_adapters(member.model)
            round_for_good(member.model)
        if config.ensemble > 1 and processes.leads():
            _keep(kept, member)
        members.append(member)
    progress.log.close()
    processes.leave_to_leader()

    centred_on = _centre(job, train, [member.model for member in members])
    folder.save_model(members[0].model, job.tokenizer, _card(members[0].model), [m.model for m in members[1:]])
    judged, split = (heldout, "heldout") if len(heldout) else (train, "train")
    folder.judging, final = judge_members(job, judged, cast("Split", split), members)
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
    compute = prepare(config)
    longest = settled(config.max_tokens)
    seed_everything(folder.spec.seed)
    started = time.monotonic()
    tokenizer = load_tokenizer(folder.parent("sft"))
    splits, met = read_rankings(folder.snapshot / RANKINGS, tokenizer, longest, config.heads)
    for sentence in met:
        folder.note(sentence)
    train, heldout = splits["train"], splits["heldout"]
    seconds = time.monotonic() - started

    counts = data_counts(train, heldout)
    if not counts["data/pairs_used"] + (counts["data/pairs_tied"] if config.ties != "drop" else 0):
        raise ValueError(
            f"The snapshot has {counts['data/rankings']} training rankings and no strict preference among them that a "
            f"model could see in {longest} tokens: there is nothing a reward model could learn."
        )
    _check_heads(train, config)
    for kind, given, known in (
        ("prompt", config.prompt_weights, set(train.prompt_ids)),
        ("labeler", config.labeler_weights, set(train.labelers) - {None}),
    ):
        if unknown := sorted(set(given) - known):
            folder.note(f"{len(unknown)} × a weight is given for a {kind} without training rankings ({_some(unknown)})")
    train = train.weighted(config.prompt_weights, config.labeler_weights)

    model = new_model(folder, config, tokenizer, 0, compute)
    check_context(model, longest, 'The field "max_tokens"')
    why_not = obstacle(model, longest) if config.share_prefixes else None
    if why_not:
        folder.note(f"Prompts are computed again for every answer: {why_not}.")
    job = Job(folder, config, compute, tokenizer, config.share_prefixes and why_not is None)
    metrics: Metrics = {**counts, "time/prepare_seconds": seconds, "data/prefixes_shared": int(job.shared)}
    return job, train, heldout, metrics


def data_counts(train: Rankings, heldout: Rankings) -> dict[str, int]:
    """What the run reads, counted: ties are dropped from the loss, not from the books."""
    counts: dict[str, int] = {}
    for prefix, part in (("data/", train), ("data/heldout_", heldout)):
        orders = part.orders(part.all_rankings)
        strict, tied = pair_counts(*tensors_of(orders))
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
        texts = conversations(chosen, job.tokenizer, job.max_tokens)[0]
    if not texts:
        name = "answers"
        for element in shuffled(len(train), seed, 0):
            texts += train.conversations(element, job.max_tokens)[1]
            if sum(len(talk.answers) for talk in texts) >= CENTRED_ON:
                break
    for model in models:
        with reading(model, shared=job.shared) as reader:
            centre(model, reader.scores(texts, job.config.tokens_per_forward).mean(0).tolist())
    return name


def _watched(heldout: Rankings, seed: int) -> tuple[Rankings, list[int]]:
    return heldout, shuffled(len(heldout), seed, 0)[:WATCHED_PROMPTS]


def last_step(folder: RunFolder) -> int:
    """Steps that an earlier process left in a checkpoint."""
    checkpoint = latest_checkpoint(folder.checkpoints)
    return checkpoint[0] if checkpoint else 0


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
    tie = torch.load(path / "tie.pt", map_location=job.compute.device, weights_only=True)
    return Trained(load_reward_model(path, job.compute), tie)


def _check_heads(train: Rankings, config: RewardConfig) -> None:
    """Refuse a head whose flags say nothing, before anything is computed."""
    orders = train.orders(train.all_rankings)
    for head, ranks in zip(config.heads, orders.head_ranks, strict=True):
        _, present, seen = tensors_of(orders)
        strict, _ = pair_counts(torch.from_numpy(ranks), present, seen)
        if not int(strict.sum()):
            raise ValueError(
                f'The head "{head}" has nothing to learn from: no training ranking has answers that differ in the '
                f'flags it reads ({", ".join(HEAD_FLAGS[head])}). Leave it out of "heads".'
            )


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
