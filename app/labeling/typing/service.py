"""Counting how texts are entered: a campaign asks, a person agrees, and either may end it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.instruments import instrument_of
from app.labeling.typing import queries, rules
from app.labeling.typing.rules import TypingCounts
from app.language import gettext as _
from app.models import Campaign, CountedCampaign, Person, Task
from app.people.service import record


@dataclass(frozen=True)
class Counting:
    """Where a person stands with a campaign that asks: not answered yet, agreed, or declined."""

    campaign_id: int
    answered: bool
    agreed: bool


def turn(session: Session, by: Person, campaign: Campaign, now: datetime, *, on: bool) -> None:
    """Let a campaign ask, or ask no longer; then nothing more is counted, and what was counted stays.

    Raises:
        Conflict: nobody writes in this campaign.
    """
    if not instrument_of(campaign.kind).written:
        raise Conflict(_("In “%(name)s” people write no texts, so there is nothing to count.", name=campaign.name))
    known = queries.counted(session, campaign.id)
    if on and known is None:
        session.add(CountedCampaign(campaign_id=campaign.id, turned_on_by=by.id, turned_on_at=now))
        record(session, by, "let campaign ask to count typing", campaign)
    elif not on and known is not None:
        session.delete(known)
        record(session, by, "ended counting of typing", campaign)


@dataclass(frozen=True)
class Consents:
    """How many people have agreed to be counted in a campaign, and how many have declined."""

    agreed: int
    declined: int


def consents_of(session: Session, campaign_id: int) -> Consents | None:
    """What people answered; nothing where the campaign does not ask."""
    if queries.counted(session, campaign_id) is None:
        return None
    answers = queries.consents(session, campaign_id)
    return Consents(sum(answers), len(answers) - sum(answers))


def counting_for(session: Session, campaign_id: int, person_id: int) -> Counting | None:
    """What the page for writing says about counting; nothing where the campaign does not ask."""
    if queries.counted(session, campaign_id) is None:
        return None
    consent = queries.consent_of(session, campaign_id, person_id)
    return Counting(campaign_id, consent is not None, consent is not None and consent.agreed)


def answer(session: Session, person: Person, campaign_id: int, now: datetime, *, agreed: bool) -> None:
    """Keep a person's answer. Whoever ends their agreement has what was counted of them there deleted.

    Raises:
        NotFound: the campaign does not ask.
    """
    campaign = queries.campaign_by_id(session, campaign_id)
    if campaign is None or queries.counted(session, campaign_id) is None:
        raise NotFound(_("This campaign does not ask to count anything."))
    queries.keep_consent(session, campaign_id, person.id, now, agreed=agreed)
    if not agreed:
        queries.delete_records(session, campaign_id, person.id)
    record(session, person, "agreed to counting" if agreed else "declined counting", campaign)


def keep(session: Session, person: Person, task: Task, *, view: str, given: str) -> None:
    """Take in what a page of a task counted, if the campaign asks and the person agreed; anything else is ignored."""
    counting = counting_for(session, task.campaign_id, person.id)
    counts = rules.counts_of(view, given)
    if counting is None or not counting.agreed or counts is None:
        return
    typing_record = queries.record_of(session, task.id, person.id)
    typing_record.pages = rules.with_report(typing_record.pages, view, counts)


def counts_by_author(session: Session, task_ids: Iterable[int]) -> dict[tuple[int, int], TypingCounts]:
    """What was counted, by task and person."""
    return {
        (typing_record.task_id, typing_record.person_id): rules.in_all(typing_record.pages)
        for typing_record in queries.records_of(session, task_ids)
    }
