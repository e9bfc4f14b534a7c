"""A bound on what a browser may send, held before the body is parsed and stored."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEGABYTE = 1_000_000
FORM_FRAME = MEGABYTE  # the other fields and the frame around a file


class BodyLimit:
    """Refuses a body beyond ``limit_mb`` megabytes, by its announced length or as soon as it has arrived."""

    def __init__(self, app: ASGIApp, limit_mb: int) -> None:
        self.app = app
        self.limit_mb = limit_mb

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.limit_mb * MEGABYTE + FORM_FRAME
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        arrived = 0

        async def receive_some() -> Message:
            nonlocal arrived
            if announced.isdigit() and int(announced) > limit:
                raise self._too_large()
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > limit:
                raise self._too_large()
            return message

        await self.app(scope, receive_some, send)

    def _too_large(self) -> HTTPException:
        return HTTPException(
            413,
            f"A file sent by browser has at most {self.limit_mb} MB. Nothing was kept. "
            "Larger files go in on the server with the command prefloop import.",
        )
