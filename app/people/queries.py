from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.models import Annotation, ApiToken, Applicant, Attempt, AuditEvent, Person, WebSession, WrittenText
from app.people import rules


def person_by_email(session: Session, email: str) -> Person | None:
    return session.scalar(select(Person).where(func.lower(Person.email) == email.strip().lower()))


def person_by_id(session: Session, person_id: int) -> Person | None:
    return session.get(Person, person_id)


def locked_person(session: Session, person_id: int) -> Person | None:
    """A person as they are now, and as they stay until this transaction ends."""
    query = select(Person).where(Person.id == person_id).with_for_update().execution_options(populate_existing=True)
    return session.scalar(query)


# Sessions -----------------------------------------------------------------------------------------


def session_and_person(session: Session, secret_sha256: str, seen_since: datetime) -> tuple[WebSession, Person] | None:
    """The browser that a cookie speaks for and who is signed in there, unless it was last seen too long ago."""
    query = (
        select(WebSession, Person)
        .join(Person, Person.id == WebSession.person_id)
        .where(WebSession.secret_sha256 == secret_sha256, WebSession.last_seen_at > seen_since)
    )
    row = session.execute(query).first()
    return (row[0], row[1]) if row else None


def note_seen(session: Session, session_id: int, now: datetime, unless_since: datetime) -> None:
    """Write down that a browser was seen; of many requests at once, one does."""
    session.execute(
        update(WebSession)
        .where(WebSession.id == session_id, WebSession.last_seen_at <= unless_since)
        .values(last_seen_at=now)
    )


def sessions_of(session: Session, person_id: int, seen_since: datetime) -> int:
    query = select(func.count()).where(WebSession.person_id == person_id, WebSession.last_seen_at > seen_since)
    return session.scalar(query) or 0


def end_session(session: Session, secret_sha256: str) -> int | None:
    """End one; returns whose it was."""
    ended = delete(WebSession).where(WebSession.secret_sha256 == secret_sha256).returning(WebSession.person_id)
    return session.scalar(ended)


def end_sessions(session: Session, person_id: int) -> None:
    session.execute(delete(WebSession).where(WebSession.person_id == person_id))


def forget_sessions(session: Session, seen_before: datetime) -> None:
    session.execute(delete(WebSession).where(WebSession.last_seen_at <= seen_before))


# Attempts -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """What an attempt is counted against: an account, an address, or the one from the other."""

    account: str | None
    address: str | None

    def conditions(self) -> list[ColumnElement[bool]]:
        both = ((Attempt.account, self.account), (Attempt.address, self.address))
        of_accounts = [] if self.account is not None else [Attempt.account != ""]
        return [*(column == value for column, value in both if value is not None), *of_accounts]


def add_attempt(session: Session, tried: Tried, now: datetime) -> int:
    attempt = Attempt(account=tried.account, address=tried.address, at=now, succeeded=False)
    session.add(attempt)
    session.flush()
    return attempt.id


def time_of_attempt(session: Session, tried: Tried, since: datetime, offset: int) -> datetime | None:
    """When the failed attempt was made before which there are ``offset`` newer ones, or nothing if there is none."""
    query = select(Attempt.at).where(*tried.conditions(), Attempt.at > since, ~Attempt.succeeded)
    return session.scalar(query.order_by(Attempt.at.desc(), Attempt.id.desc()).offset(offset).limit(1))


def is_known(session: Session, tried: Tried) -> bool:
    """Whether the account has signed in from the address; what is too old is forgotten (``forget_attempts``)."""
    return session.scalar(select(Attempt.id).where(*tried.conditions(), Attempt.succeeded).limit(1)) is not None


def note_success(session: Session, tried: Tried, now: datetime) -> None:
    session.execute(delete(Attempt).where(*tried.conditions()))
    session.add(Attempt(account=tried.account, address=tried.address, at=now, succeeded=True))


def forget_attempt(session: Session, attempt_id: int) -> None:
    session.execute(delete(Attempt).where(Attempt.id == attempt_id))


