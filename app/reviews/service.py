"""Deciding about what people wrote."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.annotations import queries as annotations
from app.annotations import writing
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.language import gettext as _
from app.models import Person, WrittenText
from app.people.service import record
from app.reviews import queries, rules
from app.reviews.rules import ACCEPT, REJECT, SEND_BACK, STATE_AFTER, Decision

ACTIONS = {ACCEPT: "accepted text", SEND_BACK: "sent text back", REJECT: "rejected text"}


def text_for(session: Session, reviewer: Person, text_id: int) -> WrittenText:
    """A version of a text, for somebody else than its author.

    Raises:
        NotFound: there is none.
        Forbidden: the reviewer wrote it.
    """
    text = queries.text_by_id(session, text_id)
    if text is None:
        raise NotFound(_("There is no such text."))
    if text.annotation.person_id == reviewer.id:
        raise Forbidden(_("You wrote this text yourself; somebody else reviews it."))
    return text


def decide(session: Session, reviewer: Person, text_id: int, now: datetime, decision: Decision) -> WrittenText:
    """Accept a text, send it back to its author with a reason, or reject it with one.

    What is accepted enters the pool. What is sent back comes to its author as a task with their words in it; what is
    rejected leaves the task to somebody else.

    Raises:
        Invalid: the reason is missing, or the rating is none.
        Conflict: somebody else has decided meanwhile, the author has submitted a newer version, or the pool has the
            prompt by now; nothing is stored.
    """
    if problems := rules.problems(decision):
        raise Invalid(" ".join(problems.values()), problems)
    queries.lock_annotation(session, text_for(session, reviewer, text_id).annotation_id)
    text = text_for(session, reviewer, text_id)  # as it is now that nobody else can change it
    if text.state == "replaced":
        raise Conflict(_("Its author has submitted a newer version meanwhile; nothing was stored. Read that one."))
    if text.state != "waiting":
        raise Conflict(
            _(
                "Somebody has decided about this text meanwhile: %(state)s. Nothing was stored.",
                state=_(rules.STATES[text.state]),
            )
        )
    text.state, text.reason, text.rating = STATE_AFTER[decision.verdict], decision.reason, decision.rating
    text.decided_by, text.decided_at = reviewer.id, now
    session.flush()
    if decision.verdict == ACCEPT:
        writing.publish(session, text)
    elif decision.verdict == SEND_BACK:
        writing.hand_back(session, text, now)
    else:
        writing.free_slot(session, text.annotation)
    detail = {"annotation": text.annotation_id, "version": text.number, "rating": decision.rating}
    record(session, reviewer, ACTIONS[decision.verdict], text, {**detail, "reason": decision.reason})
    return text


def versions_before(session: Session, text: WrittenText) -> list[WrittenText]:
    """The earlier versions of a text, newest first."""
    return [one for one in annotations.texts_of(session, text.annotation_id) if one.number < text.number][::-1]
