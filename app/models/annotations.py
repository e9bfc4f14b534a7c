"""Campaigns, tasks, assignments and what people said: ratings, flags, rankings, demonstrations and their reviews."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, Id, Sha256, utc_now
from app.models.candidates import Candidate
from app.models.prompts import Prompt
from app.models.scenarios import Scenario
from app.models.schemas import LabelSchemaVersion


class Campaign(Base):
    """A batch of work for labelers.

    ``kind`` is the name of its instrument (``app.labeling.instruments``): ``ranking``, ``demonstration``, …;
    ``settings`` is what the form of a new campaign asks for that instrument alone, and ``prompt_form`` the form of the
    prompts that are written (InstructGPT A.1).
    ``phase`` decides what comes first when criteria conflict: helpfulness for ``training`` labels,
    truth and harmlessness for ``evaluation`` (IG §3.4). ``overlap`` is how many different
    people annotate each task; never one more. ``correction_minutes`` is how long a person may correct what they have
    submitted; 0 = not at all. ``schema_version_id`` says what labelers are asked now;
    demonstrations and imported work ask nothing. Where ``needs_review`` is set, what people write is used only
    after a researcher has accepted it. ``purpose`` is ``work``, or ``bank``: items that researchers judge first, so
    that gold is kept for them (``GoldItem``) and others can be measured by it.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint("kind <> ''", name="some_kind"),
        CheckConstraint("prompt_form IN ('plain', 'few_shot', 'user_based')", name="known_prompt_form"),
        CheckConstraint("phase IN ('training', 'evaluation')", name="known_phase"),
        CheckConstraint("status IN ('open', 'paused', 'closed')", name="known_status"),
        CheckConstraint("overlap >= 1", name="some_overlap"),
        CheckConstraint("purpose IN ('work', 'bank')", name="known_purpose"),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(default="ranking")
    phase: Mapped[str] = mapped_column(default="training")
    purpose: Mapped[str] = mapped_column(default="work", server_default="work")
    status: Mapped[str] = mapped_column(default="open")
    overlap: Mapped[int] = mapped_column(default=1)
    answers_per_task: Mapped[int | None]
    reserved_minutes: Mapped[int] = mapped_column(default=30)
    correction_minutes: Mapped[int] = mapped_column(default=60, server_default="0")
    instructions: Mapped[str] = mapped_column(default="")
    imported: Mapped[bool] = mapped_column(default=False)
    schema_version_id: Mapped[int | None] = mapped_column(ForeignKey("label_schema_versions.id"))
    prompt_form: Mapped[str | None]
    settings: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    needs_review: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    schema_version: Mapped[LabelSchemaVersion | None] = relationship()


class Task(Base):
    """One prompt of a campaign with the answers to be judged; in an authoring campaign, one prompt to be written.

    ``fingerprint`` is the hash of prompt and answers: one campaign asks for one set once. ``prompt_id`` is empty
    where the prompt is yet to be written, and ``scenario_id`` says what it is to be written from, if anything.
    """

    __tablename__ = "tasks"
    __table_args__ = (UniqueConstraint("campaign_id", "fingerprint"),)

    id: Mapped[Id]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), index=True)
    prompt_id: Mapped[int | None] = mapped_column(ForeignKey("prompts.id"), index=True)
    scenario_id: Mapped[int | None] = mapped_column(ForeignKey("scenarios.id"))
    fingerprint: Mapped[Sha256]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    campaign: Mapped[Campaign] = relationship()
    prompt: Mapped[Prompt | None] = relationship()
    scenario: Mapped[Scenario | None] = relationship()
    answers: Mapped[list["TaskCandidate"]] = relationship(order_by="TaskCandidate.position")


class TaskCandidate(Base):
    """Which answers belong to a task."""

    __tablename__ = "task_candidates"

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"), primary_key=True)
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"), primary_key=True)
    position: Mapped[int]

    candidate: Mapped[Candidate] = relationship()


