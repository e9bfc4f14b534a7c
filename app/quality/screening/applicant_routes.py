"""Pages of the people who are screened: joining by a link, and the form."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.language import gettext as _
from app.models import Person
from app.people import sessions
from app.people.attempts import attempts_of
from app.quality.screening import attempts, service
from app.quality.screening.pages import (
    HomePage,
    JoinPage,
)
from app.roles import may
from app.web.addresses import task_address
from app.web.posted import Fields, Lists
from app.web.render import go, render, tell
from app.web.requests import (
    Now,
    Reading,
    Writing,
    address_of,
    begin_session,
    database_of,
    needs,
    person_of,
)

router = APIRouter()
Tested = Annotated[Person, Depends(needs(lambda role: may(role, "be_screened")))]


@router.get("/join/{secret}")
def show_invitation(request: Request, secret: str, session: Reading, now: Now) -> Response:
    """What the screening is, what happens with what is entered, and the form of the account."""
    if person_of(request):
        tell(request, _("You are signed in already. Sign out first, if the invitation is for somebody else."))
        return go("/")
    try:
        invitation = service.invitation_for(session, secret, now)
    except NotFound:
        attempts_of(request).unknown_secret(address_of(request), now)
        raise
    return render(request, JoinPage(invitation.screening))


@router.post("/join/{secret}")
def join(request: Request, secret: str, now: Now, fields: Fields) -> Response:
    """Make the account; refused attempts count as those to sign in do."""
    database, sign_ins, address = database_of(request), attempts_of(request), address_of(request)
    email = fields.get("email", "")
    sign_ins.begin(email, address, now)
    try:
        with database.transaction() as session:
            person = service.join(
                session,
                secret,
                now,
                email=email,
                name=fields.get("name", ""),
                password=fields.get("password", ""),
                again=fields.get("again", ""),
            )
            signed_in = sessions.begin(session, person, now)
    except Invalid as error:
        with database.reading() as session:
            screening = service.invitation_for(session, secret, now).screening
            return render(request, JoinPage(screening, fields, error.fields, str(error)), error.status)
    sign_ins.succeeded(email, address, now)
    begin_session(request, person, signed_in)
    return go("/screening")


@router.get("/screening")
def home(request: Request, person: Tested, session: Writing, now: Now) -> HTMLResponse:
    """Writes only where the time is up: what was saved until then is handed in."""
    attempts.close_if_overdue(session, attempts.applicant_for(session, person), now)
    return render(request, _home(session, person, now))


def _home(
    session: Session,
    person: Person,
    now: datetime,
    given: Mapping[str, object] | None = None,
    refused: Invalid | None = None,
) -> HomePage:
    applicant = attempts.applicant_for(session, person)
    problems = refused.fields if refused else {}
    return HomePage(
        applicant, service.assigned_items(session, applicant), now, given or {}, problems, str(refused or "")
    )


@router.post("/screening/start")
def start(person: Tested, session: Writing, now: Now) -> RedirectResponse:
    attempts.start(session, person, now)
    return go("/screening")


@router.post("/screening/next")
def next_item(request: Request, person: Tested, session: Reading) -> RedirectResponse:
    task = attempts.next_task(session, person)
    return go(task_address(request, task) if task else "/screening")


@router.post("/screening/self")
def assess(request: Request, person: Tested, now: Now, lists: Lists) -> Response:
    database = database_of(request)
    claimed, words = lists.get("topic", []), lists.get("words", [""])[-1].replace("\r\n", "\n")
    try:
        with database.transaction() as session:
            attempts.assess(session, person, now, claimed=claimed, words=words)
    except Invalid as error:
        with database.reading() as session:
            page = _home(session, person, now, {"topic": claimed, "words": words}, error)
            return render(request, page, error.status)
    tell(request, _("Kept. You can change it until you hand in."))
    return go("/screening")


@router.post("/screening/hand-in")
def hand_in(request: Request, person: Tested, now: Now, as_it_is: Annotated[str, Form()] = "") -> Response:
    database = database_of(request)
    try:
        with database.transaction() as session:
            attempts.hand_in(session, person, now, as_it_is=as_it_is == "yes")
    except Invalid as error:
        with database.reading() as session:
            return render(request, _home(session, person, now, refused=error), error.status)
    return go("/screening")
