"""What people wrote: its versions, and what was sent back to them."""

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from app.labeling.campaigns.queries.texts import is_newest
from app.models import (
    Annotation,
    Assignment,
    Demonstration,
    IntegrityDecision,
    Task,
    WrittenText,
)


def demonstrations_of(session: Session, annotation_id: int) -> Sequence[Demonstration]:
    return session.scalars(select(Demonstration).where(Demonstration.annotation_id == annotation_id)).all()


def demonstration_with(session: Session, prompt_id: int, text_sha256: str) -> Demonstration | None:
    return session.scalar(
        select(Demonstration).where(Demonstration.prompt_id == prompt_id, Demonstration.text_sha256 == text_sha256)
    )


def newest_text(session: Session, annotation_id: int) -> WrittenText | None:
    query = select(WrittenText).where(WrittenText.annotation_id == annotation_id, is_newest())
    return session.scalar(query.execution_options(populate_existing=True))


def texts_of(session: Session, annotation_id: int) -> Sequence[WrittenText]:
    """All versions of a text, oldest first."""
    return session.scalars(
        select(WrittenText).where(WrittenText.annotation_id == annotation_id).order_by(WrittenText.number)
    ).all()


def returned_text(session: Session, person_id: int, task_id: int, *, lock: bool = False) -> WrittenText | None:
    """What a person wrote for a task, if a reviewer has sent its newest version back to them."""
    query = (
        select(WrittenText)
        .join(Annotation, Annotation.id == WrittenText.annotation_id)
        .where(
            Annotation.person_id == person_id,
            Annotation.task_id == task_id,
            WrittenText.state == "sent_back",
            is_newest(),
        )
        .options(contains_eager(WrittenText.annotation))
    )
    return session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


def oldest_returned(session: Session, person_id: int, campaign_ids: Iterable[int]) -> Assignment | None:
    """The assignment of the text that was sent back to a person first."""
    return session.scalar(
        select(Assignment)
        .join(Annotation, Annotation.assignment_id == Assignment.id)
        .join(WrittenText, WrittenText.annotation_id == Annotation.id)
        .where(
            Annotation.person_id == person_id,
            Annotation.campaign_id.in_(list(campaign_ids)),
            WrittenText.state == "sent_back",
            is_newest(),
        )
        .order_by(WrittenText.decided_at, WrittenText.id)
        .limit(1)
    )


def talks_waiting(session: Session, person_id: int) -> int:
    """How many times somebody wants to talk with a person about a text of theirs and has no answer yet."""
    query = (
        select(func.count(IntegrityDecision.id))
        .join(WrittenText, WrittenText.id == IntegrityDecision.written_text_id)
        .join(Annotation, Annotation.id == WrittenText.annotation_id)
        .where(
            Annotation.person_id == person_id,
            IntegrityDecision.verdict == "talk",
            IntegrityDecision.replied_at.is_(None),
        )
    )
    return session.scalar(query) or 0


def returned_texts(session: Session, person_id: int) -> Sequence[WrittenText]:
    """What was sent back to a person and waits for them, the oldest decision first, with task, prompt and campaign."""
    return session.scalars(
        select(WrittenText)
        .join(Annotation, Annotation.id == WrittenText.annotation_id)
        .where(Annotation.person_id == person_id, WrittenText.state == "sent_back", is_newest())
        .order_by(WrittenText.decided_at, WrittenText.id)
        .options(
            contains_eager(WrittenText.annotation)
            .joinedload(Annotation.task)
            .options(joinedload(Task.prompt), joinedload(Task.campaign))
        )
    ).all()
