from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from app.models import Candidate, ModelParent, ModelVersion


def model_by_id(session: Session, model_id: int) -> ModelVersion | None:
    return session.get(ModelVersion, model_id)


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
