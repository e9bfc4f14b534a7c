import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse

from app.errors import DomainError, Forbidden, Invalid, TooManyAttempts, retry_header
from app.language import gettext as _
from app.models import Person
from app.people import audit, rules, service, sessions, tokens
from app.people.attempts import attempts_of
from app.people.pages import AuditPage, PasswordPage, PeoplePage, SensitiveContentPage, SignInPage, TokensPage
from app.people.queries import Asked
from app.roles import home_of, may
from app.web.forms import whole_number
from app.web.paging import Paging
from app.web.render import go, render, tell
from app.web.requests import (
    LOCALE_COOKIE,
    Now,
    Reading,
    SignedIn,
    Writing,
    address_of,
    begin_session,
    database_of,
    forget_session,
    needs,
    person_of,
    secret_of,
)
from app.web.security import csrf_token
from app.web.tables import csv_line

router = APIRouter()
Admin = Annotated[Person, Depends(needs(lambda role: may(role, "manage_people")))]
Labeler = Annotated[Person, Depends(needs(lambda role: may(role, "annotate")))]
Programmer = Annotated[Person, Depends(needs(lambda role: may(role, "use_api")))]
TOKENS_SHOWN = 100
ONE_YEAR = 365 * 24 * 3600


def _own_address(address: str) -> str:
    """Only addresses of this site: a sign-in link must not lead elsewhere."""
    fine = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if fine else "/"


@router.get("/")
def home(request: Request) -> RedirectResponse:
    person = person_of(request)
    return go(home_of(person.role) if person else "/sign-in")


@router.get("/sign-in")
def sign_in_form(request: Request, next: str = "/") -> Response:  # noqa: A002
    if person_of(request):
        return go(_own_address(next))
    return render(request, SignInPage(_own_address(next)))


