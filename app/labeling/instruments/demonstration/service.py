"""Written answers: their drafts, and storing them."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.labeling.annotations import drafts, reservation
from app.labeling.annotations.reservation import Work, reserved_again
from app.labeling.annotations.rules.drafts import TEXT, Edit
from app.labeling.annotations.writing import Unfinished, store
from app.labeling.instruments.demonstration.rules import demonstration_problem, length_problem, tidy
from app.models import Annotation, Person


def checked(text: str) -> str:
    """An answer that is not too long.

    Raises:
        Unfinished: it is.
    """
    if problem := length_problem(len(text)):
        raise Unfinished({"answer": problem})
    return text


def save_text(
    session: Session, person: Person, task_id: int, now: datetime, text: str, edit: Edit | None = None
) -> Work:
    """Keep a demonstration as far as it is written.

    Raises:
        Invalid: it is longer than any answer may be; what was kept before stays.
    """
    checked(text)
    work = reservation.renew(session, person, task_id, now)
    drafts.keep_part(work.draft, now, TEXT, edit, text=text)
    return work


def submit_demonstration(session: Session, person: Person, task_id: int, now: datetime, text: str) -> Annotation:
    """Store a written answer. The same words for the same prompt by two people are one demonstration row.

    Raises:
        Invalid: there is no text, or too much.
        Conflict: as in ``service.submit``.
    """
    work = reserved_again(session, person, task_id, now)
    if problem := demonstration_problem(text):
        raise Unfinished({"answer": problem})
    return store(session, work, person, now, {"text": tidy(text)})
