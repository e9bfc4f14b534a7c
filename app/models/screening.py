"""Screenings: tests by which researchers choose labelers, who was invited, and what became of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.annotations import Campaign, Task
from app.models.base import Base, Id, Sha256, utc_now
from app.models.people import Person


class Screening(Base):
    """A test of applicants on the four criteria of InstructGPT B.1.

    ``items`` says how many items of a form come from the banks of each criterion: ``{"flags": 10, "rankings": 10,
    "demonstrations": 3}``. An answer counts as sensitive if one of ``sensitive_flags`` is set on it. ``topics`` are
    what applicants are asked about themselves, beside a free question. A form lasts ``minutes`` from its start, but
    never beyond ``ends_at``. Forms are drawn by ``seed``.
    """

    __tablename__ = "screenings"
    __table_args__ = (CheckConstraint("minutes BETWEEN 1 AND 10080", name="minutes_of_a_week"),)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    items: Mapped[dict[str, Any]]
    sensitive_flags: Mapped[list[Any]]
    topics: Mapped[list[Any]]
    seed: Mapped[int]
    minutes: Mapped[int]
    ends_at: Mapped[datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    banks: Mapped[list["ScreeningBank"]] = relationship()


class ScreeningBank(Base):
    """A bank from which the items of one criterion are drawn."""

    __tablename__ = "screening_banks"
    __table_args__ = (CheckConstraint("criterion IN ('flags', 'rankings', 'demonstrations')", name="known_criterion"),)

    screening_id: Mapped[int] = mapped_column(ForeignKey("screenings.id"), primary_key=True)
    criterion: Mapped[str] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)

    campaign: Mapped[Campaign] = relationship()


class ScreeningInvitation(Base):
    """A secret link by which people join a screening.

    ``secret_sha256`` is all that is kept of it: 256 random bits need no slow hash. ``beginning`` are its first
    characters, by which researchers tell their links apart. It serves ``most_uses`` people until ``expires_at``.
    """

    __tablename__ = "screening_invitations"
    __table_args__ = (CheckConstraint("uses BETWEEN 0 AND most_uses", name="uses_left"),)

    id: Mapped[Id]
    screening_id: Mapped[int] = mapped_column(ForeignKey("screenings.id"), index=True)
    secret_sha256: Mapped[Sha256] = mapped_column(unique=True)
    beginning: Mapped[str]
    most_uses: Mapped[int]
    uses: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    screening: Mapped[Screening] = relationship()


class Applicant(Base):
    """Somebody in a screening, known to those who decide by ``code`` alone.

    ``attempt`` counts from 1; a reset begins another, of other items. ``claimed`` are the topics that the person says
    they can judge, ``words`` what they say beside it. ``finished_at`` is when they handed in, or the deadline.
    ``decision`` is that of a person, never of a number; ``unmasked_at`` is when somebody first looked at the name.
    """

    __tablename__ = "applicants"
    __table_args__ = (
        UniqueConstraint("screening_id", "code"),
        CheckConstraint("decision IN ('accepted', 'declined', 'waiting')", name="known_decision"),
    )

    id: Mapped[Id]
    screening_id: Mapped[int] = mapped_column(ForeignKey("screenings.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), unique=True)
    invitation_id: Mapped[int | None] = mapped_column(ForeignKey("screening_invitations.id"))
    code: Mapped[str]
    attempt: Mapped[int] = mapped_column(default=1)
    joined_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    deadline: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    assessed: Mapped[bool] = mapped_column(default=False, server_default=false())
    claimed: Mapped[list[Any]] = mapped_column(default=list)
    words: Mapped[str] = mapped_column(default="")
    decision: Mapped[str | None]
    reason: Mapped[str] = mapped_column(default="")
    labeler_group: Mapped[str | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime | None]
    unmasked_at: Mapped[datetime | None]

    screening: Mapped[Screening] = relationship()
    person: Mapped[Person] = relationship(foreign_keys=[person_id])


class FormItem(Base):
    """One item of an applicant's form; its task is assigned to them beyond the overlap, and to nobody else."""

    __tablename__ = "form_items"
    __table_args__ = (
        UniqueConstraint("applicant_id", "task_id"),
        CheckConstraint("criterion IN ('flags', 'rankings', 'demonstrations')", name="known_criterion"),
    )

    id: Mapped[Id]
    applicant_id: Mapped[int] = mapped_column(ForeignKey("applicants.id"))
    attempt: Mapped[int]
    criterion: Mapped[str]
    position: Mapped[int]
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))

    applicant: Mapped[Applicant] = relationship()
    task: Mapped[Task] = relationship()


class DemonstrationRating(Base):
    """How good a researcher finds what an applicant wrote, 1 to 7, without knowing who wrote it (InstructGPT B.1)."""

    __tablename__ = "demonstration_ratings"
    __table_args__ = (
        UniqueConstraint("item_id", "person_id"),
        CheckConstraint("rating BETWEEN 1 AND 7", name="rating_range"),
    )

    id: Mapped[Id]
    item_id: Mapped[int] = mapped_column(ForeignKey("form_items.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    rating: Mapped[int]
    rated_at: Mapped[datetime] = mapped_column(default=utc_now)
