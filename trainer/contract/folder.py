"""Names of the files in a snapshot and in a run folder, and the manifest that closes each.

A folder is finished when its ``manifest.json`` exists: it is always written last and in one
atomic step, so a reader never sees half a result.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from trainer.contract.generators import Generator
from trainer.contract.judging import CrossValidation, Judging

SCHEMA_VERSION = 1

PROMPTS = "prompts.parquet"
DEMONSTRATIONS = "demonstrations.parquet"
RANKINGS = "rankings.parquet"

CONFIG = "config.json"
INPUTS = "inputs"
ANSWERS = "answers.parquet"
METRICS = "metrics.jsonl"
SAMPLES = "samples.jsonl"
CANDIDATES = "candidates.parquet"
SCORES = "scores.parquet"
DETECTIONS = "detections.parquet"
CHECKPOINTS = "checkpoints"
MODEL = "model"
MEMBERS = "members"
MANIFEST = "manifest.json"
ERROR = "error.json"

Stage = Literal["pretrain", "sft", "sample", "reward", "crossvalidate", "score", "detect", "ppo", "evaluate"]
_CHECKPOINT = re.compile(r"step-(\d+)\.pt")
ParentRole = Literal["base", "sft", "policy", "reference", "reward"]


class RunSpec(BaseModel):
    """``config.json`` of a run folder: everything the stage may know, nothing from a database.

    Attributes:
        stage: which program to run.
        seed: root of all randomness of the run.
        snapshot: folder of the frozen training set, for stages that read one.
        parents: role -> model folder, e.g. ``{"sft": ".../model", "reward": ".../model"}``.
        generator: answers in place of the model "policy", in the stages that can draw from one.
        recorded: role -> file -> SHA-256 as the registry knows them, to be held against what lies there.
        config: the stage's own configuration, see ``configs.py``.
        dry_run: take a few steps only and leave a forecast instead of a result.
        config_version: raised when the meaning of a field changes.
    """

    model_config = ConfigDict(extra="forbid")

    stage: Stage
    seed: int = 0
    snapshot: Path | None = None
    parents: dict[ParentRole, Path] = {}
    generator: Generator | None = None
    recorded: dict[ParentRole, dict[str, str]] = {}
    config: dict[str, Any] = {}
    dry_run: bool = False
    config_version: int = 1


class RunManifest(BaseModel):
    """``manifest.json`` of a run folder: its existence means success.

    Attributes:
        metrics: final numbers by family name (``reward/accuracy`` …), what the registry shows.
        notes: sentences about what the run left out or did otherwise than asked, with counts and names.
        judging: what was measured about a reward model.
        cross_validation: of a ``crossvalidate`` run.
        forecast: of a dry run, as ``trainer.contract.forecast`` has it; it leaves nothing else.
        provenance: data hash, parent hashes, git commit, library versions, seed, hardware, seconds.
        files: name -> SHA-256 of each result file outside ``checkpoints/``.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    stage: Stage
    metrics: dict[str, float | int | str | None] = {}
    notes: list[str] = []
    judging: Judging | None = None
    cross_validation: CrossValidation | None = None
    forecast: dict[str, Any] | None = None
    provenance: dict[str, Any] = {}
    files: dict[str, str] = {}


class Leaks(BaseModel):
    """What stands on both sides of a split, by what tells that prompts belong together; all 0 where it holds.

    Attributes:
        users: whose prompts are known, aside from those that stand apart.
        conversations: that sources name.
        texts: prompts that read alike.
        openings: first messages of the user, the templates that were left out aside.
        beginnings: of the length that was asked for, likewise.
        rows: rankings and demonstrations on another side than their prompt.
    """

    model_config = ConfigDict(extra="forbid")

    users: int = 0
    conversations: int = 0
    texts: int = 0
    openings: int = 0
    beginnings: int = 0
    rows: int = 0

    @property
    def all(self) -> int:
        """Everything that stands on both sides."""
        return sum(self.model_dump().values())


class TemplateLeftOut(BaseModel):
    """A beginning that so many prompts share that it tells nothing about any two of them.

    ``users`` is told where it tells nothing about their other prompts only.
    """

    model_config = ConfigDict(extra="forbid")

    text: str
    prompts: int
    users: int | None = None


class SplitReport(BaseModel):
    """What a snapshot's manifest says of its split.

    Attributes:
        prefix_length: characters that a shared beginning had at least; 0 where beginnings counted for nothing.
        groups: of prompts; each stands on one side as a whole.
        largest_group: its prompts.
        heldout_share: of the prompts, as it came out.
        kept: prompts held out because an earlier snapshot of the same seed held them out, or one of their group.
        templates: the most common beginnings that were left out.
        templates_left_out: how many there were.
        common: the most common prompts and beginnings by which users were not tied together.
        apart: prompts that begin so, and may stand on another side than the rest of their user's.
        leaks: found in the files, without the groups.
    """

    model_config = ConfigDict(extra="forbid")

    prefix_length: int
    groups: int
    largest_group: int
    heldout_share: float
    kept: int = 0
    templates: list[TemplateLeftOut] = []
    templates_left_out: int = 0
    common: list[TemplateLeftOut] = []
    apart: int = 0
    leaks: Leaks


class SnapshotManifest(BaseModel):
    """``manifest.json`` of a snapshot folder.

    Attributes:
        split: nothing in snapshots from before prompts were split by groups.
        counts: prompts, demonstrations, rankings, strict pairs, tied pairs, by split.
        files: file name -> SHA-256; the snapshot's own name is the hash of this table.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    filters: dict[str, Any] = {}
    counts: dict[str, int] = {}
    split: SplitReport | None = None
    files: dict[str, str] = {}
    created: str
    app_version: str


def checkpoints_of(folder: Path) -> list[tuple[int, Path]]:
    """Step and file of each finished checkpoint in a ``checkpoints/`` folder, the oldest first."""
    if not folder.is_dir():
        return []
    named = ((_CHECKPOINT.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(match[1]), path) for match, path in named if match)


def saved_step(run_folder: Path) -> int | None:
    """The step that a run would go on from, or nothing where no step is saved."""
    found = checkpoints_of(run_folder / CHECKPOINTS)
    return found[-1][0] if found else None


def sha256_of(path: Path) -> str:
    """Hash a file's bytes without holding them in memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never a part (also on a full disk)."""
    text = value.model_dump_json(indent=2) if isinstance(value, BaseModel) else json.dumps(value, indent=2)
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
