"""What people wrote, as far as a campaign shows it."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from app.judgements import queries as judgements
from app.judgements.rules import TEXTS
from app.models import (
    Annotation,
    Campaign,
    WrittenText,
)


def is_newest() -> ColumnElement[bool]:
    newer = aliased(WrittenText)
    return ~exists().where(newer.annotation_id == WrittenText.annotation_id, newer.number > WrittenText.number)


def newest_contents(session: Session, annotation_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """What was written last for each of some annotations."""
    rows = session.execute(
        select(WrittenText.annotation_id, WrittenText.content).where(
            WrittenText.annotation_id.in_(list(annotation_ids)), is_newest()
        )
    )
    return {annotation_id: content for annotation_id, content in rows}  # noqa: C416


def waiting_for_review(session: Session, campaign_id: int) -> int:
    query = select(func.count()).select_from(WrittenText).join(Annotation, Annotation.id == WrittenText.annotation_id)
    query = query.join(Campaign, Campaign.id == Annotation.campaign_id).where(judgements.count_for(TEXTS))
    return session.scalar(query.where(Annotation.campaign_id == campaign_id, WrittenText.state == "waiting")) or 0
