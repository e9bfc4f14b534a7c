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
        config: the stage's own configuration, see ``configs.py``.
        config_version: raised when the meaning of a field changes.
    """

    model_config = ConfigDict(extra="forbid")

    stage: Stage
    seed: int = 0
    snapshot: Path | None = None
    parents: dict[ParentRole, Path] = {}
    config: dict[str, Any] = {}
    config_version: int = 1


class RunManifest(BaseModel):
    """``manifest.json`` of a run folder: its existence means success.

    Attributes:
        metrics: final numbers by family name (``reward/accuracy`` …), what the registry shows.
        notes: sentences about what the run left out or did otherwise than asked, with counts and names.
        judging: what was measured about a reward model.
        cross_validation: of a ``crossvalidate`` run.
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
    provenance: dict[str, Any] = {}
    files: dict[str, str] = {}


class SnapshotManifest(BaseModel):
    """``manifest.json`` of a snapshot folder.

    Attributes:
        counts: prompts, demonstrations, rankings, strict pairs, tied pairs, by split.
        files: file name -> SHA-256; the snapshot's own name is the hash of this table.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    filters: dict[str, Any] = {}
    counts: dict[str, int] = {}
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
