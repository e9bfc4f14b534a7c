"""What a run needs and how a form turns into its configuration; pure."""

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from trainer.contract.configs import CONFIGS, PARENTS, READS_SNAPSHOT, PretrainConfig, StageConfig
from trainer.contract.folder import Stage

STAGES: tuple[Stage, ...] = get_args(Stage)
FINISHED = ("succeeded", "failed", "cancelled")
SPLITS = ("any", "train", "heldout")
LONGEST_NAME = 120
LARGEST_SEED = 2**31 - 1

# Which kinds of model may play a role; the first is the usual one.
KINDS_FOR_ROLE: dict[str, tuple[str, ...]] = {
    "base": ("base", "sft", "policy"),
    "sft": ("sft", "policy", "base"),
    "policy": ("policy", "sft", "base"),
    "reference": ("sft", "base", "policy"),
    "reward": ("reward",),
}

# What an engineer looks at first; everything else stands under "more settings".
FIRST_FIELDS: dict[Stage, tuple[str, ...]] = {
    "pretrain": ("steps", "learning_rate", "hidden_size", "layers", "vocabulary_size", "corpus"),
    "sft": ("epochs", "learning_rate", "batch_size"),
    "sample": ("answers_per_prompt", "temperature", "top_p", "max_new_tokens"),
    "reward": ("epochs", "learning_rate", "prompts_per_batch"),
    "crossvalidate": ("folds", "seeds", "epochs", "learning_rate"),
    "score": ("tokens_per_forward",),
    "ppo": ("iterations", "learning_rate", "kl_coefficient", "batch_size", "pretrain_coefficient"),
    "evaluate": ("prompts", "temperature", "max_new_tokens"),
}

DESCRIPTIONS: dict[Stage, str] = {
    "pretrain": "Train a tokenizer and a small language model from nothing on plain text.",
    "sft": "Fine-tune a language model on demonstrations.",
    "sample": "Let a model answer prompts; the answers join the pool as candidates.",
    "reward": "Learn from rankings which answers people prefer.",
    "crossvalidate": "Train reward models with each group of labelers left out: do they agree with people they never saw?",
    "score": "Score answers with a reward model.",
    "ppo": "Improve an SFT model against a reward model.",
    "evaluate": "Measure a policy against its reference on held-out prompts: KL, reward, length.",
}


@dataclass(frozen=True)
class Field:
    """One setting as a form shows it."""

    name: str
    label: str
    hint: str
    value: str
    kind: Literal["number", "text", "choice", "switch"]
    choices: tuple[str, ...] = ()


def form_fields(stage: Stage, given: Mapping[str, Any]) -> tuple[list[Field], list[Field]]:
    """The settings of a stage for its form: those looked at first, and the rest."""
    fields = [_field(name, info, given.get(name)) for name, info in CONFIGS[stage].model_fields.items()]
    first = [field for name in FIRST_FIELDS[stage] for field in fields if field.name == name]
    return first, [field for field in fields if field not in first]


def _field(name: str, info: FieldInfo, given: Any) -> Field:
    value = given if given is not None else info.default
    shown = "" if value is None else str(value)
    label, hint = name.replace("_", " "), info.description or ""
    if get_origin(info.annotation) is Literal:
        return Field(name, label, hint, shown, "choice", tuple(str(c) for c in get_args(info.annotation)))
    if info.annotation is bool:
        return Field(name, label, hint, shown, "switch", ("True", "False"))
    return Field(name, label, hint, shown, "text" if info.annotation is str else "number")


def read_config(stage: Stage, given: Mapping[str, Any]) -> tuple[StageConfig | None, dict[str, str]]:
    """Validate settings as they came from a form or a file; empty values mean the default.

    Returns:
        The configuration, or nothing and a sentence for each field that is wrong.
    """
    filled = {name: value for name, value in given.items() if value not in ("", None)}
    try:
        return CONFIGS[stage].model_validate(filled), {}
    except ValidationError as error:
        return None, {".".join(str(p) for p in e["loc"]) or stage: e["msg"] for e in error.errors()}


def needs_snapshot(stage: Stage) -> bool:
    """Stages that train on one, and those for which the application takes prompts or answers out of one."""
    return stage in READS_SNAPSHOT or stage in ("sample", "score")


def missing_parts(
    stage: Stage, parents: Mapping[str, int], snapshot_id: int | None, *, brings_answers: bool = False
) -> list[str]:
    """What a run of this stage still needs, in words; a score run may bring answers of its own."""
    missing = [f"a {kind} model as “{role}”" for role, kind in PARENTS[stage] if role not in parents]
    if needs_snapshot(stage) and snapshot_id is None and not (stage == "score" and brings_answers):
        missing.append("a snapshot")
    return missing


def order_problem(*, name: str, seed: int, prompts: Mapping[str, Any]) -> str | None:
    """Why a run cannot be named, seeded or given prompts like this, or nothing."""
    split, count = prompts.get("split", "any"), prompts.get("count", 1)
    checks = (
        (len(name) <= LONGEST_NAME and name.isprintable(), f"The name of a run has at most {LONGEST_NAME} characters."),
        (0 <= seed <= LARGEST_SEED, f"A seed is a number from 0 to {LARGEST_SEED:,}, not {seed}."),
        (split in SPLITS, f"Prompts are taken from {', '.join(SPLITS)}, not from “{split}”."),
        (isinstance(count, int) and count >= 1, "Ask for at least one prompt."),
    )
    return next((sentence for fine, sentence in checks if not fine), None)


def campaign_order(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The campaign that the answers of a sample run go to, with what the order leaves out."""
    return {
        "name": str(wanted.get("name", "")).strip(),
        "phase": wanted.get("phase", "training"),
        "overlap": int(wanted.get("overlap", 1)),
        "lease_minutes": int(wanted.get("lease_minutes", 30)),
    }


def corpus_problem(corpus: str, folder: Path) -> str | None:
    """Why the browser may not name this text, or nothing: it knows the built-in text and the imported corpora.

    Any other file of the worker's machine would be learned by heart and could be asked back from the model.
    """
    built_in = PretrainConfig.model_fields["corpus"].default
    if corpus == built_in or Path(corpus).resolve().is_relative_to(folder.resolve()):
        return None
    return f"Use “{built_in}” or the path of an imported corpus (Imports lists them)."


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


def seconds_left(step: int, total: int | None, seconds: float) -> float | None:
    """Time to the end at the pace so far, or nothing before there is a pace."""
    if not total or step <= 0 or seconds <= 0:
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
