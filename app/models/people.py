"""Accounts and the audit trail."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, false
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, Sha256, utc_now

ROLES = ("labeler", "researcher", "engineer", "admin", "applicant")


class Person(Base):
    """Somebody with an account; an ``applicant`` is somebody whom a screening has invited and nobody has hired yet.

    ``password_is_one_time`` stays true until the person has chosen a password of their own.
    ``session_epoch`` is of the time before sessions were rows; nothing reads it any more.
    ``locale`` is the language they chose (BCP 47); without one their browser's wish counts.
    ``blur`` says which tasks open with blurred texts (``app.people.rules.BLURS``; empty: those marked as
    sensitive); whoever ``avoids_sensitive`` is not offered these at all.
    """

    __tablename__ = "people"
    __table_args__ = (
        CheckConstraint("role IN ('labeler', 'researcher', 'engineer', 'admin', 'applicant')", name="known_role"),
    )

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    labeler_group: Mapped[str | None]
    password_hash: Mapped[str]
    password_is_one_time: Mapped[bool] = mapped_column(default=True)
    session_epoch: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    locale: Mapped[str | None]
    blur: Mapped[str | None]
    avoids_sensitive: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_login_at: Mapped[datetime | None]


class WebSession(Base):
    """One browser in which a person is signed in; without its row a cookie opens nothing.

    ``secret_sha256`` is all that is kept of what the cookie says: 256 random bits need no slow hash.
    ``last_seen_at`` is written at most once a minute.
    """

    __tablename__ = "web_sessions"

    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    secret_sha256: Mapped[Sha256] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_seen_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class Attempt(Base):
    """Something secret that was tried at the door: a password, the token of a program, the link of an invitation.

    ``account`` is a hash of what names the account, so that nothing that somebody typed by mistake is kept; it is empty
    where only the secret was tried. ``address`` is a network address, of IPv6 the network. Failures are forgotten after
    minutes; the latest success of an account from an address stays and says that its owner is known there.
    """

    __tablename__ = "attempts"

    id: Mapped[Id]
    account: Mapped[Sha256] = mapped_column(index=True)
    address: Mapped[str] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(index=True)
    succeeded: Mapped[bool] = mapped_column(default=False)


class AuditEvent(Base):
    """Who did what to which thing, and when. Rows are only ever added."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_subject", "subject_kind", "subject_id"),)

    id: Mapped[Id]
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class ApiToken(Base):
    """A key with which a program acts as a person.

    ``secret_sha256`` is all that is kept of the secret: it is 256 random bits, so no slow hash is needed to
    keep it from being guessed. ``beginning`` are its first characters, by which people tell their tokens apart.
    """

    __tablename__ = "api_tokens"

    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    name: Mapped[str]
    beginning: Mapped[str]
    secret_sha256: Mapped[Sha256] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
