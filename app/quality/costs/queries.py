from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from app.judgements import queries as judgements
from app.models import Annotation, Campaign, CostPlan, Person, Ranking, WrittenText
from app.quality.costs.rules import Work

REFUSED = ("rejected", "withdrawn")
AnySelect = Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class Filters:
    """Which submissions: of a campaign, a kind, a number of answers, a group (empty: of none), from and before."""

    campaign_id: int | None = None
    kind: str = ""
    answers: int | None = None
    group: str | None = None
    since: datetime | None = None
    before: datetime | None = None


def _of_each_rank() -> Any:
    return (
        select(Ranking.annotation_id, func.count().label("size"))
        .group_by(Ranking.annotation_id, Ranking.rank)
        .subquery("of_each_rank")
    )


def _orders() -> Any:
    """Answers and tied pairs of every ranking."""
    lanes = _of_each_rank()
    return (
        select(
            lanes.c.annotation_id,
            func.sum(lanes.c.size).label("answers"),
            func.sum(lanes.c.size * (lanes.c.size - 1) / 2).label("tied"),
        )
        .group_by(lanes.c.annotation_id)
        .subquery("orders")
    )


def _narrowed(query: AnySelect, orders: Any, filters: Filters) -> AnySelect:
    """Submissions of labelers' ordinary work, with campaign, person and order, as far as the filters let them through.

    What is done for an item bank is no production of labels, and researchers who judge too are paid otherwise, so
    neither counts here. What measures its labeler in a campaign of work takes time that is paid, and yields nothing.
    Imported work has no person and passes.
    """
    query = (
        query.select_from(Annotation)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .outerjoin(Person, Person.id == Annotation.person_id)
        .outerjoin(orders, orders.c.annotation_id == Annotation.id)
    )
    by_labelers = or_(Annotation.person_id.is_(None), Person.role == "labeler")
    return query.where(judgements.is_work(), by_labelers, *_conditions(orders, filters))


def _conditions(orders: Any, filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.campaign_id is not None:
        yield Annotation.campaign_id == filters.campaign_id
    if filters.kind:
        yield Campaign.kind == filters.kind
    if filters.answers is not None:
        yield orders.c.answers == filters.answers
    if filters.group is not None:
        yield func.coalesce(Person.labeler_group, Annotation.labeler_group, "") == filters.group
    if filters.since is not None:
        yield Annotation.submitted_at >= filters.since
    if filters.before is not None:
        yield Annotation.submitted_at < filters.before


def works(session: Session, filters: Filters) -> list[Work]:
    """Every submission whose active time was measured, oldest first."""
    orders = _orders()
    # A text that is refused is at an end: its author does not write for the task again.
    refused = (
        select(WrittenText.id)
        .where(WrittenText.annotation_id == Annotation.id, WrittenText.state.in_(REFUSED))
        .exists()
    )
    query = _narrowed(
        select(
            Campaign.name,
            Campaign.kind,
            func.coalesce(orders.c.answers, 0),
            func.coalesce(orders.c.tied, 0),
            func.coalesce(Person.labeler_group, ""),
            Annotation.submitted_at,
            Annotation.person_id,
            Annotation.active_seconds,
            case((or_(refused, judgements.measures(*judgements.MEASURING)), 1), else_=0),
        ),
        orders,
        filters,
    ).where(_was_measured())
    found = []
    for campaign, kind, answers, tied, group, at, person, parts, lost in session.execute(query.order_by(Annotation.id)):
        k, pairs = int(answers), int(answers) * (int(answers) - 1) // 2
        month = f"{at:%Y-%m}"
        found.append(Work(campaign, kind, k, group, month, person, parts, pairs - int(tied), pairs, bool(lost)))
    return found


def _was_measured() -> ColumnElement[bool]:
    return and_(Annotation.active_seconds.is_not(None), Annotation.person_id.is_not(None))


def left_out(session: Session, filters: Filters) -> tuple[int, int]:
    """Submissions without a measured time: how many were imported, and how many were made here."""
    imported = Annotation.person_id.is_(None)
    query = _narrowed(select(imported, func.count()), _orders(), filters)
    counts = {bool(key): n for key, n in session.execute(query.where(~_was_measured()).group_by(imported))}
    return counts.get(True, 0), counts.get(False, 0)


def campaigns(session: Session) -> Sequence[Campaign]:
    """Those in which somebody has submitted something here, newest first."""
    worked = select(Annotation.campaign_id).where(Annotation.person_id.is_not(None))
    query = select(Campaign).where(judgements.is_work(), Campaign.id.in_(worked))
    return session.scalars(query.order_by(Campaign.id.desc())).all()


def groups(session: Session) -> Sequence[str]:
    """Labeler groups that have anybody in them."""
    query = select(Person.labeler_group).where(Person.labeler_group.is_not(None)).distinct()
    return [group for group in session.scalars(query.order_by(Person.labeler_group)) if group]


def newest_plan(session: Session) -> CostPlan | None:
    return session.scalar(select(CostPlan).order_by(CostPlan.id.desc()).limit(1))
