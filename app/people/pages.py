from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlencode

from app.language import mark
from app.models import ApiToken, Person
from app.people import rules
from app.people.audit import Line
from app.roles import ROLES
from app.web.paging import Paging
from app.web.render import Page


@dataclass(frozen=True)
class SignInPage(Page):
    template: ClassVar[str] = "people/sign_in.html"
    next_address: str
    email: str = ""
    error: str = ""


@dataclass(frozen=True)
class PasswordPage(Page):
    template: ClassVar[str] = "people/choose_password.html"
    browsers: int
    error: str = ""
    shortest: int = rules.SHORTEST_PASSWORD


@dataclass(frozen=True)
class SensitiveContentPage(Page):
    """How a person wants to meet sensitive content."""

    template: ClassVar[str] = "people/sensitive_content.html"
    blurs: ClassVar[Mapping[str, str]] = rules.BLURS
    blur: str
    avoids_sensitive: bool
    error: str = ""


@dataclass(frozen=True)
class PeoplePage(Page):
    template: ClassVar[str] = "people/list.html"
    people: Sequence[Person]
    roles: Sequence[str] = ROLES
    new_person: Person | None = None
    new_password: str = ""
    error: str = ""
    longest_group: int = rules.LONGEST_GROUP


@dataclass(frozen=True)
class AuditPage(Page):
    """Events that were asked for; ``given`` is the form, ``people`` are those whom one may ask about."""

    template: ClassVar[str] = "people/audit.html"
    kinds: ClassVar[Mapping[str, str]] = rules.KINDS
    lines: Sequence[Line]
    paging: Paging
    given: Mapping[str, str]
    people: Sequence[tuple[int, str]]

    @property
    def query(self) -> str:
        """Of the file with the same events."""
        return urlencode({key: value for key, value in self.given.items() if value})

    @property
    def filtered(self) -> bool:
        return any(value for key, value in self.given.items() if key != "kind")


@dataclass(frozen=True)
class TokensPage(Page):
    """The tokens of the person who looks; ``new_secret`` is shown this once."""

    template: ClassVar[str] = "people/tokens.html"
    tokens: Sequence[ApiToken]
    now: datetime
    days: Sequence[int] = rules.TOKEN_DAYS
    usual_days: int = 90
    name: str = ""
    new_secret: str = ""
    error: str = ""

    def state(self, token: ApiToken) -> str:
        if token.revoked_at is not None:
            return mark("revoked")
        return mark("live") if token.expires_at > self.now else mark("expired")
