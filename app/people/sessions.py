"""Who is signed in where. A session is a row: when the row goes, every copy of its cookie is worth nothing."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.database import Database
from app.models import Person, WebSession
from app.people import queries, rules

LASTS = timedelta(days=14)
"""Since the browser was last seen."""
SEEN_NOTED_EVERY = timedelta(minutes=1)


def begin(session: Session, person: Person, now: datetime) -> str:
    """Sign a person in on one more browser.

    Returns:
        The secret that its cookie carries; only a hash of it is kept.
    """
    queries.forget_sessions(session, now - LASTS)
    secret = secrets.token_urlsafe(32)
    row = WebSession(person_id=person.id, secret_sha256=rules.token_sha256(secret), created_at=now, last_seen_at=now)
    session.add(row)
    session.flush()
    return secret


def found(session: Session, secret: str, now: datetime) -> tuple[WebSession, Person] | None:
    """The session of a cookie and whose it is; nobody's when it was ended, is too old, or they may not come in."""
    row = queries.session_and_person(session, rules.token_sha256(secret), now - LASTS)
    return row if row and row[1].active else None


def person_behind(database: Database, secret: str, now: datetime) -> Person | None:
    """Whose session a secret is of, loaded for good; that they were here is noted in passing."""
    with database.reading() as session:
        known = found(session, secret, now)
        session.expunge_all()
    if known is None:
        return None
    row, person = known
    if not seen_is_old_news(row, now):
        with database.in_passing() as session:
            note_seen(session, row, now)
    return person


def seen_is_old_news(row: WebSession, now: datetime) -> bool:
    """Whether that somebody was here is written down already, as nearly as anybody needs it."""
    return now - row.last_seen_at < SEEN_NOTED_EVERY


def note_seen(session: Session, row: WebSession, now: datetime) -> None:
    queries.note_seen(session, row.id, now, now - SEEN_NOTED_EVERY)


def end(session: Session, secret: str) -> int | None:
    """End one session; returns whose it was, or nobody if it had ended."""
    return queries.end_session(session, rules.token_sha256(secret))


def end_all(session: Session, person_id: int) -> None:
    """End all sessions of a person.

    What keeps them from signing in again is written first, and it locks their row; ``app.people.service.sign_in``
    takes the same lock. So no session begins between the two that outlives this.
    """
    session.flush()
    queries.end_sessions(session, person_id)


def count(session: Session, person_id: int, now: datetime) -> int:
    return queries.sessions_of(session, person_id, now - LASTS)
