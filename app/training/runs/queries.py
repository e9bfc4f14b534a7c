from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, selectinload

from app.instruments import QUALITY
from app.judgements import queries as judgements
from app.judgements.rules import COUNTING, Wanted
from app.models import (
    Assignment,
    Campaign,
    Candidate,
    Demonstration,
    ModelVersion,
    Person,
    Prompt,
    Run,
    RunParent,
    Snapshot,
    Worker,
)
from app.models.base import utc_now
from app.training.runs import rules


def run_by_id(session: Session, run_id: int, *, lock: bool = False) -> Run | None:
    """A run; ``lock`` keeps others from changing it until the transaction ends."""
    return session.get(Run, run_id, with_for_update=lock, populate_existing=lock)


def free_run(session: Session, run_id: int) -> Run | None:
    """A run, locked; nothing while another transaction has it, perhaps one whose worker was cut off in its middle."""
    return session.scalar(select(Run).where(Run.id == run_id).with_for_update(skip_locked=True))


def recent_runs(session: Session, limit: int) -> Sequence[Run]:
    return session.scalars(select(Run).options(selectinload(Run.parents)).order_by(Run.id.desc()).limit(limit)).all()


def names_of_stage(session: Session, stage: str) -> Sequence[str]:
    """Names of the runs of a stage, and of whatever model is called like one."""
    runs = session.scalars(select(Run.name).where(Run.stage == stage)).all()
    models = session.scalars(select(ModelVersion.name).where(ModelVersion.name.startswith(f"{stage}-"))).all()
    return [*runs, *models]


def runs_ordered_since(session: Session, person_id: int, stage: str, since: datetime) -> Sequence[Run]:
    query = select(Run).where(Run.created_by == person_id, Run.stage == stage, Run.created_at >= since)
    return session.scalars(query.options(selectinload(Run.parents)).order_by(Run.id)).all()


def name_taken(session: Session, name: str) -> bool:
    """Whether a run has a name, or a model, for the model that a run leaves is called like it."""
    return any(session.scalar(select(table.id).where(table.name == name)) is not None for table in (Run, ModelVersion))


def database_time(session: Session) -> datetime:
    """Now, by the one clock that all workers share; with SQLite all of them run on its machine."""
    if session.get_bind().dialect.name == "sqlite":
        return utc_now()
    return session.scalars(select(func.clock_timestamp(type_=Run.heartbeat_at.type))).one()


def open_runs(session: Session) -> Sequence[Run]:
    return session.scalars(select(Run).where(Run.status.in_(("queued", "running"))).order_by(Run.id)).all()


def cancel_requested(session: Session, run_id: int, fence: int) -> bool | None:
    """Whether a person wants a worker's run stopped; nothing when it is no longer that worker's."""
    return session.scalar(select(Run.cancel_requested).where(Run.id == run_id, Run.fence == fence))


def renew(session: Session, run_id: int, fence: int, now: datetime, news: Mapping[str, Any]) -> bool:
    """Note a sign of life, and progress if there is any, of the worker that took the run with this fence."""
    query = update(Run).where(Run.id == run_id, Run.fence == fence, Run.status == "running")
    return session.scalar(query.values(heartbeat_at=now, **news).returning(Run.id)) is not None


def workers_seen_since(session: Session, moment: datetime) -> Sequence[Worker]:
    return session.scalars(select(Worker).where(Worker.seen_at >= moment).order_by(Worker.owner)).all()


def note_worker(session: Session, worker: Worker, forget_before: datetime) -> None:
    session.merge(worker)
    session.execute(delete(Worker).where(Worker.seen_at < forget_before))


def models_by_id(session: Session, ids: Sequence[int]) -> dict[int, ModelVersion]:
    return {model.id: model for model in session.scalars(select(ModelVersion).where(ModelVersion.id.in_(ids)))}


def parents_of(session: Session, run: Run) -> list[tuple[str, ModelVersion]]:
    query = (
        select(RunParent.role, ModelVersion)
        .join(ModelVersion, ModelVersion.id == RunParent.model_version_id)
        .where(RunParent.run_id == run.id)
        .order_by(RunParent.role)
    )
    return [(role, model) for role, model in session.execute(query)]


def snapshot_of(session: Session, run: Run) -> Snapshot | None:
    return snapshot_by_id(session, run.snapshot_id) if run.snapshot_id else None


def snapshot_by_id(session: Session, snapshot_id: int) -> Snapshot | None:
    return session.get(Snapshot, snapshot_id)


def campaign_name_taken(session: Session, name: str) -> bool:
    return session.scalar(select(Campaign.id).where(Campaign.name == name)) is not None


def creator_of(session: Session, run: Run) -> Person | None:
    return session.get(Person, run.created_by) if run.created_by else None


def model_of(session: Session, run: Run) -> ModelVersion | None:
    return session.scalar(select(ModelVersion).where(ModelVersion.run_id == run.id))


def candidates_of(session: Session, run: Run) -> int:
    return session.scalar(select(func.count()).select_from(Candidate).where(Candidate.run_id == run.id)) or 0


def pipeline_counts(session: Session) -> dict[str, int]:
    """What the loop holds at each station, for the strip on the dashboard."""

    def count(query: object) -> int:
        return session.scalar(query) or 0  # type: ignore[call-overload]

    return {
        "prompts": count(select(func.count(Prompt.id))),
        "demonstrations": count(select(func.count(Demonstration.id))),
        "candidates": count(select(func.count(Candidate.id))),
        "answered_prompts": count(select(func.count(func.distinct(Candidate.prompt_id)))),
        "rankings": judgements.count(session, Wanted(COUNTING, criterion=QUALITY.name), judgements.is_ranking()),
        "snapshots": count(select(func.count(Snapshot.id))),
    }


def newest_models(session: Session) -> dict[str, ModelVersion]:
    """The newest model of each kind."""
    newest = select(func.max(ModelVersion.id)).group_by(ModelVersion.kind)
    return {model.kind: model for model in session.scalars(select(ModelVersion).where(ModelVersion.id.in_(newest)))}


def newest_success(session: Session, stage: str, snapshot_id: int) -> Run | None:
    """The newest finished run of a stage on a snapshot, trials aside."""
    query = select(Run).where(Run.stage == stage, Run.status == "succeeded", Run.snapshot_id == snapshot_id)
    runs = session.scalars(query.order_by(Run.id.desc()))
    return next((run for run in runs if not rules.is_trial(run.purpose)), None)


def open_campaigns(session: Session) -> list[tuple[Campaign, int, int]]:
    """Open campaigns of work with the assignments submitted and those asked for, without those that measure people."""
    query = (
        select(Campaign, func.count(Assignment.submitted_at), func.count(Assignment.id))
        .join(Assignment, Assignment.campaign_id == Campaign.id)
        .where(Campaign.status == "open", judgements.is_work(), judgements.is_assignment_to_complete())
        .group_by(Campaign.id)
        .order_by(Campaign.id.desc())
    )
    return [(campaign, done, asked) for campaign, done, asked in session.execute(query)]
