"""Campaigns themselves, and what was submitted to them last."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.judgements import queries as judgements
from app.judgements.rules import LOOKING_THROUGH
from app.models import (
    Annotation,
    Campaign,
    Candidate,
    Skip,
    Task,
)


def campaign_by_id(session: Session, campaign_id: int) -> Campaign | None:
    return session.get(Campaign, campaign_id)


def campaign_by_name(session: Session, name: str) -> Campaign | None:
    return session.scalar(select(Campaign).where(Campaign.name == name))


def campaigns(session: Session) -> Sequence[Campaign]:
    return session.scalars(select(Campaign).order_by(Campaign.id.desc())).all()


def working_campaigns(session: Session, purposes: Sequence[str]) -> Sequence[Campaign]:
    """What people know of who are offered campaigns for these purposes: those that give out tasks or will again."""
    return session.scalars(
        select(Campaign)
        .where(Campaign.status != "closed", Campaign.imported.is_(False), Campaign.purpose.in_(purposes))
        .order_by(Campaign.id)
    ).all()


def open_campaigns(session: Session, campaign_id: int | None) -> dict[int, str]:
    """What each campaign is for that gives out tasks now; all of them, or one."""
    query = select(Campaign.id, Campaign.purpose).where(Campaign.status == "open", Campaign.imported.is_(False))
    rows = session.execute(query if campaign_id is None else query.where(Campaign.id == campaign_id))
    return {id_: purpose for id_, purpose in rows}  # noqa: C416


def skips_in(session: Session, campaign_id: int) -> Sequence[Skip]:
    """All skips of a campaign with their prompts, oldest first; where prompts are written, with their scenarios."""
    return session.scalars(
        select(Skip)
        .join(Task, Task.id == Skip.task_id)
        .where(Task.campaign_id == campaign_id)
        .order_by(Skip.id)
        .options(joinedload(Skip.task).joinedload(Task.prompt), joinedload(Skip.task).joinedload(Task.scenario))
    ).all()


def recent_annotations(session: Session, campaign_id: int, limit: int) -> Sequence[Annotation]:
    """The newest of a campaign, but no tests: nobody reads those under their author's pseudonym before the decision."""
    return session.scalars(
        select(Annotation)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .where(Annotation.campaign_id == campaign_id, judgements.count_for(LOOKING_THROUGH))
        .order_by(Annotation.submitted_at.desc(), Annotation.id.desc())
        .limit(limit)
        .options(
            joinedload(Annotation.task).joinedload(Task.prompt),
            selectinload(Annotation.ranks),
            selectinload(Annotation.ratings),
        )
    ).all()


def known_fingerprints(session: Session, campaign_id: int) -> set[str]:
    return set(session.scalars(select(Task.fingerprint).where(Task.campaign_id == campaign_id)))


def prompts_of_candidates(session: Session, candidate_ids: Sequence[int]) -> dict[int, int]:
    query = select(Candidate.id, Candidate.prompt_id).where(Candidate.id.in_(candidate_ids))
    return {row[0]: row[1] for row in session.execute(query)}
