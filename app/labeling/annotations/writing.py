"""What people write: answers, and prompts with their answers; each version of it, and when it enters the pool.

Where a campaign needs no review, a text is used as soon as it is submitted. Else it waits, and prompts and
demonstrations come into being when a reviewer accepts it: nothing that nobody has accepted is in the pool.
"""

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid
from app.labeling.annotations import corrections, desk, service
from app.labeling.annotations.desk import Desk, Lists, Refused, Seat
from app.labeling.annotations.queries import assignments, submissions, texts
from app.labeling.annotations.reservation import DraftStays, Work
from app.labeling.annotations.rules.drafts import AUTHORED, TEXT, begun_anew
from app.labeling.annotations.writing_pages import WritingPreview
from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.rules.campaigns import BANK, is_reviewed
from app.language import gettext as _
from app.models import Annotation, Campaign, Demonstration, Draft, Person, Task, WrittenText
from app.people.service import record
from app.web.render import Page

WAITING, ACCEPTED, SENT_BACK, REJECTED, WITHDRAWN = "waiting", "accepted", "sent_back", "rejected", "withdrawn"


class Unfinished(Invalid):
    """A text that cannot be submitted yet; ``fields`` has a sentence for each field that is missing or wrong."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()), dict(fields))


class InPool(DraftStays):
    """A prompt that was written stands in the pool already; ``fields`` has a sentence for each field."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)
        self.also = {"fields": self.fields}


def store(session: Session, work: Work, person: Person, now: datetime, content: dict[str, Any]) -> Annotation:
    annotation = submissions.annotation_for(session, person.id, work.task.id, lock=True)
    if annotation is None:
        annotation = service.new_annotation(session, work, person, now)
    campaign = work.task.campaign
    reviewed = is_reviewed(campaign.purpose, needs_review=campaign.needs_review)
    add_version(session, annotation, now, content, needs_review=reviewed)
    service.finish(session, work, person, annotation, now)
    return annotation


def add_version(
    session: Session, annotation: Annotation, now: datetime, content: dict[str, Any], *, needs_review: bool
) -> WrittenText:
    """Store the first version of a text, or a newer one of what was sent back or still waits. Earlier ones are kept.

    The annotation is locked by the caller.

    Raises:
        Conflict: a reviewer has decided about the text.
    """
    newest = texts.newest_text(session, annotation.id)
    if newest is not None:
        if newest.state != SENT_BACK and not corrections.may_be_replaced(annotation, newest):
            raise Conflict(_("A reviewer has decided about this text in the meantime, so it was not changed."))
        if corrections.is_unreviewed(newest):
            withdraw(session, annotation)
        if newest.state != SENT_BACK:
            newest.state = "replaced"
    text = WrittenText(
        annotation=annotation,
        number=newest.number + 1 if newest else 1,
        content=content,
        state=WAITING if needs_review else ACCEPTED,
        reason="",
        written_at=now,
    )
    session.add(text)
    session.flush()
    if not needs_review:
        publish(session, text)
    return text


def withdraw(session: Session, annotation: Annotation) -> None:
    """Take answers out of use whose author corrects them, or that were rejected; frozen snapshots keep them."""
    for demonstration in texts.demonstrations_of(session, annotation.id):
        session.delete(demonstration)
    session.flush()


def give_up(session: Session, person: Person, task_id: int, now: datetime, reason: str) -> bool:
    """Withdraw a text that was sent back instead of improving it; the task goes to somebody else.

    Returns:
        False where nothing of this task was sent back to the person.
    """
    writing = texts.returned_text(session, person.id, task_id, lock=True)
    if writing is None:
        return False
    writing.state, writing.decided_at = WITHDRAWN, now
    if draft := submissions.draft_for(session, person.id, task_id, lock=True):
        session.delete(draft)
    free_assignment(session, writing.annotation)
    record(session, person, "withdrew text that was sent back", writing, {"reason": reason})
    return True


