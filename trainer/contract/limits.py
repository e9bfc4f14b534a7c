"""What a configuration asks for that cannot be: against itself, its parents, its snapshot, or the machine.

One door for the form, the command line and the trainer. Estimates of memory count only what is certain to be
needed, so that nothing is refused that would have run.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
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
    TrainConfig,
    TunedConfig,
)
from trainer.contract.folder import Stage
from trainer.contract.weights import parameters_of

GIGABYTE = 1e9
FLOAT, HALF, NUMBER = 4, 2, 8
UNKNOWN_CONTEXT = 2048
"""Tokens that a model reads together where its folder does not say how many."""
TRAINED = 4
"""A model that learns is held four times: weights, gradients, and two moments of Adam."""

THREADS = "At most %(cores)s threads: there are no more CPU cores."
MEMORY = "This needs at least %(needed)s GB of memory, and the machine has %(memory)s GB."
BLOCK = "A block of %(block)s tokens does not fit into a context of %(context)s."
HEADS = "A hidden size of %(hidden)s cannot be divided among %(heads)s heads: it must be a multiple of %(twice)s."
PROCESSES = "%(processes)s processes cannot share a step of %(batch)s: each needs a part of it."
MINIBATCH = "A minibatch of %(mini)s episodes is larger than a batch of %(batch)s."
MARGIN = "A likelihood of ties (%(ties)s) knows no margin. Drop the ties, count them as half a win, or set no margin."
TOO_LONG = "Prompt and answer have up to %(tokens)s tokens, but the model “%(role)s” reads at most %(longest)s."
FOLDS = "Labelers in this snapshot: %(people)s. Each of %(folds)s groups that are left out in turn needs one."
GROUPS = "Labeler groups in this snapshot: %(groups)s. Leaving one out takes at least two."
TEXTS = (THREADS, MEMORY, BLOCK, HEADS, PROCESSES, MINIBATCH, MARGIN, TOO_LONG, FOLDS, GROUPS)
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
    """What a machine has.

    Attributes:
        memory: in bytes, of the machine, or of its largest GPU where that has more.
        gpu: whether it has one.
    """

    cores: int
    memory: int
    gpu: bool = False


@dataclass(frozen=True)
class Model:
    """What the folder of a model says of it; 0 where it does not say.

    Attributes:
        longest: tokens it reads at most.
        size: bytes of its weights in float32.
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
    gpu, memory = _gpu_memory(), psutil.virtual_memory().total
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            memory = min(memory, int(Path(path).read_text()))
    return Machine(usable_cores(), max(memory, gpu), gpu > 0)


@cache
def _gpu_memory() -> int:
    """Bytes of the largest GPU, asked without torch; 0 where there is none."""
    ask = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=10).stdout
        return max(map(int, told.split()), default=0) << 20
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0


def usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def model_at(folder: Path) -> Model:
    """The model in a folder, as far as its ``config.json`` and the sizes of its files tell."""
    known: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        known = dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))

    def number(*names: str) -> int:
        return next((value for name in names if isinstance(value := known.get(name), int)), 0)

    return Model(
        longest=number("max_position_embeddings", "n_positions"),
        vocabulary=number("vocab_size"),
        hidden=number("hidden_size", "n_embd"),
        size=FLOAT * parameters_of(folder),
    )


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


