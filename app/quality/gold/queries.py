"""SQL of gold: which items wait for a verdict, and what people said about each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.instruments import kinds
from app.judgements import queries as judgements
from app.judgements.rules import ADJUDICATION
from app.labeling.campaigns.rules.campaigns import BANK
from app.models import Annotation, Assignment, Campaign, GoldItem, Person, Prompt, Task, TaskCandidate


@dataclass(frozen=True)
class Counts:
    """Items of a campaign: all of them, those judged by everybody who was asked, those with gold, those that wait."""

    items: int = 0
    judged: int = 0
    gold: int = 0
    waiting: int = 0


@dataclass(frozen=True)
class Item:
    """An item for a list: its task, the beginning of its prompt, and its gold if it has any."""

    task_id: int
    prompt: Prompt
    gold: GoldItem | None


def _judged() -> ColumnElement[bool]:
    """Everybody who was asked has judged the task, and in a campaign of work at least two people."""
    counted = (
        select(func.count(Annotation.id))
        .where(Annotation.task_id == Task.id, judgements.count_for(ADJUDICATION))
        .correlate(Task, Campaign)
        .scalar_subquery()
    )
    unfinished = exists().where(
        Assignment.task_id == Task.id, Assignment.number < Campaign.overlap, Assignment.submitted_at.is_(None)
    )
    bank = and_(~judgements.is_work(), counted >= 1, ~unfinished.correlate(Task, Campaign))
    return or_(bank, and_(judgements.is_work(), counted >= 2))


def _has_gold() -> ColumnElement[bool]:
    return exists().where(GoldItem.task_id == Task.id).correlate(Task)


def campaigns(session: Session) -> list[tuple[Campaign, Counts]]:
    """Campaigns in which answers are judged: all banks, and work of which somebody judged the same; newest first."""
    rows = session.execute(
        select(
            Campaign,
            func.count(Task.id),
            func.count(Task.id).filter(_judged()),
            func.count(Task.id).filter(_has_gold()),
            func.count(Task.id).filter(_judged(), ~_has_gold()),
        )
        .join(Task, Task.campaign_id == Campaign.id)
        .where(Campaign.kind.in_(kinds(lambda each: not each.written)), ~judgements.is_copy())
        .group_by(Campaign.id)
        .order_by(Campaign.id.desc())
    )
    counted = [(campaign, Counts(*counts)) for campaign, *counts in rows]
    return [(campaign, c) for campaign, c in counted if campaign.purpose == BANK or c.judged or c.gold]


def items(session: Session, campaign_id: int, *, gold: bool, limit: int) -> list[Item]:
    """Items of a campaign with gold, or those that wait for it; the newest ``limit``."""
    state = _has_gold() if gold else and_(_judged(), ~_has_gold())
    rows = session.execute(
        select(Task.id, Prompt, GoldItem)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .join(Prompt, Prompt.id == Task.prompt_id)
        .outerjoin(GoldItem, GoldItem.task_id == Task.id)
        .where(Task.campaign_id == campaign_id, state)
        .order_by(Task.id.desc())
        .limit(limit)
    )
    return [Item(task_id, prompt, item) for task_id, prompt, item in rows]


def task_by_id(session: Session, task_id: int) -> Task | None:
    return session.scalar(
        select(Task)
        .where(Task.id == task_id)
        .options(
            joinedload(Task.campaign).joinedload(Campaign.schema_version),
            joinedload(Task.prompt),
            selectinload(Task.answers).joinedload(TaskCandidate.candidate),
        )
    )


def lock_task(session: Session, task_id: int) -> None:
    """Let decisions about an item follow one another."""
    session.execute(select(Task.id).where(Task.id == task_id).with_for_update(key_share=True))


def said_of(session: Session, task_id: int) -> list[tuple[Annotation, Person | None]]:
    """What people said about a task, oldest first, with whoever said it; without the answers of tests."""
    rows = session.execute(
        select(Annotation, Person)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .outerjoin(Person, Person.id == Annotation.person_id)
        .where(Annotation.task_id == task_id, judgements.count_for(ADJUDICATION))
        .order_by(Annotation.submitted_at, Annotation.id)
        .options(selectinload(Annotation.ranks), selectinload(Annotation.ratings), selectinload(Annotation.flags))
    )
    return [(annotation, person) for annotation, person in rows]


def gold_of(session: Session, task_id: int) -> GoldItem | None:
    query = select(GoldItem).where(GoldItem.task_id == task_id)
    return session.scalar(query.execution_options(populate_existing=True))


def topics(session: Session) -> Sequence[str]:
    """The topics in use, in alphabetical order."""
    query = select(GoldItem.topic).where(GoldItem.topic != "").distinct().order_by(GoldItem.topic)
    return session.scalars(query).all()


def person_name(session: Session, person_id: int | None) -> str:
    person = session.get(Person, person_id) if person_id else None
    return person.name if person else ""


def tasks_by_fingerprint(session: Session, campaign_id: int) -> dict[str, int]:
    rows = session.execute(select(Task.fingerprint, Task.id).where(Task.campaign_id == campaign_id))
    return {fingerprint: id_ for fingerprint, id_ in rows}  # noqa: C416
