"""A run folder as a stage sees it: what it may read and where it leaves its results."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trainer.contract import limits
from trainer.contract.configs import DRAWS, READS_SNAPSHOT, StageConfig, parents_of
from trainer.contract.errors import StageError
from trainer.contract.folder import (
    CHECKPOINTS,
    CONFIG,
    INPUTS,
    MEMBERS,
    METRICS,
    MODEL,
    RANKINGS,
    SAMPLES,
    ParentRole,
    RunSpec,
)
from trainer.contract.judging import CrossValidation, Judging
from trainer.loop import lease
from trainer.loop.finite import check_weights
from trainer.loop.inputs import Opened
from trainer.loop.metrics import MetricsLog, SampleLog

WEIGHTS = ("*.safetensors", "*.bin")


class RunFolder:
    """An opened run folder, its configuration validated.

    Attributes:
        path: the folder.
        spec: ``config.json``.
        config: the stage's own configuration, of the type that ``CONFIGS`` names.
        opened: what it reads, verified.
        notes: what the run left out or did otherwise than asked; see ``note``.
        judging: what the run measured about a reward model, for the manifest.
        cross_validation: likewise, of a ``crossvalidate`` run.
    """

    path: Path
    spec: RunSpec
    config: StageConfig
    opened: Opened
    notes: list[str]
    judging: Judging | None = None
    cross_validation: CrossValidation | None = None

    def __init__(self, path: Path | str) -> None:
        """Read and check ``config.json`` and everything that it names.

        Raises:
            ValueError: with a sentence that names each wrong field.
            ChangedError: a model or the snapshot is not what was recorded of it.
        """
        self.path = Path(path)
        self.notes = []
        self.spec = _read_spec(self.path / CONFIG)
        self.config = self._config()
        if self.spec.stage in READS_SNAPSHOT and self.spec.snapshot is None:
            raise ValueError(f'The {self.spec.stage} stage reads a snapshot, but config.json names no "snapshot".')
        if self.spec.generator is not None and self.spec.stage not in DRAWS:
            raise ValueError(f"The {self.spec.stage} stage cannot draw from a generator. Choose a model.")
        for role, _ in parents_of(self.spec.stage, generator=self.spec.generator is not None):
            if role not in self.spec.parents:
                raise ValueError(
                    f'The {self.spec.stage} stage needs the model "{role}", but "parents" does not name it.'
                )
            if not (self.spec.parents[role] / "config.json").exists():
                raise StageError(
                    f'The model "{role}" is not at {self.spec.parents[role]}: no config.json there.', resumable=False
                )
            if not any(found for weights in WEIGHTS for found in self.spec.parents[role].glob(weights)):
                raise StageError(
                    f'The model "{role}" at {self.spec.parents[role]} has no weights: no {" and no ".join(WEIGHTS)} '
                    "there.",
                    resumable=False,
                )
        if self.spec.snapshot is not None and not self.spec.snapshot.is_dir():
            raise StageError(f"The snapshot is not at {self.spec.snapshot}.", resumable=False)
        self.opened = Opened(self.path, self.spec)

    def _config(self) -> StageConfig:
        parents = {str(role): limits.model_at(path) for role, path in self.spec.parents.items()}
        people = None
        if self.spec.stage == "crossvalidate" and self.spec.snapshot:
            people = limits.labelers_of(self.spec.snapshot / RANKINGS)
        around = limits.Surroundings(limits.this_machine(), parents, people)
        config, wrong = limits.checked(self.spec.stage, self.spec.config, around)
        if config is None:
            raise ValueError(f"The {self.spec.stage} configuration is not valid: {_listed(wrong)}.")
        return limits.settled_by_models(config, parents)

    @property
    def snapshot(self) -> Path:
        """Folder of the frozen training set."""
        if self.spec.snapshot is None:
            raise ValueError('config.json names no "snapshot".')
        return self.spec.snapshot

    @property
    def inputs(self) -> Path:
        return self.path / INPUTS

    @property
    def checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    def parent(self, role: ParentRole) -> Path:
        """Model folder of a parent."""
        return self.spec.parents[role]

    def metrics(self, resume_step: int = 0) -> MetricsLog:
        """Open ``metrics.jsonl`` at the step of a checkpoint (0: anew)."""
        return MetricsLog(self.path / METRICS, resume_step)

    def samples(self, resume_step: int = 0) -> SampleLog:
        """Open ``samples.jsonl`` at the step of a checkpoint (0: anew)."""
        return SampleLog(self.path / SAMPLES, resume_step)

    def note(self, sentence: str) -> None:
        """Say aloud, in the log and in the manifest, what a person should know about this run."""
        self.notes.append(sentence)
        print(sentence, flush=True)  # noqa: T201

    def save_model(self, model: Any, tokenizer: Any, extra_card: str = "", members: Sequence[Any] = ()) -> Path:
        """Leave model, tokenizer (with chat template) and model card in ``model/``, all or nothing.

        Args:
            model: anything with ``save_pretrained``.
            tokenizer: likewise.
            extra_card: Markdown for the end of the model card.
            members: the other models of an ensemble, for ``model/members/2`` and so on.

        Raises:
            NotFiniteError: a weight is no number; then nothing is written.
        """
        for each in (model, *members):
            check_weights(each, None, f"{MODEL}/")
        partial, final = self.path / (MODEL + ".partial"), self.path / MODEL
        shutil.rmtree(partial, ignore_errors=True)
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        for number, member in enumerate(members, start=2):
            member.save_pretrained(partial / MEMBERS / str(number))
        (partial / "README.md").write_text(_card(self.spec, self.config, extra_card), encoding="utf-8")
        lease.hold()
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
        return final


def _read_spec(path: Path) -> RunSpec:
    try:
        return RunSpec.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"There is no {path.name} in {path.parent}: a run folder starts with one.") from None
    except ValidationError as error:
        raise ValueError(f"{path} is not valid: {_listed(limits.refusals(error, RunSpec.model_fields))}.") from error


def _listed(wrong: Sequence[limits.Problem]) -> str:
    """``field "batch_size": Enter a number above 0 (given 0); fields "block" and "context": …``."""
    sentences = []
    for problem in wrong:
        names = " and ".join(f'"{".".join((name, *problem.inside))}"' for name in problem.fields)
        given = f" (given {problem.values['given']!r})" if "given" in problem.values else ""
        sentences.append(f"field{'s' if len(problem.fields) > 1 else ''} {names}: {str(problem).rstrip('.')}{given}")
    return "; ".join(sentences)


def _card(spec: RunSpec, config: StageConfig, extra: str) -> str:
    parents = [f"- {role}: `{path}`" for role, path in sorted(spec.parents.items())] or ["- none: trained from nothing"]
    data = f"`{spec.snapshot.name}` (the name is the hash of its files)" if spec.snapshot else "no snapshot"
    lines = [
        "---",
        "library_name: transformers",
        "tags: [prefloop]",
        "---",
        f"# {spec.stage}",
        "",
        f"Left by the `{spec.stage}` stage of Prefloop, seed {spec.seed}.",
        "",
        "## Parents",
        "",
        *parents,
        "",
        "## Data",
        "",
        data,
        "",
        "## Configuration",
        "",
        "```json",
        json.dumps(config.model_dump(mode="json"), indent=2),
        "```",
        *(["", extra] if extra else []),
    ]
    return "\n".join(lines) + "\n"
