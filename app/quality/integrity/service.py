"""Evidence about who wrote a text, and what people decide about it.

Nothing here acts by itself: a text changes its state only because a person decided so, in their name, with a reason.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.instruments import instrument_of
from app.labeling.reviews import service as reviews
from app.labeling.typing import service as typing_service
from app.language import gettext as _
from app.material.prompts.rules import prompt_fingerprint
from app.models import Campaign, Candidate, Detection, IntegrityDecision, ModelVersion, Person, WrittenText
from app.people.service import record
from app.quality.integrity import queries
from app.quality.integrity.rules import decisions as rules
from app.quality.integrity.rules.decisions import REJECT, Decision
from app.quality.integrity.rules.detectors import DETECTORS, Percentile, percentiles
from app.quality.integrity.rules.evidence import Evidence
from app.quality.integrity.rules.passages import Passage, passage_of
from app.quality.integrity.rules.similarity import Nearest, nearest_by_others, nearest_of, shingles
from trainer.contract.records import AnswerToScore, Message
from trainer.contract.records import Detection as Detected

# What pages read as it is stored.
detection_of = queries.detection_of
name_of_model = queries.name_of_model
talks_with = queries.talks_with

SCORES = ("likelihood", "rank", "log_rank", "entropy", "curvature")
DECIDED = ("nothing", "reject")
"""Verdicts after which a text has left the queue."""


# Runs that read texts ----------------------------------------------------------------------------


def writing_campaigns(session: Session) -> list[tuple[Campaign, int]]:
    """Campaigns in which people write, newest first, with how many texts there are to look at."""
    return queries.writing_campaigns(session)


def campaign_to_read(session: Session, campaign_id: int) -> Campaign:
    """A campaign whose texts a run may read.

    Raises:
        Invalid: there is no such campaign, nobody writes in it, or nobody has written yet.
    """
    campaign = queries.campaign_by_id(session, campaign_id)
    if campaign is None:
        raise Invalid(_("That campaign does not exist."))
    if not instrument_of(campaign.kind).written:
        raise Invalid(_("In “%(name)s” people write no texts. Choose a campaign in which they do.", name=campaign.name))
    if not queries.texts_of_campaign(session, campaign_id):
        raise Invalid(_("Nobody has submitted a text in “%(name)s” yet.", name=campaign.name))
    return campaign


def texts_to_read(session: Session, campaign_id: int) -> Iterator[AnswerToScore]:
    """All texts of a campaign as the trainer reads them, named by the id of the written text."""
    for text in queries.texts_of_campaign(session, campaign_id):
        passage = passage_of_text(text)
        messages = [Message.model_validate(dict(message)) for message in passage.messages]
        yield AnswerToScore(answer_id=str(text.id), messages=messages, text=passage.text)


def passage_of_text(text: WrittenText) -> Passage:
    task = text.annotation.task
    return passage_of(text.content, task.prompt.messages if task.prompt else None, task.campaign.prompt_form)


def keep_detections(
    session: Session, *, run_id: int, model_version_id: int, context: str, rows: Iterable[Detected]
) -> int:
    """Store what a run found, instead of what the same model said before; returns how many texts it speaks of."""
    row_by_text = {int(row.answer_id): row for row in rows}
    known = queries.known_texts(session, row_by_text)
    earlier = queries.detections_by_model(session, model_version_id, known)
    for text_id in sorted(known):
        row = row_by_text[text_id]
        detection = earlier.get(text_id) or Detection(written_text_id=text_id, model_version_id=model_version_id)
        detection.run_id, detection.context, detection.tokens, detection.cut = run_id, context, row.tokens, row.cut
        detection.pieces = [[piece.text, piece.rank] for piece in row.pieces]
        for score in SCORES:
            setattr(detection, score, getattr(row, score))
        session.add(detection)
    return len(known)


# The queue ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A text with all evidence about it, and what was decided, newest first."""

    text: WrittenText
    passage: Passage
    evidence: Evidence
    decisions: Sequence[IntegrityDecision]

    @property
    def is_open(self) -> bool:
        return not self.decisions or self.decisions[0].verdict not in DECIDED

    @property
    def verdict(self) -> str:
        return self.decisions[0].verdict if self.decisions else ""


@dataclass(frozen=True)
class Queue:
    """The texts of a campaign in the order in which they should be looked at.

    Attributes:
        reader: the model whose scores are shown, none where none has read them.
        own: answers of our own models that are nearest to some text, by their id.
    """

    campaign: Campaign
    cases: Sequence[Case]
    reader: ModelVersion | None
    own: Mapping[int, Candidate]

    def case_of(self, text_id: int) -> Case | None:
        return next((case for case in self.cases if case.text.id == text_id), None)


