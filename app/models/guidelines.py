"""Guidelines and their versions, who has read which, and what labelers ask."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, Id, utc_now


class Guideline(Base):
    """A document that tells labelers how to judge; its words are in its versions.

    It is for one ``phase``, because that decides what comes first when criteria pull apart (IG §3.4), and for the
    campaigns of one ``instrument`` alone where it names one (``toxicity``). The oldest document of a phase
    and instrument holds for every such campaign that names no other.
    """

    __tablename__ = "guidelines"
    __table_args__ = (CheckConstraint("phase IN ('training', 'evaluation')", name="known_phase"),)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    phase: Mapped[str]
    instrument: Mapped[str | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class GuidelineVersion(Base):
    """The words of a guideline from one moment on, in Markdown; published versions never change.

    ``text`` is the original and ``translations`` the same in further languages, by their tag (BCP 47).

    ``changes`` is what its author says is new in it, empty in the first one. ``published_by`` is empty where
    Prefloop itself brought the text.
    """

    __tablename__ = "guideline_versions"
    __table_args__ = (
        UniqueConstraint("guideline_id", "number"),
        CheckConstraint("number >= 1", name="number_from_one"),
    )

    id: Mapped[Id]
    guideline_id: Mapped[int] = mapped_column(ForeignKey("guidelines.id"))
    number: Mapped[int]
    text: Mapped[str]
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    changes: Mapped[str] = mapped_column(default="")
    published_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    published_at: Mapped[datetime] = mapped_column(default=utc_now)

    guideline: Mapped[Guideline] = relationship()


class CampaignGuideline(Base):
    """The document a campaign names; one without a row follows the oldest of its phase and instrument.

    A table of its own, so that campaigns are made without knowing of guidelines.
    """

    __tablename__ = "campaign_guidelines"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    guideline_id: Mapped[int] = mapped_column(ForeignKey("guidelines.id"), index=True)


class GuidelineConfirmation(Base):
    """A person's word that they have read a version."""

    __tablename__ = "guideline_confirmations"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("guideline_versions.id"), primary_key=True)
    confirmed_at: Mapped[datetime] = mapped_column(default=utc_now)


class Question(Base):
    """What a labeler wants to know about a task, or (without one) about a campaign, and what came of it.

    ``waiting_since`` is empty once the last word is an answer. An answer is unread while ``read_at`` is missing
    or earlier than ``answered_at``.
    """

    __tablename__ = "questions"

    id: Mapped[Id]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), index=True)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    waiting_since: Mapped[datetime | None] = mapped_column(index=True)
    answered_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]

    posts: Mapped[list["QuestionPost"]] = relationship(order_by="QuestionPost.id")


class QuestionPost(Base):
    """One message of a question's thread: from the person who asked, or an answer to them."""

    __tablename__ = "question_posts"

    id: Mapped[Id]
    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    is_answer: Mapped[bool]
    text: Mapped[str]
    posted_at: Mapped[datetime] = mapped_column(default=utc_now)


class Announcement(Base):
    """A question and its answer, as all labelers of a campaign may read them.

    Both texts are copies that a researcher has looked through, so that nothing in them says who asked.
    """

    __tablename__ = "announcements"

    id: Mapped[Id]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), index=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id"), unique=True)
    question: Mapped[str]
    answer: Mapped[str]
    made_by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    made_at: Mapped[datetime] = mapped_column(default=utc_now)


class AnnouncementDismissal(Base):
    """A person has read an announcement and does not need it on their work page any more."""

    __tablename__ = "announcement_dismissals"

    announcement_id: Mapped[int] = mapped_column(ForeignKey("announcements.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    dismissed_at: Mapped[datetime] = mapped_column(default=utc_now)
