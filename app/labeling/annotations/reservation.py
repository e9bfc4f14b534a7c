"""A task that is reserved for a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.instruments import instrument_of
from app.labeling.annotations import corrections
from app.labeling.annotations.assigning import assign, is_test
from app.labeling.annotations.queries import assignments, submissions, texts
from app.labeling.annotations.rules.submission import (
    Submission,
    Verdict,
    answer_is_complete,
    labels_changed,
    missing_before_ranking,
    outdated,
)
from app.labeling.campaigns.rules import campaigns as campaign_rules
from app.language import gettext as _
from app.language import mark
from app.material.candidates.rules import candidate_letter
from app.material.schemas.rules import PROMPT, Schema, for_reader, schema_of
from app.models import (
    Annotation,
    Assignment,
    Draft,
    Person,
    Task,
    WrittenText,
)

TIME_IS_UP = mark("The time for this is up. What was saved until then is kept; what you changed since is not.")


class DraftStays(Conflict):
    """Something cannot be stored as it is now; its draft stays, and its page is shown again."""


@dataclass(frozen=True)
class Work:
    """A task in a person's hands.

    ``returned`` is what they wrote for it, if a reviewer has sent it back; ``corrected`` what they submitted, if
    they correct it.
    """

    task: Task
    assignment: Assignment
    draft: Draft
    returned: WrittenText | None = None
    corrected: Annotation | None = None

    @property
    def version(self) -> int | None:
        """The version of the label schema that the campaign asks now."""
        return self.task.campaign.schema_version_id

    @property
    def schema(self) -> Schema:
        """What the campaign asks now, in the reader's language; nothing where people only write."""
        version = self.task.campaign.schema_version
        return for_reader(schema_of(version.content)) if version else Schema((), ())

    @property
    def rated(self) -> bool:
        """Whether each answer gets an overall rating beside its labels."""
        return instrument_of(self.task.campaign.kind).rated

    @property
    def order(self) -> list[int]:
        return list(self.draft.shown_order)

    @property
    def revisions(self) -> dict[str, int]:
        """How often each part of the draft was saved."""
        return {part: saved["revision"] for part, saved in self.draft.content.get("revisions", {}).items()}

    @property
    def letters(self) -> dict[int, str]:
        return {candidate: candidate_letter(i) for i, candidate in enumerate(self.draft.shown_order)}

    @property
    def submission(self) -> Submission:
        """What the draft holds so far."""
        return submission_of(self.draft.content)

    @property
    def outdated(self) -> list[int | None]:
        """The answers (None: the prompt) that were labelled under another version and must be looked at again."""
        return outdated(self.submission, self.version)

    @property
    def unfinished(self) -> list[int]:
        """The answers that part 2 still waits for."""
        submission, schema, stale = self.submission, self.schema, self.outdated
        rated = self.rated
        return [c for c in self.order if c in stale or not answer_is_complete(c, submission, schema, rated=rated)]

    @property
    def before_ranking(self) -> list[str]:
        """Why part 3 is still locked, in sentences; nothing when it is open."""
        changed = [labels_changed(self.outdated, self.letters)] if self.outdated else []
        return changed + missing_before_ranking(self.submission, self.letters, self.schema, rated=self.rated)


def work_for(session: Session, person: Person, task_id: int, *, lock: bool = False) -> Work:
    """The task that is reserved for this person, with the draft; ``lock`` keeps both rows until the transaction ends.

    Raises:
        NotFound: it was never theirs.
        Conflict: they have submitted or skipped it, or the time was up and somebody else has it now.
    """
    draft = submissions.draft_for(session, person.id, task_id)
    assignment = assignments.assignment_for(session, person.id, task_id, lock=lock)
    returned = texts.returned_text(session, person.id, task_id)
    annotation = submissions.annotation_for(session, person.id, task_id)
    if lock and draft is not None:
        draft = submissions.draft_for(session, person.id, task_id, lock=True)
    correcting = annotation is not None and returned is None and corrections.is_correction(draft)
    if (annotation or (assignment and assignment.submitted_at)) and returned is None and not correcting:
        raise Conflict(_("You have already submitted this task; nothing was stored twice. Take the next one."))
    task = submissions.task_with_answers(session, task_id)
    if draft is None or task is None:
        raise NotFound(_("This task is not yours. Take the next one on your work page."))
    if assignment is None or (is_test(assignment) and submissions.skip_of(session, person.id, task_id)):
        raise Conflict(_gone(session, draft))
    return Work(task, assignment, draft, returned, annotation if correcting else None)


def _gone(session: Session, draft: Draft) -> str:
    if submissions.skip_of(session, draft.person_id, draft.task_id):
        return _("You have skipped this task. Take the next one.")
    return _(
        "Your reservation of this task ended and somebody else is working on it now. What you entered is kept "
        "as a draft, in case it comes back to you. Take the next one."
    )


def renew(session: Session, person: Person, task_id: int, now: datetime) -> Work:
    """Prolong it: whoever is active on a task has the campaign's minutes from now on.

    One that has run out is taken up again, or another free assignment of the task if somebody has taken that one.
    """
    work = reserved_again(session, person, task_id, now)
    if work.corrected or is_test(work.assignment):
        return work  # its time is that of the correction or of the test, and no activity prolongs it
    work.assignment.reserved_until = now + timedelta(minutes=work.task.campaign.reserved_minutes)
    return work


def show_texts(session: Session, person: Person, task_id: int, now: datetime, *, shown: bool) -> Work:
    """Keep that a person has uncovered the texts of a task, or has covered them again."""
    work = work_for(session, person, task_id, lock=True)
    work.draft.revealed_at = now if shown else None
    return work


def submission_of(content: Mapping[str, Any]) -> Submission:
    """A draft's content in the form of a submission."""
    answers: Mapping[str, Any] = content.get("answers", {})
    return Submission(
        verdicts={int(key): Verdict(**verdict) for key, verdict in answers.items()},
        ranks={int(key): rank for key, rank in content.get("ranks", {}).items()},
        prompt_labels=content.get("prompt", {}),
        versions={None if part == PROMPT else int(part): v for part, v in content.get("versions", {}).items()},
        none_acceptable=content.get("none_acceptable", False),
    )


def reserved_again(session: Session, person: Person, task_id: int, now: datetime) -> Work:
    try:
        work = work_for(session, person, task_id, lock=True)
    except Conflict:
        draft = submissions.draft_for(session, person.id, task_id)
        already_done = submissions.annotation_for(session, person.id, task_id) is not None
        if already_done or draft is None or submissions.skip_of(session, person.id, task_id):
            raise
        assignments.lock_person(session, person.id)
        purposes = campaign_rules.purposes_open_to(person.role)
        assignment = assignments.free_assignment_of_task(session, person.id, task_id, now, purposes=purposes)
        if assignment is None:
            raise
        assign(session, assignment, person, now)
        work = work_for(session, person, task_id, lock=True)
    if work.corrected and (over := corrections.problem(session, work.corrected, now)):
        raise Conflict(over)
    if is_test(work.assignment) and work.assignment.reserved_until and work.assignment.reserved_until <= now:
        raise Conflict(_(TIME_IS_UP))
    return work
