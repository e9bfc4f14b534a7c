"""Every error of the API in one shape: ``{"error": {"sentence", "fields"}}``."""

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from app.api.schemas import Failure, Problem
from app.errors import DomainError, Invalid, no_room, refused_places, retry_header
from app.web.error_pages import answer_of_the_database
from app.web.security import HEADERS

MOST_FIELDS = 50
SENTENCES = {
    400: "The body could not be read as JSON in UTF-8. Nothing was changed.",
    404: "There is nothing at this address. The API is described at /api.",
    405: "This address does not take that kind of request. The API is described at /api.",
    500: "Something broke on our side and was written to the server's log. Nothing was stored by halves; try again.",
}
log = logging.getLogger("prefloop.api")


def failure(
    status: int, sentence: str, fields: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    shown = dict(list((fields or {}).items())[:MOST_FIELDS])
    return JSONResponse(Failure(error=Problem(sentence=sentence, fields=shown)).model_dump(), status, headers)


def of_the_database(request: Request, error: DBAPIError | PoolTimeout) -> JSONResponse:
    status, sentence, headers = answer_of_the_database(error)
    log.warning("%s %s: %s", request.method, request.url.path, getattr(error, "orig", error))
    return failure(status, sentence, headers=headers)


def add_failures(api: FastAPI) -> None:
    """Give the API an answer to every error."""

    @api.exception_handler(DomainError)
    async def domain_error(_request: Request, error: DomainError) -> JSONResponse:
        return failure(
            error.status, str(error), error.fields if isinstance(error, Invalid) else None, retry_header(error)
        )

    @api.exception_handler(RequestValidationError)
    async def malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        fields = refused_places(error.errors())
        field, sentence = next(iter(fields.items()))
        first = f"{field}: {sentence.rstrip('.')}"
        return failure(422, f"The request was not understood ({first}). Nothing was changed.", fields)

    @api.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> JSONResponse:
        return failure(error.status_code, SENTENCES.get(error.status_code, str(error.detail)), headers=error.headers)

    @api.exception_handler(PoolTimeout)
    @api.exception_handler(DBAPIError)
    async def refused_by_the_database(request: Request, error: DBAPIError | PoolTimeout) -> JSONResponse:
        return of_the_database(request, error)

    @api.exception_handler(OSError)
    async def file_not_written(request: Request, error: OSError) -> JSONResponse:
        told = no_room(error)
        if told is None:
            raise error
        log.error("%s %s: %s", request.method, request.url.path, error)
        return failure(told.status, str(told))

    @api.exception_handler(Exception)
    async def broken(_request: Request, _mistake: Exception) -> JSONResponse:
        """Our own mistake, answered outside of the middleware that sets the headers; the log tells why."""
        headers = {name.decode(): value.decode() for name, value in HEADERS.items()} | {"cache-control": "no-store"}
        return failure(500, SENTENCES[500], headers=headers)
