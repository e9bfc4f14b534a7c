import zipfile
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.background import BackgroundTask

from app.errors import DomainError, NotFound
from app.language import gettext as _
from app.models import Person
from app.roles import may
from app.scratch import scratch
from app.training.snapshots import rules, service
from app.training.snapshots.pages import Preview, SnapshotPage, SnapshotsPage, sizes_of
from app.training.snapshots.rules import Filters
from app.web.forms import LARGEST_NUMBER
from app.web.render import go, render, tell
from app.web.requests import AppSettings, Reading, database_of, needs
from trainer.contract.grouping import PREFIX
from trainer.statistics.aggregation import TIE_BELOW

router = APIRouter()
Reader = Annotated[Person, Depends(needs(lambda role: may(role, "see_results")))]
Engineer = Annotated[Person, Depends(needs(lambda role: may(role, "train")))]
CampaignId = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]


class Asked(BaseModel):
    """The filters as an address or a form has them: shares in percent."""

    campaign: list[CampaignId] = []
    phase: list[str] = []
    source: list[str] = []
    heldout: float = 10
    seed: int = 0
    prefix: int = PREFIX
    min_answers: int = 2
    instrument: str = "ranking"
    labels: str = rules.INDIVIDUAL
    method: str = "reliability"
    tie_below: float = TIE_BELOW * 100
    weighing: str = rules.EQUAL
    min_reliability: float = 0
    max_doubt: float = rules.LARGEST_UNCERTAINTY * 100

    def filters(self) -> Filters:
        return Filters(
            campaigns=tuple(sorted(set(self.campaign))),
            phases=tuple(sorted(set(self.phase or ("training",)))),
            sources=tuple(sorted(set(self.source))),
            min_answers=self.min_answers,
            heldout_share=_share(self.heldout),
            split_seed=self.seed,
            prefix_length=self.prefix,
            instrument=self.instrument,
            labels=self.labels,
            method=self.method,
            tie_below=_share(self.tie_below),
            weighing=self.weighing,
            min_reliability=_share(self.min_reliability),
            max_doubt=_share(self.max_doubt),
        )


class Posted(Asked):
    name: str = ""


def _share(percent: float) -> float:
    """The form asks for percent; a half-typed number is refused by the rules, not by a crash."""
    return round(percent / 100, 6)


def _list_page(session: Session, filters: Filters, name: str = "", error: str = "") -> SnapshotsPage:
    return SnapshotsPage(
        service.snapshots(session),
        service.campaigns(session),
        service.sources(session),
        filters,
        _preview(session, filters),
        name,
        error,
    )


def _preview(session: Session, filters: Filters) -> Preview:
    if problem := rules.filters_problem(filters):
        return Preview(service.counts(session, filters), filters, problem)
    weighed = service.weighed(session, filters) if filters.weighs_labelers else None
    return Preview(service.counts(session, filters), filters, weighed=weighed)


@router.get("/snapshots")
def list_snapshots(
    request: Request, session: Reading, _reader: Reader, asked: Annotated[Asked, Query()]
) -> HTMLResponse:
    """All snapshots, and the form of a new one with the filters that the address asks for."""
    return render(request, _list_page(session, asked.filters()))


@router.get("/snapshots/preview")
def preview(request: Request, session: Reading, _engineer: Engineer, asked: Annotated[Asked, Query()]) -> HTMLResponse:
    return render(request, _preview(session, asked.filters()))


@router.post("/snapshots")
def create(
    request: Request,
    settings: AppSettings,
    engineer: Engineer,
    posted: Annotated[Posted, Form()],
) -> Response:
    """Freeze in a session that only reads, so that labelers can go on saving meanwhile; then enter the name."""
    database = database_of(request)
    name, filters = posted.name, posted.filters()
    try:
        with database.reading() as session:
            service.check(session, name, filters)
            frozen = service.freeze(session, settings, filters)
        with database.transaction() as session:
            snapshot = service.add_snapshot(session, engineer, name, filters, frozen)
    except DomainError as error:
        with database.reading() as session:
            return render(request, _list_page(session, filters, name, str(error)), error.status)
    tell(request, _("“%(name)s” is frozen. It will never change.", name=snapshot.name))
    return go(f"/snapshots/{snapshot.id}")


@router.get("/snapshots/{snapshot_id}")
def show(request: Request, session: Reading, settings: AppSettings, _reader: Reader, snapshot_id: int) -> HTMLResponse:
    snapshot = service.snapshot_for(session, snapshot_id)
    try:
        manifest = service.manifest_of(settings, snapshot)
    except NotFound:
        manifest = None
    campaigns = {id_: name for name, id_ in service.campaign_ids(session).items()}
    folder = service.folder_of(settings, snapshot)
    sizes = sizes_of(folder, list(manifest.files)) if manifest else {}
    return render(request, SnapshotPage(snapshot, manifest, campaigns, sizes))


@router.get("/snapshots/{snapshot_id}/files/{name}")
def download(session: Reading, settings: AppSettings, _reader: Reader, snapshot_id: int, name: str) -> FileResponse:
    snapshot = service.snapshot_for(session, snapshot_id)
    return FileResponse(service.file_of(settings, snapshot, name), filename=f"{snapshot.digest}-{name}")


@router.get("/snapshots/{snapshot_id}/export/{fmt}")
def export(session: Reading, settings: AppSettings, _reader: Reader, snapshot_id: int, fmt: str) -> FileResponse:
    """One zip of the export; it is made for this answer and removed after it."""
    snapshot = service.snapshot_for(session, snapshot_id)
    with ExitStack() as made:
        folder = made.enter_context(scratch())
        out, bundle = folder / "export", folder / "export.zip"
        report = service.export_snapshot(settings, snapshot, fmt, out)
        with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in report.files:
                archive.write(out / name, name)
        done = BackgroundTask(made.pop_all().close)
    return FileResponse(bundle, filename=f"{snapshot.digest}-{fmt}.zip", background=done)
