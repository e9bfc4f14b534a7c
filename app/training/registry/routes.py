from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from app.errors import DomainError, Invalid
from app.language import gettext as _
from app.models import Person
from app.roles import may
from app.settings import Settings
from app.training.registry import bringing, service
from app.training.registry.pages import AddModelPage, ModelPage, ModelsPage, Offer
from app.training.snapshots import service as snapshot_service
from app.web.render import go, render, tell
from app.web.requests import AppSettings, Reading, Writing, database_of, needs
from trainer.contract.inspection import look

router = APIRouter()
Viewer = Annotated[Person, Depends(needs(lambda role: may(role, "see_results")))]

Engineer = Annotated[Person, Depends(needs(lambda role: may(role, "train")))]


@router.get("/models")
def list_models(request: Request, session: Reading, _viewer: Viewer) -> HTMLResponse:
    return render(request, ModelsPage(service.models(session), service.candidate_counts(session)))


@router.get("/models/add")
def add_form(request: Request, settings: AppSettings, _engineer: Engineer, folder: str = "") -> HTMLResponse:
    return render(request, _add_page(settings, {"folder": folder}))


@router.post("/models/add")
def add_model(
    request: Request,
    settings: AppSettings,
    engineer: Engineer,
    folder: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    keep: Annotated[str, Form()] = "",
) -> Response:
    """Inspect a folder and enter it; what keeps it from being used is told in the form."""
    given = {"folder": folder, "name": name, "kind": kind, "keep": keep}
    try:
        path = bringing.candidate_at(settings, folder)
        model = bringing.add_folder(
            database_of(request), settings, engineer, path, name=name, kind=kind, copy=bool(keep)
        )
    except DomainError as error:
        return render(request, _add_page(settings, given, error), error.status)
    tell(request, _("“%(name)s” was added.", name=model.name))
    return go(f"/models/{model.id}")


def _add_page(settings: Settings, given: Mapping[str, str], error: DomainError | None = None) -> AddModelPage:
    root = settings.models_to_bring
    offers = [_offer(str(folder.relative_to(root)), folder) for folder in bringing.candidates(settings)]
    problems = error.fields if isinstance(error, Invalid) else {}
    return AddModelPage(str(root), offers, given, str(error) if error else "", problems)


def _offer(name: str, folder: Path) -> Offer:
    seen, problems = look(folder)
    if seen is None:
        return Offer(name, problem=" ".join(_(problem.text, **problem.values) for problem in problems))
    parameters = sum(tensor.numbers for tensor in seen.tensors.values())
    return Offer(name, str(seen.config.get("model_type", "")), parameters)


@router.post("/models/{model_id}/rename")
def rename_model(
    request: Request, model_id: int, session: Writing, engineer: Engineer, name: Annotated[str, Form()] = ""
) -> Response:
    service.rename(session, engineer, service.model_for(session, model_id), name)
    tell(request, _("The name is changed."))
    return go(f"/models/{model_id}")


@router.post("/models/{model_id}/remove")
def remove_model(request: Request, model_id: int, settings: AppSettings, engineer: Engineer) -> Response:
    with database_of(request).reading() as session:
        name = service.model_for(session, model_id).name
    bringing.remove(database_of(request), settings, engineer, name)
    tell(request, _("“%(name)s” was taken out.", name=name))
    return go("/models")


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
