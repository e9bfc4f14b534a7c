"""Making screenings, letting people in by invitation, and what people decide about them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.instruments import instrument_of
from app.language import gettext as _
from app.language import spoken
from app.material.schemas.rules import ANSWER, PROMPT, YES, Field, schema_of
from app.models import (
    Applicant,
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

# What pages read as it is stored.
banks = queries.banks
done_in = queries.done_in
invitations = queries.invitations
names_of = queries.names_of
screenings = queries.screenings
assigned_items = queries.assigned_items


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
    fields: dict[str, Field] = {}
    for version in queries.schema_versions(session, bank_ids):
        schema = schema_of(version.content)
        for part in (ANSWER, PROMPT):
            fields |= {f"{part}:{field.name}": field for field in schema.part(part) if YES in field.values}
    return list(fields.items())


def topics_in(session: Session, bank_ids: Iterable[int]) -> list[str]:
    """The topics of the items of banks, in order."""
    return sorted({topic for _bank, _task, topic in queries.tasks_of(session, bank_ids) if topic})


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


def applicant_with(session: Session, screening_id: int, code: str, *, lock: bool = False) -> Applicant:
    applicant = queries.applicant_with(session, screening_id, code, lock=lock)
    if applicant is None:
        raise NotFound(_("There is no such applicant in this screening."))
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


def sensitive_in(marked: Mapping[str, str], names: Iterable[str]) -> bool:
    """Whether one of the flags that count is set."""
    return any(marked.get(name) == YES for name in names)
