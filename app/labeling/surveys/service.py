"""Opening and closing rounds, and taking in answers so that nobody can be told by them."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.labeling.surveys import queries, rules
from app.language import gettext as _
from app.models import Person, SurveyMark, SurveyRound, SurveyTally
from app.people.service import record

# What pages read as it is stored.
rounds = queries.rounds


def is_for(person: Person) -> bool:
    return person.role == "labeler"


def offered(session: Session, person: Person) -> SurveyRound | None:
    """The open round, if the person has neither answered nor declined it."""
    current = queries.open_round(session) if is_for(person) else None
    return None if current is None or queries.is_marked(session, current.id, person.id) else current


def invited(session: Session, current: SurveyRound | None) -> int:
    """How many people the open round is for, or the next one."""
    return queries.invited(session, current.id if current else None)


def answered(session: Session, current: SurveyRound | None) -> int | None:
    """How many have answered the open round; nothing while they are too few to be told."""
    count = queries.answered(session, current.id, next(iter(rules.QUESTIONS))) if current else 0
    return count if count >= rules.FEWEST else None


def open_round(session: Session, researcher: Person, name: str, now: datetime) -> SurveyRound:
    """Ask all labelers from now on.

    Raises:
        Invalid: the name is none.
        Conflict: another round is open.
    """
    name = name.strip()
    if problem := rules.name_problem(name):
        raise Invalid(problem, {"name": problem})
    if queries.open_round(session):
        raise Conflict(_("A round is open already. Close it before you open another one."))
    row = SurveyRound(name=name, is_open=True, opened_by=researcher.id, opened_at=now)
    session.add(row)
    session.flush()
    session.add_all(
        SurveyTally(round_id=row.id, question=question, choice=choice, count=0)
        for question in rules.QUESTIONS
        for choice in rules.CHOICES
    )
    record(session, researcher, "opened survey", row, {"name": name})
    return row


def close_round(session: Session, researcher: Person, round_id: int, now: datetime) -> SurveyRound:
    """End a round for good: keep what may be told, and delete everything else.

    Raises:
        NotFound: there is no such round.
        Conflict: it is closed already.
    """
    row = _round(session, round_id, lock=True)
    if not row.is_open:
        raise Conflict(_("This round is closed already."))
    row.result = rules.result_of(queries.counts(session, row.id), queries.invited(session, row.id))
    row.is_open, row.closed_at = None, now
    queries.forget(session, row.id)
    record(session, researcher, "closed survey", row)
    return row


def round_for(session: Session, round_id: int) -> SurveyRound:
    return _round(session, round_id)


def _round(session: Session, round_id: int, *, lock: bool = False) -> SurveyRound:
    if (row := queries.round_by_id(session, round_id, lock=lock)) is None:
        raise NotFound(_("There is no such round of the survey."))
    return row


def answer(session: Session, person: Person, round_id: int, answers: Mapping[str, str]) -> None:
    """Count a person's answers and do not ask them again. Nothing is written to the audit trail.

    Raises:
        Invalid: a question has no answer; ``fields`` names it, and nothing is stored.
        Forbidden, NotFound, Conflict: see ``decline``.
    """
    _check(session, person, round_id)
    if problems := rules.problems_of(answers):
        raise Invalid(_("Every question needs an answer. Nothing has been stored yet."), problems)
    _take(session, person, round_id, {question: answers[question] for question in rules.QUESTIONS})


def decline(session: Session, person: Person, round_id: int) -> None:
    """Do not ask a person again in this round.

    Raises:
        Forbidden: the survey is not for them.
        NotFound: there is no such round.
        Conflict: it is closed, or the person has answered or declined before.
    """
    _check(session, person, round_id)
    _take(session, person, round_id, {})


def _check(session: Session, person: Person, round_id: int) -> None:
    if not is_for(person):
        raise Forbidden(_("The survey is for labelers."))
    if not _round(session, round_id, lock=True).is_open:
        raise Conflict(_("This round of the survey is closed. Nothing was stored."))
    if queries.is_marked(session, round_id, person.id):
        raise Conflict(_("You have answered or declined this survey already. Nothing was stored."))


def _take(session: Session, person: Person, round_id: int, chosen: Mapping[str, str]) -> None:
    session.add(SurveyMark(round_id=round_id, person_id=person.id))
    queries.add(session, round_id, list(chosen.items()))
