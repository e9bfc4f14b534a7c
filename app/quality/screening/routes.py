import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.errors import Conflict, DomainError, Invalid, NotFound
from app.instruments import instrument_of
from app.labeling.annotations.writing_pages import PreviewItem
from app.labeling.worklog.rules import begin_of, day_of
from app.language import gettext as _
from app.models import Person, Screening
from app.people import sessions
from app.people.attempts import attempts_of
from app.quality.screening import queries, report, service
from app.quality.screening.pages import (
    SORTS,
    ApplicantPage,
    BankChoice,
    HomePage,
    JoinPage,
    NewScreeningPage,
    RatePage,
    ReportPage,
    ScreeningsPage,
    name_of,
    row_of,
)
from app.quality.screening.rules import plans as rules
from app.quality.screening.rules.plans import CRITERIA, DEMONSTRATIONS, Decision, Plan
from app.roles import may
from app.web.addresses import task_address
from app.web.forms import whole_number
from app.web.posted import Fields, Lists
from app.web.render import Undo, go, render, tell
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
from app.web.tables import csv_line

router = APIRouter()
Researcher = Annotated[Person, Depends(needs(lambda role: may(role, "screen")))]
Tested = Annotated[Person, Depends(needs(lambda role: may(role, "be_screened")))]
LARGEST_SEED = 2**31 - 1
USUAL_DAYS = 14


# Joining ------------------------------------------------------------------------------------------


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
    database, attempts, address = database_of(request), attempts_of(request), address_of(request)
    email = fields.get("email", "")
    attempts.begin(email, address, now)
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
    attempts.succeeded(email, address, now)
    begin_session(request, person, signed_in)
    return go("/screening")


# The applicant ------------------------------------------------------------------------------------


@router.get("/screening")
def home(request: Request, person: Tested, session: Writing, now: Now) -> HTMLResponse:
    """Writes only where the time is up: what was saved until then is handed in."""
    service.close_if_overdue(session, service.applicant_for(session, person), now)
    return render(request, _home(session, person, now))


def _home(
    session: Session,
    person: Person,
    now: datetime,
    given: Mapping[str, object] | None = None,
    refused: Invalid | None = None,
) -> HomePage:
    applicant = service.applicant_for(session, person)
    problems = refused.fields if refused else {}
    return HomePage(applicant, queries.slots_of(session, applicant), now, given or {}, problems, str(refused or ""))


@router.post("/screening/start")
def start(person: Tested, session: Writing, now: Now) -> RedirectResponse:
    service.start(session, person, now)
    return go("/screening")


@router.post("/screening/next")
def next_item(request: Request, person: Tested, session: Reading) -> RedirectResponse:
    task = service.next_task(session, person)
    return go(task_address(request, task) if task else "/screening")


@router.post("/screening/self")
def assess(request: Request, person: Tested, now: Now, lists: Lists) -> Response:
    database = database_of(request)
    claimed, words = lists.get("topic", []), lists.get("words", [""])[-1].replace("\r\n", "\n")
    try:
        with database.transaction() as session:
            service.assess(session, person, now, claimed=claimed, words=words)
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
            service.hand_in(session, person, now, as_it_is=as_it_is == "yes")
    except Invalid as error:
        with database.reading() as session:
            return render(request, _home(session, person, now, refused=error), error.status)
    return go("/screening")


# Making a screening -------------------------------------------------------------------------------


@router.get("/screenings")
def list_screenings(request: Request, _researcher: Researcher, session: Reading, now: Now) -> HTMLResponse:
    return render(request, ScreeningsPage(queries.screenings(session), now))


@router.get("/screenings/new")
def new_screening(request: Request, _researcher: Researcher, session: Reading, now: Now) -> HTMLResponse:
    return render(request, _new_page(session, now))


