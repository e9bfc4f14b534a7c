"""The composition root: routers, error pages, static files and headers; no logic."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter, move_on_after
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from app.api.application import PREFIX, create_api
from app.api.reference import router as api_reference
from app.database import PATIENCE_FOR_AN_ANSWER, PATIENCE_OF_PAGES, Database
from app.labeling.annotations.home_routes import router as home
from app.labeling.annotations.judging_routes import router as judging
from app.labeling.annotations.routes import router as annotations
from app.labeling.annotations.writing_routes import router as writing
from app.labeling.campaigns.routes import router as campaigns
from app.labeling.course.routes import router as course
from app.labeling.importing.routes import router as importing
from app.labeling.instruments import router as instruments
from app.labeling.my_work.routes import router as my_work
from app.labeling.reviews.routes import router as reviews
from app.labeling.surveys.routes import router as surveys
from app.labeling.typing.routes import router as typing
from app.material.guidelines.routes import router as guidelines
from app.material.prompts.routes import router as prompts
from app.material.scenarios.routes import router as scenarios
from app.material.schemas.routes import router as schemas
from app.people.attempts import SignInAttempts
from app.people.routes import router as people
from app.people.service import note_download
from app.people.sessions import person_behind
from app.quality.agreement import queries as agreement_queries
from app.quality.agreement import service as agreement_service
from app.quality.agreement.routes import router as agreement
from app.quality.consensus.routes import router as consensus
from app.quality.costs.routes import router as costs
from app.quality.gold.routes import router as gold
from app.quality.integrity.routes import router as integrity
from app.quality.labelers import queries as labelers_queries
from app.quality.labelers import service as labelers_service
from app.quality.labelers.routes import router as labelers
from app.quality.screening.applicant_routes import router as applicants
from app.quality.screening.rating_routes import router as ratings
from app.quality.screening.routes import router as screening
from app.scratch import sweep
from app.settings import Settings, load_settings
from app.training.evaluations.routes import router as evaluations
from app.training.generators.routes import router as generators
from app.training.registry.routes import router as registry
from app.training.runs.routes import router as runs
from app.training.runs.start_routes import router as run_start
from app.training.scoring.routes import router as scoring
from app.training.snapshots.routes import router as snapshots
from app.web.downloads import Downloads
from app.web.error_pages import add_error_pages
from app.web.forms import check_what_was_sent
from app.web.render import STATIC
from app.web.reports import Reports
from app.web.requests import speak_their_language
from app.web.scripted import ScriptedForms
from app.web.security import SecurityHeaders, SessionMiddleware, check_csrf, session_options
from app.web.uploads import BodyLimit

ROUTERS = (
    people,
    surveys,
    schemas,
    importing,  # before prompts: an address of its own there would be read as a prompt's number
    prompts,
    scenarios,
    guidelines,
    typing,
    campaigns,
    home,
    annotations,
    judging,
    writing,
    instruments,
    course,
    reviews,
    gold,
    my_work,
    applicants,
    screening,
    ratings,
    agreement,
    labelers,
    consensus,
    costs,
    snapshots,
    registry,
    generators,
    evaluations,
    integrity,
    run_start,  # before runs: its address would be read as a run's number
    runs,
    scoring,
    api_reference,
)
PAGES = APIRouter(dependencies=[Depends(speak_their_language), Depends(check_csrf), Depends(check_what_was_sent)])
"""What any application answers with. What each of its routes depends on is worked out once in a process."""
for _router in ROUTERS:
    PAGES.include_router(_router)

UPLOADS = {
    "/prompts/import": "import_data",
    "/gold/import": "adjudicate",
    "/score": "score",
    "/scenarios/import": "write_guidelines",
}
"""What one must be allowed to do where files are taken; the routes ask for the same."""
SMALL_UPLOADS = {"/scenarios/import"}


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or load_settings()
    database = Database(settings.database, PATIENCE_OF_PAGES)

    # Each has a thread of its own, which ends with the application.
    reports: dict[str, Reports[Any, Any]] = {
        "agreement": Reports(database, agreement_queries.version, agreement_service.report, "agreement"),
        "labelers": Reports(database, labelers_queries.version, labelers_service.report, "labelers"),
    }

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        sweep(settings.data_dir)
        yield
        for each in reports.values():
            each.close()
        database.dispose()

    app = FastAPI(
        title="Prefloop",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.settings = settings
    app.state.database = database
    app.state.sign_in_attempts = SignInAttempts(database)
    app.state.person_behind = person_behind
    for name, each in reports.items():
        setattr(app.state, name, each)
    app.router.routes.extend(PAGES.routes)
    app.state.api = create_api(app.state)
    app.mount(PREFIX, app.state.api, name="api")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Downloads, database=database, note=note_download)
    app.add_middleware(
        BodyLimit,
        limit_mb=settings.upload_limit_mb,
        uploads=UPLOADS,
        small=SMALL_UPLOADS,
        api=PREFIX,
    )
    app.add_middleware(SessionMiddleware, **session_options(settings))
    app.add_middleware(SecurityHeaders)
    app.add_middleware(ScriptedForms)

    checks = CapacityLimiter(2)

    async def healthz(_request: Request) -> JSONResponse:
        """Alive, and the database answers.

        It needs nothing that requests may have used up, neither a thread of theirs nor a pooled connection, and it
        does not wait for a database that says nothing.
        """
        answers = False
        with move_on_after(PATIENCE_FOR_AN_ANSWER):
            answers = await run_sync(database.answers, abandon_on_cancel=True, limiter=checks)
        return JSONResponse({"status": "ok" if answers else "the database does not answer"}, 200 if answers else 503)

    app.add_route("/healthz", healthz)

    add_error_pages(app)
    return app