def hand_back(session: Session, text: WrittenText, now: datetime) -> None:
    """Give a text back to its author: a draft with their words, which their next request for work leads to."""
    annotation = text.annotation
    assert annotation.person_id is not None  # only what was written here waits for a review
    draft = submissions.draft_for(session, annotation.person_id, annotation.task_id, lock=True)
    content = {"text": text.content["text"]} if "text" in text.content else {"authored": text.content}
    content["revisions"] = begun_anew((TEXT, AUTHORED), now)
    if draft is None:
        draft = Draft(task_id=annotation.task_id, person_id=annotation.person_id, shown_order=[], started_at=now)
        session.add(draft)
    draft.content, draft.updated_at = content, now
    session.flush()


def free_assignment(session: Session, annotation: Annotation) -> None:
    """Let somebody else write for the task; not its first author, who has an annotation of it."""
    assignment = assignments.assignment_by_id(session, annotation.assignment_id) if annotation.assignment_id else None
    annotation.assignment_id = None
    if assignment is not None:
        assignment.person_id = assignment.reserved_at = assignment.reserved_until = assignment.submitted_at = None
    session.flush()


# The pool ----------------------------------------------------------------------------------------


def publish(session: Session, writing: WrittenText) -> None:
    """Make prompts and demonstrations of a text that is accepted.

    Raises:
        Conflict: a prompt of it has come into the pool in the meantime; nothing is stored.
    """
    task = submissions.task_with_answers(session, writing.annotation.task_id)
    assert task is not None  # annotations refer to their task
    if task.campaign.purpose != BANK:  # else it was written to measure its author by, and no model learns it
        desk_of(task.campaign).publish(session, writing, task)


def source_of(campaign: Campaign) -> str:
    return f"campaign:{campaign.id}"


def demonstrate(session: Session, annotation: Annotation, prompt_id: int, text: str) -> None:
    digest = hashlib.sha256(text.encode()).hexdigest()
    if texts.demonstration_with(session, prompt_id, digest) is None:
        session.add(
            Demonstration(
                prompt_id=prompt_id,
                text=text,
                text_sha256=digest,
                annotation_id=annotation.id,
                author=annotation.annotator,
                source=f"campaign:{annotation.campaign_id}",
            )
        )
        session.flush()


# The instruments -----------------------------------------------------------------------------------


class Writing(Desk):
    """An instrument with which people write.

    Attributes:
        part: the part of the draft, and the field of the form by which it is known.
    """

    part: ClassVar[str]

    @abstractmethod
    def draft_page(self, seat: Seat, refused: Refused | None = None) -> Page:
        """The page to write on, with what the draft holds, or with what was posted and what is wrong with it."""

    @abstractmethod
    def preview(self, work: Work, lists: Lists) -> WritingPreview:
        """What would come of the text as it was posted; nothing is kept.

        Raises:
            Invalid: it is longer than any text may be.
        """

    @abstractmethod
    def preview_of(self, text: WrittenText) -> WritingPreview:
        """What comes of a text that was submitted, with the prompt even where it was given."""

    @abstractmethod
    def publish(self, session: Session, writing: WrittenText, task: Task) -> None:
        """Make prompts and demonstrations of a text that is accepted; see ``publish``."""

    def page(self, seat: Seat, *, answer: int | None = None, error: str = "") -> Page:  # noqa: ARG002
        return self.draft_page(seat, Refused(error, {}, None) if error else None)

    def shown_again(self, seat: Seat, refused: Refused) -> Page:
        return self.draft_page(seat, refused)

    def check_form(self, lists: Lists) -> None:
        """Refuse the form of another instrument.

        Raises:
            Invalid: it is one.
        """
        if self.part not in lists:
            raise Invalid(_(self.sent_elsewhere))

    def told(self, session: Session, annotation: Annotation) -> str:
        campaign = campaigns.campaign_for(session, annotation.campaign_id)
        if is_reviewed(campaign.purpose, needs_review=campaign.needs_review):
            return _("Submitted: a researcher reads your text before it is used. Thank you!")
        return _("Submitted: your text is stored. Thank you!")


def desk_of(campaign: Campaign) -> Writing:
    """The instrument of a campaign in which people write."""
    instrument = desk.desk_of(campaign)
    assert isinstance(instrument, Writing)  # texts are written with nothing else
    return instrument


def preview_of_written(text: WrittenText) -> WritingPreview:
    """What comes of a text that was submitted, with the prompt even where it was given."""
    return desk_of(text.annotation.task.campaign).preview_of(text)
