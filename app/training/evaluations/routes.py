from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from app.errors import DomainError
from app.language import gettext as _
from app.models import Campaign, Person
from app.roles import may
from app.training.evaluations import service
from app.training.evaluations.pages import EvaluationsPage
from app.web.forms import whole_number
from app.web.posted import Fields
from app.web.render import go, render, tell
from app.web.requests import Reading, database_of, needs

router = APIRouter()
Viewer = Annotated[Person, Depends(needs(lambda role: may(role, "see_results")))]
Manager = Annotated[Person, Depends(needs(lambda role: may(role, "manage_campaigns")))]


@router.get("/evaluations")
def list_evaluations(request: Request, _viewer: Viewer, session: Reading) -> HTMLResponse:
    return render(request, _page(session, {}))


def _page(session: Session, fields: dict[str, str], error: str = "") -> EvaluationsPage:
    return EvaluationsPage(service.evaluations(session), service.models_with_answers(session), fields, error)


@router.get("/evaluations/{campaign_id}.json")
def evaluation_as_json(campaign_id: int, _viewer: Viewer, session: Reading) -> dict[str, Any]:
    return service.as_json(service.evaluation_for(session, campaign_id))


@router.post("/evaluations")
def create_comparison(request: Request, manager: Manager, fields: Fields) -> Response:
    database = database_of(request)
    try:
        with database.transaction() as session:
            campaign = _create(session, manager, fields)
    except DomainError as error:
        with database.reading() as session:
            return render(request, _page(session, fields, str(error)), error.status)
    tell(request, _("“%(name)s” is open: labelers judge both models blind.", name=campaign.name))
    return go(f"/campaigns/{campaign.id}")


def _create(session: Session, manager: Person, fields: dict[str, str]) -> Campaign:
    wanted = service.Comparison(
        name=fields.get("name", ""),
        model_a_id=whole_number(fields.get("model_a_id", ""), _("The first model")),
        model_b_id=whole_number(fields.get("model_b_id", ""), _("The second model")),
        prompts=whole_number(fields.get("prompts", "50"), _("The number of prompts"), 1),
        overlap=whole_number(fields.get("overlap", "1"), _("The number of people per prompt")),
        answers_each=whole_number(fields.get("answers_each", "2"), _("The number of answers of each model"), 2, 4),
    )
    return service.create_comparison(session, manager, wanted)
