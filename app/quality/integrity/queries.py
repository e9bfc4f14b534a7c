from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, contains_eager, defer, joinedload, undefer

from app.instruments import kinds
from app.judgements import queries as judgements
from app.judgements.rules import TEXTS
from app.models import (
    Annotation,
    Campaign,
    Candidate,
    Detection,
    IntegrityDecision,
    ModelVersion,
    Prompt,
    Task,
    WrittenText,
)

CHUNK = 500  # values in one IN list
LOOKED_AT = ("waiting", "accepted", "rejected")
"""States of the texts that the queue knows: those that lie with their author, or were replaced, are none of them."""


def _is_looked_at() -> ColumnElement[bool]:
    return WrittenText.state.in_(LOOKED_AT)


def campaign_by_id(session: Session, campaign_id: int) -> Campaign | None:
    """A campaign of work: what is written for a bank is a test, which is rated in its screening."""
    return session.scalar(select(Campaign).where(Campaign.id == campaign_id, judgements.is_work()))


def writing_campaigns(session: Session) -> list[tuple[Campaign, int]]:
    """Campaigns of work in which people write, newest first, with how many texts there are to look at."""
    rows = session.execute(
        select(Campaign, func.count(WrittenText.id))
        .outerjoin(Annotation, Annotation.campaign_id == Campaign.id)
        .outerjoin(WrittenText, (WrittenText.annotation_id == Annotation.id) & _is_looked_at())
        .where(Campaign.kind.in_(kinds(lambda each: each.written)), judgements.is_work())
        .group_by(Campaign.id)
        .order_by(Campaign.id.desc())
    )
    return [(campaign, count) for campaign, count in rows]


def texts_of_campaign(session: Session, campaign_id: int) -> Sequence[WrittenText]:
    """Its texts to look at, oldest first, with their annotation, task and prompt."""
    query = (
        select(WrittenText)
        .join(Annotation, Annotation.id == WrittenText.annotation_id)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .where(Annotation.campaign_id == campaign_id, judgements.count_for(TEXTS), _is_looked_at())
        .order_by(WrittenText.id)
        .options(
            contains_eager(WrittenText.annotation)
            .joinedload(Annotation.task)
            .options(joinedload(Task.prompt), joinedload(Task.campaign))
        )
    )
    return session.scalars(query).unique().all()


def text_by_id(session: Session, text_id: int) -> WrittenText | None:
    query = (
        select(WrittenText)
        .join(Annotation, Annotation.id == WrittenText.annotation_id)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .where(WrittenText.id == text_id, judgements.count_for(TEXTS))
        .options(
            contains_eager(WrittenText.annotation)
            .joinedload(Annotation.task)
            .options(joinedload(Task.prompt), joinedload(Task.campaign))
        )
    )
    return session.scalar(query)


def detections_by_model(session: Session, model_id: int, text_ids: Iterable[int]) -> dict[int, Detection]:
    """What one model said about these texts, without the pieces of each, by text."""
    wanted, detections = sorted(text_ids), dict[int, Detection]()
    for start in range(0, len(wanted), CHUNK):
        query = select(Detection).where(
            Detection.model_version_id == model_id, Detection.written_text_id.in_(wanted[start : start + CHUNK])
        )
        detections.update(
            (detection.written_text_id, detection)
            for detection in session.scalars(query.options(defer(Detection.pieces)))
        )
    return detections


def detection_of(session: Session, model_id: int, text_id: int) -> Detection | None:
    """The same of one text, with its pieces."""
    return session.scalar(
        select(Detection)
        .where(Detection.model_version_id == model_id, Detection.written_text_id == text_id)
        .options(undefer(Detection.pieces))
        .execution_options(populate_existing=True)
    )


