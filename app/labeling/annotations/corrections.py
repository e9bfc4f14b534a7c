"""Correcting one's own submission: what was said before is kept whole, and what is said now takes its place.

A correction is worked on as a draft, in the same pages as the task itself. The annotation keeps its row and its id,
so that nothing that counts annotations counts it twice, and whoever reads annotations reads the newest state. Of
judgments the earlier states are kept as versions of the annotation; of what people write each version is kept anyway.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.labeling.annotations.queries import assignments, submissions, texts
from app.labeling.annotations.rules.corrections import correctable_until, correction_problem
from app.labeling.annotations.rules.drafts import AUTHORED, RANKS, TEXT, begun_anew
from app.labeling.campaigns.rules.campaigns import MOST_MINUTES, is_test
from app.language import gettext as _
from app.material.schemas.rules import PROMPT
from app.models import Annotation, AnnotationVersion, Base, Draft, Person, WrittenText
from app.people.service import record

CORRECTING = "correcting"


def until(annotation: Annotation) -> datetime | None:
    """When the time to correct an annotation ends; nothing where its campaign gives none.

    What was submitted in a test can be corrected no longer than the test lasts.
    """
    campaign, assignment = annotation.task.campaign, annotation.assignment
    end = correctable_until(annotation.submitted_at, campaign.correction_minutes)
    if (
        end
        and assignment
        and assignment.reserved_until
        and is_test(campaign.purpose, campaign.overlap, assignment.number)
    ):
        return min(end, assignment.reserved_until)
    return end


def problem(session: Session, annotation: Annotation, now: datetime) -> str | None:
    """Why its author cannot correct an annotation (any longer), or nothing."""
    text = texts.newest_text(session, annotation.id)
    decided = text is not None and not may_be_replaced(annotation, text)
    return correction_problem(until(annotation), now, decided=decided)


def may_be_replaced(annotation: Annotation, text: WrittenText) -> bool:
    """Whether a text may give way to a newer one: nobody has decided about it, and no prompt of it is in the pool."""
    return text.state == "waiting" or (is_unreviewed(text) and annotation.task.prompt_id is not None)


def is_unreviewed(text: WrittenText) -> bool:
    """Whether a text is used although nobody has read it, because its campaign asks for no review."""
    return text.state == "accepted" and text.decided_by is None


def correctable(session: Session, person: Person, now: datetime) -> list[tuple[Annotation, datetime]]:
    """What a person may still correct and until when, the newest submission first."""
    recent = submissions.submitted_since(session, person.id, now - timedelta(minutes=MOST_MINUTES))
    ends = ((annotation, until(annotation)) for annotation in recent)
    return [(annotation, end) for annotation, end in ends if end and problem(session, annotation, now) is None]


def is_correction(draft: Draft | None) -> bool:
    return draft is not None and CORRECTING in draft.content


def annotation_for(session: Session, person: Person, task_id: int) -> Annotation:
    """What a person has submitted for a task.

    Raises:
        NotFound: nothing.
    """
    annotation = submissions.annotation_for(session, person.id, task_id)
    if annotation is None:
        raise NotFound(_("You have not submitted this task, so there is nothing to correct."))
    return annotation


def begin(session: Session, person: Person, task_id: int, now: datetime) -> None:
    """Open a submission for correction; a correction that is open already goes on as it is.

    Raises:
        NotFound: the person has submitted nothing for this task.
        Conflict: its campaign takes no corrections, the time for them is over, or a reviewer has decided about it.
    """
    assignments.lock_person(session, person.id)
    annotation = annotation_for(session, person, task_id)
    if submissions.draft_for(session, person.id, task_id):
        return
    if refused := problem(session, annotation, now):
        raise Conflict(refused)
    parts = [PROMPT, RANKS, TEXT, AUTHORED, *map(str, annotation.shown_order)]
    begun = {"revisions": begun_anew(parts, now), CORRECTING: annotation.id}
    draft = Draft(
        task_id=task_id,
        person_id=person.id,
        shown_order=list(annotation.shown_order),
        content=_as_draft(session, annotation) | begun,
        started_at=now,
        updated_at=now,
        reserved_since=now,
    )
    session.add(draft)
    record(session, person, "opened correction", annotation)


def leave(session: Session, person: Person, task_id: int) -> None:
    """Drop the draft of a correction: what was submitted stands as it is."""
    draft = submissions.draft_for(session, person.id, task_id, lock=True)
    if draft is not None and is_correction(draft):
        session.delete(draft)


def replace(session: Session, annotation: Annotation, now: datetime) -> None:
    """Keep what an annotation says as a version, and empty it for what takes its place."""
    number = submissions.versions_of(session, annotation.id) + 1
    content = _whole(annotation)
    session.add(AnnotationVersion(annotation_id=annotation.id, number=number, content=content, replaced_at=now))
    for row in (*annotation.ratings, *annotation.flags, *annotation.ranks):
        session.delete(row)
    session.flush()
    session.expire(annotation, ["ratings", "flags", "ranks"])
    annotation.corrected_at = now


def _whole(annotation: Annotation) -> dict[str, Any]:
    """All that the rows of an annotation say, as JSON."""
    return {
        **_columns(annotation),
        "ratings": [_columns(row) for row in annotation.ratings],
        "flags": [_columns(row) for row in annotation.flags],
        "ranks": [_columns(row) for row in annotation.ranks],
    }


def _columns(row: Base) -> dict[str, Any]:
    values = ((column.key, getattr(row, column.key)) for column in row.__table__.columns)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values}


def _as_draft(session: Session, annotation: Annotation) -> dict[str, Any]:
    """What was submitted in the form in which drafts are kept."""
    if text := texts.newest_text(session, annotation.id):
        return {TEXT: text.content["text"]} if "text" in text.content else {AUTHORED: text.content}
    flags: dict[int | None, dict[str, str]] = {}
    for flag in annotation.flags:
        flags.setdefault(flag.candidate_id, {})[flag.name] = flag.value
    rated = {row.candidate_id: row for row in annotation.ratings}
    answers = {}
    for row in annotation.ranks:
        rating = rated.get(row.candidate_id)
        answers[str(row.candidate_id)] = {
            "likert": rating.likert if rating else None,
            "flags": flags.get(row.candidate_id, {}),
            "note": rating.note if rating else "",
        }
    return {
        PROMPT: flags.get(None, {}),
        "answers": answers,
        RANKS: {str(row.candidate_id): row.rank for row in annotation.ranks},
        "strength": int(annotation.strength or 0),
        "none_acceptable": bool(annotation.none_acceptable),
        "versions": dict.fromkeys([PROMPT, *answers], annotation.schema_version_id or 0),
    }
