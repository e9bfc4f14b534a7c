"""A bound on what a browser may send, held before the body is parsed and stored.

Files are taken at the addresses that say so, and from people who are signed in; everything else is a form.
"""

from collections.abc import Collection

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEGABYTE = 1_000_000
FORM_FRAME = MEGABYTE  # the other fields and the frame around a file
LARGEST_FORM = 4 * MEGABYTE  # the longest demonstration, in Chinese, is 0.9 MB as a form writes it
LARGEST_JSON = 32 * MEGABYTE


class BodyLimit:
    """Refuses a body beyond its limit, by its announced length or as soon as it has arrived.

    It stands inside the session, because it asks whether somebody is signed in.

    Attributes:
        limit_mb: the largest file in megabytes.
        upload_paths: the addresses that take a file.
        api: the address below which JSON is taken, more than a form holds: a stranger is refused there before
            a body is read.
    """

    def __init__(self, app: ASGIApp, limit_mb: int, upload_paths: Collection[str], api: str) -> None:
        self.app = app
        self.limit_mb = limit_mb
        self.upload_paths = upload_paths
        self.api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        takes_files = scope["path"] in self.upload_paths and scope["session"].get("person") is not None
        takes_json = scope["path"].startswith(f"{self.api}/")
        limit = LARGEST_JSON if takes_json else LARGEST_FORM
        if takes_files:
            limit = self.limit_mb * MEGABYTE + FORM_FRAME
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        arrived = 0

        async def receive_some() -> Message:
            nonlocal arrived
            if announced.isdigit() and int(announced) > limit:
                raise self._too_large(takes_files, takes_json)
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > limit:
                raise self._too_large(takes_files, takes_json)
            return message

        await self.app(scope, receive_some, send)

    def _too_large(self, takes_files: bool, takes_json: bool) -> HTTPException:
        if takes_json:
            most = LARGEST_JSON // MEGABYTE
            return HTTPException(
                413,
                f"A request has at most {most} MB. Nothing was kept. Split it, or use the page or `prefloop score`.",
            )
        if not takes_files:
            return HTTPException(413, "What you sent is too large for a form. Nothing was kept.")
        return HTTPException(
            413,
            f"A file sent by browser has at most {self.limit_mb} MB. Nothing was kept. "
            "Larger files go in on the server with the command prefloop import.",
        )
