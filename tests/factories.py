"""Makes rows for tests, with plausible defaults; every call commits, as a request would have."""

import itertools
from typing import Any

from app.database import Database
from app.models import Person
from app.people import service as people

_count = itertools.count(1)

LABELLED = {"use_case": "chat", "closed_domain": "no", "explicit_constraint": "no"}
"""All that the standard label schema requires about a prompt, with nothing more to ask about its answers."""


class Factory:
    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, row: Any) -> Any:
        with self.database.transaction() as session:
            session.add(row)
        return row

    def person(self, email: str | None = None, role: str = "labeler", password: str = "three quiet lanterns") -> Person:
        """A person who has already chosen a password."""
        email = email or f"person{next(_count)}@example.org"
        with self.database.transaction() as session:
            person, _ = people.add_person(session, None, email=email, name=email.split("@")[0], role=role)
            session.flush()
            people.choose_password(session, person.id, password, password)
        return person
