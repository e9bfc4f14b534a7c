"""Headers, sessions and the check that a form came from one of our own pages.

The content security policy allows no inline script and no inline style. CSRF: every page carries a
token that also lies in the signed session cookie; a request that changes anything must bring it
back, in the form field ``csrf_token`` or the header ``X-CSRF-Token``.
"""

import secrets
from typing import Any

from fastapi import Request
from starlette.middleware.sessions import SessionMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Forbidden
from app.language import gettext as _
from app.settings import Settings

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    b"content-security-policy": CONTENT_SECURITY_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
}
SESSION_SECONDS = 14 * 24 * 3600
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class SecurityHeaders:
    """Adds the headers to every answer; pages of people are never kept by a cache."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_static = scope["path"].startswith("/static/")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                extra = HEADERS if is_static else HEADERS | {b"cache-control": b"no-store"}
                message["headers"] = [*message["headers"], *((k, v) for k, v in extra.items() if k not in present)]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def session_options(settings: Settings) -> dict[str, Any]:
    """Arguments of Starlette's signed-cookie session (``SessionMiddleware``)."""
    return {
        "secret_key": settings.session_key,
        "session_cookie": "prefloop_session",
        "max_age": SESSION_SECONDS,
        "same_site": "lax",
        "https_only": settings.secure_cookies,
    }


__all__ = ["CONTENT_SECURITY_POLICY", "SecurityHeaders", "SessionMiddleware", "check_csrf", "csrf_token"]


def csrf_token(request: Request) -> str:
    token: str = request.session.setdefault("csrf", secrets.token_urlsafe(24))
    return token


async def check_csrf(request: Request) -> None:
    """Refuse a change that does not bring the session's token; hung on every route of the application."""
    if request.method in SAFE_METHODS:
        return
    sent = request.headers.get("x-csrf-token")
    if sent is None and request.headers.get("content-type", "").split(";")[0] in (
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ):
        field = (await request.form()).get("csrf_token")
        sent = field if isinstance(field, str) else None
    expected = request.session.get("csrf")
    if not sent or not expected or not secrets.compare_digest(sent.encode(), expected.encode()):
        raise Forbidden(_("This form is from an older session. Go back, reload the page and send it again."))
