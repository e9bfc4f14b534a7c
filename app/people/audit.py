"""The audit trail as a page and a file show it: who, did what, to whom, when; and whose names stay behind a code."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.language import gettext as _
from app.models import Applicant, AuditEvent, Person
from app.people import queries, rules
from app.people.queries import Asked
from app.roles import APPLICANT

BATCH = 1_000
JUST_AFTER = timedelta(minutes=1)
"""What a decision about an applicant does to their account stands in the trail a moment after it."""
UNSEEN = {"demonstration_ratings": frozenset({"rating"})}
"""What nobody may read here, by table: whoever rates texts shall not know how others have rated them."""


@dataclass(frozen=True)
class Line:
    """An event as it is shown; ``who_id`` and ``address`` are empty where nothing is linked."""

    at: datetime
    who: str
    who_id: int | None
    action: str
    subject: str
    address: str
    detail: Mapping[str, object]


def is_behind_a_code(applicant: Applicant | None, at: datetime) -> bool:
    """Whether an event would tell who somebody is whom others know by code alone.

    That is all that people did as applicants, until somebody has asked for their name, which the trail keeps. What an
    accepted applicant does later, they do as a labeler.
    """
    if applicant is None or applicant.unmasked_at is not None:
        return False
    decided = applicant.decided_at if applicant.decision in ("accepted", "declined") else None
    return decided is None or at <= decided + JUST_AFTER


def asked_of_one(session: Session, asked: Asked) -> Asked | None:
    """A question about a person, without what they did behind a code; nothing where all of it is.

    Whoever could ask what one of them did would read the code from the times.
    """
    for person_id in filter(None, (asked.who, asked.about)):
        applicant = queries.applicants_by_person(session, [person_id]).get(person_id)
        if applicant is None or applicant.unmasked_at is not None:
            continue
        if applicant.decision not in ("accepted", "declined") or applicant.decided_at is None:
            return None
        begin = applicant.decided_at + JUST_AFTER
        asked = asked.since_at_least(begin)
    return asked


def count(session: Session, asked: Asked) -> int:
    narrowed = asked_of_one(session, asked)
    return queries.count_events(session, narrowed) if narrowed else 0


def lines(session: Session, asked: Asked, *, limit: int, offset: int = 0) -> Sequence[Line]:
    """Events, newest first."""
    narrowed = asked_of_one(session, asked)
    return _shown(session, queries.events(session, narrowed, limit, offset=offset)) if narrowed else []


def all_lines(session: Session, asked: Asked) -> Iterator[Line]:
    """All of them, newest first, a thousand at a time; what is added meanwhile is not among them."""
    narrowed, before = asked_of_one(session, asked), None
    while narrowed and (events := queries.events(session, narrowed, BATCH, before=before)):
        yield from _shown(session, events)
        before = events[-1].id


def choices(session: Session) -> list[tuple[int, str]]:
    """Whom one may ask about: everybody whose name may be read."""
    everyone = queries.everyone(session)
    behind = queries.applicants_by_person(session, [person.id for person in everyone if person.role == APPLICANT])
    return [
        (person.id, f"{person.name} ({person.email})")
        for person in everyone
        if person.id not in behind or behind[person.id].unmasked_at
    ]


def _shown(session: Session, events: Sequence[AuditEvent]) -> list[Line]:
    subjects = {int(event.subject_id) for event in events if event.subject_kind == "people" and event.subject_id}
    people = queries.people_by_ids(session, subjects | {event.person_id for event in events if event.person_id})
    applicants = queries.applicants_by_person(session, people)
    coded = queries.applicants_by_ids(
        session, {int(event.subject_id) for event in events if event.subject_kind == "applicants"}
    )
    return [_line(event, people, applicants, coded) for event in events]


def _line(
    event: AuditEvent,
    people: Mapping[int, Person],
    applicants: Mapping[int, Applicant],
    coded: Mapping[int, Applicant],
) -> Line:
    actor, hidden = people.get(event.person_id or 0), is_behind_a_code(applicants.get(event.person_id or 0), event.at)
    who = _("an applicant") if hidden else (actor.name if actor else _("system"))
    subject, address = f"{event.subject_kind.replace('_', ' ')} {event.subject_id}".strip(), ""
    detail = {key: value for key, value in event.detail.items() if key not in UNSEEN.get(event.subject_kind, ())}
    if event.subject_kind == "people" and event.subject_id:
        about = int(event.subject_id)
        if is_behind_a_code(applicants.get(about), event.at):
            subject, detail = _("an applicant"), {}
        elif about in people:
            subject, address = people[about].name, f"/audit?about={about}"
    elif event.subject_kind == "applicants":
        # By code and not by number: numbers are given in the order in which people join, as the accounts are.
        if applicant := coded.get(int(event.subject_id)):
            subject = applicant.code
            address = f"/screenings/{applicant.screening_id}/applicants/{applicant.code}"
    elif hidden:
        subject, detail = event.subject_kind.replace("_", " "), {}  # the items of a form tell whose it is
    elif event.subject_kind in rules.PAGES_OF:
        address = rules.PAGES_OF[event.subject_kind].format(event.subject_id)
    return Line(event.at, who, None if hidden or actor is None else actor.id, event.action, subject, address, detail)
