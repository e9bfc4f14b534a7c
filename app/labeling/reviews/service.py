"""Deciding about what people wrote."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.labeling.annotations import writing
from app.labeling.annotations.queries import texts
from app.labeling.reviews import queries, rules
from app.labeling.reviews.rules import ACCEPT, REJECT, SEND_BACK, STATE_AFTER, Decision
from app.language import gettext as _
from app.models import Person, WrittenText
from app.people.service import record

# What pages read as it is stored.
campaigns_with_texts = queries.campaigns_with_texts
decided = queries.decided
decided_count = queries.decided_count
oldest_waiting = queries.oldest_waiting
waiting_count = queries.waiting_count

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
        writing.free_assignment(session, text.annotation)
    detail = {"annotation": text.annotation_id, "version": text.number, "rating": decision.rating}
    record(session, reviewer, ACTIONS[decision.verdict], text, {**detail, "reason": decision.reason})
    return text


def lock(session: Session, reviewer: Person, text_id: int) -> None:
    """Let decisions about a text follow one another until the transaction ends; what was read before is read anew."""
    queries.lock_annotation(session, text_for(session, reviewer, text_id).annotation_id)


def reject(session: Session, reviewer: Person, text_id: int, now: datetime, reason: str) -> WrittenText:
    """Reject a text that waits, or one that was accepted: then its answers leave the pool.

    Prompts that its author wrote stay in the pool, for others may have answered them; frozen snapshots keep what
    they hold.

    Raises:
        Invalid: there is no reason.
        Conflict: the text is neither waiting nor accepted any more; nothing is stored.
    """
    text = text_for(session, reviewer, text_id)
    if text.state == "accepted":
        writing.withdraw(session, text.annotation)
        text.state = "waiting"
        session.flush()
    return decide(session, reviewer, text_id, now, Decision(REJECT, reason, text.rating))


def versions_before(session: Session, text: WrittenText) -> list[WrittenText]:
    """The earlier versions of a text, newest first."""
    return [version for version in texts.texts_of(session, text.annotation_id) if version.number < text.number][::-1]
