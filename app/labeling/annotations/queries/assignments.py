from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.judgements import queries as judgements
from app.models import (
    Annotation,
    Assignment,
    Campaign,
    Person,
    Prompt,
    Skip,
    Task,
)


def lock_person(session: Session, person_id: int) -> None:
    """Let one person's requests for work follow one another, so that two tabs do not take two assignments of one task.

    PostgreSQL only; on SQLite the transaction holds the write lock already. The lock does not stand in the
    way of rows that refer to the person.
    """
    session.execute(select(Person.id).where(Person.id == person_id).with_for_update(key_share=True))


def current_assignment_of(
    session: Session, person_id: int, campaign_ids: Iterable[int], now: datetime
) -> Assignment | None:
    return session.scalar(
        select(Assignment)
        .where(
            Assignment.person_id == person_id,
            Assignment.campaign_id.in_(list(campaign_ids)),
            Assignment.submitted_at.is_(None),
            Assignment.reserved_until > now,
            ~_is_skipped_by(person_id),
        )
        .order_by(Assignment.reserved_at, Assignment.id)
        .limit(1)
    )


def _is_unreserved(now: datetime) -> ColumnElement[bool]:
    return and_(
        Assignment.submitted_at.is_(None), or_(Assignment.person_id.is_(None), Assignment.reserved_until <= now)
    )


def _is_free(now: datetime, person_id: int) -> ColumnElement[bool]:
    return and_(_is_unreserved(now), _is_open_to(person_id))


def _is_open_to(person_id: int) -> ColumnElement[bool]:
    """The assignment is meant for nobody else.

    In a bank those beyond the overlap are, in a campaign of work those of hidden gold and of repetitions; and of
    shared tasks one is for a researcher.
    """
    bank = exists().where(
        Campaign.id == Assignment.campaign_id, Campaign.purpose == "bank", Assignment.number >= Campaign.overlap
    )
    judges = exists().where(Person.id == person_id, Person.role.in_(("researcher", "admin")))
    return and_(
        ~bank, ~judgements.is_assignment_that_measures(), or_(judges, ~judgements.is_assignment_for("researcher"))
    )


def _is_untouched_by(person_id: int) -> ColumnElement[bool]:
    """The task is one that the person has neither submitted nor has by another assignment."""
    other = aliased(Assignment)
    elsewhere = exists().where(
        other.task_id == Assignment.task_id, other.person_id == person_id, other.id != Assignment.id
    )
    annotated = exists().where(Annotation.task_id == Assignment.task_id, Annotation.person_id == person_id)
    return and_(~elsewhere, ~annotated)


def _is_new_to(person_id: int) -> ColumnElement[bool]:
    """The task is one that the person has neither submitted, nor has by another assignment, nor has skipped."""
    return and_(_is_untouched_by(person_id), ~_is_skipped_by(person_id))


def _is_skipped_by(person_id: int) -> ColumnElement[bool]:
    """An assignment of a test stays its person's when they skip its task."""
    return exists().where(Skip.task_id == Assignment.task_id, Skip.person_id == person_id)


def _is_bearable(person_id: int) -> ColumnElement[bool]:
    """The task is not marked as sensitive, or the person has not asked to be spared such tasks."""
    avoids = exists().where(Person.id == person_id, Person.avoids_sensitive.is_(True))
    sensitive = exists().where(Task.id == Assignment.task_id, Prompt.id == Task.prompt_id, Prompt.sensitive.is_(True))
    return or_(~sensitive, ~avoids)


def next_free_assignment(
    session: Session, person_id: int, campaign_ids: Iterable[int], now: datetime, *, researcher: bool = False
) -> Assignment | None:
    """A free assignment of a task that is new to the person, locked for this transaction.

    The oldest campaign first and its assignments in order, those of one task after another: tasks that others have
    started are finished before new ones are opened, so that overlap is complete early and a campaign stopped halfway
    holds whole tasks. Researchers get the assignments first that are theirs alone.
    An assignment that another transaction is taking at this moment is passed over instead of waited for.

    Each campaign is asked for by itself, so that the index ``ix_assignments_open`` gives them in order and the search
    ends at the first that fits.
    """
    next_by_campaign = (_next_of(session, person_id, id_, now, researcher=researcher) for id_ in sorted(campaign_ids))
    return next((assignment for assignment in next_by_campaign if assignment), None)


