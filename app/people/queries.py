from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.models import ApiToken, AuditEvent, Person


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


def unrevoked_tokens(session: Session, person_id: int) -> Sequence[ApiToken]:
    """A person's tokens, newest first; some may have expired."""
    query = select(ApiToken).where(ApiToken.person_id == person_id, ApiToken.revoked_at.is_(None))
    return session.scalars(query.order_by(ApiToken.id.desc())).all()


def tokens_of(session: Session, person_id: int, limit: int) -> Sequence[ApiToken]:
    """A person's newest tokens, whatever became of them."""
    query = select(ApiToken).where(ApiToken.person_id == person_id)
    return session.scalars(query.order_by(ApiToken.id.desc()).limit(limit)).all()


def token_by_id(session: Session, token_id: int) -> ApiToken | None:
    return session.get(ApiToken, token_id)


def token_and_person(session: Session, secret_sha256: str) -> tuple[ApiToken, Person] | None:
    query = (
        select(ApiToken, Person)
        .join(Person, Person.id == ApiToken.person_id)
        .where(ApiToken.secret_sha256 == secret_sha256)
    )
    row = session.execute(query).first()
    return (row[0], row[1]) if row else None


def note_use(session: Session, token_id: int, now: datetime) -> None:
    session.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=now))
