from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import AuditEvent, Person


def person_by_email(session: Session, email: str) -> Person | None:
    return session.scalar(select(Person).where(func.lower(Person.email) == email.strip().lower()))


def person_by_id(session: Session, person_id: int) -> Person | None:
    return session.get(Person, person_id)


def everyone(session: Session) -> Sequence[Person]:
    return session.scalars(select(Person).order_by(Person.active.desc(), Person.name)).all()


def locked_active_admins(session: Session) -> Sequence[Person]:
    """The active admins, none of whom another transaction can switch off before this one ends."""
    query = select(Person).where(Person.role == "admin", Person.active).order_by(Person.id)
    return session.scalars(query.with_for_update()).all()


def recent_events(session: Session, limit: int) -> Sequence[tuple[AuditEvent, Person | None]]:
    rows = session.execute(
        select(AuditEvent, Person)
        .outerjoin(Person, Person.id == AuditEvent.person_id)
        .order_by(AuditEvent.id.desc())
        .limit(limit)
    )
    return [(event, person) for event, person in rows]
