from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid
from app.labeling.annotations.writing import preview_of_written
from app.labeling.reviews import rules, service
from app.labeling.reviews.pages import ReviewPage, ReviewsPage, beginning_of, version_of
from app.labeling.reviews.rules import ACCEPT, REJECT, SEND_BACK, Decision
from app.language import gettext as _
from app.language import mark
from app.models import Person
from app.roles import may
from app.web.forms import LARGEST_NUMBER, whole_number
from app.web.paging import Paging
from app.web.posted import Fields
from app.web.render import go, render, tell
from app.web.requests import Now, Reading, database_of, needs

router = APIRouter()
Reviewer = Annotated[Person, Depends(needs(lambda role: may(role, "review")))]
DONE = {
    ACCEPT: mark("Accepted."),
    SEND_BACK: mark("Sent back to its author, with your reason."),
    REJECT: mark("Rejected, with your reason. The task goes to somebody else."),
}


@router.get("/reviews")
def list_reviews(
    request: Request, reviewer: Reviewer, session: Reading, *, state: str = "", campaign: str = "", page: int = 1
) -> HTMLResponse:
    chosen = _campaign(campaign)
    state = state if state in rules.STATES else ""
    total = service.decided_count(session, chosen, state)
    paging = Paging(page, total, {"state": state, "campaign": campaign if chosen else ""})
    decided = service.decided(session, chosen, state, limit=paging.size, offset=paging.offset)
    rows = service.campaigns_with_texts(session, reviewer.id)
    return render(request, ReviewsPage(rows, [(text, beginning_of(text)) for text in decided], paging, state, chosen))


def _campaign(number: str) -> int | None:
    return whole_number(number, _("A campaign's number"), 0, LARGEST_NUMBER) if number else None


@router.get("/reviews/next")
def next_review(
    request: Request, reviewer: Reviewer, session: Reading, *, campaign: str = "", after: int = 0
) -> RedirectResponse:
    """The oldest text that waits, or the next one after another."""
    return _next(request, session, reviewer, campaign, min(max(after, 0), LARGEST_NUMBER))


def _next(request: Request, session: Session, reviewer: Person, campaign: str, after: int) -> RedirectResponse:
    following = service.oldest_waiting(session, reviewer.id, _campaign(campaign), after)
    if following is None:
        tell(request, _("No text waits for you."))
        return go("/reviews")
    return go(f"/reviews/{following}{f'?campaign={campaign}' if campaign else ''}")


@router.get("/reviews/{text_id}")
def show_review(request: Request, text_id: int, reviewer: Reviewer, session: Reading, campaign: str = "") -> Response:
    return render(request, _page(session, reviewer, text_id, {"campaign": campaign}))


def _page(
    session: Session,
    reviewer: Person,
    text_id: int,
    given: Mapping[str, str],
    problems: Mapping[str, str] | None = None,
    error: str = "",
) -> ReviewPage:
    text = service.text_for(session, reviewer, text_id)
    waiting = service.waiting_count(session, reviewer.id, _campaign(given.get("campaign", "")))
    return ReviewPage(
        text=text,
        state=rules.STATES[text.state],
        preview=preview_of_written(text),
        earlier=[version_of(version) for version in service.versions_before(session, text)],
        waiting=waiting,
        given=given,
        problems=problems or {},
        error=error,
    )


@router.post("/reviews/{text_id}")
def decide(request: Request, text_id: int, reviewer: Reviewer, now: Now, fields: Fields) -> Response:
    """Store the decision and go on with the next text."""
    database = database_of(request)
    try:
        decision = _decision(fields)
        with database.transaction() as session:
            service.decide(session, reviewer, text_id, now, decision)
    except (Invalid, Conflict) as error:
        problems = error.fields if isinstance(error, Invalid) else {}
        with database.reading() as session:
            page = _page(session, reviewer, text_id, fields, problems, "" if problems else str(error))
            return render(request, page, error.status)
    tell(request, _(DONE[decision.verdict]))
    with database.reading() as session:
        return _next(request, session, reviewer, fields.get("campaign", ""), text_id)


def _decision(fields: Mapping[str, str]) -> Decision:
    rating = fields.get("rating", "")
    return Decision(
        verdict=fields.get("verdict", ""),
        reason=fields.get("reason", "").replace("\r\n", "\n").strip(),
        rating=whole_number(rating, _("A rating")) if rating else None,
    )
