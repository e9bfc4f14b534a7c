import shutil
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.errors import Conflict, DomainError, Invalid
from app.language import gettext as _
from app.material.scenarios import service
from app.material.scenarios.pages import LibraryPage, ScenarioPage
from app.material.scenarios.service import Brought
from app.models import Person
from app.roles import may
from app.scratch import scratch
from app.web.render import go, render, tell
from app.web.requests import Now, Reading, Writing, database_of, needs

router = APIRouter()
Author = Annotated[Person, Depends(needs(lambda role: may(role, "write_guidelines")))]
Text = Annotated[str, Form()]


@router.get("/scenarios")
def list_scenarios(request: Request, _author: Author, session: Reading) -> HTMLResponse:
    return render(request, _library(session))


def _library(
    session: Session,
    given: dict[str, str] | None = None,
    error: DomainError | None = None,
    brought: Brought | None = None,
) -> LibraryPage:
    problems = error.fields if isinstance(error, Invalid) else {}
    unplaced = str(error) if error and not problems else ""
    scenarios, tasks = service.library(session), service.tasks_of(session)
    return LibraryPage(scenarios, tasks, given or {}, problems, unplaced, brought)


@router.post("/scenarios")
def add_scenario(request: Request, author: Author, now: Now, *, title: Text = "", text: Text = "") -> Response:
    database = database_of(request)
    try:
        with database.transaction() as session:
            scenario = service.add(session, author, now, title=title, text=text)
    except DomainError as error:
        with database.reading() as session:
            return render(request, _library(session, {"title": title, "text": text}, error), error.status)
    tell(request, _("“%(title)s” is in the library.", title=scenario.title))
    return go("/scenarios")


@router.post("/scenarios/import")
def bring_scenarios(
    request: Request, author: Author, now: Now, file: Annotated[UploadFile | None, File()] = None
) -> Response:
    """Add the scenarios of a JSONL or CSV file, and say what became of each line that was refused."""
    database = database_of(request)
    try:
        if file is None or not file.filename:
            raise Invalid(_("Choose a file first."))
        with scratch() as folder:
            path = folder / "upload"
            with path.open("wb") as target:
                shutil.copyfileobj(file.file, target, 1 << 20)
            with database.transaction() as session:
                brought = service.bring(session, author, now, path, file.filename)
    except DomainError as error:
        with database.reading() as session:
            return render(request, _library(session, error=error), error.status)
    with database.reading() as session:
        return render(request, _library(session, brought=brought))


@router.get("/scenarios/{scenario_id}")
def show_scenario(request: Request, scenario_id: int, _author: Author, session: Reading) -> HTMLResponse:
    scenario = service.scenario_for(session, scenario_id)
    return render(request, ScenarioPage(scenario, scenario.title, scenario.text, scenario.updated_at.isoformat(), {}))


@router.post("/scenarios/{scenario_id}")
def edit_scenario(
    request: Request, scenario_id: int, author: Author, now: Now, *, title: Text = "", text: Text = "", seen: Text = ""
) -> Response:
    database = database_of(request)
    try:
        with database.transaction() as session:
            scenario = service.edit(session, author, now, scenario_id, title=title, text=text, seen=_time(seen))
    except (Invalid, Conflict) as error:
        with database.reading() as session:
            scenario = service.scenario_for(session, scenario_id)
            problems = error.fields if isinstance(error, Invalid) else {}
            overtaken = isinstance(error, Conflict)
            seen = scenario.updated_at.isoformat() if overtaken else seen  # their version stands beside from now on
            unplaced = "" if problems else str(error)
            page = ScenarioPage(scenario, title, text, seen, problems, unplaced, theirs=overtaken)
            return render(request, page, error.status)
    tell(
        request,
        _(
            "“%(title)s” is changed. Prompts that were written from it keep the text their author saw.",
            title=scenario.title,
        ),
    )
    return go("/scenarios")


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(_("The form does not say which version you changed. Reload the page.")) from None


@router.post("/scenarios/{scenario_id}/retired")
def retire_scenario(
    request: Request, scenario_id: int, author: Author, session: Writing, now: Now, *, retired: Text = ""
) -> RedirectResponse:
    scenario = service.retire(session, author, now, scenario_id, retired=retired == "yes")
    if scenario.retired_at:
        tell(request, _("“%(title)s” is offered no more.", title=scenario.title))
    else:
        tell(request, _("“%(title)s” is offered again.", title=scenario.title))
    return go("/scenarios")
