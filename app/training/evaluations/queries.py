from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.judgements import queries as judgements
from app.models import Annotation, Campaign, Candidate, ModelVersion, Ranking, Rating


@dataclass(frozen=True)
class Judged:
    """One answer in one person's evaluation."""

    annotation_id: int
    prompt_id: int
    model_id: int
    rank: int
    likert: int | None
    is_empty: bool


def evaluation_campaigns(session: Session) -> Sequence[Campaign]:
    return session.scalars(
        select(Campaign)
        .where(Campaign.phase == "evaluation", Campaign.kind == "ranking", judgements.is_work())
        .order_by(Campaign.id.desc())
    ).all()


def judged_answers(session: Session, campaign_id: int) -> list[Judged]:
    """The ranked answers of a campaign that came from registered models, with their ratings, of rankings that count."""
    rows = session.execute(
        select(
            Annotation.id,
            Candidate.prompt_id,
            Candidate.model_version_id,
            Ranking.rank,
            Rating.likert,
            Candidate.text == "",
        )
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .join(Ranking, Ranking.annotation_id == Annotation.id)
        .join(Candidate, Candidate.id == Ranking.candidate_id)
        .outerjoin(Rating, (Rating.annotation_id == Annotation.id) & (Rating.candidate_id == Ranking.candidate_id))
        .where(Annotation.campaign_id == campaign_id, Candidate.model_version_id.is_not(None), judgements.counts())
        .order_by(Annotation.id, Candidate.id)
    )
    return [
        Judged(annotation, prompt, model or 0, rank, likert, is_empty)
        for annotation, prompt, model, rank, likert, is_empty in rows
    ]


def rankings_in(session: Session, campaign_id: int) -> int:
    """How many rankings of a campaign count, whoever made the answers."""
    query = select(func.count(Annotation.id)).join(Campaign, Campaign.id == Annotation.campaign_id)
    return session.scalar(query.where(Campaign.id == campaign_id, judgements.counts(), Annotation.ranks.any())) or 0


def model_names(session: Session) -> dict[int, str]:
    return {row[0]: row[1] for row in session.execute(select(ModelVersion.id, ModelVersion.name))}


def models_with_answers(session: Session) -> list[tuple[int, str, int]]:
    """(id, name, prompts answered) of models that have candidates, newest first."""
    rows = session.execute(
        select(ModelVersion.id, ModelVersion.name, func.count(func.distinct(Candidate.prompt_id)))
        .join(Candidate, Candidate.model_version_id == ModelVersion.id)
        .group_by(ModelVersion.id, ModelVersion.name)
        .order_by(ModelVersion.id.desc())
    )
    return [(model, name, prompts) for model, name, prompts in rows]


def answers_by_model(
    session: Session, model_ids: Sequence[int], prompt_ids: Sequence[int] | None = None
) -> dict[int, dict[int, list[int]]]:
    """Candidate ids, oldest first, by prompt and model."""
    query = select(Candidate.prompt_id, Candidate.model_version_id, Candidate.id).where(
        Candidate.model_version_id.in_(model_ids)
    )
    if prompt_ids is not None:
        query = query.where(Candidate.prompt_id.in_(prompt_ids))
    found: dict[int, dict[int, list[int]]] = {}
    for prompt, model, candidate in session.execute(query.order_by(Candidate.prompt_id, Candidate.id)):
        found.setdefault(prompt, {}).setdefault(model or 0, []).append(candidate)
    return found


def campaign_by_id(session: Session, campaign_id: int) -> Campaign | None:
    campaign = session.get(Campaign, campaign_id)
    compares = campaign and (campaign.phase, campaign.kind, campaign.purpose) == ("evaluation", "ranking", "work")
    return campaign if compares else None
