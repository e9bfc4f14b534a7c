"""What a run needs, what it is called and how far it is; pure."""

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from app.language import gettext as _
from app.language import listed, mark
from trainer.contract.configs import READS_SNAPSHOT, PretrainConfig, parents_of
from trainer.contract.folder import Stage
from trainer.contract.forecast import PROBED

STAGES: tuple[Stage, ...] = get_args(Stage)
FINISHED = ("succeeded", "failed", "cancelled")
SAVES: frozenset[Stage] = frozenset({"pretrain", "sft", "sample", "reward", "crossvalidate", "ppo"})
"""Stages that go on where they stopped; the others begin anew."""
SPLITS = ("any", "train", "heldout")
LONGEST_NAME = 120
RANKED = range(4, 10)
"""How many answers a campaign asks people to rank."""
LARGEST_SEED = LARGEST_INTEGER = 2**31 - 1

# Which kinds of model may play a role; the first is the usual one.
KINDS_FOR_ROLE: dict[str, tuple[str, ...]] = {
    "base": ("base", "sft", "policy"),
    "sft": ("sft", "policy", "base"),
    "policy": ("policy", "sft", "base"),
    "reference": ("sft", "base", "policy"),
    "reward": ("reward",),
}

DESCRIPTIONS: dict[Stage, str] = {
    "pretrain": mark("Train a tokenizer and a small language model from nothing on plain text."),
    "sft": mark("Fine-tune a language model on demonstrations."),
    "sample": mark("Let a model answer prompts; the answers join the pool as candidates."),
    "reward": mark("Learn from rankings which answers people prefer."),
    "crossvalidate": mark(
        "Leave each group of labelers out in turn: does a reward model agree with people it never saw?"
    ),
    "score": mark("Score answers with a reward model."),
    "detect": mark(
        "Let a language model read what people wrote: does it look like a machine's writing? Evidence for a person, "
        "no verdict."
    ),
    "ppo": mark("Improve an SFT model against a reward model."),
    "evaluate": mark("Measure a policy against its reference on held-out prompts: KL, reward, length."),
}

LOWER: dict[str, str] = {
    "activation_checkpointing": mark("Turn on activation checkpointing: a third more time, the same weights."),
    "tokens_per_forward": mark("Lower tokens per forward: the same weights, a little slower."),
    "lora_rank": mark("Set a lora rank, such as 16: adapters learn instead of the whole model."),
    "dtype": mark("Choose bfloat16 as dtype."),
    "batch_size": mark("Lower the batch size: fewer answers are drawn together."),
}
"""What to do about a run that needs too much memory, by the setting."""

TIGHT = 0.8
"""Share of the memory above which a run may not fit after all: its longest texts may be still to come."""

PRESETS: dict[str, str] = {
    "tiny-cpu": mark("A tiny model on a CPU"),
    "lora-one-gpu": mark("LoRA for 1–8 B on one GPU"),
    "instructgpt": mark("InstructGPT, Appendix C"),
}
"""What presets are called on pages."""

WORDS = (
    *(mark("queued"), mark("running"), mark("succeeded"), mark("failed"), mark("cancelled")),
    *(mark("base"), mark("sft"), mark("policy"), mark("reference"), mark("reward")),
    *(mark("any"), mark("train"), mark("heldout")),
)
"""How pages name states of runs, kinds and roles of models, and splits."""


def is_trial(purpose: Mapping[str, Any]) -> bool:
    """Whether an order is for a few steps only, to see what the whole run is going to take."""
    return bool(purpose.get("trial"))


def needs_snapshot(stage: Stage) -> bool:
    """Stages that train on one, and those for which the application takes prompts or answers out of one."""
    return stage in READS_SNAPSHOT or stage in ("sample", "score")


