"""Pages of researchers: screenings, their reports, and each applicant."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.errors import Conflict, DomainError, Invalid
from app.instruments import instrument_of
from app.labeling.my_work.rules import begin_of, day_of
from app.language import gettext as _
from app.models import Person
from app.quality.screening import attempts, ratings, report, service
from app.quality.screening.pages import (
    SORTS,
    ApplicantPage,
    BankChoice,
    NewScreeningPage,
    ReportPage,
    ScreeningsPage,
    name_of,
    preview_of,
    row_of,
)
from app.quality.screening.rules import plans as rules
from app.quality.screening.rules.plans import CRITERIA, DEMONSTRATIONS, Decision, Plan
from app.roles import may
from app.web.forms import whole_number
from app.web.posted import Fields, Lists
from app.web.render import go, render, tell
from app.web.requests import (
    Now,
    Reading,
    Writing,
    database_of,
    needs,
)
from app.web.tables import csv_line

router = APIRouter()
Researcher = Annotated[Person, Depends(needs(lambda role: may(role, "screen")))]
LARGEST_SEED = 2**31 - 1
USUAL_DAYS = 14


@router.get("/screenings")
def list_screenings(request: Request, _researcher: Researcher, session: Reading, now: Now) -> HTMLResponse:
    return render(request, ScreeningsPage(service.screenings(session), now))


@router.get("/screenings/new")
def new_screening(request: Request, _researcher: Researcher, session: Reading, now: Now) -> HTMLResponse:
    return render(request, _new_page(session, now))


def _new_page(
    session: Session,
    now: datetime,
    given: Mapping[str, Sequence[str]] | None = None,
    problems: Mapping[str, str] | None = None,
) -> NewScreeningPage:
    banks = service.banks(session)
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
    fields = {name: values[-1] for name, values in lists.items()}
    problems: dict[str, str] = {}

    def number(name: str, called: str, usual: str, least: int, most: int) -> int:
        try:
            return whole_number(fields.get(name) or usual, called, least, most)
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
        name=fields.get("name", "").strip(),
        banks=banks,
        items=items,
        sensitive_flags=lists.get("sensitive_flag", []),
        topics=rules.topics_of(fields.get("topics", "")),
        seed=seed,
        minutes=minutes,
        ends_at=_end_of(fields.get("last_day", ""), now),
    )


def _end_of(day: str, now: datetime) -> datetime | None:
    """The end of a day that was typed, or nothing where it is none."""
    try:
        return begin_of(day_of(day), now) + timedelta(days=1)
    except (ValueError, OverflowError):
        return None


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
    screening = attempts.looked_at(session, screening_id, now)
    _item, waiting, texts = ratings.next_to_rate(session, screening, researcher)
    return ReportPage(
        report=report.report_of(session, screening, draws=0),
        invitations=service.invitations(session, screening.id),
        to_rate=waiting,
        texts=texts,
        now=now,
        sort=sort,
        new_link=new_link,
        given=given or {},
        error=error,
    )


@router.get("/screenings/{screening_id}/applicants.csv")
def download_applicants(screening_id: int, _researcher: Researcher, session: Writing, now: Now) -> Response:
    made = report.report_of(session, attempts.looked_at(session, screening_id, now))
    return _file(f"screening-{screening_id}-applicants.csv", report.COLUMNS, report.table_of(made))


@router.get("/screenings/{screening_id}/coverage.csv")
def download_coverage(screening_id: int, _researcher: Researcher, session: Writing, now: Now) -> Response:
    made = report.report_of(session, attempts.looked_at(session, screening_id, now), draws=0)
    return _file(f"screening-{screening_id}-coverage.csv", report.COVERAGE_COLUMNS, report.coverage_table(made))


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
    screening = attempts.looked_at(session, screening_id, now)
    applicant = service.applicant_with(session, screening_id, code)
    (result,) = report.results_of(session, screening, [applicant])
    done = service.done_in(session, [applicant])[applicant.id] if applicant.finished_at else []
    texts = [text for text in done if text.item.criterion == DEMONSTRATIONS]
    decided_by = service.names_of(session, [applicant.decided_by]) if applicant.decided_by else {}
    return ApplicantPage(
        screening=screening,
        row=row_of(result),
        texts=[(text, preview_of(text.item.task.prompt, text.text)) for text in texts],
        own_ratings_missing=sum(researcher.id not in text.ratings for text in texts),
        decided_by=decided_by.get(applicant.decided_by or 0, ""),
        name=name_of(applicant, applicant.person),
        skipped=sum(assigned.skipped for assigned in service.assigned_items(session, applicant)),
        given=given or {},
        problems=refused.fields if isinstance(refused, Invalid) else {},
        error=str(refused or ""),
    )


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
            attempts.reset(session, researcher, screening_id, code, now, fields.get("reset_reason", ""))
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
