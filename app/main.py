"""The composition root: routers, error pages, static files and headers; no logic."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy import text
from starlette.exceptions import HTTPException

from app.annotations.routes import router as annotations
from app.database import Database
from app.errors import DomainError
from app.evaluations.routes import router as evaluations
from app.people.routes import router as people
from app.prompts.routes import router as prompts
from app.registry.routes import router as registry
from app.runs.routes import router as runs
from app.settings import Settings, load_settings
from app.snapshots.routes import router as snapshots
from app.web.render import STATIC, Page, go, render
from app.web.requests import OwnPasswordNeeded, SignInNeeded
from app.web.security import SecurityHeaders, SessionMiddleware, check_csrf, session_options
from app.web.uploads import BodyLimit

ROUTERS = (people, prompts, annotations, snapshots, registry, evaluations, runs)


@dataclass(frozen=True)
class ErrorPage(Page):
    template: ClassVar[str] = "error.html"
    status: int
    heading: str
    sentence: str


HEADINGS = {
    400: "That did not work",
    403: "Not allowed",
    404: "Not found",
    409: "Too late or already done",
    422: "Please check the form",
}


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or load_settings()
    database = Database(settings.database)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        database.dispose()

    app = FastAPI(
        title="Prefloop",
        lifespan=lifespan,
        dependencies=[Depends(check_csrf)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.settings = settings
    app.state.database = database
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(SessionMiddleware, **session_options(settings))
    app.add_middleware(SecurityHeaders)
    app.add_middleware(BodyLimit, limit_mb=settings.upload_limit_mb)

    @app.get("/healthz")
    def healthz() -> JSONResponse:
        """Alive, and the database answers."""
        with database.reading() as session:
            session.execute(text("SELECT 1"))
        return JSONResponse({"status": "ok"})

    @app.exception_handler(DomainError)
    async def domain_error(request: Request, error: DomainError) -> Response:
        return _error(request, error.status, str(error))

    @app.exception_handler(SignInNeeded)
    async def sign_in_needed(request: Request, _error: SignInNeeded) -> Response:
        if request.method != "GET" or "hx-request" in request.headers:
            return Response("Your session has ended. Sign in again.", 401, {"HX-Redirect": "/sign-in"})
        return go(f"/sign-in?next={quote(request.url.path)}")

    @app.exception_handler(OwnPasswordNeeded)
    async def own_password_needed(_request: Request, _error: OwnPasswordNeeded) -> Response:
        return go("/account/password")

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        places = "; ".join(f"{'.'.join(str(p) for p in e['loc'][1:])}: {e['msg']}" for e in error.errors())
        return _error(request, 422, f"Something in the form was not understood ({places}). Nothing was changed.")

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        sentence = "There is no page at this address." if error.status_code == 404 else str(error.detail)
        return _error(request, error.status_code, sentence)

    return app


def _error(request: Request, status: int, sentence: str) -> Response:
    if "hx-request" in request.headers or "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"error": sentence}, status)
    return render(request, ErrorPage(status, HEADINGS.get(status, "Something went wrong"), sentence), status)
