"""Onboarding courses: what somebody reads, practises and answers before a campaign opens to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, Id, utc_now
from app.models.gold import GoldItem
from app.models.guidelines import Guideline


class Course(Base):
    """A course (InstructGPT §3.4 trains labelers before they label).

    It teaches ``guideline``, if it names one: a new version of that has to be learned anew. ``pass_share`` is the
    share of its questions that must be answered rightly.
    """

    __tablename__ = "courses"
    __table_args__ = (CheckConstraint("pass_share BETWEEN 0 AND 1", name="a_share"),)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    guideline_id: Mapped[int | None] = mapped_column(ForeignKey("guidelines.id"))
    pass_share: Mapped[float] = mapped_column(default=0.8)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    guideline: Mapped[Guideline | None] = relationship()
    steps: Mapped[list["CourseStep"]] = relationship(order_by="CourseStep.position")


class CourseStep(Base):
    """One step of a course, at its ``position``.

    A ``page`` has ``{"title", "text"}``, a ``question`` ``{"text", "options", "right", "why"}`` (``right`` is the
    place of the right option, from 0); the answers of a ``practice`` item are ranked and compared with its gold.
    """

    __tablename__ = "course_steps"
    __table_args__ = (CheckConstraint("kind IN ('page', 'question', 'practice')", name="known_kind"),)

    id: Mapped[Id]
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id"), index=True)
    position: Mapped[int]
    kind: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(default=dict)
    gold_item_id: Mapped[int | None] = mapped_column(ForeignKey("gold_items.id"))

    gold: Mapped[GoldItem | None] = relationship()


class CourseAttempt(Base):
    """One person's way through a course.

    ``answers`` has what they said, by step: ``{step id: {"read": true} | {"choice": place} | {"ranks": {candidate id:
    rank}, "flags": {candidate id: [names]}}}``. ``guideline_version_id`` is what the course taught then. ``score`` is
    the share of questions answered rightly, once it is finished; empty where the course asks none.
    """

    __tablename__ = "course_attempts"
    __table_args__ = (Index("ix_course_attempts_person", "person_id", "course_id"),)

    id: Mapped[Id]
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    guideline_version_id: Mapped[int | None] = mapped_column(ForeignKey("guideline_versions.id"))
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    finished_at: Mapped[datetime | None]
    passed: Mapped[bool | None]
    score: Mapped[float | None]


class CampaignCourse(Base):
    """The course that a labeler has to pass before the first task of a campaign."""

    __tablename__ = "campaign_courses"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id"), index=True)
