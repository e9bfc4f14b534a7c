from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import ModelVersion, Person, Run, Scoring


def scoring_by_id(session: Session, scoring_id: int) -> Scoring | None:
    return session.get(Scoring, scoring_id)


def scoring_with_id(session: Session, scoring_id: int) -> Scoring:
    """A scoring that is known to be there."""
    return session.get_one(Scoring, scoring_id)


def scoring_of_run(session: Session, run_id: int) -> Scoring | None:
    return session.scalar(select(Scoring).where(Scoring.run_id == run_id))


def newest_of_request(session: Session, digest: str, model_id: int) -> tuple[Scoring, Run] | None:
    """The newest scoring of the same answers by the same model."""
    query = (
        select(Scoring, Run)
        .join(Run, Run.id == Scoring.run_id)
        .where(Scoring.digest == digest, Scoring.model_version_id == model_id)
        .order_by(Scoring.id.desc())
    )
    row = session.execute(query).first()
    return (row[0], row[1]) if row else None


def run_of(session: Session, scoring: Scoring) -> Run:
    return session.get_one(Run, scoring.run_id)


def model_of(session: Session, scoring: Scoring) -> ModelVersion:
    return session.get_one(ModelVersion, scoring.model_version_id)


def model_named(session: Session, name: str) -> ModelVersion | None:
    return session.scalar(select(ModelVersion).where(ModelVersion.name == name))


def count(session: Session) -> int:
    return session.scalar(select(func.count(Scoring.id))) or 0


def recent(session: Session, limit: int, offset: int) -> Sequence[tuple[Scoring, Run, ModelVersion, Person | None]]:
    query = (
        select(Scoring, Run, ModelVersion, Person)
        .join(Run, Run.id == Scoring.run_id)
        .join(ModelVersion, ModelVersion.id == Scoring.model_version_id)
        .outerjoin(Person, Person.id == Scoring.person_id)
        .order_by(Scoring.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [(scoring, run, model, person) for scoring, run, model, person in session.execute(query)]


def waiting_before(session: Session, run: Run) -> int:
    """Runs that the workers have or will take before this one."""
    query = select(func.count(Run.id)).where(Run.status.in_(("queued", "running")), Run.id < run.id)
    return session.scalar(query) or 0


def config_of_training(session: Session, model: ModelVersion) -> dict[str, object]:
    """The settings of the run that made a model; empty for one that came from elsewhere."""
    config = session.scalar(select(Run.config).where(Run.id == model.run_id)) if model.run_id else None
    return dict(config or {})
