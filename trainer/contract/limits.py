"""What a configuration asks for that cannot be: against itself, its parents, its snapshot, or the machine.

One door for the form, the command line and the trainer. Estimates of memory count only what is certain to be
needed, so that nothing is refused that would have run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from pydantic import ValidationError

from trainer.contract import refused
from trainer.contract.configs import (
    CONFIGS,
    CrossValidateConfig,
    DetectConfig,
    EvaluateConfig,
    PpoConfig,
    PretrainConfig,
    RewardConfig,
    SampleConfig,
    ScoreConfig,
    SftConfig,
    StageConfig,
    TunedConfig,
)
from trainer.contract.folder import Stage
from trainer.contract.weights import parameters_of

GIGABYTE = 1e9
FLOAT, NUMBER = 4, 8
TRAINED = 4
"""A model that learns is held four times: weights, gradients, and two moments of Adam."""

THREADS = "At most %(cores)s threads: there are no more CPU cores."
MEMORY = "This needs at least %(needed)s GB of memory, and the machine has %(memory)s GB."
BLOCK = "A block of %(block)s tokens does not fit into a context of %(context)s."
HEADS = "A hidden size of %(hidden)s cannot be divided among %(heads)s heads: it must be a multiple of %(twice)s."
MICRO = "%(micro)s demonstrations per forward are more than the %(batch)s of a step."
MINIBATCH = "A minibatch of %(mini)s episodes is larger than a batch of %(batch)s."
MARGIN = "A likelihood of ties (%(ties)s) knows no margin. Drop the ties, count them as half a win, or set no margin."
TOO_LONG = "Prompt and answer have up to %(tokens)s tokens, but the model “%(role)s” reads at most %(longest)s."
FOLDS = "Labelers in this snapshot: %(people)s. Each of %(folds)s groups that are left out in turn needs one."
GROUPS = "Labeler groups in this snapshot: %(groups)s. Leaving one out takes at least two."
TEXTS = (THREADS, MEMORY, BLOCK, HEADS, MICRO, MINIBATCH, MARGIN, TOO_LONG, FOLDS, GROUPS)
"""Every sentence, for those who translate them."""


@dataclass(frozen=True)
class Problem:
    """A sentence and the fields it stands at.

    Attributes:
        inside: the way to the wrong value, within a field of several.
    """

    fields: tuple[str, ...]
    text: str
    values: Mapping[str, Any]
    inside: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text % self.values


@dataclass(frozen=True)
class Machine:
    """What a machine has; memory in bytes."""

    cores: int
    memory: int


@dataclass(frozen=True)
class Model:
    """What the folder of a model says of it; 0 where it does not say.

    Attributes:
        longest: tokens it reads at most.
        size: bytes of its weights in memory.
    """

    longest: int = 0
    vocabulary: int = 0
    hidden: int = 0
    size: int = 0


@dataclass(frozen=True)
class Surroundings:
    """What a configuration will meet; what is left out is not known and is no reason to refuse.

    Attributes:
        models: role -> parent.
        labelers: labeler -> group or nothing, of those whose rankings are learned from.
    """

    machine: Machine | None = None
    models: Mapping[str, Model] | None = None
    labelers: Mapping[str, str | None] | None = None


def this_machine() -> Machine:
    """Cores and memory that this process may use: fewer than the machine has, inside a container."""
    memory = psutil.virtual_memory().total
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            memory = min(memory, int(Path(path).read_text()))
    return Machine(usable_cores(), memory)


def usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def model_at(folder: Path) -> Model:
    """The model in a folder, as far as its ``config.json`` and the sizes of its files tell."""
    known: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        known = dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))

    def number(name: str) -> int:
        return value if isinstance(value := known.get(name), int) else 0

    # Whatever they are kept in, weights are opened as float32.
    size = FLOAT * parameters_of(folder)
    return Model(number("max_position_embeddings"), number("vocab_size"), number("hidden_size"), size)


def labelers_of(rankings: Path) -> dict[str, str | None] | None:
    """The people whose rankings in a snapshot are learned from, each with their group; nothing where it is absent."""
    from pyarrow import parquet

    try:
        columns = parquet.read_table(rankings, columns=["annotator", "labeler_group", "split"]).to_pylist()
    except (OSError, ValueError):
        return None
    return {row["annotator"]: row["labeler_group"] for row in columns if row["split"] == "train"}


def checked(stage: Stage, given: Mapping[str, Any], around: Surroundings) -> tuple[StageConfig | None, list[Problem]]:
    """Validate settings and hold them against each other and against what they will meet.

    Returns:
        The configuration, or nothing; and all that is wrong with it.
    """
    kind = CONFIGS[stage]
    try:
        config = kind.model_validate(given)
    except ValidationError as error:
        wrong = refusals(error, kind.model_fields)
        bad = {name for problem in wrong for name in problem.fields}
        # The rest is held against itself all the same, so that everything is told at once.
        config = kind.model_validate({name: value for name, value in given.items() if name not in bad})
        wrong += [problem for problem in problems(config, around) if not bad.intersection(problem.fields)]
        return None, wrong
    wrong = list(problems(config, around))
    return (None if wrong else config), wrong


def refusals(error: ValidationError, known: Iterable[str] = ()) -> list[Problem]:
    """What pydantic says, each at its field; ``known`` are the names that it would have taken."""
    found = []
    for item in error.errors(include_url=False):
        path = tuple(str(part) for part in item["loc"])
        text, values = refused.told(item, known if len(path) == 1 else ())
        found.append(Problem(path[:1], text, {**values, "given": item["input"]}, path[1:]))
    return found


def problems(config: StageConfig, around: Surroundings) -> Iterator[Problem]:
    """What a valid configuration asks for that cannot be."""
    machine = around.machine
    if machine and config.threads and config.threads > machine.cores:
        yield Problem(("threads",), THREADS, {"cores": machine.cores})
    yield from _contradictions(config)
    yield from _too_long(config, around.models or {})
    if isinstance(config, CrossValidateConfig) and around.labelers is not None:
        groups = {group for group in around.labelers.values() if group}
        if config.grouping == "labeler_group" and len(groups) < 2:
            yield Problem(("grouping",), GROUPS, {"groups": len(groups)})
        if config.grouping == "drawn" and len(around.labelers) < config.folds:
            yield Problem(("folds",), FOLDS, {"people": len(around.labelers), "folds": config.folds})
    if machine:
        fields, needed = _memory(config, around.models or {})
        if needed > machine.memory:
            values = {"needed": f"{needed / GIGABYTE:,.0f}", "memory": f"{machine.memory / GIGABYTE:,.0f}"}
            yield Problem(fields, MEMORY, values)


def _contradictions(config: StageConfig) -> Iterator[Problem]:
    if isinstance(config, PretrainConfig):
        if config.block > config.context:
            yield Problem(("block", "context"), BLOCK, {"block": config.block, "context": config.context})
        if config.hidden_size % (2 * config.heads):
            values = {"hidden": config.hidden_size, "heads": config.heads, "twice": 2 * config.heads}
            yield Problem(("hidden_size", "heads"), HEADS, values)
    if isinstance(config, SftConfig) and (micro := config.micro_batch_size or 0) > config.batch_size:
        values = {"micro": micro, "batch": config.batch_size}
        yield Problem(("micro_batch_size", "batch_size"), MICRO, values)
    if isinstance(config, RewardConfig) and config.margin != "none" and config.ties in ("davidson", "rao_kupper"):
        yield Problem(("margin", "ties"), MARGIN, {"ties": config.ties})
    if isinstance(config, PpoConfig) and config.minibatch_size > config.batch_size:
        values = {"mini": config.minibatch_size, "batch": config.batch_size}
        yield Problem(("minibatch_size", "batch_size"), MINIBATCH, values)


def _too_long(config: StageConfig, models: Mapping[str, Model]) -> Iterator[Problem]:
    if isinstance(config, SampleConfig | PpoConfig | EvaluateConfig):
        fields: tuple[str, ...] = ("max_prompt_tokens", "max_new_tokens")
    elif isinstance(config, SftConfig | RewardConfig | ScoreConfig | DetectConfig):
        fields = ("max_tokens",)
    else:
        return
    tokens = sum(getattr(config, field) or 0 for field in fields)  # of a score none means the longest there can be
    short = {role: model.longest for role, model in models.items() if 0 < model.longest < tokens}
    if short:
        role = min(short, key=lambda role: short[role])
        yield Problem(fields, TOO_LONG, {"tokens": tokens, "role": role, "longest": short[role]})


def least_memory(config: StageConfig, models: Mapping[str, Model]) -> int:
    """Bytes that a run cannot do without: what it holds of its models, and one batch of what it reads."""
    return _memory(config, models)[1]


def _trained(config: TunedConfig) -> int:
    """How many times a model is held that learns; of one beside which adapters learn only the weights count."""
    return 1 if config.lora_rank else TRAINED


def _memory(config: StageConfig, models: Mapping[str, Model]) -> tuple[tuple[str, ...], int]:
    """The fields that decide how much memory a run needs, and the bytes it cannot do without."""
    size = {role: model.size for role, model in models.items()}
    words = max((model.vocabulary for model in models.values()), default=0)
    hidden = max((model.hidden for model in models.values()), default=0)
    fields: tuple[str, ...] = ("batch_size",)
    held, tokens, wide = sum(size.values()), 0, words + hidden
    if isinstance(config, PretrainConfig):
        fields = ("hidden_size", "layers", "vocabulary_size", "batch_size", "block")
        width, words = config.hidden_size, config.vocabulary_size
        # Attention has four square matrices, SwiGLU three of 8/3 the width.
        held = TRAINED * FLOAT * (words * width + config.layers * 12 * width * width)
        tokens, wide = config.batch_size * config.block, words + config.layers * width
    elif isinstance(config, SftConfig):
        fields = ("batch_size", "micro_batch_size")
        held, tokens = _trained(config) * size.get("base", 0), config.micro_batch_size or config.batch_size
    elif isinstance(config, RewardConfig):
        fields = ("tokens_per_forward", "ensemble")
        held, tokens, wide = (
            (_trained(config) + config.ensemble - 1) * size.get("sft", 0),
            config.tokens_per_forward,
            hidden,
        )
    elif isinstance(config, PpoConfig):
        # The policy, its average and the reference; the values and the rewards.
        fields = ("batch_size", "pretrain_per_episode")
        held = (_trained(config) + 2 * (not config.lora_rank)) * size.get("sft", 0)
        held += (_trained(config) + 1) * size.get("reward", 0)
        if config.pretrain_coefficient:
            held += NUMBER * config.minibatch_size * config.pretrain_per_episode  # which of the mix are drawn
        tokens = config.batch_size
    elif isinstance(config, ScoreConfig | DetectConfig):
        fields, tokens = ("tokens_per_forward",), config.tokens_per_forward
        wide = hidden if isinstance(config, ScoreConfig) else words + hidden
    elif isinstance(config, SampleConfig | EvaluateConfig):
        tokens = config.batch_size
    return fields, held + FLOAT * tokens * wide