def missing_parts(
    stage: Stage, parents: Mapping[str, int], snapshot_id: int | None, *, purpose: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """What a run of this stage still needs, a sentence at each field of the form.

    The ``purpose`` may name a generator that answers in place of a model. That of a score run may bring answers of its
    own, that of a detect run names a campaign's texts.
    """
    purpose = purpose or {}
    missing = {
        f"parent-{role}": _("Choose a %(kind)s model.", kind=_(kind))
        for role, kind in parents_of(stage, generator="generator" in purpose)
        if role not in parents
    }
    if needs_snapshot(stage) and snapshot_id is None and not (stage == "score" and "answers" in purpose):
        missing["snapshot"] = _("Choose a snapshot.")
    if stage == "detect" and "texts" not in purpose:
        missing["texts-campaign"] = _("Choose a campaign whose texts it reads.")
    return missing


def order_problems(stage: Stage, *, name: str, seed: int, purpose: Mapping[str, Any]) -> dict[str, str]:
    """Why a run cannot be named, seeded or given prompts like this, a sentence at each field of the form."""
    prompts = purpose.get("prompts", {})
    split, count = prompts.get("split", "any"), prompts.get("count", 1)
    checks = (
        (
            len(name) <= LONGEST_NAME and name.isprintable(),
            "name",
            _("The name of a run has at most %(number)s characters.", number=LONGEST_NAME),
        ),
        (
            0 <= seed <= LARGEST_SEED,
            "seed",
            _("A seed is a number from 0 to %(most)s, not %(number)s.", most=f"{LARGEST_SEED:,}", number=seed),
        ),
        (
            split in SPLITS,
            "prompts-split",
            _("Prompts are taken from %(splits)s, not from “%(split)s”.", splits=listed(SPLITS, "or"), split=split),
        ),
        (isinstance(count, int) and count >= 1, "prompts-count", _("Ask for at least one prompt.")),
        (
            stage in PROBED or not is_trial(purpose),
            "trial",
            _("A %(stage)s run takes no steps that could be measured beforehand.", stage=stage),
        ),
    )
    return {field: sentence for fine, field, sentence in checks if not fine}


def campaign_order(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The campaign that the answers of a sample run go to, with what the order leaves out."""
    return {
        "name": str(wanted.get("name", "")).strip(),
        "phase": wanted.get("phase", "training"),
        "overlap": int(wanted.get("overlap", 1)),
        "reserved_minutes": int(wanted.get("reserved_minutes", 30)),
    }


def campaign_of_texts(purpose: Mapping[str, Any]) -> int:
    """The campaign whose texts a detect run reads; 0, which is none, where the order names no number."""
    wanted = purpose["texts"].get("campaign") if isinstance(purpose["texts"], Mapping) else None
    return wanted if isinstance(wanted, int) else 0


def corpus_problem(corpus: str, folder: Path) -> str | None:
    """Why the browser may not name this text, or nothing: it knows the built-in text and the imported corpora.

    Any other file of the worker's machine would be learned by heart and could be asked back from the model.
    """
    built_in = PretrainConfig.model_fields["corpus"].default
    if corpus == built_in or Path(corpus).resolve().is_relative_to(folder.resolve()):
        return None
    return _("Use “%(built_in)s” or the path of an imported corpus (Imports lists them).", built_in=built_in)


def next_name(stage: str, taken: Sequence[str]) -> str:
    """``sft-1``, ``sft-2`` …: the stage and the next free number."""
    ours = (re.fullmatch(rf"{stage}-([0-9]{{1,9}})", name) for name in taken)
    numbers = [int(found[1]) for found in ours if found]
    return f"{stage}-{max(numbers, default=0) + 1}"


def chosen_prompts(prompt_ids: Sequence[str], count: int, seed: int) -> list[str]:
    """``count`` of the prompts, drawn by a seed, in their old order; the draw does not depend on that order."""
    ranked = sorted(prompt_ids, key=lambda p: hashlib.sha256(f"{seed}:{p}".encode()).digest())
    kept = set(ranked[:count])
    return [prompt_id for prompt_id in prompt_ids if prompt_id in kept]


def storable(total: int | None) -> int | None:
    """Steps in all as a column can hold them; a run of that many is not going to end either way."""
    return total if total is None else min(total, LARGEST_INTEGER)


def worker_words(name: str, host: str, pid: int) -> str:
    """A worker as pages name it; two of one name are told apart by where they run."""
    return f"{name} ({host}, {pid})"


def worker_gone(heartbeat: datetime | None, now: datetime, lease_seconds: float) -> bool:
    """Whether a run may be taken from its worker.

    The worker and its trainer end the training by themselves when the lease is over; half as long again makes sure
    of it. A run from before there were heartbeats has none.
    """
    return heartbeat is None or (now - heartbeat).total_seconds() > 1.5 * lease_seconds


def seconds_left(step: int, total: int | None, seconds: object) -> float | None:
    """Time to the end at the pace so far, or nothing before there is a pace.

    Args:
        step: steps made.
        total: steps in all.
        seconds: that the trainer worked on these steps, which does not count what a run lay still.
    """
    if not total or step <= 0 or not isinstance(seconds, int | float) or seconds <= 0:
        return None
    return seconds / step * (total - step)


def thinned(points: list[Any], most: int = 600) -> list[Any]:
    """Every n-th point so that a curve has at most ``most`` and keeps its last one."""
    if len(points) <= most:
        return points
    stride = -(-len(points) // most)
    kept = points[::stride]
    return kept if (len(points) - 1) % stride == 0 else [*kept, points[-1]]


def sparkline(values: Sequence[float | None], width: int = 88, height: int = 20) -> str:
    """Points of an SVG polyline that fills ``width`` × ``height``; empty for fewer than two numbers."""
    numbers = [value for value in thinned(list(values), 44) if value is not None]
    if len(numbers) < 2:
        return ""
    low, high = min(numbers), max(numbers)
    span = (high - low) or 1.0
    step = (width - 2) / (len(numbers) - 1)
    return " ".join(
        f"{1 + i * step:.1f},{height - 1 - (v - low) / span * (height - 2):.1f}" for i, v in enumerate(numbers)
    )


def new_seed() -> int:
    return random.SystemRandom().randrange(1, 1_000_000)