def _next_of(
    session: Session, person_id: int, campaign_id: int, now: datetime, *, researcher: bool
) -> Assignment | None:
    query = free_assignments(person_id, campaign_id, now).limit(1).with_for_update(skip_locked=True)
    if researcher and (own := session.scalar(query.where(judgements.is_assignment_for("researcher")))):
        return own
    return session.scalar(query)


def free_assignments(person_id: int, campaign_id: int, now: datetime) -> Select[Assignment]:
    """The free assignments of a campaign that a person may take, in the order in which they are given out."""
    return (
        select(Assignment)
        .where(Assignment.campaign_id == campaign_id, _is_free(now, person_id))
        .where(_is_new_to(person_id), _is_bearable(person_id))
        .order_by(Assignment.submitted_at, Assignment.id)  # as the index has them; the first is empty in all of these
    )


def free_assignment_of_task(
    session: Session,
    person_id: int,
    task_id: int,
    now: datetime,
    *,
    purposes: Sequence[str],
    skipped_too: bool = False,
) -> Assignment | None:
    """A free assignment of one task, if its campaign is for one of these purposes.

    ``skipped_too`` also if the person has skipped it before; then also the one of theirs that measures them.
    """
    is_theirs_to_take = _is_untouched_by(person_id) if skipped_too else _is_new_to(person_id)
    given_back = and_(
        Assignment.person_id.is_(None), Assignment.submitted_at.is_(None), judgements.is_assignment_that_measures()
    )
    is_free = or_(_is_free(now, person_id), given_back) if skipped_too else _is_free(now, person_id)
    return session.scalar(
        select(Assignment)
        .where(Assignment.task_id == task_id, is_free, is_theirs_to_take)
        .where(Assignment.campaign_id.in_(select(Campaign.id).where(Campaign.purpose.in_(purposes))))
        .order_by(Assignment.number)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def assignment_for(session: Session, person_id: int, task_id: int, *, lock: bool = False) -> Assignment | None:
    query = select(Assignment).where(Assignment.task_id == task_id, Assignment.person_id == person_id)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


def next_test_number(session: Session, task: Task) -> int:
    """The number of a new assignment of a bank's item, beyond its overlap. The item is locked until it is stored.

    PostgreSQL only; on SQLite the transaction holds the write lock already.
    """
    session.execute(select(Task.id).where(Task.id == task.id).with_for_update())
    last = session.scalar(select(func.max(Assignment.number)).where(Assignment.task_id == task.id))
    return max(task.campaign.overlap, 0 if last is None else last + 1)


def assignment_by_id(session: Session, assignment_id: int) -> Assignment | None:
    return session.get(Assignment, assignment_id, with_for_update=True)


def tasks_open_to(session: Session, person_id: int, campaign_id: int, now: datetime) -> int:
    """How many tasks of a campaign this person could take now."""
    query = select(func.count(func.distinct(Assignment.task_id))).where(
        Assignment.campaign_id == campaign_id, _is_free(now, person_id), _is_new_to(person_id), _is_bearable(person_id)
    )
    return session.scalar(query) or 0


def tasks_spared(session: Session, person_id: int, campaign_ids: Iterable[int], now: datetime) -> int:
    """How many tasks this person could take now if they had not asked to be spared sensitive ones."""
    query = select(func.count(func.distinct(Assignment.task_id))).where(
        Assignment.campaign_id.in_(list(campaign_ids)),
        _is_free(now, person_id),
        _is_new_to(person_id),
        ~_is_bearable(person_id),
    )
    return session.scalar(query) or 0


def unfinished_assignments(session: Session, person_id: int, campaign_ids: Iterable[int]) -> int:
    """Assignments that are open to a person, or reserved for others and would be."""
    unfinished = and_(Assignment.submitted_at.is_(None), _is_open_to(person_id))
    query = select(func.count()).where(Assignment.campaign_id.in_(list(campaign_ids)), unfinished)
    return session.scalar(query) or 0


def first_return(session: Session, person_id: int, campaign_ids: Iterable[int]) -> datetime | None:
    """When the first that is reserved for others, and that this person could take, may come back."""
    query = select(func.min(Assignment.reserved_until)).where(
        Assignment.campaign_id.in_(list(campaign_ids)),
        Assignment.submitted_at.is_(None),
        Assignment.person_id != person_id,
        _is_open_to(person_id),
        _is_new_to(person_id),
        _is_bearable(person_id),
    )
    return session.scalar(query)
