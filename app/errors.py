"""What can go wrong in words for a person: a status and a sentence."""

import errno
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.language import SOURCE, listed, speaking
from app.language import gettext as _
from trainer.contract import refused

LONGEST_NAME = 80  # characters of a name or value that a refusal repeats


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
        for name, problem in self.fields.items():
            places.setdefault(problem, []).append(name)
        return [f"- {', '.join(fields)}: {problem}" for problem, fields in places.items()]


def refused_places(errors: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What pydantic refused of a request, by its place in there, in the language in use."""
    told = ((error["loc"][1:], *refused.told(error)) for error in errors)
    return {".".join(map(str, place)) or "body": _(text, **values) for place, text, values in told}


@dataclass(frozen=True)
class Refusal:
    """Why a row of a file was not taken; it is kept in its parts, so that each reader has it in their language.

    Attributes:
        text: a sentence that is marked for translation, its values still open.
        place: where in the row: names of fields, and places in lists counted from 1; empty for the row as a whole.
        values: what goes in; of a list any one is right. What a file says comes in by ``shown``.
    """

    text: str
    place: tuple[str | int, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    def within(self, *outer: str | int) -> "Refusal":
        """The same of a value that stands at this place."""
        return replace(self, place=(*outer, *self.place))

    @property
    def where(self) -> str:
        """The place, in the file's own words; nothing for the row as a whole."""
        return _(", ").join(
            _("entry %(number)s", number=part) if isinstance(part, int) else shown(part) for part in self.place
        )

    @property
    def sentence(self) -> str:
        """What is wrong there, in the language in use."""
        return _(self.text, **{name: _told(value) for name, value in self.values.items()})

    def __str__(self) -> str:
        return (
            _("field %(place)s: %(sentence)s", place=self.where, sentence=self.sentence)
            if self.place
            else self.sentence
        )

    def at(self, line: int) -> str:
        """The same with the line on which the row begins."""
        if self.place:
            return _("line %(line)s, %(reason)s", line=f"{line:,}", reason=self)
        return _("line %(line)s: %(reason)s", line=f"{line:,}", reason=self)

    @property
    def reason(self) -> str:
        """The whole of it in English, for programs and records."""
        with speaking(SOURCE):
            return str(self)

    def kept(self, line: int) -> dict[str, Any]:
        """As a list of refused rows keeps it."""
        parts = {"text": self.text, "place": [*self.place], "values": dict(self.values)}
        return {"line": line, "reason": self.reason, **parts}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Refusal":
        """What ``kept`` stored; of lists that are older than the parts, the sentence alone."""
        if "text" not in stored:
            return cls("%(sentence)s", (), {"sentence": str(stored["reason"])})
        return cls(stored["text"], tuple(stored["place"]), stored["values"])


def shown(value: object) -> str:
    """Something that a file says, as a sentence may repeat it: cut, readable, and never in a program's spelling."""
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False, default=str)
        except (ValueError, RecursionError):  # numbers of any length, lists of any depth
            value = "…"
    readable = "".join(c if c.isprintable() else "�" for c in value[:LONGEST_NAME])
    return readable if len(value) <= LONGEST_NAME else f"{readable}…"


def _told(value: object) -> str:
    if isinstance(value, list | tuple):
        return listed(map(_told, value), "or")
    return f"{value:,}" if isinstance(value, int) else str(value)


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
    """The world has moved on: already submitted, assignment over, name taken."""

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
