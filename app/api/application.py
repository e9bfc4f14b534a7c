"""The API as an application of its own: other errors, another door, another description than the pages."""

from fastapi import Depends, FastAPI
from starlette.datastructures import State

from app.api.failures import add_failures
from app.api.routes import router
from app.api.tokens import BearerTokens
from app.web.forms import check_what_was_sent

PREFIX = "/api/v1"


def create_api(state: State) -> FastAPI:
    """Make the application that is mounted at ``PREFIX``.

    Args:
        state: of the application around it: settings, database, attempts to sign in.
    """
    api = FastAPI(
        title="Prefloop",
        version="1",
        summary="Scores of reward models for any prompt and answers.",
        servers=[{"url": PREFIX}],
        root_path_in_servers=False,
        dependencies=[Depends(check_what_was_sent)],
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    api.state = state
    api.include_router(router)
    api.add_middleware(BearerTokens)
    add_failures(api)
    return api
