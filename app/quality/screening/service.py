"""Making screenings, letting people in by invitation, their forms, blind ratings, and what people decide."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.errors import Conflict, DomainError, Invalid, NotFound
from app.instruments import instrument_of
from app.labeling.annotations import assigning, holding
from app.labeling.annotations import service as annotations
from app.labeling.annotations.queries import assignments
from app.labeling.instruments.demonstration import service as demonstration
from app.language import gettext as _
from app.language import spoken
from app.material.schemas.rules import ANSWER, PROMPT, YES, Field, schema_of
from app.models import (
    Applicant,
    DemonstrationRating,
    FormItem,
    Person,
    Screening,
    ScreeningBank,
    ScreeningInvitation,
)
from app.people import service as people
from app.people.rules import group_problem
from app.people.service import record
from app.quality.screening import queries
from app.quality.screening.rules import plans as rules
from app.quality.screening.rules.plans import CRITERIA, DEMONSTRATIONS, RANKINGS, Decision, Plan

JUST_BEFORE = timedelta(microseconds=1)


# Screenings ---------------------------------------------------------------------------------------


def create(session: Session, by: Person | None, plan: Plan, now: datetime) -> Screening:
    """Make a screening.

    Raises:
        Invalid: something of the plan is missing or wrong.
        Conflict: the name is taken.
    """
    available = {criterion: len(items_in(session, criterion, plan.banks.get(criterion, ()))) for criterion in CRITERIA}
    if problems := rules.plan_problems(plan, now, available):
        raise Invalid(" ".join(problems.values()), problems)
    if queries.screening_by_name(session, plan.name):
        taken = _("There is already a screening named “%(name)s”. Choose another name.", name=plan.name)
        raise Invalid(taken, {"name": taken})
    assert plan.ends_at is not None  # or it has a problem
    screening = Screening(
        name=plan.name,
        items={criterion: plan.items.get(criterion, 0) for criterion in CRITERIA},
        sensitive_flags=list(plan.sensitive_flags),
        topics=list(plan.topics),
        seed=plan.seed,
        minutes=plan.minutes,
        ends_at=plan.ends_at,
        created_by=by.id if by else None,
        created_at=now,
        banks=[
            ScreeningBank(criterion=criterion, campaign_id=bank)
            for criterion in CRITERIA
            for bank in dict.fromkeys(plan.banks.get(criterion, ()))
        ],
    )
    session.add(screening)
    record(session, by, "made screening", screening, {"name": plan.name, "items": screening.items, "seed": plan.seed})
    return screening


def screening_for(session: Session, screening_id: int) -> Screening:
    screening = queries.screening_by_id(session, screening_id)
    if screening is None:
        raise NotFound(_("There is no such screening."))
    return screening


def items_in(session: Session, criterion: str, bank_ids: Iterable[int]) -> dict[int, str]:
    """The items of banks by which a criterion can be scored, with their topics.

    To compare flags or rankings there has to be gold for them; a text is rated by people and needs none.
    """
    fitting = {bank.id for bank in queries.banks(session) if criterion in instrument_of(bank.kind).screens}
    ids = fitting & set(bank_ids)
    if criterion == DEMONSTRATIONS:
        return {task: topic for _bank, task, topic in queries.tasks_of(session, ids)}
    part = "ranks" if criterion == RANKINGS else "answers"
    return {task: gold.topic for _bank, task, gold in queries.gold_of(session, ids) if gold.content.get(part)}


def flags_in(session: Session, bank_ids: Iterable[int]) -> list[tuple[str, Field]]:
    """The questions of banks that can be answered with yes, each under the name by which a screening keeps it."""
    found: dict[str, Field] = {}
    for version in queries.schema_versions(session, bank_ids):
        schema = schema_of(version.content)
        for part in (ANSWER, PROMPT):
            found |= {f"{part}:{field.name}": field for field in schema.part(part) if YES in field.values}
    return list(found.items())


def topics_in(session: Session, bank_ids: Iterable[int]) -> list[str]:
    """The topics of the items of banks, in order."""
    return sorted({topic for _bank, _task, topic in queries.tasks_of(session, bank_ids) if topic})


# Invitations --------------------------------------------------------------------------------------


def invite(
    session: Session, by: Person | None, screening_id: int, now: datetime, *, uses: int, days: int
) -> tuple[ScreeningInvitation, str]:
    """Make a link by which people join.

    Returns:
        The invitation and its secret, which is shown once and stored only as a hash.

    Raises:
        Invalid: so many people, or such a time, is not offered.
        Conflict: the screening has ended.
    """
    screening = screening_for(session, screening_id)
    if problem := rules.invitation_problem(uses, days):
        raise Invalid(problem)
    if screening.ends_at <= now:
        raise Conflict(_("This screening has ended, so nobody can be invited any more."))
    secret = rules.new_secret()
    invitation = ScreeningInvitation(
        screening_id=screening.id,
        secret_sha256=rules.secret_sha256(secret),
        beginning=secret[: rules.SECRET_BEGINNING],
        most_uses=uses,
        uses=0,
        expires_at=min(now + timedelta(days=days), screening.ends_at),
        created_by=by.id if by else None,
        created_at=now,
    )
    session.add(invitation)
    record(session, by, "made invitation", invitation, {"screening": screening.id, "uses": uses, "days": days})
    return invitation, secret


def revoke(session: Session, by: Person, screening_id: int, invitation_id: int, now: datetime) -> None:
    """End a link; who has joined by it stays."""
    invitation = queries.invitation_by_id(session, invitation_id)
    if invitation is None or invitation.screening_id != screening_id:
        raise NotFound(_("There is no such invitation."))
    if invitation.revoked_at is None:
        invitation.revoked_at = now
        record(session, by, "revoked invitation", invitation, {"screening": screening_id})


def invitation_for(session: Session, secret: str, now: datetime, *, lock: bool = False) -> ScreeningInvitation:
    """What a link leads to.

    Raises:
        NotFound: nothing of ours.
        Conflict: it was revoked, has expired, or has served as many people as it may.
    """
    invitation = queries.invitation_with(session, rules.secret_sha256(secret), lock=lock)
    if invitation is None:
        raise NotFound(_("This link leads nowhere. Check that you have the whole of it, or ask whoever sent it."))
    over = invitation.expires_at <= now or invitation.screening.ends_at <= now
    if invitation.revoked_at or over or invitation.uses >= invitation.most_uses:
        raise Conflict(_("This invitation has ended. Ask whoever sent it for another one."))
    return invitation


def join(session: Session, secret: str, now: datetime, *, email: str, name: str, password: str, again: str) -> Person:
    """Make the account of an invited person, who chooses the password at once.

    Raises:
        NotFound: the link is none.
        Conflict: the link has ended.
        Invalid: e-mail, name or password will not do; ``fields`` says which.
    """
    invitation = invitation_for(session, secret, now, lock=True)
    person = people.add_applicant(session, email=email, name=name, password=password, again=again, locale=spoken())
    invitation.uses += 1
    known = queries.codes(session, invitation.screening_id)
    code = next(code for code in iter(rules.new_code, None) if code not in known)
    applicant = Applicant(
        screening_id=invitation.screening_id,
        person_id=person.id,
        invitation_id=invitation.id,
        code=code,
        joined_at=now,
        claimed=[],
    )
    session.add(applicant)
    record(session, person, "joined screening", invitation, {"screening": invitation.screening_id})
    return person


# The applicant ------------------------------------------------------------------------------------


def applicant_for(session: Session, person: Person) -> Applicant:
    applicant = queries.applicant_of(session, person.id)
    if applicant is None:
        raise NotFound(_("You are in no screening. Ask whoever invited you."))
    return applicant


def start(session: Session, person: Person, now: datetime) -> Applicant:
    """Draw the form and begin the time; a form that has begun goes on as it is.

    Raises:
        Conflict: the screening has ended, or its banks have too few items that this person has not met.
    """
    assignments.lock_person(session, person.id)
    applicant = applicant_for(session, person)
    if applicant.started_at is not None:
        return applicant
    screening = applicant.screening
    if screening.ends_at <= now:
        raise Conflict(_("This screening has ended."))
    until = rules.deadline(now, screening.minutes, screening.ends_at)
    position = 0
    for criterion, task_ids in _drawn(session, screening, applicant).items():
        for task_id in task_ids:
            position += 1
            session.add(
                FormItem(
                    applicant_id=applicant.id,
                    attempt=applicant.attempt,
                    criterion=criterion,
                    position=position,
                    task_id=task_id,
                )
            )
            assigning.reserve(session, person, task_id, now, until)
    applicant.started_at, applicant.deadline = now, until
    record(session, person, "began screening", applicant, {"attempt": applicant.attempt, "items": position})
    return applicant


def _drawn(session: Session, screening: Screening, applicant: Applicant) -> dict[str, list[int]]:
    """The items of a form by criterion; nobody meets an item twice, within a form or in another attempt."""
    met = queries.met_by(session, applicant.person_id)
    found: dict[str, list[int]] = {}
    for criterion in CRITERIA:
        banks = [bank.campaign_id for bank in screening.banks if bank.criterion == criterion]
        items = {task: topic for task, topic in items_in(session, criterion, banks).items() if task not in met}
        wanted = int(screening.items.get(criterion, 0))
        if len(items) < wanted:
            raise Conflict(
                _("There are not enough items left for a form. Tell whoever invited you; your time has not begun.")
            )
        drawn = rules.draw(items, wanted, seed=screening.seed, person_id=applicant.person_id, attempt=applicant.attempt)
        met |= set(drawn)
        found[criterion] = drawn
    return found


def assess(session: Session, person: Person, now: datetime, *, claimed: Sequence[str], words: str) -> Applicant:
    """Keep what somebody says about the topics and groups that they can judge (InstructGPT B.1, criterion 4).

    Raises:
        Invalid: it is too long.
        Conflict: the form is handed in, or its time is up.
    """
    assignments.lock_person(session, person.id)
    applicant = _working(session, person, now)
    if problem := rules.words_problem(words):
        raise Invalid(problem, {"words": problem})
    applicant.claimed = [topic for topic in applicant.screening.topics if topic in claimed]
    applicant.words, applicant.assessed = words.strip(), True
    return applicant


def _working(session: Session, person: Person, now: datetime) -> Applicant:
    applicant = applicant_for(session, person)
    if applicant.finished_at is not None or (applicant.deadline and applicant.deadline <= now):
        raise Conflict(_("Your form is handed in; nothing can be changed any more."))
    return applicant


def hand_in(session: Session, person: Person, now: datetime, *, as_it_is: bool = False) -> Applicant:
    """End a form before its time.

    Raises:
        Invalid: something is not done, and the person has not said that they hand in without it.
        Conflict: the form has not begun, or is handed in already.
    """
    assignments.lock_person(session, person.id)
    applicant = _working(session, person, now)
    if applicant.started_at is None:
        raise Conflict(_("Your form has not begun yet."))
    if not as_it_is and (not applicant.assessed or any(slot.open for slot in queries.slots_of(session, applicant))):
        problem = _("Not everything is done. Say that you hand in without it, or go on.")
        raise Invalid(problem, {"as_it_is": problem})
    _finish(session, applicant, now)
    record(session, person, "handed in screening", applicant, {"attempt": applicant.attempt})
    return applicant


def close_if_overdue(session: Session, applicant: Applicant, now: datetime) -> None:
    """Hand in what was saved when the time was up, as soon as somebody looks."""
    if applicant.started_at and applicant.deadline and applicant.finished_at is None and applicant.deadline <= now:
        assignments.lock_person(session, applicant.person_id)
        _finish(session, applicant, applicant.deadline)
        record(session, None, "closed screening at its deadline", applicant, {"attempt": applicant.attempt})


def close_overdue(session: Session, screening: Screening, now: datetime) -> None:
    for applicant in queries.unfinished(session, screening.id):
        close_if_overdue(session, applicant, now)


def _finish(session: Session, applicant: Applicant, at: datetime) -> None:
    """Submit the drafts that are complete, for what was saved counts; and end the slots, for corrections too."""
    person = queries.person_with(session, applicant.person_id)
    for slot in queries.slots_of(session, applicant):
        if slot.open:
            _submit_draft(session, person, slot.item.task_id, at - JUST_BEFORE)
        slot.lease.expires_at = min(at, slot.lease.expires_at or at)
    applicant.finished_at = at
    session.flush()


def _submit_draft(session: Session, person: Person, task_id: int, at: datetime) -> None:
    content = queries.draft_content(session, person.id, task_id) or {}
    try:
        if "text" in content:
            demonstration.submit_demonstration(session, person, task_id, at, content["text"])
        elif content.get("ranks"):
            annotations.submit(session, person, task_id, at, holding.submission_of(content))
    except DomainError:
        return  # it was not complete


def next_task(session: Session, person: Person) -> int | None:
    """The first item of the form that is neither submitted nor skipped."""
    applicant = applicant_for(session, person)
    return next((slot.item.task_id for slot in queries.slots_of(session, applicant) if slot.open), None)


# What people decide -------------------------------------------------------------------------------


def applicant_with(session: Session, screening_id: int, code: str, *, lock: bool = False) -> Applicant:
    applicant = queries.applicant_with(session, screening_id, code, lock=lock)
    if applicant is None:
        raise NotFound(_("There is no such applicant in this screening."))
    return applicant


def reset(session: Session, by: Person, screening_id: int, code: str, now: datetime, reason: str) -> Applicant:
    """Let an applicant try again, with items they have not met; what they did before stays in the audit trail's past.

    Raises:
        Invalid: no reason is given.
        Conflict: the applicant is decided about, or has not begun.
    """
    applicant = applicant_with(session, screening_id, code, lock=True)
    if not reason.strip():
        problem = _("Say why they may try again.")
        raise Invalid(problem, {"reset_reason": problem})
    if applicant.started_at is None:
        raise Conflict(_("This applicant has not begun yet, so there is nothing to reset."))
    if applicant.decision in (rules.ACCEPTED, rules.DECLINED):
        raise Conflict(_("There is a decision about this applicant already."))
    if applicant.finished_at is None:
        _finish(session, applicant, now)
    detail = {"attempt": applicant.attempt, "reason": reason.strip()[: rules.LONGEST_REASON]}
    record(session, by, "reset screening", applicant, detail)
    applicant.attempt += 1
    applicant.started_at = applicant.deadline = applicant.finished_at = None
    return applicant


def decide(session: Session, by: Person, screening_id: int, code: str, now: datetime, decision: Decision) -> Applicant:
    """Store what a person decides about an applicant: accepting makes them a labeler, declining ends their account.

    Raises:
        Invalid: the reason is missing, or the group's name will not do.
        Conflict: the form is not handed in, or somebody has decided already.
    """
    problems = rules.decision_problems(decision)
    if problem := group_problem(decision.group):
        problems["group"] = problem
    if problems:
        raise Invalid(" ".join(problems.values()), problems)
    applicant = applicant_with(session, screening_id, code, lock=True)
    if applicant.finished_at is None:
        raise Conflict(_("This form is not handed in yet."))
    if applicant.decision in (rules.ACCEPTED, rules.DECLINED):
        raise Conflict(_("Somebody has decided about this applicant already; nothing was changed."))
    before = applicant.decision or ""
    applicant.decision, applicant.reason = decision.verdict, decision.reason
    applicant.decided_by, applicant.decided_at = by.id, now
    applicant.labeler_group = (decision.group or None) if decision.verdict == rules.ACCEPTED else None
    detail = {"code": code, "decision": decision.verdict, "before": before, "reason": decision.reason}
    record(session, by, "decided about applicant", applicant, detail)
    if decision.verdict == rules.ACCEPTED:
        people.make_labeler(session, by, applicant.person_id, decision.group)
    elif decision.verdict == rules.DECLINED:
        people.set_active(session, by, applicant.person_id, active=False)
    return applicant


def unmask(session: Session, by: Person, screening_id: int, code: str, now: datetime) -> Applicant:
    """Let an applicant's name be seen, once there is a decision; who looked first is in the audit trail.

    Raises:
        Conflict: nobody has decided yet.
    """
    applicant = applicant_with(session, screening_id, code, lock=True)
    if applicant.decision not in (rules.ACCEPTED, rules.DECLINED):
        raise Conflict(_("Names can be seen after the decision, so that they play no part in it."))
    if applicant.unmasked_at is None:
        applicant.unmasked_at = now
    record(session, by, "looked at applicant's name", applicant, {"code": code})
    return applicant


# Blind ratings ------------------------------------------------------------------------------------


def next_to_rate(session: Session, screening: Screening, person: Person) -> tuple[int | None, int, int]:
    """The next text for a researcher, in an order of their own; how many wait for them, and how many there are."""
    waiting, everything = queries.texts_to_rate(session, screening.id, person.id)
    order = rules.order_for(waiting, seed=screening.seed, person_id=person.id)
    return (order[0] if order else None), len(waiting), everything


def text_to_rate(session: Session, screening: Screening, item_id: int) -> tuple[FormItem, str]:
    found = queries.item_to_rate(session, screening.id, item_id)
    if found is None:
        raise NotFound(_("There is no such text to rate."))
    return found


def rate(session: Session, by: Person, screening: Screening, item_id: int, now: datetime, rating: int | None) -> None:
    """Keep how good a researcher finds a text; nobody sees the ratings of others before their own.

    Raises:
        Invalid: it is no number from 1 to 7.
        Conflict: they have rated it before.
    """
    item, _text = text_to_rate(session, screening, item_id)
    if rating is None or not rules.LOWEST_RATING <= rating <= rules.HIGHEST_RATING:
        problem = _("Choose a number from 1 to 7.")
        raise Invalid(problem, {"rating": problem})
    assignments.lock_person(session, by.id)
    if queries.rating_by(session, item.id, by.id):
        raise Conflict(_("You have rated this text already; nothing was changed."))
    row = DemonstrationRating(item_id=item.id, person_id=by.id, rating=rating, rated_at=now)
    session.add(row)
    record(session, by, "rated screening text", row, {"item": item.id, "rating": rating})


def take_rating_back(session: Session, by: Person, screening: Screening, item_id: int) -> None:
    item, _text = text_to_rate(session, screening, item_id)
    row = queries.rating_by(session, item.id, by.id)
    if row is None:
        raise NotFound(_("You have not rated this text, so there is nothing to take back."))
    record(session, by, "took back rating", row, {"item": item.id, "rating": row.rating})
    session.delete(row)


def sensitive_in(marked: Mapping[str, str], names: Iterable[str]) -> bool:
    """Whether one of the flags that count is set."""
    return any(marked.get(name) == YES for name in names)
