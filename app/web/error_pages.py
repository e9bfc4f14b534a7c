"""What people see when something goes wrong: always one of our pages, in words, with the usual headers."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.database import is_busy
from app.errors import DomainError, no_room, refused_places, retry_header
from app.language import gettext as _
from app.language import mark
from app.roles import may
from app.web.render import Page, go, render
from app.web.requests import OwnPasswordNeeded, SignInNeeded, needs, speak_their_language, wants_json
from app.web.security import HEADERS
from app.web.uploads import NotTheirsError, TooLargeError


@dataclass(frozen=True)
class ErrorPage(Page):
    template: ClassVar[str] = "error.html"
    status: int
    heading: str
    sentence: str


HEADINGS = {
    400: mark("That did not work"),
    403: mark("Not allowed"),
    404: mark("Not found"),
    405: mark("Not for this page"),
    409: mark("Too late or already done"),
    413: mark("Too large"),
    422: mark("Please check the form"),
    429: mark("Please wait a little"),
    503: mark("Please try again"),
    507: mark("No room"),
}
OTHER_HEADING = mark("Something went wrong")

SENTENCES = {
    400: mark(
        "What you sent could not be read as a form: a field holds more than 1 MB, or the form is broken. "
        "Nothing was kept. Go back and shorten the text, or send it as a file where the page takes one."
    ),
    404: mark("There is no page at this address."),
    405: mark("This address does not take that kind of request."),
    500: mark(
        "Something broke on our side and was written to the server's log. Nothing was stored by halves. "
        "Go back and try again; if it happens again, tell whoever looks after this server, and at what time."
    ),
}
DATABASE_ANSWERS: dict[type[DBAPIError], tuple[int, str]] = {
    IntegrityError: (
        409,
        mark(
            "Somebody else changed the same thing at the same moment, so nothing was stored twice. "
            "Go back, reload the page and try again."
        ),
    ),
    DataError: (422, mark("A value is too large or of a kind that cannot be stored. Nothing was changed.")),
    DBAPIError: (503, mark("The database is full or cannot be reached. Nothing was changed; try again in a minute.")),
}
BUSY = mark(
    "The database is busy: something large, such as an import, holds what this needs. "
    "Nothing was changed; try again in half a minute."
)
RETRY_AFTER = {"retry-after": "30"}


def answer_of_the_database(error: DBAPIError | PoolTimeout) -> tuple[int, str, dict[str, str]]:
    """Status, sentence and headers for what the database refused; the transaction was rolled back as a whole."""
    if is_busy(error):
        return 503, BUSY, RETRY_AFTER
    kind = next((kind for kind in DATABASE_ANSWERS if isinstance(error, kind)), DBAPIError)
    status, sentence = DATABASE_ANSWERS[kind]
    return status, sentence, RETRY_AFTER if status == 503 else {}


NOTHING: Mapping[str, Any] = {}
log = logging.getLogger("prefloop.web")


def add_error_pages(app: FastAPI) -> None:
    """Give the application an answer to every error."""

    @app.exception_handler(DomainError)
    async def domain_error(request: Request, error: DomainError) -> Response:
        return _error(request, error.status, str(error), also=error.also, headers=retry_header(error))

    @app.exception_handler(SignInNeeded)
    async def sign_in_needed(request: Request, _error: SignInNeeded) -> Response:
        if request.method != "GET" or "hx-request" in request.headers:
            return Response(_("Your session has ended. Sign in again."), 401, {"HX-Redirect": "/sign-in"})
        return go(f"/sign-in?next={quote(request.url.path)}")

    @app.exception_handler(OwnPasswordNeeded)
    async def own_password_needed(_request: Request, _error: OwnPasswordNeeded) -> Response:
        return go("/account/password")

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        wrong = refused_places(error.errors())
        places = "; ".join(f"{field}: {sentence.rstrip('.。')}" for field, sentence in wrong.items())
        sentence = _("Something in the form was not understood (%(places)s). Nothing was changed.", places=places)
        return _error(request, 422, sentence)

    async def not_theirs(request: Request, action: str) -> Response:
        """What the page itself would have said, had the file been read."""
        try:
            needs(lambda role: may(role, action))(request)
        except SignInNeeded as strange:
            return await sign_in_needed(request, strange)
        except DomainError as refused:
            return await domain_error(request, refused)
        except OwnPasswordNeeded as needed:
            return await own_password_needed(request, needed)
        return _error(request, 400, _(SENTENCES[400]))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        await speak_their_language(request)  # an address that no route has asked nobody yet
        if isinstance(error, TooLargeError):
            return _error(request, error.status_code, _(error.sentence, **error.values))
        if isinstance(error, NotTheirsError):
            return await not_theirs(request, error.action)
        if isinstance(error.__cause__, OSError) and no_room(error.__cause__):
            # A file that is sent is laid down while the form is read, and FastAPI calls every fault in that a bad form.
            return await file_not_written(request, error.__cause__)
        ours = SENTENCES.get(error.status_code)
        return _error(request, error.status_code, _(ours) if ours else str(error.detail))

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _left: ClientDisconnect) -> Response:
        """A page that was closed while it still sent something: no mistake of ours, and nobody hears the answer."""
        return Response(status_code=400)

    @app.exception_handler(PoolTimeout)
    @app.exception_handler(DBAPIError)
    async def refused_by_the_database(request: Request, error: DBAPIError | PoolTimeout) -> Response:
        status, sentence, headers = answer_of_the_database(error)
        log.warning("%s %s: %s", request.method, request.url.path, getattr(error, "orig", error))
        return _error(request, status, _(sentence), ask_who=status != 503, headers=headers)

    @app.exception_handler(OSError)
    async def file_not_written(request: Request, error: OSError) -> Response:
        told = no_room(error)
        if told is None:
            raise error
        log.error("%s %s: %s", request.method, request.url.path, error)
        return _error(request, told.status, str(told))

    @app.exception_handler(Exception)
    async def broken(request: Request, _mistake: Exception) -> Response:
        """Our own mistake. It is answered outside of all middleware, so the headers are set here; the log tells why."""
        answer = _error(request, 500, _(SENTENCES[500]), ask_who=False)
        answer.headers.update({name.decode(): value.decode() for name, value in HEADERS.items()})
        answer.headers["cache-control"] = "no-store"
        return answer


def _error(
    request: Request,
    status: int,
    sentence: str,
    *,
    ask_who: bool = True,
    also: Mapping[str, Any] = NOTHING,
    headers: Mapping[str, str] = NOTHING,
) -> Response:
    """The page of an error, or its sentence as JSON; ``ask_who`` is off where the database may be what is broken."""
    if not ask_who and not hasattr(request.state, "person"):
        request.state.person = None
    if wants_json(request):
        return JSONResponse({"error": sentence, **also}, status, headers)
    page = render(request, ErrorPage(status, _(HEADINGS.get(status, OTHER_HEADING)), sentence), status)
    page.headers.update(headers)
    return page
