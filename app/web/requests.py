"""What a route may ask for: a session for reading or writing, the settings, and who is asking.

A write session commits before the answer leaves (``scope="function"``): whoever was told
"saved" can rely on it, and an error in the commit is still an error of this request.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from app.database import Database
from app.errors import Forbidden
from app.language import best_of, speak
from app.language import gettext as _
from app.models import Person
from app.models.base import utc_now
from app.settings import Settings


def database_of(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _reading(request: Request) -> Iterator[Session]:
    with database_of(request).reading() as session:
        yield session


def _writing(request: Request) -> Iterator[Session]:
    with database_of(request).transaction() as session:
        yield session


Reading = Annotated[Session, Depends(_reading)]
Writing = Annotated[Session, Depends(_writing, scope="function")]
AppSettings = Annotated[Settings, Depends(settings_of)]
Now = Annotated[datetime, Depends(utc_now)]
LOCALE_COOKIE = "locale"
SECRET = "signed_in"  # noqa: S105 - the name of it, not the secret
"""Under this name the cookie carries the secret of its session."""
PersonBehind = Callable[[Database, str, datetime], Person | None]
"""Whose the secret of a session is; the application is put together with the one that ``people`` has."""


def address_of(request: Request) -> str:
    """The network address that asks; behind a proxy it is the one that it names, where the settings trust it."""
    return request.client.host if request.client else "unknown"


def wants_json(request: Request) -> bool:
    """A script asks, which tells its reader in the page that stands; everybody else is shown a page."""
    return "hx-request" in request.headers or "application/json" in request.headers.get("accept", "")


class SignInNeeded(Exception):  # noqa: N818
    """Nobody is signed in; the error page for this one is the way to the sign-in form."""


class OwnPasswordNeeded(Exception):  # noqa: N818
    """Somebody signed in with a one-time password and must choose their own before anything else."""


def secret_of(request: Request) -> str | None:
    """What the browser's cookie says of its session; whether that is one, the database knows."""
    secret: str | None = request.session.get(SECRET)
    return secret


def person_of(request: Request) -> Person | None:
    """The signed-in person, or nobody. Read once per request, in a session of its own."""
    if not hasattr(request.state, "person"):
        secret = secret_of(request)
        person_behind: PersonBehind = request.app.state.person_behind
        request.state.person = person_behind(database_of(request), secret, utc_now()) if secret else None
    known: Person | None = request.state.person
    return known


def begin_session(request: Request, person: Person, secret: str) -> None:
    """A fresh cookie on every sign-in, so that a token seen before it is worth nothing after it.

    Args:
        request: of the browser that signs in.
        person: who.
        secret: of the session that has begun (``app.people.sessions.begin``).
    """
    request.session.clear()
    request.session[SECRET] = secret
    request.state.person = person


def forget_session(request: Request) -> None:
    """Take the cookie back; the session itself is ended in the database."""
    request.session.clear()
    request.state.person = None


async def speak_their_language(request: Request) -> None:
    """Speak a signed-in person's own language, else that of the browser's last choice, else one it accepts.

    Async, because only what an async dependency sets in the context reaches the route that comes after it.
    """
    person = await run_in_threadpool(person_of, request)
    wishes = (person.locale if person else None, request.cookies.get(LOCALE_COOKIE))
    speak(best_of((*wishes, request.headers.get("accept-language"))))


def signed_in(request: Request) -> Person:
    person = person_of(request)
    if person is None:
        raise SignInNeeded
    if person.password_is_one_time and request.url.path != "/account/password":
        raise OwnPasswordNeeded
    return person


def needs(may: Callable[[str], bool]) -> Callable[[Request], Person]:
    """A dependency that lets through whom the rule ``may(role)`` allows."""

    def allowed(request: Request) -> Person:
        person = signed_in(request)
        if not may(person.role):
            raise Forbidden(
                _("This page is not for the role %(role)s. Ask an admin if you need it.", role=_(person.role))
            )
        return person

    return allowed


SignedIn = Annotated[Person, Depends(signed_in)]
