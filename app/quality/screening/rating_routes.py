"""Pages on which researchers rate texts blind."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.language import gettext as _
from app.models import Person, Screening
from app.quality.screening import attempts, ratings, service
from app.quality.screening.pages import (
    RatePage,
    preview_of,
)
from app.quality.screening.routes import Researcher
from app.web.forms import whole_number
from app.web.render import Undo, go, render, tell
from app.web.requests import (
    Now,
    Reading,
    Writing,
    database_of,
)

router = APIRouter()


@router.get("/screenings/{screening_id}/rate")
def next_text(
    request: Request, screening_id: int, researcher: Researcher, session: Writing, now: Now
) -> RedirectResponse:
    return _next_text(request, session, attempts.looked_at(session, screening_id, now), researcher)


def _next_text(request: Request, session: Session, screening: Screening, researcher: Person) -> RedirectResponse:
    item, _waiting, _texts = ratings.next_to_rate(session, screening, researcher)
    if item is None:
        tell(request, _("No text waits for your rating."))
        return go(f"/screenings/{screening.id}")
    return go(f"/screenings/{screening.id}/rate/{item}")


@router.get("/screenings/{screening_id}/rate/{item_id}")
def show_text(
    request: Request, screening_id: int, item_id: int, researcher: Researcher, session: Reading
) -> HTMLResponse:
    return render(request, _rate_page(session, researcher, screening_id, item_id))


def _rate_page(
    session: Session, researcher: Person, screening_id: int, item_id: int, problems: Mapping[str, str] | None = None
) -> RatePage:
    screening = service.screening_for(session, screening_id)
    item, text = ratings.text_to_rate(session, screening, item_id)
    _next, waiting, texts = ratings.next_to_rate(session, screening, researcher)
    prompt = item.task.prompt
    return RatePage(
        screening=screening,
        item_id=item.id,
        text=preview_of(prompt, text),
        waiting=waiting,
        texts=texts,
        sensitive=prompt is not None and bool(prompt.sensitive),
        problems=problems or {},
    )


@router.post("/screenings/{screening_id}/rate/{item_id}")
def rate(
    request: Request,
    screening_id: int,
    item_id: int,
    researcher: Researcher,
    now: Now,
    rating: Annotated[str, Form()] = "",
) -> Response:
    database = database_of(request)
    try:
        number = whole_number(rating, _("A rating")) if rating else None
        with database.transaction() as session:
            ratings.rate(session, researcher, service.screening_for(session, screening_id), item_id, now, number)
    except Invalid as error:
        with database.reading() as session:
            problems = error.fields or {"rating": str(error)}
            return render(request, _rate_page(session, researcher, screening_id, item_id, problems), error.status)
    undo = Undo(_("Take it back"), f"/screenings/{screening_id}/rate/{item_id}/undo")
    tell(request, _("Rated %(rating)s.", rating=number), undo)
    with database.reading() as session:
        return _next_text(request, session, service.screening_for(session, screening_id), researcher)


@router.post("/screenings/{screening_id}/rate/{item_id}/undo")
def take_rating_back(screening_id: int, item_id: int, researcher: Researcher, session: Writing) -> RedirectResponse:
    ratings.take_rating_back(session, researcher, service.screening_for(session, screening_id), item_id)
    return go(f"/screenings/{screening_id}/rate/{item_id}")
