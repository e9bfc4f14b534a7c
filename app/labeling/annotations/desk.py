"""What the giving out of tasks asks of an instrument: its page, its form and what it stores."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from fastapi import APIRouter
from sqlalchemy.orm import Session

from app.errors import DomainError
from app.instruments import Instrument, Words, instrument_of
from app.labeling.annotations.pages import Bench, SkipForm, bench_of
from app.labeling.annotations.queries import submissions
from app.labeling.annotations.reservation import Work
from app.material.guidelines.views import guide_of
from app.models import Annotation, Campaign, Person
from app.roles import may
from app.web.render import Page

Lists = Mapping[str, list[str]]


@dataclass(frozen=True)
class Seat:
    """A person at a task of theirs: what every page of it is made from."""

    session: Session
    person: Person
    work: Work
    bench: Bench


@dataclass(frozen=True)
class Refused:
    """What the server did not take, with what was posted; that is empty where it was too large to be read.

    ``beside`` has a sentence for each field that it is about; ``submitted`` says that it was a whole submission.
    """

    sentence: str
    beside: Mapping[str, str]
    posted: Lists | None
    submitted: bool = False

    @classmethod
    def submission(cls, error: DomainError, posted: Lists) -> "Refused":
        return cls(str(error), getattr(error, "fields", {}), posted, submitted=True)


class Desk(Instrument):
    """An instrument as people work with it.

    Attributes:
        sent_elsewhere: what is said where the form of another instrument was sent.
        router: the addresses of its own.
    """

    sent_elsewhere: ClassVar[Words]
    router: ClassVar[APIRouter] = APIRouter()

    @abstractmethod
    def page(self, seat: Seat, *, answer: int | None = None, error: str = "") -> Page:
        """What is shown first of a task; of several answers the chosen one, from 1."""

    @abstractmethod
    def shown_again(self, seat: Seat, refused: Refused) -> Page:
        """The page from which something was sent that was not taken."""

    @abstractmethod
    def keep(self, session: Session, person: Person, task_id: int, now: datetime, lists: Lists) -> None:
        """Keep as a draft what a form brings that submits, as far as it can be kept."""

    @abstractmethod
    def submit(self, session: Session, person: Person, task_id: int, now: datetime, lists: Lists) -> Annotation:
        """Store what a form brings; the assignment closes and the draft goes.

        Raises:
            Invalid: something is missing or wrong; nothing is stored and the draft stays.
            DraftStays: it cannot be stored now; the draft stays.
            Conflict: submitted before, or all assignments are somebody else's by now; the draft stays.
        """

    @abstractmethod
    def told(self, session: Session, annotation: Annotation) -> str:
        """What is said to a person who has submitted."""


def desk_of(campaign: Campaign) -> Desk:
    instrument = instrument_of(campaign.kind)
    assert isinstance(instrument, Desk)  # each instrument of the registry is one
    return instrument


def seat_at(session: Session, person: Person, work: Work, now: datetime, skip: SkipForm | None = None) -> Seat:
    """A person at a task, with what every page of it shows around the instrument."""
    guide = guide_of(session, person, work.task.campaign, work.task.id)
    if not may(person.role, "annotate"):
        guide = guide.for_a_test()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    done_today = submissions.annotated_since(session, person.id, midnight)
    return Seat(session, person, work, bench_of(work, person, now, done_today, guide, skip or SkipForm()))