@router.post("/sign-in")
def sign_in(
    request: Request,
    now: Now,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    attempts, address = attempts_of(request), address_of(request)
    try:
        attempts.begin(email, address, now)
        with database_of(request).transaction() as session:
            person = service.sign_in(session, email, password, address)
            secret = sessions.begin(session, person, now)
        attempts.succeeded(email, address, now)
    except DomainError as error:
        if isinstance(error, Forbidden):
            with database_of(request).transaction() as session:
                service.note_failed_sign_in(session, email, address)
        page = render(request, SignInPage(_own_address(next), email=email, error=str(error)), error.status)
        page.headers.update(retry_header(error))
        return page
    begin_session(request, person, secret)
    return go("/account/password" if person.password_is_one_time else _own_address(next))


@router.post("/sign-out")
def sign_out(request: Request) -> RedirectResponse:
    """End the session itself, so that a copy of the cookie opens nothing either."""
    if secret := secret_of(request):
        with database_of(request).transaction() as session:
            service.sign_out(session, secret)
    forget_session(request)
    return go("/sign-in")


@router.post("/account/sign-out-everywhere")
def sign_out_everywhere(request: Request, person: SignedIn, session: Writing) -> RedirectResponse:
    service.sign_out_everywhere(session, person.id)
    forget_session(request)
    tell(request, _("You are signed out in all browsers. Your API tokens still work."))
    return go("/sign-in")


@router.get("/account/session")
def session_now(request: Request) -> JSONResponse:
    """Who is signed in in this browser, for a page that was opened earlier, and the token its forms need now."""
    person = person_of(request)
    return JSONResponse({"person": str(person.id) if person else "", "token": csrf_token(request)})


@router.post("/account/language")
def choose_language(
    request: Request, locale: Annotated[str, Form()] = "", back: Annotated[str, Form()] = "/"
) -> RedirectResponse:
    """Speak another language from the next page on: to a person everywhere, to a stranger in this browser."""
    person = person_of(request)
    with database_of(request).transaction() as session:
        service.choose_locale(session, person.id if person else None, locale)
    answer = go(_own_address(back))
    answer.set_cookie(LOCALE_COOKIE, locale, max_age=ONE_YEAR, httponly=True, samesite="lax")
    return answer


@router.get("/account/password")
def password_form(request: Request, session: Reading, person: SignedIn, now: Now) -> HTMLResponse:
    return render(request, PasswordPage(sessions.count(session, person.id, now)))


@router.post("/account/password")
def choose_password(
    request: Request,
    person: SignedIn,
    now: Now,
    present: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Choose another; guesses at the present one count as those at the sign-in form do."""
    attempts, address = attempts_of(request), address_of(request)
    asked = not person.password_is_one_time
    try:
        if asked:
            attempts.begin(person.email, address, now)
        with database_of(request).transaction() as session:
            changed = service.choose_password(session, person.id, password, again, present)
            secret = sessions.begin(session, changed, now)
    except DomainError as error:
        if asked and not isinstance(error, (service.WrongPassword, TooManyAttempts)):
            attempts.succeeded(person.email, address, now)
        with database_of(request).reading() as session:
            count = sessions.count(session, person.id, now)
        return render(request, PasswordPage(count, error=str(error)), error.status)
    if asked:
        attempts.succeeded(person.email, address, now)
    begin_session(request, changed, secret)
    tell(request, _("Your password is set. The old one no longer works, and your other browsers are signed out."))
    return go(home_of(changed.role))


@router.get("/account/sensitive-content")
def sensitive_content_form(request: Request, person: Labeler) -> HTMLResponse:
    return render(request, SensitiveContentPage(person.blur or rules.USUAL_BLUR, person.avoids_sensitive))


@router.post("/account/sensitive-content")
def choose_sensitive_content(
    request: Request, person: Labeler, blur: Annotated[str, Form()] = "", avoid: Annotated[str, Form()] = ""
) -> Response:
    try:
        with database_of(request).transaction() as session:
            service.choose_sensitive_content(session, person.id, blur=blur, avoids_sensitive=avoid == "yes")
    except Invalid as error:
        return render(request, SensitiveContentPage(blur, avoid == "yes", str(error)), error.status)
    tell(request, _("Kept. It holds from the next task on."))
    return go("/account/sensitive-content")


@router.get("/account/tokens")
def list_tokens(request: Request, session: Reading, person: Programmer, now: Now) -> HTMLResponse:
    return render(request, TokensPage(service.tokens_of(session, person.id, TOKENS_SHOWN), now))


@router.post("/account/tokens")
def make_token(
    request: Request,
    person: Programmer,
    session: Writing,
    now: Now,
    name: Annotated[str, Form()] = "",
    days: Annotated[int, Form()] = 0,
) -> HTMLResponse:
    try:
        _token, secret = tokens.make_token(session, person, name=name, days=days, now=now)
    except DomainError as error:
        known = service.tokens_of(session, person.id, TOKENS_SHOWN)
        return render(request, TokensPage(known, now, name=name, error=str(error)), error.status)
    return render(request, TokensPage(service.tokens_of(session, person.id, TOKENS_SHOWN), now, new_secret=secret))


@router.post("/account/tokens/{token_id}/revoke")
def revoke_token(request: Request, token_id: int, person: Programmer, session: Writing, now: Now) -> RedirectResponse:
    token = tokens.revoke(session, person, token_id, now)
    tell(request, _("“%(name)s” no longer opens anything.", name=token.name))
    return go("/account/tokens")


@router.get("/people")
def list_people(request: Request, session: Reading, _admin: Admin) -> HTMLResponse:
    return render(request, PeoplePage(service.everyone(session)))


@router.post("/people")
def add_person(
    request: Request,
    admin: Admin,
    session: Writing,
    email: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "labeler",
    group: Annotated[str, Form()] = "",
) -> HTMLResponse:
    try:
        person, password = service.add_person(session, admin, email=email, name=name, role=role, group=group)
    except DomainError as error:
        return render(request, PeoplePage(service.everyone(session), error=str(error)), error.status)
    return render(request, PeoplePage(service.everyone(session), new_person=person, new_password=password))


@router.post("/people/{person_id}/password")
def renew_password(request: Request, person_id: int, admin: Admin, session: Writing) -> HTMLResponse:
    person, password = service.renew_one_time_password(session, admin, person_id)
    return render(request, PeoplePage(service.everyone(session), new_person=person, new_password=password))


@router.post("/people/{person_id}/active")
def set_active(
    request: Request, person_id: int, admin: Admin, session: Writing, active: Annotated[bool, Form()]
) -> RedirectResponse:
    person = service.set_active(session, admin, person_id, active=active)
    if active:
        tell(request, _("%(name)s can sign in again.", name=person.name))
    else:
        tell(request, _("%(name)s can no longer sign in.", name=person.name))
    return go("/people")


@router.post("/people/{person_id}/group")
def set_group(
    request: Request, person_id: int, admin: Admin, session: Writing, group: Annotated[str, Form()] = ""
) -> Response:
    try:
        person = service.set_group(session, admin, person_id, group)
    except Invalid as error:
        return render(request, PeoplePage(service.everyone(session), error=str(error)), error.status)
    if person.labeler_group:
        told = _(
            "%(name)s is in the group “%(group)s” now. Snapshots frozen from here on say so.",
            name=person.name,
            group=person.labeler_group,
        )
    else:
        told = _("%(name)s is in no group now. Snapshots frozen from here on say so.", name=person.name)
    tell(request, told)
    return go("/people")


# The audit trail ----------------------------------------------------------------------------------


def _asked(
    now: Now, who: str = "", about: str = "", kind: str = "", what: str = "", since: str = "", until: str = ""
) -> tuple[Asked, dict[str, str]]:
    """What the form asks for, and the form as it was filled in.

    Raises:
        Invalid: a day or a person's number is none.
    """
    kind = kind if kind in rules.KINDS else rules.USUAL_KIND
    filters = {"who": who, "about": about, "kind": kind, "what": what, "since": since, "until": until}
    last = rules.day_of(until, now)
    asked = Asked(
        who=whole_number(who, _("Who"), 1) if who else None,
        about=whole_number(about, _("About whom"), 1) if about else None,
        kind=kind,
        words=what.strip()[:100],
        since=rules.day_of(since, now),
        until=last + timedelta(days=1) if last else None,
    )
    return asked, filters


AskedFor = Annotated[tuple[Asked, dict[str, str]], Depends(_asked)]


@router.get("/audit")
def show_audit(request: Request, _admin: Admin, session: Reading, asked: AskedFor, page: int = 1) -> HTMLResponse:
    which, filters = asked
    paging = Paging(page, audit.count(session, which), filters)
    shown = audit.lines(session, which, limit=paging.size, offset=paging.offset)
    return render(request, AuditPage(shown, paging, filters, audit.choices(session)))


@router.get("/audit.csv")
def download_audit(request: Request, _admin: Admin, now: Now, asked: AskedFor) -> StreamingResponse:
    """All events that the page counts, read as they are sent."""

    def rows() -> Iterator[str]:
        yield csv_line(("at", "who", "did", "to_what", "detail"))
        with database_of(request).reading() as session:
            for line in audit.all_lines(session, asked[0]):
                detail = json.dumps(line.detail, ensure_ascii=False) if line.detail else ""
                yield csv_line((line.at.isoformat(timespec="seconds"), line.who, line.action, line.subject, detail))

    named = {"content-disposition": f'attachment; filename="audit-{now:%Y-%m-%d}.csv"'}
    return StreamingResponse(rows(), media_type="text/csv; charset=utf-8", headers=named)