class Assignment(Base):
    """One person's share of a task: a task with overlap 3 has the assignments 0, 1, 2 from the start.

    An assignment is free while nothing was submitted for it and it is nobody's, or the time until which it is
    reserved is over. Because the rows exist beforehand and each has at most one annotation, a fourth
    annotation has nowhere to go; because (task, person) is unique, nobody gets a task twice.
    Assignments of a campaign are given out in the order of their ids. Calibration adds assignments beyond the
    overlap (``ExtraAssignment``), and so do tests by items of a bank.
    """

    __tablename__ = "assignments"
    __table_args__ = (
        UniqueConstraint("task_id", "number"),
        UniqueConstraint("task_id", "person_id"),
        Index("ix_assignments_open", "campaign_id", "submitted_at", "id"),
        Index("ix_assignments_person", "person_id", "submitted_at"),
    )

    id: Mapped[Id]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"))
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    number: Mapped[int]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    reserved_at: Mapped[datetime | None]
    reserved_until: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]

    task: Mapped[Task] = relationship()


class Draft(Base):
    """What one person has entered for one task but not yet submitted; it outlives the assignment.

    ``shown_order`` is the shuffled order of candidate ids this person sees. ``revealed_at`` is when they uncovered
    texts that had opened blurred; empty while those are hidden. ``active`` is the active time counted so far
    (``app.labeling.annotations.rules.activity``). The task is reserved since ``reserved_since``;
    reservations before that, which had run out, lasted ``reserved_before`` seconds.
    """

    __tablename__ = "drafts"
    __table_args__ = (UniqueConstraint("task_id", "person_id"),)

    id: Mapped[Id]
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    shown_order: Mapped[list[Any]]
    content: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
    revealed_at: Mapped[datetime | None]
    active: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    reserved_since: Mapped[datetime | None]
    reserved_before: Mapped[float | None]


class Skip(Base):
    """A person has given a task back for good, and why; while the row is there they are not offered it again.

    ``reason`` is one of the fixed codes (``app.labeling.campaigns.rules.skips``). Taking a skip back deletes its row.
    """

    __tablename__ = "skips"
    __table_args__ = (
        UniqueConstraint("task_id", "person_id"),
        CheckConstraint(
            "reason IN ('unclear', 'expertise', 'uncomfortable', 'language', 'seen_before', 'other')",
            name="known_reason",
        ),
    )

    id: Mapped[Id]
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    reason: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    skipped_at: Mapped[datetime] = mapped_column(default=utc_now)

    task: Mapped[Task] = relationship()


class Annotation(Base):
    """One submitted piece of work: a person's whole verdict on one task, stored at once or not at all.

    ``annotator`` is the pseudonym under which the work is exported; imported work has no person. It is empty where an
    import does not say who judged: nobody knows then whether two such annotations are one person's.
    ``external_key`` is the hash of an imported row, so that the same file twice adds nothing.
    ``shown_order`` is the order of candidate ids on the labeler's screen; empty where nobody knows it.
    ``labeler_group`` is that of imported work; work done here has a person, whose group counts.
    ``strength`` says how much better the better of two answers is, from 0, on the collector's own
    scale (Llama 2 §3.2.1 has 0 to 3). ``schema_version_id`` is the version of the label schema that the
    labeler was shown. ``none_acceptable`` says that even the best answer is not good enough; empty where
    nobody was asked. ``seconds`` is how long the task was reserved; ``active_seconds`` says how much of it the labeler
    was at work, by part (``prompt``, ``answer:<candidate id>``, ``ranking``, ``writing``), and is empty for imports.
    Corrections count in both. ``detail`` is what an import says of the judgement beyond that.
    ``submitted_at`` is the first submission; ``corrected_at`` the newest correction by its author, if any.
    """

    __tablename__ = "annotations"
    __table_args__ = (UniqueConstraint("task_id", "person_id"),)

    id: Mapped[Id]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), index=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"), index=True)
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("assignments.id"), unique=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    annotator: Mapped[str | None]
    external_key: Mapped[str | None] = mapped_column(unique=True)
    shown_order: Mapped[list[Any]] = mapped_column(default=list)
    labeler_group: Mapped[str | None]
    schema_version_id: Mapped[int | None] = mapped_column(ForeignKey("label_schema_versions.id"))
    strength: Mapped[float | None]
    none_acceptable: Mapped[bool | None]
    seconds: Mapped[float | None]
    active_seconds: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    submitted_at: Mapped[datetime] = mapped_column(default=utc_now)
    corrected_at: Mapped[datetime | None]

    task: Mapped[Task] = relationship()
    assignment: Mapped[Assignment | None] = relationship()
    ratings: Mapped[list["Rating"]] = relationship()
    flags: Mapped[list["Flag"]] = relationship()
    ranks: Mapped[list["Ranking"]] = relationship()


