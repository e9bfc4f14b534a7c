"""Who is asking: the owner of the token in ``Authorization: Bearer …``, found before the body is read.

The browser's cookie opens nothing here, so no page of another site can use it, and no CSRF token is needed.
"""

from datetime import datetime

from fastapi import Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.failures import failure, of_the_database
from app.database import Database
from app.errors import DomainError, retry_header
from app.models import Person
from app.models.base import utc_now
from app.people import queries, tokens
from app.people.attempts import attempts_of
from app.web.requests import address_of, database_of

MISSING = (
    "Send a token: “Authorization: Bearer pfl_…”. You make one under “API tokens” in your account's menu; "
    "the cookie of a browser does not count here."
)


class BearerTokens:
    """Lets through whoever brings a token that works, and notes it as ``request.state.person``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            try:
                request.state.person = await run_in_threadpool(_owner, request)
            except DomainError as error:
                await _refusal(error)(scope, receive, send)
                return
            except (DBAPIError, PoolTimeout) as error:  # out here no handler of the application answers
                await of_the_database(request, error)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _refusal(error: DomainError) -> JSONResponse:
    headers = {"WWW-Authenticate": 'Bearer realm="Prefloop"'} if error.status == 401 else {}
    return failure(error.status, str(error), headers=headers | retry_header(error))


def _owner(request: Request) -> Person:
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise tokens.NotLetInError(MISSING)
    now = utc_now()
    try:
        return _person_of(database_of(request), secret.strip(), now)
    except tokens.UnknownTokenError:
        attempts_of(request).unknown_secret(address_of(request), now)
        raise


def _person_of(database: Database, secret: str, now: datetime) -> Person:
    with database.reading() as session:
        person, token = tokens.person_of_secret(session, secret, now)
        session.expunge(person)
    if not tokens.use_is_old_news(token, now):
        with database.in_passing() as session:
            queries.note_use(session, token.id, now)
    return person
