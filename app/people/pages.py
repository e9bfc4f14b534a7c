from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.models import AuditEvent, Person
from app.people import rules
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
    error: str = ""
    shortest: int = rules.SHORTEST_PASSWORD


@dataclass(frozen=True)
class PeoplePage(Page):
    template: ClassVar[str] = "people/list.html"
    people: Sequence[Person]
    roles: Sequence[str] = rules.ROLES
    new_person: Person | None = None
    new_password: str = ""
    error: str = ""
    longest_group: int = rules.LONGEST_GROUP


@dataclass(frozen=True)
class AuditPage(Page):
    template: ClassVar[str] = "people/audit.html"
    events: Sequence[tuple[AuditEvent, Person | None]]
