"""Runs as people see them: starting, cancelling, reading their progress."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.labeling.campaigns import service as campaigns
from app.language import gettext as _
from app.models import ModelVersion, Person, Run, RunParent, Snapshot
from app.models.base import utc_now
from app.people import service as people
from app.quality.integrity import service as integrity
from app.settings import Settings
from app.training.generators import service as generators
from app.training.runs import forms, queries, rules
from app.training.runs.processes import Process
from trainer.contract import limits
from trainer.contract.configs import SampleConfig, StageConfig
from trainer.contract.folder import ERROR, MANIFEST, METRICS, RANKINGS, SAMPLES, RunManifest, Stage

# What pages read as it is stored.
candidates_of = queries.candidates_of
model_of = queries.model_of
newest_models = queries.newest_models
newest_success = queries.newest_success
open_campaigns = queries.open_campaigns
parents_of = queries.parents_of
pipeline_counts = queries.pipeline_counts
recent_runs = queries.recent_runs
snapshot_of = queries.snapshot_of

LONGEST_LOG = 20_000
SECOND_CLICK = timedelta(seconds=5)
WORKERS_KNOWN_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Order:
    """A run that somebody wishes for: what it starts from, its settings, and what it is for.

    ``parents`` are models by their roles. ``purpose["answers"]`` of a score run names, below the data folder, the
    finished file of answers that it scores instead of a snapshot's; ``purpose["texts"]["campaign"]`` of a detect run
    is the id of the campaign whose texts it reads. ``purpose["trial"]`` asks for a few steps only, and a forecast.
    ``generator_id`` is of the one that answers in place of a model.
    """

    stage: str
    config: Mapping[str, Any]
    parents: Mapping[str, int]
    snapshot_id: int | None
    seed: int
    name: str = ""
    purpose: Mapping[str, Any] = field(default_factory=dict)
    generator_id: int | None = None


def start_run(
    session: Session,
    by: Person | None,
    order: Order,
    *,
    corpora: Path | None = None,
    data_dir: Path | None = None,
    unread: Mapping[str, str] | None = None,
) -> Run:
    """Check that everything a stage needs is there and put the run into the queue.

    The queued row is the order itself: a worker that sees it starts the workflow, so an order
    is never lost between two databases. ``corpora`` is the folder in which a corpus must lie; none
    means that any file will do, as for the command line, whose user has the files anyway. Below ``data_dir`` lie the
    models and snapshots that the settings are held against; without it, they are not looked at. ``unread`` are the
    fields of which nothing could be made before this was called, each with a sentence.

    Raises:
        Invalid: an unknown stage; or whatever is wrong, missing, unsuitable or taken, all of it at its ``fields``.
    """
    if order.stage not in rules.STAGES:
        stages = ", ".join(rules.STAGES)
        raise Invalid(_("There is no stage “%(stage)s”. Choose one of %(stages)s.", stage=order.stage, stages=stages))
    stage: Stage = order.stage
    name = order.name.strip()
    parents, purpose, unknown = generators.ordered(session, stage, order.generator_id, order.parents, order.purpose)
    order = replace(order, parents=parents, purpose=purpose)
    checked, problems = _checked(session, stage, order, corpora=corpora, data_dir=data_dir)
    problems |= unknown
    problems |= rules.order_problems(stage, name=name, seed=order.seed, purpose=order.purpose)
    if name and queries.name_taken(session, name):
        problems["name"] = _("There is a run named “%(name)s” already. Choose another name.", name=name)
    problems |= unread or {}
    if checked is None or problems:
        raise Invalid(_("Some fields are missing or cannot be used."), problems)
    made = checked.model_dump(mode="json")
    if by and not name and (ordered := _just_ordered(session, by, replace(order, config=made))):
        return ordered
    names = f"{stage}-trial" if rules.is_trial(order.purpose) else stage
    name = name or rules.next_name(names, queries.names_of_stage(session, stage))
    run = Run(
        name=name,
        stage=stage,
        seed=order.seed,
        config=made,
        purpose=dict(order.purpose),
        snapshot_id=order.snapshot_id,
        created_by=by.id if by else None,
        parents=[RunParent(role=role, model_version_id=model_id) for role, model_id in sorted(order.parents.items())],
    )
    session.add(run)
    people.record(session, by, "started run", run, {"name": name, "stage": stage})
    return run


def _just_ordered(session: Session, by: Person, order: Order) -> Run | None:
    """The same order by the same person a moment ago: a second click on the button, not a second wish."""
    wanted = (order.seed, order.config, order.purpose, order.parents, order.snapshot_id)
    for run in queries.runs_ordered_since(session, by.id, order.stage, utc_now() - SECOND_CLICK):
        known = {parent.role: parent.model_version_id for parent in run.parents}
        if run.status == "queued" and (run.seed, run.config, run.purpose, known, run.snapshot_id) == wanted:
            return run
    return None


def _surroundings(
    session: Session,
    stage: Stage,
    models: Mapping[str, ModelVersion],
    snapshot: Snapshot | None,
    data_dir: Path | None,
) -> limits.Surroundings:
    """What the settings of a run will meet, as far as it is known here."""
    workers = queries.workers_seen_since(session, queries.database_time(session) - WORKERS_KNOWN_FOR)
    # Any worker may take it, so it is the largest that says what is possible; without one, this machine does.
    machine = (
        limits.Machine(max(w.cores for w in workers), max(w.memory_mb for w in workers) << 20)
        if workers
        else limits.this_machine()
    )
    if data_dir is None:
        return limits.Surroundings(machine)
    people = None
    if stage == "crossvalidate" and snapshot:
        people = limits.labelers_of(data_dir.resolve() / "snapshots" / snapshot.digest / RANKINGS)
    parents = {role: limits.model_at(data_dir.resolve() / model.path) for role, model in models.items()}
    return limits.Surroundings(machine, parents, people)


def _checked(
    session: Session, stage: Stage, order: Order, *, corpora: Path | None, data_dir: Path | None
) -> tuple[StageConfig | None, dict[str, str]]:
    """The settings, and what is wrong with them and with what the run starts from and is for, at its fields."""
    config, snapshot_id, purpose = order.config, order.snapshot_id, order.purpose
    models, unsuitable = _parents(session, order.parents)
    snapshot = queries.snapshot_by_id(session, snapshot_id) if snapshot_id is not None else None
    checked, problems = forms.read_config(stage, config, _surroundings(session, stage, models, snapshot, data_dir))
    problems |= rules.missing_parts(stage, order.parents, snapshot_id, purpose=purpose) | unsuitable
    if snapshot_id is not None and snapshot is None:
        problems["snapshot"] = _("That snapshot does not exist.")
    corpus = config.get("corpus")
    if corpora and corpus and (problem := rules.corpus_problem(str(corpus), corpora)):
        problems["corpus"] = problem
    if stage == "detect" and "texts" in purpose:
        try:
            integrity.campaign_to_read(session, rules.campaign_of_texts(purpose))
        except Invalid as wrong:
            problems["texts-campaign"] = str(wrong)
    if campaign := purpose.get("campaign"):
        problems |= _campaign_problems(session, campaign)
        asked = {name: value for name, value in config.items() if name == "answers_per_prompt" and value}
        if "answers_per_prompt" not in problems and SampleConfig(**asked).answers_per_prompt not in rules.RANKED:
            problems["answers_per_prompt"] = _(
                "A campaign asks people to rank 4 to 9 answers. Choose that many answers per prompt."
            )
    return checked, problems


def _campaign_problems(session: Session, campaign: Mapping[str, Any]) -> dict[str, str]:
    """Why a campaign cannot be opened: for the number of people per task, or else for its name."""

    def problem(order: Mapping[str, Any]) -> str:
        try:
            campaigns.check_campaign(session, kind="ranking", answers_per_task=None, **order)
        except (Invalid, Conflict) as wrong:
            return str(wrong)
        return ""

    order = rules.campaign_order(campaign)
    whole, for_one = problem(order), problem(order | {"overlap": 1})
    found = {"campaign-name": for_one, "campaign-overlap": whole if whole != for_one else ""}
    return {field: sentence for field, sentence in found.items() if sentence}


def _parents(session: Session, parents: Mapping[str, int]) -> tuple[dict[str, ModelVersion], dict[str, str]]:
    """The model of each role, and why those that cannot play theirs cannot."""
    found = queries.models_by_id(session, list(parents.values()))
    models, problems = {}, {}
    for role, model_id in parents.items():
        model = found.get(model_id)
        if model is None:
            problems[f"parent-{role}"] = _("The model chosen as “%(role)s” does not exist.", role=role)
        elif model.kind not in rules.KINDS_FOR_ROLE.get(role, ()):
            problems[f"parent-{role}"] = _(
                "%(name)s is a %(kind)s model and cannot be used as “%(role)s”.",
                name=model.name,
                kind=_(model.kind),
                role=role,
            )
        else:
            models[role] = model
    return models, problems


def cancel(session: Session, settings: Settings, by: Person | None, run_id: int) -> Run:
    """Stop a run: at once if it waits or its worker is gone; else its worker lets it save its step first."""
    run = run_for(session, run_id, lock=True)
    if run.status in rules.FINISHED:
        raise Conflict(_("%(name)s is over already (%(status)s).", name=run.name, status=_(run.status)))
    run.cancel_requested = True
    if run.status == "queued" or worker_gone(session, settings, run):
        take_away(run)
        run.status, run.finished_at = "cancelled", utc_now()
    people.record(session, by, "cancelled run", run)
    return run


def worker_gone(session: Session, settings: Settings, run: Run) -> bool:
    """Whether a run is said to be running and nobody runs it."""
    return run.status == "running" and owner_gone(settings, run, queries.database_time(session))


def owner_gone(settings: Settings, run: Run, now: datetime) -> bool:
    """Whether whoever took a run is gone: silent for too long, or a process that has ended on this machine."""
    owner = Process.read(run.owner)
    return rules.worker_gone(run.heartbeat_at, now, settings.lease_seconds) or (owner is not None and owner.gone)


def take_away(run: Run) -> None:
    """Make sure that a worker that had the run, should it come back, changes nothing."""
    lay_down(run)
    run.fence += 1
    run.owner = run.heartbeat_at = None


def lay_down(run: Run, now: datetime | None = None) -> None:
    """Count the time that was worked since somebody took the run; without ``now``, until the last sign of life."""
    until = now or run.heartbeat_at
    if run.resumed_at and until:
        run.worked_seconds = (run.worked_seconds or 0) + max(0, (until - run.resumed_at).total_seconds())
    run.resumed_at = None


def go_on(session: Session, settings: Settings, by: Person | None, run_id: int) -> Run:
    """Queue a failed or cancelled run again, or one whose worker is gone; it goes on from its last checkpoint.

    Two people who do it at once queue it once: a second trainer in the same folder would spoil it.
    """
    run = run_for(session, run_id, lock=True)
    if run.status not in ("failed", "cancelled") and not worker_gone(session, settings, run):
        raise Conflict(
            _(
                "%(name)s is %(status)s; only a failed or cancelled run can go on.",
                name=run.name,
                status=_(run.status),
            )
        )
    take_away(run)
    run.status, run.cancel_requested, run.error, run.finished_at = "queued", False, None, None
    run.resumable = True
    people.record(session, by, "continued run", run)
    return run


def run_for(session: Session, run_id: int, *, lock: bool = False) -> Run:
    run = queries.run_by_id(session, run_id, lock=lock)
    if run is None:
        raise NotFound(_("There is no such run."))
    return run


def folder_of(settings: Settings, run_id: int) -> Path:
    return settings.data_dir.resolve() / "runs" / str(run_id)


def read_metrics(folder: Path) -> dict[str, list[list[float | None]]]:
    """Every logged series of a run as ``{name: [[steps], [values]]}``, thinned for drawing.

    A line that the trainer is still writing is left for the next look.
    """
    series: dict[str, list[tuple[float, float | None]]] = {}
    for line in _whole_lines(folder / METRICS):
        step = line.pop("step", None)
        line.pop("total", None)
        for name, value in line.items():
            if isinstance(value, int | float) or value is None:
                series.setdefault(name, []).append((step, value))
    return {
        name: [[step for step, _value in kept], [value for _step, value in kept]]
        for name, points in series.items()
        for kept in [rules.thinned(points)]
    }


def note_progress(run: Run, folder: Path) -> None:
    """Let the row know the last line of the metrics."""
    latest = last_metrics(folder)
    run.step, run.total = latest.pop("step", run.step), rules.storable(latest.pop("total", run.total))
    run.latest = {**run.latest, **latest}


def last_metrics(folder: Path) -> dict[str, Any]:
    """The newest value of every series, and ``step`` and ``total``."""
    latest: dict[str, Any] = {}
    for line in _whole_lines(folder / METRICS):
        latest.update(line)
    return latest


def read_manifest(folder: Path) -> tuple[RunManifest | None, str]:
    """What a finished run says of itself; nothing while it has said nothing.

    Returns:
        The manifest, or nothing and, if there is one that cannot be read, a sentence.
    """
    path = folder / MANIFEST
    if not path.exists():
        return None, ""
    try:
        # The trainer writes neither NaN nor infinity; where another hand did, the number is as good as missing.
        written = json.loads(path.read_bytes(), parse_constant=lambda _constant: None, parse_float=_finite)
        return RunManifest.model_validate(written), ""
    except (ValueError, RecursionError) as error:
        first = (str(error).splitlines() or [""])[0][:300]
        problem = _("The manifest of this run cannot be read, so its figures are not shown (%(reason)s).", reason=first)
        return None, problem


def _finite(text: str) -> float | None:
    return number if math.isfinite(number := float(text)) else None


def read_samples(folder: Path, most: int = 6) -> list[dict[str, Any]]:
    """Sample answers of the newest step that left any, each beside that prompt's first one."""
    rows = list(_whole_lines(folder / SAMPLES))
    if not rows:
        return []
    newest = max(row.get("step", 0) for row in rows)
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        first.setdefault(str(row.get("prompt")), row)
    return [
        {**row, "earlier": first[str(row.get("prompt"))] if first[str(row.get("prompt"))] is not row else None}
        for row in rows
        if row.get("step", 0) == newest
    ][:most]


def read_log(folder: Path) -> str:
    """The end of what the trainer said."""
    path = folder / "output.log"
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LONGEST_LOG))
        return file.read().decode(errors="replace")


def read_error(folder: Path) -> tuple[str, bool] | None:
    """What a trainer said of its failure, and whether going on may help."""
    path = folder / ERROR
    if not path.exists():
        return None
    told = json.loads(path.read_text())
    return told.get("message", "The trainer stopped without a reason."), told.get("resumable") is not False


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]:
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines
