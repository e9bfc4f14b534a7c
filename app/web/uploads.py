"""A bound on what a browser may send, held before the body is parsed and stored.

Files are taken at the addresses that say so, and from people who are signed in; everything else is a form.
"""

from collections.abc import Collection

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEGABYTE = 1_000_000
FORM_FRAME = MEGABYTE  # the other fields and the frame around a file
LARGEST_FORM = 4 * MEGABYTE  # the longest demonstration, in Chinese, is 0.9 MB as a form writes it


class BodyLimit:
    """Refuses a body beyond its limit, by its announced length or as soon as it has arrived.

    It stands inside the session, because it asks whether somebody is signed in.

    Attributes:
        limit_mb: the largest file in megabytes.
        upload_paths: the addresses that take a file.
    """

    def __init__(self, app: ASGIApp, limit_mb: int, upload_paths: Collection[str]) -> None:
        self.app = app
        self.limit_mb = limit_mb
        self.upload_paths = upload_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        takes_files = scope["path"] in self.upload_paths and scope["session"].get("person") is not None
        limit = self.limit_mb * MEGABYTE + FORM_FRAME if takes_files else LARGEST_FORM
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        arrived = 0

        async def receive_some() -> Message:
            nonlocal arrived
            if announced.isdigit() and int(announced) > limit:
                raise self._too_large(takes_files)
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > limit:
                raise self._too_large(takes_files)
            return message

        await self.app(scope, receive_some, send)

    def _too_large(self, takes_files: bool) -> HTTPException:
        if not takes_files:
            return HTTPException(413, "What you sent is too large for a form. Nothing was kept.")
        return HTTPException(
            413,
            f"A file sent by browser has at most {self.limit_mb} MB. Nothing was kept. "
            "Larger files go in on the server with the command prefloop import.",
        )