class AnnotationVersion(Base):
    """What an annotation said before its author corrected it, whole.

    ``number`` counts the versions of an annotation from 1; the newest state stands in the annotation itself.
    ``content`` has the columns of the annotation and of its rows: ``{…, "ratings": […], "flags": […], "ranks": […]}``.
    """

    __tablename__ = "annotation_versions"
    __table_args__ = (
        UniqueConstraint("annotation_id", "number"),
        CheckConstraint("number >= 1", name="number_from_one"),
    )

    id: Mapped[Id]
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"))
    number: Mapped[int]
    content: Mapped[dict[str, Any]]
    replaced_at: Mapped[datetime] = mapped_column(default=utc_now)


class Rating(Base):
    """Overall quality of one answer, 1 (useless or harmful) to 7 (hard to improve), with an optional note."""

    __tablename__ = "ratings"
    __table_args__ = (CheckConstraint("likert BETWEEN 1 AND 7", name="likert_range"),)

    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"), primary_key=True)
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"), primary_key=True)
    likert: Mapped[int]
    note: Mapped[str] = mapped_column(default="")


class Flag(Base):
    """A labelled fact: about one answer, or about the prompt when ``candidate_id`` is empty.

    ``value`` is ``yes``, ``no`` or ``na``; of a choice it is the option (the tag of the prompt's ``use_case``), of a
    scale the number as a text.
    """

    __tablename__ = "flags"
    __table_args__ = (UniqueConstraint("annotation_id", "candidate_id", "name"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"))
    candidate_id: Mapped[int | None] = mapped_column(ForeignKey("candidates.id"))
    name: Mapped[str]
    value: Mapped[str]


class Ranking(Base):
    """The rank of one answer in one annotation: 1 is best, equal rank is a tie, no rank is skipped."""

    __tablename__ = "rankings"
    __table_args__ = (CheckConstraint("rank >= 1", name="rank_from_one"),)

    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"), primary_key=True)
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"), primary_key=True)
    rank: Mapped[int]


class WrittenText(Base):
    """One version of what a person wrote for one task: an answer, or a prompt with its answer.

    ``number`` counts the versions of an annotation from 1; only the newest may wait. ``content`` is what the person
    entered, as ``app.labeling.instruments.authoring.rules`` reads it. ``state`` says what became of it: ``waiting`` for
    a reviewer, ``accepted``, ``sent_back`` to its author or ``rejected`` (both with a ``reason``), ``withdrawn`` by the
    author, or ``replaced`` by a newer version before anybody decided. ``rating`` is the reviewer's, 1 to 7
    (InstructGPT B.1 rates demonstrations so). What needed no review is accepted and was decided by nobody.
    """

    __tablename__ = "written_texts"
    __table_args__ = (
        UniqueConstraint("annotation_id", "number"),
        CheckConstraint("number >= 1", name="number_from_one"),
        CheckConstraint(
            "state IN ('waiting', 'accepted', 'sent_back', 'rejected', 'withdrawn', 'replaced')", name="known_state"
        ),
        CheckConstraint("rating BETWEEN 1 AND 7", name="rating_range"),
    )

    id: Mapped[Id]
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"))
    number: Mapped[int]
    content: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(default="")
    rating: Mapped[int | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime | None]
    written_at: Mapped[datetime] = mapped_column(default=utc_now)

    annotation: Mapped[Annotation] = relationship()


class Demonstration(Base):
    """An answer a person wrote to a prompt, for supervised fine-tuning; of a few-shot set there are several."""

    __tablename__ = "demonstrations"
    __table_args__ = (UniqueConstraint("prompt_id", "text_sha256"),)

    id: Mapped[Id]
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"))
    text: Mapped[str]
    text_sha256: Mapped[Sha256]
    annotation_id: Mapped[int | None] = mapped_column(ForeignKey("annotations.id"), index=True)
    author: Mapped[str | None]
    source: Mapped[str]
    import_id: Mapped[int | None] = mapped_column(ForeignKey("imports.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