def newest_reader(session: Session, campaign_id: int) -> ModelVersion | None:
    """The model that has read the texts of a campaign last; scores of different models cannot be compared."""
    query = (
        select(ModelVersion)
        .join(Detection, Detection.model_version_id == ModelVersion.id)
        .join(WrittenText, WrittenText.id == Detection.written_text_id)
        .join(Annotation, Annotation.id == WrittenText.annotation_id)
        .where(Annotation.campaign_id == campaign_id)
        .order_by(Detection.run_id.desc(), Detection.id.desc())
        .limit(1)
    )
    return session.scalar(query)


def known_texts(session: Session, text_ids: Iterable[int]) -> set[int]:
    wanted, known = sorted(text_ids), set[int]()
    for start in range(0, len(wanted), CHUNK):
        known.update(session.scalars(select(WrittenText.id).where(WrittenText.id.in_(wanted[start : start + CHUNK]))))
    return known


def own_answers(session: Session, prompt_ids: Iterable[int]) -> dict[int, dict[int, Candidate]]:
    """Answers of our own models, by prompt and candidate."""
    wanted, by_prompt = sorted(set(prompt_ids)), dict[int, dict[int, Candidate]]()
    for start in range(0, len(wanted), CHUNK):
        query = select(Candidate).where(
            Candidate.prompt_id.in_(wanted[start : start + CHUNK]), Candidate.model_version_id.is_not(None)
        )
        for candidate in session.scalars(query.order_by(Candidate.id)):
            by_prompt.setdefault(candidate.prompt_id, {})[candidate.id] = candidate
    return by_prompt


def prompts_by_fingerprint(session: Session, fingerprints: Iterable[str]) -> dict[str, int]:
    wanted, by_fingerprint = sorted(set(fingerprints)), dict[str, int]()
    for start in range(0, len(wanted), CHUNK):
        query = select(Prompt.fingerprint, Prompt.id).where(Prompt.fingerprint.in_(wanted[start : start + CHUNK]))
        by_fingerprint.update((fingerprint, id_) for fingerprint, id_ in session.execute(query))
    return by_fingerprint


def talks_with(session: Session, person_id: int) -> Sequence[IntegrityDecision]:
    """What a person was asked about their texts, and why one was rejected, the newest first; their own alone."""
    return session.scalars(_own_talks(person_id).order_by(IntegrityDecision.id.desc())).all()


def talk_for(session: Session, person_id: int, decision_id: int) -> IntegrityDecision | None:
    """One of them, locked."""
    query = _own_talks(person_id).where(IntegrityDecision.id == decision_id).with_for_update(of=IntegrityDecision)
    return session.scalar(query)


def _own_talks(person_id: int) -> Select[IntegrityDecision]:
    return (
        select(IntegrityDecision)
        .join(WrittenText, WrittenText.id == IntegrityDecision.written_text_id)
        .join(Annotation, Annotation.id == WrittenText.annotation_id)
        .where(Annotation.person_id == person_id, IntegrityDecision.verdict.in_(("talk", "reject")))
        .options(
            contains_eager(IntegrityDecision.written_text)
            .contains_eager(WrittenText.annotation)
            .joinedload(Annotation.task)
            .options(joinedload(Task.prompt), joinedload(Task.campaign))
        )
    )


def name_of_model(session: Session, model_id: int) -> str:
    return session.scalar(select(ModelVersion.name).where(ModelVersion.id == model_id)) or ""


def decisions_of(session: Session, text_ids: Iterable[int]) -> dict[int, list[IntegrityDecision]]:
    """Decisions about these texts, the newest first."""
    wanted, by_text = sorted(text_ids), dict[int, list[IntegrityDecision]]()
    for start in range(0, len(wanted), CHUNK):
        query = (
            select(IntegrityDecision)
            .where(IntegrityDecision.written_text_id.in_(wanted[start : start + CHUNK]))
            .order_by(IntegrityDecision.id.desc())
            .options(joinedload(IntegrityDecision.decider))
        )
        for decision in session.scalars(query):
            by_text.setdefault(decision.written_text_id, []).append(decision)
    return by_text
