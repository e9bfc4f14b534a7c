"""Runs from the command line."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from app.database import Database
from app.errors import Invalid
from app.settings import Settings
from app.training.generators import service as generators
from app.training.registry import queries as registry
from app.training.runs import queries, rules, service
from app.training.snapshots import service as snapshots
from trainer.contract.forecast import Forecast
from trainer.contract.limits import refusals
from trainer.contract.presets import PRESETS

LOOK_EVERY_SECONDS = 0.5


class RunOrder(BaseModel):
    """The file of ``prefloop run STAGE --config FILE``.

    Attributes:
        config: the stage's settings; what is left out keeps its default.
        parents: role -> name of a registered model.
        generator: name of the one that a sample or evaluate run draws from, in place of the model "policy".
        snapshot: id, name or digest.
        purpose: for a sample run: ``prompts`` (split, count, seed) and ``campaign`` (name, phase, overlap).
    """

    model_config = ConfigDict(extra="forbid")

    config: dict[str, Any] = {}
    parents: dict[str, str] = {}
    generator: str | None = None
    snapshot: str | None = None
    seed: int = 0
    name: str = ""
    purpose: dict[str, Any] = {}


@dataclass(frozen=True)
class Asked:
    """What the command line says of a run; what it names by itself goes before what stands in the file.

    Attributes:
        file: holds a ``RunOrder``.
        settings: ``NAME=VALUE``.
        parents: ``ROLE=MODEL``.
        trial: a few steps only.
    """

    file: Path | None = None
    preset: str = ""
    settings: Sequence[str] = ()
    parents: Sequence[str] = ()
    snapshot: str = ""
    trial: bool = False


def _order(stage: str, asked: Asked) -> RunOrder:
    order = _read(asked.file) if asked.file else RunOrder()
    config = dict(order.config)
    if asked.preset:
        known = {name: stages[stage] for name, stages in PRESETS.items() if stage in stages}
        if asked.preset not in known:
            raise Invalid(f"There is no preset “{asked.preset}” for {stage}. Known: {', '.join(known) or 'none'}.")
        config = known[asked.preset] | config
    return order.model_copy(
        update={
            "config": config | _pairs("--set", asked.settings),
            "parents": order.parents | _pairs("--parent", asked.parents),
            "snapshot": asked.snapshot or order.snapshot,
            "purpose": order.purpose | ({"trial": True} if asked.trial else {}),
        }
    )


def _pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise Invalid(f"{option} “{text}” is not of the form NAME=VALUE.")
        pairs[name.strip().replace("-", "_")] = value
    return pairs


def _read(file: Path) -> RunOrder:
    try:
        return RunOrder.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        wrong = refusals(error, RunOrder.model_fields)
        fields = {".".join((*problem.fields, *problem.inside)): str(problem) for problem in wrong}
        raise Invalid(f"{file} is not a run order.", fields) from error
    except ValueError as error:
        raise Invalid(f"{file} is not a run order: {error}") from error


def start(database: Database, settings: Settings, stage: str, asked: Asked) -> int:
    """Queue a run as it is asked for; returns its id."""
    order = _order(stage, asked)
    with database.transaction() as session:
        by_name = {model.name: model.id for model in registry.models(session)}
        if unknown := [name for name in order.parents.values() if name not in by_name]:
            raise Invalid(
                f"There is no model named {', '.join(unknown)}. Known: {', '.join(sorted(by_name)) or 'none'}."
            )
        run = service.start_run(
            session,
            None,
            service.Order(
                stage=stage,
                config=order.config,
                parents={role: by_name[name] for role, name in order.parents.items()},
                snapshot_id=snapshots.snapshot_for(session, order.snapshot).id if order.snapshot else None,
                seed=order.seed,
                name=order.name,
                purpose=order.purpose,
                generator_id=generators.generator_named(session, order.generator).id if order.generator else None,
            ),
            data_dir=settings.data_dir,
        )
        return run.id


def follow(database: Database, run_id: int, say: Callable[[str], None]) -> str:
    """Say how a run gets on until it is over; returns its last status."""
    said = ""
    while True:
        with database.reading() as session:
            run = service.run_for(session, run_id)
            line = f"{run.name}: {run.status}, step {run.step} of {run.total or '?'}"
            status, error = run.status, run.error
        if line != said:
            say(line)
            said = line
        if status in rules.FINISHED:
            if error:
                say(error)
            return status
        time.sleep(LOOK_EVERY_SECONDS)


def forecast(settings: Settings, run_id: int) -> str:
    """What a trial found, as JSON: ``trainer.contract.forecast``, with ``seconds`` of the whole run and ``fits``."""
    manifest, problem = service.read_manifest(service.folder_of(settings, run_id))
    if manifest is None or manifest.forecast is None:
        raise Invalid(problem or "The trial left no forecast.")
    told = Forecast.model_validate(manifest.forecast)
    return json.dumps({**told.model_dump(), "seconds": told.seconds, "fits": told.fits}, indent=2)


def told(database: Database, most: int = 20) -> list[dict[str, Any]]:
    """The newest runs for programs."""
    with database.reading() as session:
        return [
            {
                **{name: getattr(run, name) for name in ("id", "name", "stage", "status", "step", "total", "seed")},
                **{name: getattr(run, name) for name in ("config", "latest", "error", "worker")},
                "created_at": run.created_at.isoformat(),
                "finished_at": run.finished_at.isoformat() if run.finished_at else None,
            }
            for run in queries.recent_runs(session, most)
        ]


def lines(database: Database, most: int = 20) -> list[str]:
    with database.reading() as session:
        return [
            f"{run.id:>5}  {run.name:<20} {run.stage:<9} {run.status:<10} {run.step}/{run.total or '?'}"
            for run in queries.recent_runs(session, most)
        ] or ["No runs yet."]
