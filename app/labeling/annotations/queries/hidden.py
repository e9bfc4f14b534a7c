"""Assignments of hidden gold and of repetitions, for one person each."""

from datetime import datetime

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.judgements import queries as judgements
from app.models import (
    Annotation,
    Assignment,
    GoldItem,
    Person,
    Prompt,
    RepeatedTask,
    Skip,
    Task,
)


def lock_task(session: Session, task_id: int) -> None:
    """Let those who add to a task's assignments follow one another. Rows that refer to the task do not wait."""
    session.execute(select(Task.id).where(Task.id == task_id).with_for_update(key_share=True))


FIRST_MEASURING = 1_000
"""Assignments for one person are numbered from here, so that they never get in the way of those that a plan adds."""


def next_measuring_number(session: Session, task_id: int) -> int:
    query = select(func.max(Assignment.number)).where(
        Assignment.task_id == task_id, Assignment.number >= FIRST_MEASURING
    )
    return (session.scalar(query) or FIRST_MEASURING - 1) + 1


def own_measuring_assignment(session: Session, person_id: int, campaign_id: int) -> Assignment | None:
    """An assignment of hidden gold or of a repetition that a person let run out; nobody else can take it."""
    return session.scalar(
        select(Assignment)
        .where(
            Assignment.person_id == person_id, Assignment.submitted_at.is_(None), Assignment.campaign_id == campaign_id
        )
        .where(judgements.is_assignment_that_measures())
        .order_by(Assignment.id)
        .limit(1)
    )


def done_and_given(session: Session, person_id: int, campaign_id: int) -> tuple[int, int, int]:
    """What a person has submitted in a campaign, and how many hidden gold items and repetitions they were given."""
    row = session.execute(
        select(
            func.count(Assignment.submitted_at),
            func.count().filter(judgements.is_assignment_for("gold")),
            func.count().filter(judgements.is_assignment_for("repeat")),
        ).where(Assignment.person_id == person_id, Assignment.campaign_id == campaign_id)
    ).one()
    return row[0], row[1], row[2]


def oldest_gold_for(session: Session, person_id: int, campaign_id: int) -> int | None:
    """The task of a campaign that got gold first, of those that are new to a person."""
    met = exists().where(Assignment.task_id == Task.id, Assignment.person_id == person_id)
    annotated = exists().where(Annotation.task_id == Task.id, Annotation.person_id == person_id)
    skipped = exists().where(Skip.task_id == Task.id, Skip.person_id == person_id)
    avoids = exists().where(Person.id == person_id, Person.avoids_sensitive.is_(True))
    sensitive = exists().where(Prompt.id == Task.prompt_id, Prompt.sensitive.is_(True))
    return session.scalar(
        select(Task.id)
        .join(GoldItem, GoldItem.task_id == Task.id)
        .where(Task.campaign_id == campaign_id, ~met, ~annotated, ~skipped, or_(~avoids, ~sensitive))
        .order_by(GoldItem.decided_at, GoldItem.id)
        .limit(1)
    )


def oldest_to_repeat(
    session: Session, person_id: int, campaign_id: int, *, before: datetime, others: int
) -> Task | None:
    """What a person judged first in a campaign, at least ``others`` items ago and ``before`` a time, and only once.

    Hidden gold is not repeated, nor is a repetition.
    """
    repeated = exists().where(RepeatedTask.original_id == Annotation.task_id, RepeatedTask.person_id == person_id)
    later = aliased(Annotation)
    since = (
        select(func.count(later.id))
        .where(later.person_id == person_id, later.campaign_id == campaign_id, later.id > Annotation.id)
        .correlate(Annotation)
        .scalar_subquery()
    )
    return session.scalar(
        select(Task)
        .join(Annotation, Annotation.task_id == Task.id)
        .where(Annotation.person_id == person_id, Annotation.campaign_id == campaign_id)
        .where(
            Annotation.submitted_at <= before, ~repeated, ~judgements.measures(*judgements.MEASURING), since >= others
        )
        .order_by(Annotation.id)
        .limit(1)
    )
