"""What can go wrong in words for a person: a status and a sentence."""

import errno
import os
from collections.abc import Iterable, Mapping
from typing import Any

from app.language import gettext as _
from trainer.contract import refused


class DomainError(Exception):
    """Something a person asked for that cannot be done; ``str(error)`` tells them why and what to do.

    ``also`` is what a script is told beside the sentence, and ``retry_after`` the seconds until it makes sense to ask
    again.
    """

    status = 400
    retry_after: int | None = None
    also: Mapping[str, Any] = {}


def retry_header(error: DomainError) -> dict[str, str]:
    """The header that tells programs when to ask again, where that is known."""
    return {} if error.retry_after is None else {"retry-after": str(error.retry_after)}


class Invalid(DomainError):  # noqa: N818 - named for what happened, read as `raise Invalid(...)`
    """The input itself is wrong; ``fields`` names the places."""

    status = 422

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}
        self.also = {"fields": self.fields} if self.fields else {}

    def lines(self) -> list[str]:
        """What is wrong, one place a line; places of which the same is said share one."""
        places: dict[str, list[str]] = {}
        for field, problem in self.fields.items():
            places.setdefault(problem, []).append(field)
        return [f"- {', '.join(fields)}: {problem}" for problem, fields in places.items()]


def refused_places(errors: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What pydantic refused of a request, by its place in there, in the language in use."""
    told = ((error["loc"][1:], *refused.told(error)) for error in errors)
    return {".".join(map(str, place)) or "body": _(text, **values) for place, text, values in told}


class Forbidden(DomainError):  # noqa: N818
    """The person may not do this."""

    status = 403


class NotFound(DomainError):  # noqa: N818
    """There is no such thing, or it is not this person's to see."""

    status = 404


class TooManyAttempts(DomainError):  # noqa: N818
    """Something was tried too often in a short time; the sentence says when it may be tried again."""

    status = 429

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.retry_after = seconds


class Conflict(DomainError):  # noqa: N818
    """The world has moved on: already submitted, lease over, name taken."""

    status = 409


class NoRoom(DomainError):  # noqa: N818
    """The disk is full or may not be written."""

    status = 507


def no_room(error: OSError) -> NoRoom | None:
    """What to tell people when a file could not be written for want of room or right; nothing for other errors."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM):
        return None
    return NoRoom(
        _(
            "A file could not be opened or written (%(reason)s). Nothing was kept. Ask whoever looks after the server "
            "to make room in the data folder or to allow writing there; then try again.",
            reason=os.strerror(error.errno),
        )
    )
