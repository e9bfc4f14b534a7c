"""Every file that somebody takes with them is written down, at the one place that all answers pass."""

import logging
from collections.abc import Callable
from urllib.parse import unquote_plus

from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.database import Database
from app.language import gettext as _
from app.models import Person

LONGEST_QUERY = 500
Note = Callable[[Session, Person | None, str, str], None]
"""Writes down that somebody took what stands at an address, asked for with a query."""
log = logging.getLogger("prefloop.web")


class Downloads:
    """Writes a line into the audit trail before an attachment leaves; one that cannot be written down stays here."""

    def __init__(self, app: ASGIApp, database: Database, note: Note) -> None:
        self.app = app
        self.database = database
        self.note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})  # the same for all that copy the scope
        kept_back = False

        async def send_noted(message: Message) -> None:
            nonlocal kept_back
            if message["type"] == "http.response.start" and _is_download(message):
                try:
                    await run_in_threadpool(self._note, state.get("person"), scope)
                except (DBAPIError, PoolTimeout) as error:
                    log.warning("%s: the download could not be written down: %s", scope["path"], error)
                    kept_back = True
                    sentence = _("The download could not be recorded, so it was not sent. Try again in a minute.")
                    await JSONResponse({"error": sentence}, 503, {"retry-after": "30"})(scope, receive, send)
            if not kept_back:
                await send(message)

        await self.app(scope, receive, send_noted)

    def _note(self, person: Person | None, scope: Scope) -> None:
        query = unquote_plus(scope["query_string"].decode("latin-1"))[:LONGEST_QUERY]
        with self.database.transaction() as session:
            self.note(session, person, scope["path"], query)


def _is_download(message: Message) -> bool:
    disposition = dict(message["headers"]).get(b"content-disposition", b"")
    return message["status"] < 400 and disposition.lower().startswith(b"attachment")
