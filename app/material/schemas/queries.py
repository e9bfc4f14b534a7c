from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from app.models import Annotation, Campaign, LabelSchema, LabelSchemaVersion, Person


def schema_by_id(session: Session, schema_id: int, *, lock: bool = False) -> LabelSchema | None:
    """A schema; ``lock`` lets those who add versions to it follow one another."""
    return session.get(LabelSchema, schema_id, with_for_update=True if lock else None)


def schema_by_name(session: Session, name: str) -> LabelSchema | None:
    return session.scalar(select(LabelSchema).where(LabelSchema.name == name))


def version_by_id(session: Session, version_id: int) -> LabelSchemaVersion | None:
    return session.get(LabelSchemaVersion, version_id, options=[joinedload(LabelSchemaVersion.label_schema)])


def newest_version(session: Session, schema_id: int) -> LabelSchemaVersion:
    """Every schema has at least its first version."""
    query = select(LabelSchemaVersion).where(LabelSchemaVersion.schema_id == schema_id)
    query = query.options(joinedload(LabelSchemaVersion.label_schema))
    return session.scalars(query.order_by(LabelSchemaVersion.number.desc()).limit(1)).one()


def newest_versions(session: Session) -> Sequence[LabelSchemaVersion]:
    """The newest version of every schema, schemas by age."""
    newest = select(func.max(LabelSchemaVersion.id)).group_by(LabelSchemaVersion.schema_id)
    return session.scalars(
        select(LabelSchemaVersion)
        .where(LabelSchemaVersion.id.in_(newest))
        .order_by(LabelSchemaVersion.schema_id)
        .options(joinedload(LabelSchemaVersion.label_schema))
    ).all()


def all_versions(session: Session) -> Sequence[LabelSchemaVersion]:
    """Every version of every schema: schemas by age, the newest version of each first."""
    return session.scalars(
        select(LabelSchemaVersion)
        .order_by(LabelSchemaVersion.schema_id, LabelSchemaVersion.number.desc())
        .options(joinedload(LabelSchemaVersion.label_schema))
    ).all()


def versions_with_authors(session: Session, schema_id: int) -> Sequence[tuple[LabelSchemaVersion, Person | None]]:
    """The versions of a schema, newest first, and who made them."""
    query = (
        select(LabelSchemaVersion, Person)
        .outerjoin(Person, Person.id == LabelSchemaVersion.created_by)
        .where(LabelSchemaVersion.schema_id == schema_id)
        .order_by(LabelSchemaVersion.number.desc())
    )
    return [(version, person) for version, person in session.execute(query)]


def campaigns_by_version(session: Session) -> dict[int, list[Campaign]]:
    """The campaigns that ask each version now."""
    query = select(Campaign).where(Campaign.schema_version_id.is_not(None)).order_by(Campaign.id.desc())
    by_version: dict[int, list[Campaign]] = {}
    for campaign in session.scalars(query):
        by_version.setdefault(campaign.schema_version_id or 0, []).append(campaign)
    return by_version


def annotations_by_version(session: Session) -> dict[int, int]:
    """How many annotations were made under each version."""
    query = (
        select(Annotation.schema_version_id, func.count())
        .where(Annotation.schema_version_id.is_not(None))
        .group_by(Annotation.schema_version_id)
    )
    return {version: count for version, count in session.execute(query) if version is not None}