def queue_of(session: Session, campaign: Campaign) -> Queue:
    """All evidence about all texts of a campaign.

    Similarities are computed when they are asked for, so they know every answer and text there is by now. On one
    core 10,000 texts of 60 words with four answers each take two seconds (see docs/decisions/0050).
    """
    texts = queries.texts_of_campaign(session, campaign.id)
    passages = {text.id: passage_of_text(text) for text in texts}
    spoken = {key: shingles(passage.text) for key, passage in passages.items()}
    authors = {text.id: text.annotation.annotator or "" for text in texts}
    near_duplicates = nearest_by_others(spoken, authors)
    prompts = _prompts_of(session, texts, passages)
    answers = queries.own_answers(session, prompts.values())
    reader = queries.newest_reader(session, campaign.id)
    read = queries.detections_by_model(session, reader.id, passages) if reader else {}
    places = _places(passages, read)
    decisions = queries.decisions_of(session, passages)
    typing = typing_service.counts_by_author(session, [text.annotation.task_id for text in texts])

    def evidence_of(text: WrittenText) -> Evidence:
        detection = read.get(text.id)
        answered = answers.get(prompts.get(text.id, 0), {})
        return Evidence(
            typing=typing.get((text.annotation.task_id, text.annotation.person_id or 0)),
            tokens=detection.tokens if detection else None,
            scores=scores_of(detection) if detection else {},
            percentiles=places.get(text.id, {}),
            own=_nearest_answer(spoken[text.id], answered),
            near_duplicate=near_duplicates.get(text.id),
            shingles=len(spoken[text.id]),
        )

    cases = [Case(text, passages[text.id], evidence_of(text), decisions.get(text.id, [])) for text in texts]
    cases.sort(key=lambda case: (case.evidence.rank_key, case.text.id))
    near = {case.evidence.own.key for case in cases if case.evidence.own}
    own = {id_: candidate for of_prompt in answers.values() for id_, candidate in of_prompt.items() if id_ in near}
    return Queue(campaign, cases, reader, own)


def scores_of(detection: Detection) -> dict[str, float]:
    """Detector to score, of those that the text has."""
    scores = ((detector.key, getattr(detection, detector.key)) for detector in DETECTORS)
    return {key: score for key, score in scores if score is not None}


def _nearest_answer(text: frozenset[tuple[str, ...]], answers: Mapping[int, Candidate]) -> Nearest | None:
    return nearest_of(text, {id_: candidate.text for id_, candidate in answers.items()})


def _prompts_of(session: Session, texts: Sequence[WrittenText], passages: Mapping[int, Passage]) -> dict[int, int]:
    """Text to the prompt of the pool that it answers; what people asked themselves may be in the pool by now."""
    prompt_of_task = {text.id: text.annotation.task.prompt_id for text in texts}
    own = {
        key: prompt_fingerprint(list(passages[key].messages))
        for key, prompt in prompt_of_task.items()
        if prompt is None
    }
    pool = queries.prompts_by_fingerprint(session, own.values())
    prompt_by_text = {
        key: prompt if prompt is not None else pool.get(own[key]) for key, prompt in prompt_of_task.items()
    }
    return {key: prompt for key, prompt in prompt_by_text.items() if prompt is not None}


def _places(passages: Mapping[int, Passage], read: Mapping[int, Detection]) -> dict[int, dict[str, Percentile]]:
    """Where each text stands with each score, among texts of its prompt or of the campaign."""
    asked = {key: prompt_fingerprint(list(passages[key].messages)) for key in read}
    by_text: dict[int, dict[str, Percentile]] = {key: {} for key in read}
    for detector in DETECTORS:
        scores = {
            key: score for key, detection in read.items() if (score := getattr(detection, detector.key)) is not None
        }
        for key, percentile in percentiles(scores, asked, detector.sign).items():
            by_text[key][detector.key] = percentile
    return by_text


# Decisions ---------------------------------------------------------------------------------------


def text_for(session: Session, person: Person, text_id: int) -> WrittenText:
    """A text to decide about, for somebody else than its author.

    Raises:
        NotFound: there is none.
        Forbidden: it is the person's own.
    """
    return reviews.text_for(session, person, text_id)


def decide(session: Session, person: Person, text_id: int, now: datetime, decision: Decision) -> IntegrityDecision:
    """Store what a person decided about a text; nothing else ever changes it.

    A rejected text leaves its task to somebody else, and what came of it is not used any more; snapshots that were
    frozen with it keep it.

    Raises:
        Invalid: the verdict is none, or its reason is missing.
        Conflict: its author has it back, or has submitted a newer version; nothing is stored.
    """
    if problems := rules.problems(decision):
        raise Invalid(" ".join(problems.values()), problems)
    reviews.lock(session, person, text_id)
    text = text_for(session, person, text_id)
    if text.state not in queries.LOOKED_AT:
        raise Conflict(_("Its author has changed or withdrawn this text meanwhile. Nothing was stored."))
    if text.state == "rejected":
        raise Conflict(_("This text is rejected already. Nothing was stored."))
    if decision.verdict == REJECT:
        reviews.reject(session, person, text_id, now, decision.reason)
    stored = IntegrityDecision(
        written_text_id=text.id,
        verdict=decision.verdict,
        reason=decision.reason,
        decided_by=person.id,
        decided_at=now,
    )
    session.add(stored)
    detail = {"annotation": text.annotation_id, "version": text.number, "reason": decision.reason}
    record(session, person, ACTIONS[decision.verdict], text, detail)
    return stored


def reply(session: Session, person: Person, decision_id: int, now: datetime, text: str) -> IntegrityDecision:
    """Keep what an author answers, once; whoever decided reads it beside the evidence.

    Raises:
        NotFound: nobody asked this person.
        Conflict: they have answered already.
        Invalid: there is no answer, or too much.
    """
    asked = queries.talk_for(session, person.id, decision_id)
    if asked is None:
        raise NotFound(_("There is no such question to you."))
    if asked.replied_at is not None:
        raise Conflict(_("You have answered this already; your answer stands."))
    if problem := rules.reply_problem(text):
        raise Invalid(problem, {"reply": problem})
    asked.reply, asked.replied_at = text, now
    record(session, person, "answered about text", asked.written_text, {"reply": text})
    return asked


ACTIONS = {
    "nothing": "found nothing about the integrity of text",
    "talk": "asked the author about text",
    "reject": "rejected text after the integrity queue",
}


def campaign_for(session: Session, campaign_id: int) -> Campaign:
    campaign = queries.campaign_by_id(session, campaign_id)
    if campaign is None or not instrument_of(campaign.kind).written:
        raise NotFound(_("There is no such campaign."))
    return campaign