def _new_page(
    session: Session,
    now: datetime,
    given: Mapping[str, Sequence[str]] | None = None,
    problems: Mapping[str, str] | None = None,
) -> NewScreeningPage:
    banks = queries.banks(session)
    choices = {
        criterion: [
            BankChoice(bank, len(service.items_in(session, criterion, [bank.id])))
            for bank in banks
            if criterion in instrument_of(bank.kind).screens
        ]
        for criterion in CRITERIA
    }
    flags = service.flags_in(session, [bank.id for bank in banks])
    return NewScreeningPage(
        banks=choices,
        flags=flags,
        usual_flags=[name for name, asked in flags if asked.group == "harmless"],
        topics=service.topics_in(session, [bank.id for bank in banks]),
        seed=secrets.randbelow(1_000_000),
        last_day=f"{now + timedelta(days=USUAL_DAYS):%Y-%m-%d}",
        given=given or {},
        problems=problems or {},
    )


@router.post("/screenings")
def create_screening(request: Request, researcher: Researcher, now: Now, lists: Lists) -> Response:
    database = database_of(request)
    try:
        with database.transaction() as session:
            screening = service.create(session, researcher, _plan(lists, now), now)
    except Invalid as error:
        with database.reading() as session:
            return render(request, _new_page(session, now, lists, error.fields), error.status)
    tell(request, _("“%(name)s” is there. Make a link to invite people.", name=screening.name))
    return go(f"/screenings/{screening.id}")


def _plan(lists: Mapping[str, Sequence[str]], now: datetime) -> Plan:
    one = {name: values[-1] for name, values in lists.items()}
    problems: dict[str, str] = {}

    def number(name: str, called: str, usual: str, least: int, most: int) -> int:
        try:
            return whole_number(one.get(name) or usual, called, least, most)
        except Invalid as error:
            problems[name] = str(error)
            return least

    items = {
        criterion: number(f"items-{criterion}", _("The number of items"), "0", 0, rules.MOST_ITEMS)
        for criterion in CRITERIA
    }
    seed = number("seed", _("The seed"), "0", 0, LARGEST_SEED)
    minutes = number("minutes", _("The time"), str(rules.USUAL_MINUTES), 1, rules.MOST_MINUTES)
    banks = {
        criterion: [whole_number(bank, _("A bank's number"), 1) for bank in lists.get(f"bank-{criterion}", [])]
        for criterion in CRITERIA
    }
    if problems:
        raise Invalid(" ".join(problems.values()), problems)
    return Plan(
        name=one.get("name", "").strip(),
        banks=banks,
        items=items,
        sensitive_flags=lists.get("sensitive_flag", []),
        topics=rules.topics_of(one.get("topics", "")),
        seed=seed,
        minutes=minutes,
        ends_at=_end_of(one.get("last_day", ""), now),
    )


def _end_of(day: str, now: datetime) -> datetime | None:
    """The end of a day that was typed, or nothing where it is none."""
    try:
        return begin_of(day_of(day), now) + timedelta(days=1)
    except (ValueError, OverflowError):
        return None


# The report ---------------------------------------------------------------------------------------


@router.get("/screenings/{screening_id}")
def show_screening(
    request: Request, screening_id: int, researcher: Researcher, session: Writing, now: Now, sort: str = ""
) -> HTMLResponse:
    """Writes only where somebody's time is up: what they had saved is handed in."""
    return render(request, _report_page(session, researcher, screening_id, now, sort=sort if sort in SORTS else ""))


def _report_page(
    session: Session,
    researcher: Person,
    screening_id: int,
    now: datetime,
    *,
    sort: str = "",
    new_link: str = "",
    given: Mapping[str, str] | None = None,
    error: str = "",
) -> ReportPage:
    screening = _looked_at(session, screening_id, now)
    _item, waiting, texts = service.next_to_rate(session, screening, researcher)
    return ReportPage(
        report=report.report_of(session, screening, draws=0),
        invitations=queries.invitations(session, screening.id),
        to_rate=waiting,
        texts=texts,
        now=now,
        sort=sort,
        new_link=new_link,
        given=given or {},
        error=error,
    )