def settled_by_models(config: StageConfig, models: Mapping[str, Model]) -> StageConfig:
    """The same configuration with the limits of tokens that it leaves to the models: as many as all of them read."""
    longest = min((model.longest for model in models.values() if model.longest), default=UNKNOWN_CONTEXT)
    found: dict[str, int] = {}
    if isinstance(config, SftConfig | RewardConfig | DetectConfig) and config.max_tokens is None:
        found["max_tokens"] = longest
    if isinstance(config, SampleConfig | PpoConfig | EvaluateConfig) and config.max_prompt_tokens is None:
        found["max_prompt_tokens"] = longest - config.max_new_tokens
    return config.model_copy(update=found)


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
        fields, needed = _memory(config, around.models or {}, gpu=machine.gpu)
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
    if isinstance(config, TrainConfig):
        name = next(name for name in ("minibatch_size", "prompts_per_batch", "batch_size") if hasattr(config, name))
        if config.processes > (batch := getattr(config, name)):
            yield Problem(("processes", name), PROCESSES, {"processes": config.processes, "batch": batch})
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
    # What is left to the models is at least a token.
    tokens = sum(getattr(config, field) or 1 for field in fields)
    short = {role: model.longest for role, model in models.items() if 0 < model.longest < tokens}
    if short:
        role = min(short, key=lambda role: short[role])
        yield Problem(fields, TOO_LONG, {"tokens": tokens, "role": role, "longest": short[role]})


def least_memory(config: StageConfig, models: Mapping[str, Model]) -> int:
    """Bytes that a run cannot do without: what it holds of its models, and one batch of what it reads."""
    return _memory(config, models, gpu=False)[1]


def _memory(config: StageConfig, models: Mapping[str, Model], *, gpu: bool) -> tuple[tuple[str, ...], int]:
    """The fields that decide how much memory a run needs, and the bytes it cannot do without."""
    half = config.dtype == "bfloat16" or (config.dtype == "auto" and gpu and config.device != "cpu")
    each = HALF if half else FLOAT
    kept = {role: each * model.size // FLOAT for role, model in models.items()}
    words = max((model.vocabulary for model in models.values()), default=0)
    hidden = max((model.hidden for model in models.values()), default=0)

    def trained(role: str) -> int:
        """A model that learns as a whole is held in float32 several times; beside adapters its weights are."""
        if isinstance(config, TunedConfig) and config.lora_rank:
            return kept.get(role, 0)
        return TRAINED * models[role].size if role in models else 0

    fields: tuple[str, ...] = ("tokens_per_forward", "dtype")
    held, tokens, wide = sum(kept.values()), 0, words + hidden
    if isinstance(config, PretrainConfig):
        fields = ("hidden_size", "layers", "vocabulary_size", "tokens_per_forward", "block")
        width = config.hidden_size
        # Attention has four square matrices, SwiGLU three of 8/3 the width.
        held = TRAINED * FLOAT * (config.vocabulary_size * width + config.layers * 12 * width * width)
        tokens = min(config.batch_size * config.block, max(config.block, config.tokens_per_forward))
        wide = config.layers * width
    elif isinstance(config, SftConfig):
        fields = ("lora_rank", *fields)
        held, tokens, wide = trained("base"), config.tokens_per_forward, hidden
    elif isinstance(config, RewardConfig):
        fields = ("lora_rank", *fields, "ensemble")
        held = trained("sft") + (config.ensemble - 1) * kept.get("sft", 0)
        tokens, wide = config.tokens_per_forward, hidden
    elif isinstance(config, PpoConfig):
        fields = ("lora_rank", "batch_size", "pretrain_per_episode", "dtype")
        held = trained("sft") + trained("reward")
        # What learns beside adapters is the reference, or the reward, without them. Else there are copies of both that
        # stay as they are, and an average of the policy.
        if not config.lora_rank:
            held += sum(kept.values()) + (models["sft"].size if "sft" in models else 0)
        if config.pretrain_coefficient:
            held += NUMBER * config.minibatch_size * config.pretrain_per_episode  # which of the mix are drawn
        tokens = config.batch_size
    elif isinstance(config, ScoreConfig | DetectConfig):
        tokens = config.tokens_per_forward
        wide = hidden if isinstance(config, ScoreConfig) else words + hidden
    elif isinstance(config, SampleConfig | EvaluateConfig):
        fields, tokens = ("batch_size", "dtype"), config.batch_size
    return fields, held + each * tokens * wide
