from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.instruments import QUALITY
from app.judgements import queries as judgements
from app.models import Campaign, Candidate, ModelVersion, Task, TaskCandidate


def evaluation_campaigns(session: Session) -> Sequence[Campaign]:
    return session.scalars(_compares(select(Campaign)).order_by(Campaign.id.desc())).all()


@dataclass(frozen=True)
class Made:
    """An answer of a registered model."""

    prompt_id: int
    model_id: int
    is_empty: bool


def answers_in(session: Session, campaign_id: int) -> dict[int, Made]:
    """The answers to be judged in a campaign that came from registered models, by id."""
    rows = session.execute(
        select(Candidate.id, Candidate.prompt_id, Candidate.model_version_id, Candidate.text == "")
        .join(TaskCandidate, TaskCandidate.candidate_id == Candidate.id)
        .join(Task, Task.id == TaskCandidate.task_id)
        .where(Task.campaign_id == campaign_id, Candidate.model_version_id.is_not(None))
    )
    return {id_: Made(prompt, model or 0, is_empty) for id_, prompt, model, is_empty in rows}


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
    by_prompt: dict[int, dict[int, list[int]]] = {}
    for prompt, model, candidate in session.execute(query.order_by(Candidate.prompt_id, Candidate.id)):
        by_prompt.setdefault(prompt, {}).setdefault(model or 0, []).append(candidate)
    return by_prompt


def campaign_by_id(session: Session, campaign_id: int) -> Campaign | None:
    return session.scalar(_compares(select(Campaign)).where(Campaign.id == campaign_id))


def _compares(query: Select[Campaign]) -> Select[Campaign]:
    """Only campaigns in which models are compared."""
    return query.where(Campaign.phase == "evaluation", judgements.goes_by(QUALITY.name), judgements.is_work())
