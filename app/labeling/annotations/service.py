"""Taking in what people say: one submission of a whole verdict, or the row that what they write hangs on."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.labeling.annotations import activity, corrections
from app.labeling.annotations.drafts import beside_ranks
from app.labeling.annotations.queries import submissions, texts
from app.labeling.annotations.reservation import DraftStays, Work, reserved_again
from app.labeling.annotations.rules import activity as activity_rules
from app.labeling.annotations.rules import labels
from app.labeling.annotations.rules.submission import (
    Submission,
    labels_changed,
    outdated,
    rank_problems,
    submission_problems,
)
from app.labeling.campaigns.rules import campaigns as campaign_rules
from app.language import gettext as _
from app.models import (
    Annotation,
    Flag,
    Person,
    Ranking,
    Rating,
)
from app.people.service import record
from trainer.statistics.weak_orders import densify

# What pages read as it is stored.
annotated_since = submissions.annotated_since
draft_for = submissions.draft_for
returned_texts = texts.returned_texts
task_with_answers = submissions.task_with_answers
versions_of = submissions.versions_of


class LabelsChanged(DraftStays):
    """The labels were entered under another version of the schema than the campaign asks now."""


def submit(
    session: Session,
    person: Person,
    task_id: int,
    now: datetime,
    submission: Submission,
    *,
    shown: int | None = None,
) -> Annotation:
    """Store a whole verdict at once: ratings where asked, flags and ranking; the assignment closes and the draft goes.

    A reservation that has run out still counts while an assignment of the task is free. ``shown`` is the version of
    the label schema that the submitting page knew of, where it said so.

    Raises:
        Invalid: something is missing or wrong; nothing is stored and the draft stays.
        LabelsChanged: some of it was labelled under another version than the campaign asks now; the draft stays.
        Conflict: submitted before, or all assignments are somebody else's by now; the draft stays.
    """
    work = reserved_again(session, person, task_id, now)
    stale = outdated(submission, work.version)
    if stale or shown not in (None, work.version):
        changed = labels_changed(stale or [None], work.letters)
        raise LabelsChanged(_("Nothing was submitted yet. %(changed)s", changed=changed))
    schema = work.schema
    if problems := submission_problems(submission, work.letters, schema, rated=work.rated):
        raise Invalid(" ".join(problems), beside_ranks(rank_problems(submission.ranks, work.letters)))
    annotation = new_annotation(session, work, person, now)
    annotation.none_acceptable = submission.none_acceptable
    for candidate, rank in densify(submission.ranks).items():
        verdict = submission.verdicts[candidate]
        flags = labels.complete_flags(schema, verdict.flags, submission.prompt_labels)
        session.add(Ranking(annotation_id=annotation.id, candidate_id=candidate, rank=rank))
        if work.rated:
            likert, note = verdict.likert, verdict.note.strip()
            session.add(Rating(annotation_id=annotation.id, candidate_id=candidate, likert=likert, note=note))
        session.add_all(_flags(annotation, candidate, flags))
    session.add_all(_flags(annotation, None, labels.complete_prompt_labels(schema, submission.prompt_labels)))
    finish(session, work, person, annotation, now)
    return annotation


def new_annotation(session: Session, work: Work, person: Person, now: datetime) -> Annotation:
    """The row of a submission, without what it says; of a correction the row that was there, emptied."""
    active, reserved = (
        activity_rules.active_of(work.draft.active),
        activity.reserved_seconds(work.draft, work.assignment, now),
    )
    if work.corrected:
        corrections.replace(session, work.corrected, now)
        work.corrected.schema_version_id = work.version
        spent = activity_rules.together(work.corrected.active_seconds or {}, active.parts)
        work.corrected.active_seconds = activity_rules.rounded(spent) or None
        work.corrected.seconds = (work.corrected.seconds or 0.0) + reserved
        return work.corrected
    annotation = Annotation(
        campaign_id=work.task.campaign_id,
        task_id=work.task.id,
        assignment_id=work.assignment.id,
        person_id=person.id,
        annotator=campaign_rules.pseudonym(person.id),
        shown_order=work.order,
        schema_version_id=work.version,
        seconds=reserved,
        active_seconds=activity_rules.rounded(active.parts) or None,
        submitted_at=now,
    )
    session.add(annotation)
    session.flush()
    return annotation


def _flags(annotation: Annotation, candidate: int | None, values: Mapping[str, str]) -> list[Flag]:
    return [
        Flag(annotation_id=annotation.id, candidate_id=candidate, name=name, value=value)
        for name, value in values.items()
    ]


def finish(session: Session, work: Work, person: Person, annotation: Annotation, now: datetime) -> None:
    if work.corrected:
        annotation.corrected_at = now
    else:
        work.assignment.submitted_at = now
    session.delete(work.draft)
    none = {"none_acceptable": True} if annotation.none_acceptable else {}
    did = "corrected annotation" if work.corrected else "submitted annotation"
    record(session, person, did, annotation, {"task": work.task.id, **none})


def talks_waiting(session: Session, person: Person) -> int:
    """How many times somebody wants to talk with a person about a text of theirs and has no answer yet."""
    return texts.talks_waiting(session, person.id)
