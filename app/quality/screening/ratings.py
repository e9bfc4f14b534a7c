"""Researchers rate the texts of applicants without knowing whose they are."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.labeling.annotations.queries import assignments
from app.language import gettext as _
from app.models import (
    DemonstrationRating,
    FormItem,
    Person,
    Screening,
)
from app.people.service import record
from app.quality.screening import queries
from app.quality.screening.rules import plans as rules


def next_to_rate(session: Session, screening: Screening, person: Person) -> tuple[int | None, int, int]:
    """The next text for a researcher, in an order of their own; how many wait for them, and how many there are."""
    waiting, everything = queries.texts_to_rate(session, screening.id, person.id)
    order = rules.order_for(waiting, seed=screening.seed, person_id=person.id)
    return (order[0] if order else None), len(waiting), everything


def text_to_rate(session: Session, screening: Screening, item_id: int) -> tuple[FormItem, str]:
    text = queries.item_to_rate(session, screening.id, item_id)
    if text is None:
        raise NotFound(_("There is no such text to rate."))
    return text


def rate(session: Session, by: Person, screening: Screening, item_id: int, now: datetime, rating: int | None) -> None:
    """Keep how good a researcher finds a text; nobody sees the ratings of others before their own.

    Raises:
        Invalid: it is no number from 1 to 7.
        Conflict: they have rated it before.
    """
    item, _text = text_to_rate(session, screening, item_id)
    if rating is None or not rules.LOWEST_RATING <= rating <= rules.HIGHEST_RATING:
        problem = _("Choose a number from 1 to 7.")
        raise Invalid(problem, {"rating": problem})
    assignments.lock_person(session, by.id)
    if queries.rating_by(session, item.id, by.id):
        raise Conflict(_("You have rated this text already; nothing was changed."))
    row = DemonstrationRating(item_id=item.id, person_id=by.id, rating=rating, rated_at=now)
    session.add(row)
    record(session, by, "rated screening text", row, {"item": item.id, "rating": rating})


def take_rating_back(session: Session, by: Person, screening: Screening, item_id: int) -> None:
    item, _text = text_to_rate(session, screening, item_id)
    row = queries.rating_by(session, item.id, by.id)
    if row is None:
        raise NotFound(_("You have not rated this text, so there is nothing to take back."))
    record(session, by, "took back rating", row, {"item": item.id, "rating": row.rating})
    session.delete(row)
