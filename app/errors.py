"""What can go wrong in words for a person: a status and a sentence."""


class DomainError(Exception):
    """Something a person asked for that cannot be done; ``str(error)`` tells them why and what to do."""

    status = 400


class Invalid(DomainError):  # noqa: N818 - named for what happened, read as `raise Invalid(...)`
    """The input itself is wrong; ``fields`` names the places."""

    status = 422

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class Forbidden(DomainError):  # noqa: N818
    """The person may not do this."""

    status = 403


class NotFound(DomainError):  # noqa: N818
    """There is no such thing, or it is not this person's to see."""

    status = 404


class Conflict(DomainError):  # noqa: N818
    """The world has moved on: already submitted, lease over, name taken."""

    status = 409
