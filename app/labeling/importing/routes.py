import shutil
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, Response

from app.errors import DomainError, Refusal
from app.labeling.importing import service
from app.labeling.importing.pages import KIND_HINTS, ImportPage, ImportResultPage, ImportsPage
from app.language import gettext as _
from app.models import Person
from app.roles import may
from app.scratch import scratch
from app.web.render import go, render
from app.web.requests import AppSettings, Reading, database_of, needs

router = APIRouter()
Importer = Annotated[Person, Depends(needs(lambda role: may(role, "import_data")))]
IMPORTS_SHOWN = 200


@router.get("/prompts/import")
def import_form(request: Request, settings: AppSettings, _importer: Importer) -> HTMLResponse:
    return render(request, ImportPage(settings.upload_limit_mb, KIND_HINTS))


@router.post("/prompts/import")
def import_upload(
    request: Request,
    settings: AppSettings,
    importer: Importer,
    file: Annotated[UploadFile | None, File()] = None,
    kind: Annotated[str, Form()] = "detect",
) -> Response:
    """Import one uploaded file in one transaction and show what became of it."""
    if file is None or not file.filename:
        sentence = _("Choose a file first.")
        return render(request, ImportPage(settings.upload_limit_mb, KIND_HINTS, kind, sentence), 422)
    try:
        with scratch() as folder:
            path = folder / "upload"
            with path.open("wb") as target:
                shutil.copyfileobj(file.file, target, 1 << 20)
            with database_of(request).transaction() as session:
                entry = service.import_file(session, settings, importer, path, file.filename, kind=kind)
    except DomainError as error:
        return render(request, ImportPage(settings.upload_limit_mb, KIND_HINTS, kind, str(error)), error.status)
    return go(f"/prompts/imports/{entry.id}")


@router.get("/prompts/imports")
def imports(request: Request, session: Reading, _importer: Importer) -> HTMLResponse:
    return render(request, ImportsPage(service.imports(session, IMPORTS_SHOWN), service.corpora(session)))


@router.get("/prompts/imports/{import_id}")
def import_result(request: Request, session: Reading, _importer: Importer, import_id: int) -> HTMLResponse:
    entry = service.import_for(session, import_id=import_id)
    return render(request, ImportResultPage(entry, [(reject["line"], Refusal.of(reject)) for reject in entry.rejects]))
