from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from app.models import Person
from app.roles import may
from app.training.registry import service
from app.training.registry.pages import ModelPage, ModelsPage
from app.training.snapshots import service as snapshot_service
from app.web.render import render
from app.web.requests import Reading, needs

router = APIRouter()
Viewer = Annotated[Person, Depends(needs(lambda role: may(role, "see_results")))]


@router.get("/models")
def list_models(request: Request, session: Reading, _viewer: Viewer) -> HTMLResponse:
    return render(request, ModelsPage(service.models(session), service.candidate_counts(session)))


@router.get("/models/{model_id}")
def show_model(request: Request, model_id: int, session: Reading, _viewer: Viewer) -> HTMLResponse:
    model = service.model_for(session, model_id)
    page = ModelPage(
        model,
        service.lineage(model),
        service.children(session, model.id),
        service.candidate_counts(session).get(model.id, 0),
        snapshot_service.snapshots(session),
    )
    return render(request, page)
