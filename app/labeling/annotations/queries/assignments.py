from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.judgements import queries as judgements
from app.models import (
    Annotation,
    Campaign,
    Lease,
    Person,
    Prompt,
    Skip,
    Task,
)


def lock_person(session: Session, person_id: int) -> None:
    """Let one person's requests for work follow one another, so that two tabs do not take two slots of one task.

    PostgreSQL only; on SQLite the transaction holds the write lock already. The lock does not stand in the
    way of rows that refer to the person.
    """
    session.execute(select(Person.id).where(Person.id == person_id).with_for_update(key_share=True))


def live_lease_of(session: Session, person_id: int, campaign_ids: Iterable[int], now: datetime) -> Lease | None:
    return session.scalar(
        select(Lease)
        .where(
            Lease.person_id == person_id,
            Lease.campaign_id.in_(list(campaign_ids)),
            Lease.submitted_at.is_(None),
            Lease.expires_at > now,
            ~_is_skipped_by(person_id),
        )
        .order_by(Lease.leased_at, Lease.id)
        .limit(1)
    )


def _is_unheld(now: datetime) -> ColumnElement[bool]:
    return and_(Lease.submitted_at.is_(None), or_(Lease.person_id.is_(None), Lease.expires_at <= now))


def _is_free(now: datetime, person_id: int) -> ColumnElement[bool]:
    return and_(_is_unheld(now), _is_open_to(person_id))


def _is_open_to(person_id: int) -> ColumnElement[bool]:
    """The slot is reserved for nobody else.

    In a bank those beyond the overlap are, in a campaign of work the slots of hidden gold and of repetitions; and of
    shared tasks one is for a researcher.
    """
    bank = exists().where(Campaign.id == Lease.campaign_id, Campaign.purpose == "bank", Lease.slot >= Campaign.overlap)
    judges = exists().where(Person.id == person_id, Person.role.in_(("researcher", "admin")))
    return and_(~bank, ~judgements.is_slot_that_measures(), or_(judges, ~judgements.is_slot_for("researcher")))


def _is_untouched_by(person_id: int) -> ColumnElement[bool]:
    """The task is one that the person has neither submitted nor holds by another slot."""
    other = aliased(Lease)
    elsewhere = exists().where(other.task_id == Lease.task_id, other.person_id == person_id, other.id != Lease.id)
    annotated = exists().where(Annotation.task_id == Lease.task_id, Annotation.person_id == person_id)
    return and_(~elsewhere, ~annotated)


def _is_new_to(person_id: int) -> ColumnElement[bool]:
    """The task is one that the person has neither submitted, nor holds by another slot, nor has skipped."""
    return and_(_is_untouched_by(person_id), ~_is_skipped_by(person_id))


def _is_skipped_by(person_id: int) -> ColumnElement[bool]:
    """A slot that is reserved for somebody stays theirs when they skip its task."""
    return exists().where(Skip.task_id == Lease.task_id, Skip.person_id == person_id)


def _is_bearable(person_id: int) -> ColumnElement[bool]:
    """The task is not marked as sensitive, or the person has not asked to be spared such tasks."""
    avoids = exists().where(Person.id == person_id, Person.avoids_sensitive.is_(True))
    sensitive = exists().where(Task.id == Lease.task_id, Prompt.id == Task.prompt_id, Prompt.sensitive.is_(True))
    return or_(~sensitive, ~avoids)


def next_free_slot(
    session: Session, person_id: int, campaign_ids: Iterable[int], now: datetime, *, researcher: bool = False
) -> Lease | None:
    """A free slot of a task that is new to the person, locked for this transaction.

    The oldest campaign first and its slots in order, those of one task after another: tasks that others have
    started are finished before new ones are opened, so that overlap is complete early and a campaign stopped halfway
    holds whole tasks. Researchers get the slots first that are theirs alone.
    A slot that another transaction is taking at this moment is passed over instead of waited for.

    Each campaign is asked for by itself, so that the index ``ix_leases_open`` gives its slots in order and the search
    ends at the first that fits.
    """
    found = (_next_of(session, person_id, id_, now, researcher=researcher) for id_ in sorted(campaign_ids))
    return next((slot for slot in found if slot), None)


