from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from app.models import Candidate, ModelParent, ModelVersion, Run, RunParent


def model_by_id(session: Session, model_id: int) -> ModelVersion | None:
    return session.get(ModelVersion, model_id)


def model_by_name(session: Session, name: str) -> ModelVersion | None:
    return session.scalar(select(ModelVersion).where(ModelVersion.name == name))


def name_taken(session: Session, name: str) -> bool:
    """Whether a model has a name, or a run whose model will have it."""
    return any(session.scalar(select(table.id).where(table.name == name)) is not None for table in (ModelVersion, Run))


def uses_of(session: Session, model_id: int) -> tuple[int, int]:
    """How many runs started from a model, and how many answers in the pool are its own."""
    columns = (RunParent.model_version_id, Candidate.model_version_id)
    runs, answers = (session.scalar(select(func.count()).where(column == model_id)) or 0 for column in columns)
    return runs, answers


def path_is_used(session: Session, path: str) -> bool:
    return session.scalar(select(ModelVersion.id).where(ModelVersion.path == path).limit(1)) is not None


def model_of_run(session: Session, run_id: int) -> ModelVersion | None:
    return session.scalar(select(ModelVersion).where(ModelVersion.run_id == run_id))


def models(session: Session, kinds: Sequence[str] = ()) -> Sequence[ModelVersion]:
    """All models, newest first, with their parents loaded."""
    query = (
        select(ModelVersion)
        .options(selectinload(ModelVersion.parents).joinedload(ModelParent.parent))
        .order_by(ModelVersion.id.desc())
    )
    return session.scalars(query.where(ModelVersion.kind.in_(kinds)) if kinds else query).all()


def children(session: Session, model_id: int) -> Sequence[tuple[str, ModelVersion]]:
    query = (
        select(ModelParent.role, ModelVersion)
        .join(ModelVersion, ModelVersion.id == ModelParent.child_id)
        .where(ModelParent.parent_id == model_id)
        .order_by(ModelVersion.id)
    )
    return [(role, model) for role, model in session.execute(query)]


def candidate_counts(session: Session) -> dict[int, int]:
    """Model version -> how many of its answers are in the pool."""
    query = (
        select(Candidate.model_version_id, func.count())
        .where(Candidate.model_version_id.is_not(None))
        .group_by(Candidate.model_version_id)
    )
    return {model_id: count for model_id, count in session.execute(query) if model_id is not None}
