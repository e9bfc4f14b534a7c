"""A bound on what a browser may send, held before the body is parsed and stored.

Files are taken at the addresses that say so, from people who may bring them there: whoever may not is refused before a
byte is read. Everything else is a form.
"""

from collections.abc import Collection, Mapping
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.language import mark
from app.roles import may
from app.web.requests import person_of

MEGABYTE = 1_000_000
FORM_FRAME = MEGABYTE  # the other fields and the frame around a file
LARGEST_FORM = 4 * MEGABYTE  # the longest demonstration, in Chinese, is 0.9 MB as a form writes it
LARGEST_JSON = 32 * MEGABYTE


class TooLargeError(HTTPException):
    """A body beyond its limit.

    It is raised before anybody has been asked for their language, so it carries its sentence with the values still
    apart, for whoever answers.
    """

    def __init__(self, sentence: str, **values: Any) -> None:
        super().__init__(413, sentence % values)
        self.sentence = sentence
        self.values = values


class NotTheirsError(HTTPException):
    """A file from somebody who may not bring it; whoever answers says why, in the language of who asks."""

    def __init__(self, action: str) -> None:
        super().__init__(403)
        self.action = action


class BodyLimit:
    """Refuses a body beyond its limit, by its announced length or as soon as it has arrived.

    It stands inside the session, because it asks who is signed in, at the first byte of a file.

    Attributes:
        limit_mb: the largest file in megabytes.
        uploads: what one must be allowed to do, by address that takes a file.
        small: those among them whose files are no larger than a form.
        api: the address below which JSON is taken, more than a form holds: a stranger is refused there before
            a body is read.
    """

    def __init__(
        self, app: ASGIApp, limit_mb: int, uploads: Mapping[str, str], small: Collection[str], api: str
    ) -> None:
        self.app = app
        self.limit_mb = limit_mb
        self.uploads = uploads
        self.small = small
        self.api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        action = self.uploads.get(scope["path"])
        takes_files = action is not None and scope["path"] not in self.small
        takes_json = scope["path"].startswith(f"{self.api}/")
        limit = LARGEST_JSON if takes_json else LARGEST_FORM
        if takes_files:
            limit = self.limit_mb * MEGABYTE + FORM_FRAME
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        arrived = 0

        async def receive_some() -> Message:
            nonlocal arrived, action
            if action is not None:
                person = await run_in_threadpool(person_of, Request(scope))
                if person is None or person.password_is_one_time or not may(person.role, action):
                    raise NotTheirsError(action)
                action = None
            if announced.isdigit() and int(announced) > limit:
                raise self._too_large(takes_files, takes_json)
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > limit:
                raise self._too_large(takes_files, takes_json)
            return message

        await self.app(scope, receive_some, send)

    def _too_large(self, takes_files: bool, takes_json: bool) -> TooLargeError:
        if takes_json:
            most = LARGEST_JSON // MEGABYTE
            return TooLargeError(  # of the API, which speaks English
                "A request has at most %(most)s MB. Nothing was kept. Split it, or use the page or `prefloop score`.",
                most=most,
            )
        if not takes_files:
            return TooLargeError(mark("What you sent is too large for a form. Nothing was kept."))
        return TooLargeError(
            mark(
                "A file sent by browser has at most %(most)s MB. Nothing was kept. "
                "Larger files go in on the server with the command prefloop import."
            ),
            most=self.limit_mb,
        )