def forget_attempts(session: Session, failed_before: datetime, succeeded_before: datetime) -> None:
    session.execute(
        delete(Attempt).where(
            or_(
                and_(Attempt.at <= failed_before, ~Attempt.succeeded),
                Attempt.at <= succeeded_before,
            )
        )
    )


# Everybody ----------------------------------------------------------------------------------------


def everyone(session: Session) -> Sequence[Person]:
    return session.scalars(select(Person).order_by(Person.active.desc(), Person.name)).all()


def locked_active_admins(session: Session) -> Sequence[Person]:
    """The active admins, none of whom another transaction can switch off before this one ends."""
    query = select(Person).where(Person.role == "admin", Person.active).order_by(Person.id)
    return session.scalars(query.with_for_update()).all()


# The audit trail ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """Which events: of a person, about a person and what is theirs, of a kind, with words in them, from and until."""

    who: int | None = None
    about: int | None = None
    kind: str = "all"
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def since_at_least(self, begin: datetime) -> "Asked":
        return replace(self, since=max(self.since or begin, begin))

    def conditions(self) -> list[ColumnElement[bool]]:
        clauses: list[ColumnElement[bool]] = []
        if self.who is not None:
            clauses.append(AuditEvent.person_id == self.who)
        if self.about is not None:
            clauses.append(_about(self.about))
        if self.kind in ("work", "access"):
            clauses.append(AuditEvent.action.in_(rules.WORK if self.kind == "work" else rules.ACCESS))
        elif self.kind == "decisions":
            clauses.append(AuditEvent.action.not_in(rules.WORK + rules.ACCESS))
        if self.words:
            clauses.append(
                or_(
                    AuditEvent.action.icontains(self.words, autoescape=True),
                    AuditEvent.subject_kind.icontains(self.words.replace(" ", "_"), autoescape=True),
                )
            )
        if self.since is not None:
            clauses.append(AuditEvent.at >= self.since)
        if self.until is not None:
            clauses.append(AuditEvent.at < self.until)
        return clauses


def _about(person_id: int) -> ColumnElement[bool]:
    """Events about a person, their tokens, what they wrote or how they applied."""
    theirs: dict[str, Select[Any]] = {
        "api_tokens": select(cast(ApiToken.id, String)).where(ApiToken.person_id == person_id),
        "applicants": select(cast(Applicant.id, String)).where(Applicant.person_id == person_id),
        "written_texts": select(cast(WrittenText.id, String))
        .join(Annotation, Annotation.id == WrittenText.annotation_id)
        .where(Annotation.person_id == person_id),
    }
    return or_(
        and_(AuditEvent.subject_kind == "people", AuditEvent.subject_id == str(person_id)),
        *(and_(AuditEvent.subject_kind == kind, AuditEvent.subject_id.in_(ids)) for kind, ids in theirs.items()),
    )


def count_events(session: Session, asked: Asked) -> int:
    return session.scalar(select(func.count()).select_from(AuditEvent).where(*asked.conditions())) or 0


def events(
    session: Session, asked: Asked, limit: int, *, offset: int = 0, before: int | None = None
) -> Sequence[AuditEvent]:
    """Events, newest first; ``before`` an event, where the numbers of pages would run away from those who read on."""
    query = select(AuditEvent).where(*asked.conditions()).order_by(AuditEvent.id.desc())
    if before is not None:
        query = query.where(AuditEvent.id < before)
    return session.scalars(query.limit(limit).offset(offset)).all()


def people_by_ids(session: Session, ids: Iterable[int]) -> dict[int, Person]:
    return {person.id: person for person in session.scalars(select(Person).where(Person.id.in_(list(ids))))}


def applicants_by_person(session: Session, person_ids: Iterable[int]) -> dict[int, Applicant]:
    applicants = session.scalars(select(Applicant).where(Applicant.person_id.in_(list(person_ids))))
    return {applicant.person_id: applicant for applicant in applicants}


def applicants_by_ids(session: Session, ids: Iterable[int]) -> dict[int, Applicant]:
    return {applicant.id: applicant for applicant in session.scalars(select(Applicant).where(Applicant.id.in_(ids)))}


# API tokens ---------------------------------------------------------------------------------------


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
