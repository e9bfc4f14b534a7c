"""SQL of the review queue. A reviewer never meets what they wrote themselves, nor what somebody wrote for a bank."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from app.judgements import queries as judgements
from app.judgements.rules import TEXTS
from app.models import Annotation, Campaign, Task, WrittenText

AnySelect = Select[*tuple[Any, ...]]


def _texts(query: AnySelect) -> AnySelect:
    """A query about texts of work, with their annotations and campaigns; what is written for a bank is a test."""
    query = query.join(Annotation, Annotation.id == WrittenText.annotation_id)
    return query.join(Campaign, Campaign.id == Annotation.campaign_id).where(judgements.count_for(TEXTS))


def _not_by(person_id: int) -> ColumnElement[bool]:
    return or_(Annotation.person_id.is_(None), Annotation.person_id != person_id)


def _waiting(query: AnySelect, person_id: int, campaign_id: int | None) -> AnySelect:
    query = _texts(query).where(WrittenText.state == "waiting", _not_by(person_id))
    return query if campaign_id is None else query.where(Annotation.campaign_id == campaign_id)


def waiting_count(session: Session, person_id: int, campaign_id: int | None = None) -> int:
    return session.scalar(_waiting(select(func.count(WrittenText.id)), person_id, campaign_id)) or 0


def oldest_waiting(session: Session, person_id: int, campaign_id: int | None, after: int) -> int | None:
    """The next text to review after one, by age and going round."""
    query = (
        _waiting(select(WrittenText.id), person_id, campaign_id)
        .order_by(WrittenText.id <= after, WrittenText.id)
        .limit(1)
    )
    return session.scalar(query)


def campaigns_with_texts(session: Session, person_id: int) -> list[tuple[Campaign, dict[str, int]]]:
    """Campaigns that need reviews or had some, newest first, each with its texts by state.

    Under ``mine`` stands how many of the waiting ones the person may not review because they wrote them.
    """
    mine = and_(WrittenText.state == "waiting", Annotation.person_id == person_id)
    rows = session.execute(
        select(Campaign, WrittenText.state, func.count(), func.count().filter(mine))
        .join(Annotation, Annotation.campaign_id == Campaign.id)
        .join(WrittenText, WrittenText.annotation_id == Annotation.id)
        .where(judgements.count_for(TEXTS))
        .where(or_(Campaign.needs_review, WrittenText.decided_by.is_not(None), WrittenText.state == "waiting"))
        .group_by(Campaign.id, WrittenText.state)
        .order_by(Campaign.id.desc())
    )
    by_campaign: dict[int, tuple[Campaign, dict[str, int]]] = {}
    for campaign, state, count, own in rows:
        counts = by_campaign.setdefault(campaign.id, (campaign, {"mine": 0}))[1]
        counts[state] = count
        counts["mine"] += own
    return list(by_campaign.values())


def text_by_id(session: Session, text_id: int) -> WrittenText | None:
    """A version of a text with its annotation, task, prompt and campaign."""
    return session.scalar(
        _texts(select(WrittenText))
        .where(WrittenText.id == text_id)
        .options(
            contains_eager(WrittenText.annotation)
            .joinedload(Annotation.task)
            .options(joinedload(Task.prompt), joinedload(Task.campaign))
        )
        .execution_options(populate_existing=True)
    )


def lock_annotation(session: Session, annotation_id: int) -> None:
    """Let decisions about a text, and newer versions of it, follow one another."""
    session.execute(select(Annotation.id).where(Annotation.id == annotation_id).with_for_update())


def decided(session: Session, campaign_id: int | None, state: str, *, limit: int, offset: int) -> Sequence[WrittenText]:
    """Texts about which somebody has decided, the latest decision first."""
    return session.scalars(
        _decided(select(WrittenText), campaign_id, state)
        .order_by(WrittenText.decided_at.desc(), WrittenText.id.desc())
        .limit(limit)
        .offset(offset)
        .options(contains_eager(WrittenText.annotation).joinedload(Annotation.task).joinedload(Task.prompt))
    ).all()


def decided_count(session: Session, campaign_id: int | None, state: str) -> int:
    return session.scalar(_decided(select(func.count(WrittenText.id)), campaign_id, state)) or 0


def _decided(query: AnySelect, campaign_id: int | None, state: str) -> AnySelect:
    query = _texts(query).where(WrittenText.decided_by.is_not(None))
    query = query.where(WrittenText.state == state) if state else query
    return query if campaign_id is None else query.where(Annotation.campaign_id == campaign_id)