def _next_of(session: Session, person_id: int, campaign_id: int, now: datetime, *, researcher: bool) -> Lease | None:
    query = next_slots(person_id, campaign_id, now).limit(1).with_for_update(skip_locked=True)
    if researcher and (own := session.scalar(query.where(judgements.is_slot_for("researcher")))):
        return own
    return session.scalar(query)


def next_slots(person_id: int, campaign_id: int, now: datetime) -> Select[Lease]:
    """The free slots of a campaign that a person may take, in the order in which they are given out."""
    return (
        select(Lease)
        .where(Lease.campaign_id == campaign_id, _is_free(now, person_id))
        .where(_is_new_to(person_id), _is_bearable(person_id))
        .order_by(Lease.submitted_at, Lease.id)  # as the index has them; the first is empty in all of these
    )


def free_slot_of_task(
    session: Session,
    person_id: int,
    task_id: int,
    now: datetime,
    *,
    purposes: Sequence[str],
    skipped_too: bool = False,
) -> Lease | None:
    """A free slot of one task, if its campaign is for one of these purposes.

    ``skipped_too`` also if the person has skipped it before; then also the slot that was reserved for them.
    """
    is_theirs_to_take = _is_untouched_by(person_id) if skipped_too else _is_new_to(person_id)
    given_back = and_(Lease.person_id.is_(None), Lease.submitted_at.is_(None), judgements.is_slot_that_measures())
    is_free = or_(_is_free(now, person_id), given_back) if skipped_too else _is_free(now, person_id)
    return session.scalar(
        select(Lease)
        .where(Lease.task_id == task_id, is_free, is_theirs_to_take)
        .where(Lease.campaign_id.in_(select(Campaign.id).where(Campaign.purpose.in_(purposes))))
        .order_by(Lease.slot)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def lease_for(session: Session, person_id: int, task_id: int, *, lock: bool = False) -> Lease | None:
    query = select(Lease).where(Lease.task_id == task_id, Lease.person_id == person_id)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


def next_reserved_slot(session: Session, task: Task) -> int:
    """The number of a new slot of a bank's item, beyond its overlap. Whoever asks holds the item until they are done.

    PostgreSQL only; on SQLite the transaction holds the write lock already.
    """
    session.execute(select(Task.id).where(Task.id == task.id).with_for_update())
    last = session.scalar(select(func.max(Lease.slot)).where(Lease.task_id == task.id))
    return max(task.campaign.overlap, 0 if last is None else last + 1)


def lease_by_id(session: Session, lease_id: int) -> Lease | None:
    return session.get(Lease, lease_id, with_for_update=True)


def slots_for(session: Session, person_id: int, campaign_id: int, now: datetime) -> int:
    """How many tasks of a campaign this person could take now."""
    query = select(func.count(func.distinct(Lease.task_id))).where(
        Lease.campaign_id == campaign_id, _is_free(now, person_id), _is_new_to(person_id), _is_bearable(person_id)
    )
    return session.scalar(query) or 0


def slots_spared(session: Session, person_id: int, campaign_ids: Iterable[int], now: datetime) -> int:
    """How many tasks this person could take now if they had not asked to be spared sensitive ones."""
    query = select(func.count(func.distinct(Lease.task_id))).where(
        Lease.campaign_id.in_(list(campaign_ids)),
        _is_free(now, person_id),
        _is_new_to(person_id),
        ~_is_bearable(person_id),
    )
    return session.scalar(query) or 0


def unfinished_slots(session: Session, person_id: int, campaign_ids: Iterable[int]) -> int:
    """Slots that are open to a person or held by others and would be."""
    unfinished = and_(Lease.submitted_at.is_(None), _is_open_to(person_id))
    query = select(func.count()).where(Lease.campaign_id.in_(list(campaign_ids)), unfinished)
    return session.scalar(query) or 0


def first_return(session: Session, person_id: int, campaign_ids: Iterable[int]) -> datetime | None:
    """When the first of the slots that others hold, and that this person could take, may come back."""
    query = select(func.min(Lease.expires_at)).where(
        Lease.campaign_id.in_(list(campaign_ids)),
        Lease.submitted_at.is_(None),
        Lease.person_id != person_id,
        _is_open_to(person_id),
        _is_new_to(person_id),
        _is_bearable(person_id),
    )
    return session.scalar(query)


# What people wrote -------------------------------------------------------------------------------


# Calibration ---------------------------------------------------------------------------------------
