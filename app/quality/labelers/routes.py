from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from sqlalchemy.orm import Session

from app.errors import DomainError, Invalid, NotFound
from app.language import gettext as _
from app.models import Person
from app.quality.labelers import service, tables
from app.quality.labelers.forms import FIELDS, bounds_of, filters_of
from app.quality.labelers.pages import (
    BoundsPage,
    Filled,
    LabelersFragment,
    LabelersPage,
    WaitingFragment,
    labelers_fragment,
    waiting,
)
from app.quality.labelers.person_pages import FeedbackPage, feedback_page, person_page
from app.quality.labelers.rules.bounds import Filters, settled, with_bounds
from app.quality.labelers.rules.ongoing import BOUNDS
from app.quality.labelers.service import LabelersReport
from app.roles import may
from app.web.posted import Fields
from app.web.render import go, render, tell
from app.web.reports import Reports
from app.web.requests import Now, Reading, Writing, needs

router = APIRouter()
Watcher = Annotated[Person, Depends(needs(lambda role: may(role, "review")))]
Admin = Annotated[Person, Depends(needs(lambda role: may(role, "manage_people")))]
Labeler = Annotated[Person, Depends(needs(lambda role: may(role, "annotate")))]
FEEDBACK_DAYS = 90
DIFFERING_SHOWN = 8
DIFFERING_READ = 200
FOR_A_FILE = 60.0  # seconds to wait for the report that a file is made of


class NotReady(DomainError):  # noqa: N818
    """The report is still being made."""

    status = 503


def _reports(request: Request) -> Reports[Filters, LabelersReport]:
    reports: Reports[Filters, LabelersReport] = request.app.state.labelers
    return reports


def _given(request: Request) -> dict[str, str]:
    return {field: value for field in FIELDS if (value := request.query_params.get(field, "").strip())}


def _filters(session: Session, fields: Mapping[str, str]) -> Filters:
    return filters_of(fields, service.campaigns(session))


@router.get("/labelers")
def show(request: Request, watcher: Watcher, session: Reading) -> HTMLResponse:  # noqa: ARG001
    fields = _given(request)
    try:
        body = _body(request, session, fields)
    except Invalid as problem:
        form = Filled(fields, problem.fields, service.campaigns(session))
        return render(request, LabelersPage(form, None), problem.status)
    return render(request, LabelersPage(Filled(fields, {}, service.campaigns(session)), body))


def _body(request: Request, session: Session, fields: Mapping[str, str]) -> LabelersFragment | WaitingFragment:
    making = _reports(request).ask(_filters(session, fields))
    query = Filled(fields, {}, ()).query
    if making.failed or (report := making.report) is None:
        return waiting(making, f"/labelers?{query}")
    unsorted = Filled({name: value for name, value in fields.items() if name != "sort"}, {}, ()).query
    return labelers_fragment(report, service.notes(session), fields.get("sort", ""), unsorted)


@router.get("/labelers/figures.csv")
def download(request: Request, watcher: Watcher, session: Reading, now: Now) -> Response:  # noqa: ARG001
    report = _reports(request).ask(_filters(session, _given(request)), patience=FOR_A_FILE).report
    if report is None:
        raise NotReady(_("The report is still being made. Ask for the file again in a minute."))
    named = {"content-disposition": f'attachment; filename="labelers-{now:%Y-%m-%d}.csv"'}
    return StreamingResponse(tables.as_csv(report), media_type="text/csv; charset=utf-8", headers=named)


@router.get("/labelers/bounds")
def show_bounds(request: Request, watcher: Watcher, session: Reading) -> HTMLResponse:  # noqa: ARG001
    return render(request, BoundsPage(_bounds(session), {}, {}))


def _bounds(session: Session) -> dict[str, service.Bound]:
    return with_bounds(BOUNDS, {measure: row.bound for measure, row in service.bounds(session).items()})


@router.post("/labelers/bounds")
def set_bounds(request: Request, admin: Admin, session: Writing, now: Now, fields: Fields) -> Response:
    try:
        changed = service.set_bounds(session, admin, bounds_of(fields), now)
    except Invalid as error:
        return render(request, BoundsPage(_bounds(session), fields, error.fields), error.status)
    tell(request, _("Saved.") if changed else _("Nothing was changed."))
    return go("/labelers")


@router.get("/labelers/{person_id}")
def show_person(request: Request, person_id: int, watcher: Watcher, session: Reading) -> HTMLResponse:  # noqa: ARG001
    return _person(request, session, person_id)


def _person(request: Request, session: Session, person_id: int, error: str = "", status: int = 200) -> HTMLResponse:
    service.person_for(session, person_id)
    making = _reports(request).ask(_filters(session, _given(request)), patience=FOR_A_FILE)
    report = making.report
    if report is None:
        raise NotReady(_("The report is still being made. Look again in a minute."))
    number = report.number_of(person_id)
    if number is None:
        raise NotFound(_("This person has ranked nothing yet, so there is nothing to report."))
    notes = service.notes(session, person_id)
    writers = {person.id: person.name for person in service.people(session)}
    differing = service.differing_from_gold(session, person_id, closed_only=False, limit=DIFFERING_READ)
    return render(request, person_page(report, number, notes, writers, differing, error), status)


@router.post("/labelers/{person_id}/alerts/{measure}")
def note_alert(
    request: Request,
    person_id: int,
    measure: str,
    *,
    watcher: Watcher,
    session: Writing,
    now: Now,
    note: Annotated[str, Form()] = "",
) -> Response:
    """Say what came of an alert. Its figure is read from the report of everything, not from the form."""
    report = _reports(request).ask(Filters(), patience=FOR_A_FILE).report
    number = report.number_of(person_id) if report else None
    alerts = [a for a in report.alerts_of(number) if a.measure == measure] if report and number is not None else []
    if not alerts or alerts[0].finding.value is None:
        raise NotFound(_("There is no such alert any more."))
    try:
        service.note_alert(session, watcher, person_id, measure, value=alerts[0].finding.value, note=note, now=now)
    except Invalid as error:
        return _person(request, session, person_id, str(error), error.status)
    tell(request, _("Kept. It is reopened only if the figure gets worse."))
    return go(f"/labelers/{person_id}")


@router.get("/label/feedback")
def show_feedback(request: Request, person: Labeler, session: Reading, now: Now) -> HTMLResponse:
    """A person's own figures; there is no address that shows somebody else's."""
    before = settled(now, service.longest_correction(session))
    making = _reports(request).ask(Filters(since=before - timedelta(days=FEEDBACK_DAYS), before=before))
    if making.failed or (report := making.report) is None:
        return render(request, FeedbackPage([], [], FEEDBACK_DAYS, before, waiting(making, "/label/feedback")))
    differing = service.differing_from_gold(session, person.id, closed_only=True, limit=DIFFERING_READ, before=before)
    return render(request, feedback_page(report, person, differing[:DIFFERING_SHOWN], FEEDBACK_DAYS, before))
