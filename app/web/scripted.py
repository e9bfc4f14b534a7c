"""Forms that a script sends: it is told where the browser would be led, and leads it there itself.

A script cannot see where a redirect goes before its browser has followed it, and the page fetched on the way would
use up the message that waits for the person.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SENT_BY_SCRIPT = (b"x-sent-by", b"script")
REDIRECT, NO_CONTENT = 303, 204


class ScriptedForms:
    """Answers 204 with the ``Location`` instead of 303, to requests that say ``X-Sent-By: script``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or SENT_BY_SCRIPT not in scope["headers"]:
            await self.app(scope, receive, send)
            return

        async def send_without_leading(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == REDIRECT:
                message["status"] = NO_CONTENT
            await send(message)

        await self.app(scope, receive, send_without_leading)
