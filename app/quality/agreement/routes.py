from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from sqlalchemy.orm import Session

from app.errors import DomainError, Invalid, NotFound
from app.labeling.instruments.authoring.rules import NAMES_OF_USE_CASES
from app.language import gettext as _
from app.models import Person
from app.quality.agreement import service, tables
from app.quality.agreement.forms import FIELDS, filters_of
from app.quality.agreement.pages.report import AgreementPage, Filled, NothingFragment, body_of
from app.quality.agreement.rules.filters import Filters
from app.quality.agreement.service import AgreementReport
from app.roles import may
from app.web.render import render
from app.web.reports import Reports
from app.web.requests import Now, Reading, needs

router = APIRouter()
Reader = Annotated[Person, Depends(needs(lambda role: may(role, "see_results")))]
FOR_A_FILE = 60.0  # seconds to wait for the report that a file is made of


class NotReady(DomainError):  # noqa: N818
    """The report is still being made."""

    status = 503


def _reports(request: Request) -> Reports[Filters, AgreementReport]:
    reports: Reports[Filters, AgreementReport] = request.app.state.agreement
    return reports


def _given(request: Request) -> dict[str, str]:
    return {field: value for field in FIELDS if (value := request.query_params.get(field, ""))}


def _filters(session: Session, fields: dict[str, str]) -> Filters:
    return filters_of(fields, [(id_, name) for id_, name, _phase, _imported in service.campaigns(session)])


@router.get("/agreement")
def show(request: Request, reader: Reader, session: Reading) -> HTMLResponse:  # noqa: ARG001
    """The report, or that it is being made; what is wrong with the filters stands beside them."""
    fields = _given(request)
    try:
        body = body_of(_reports(request).ask(_filters(session, fields)), fields)
    except Invalid as problem:
        return render(request, AgreementPage(_form(session, fields, problem.fields), NothingFragment()), problem.status)
    return render(request, AgreementPage(_form(session, fields, {}), body))


def _form(session: Session, fields: dict[str, str], problems: dict[str, str]) -> Filled:
    return Filled(
        given=fields,
        problems=problems,
        campaigns=[(id_, name) for id_, name, _phase, _imported in service.campaigns(session)],
        groups=service.groups(session),
        use_cases=[(case, _(NAMES_OF_USE_CASES.get(case, case))) for case in service.use_cases(session)],
        languages=service.languages(session),
    )


@router.get("/agreement/report")
def show_report(request: Request, reader: Reader, session: Reading) -> HTMLResponse:  # noqa: ARG001
    """The report alone, for a page that waits for it."""
    fields = _given(request)
    return render(request, body_of(_reports(request).ask(_filters(session, fields)), fields))


@router.get("/agreement/{name}.csv")
def download(request: Request, reader: Reader, session: Reading, now: Now, name: str) -> Response:  # noqa: ARG001
    """One table of the report, whole: every convention, measure and count."""
    if name not in tables.TABLES:
        raise NotFound(_("There is no such table. There are %(names)s.", names=", ".join(tables.TABLES)))
    making = _reports(request).ask(_filters(session, _given(request)), patience=FOR_A_FILE)
    report = making.report
    if report is None:
        raise NotReady(_("The report is still being made. Ask for the file again in a minute."))
    rows: Iterator[str] = tables.as_csv(tables.TABLES[name](report))
    named = {"content-disposition": f'attachment; filename="agreement-{name}-{now:%Y-%m-%d}.csv"'}
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=named)
