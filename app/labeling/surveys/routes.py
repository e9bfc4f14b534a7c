from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.errors import Conflict, DomainError, Invalid
from app.labeling.surveys import rules, service
from app.labeling.surveys.pages import SurveyPage, SurveysPage, report_page
from app.language import gettext as _
from app.models import Person
from app.roles import may
from app.web.forms import whole_number
from app.web.render import go, render, tell
from app.web.requests import Now, Reading, Writing, database_of, needs
from app.web.tables import csv_line

router = APIRouter()
Labeler = Annotated[Person, Depends(needs(lambda role: may(role, "annotate")))]
Surveyor = Annotated[Person, Depends(needs(lambda role: may(role, "run_surveys")))]


async def _fields(request: Request) -> dict[str, str]:
    return {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}


Fields = Annotated[dict[str, str], Depends(_fields)]


# The labeler's side ------------------------------------------------------------------------------


@router.get("/label/survey")
def show_form(request: Request, person: Labeler, session: Reading) -> HTMLResponse:
    return render(request, SurveyPage(service.offered(session, person), {}, {}))


@router.post("/label/survey")
def take(request: Request, person: Labeler, fields: Fields) -> Response:
    """Take answers or a refusal, both at one address, so that a log of requests cannot tell them apart."""
    database = database_of(request)
    declines = fields.get("decision") == "decline"
    try:
        round_id = whole_number(fields.get("round", ""), _("The round"), 1)
        with database.transaction() as session:
            if declines:
                service.decline(session, person, round_id)
            else:
                service.answer(session, person, round_id, fields)
    except (Invalid, Conflict) as error:
        with database.reading() as session:
            return render(request, _again(session, person, fields, error), error.status)
    tell(
        request,
        _("You are not asked again in this round.") if declines else _("Thank you. Your answers are counted."),
    )
    return go("/label")


def _again(session: Session, person: Person, fields: Mapping[str, str], error: DomainError) -> SurveyPage:
    problems = error.fields if isinstance(error, Invalid) else {}
    return SurveyPage(service.offered(session, person), fields, problems, str(error))


# The researcher's side ---------------------------------------------------------------------------


@router.get("/surveys")
def list_rounds(request: Request, _surveyor: Surveyor, session: Reading) -> HTMLResponse:
    return render(request, _list(session))


def _list(session: Session, name: str = "", error: str = "") -> SurveysPage:
    every = service.rounds(session)
    current = next((row for row in every if row.is_open), None)
    return SurveysPage(
        open=current,
        answered=service.answered(session, current),
        invited=service.invited(session, current),
        closed=[row for row in every if not row.is_open],
        name=name,
        error=error,
    )


@router.post("/surveys")
def open_round(request: Request, surveyor: Surveyor, now: Now, name: Annotated[str, Form()] = "") -> Response:
    database = database_of(request)
    try:
        with database.transaction() as session:
            service.open_round(session, surveyor, name, now)
    except (Invalid, Conflict) as error:
        with database.reading() as session:
            return render(request, _list(session, name, str(error)), error.status)
    tell(request, _("The round is open: labelers find the survey on their work page."))
    return go("/surveys")


@router.post("/surveys/{round_id}/close")
def close_round(request: Request, round_id: int, surveyor: Surveyor, session: Writing, now: Now) -> RedirectResponse:
    service.close_round(session, surveyor, round_id, now)
    tell(request, _("The round is closed. What may be told of it stands here; everything else is deleted."))
    return go(f"/surveys/{round_id}")


@router.get("/surveys/{round_id}")
def show_report(request: Request, round_id: int, _surveyor: Surveyor, session: Reading) -> Response:
    row = service.round_for(session, round_id)
    return go("/surveys") if row.is_open else render(request, report_page(row))


@router.get("/surveys/{round_id}/report.csv")
def download(_surveyor: Surveyor, session: Reading, round_id: int) -> Response:
    """The figures of the report, small ones put together as there; of an open round none."""
    result = service.round_for(session, round_id).result or {}
    lines = [csv_line(("question", "choices", "count", "n", "share", "low", "high"))]
    for question in rules.QUESTIONS:
        for share in rules.shares(result, question):
            low, high = share.interval
            numbers = (f"{number:.4f}" for number in (share.share, low, high))
            lines.append(csv_line((question, " or ".join(share.choices), share.count, share.n, *numbers)))
    named = {"content-disposition": f'attachment; filename="survey-{round_id}.csv"'}
    return Response("".join(lines), media_type="text/csv; charset=utf-8", headers=named)