def _looked_at(session: Session, screening_id: int, now: datetime) -> Screening:
    screening = service.screening_for(session, screening_id)
    service.close_overdue(session, screening, now)
    return screening


@router.get("/screenings/{screening_id}/applicants.csv")
def download_applicants(screening_id: int, _researcher: Researcher, session: Writing, now: Now) -> Response:
    found = report.report_of(session, _looked_at(session, screening_id, now))
    return _file(f"screening-{screening_id}-applicants.csv", report.COLUMNS, report.table_of(found))


@router.get("/screenings/{screening_id}/coverage.csv")
def download_coverage(screening_id: int, _researcher: Researcher, session: Writing, now: Now) -> Response:
    found = report.report_of(session, _looked_at(session, screening_id, now), draws=0)
    return _file(f"screening-{screening_id}-coverage.csv", report.COVERAGE_COLUMNS, report.coverage_table(found))


def _file(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    lines = [columns, *([f"{value:.4f}" if isinstance(value, float) else value for value in row] for row in rows)]
    named = {"content-disposition": f'attachment; filename="{name}"'}
    return Response("".join(map(csv_line, lines)), media_type="text/csv; charset=utf-8", headers=named)


@router.post("/screenings/{screening_id}/invitations")
def invite(request: Request, screening_id: int, researcher: Researcher, now: Now, fields: Fields) -> HTMLResponse:
    database = database_of(request)
    link, error, status = "", "", 200
    try:
        uses = whole_number(fields.get("uses", ""), _("The number of people"))
        days = whole_number(fields.get("days", ""), _("The number of days"))
        with database.transaction() as session:
            _invitation, secret = service.invite(session, researcher, screening_id, now, uses=uses, days=days)
        link = f"{str(request.base_url).rstrip('/')}/join/{secret}"
    except (Invalid, Conflict) as refused:
        error, status = str(refused), refused.status
    with database.transaction() as session:
        page = _report_page(session, researcher, screening_id, now, new_link=link, given=fields, error=error)
        return render(request, page, status)


@router.post("/screenings/{screening_id}/invitations/{invitation_id}/revoke")
def revoke(
    request: Request, screening_id: int, invitation_id: int, researcher: Researcher, session: Writing, now: Now
) -> RedirectResponse:
    service.revoke(session, researcher, screening_id, invitation_id, now)
    tell(request, _("The link opens nothing any more. Who has joined by it stays."))
    return go(f"/screenings/{screening_id}#invitations")


# One applicant ------------------------------------------------------------------------------------


@router.get("/screenings/{screening_id}/applicants/{code}")
def show_applicant(
    request: Request, screening_id: int, code: str, researcher: Researcher, session: Writing, now: Now
) -> HTMLResponse:
    return render(request, _applicant_page(session, researcher, screening_id, code, now))


def _applicant_page(
    session: Session,
    researcher: Person,
    screening_id: int,
    code: str,
    now: datetime,
    given: Mapping[str, str] | None = None,
    refused: DomainError | None = None,
) -> ApplicantPage:
    screening = _looked_at(session, screening_id, now)
    applicant = service.applicant_with(session, screening_id, code)
    (result,) = report.results_of(session, screening, [applicant])
    done = queries.done_in(session, [applicant])[applicant.id] if applicant.finished_at else []
    texts = [one for one in done if one.item.criterion == DEMONSTRATIONS]
    decided_by = queries.names_of(session, [applicant.decided_by]) if applicant.decided_by else {}
    return ApplicantPage(
        screening=screening,
        row=row_of(result),
        texts=[(one, _preview(one.item.task.prompt, one.text)) for one in texts],
        own_ratings_missing=sum(researcher.id not in one.ratings for one in texts),
        decided_by=decided_by.get(applicant.decided_by or 0, ""),
        name=name_of(applicant, applicant.person),
        skipped=sum(slot.skipped for slot in queries.slots_of(session, applicant)),
        given=given or {},
        problems=refused.fields if isinstance(refused, Invalid) else {},
        error=str(refused or ""),
    )


def _preview(prompt: object, text: str) -> PreviewItem:
    return PreviewItem(getattr(prompt, "messages", []), text)


@router.post("/screenings/{screening_id}/applicants/{code}/decision")
def decide(
    request: Request, screening_id: int, code: str, researcher: Researcher, now: Now, fields: Fields
) -> Response:
    database = database_of(request)
    reason = fields.get("reason", "").replace("\r\n", "\n").strip()
    decision = Decision(fields.get("verdict", ""), reason, fields.get("group", "").strip())
    try:
        with database.transaction() as session:
            service.decide(session, researcher, screening_id, code, now, decision)
    except (Invalid, Conflict) as error:
        with database.transaction() as session:
            page = _applicant_page(session, researcher, screening_id, code, now, fields, error)
            return render(request, page, error.status)
    tell(request, _("%(code)s: %(decision)s.", code=code, decision=_(rules.DECISION_WORDS[decision.verdict])))
    return go(f"/screenings/{screening_id}")


@router.post("/screenings/{screening_id}/applicants/{code}/reset")
def reset(request: Request, screening_id: int, code: str, researcher: Researcher, now: Now, fields: Fields) -> Response:
    database = database_of(request)
    try:
        with database.transaction() as session:
            service.reset(session, researcher, screening_id, code, now, fields.get("reset_reason", ""))
    except (Invalid, Conflict) as error:
        with database.transaction() as session:
            page = _applicant_page(session, researcher, screening_id, code, now, fields, error)
            return render(request, page, error.status)
    tell(request, _("%(code)s can try again, with items they have not met.", code=code))
    return go(f"/screenings/{screening_id}/applicants/{code}")


@router.post("/screenings/{screening_id}/applicants/{code}/name")
def unmask(
    request: Request, screening_id: int, code: str, researcher: Researcher, session: Writing, now: Now
) -> RedirectResponse:
    service.unmask(session, researcher, screening_id, code, now)
    tell(request, _("The audit trail says that you looked."))
    return go(f"/screenings/{screening_id}/applicants/{code}")


# Blind ratings ------------------------------------------------------------------------------------


@router.get("/screenings/{screening_id}/rate")
def next_text(
    request: Request, screening_id: int, researcher: Researcher, session: Writing, now: Now
) -> RedirectResponse:
    return _next_text(request, session, _looked_at(session, screening_id, now), researcher)


def _next_text(request: Request, session: Session, screening: Screening, researcher: Person) -> RedirectResponse:
    item, _waiting, _texts = service.next_to_rate(session, screening, researcher)
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
    item, text = service.text_to_rate(session, screening, item_id)
    _next, waiting, texts = service.next_to_rate(session, screening, researcher)
    prompt = item.task.prompt
    return RatePage(
        screening=screening,
        item_id=item.id,
        text=_preview(prompt, text),
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
        given = whole_number(rating, _("A rating")) if rating else None
        with database.transaction() as session:
            service.rate(session, researcher, service.screening_for(session, screening_id), item_id, now, given)
    except Invalid as error:
        with database.reading() as session:
            problems = error.fields or {"rating": str(error)}
            return render(request, _rate_page(session, researcher, screening_id, item_id, problems), error.status)
    undo = Undo(_("Take it back"), f"/screenings/{screening_id}/rate/{item_id}/undo")
    tell(request, _("Rated %(rating)s.", rating=given), undo)
    with database.reading() as session:
        return _next_text(request, session, service.screening_for(session, screening_id), researcher)


@router.post("/screenings/{screening_id}/rate/{item_id}/undo")
def take_rating_back(screening_id: int, item_id: int, researcher: Researcher, session: Writing) -> RedirectResponse:
    service.take_rating_back(session, researcher, service.screening_for(session, screening_id), item_id)
    return go(f"/screenings/{screening_id}/rate/{item_id}")
