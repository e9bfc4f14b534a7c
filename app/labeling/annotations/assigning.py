"""Giving out tasks: the next one for a person, and why there is none."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.labeling.annotations import activity, measuring
from app.labeling.annotations.queries import assignments, submissions, texts
from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.queries import finding
from app.labeling.campaigns.rules import campaigns as campaign_rules
from app.language import gettext as _
from app.language import ngettext
from app.material.candidates.rules import shuffled_order
from app.material.guidelines import service as guidelines
from app.material.guidelines.courses import course_before
from app.models import (
    Assignment,
    Campaign,
    Draft,
    Person,
)
from app.roles import may

# What pages read as it is stored.
current_assignment_of = assignments.current_assignment_of
tasks_open_to = assignments.tasks_open_to
tasks_spared = assignments.tasks_spared


@dataclass(frozen=True)
class Offer:
    """A task to work on, or a sentence saying why there is none.

    ``to_confirm`` is the campaign whose guideline the person has to confirm before they get its next task, and
    ``to_learn`` the course that they have to pass before that.
    """

    assignment: Assignment | None
    reason: str = ""
    to_confirm: int | None = None
    to_learn: int | None = None


def take_next(session: Session, person: Person, now: datetime, campaign_id: int | None = None) -> Offer:
    """Give a person a task that is reserved for them for the campaign's minutes from ``now``.

    Whoever has one in the campaign already gets that one back, and a text that was sent back comes before new
    work. An assignment whose time is up returns to anyone, also to whoever let it go; their draft is still there.
    Labelers get no free assignment of a bank; what is their test they have already. Where they are calibrated,
    an item with gold, or one they have judged before, may take the place of the next one; it looks like any other.
    """
    assignments.lock_person(session, person.id)
    purposes = campaign_rules.purposes_open_to(person.role)
    if not purposes:  # there is nothing for them but what is reserved for them, in whichever bank
        return Offer(assignments.current_assignment_of(session, person.id, finding.open_campaigns(session, None), now))
    campaigns_open = finding.open_campaigns(session, campaign_id)
    if current := assignments.current_assignment_of(session, person.id, campaigns_open, now):
        return Offer(current)
    if returned := texts.oldest_returned(session, person.id, campaigns_open):
        return Offer(returned)
    campaign_ids = [id_ for id_, purpose in campaigns_open.items() if purpose in purposes]
    researcher = may(person.role, "adjudicate")
    assignment = assignments.next_free_assignment(session, person.id, campaign_ids, now, researcher=researcher)
    if assignment is None:
        return Offer(None, why_nothing(session, person, now, campaign_ids, campaign_id))
    if before := _comes_before(session, person, campaigns.campaign_for(session, assignment.campaign_id)):
        return before
    if not researcher:
        assignment = measuring.hidden_assignment(session, person, assignment.campaign_id, now) or assignment
    assign(session, assignment, person, now)
    return Offer(assignment)


def _comes_before(session: Session, person: Person, campaign: Campaign) -> Offer | None:
    """What a person has to learn or to read before the next task of a campaign."""
    name = campaign_rules.name_for_labelers(campaign.id, campaign.name, campaign.phase)
    if course := course_before(session, person, campaign):
        reason = _("Before the next task of “%(name)s” comes a course: “%(course)s”.", name=name, course=course.name)
        return Offer(None, reason, to_learn=course.id)
    if version := guidelines.unconfirmed(session, person, campaign):
        reason = _(
            "Before the next task of “%(name)s” comes its guideline: read version %(number)s and confirm it.",
            name=name,
            number=version.number,
        )
        return Offer(None, reason, to_confirm=campaign.id)
    return None


def assign(session: Session, assignment: Assignment, person: Person, now: datetime) -> None:
    """Reserve a free assignment for a person for the campaign's minutes, with a draft if they have none of the task."""
    campaign = campaigns.campaign_for(session, assignment.campaign_id)
    assignment.person_id = person.id
    assignment.reserved_at = now
    assignment.reserved_until = now + timedelta(minutes=campaign.reserved_minutes)
    if draft := submissions.draft_for(session, person.id, assignment.task_id, lock=True):
        activity.begin_reservation(draft, now)
    else:
        order = shuffled_order(
            submissions.candidate_ids_of(session, assignment.task_id),
            task_id=assignment.task_id,
            person_id=person.id,
            seed=campaign.id,
        )
        session.add(
            Draft(task_id=assignment.task_id, person_id=person.id, shown_order=order, started_at=now, updated_at=now)
        )
    session.flush()


def why_nothing(
    session: Session, person: Person, now: datetime, campaign_ids: list[int], campaign_id: int | None
) -> str:
    """Why there is no task for a person in the open ones of some campaigns; ``campaign_id`` where they chose one."""
    if not campaign_ids:
        paused = [
            campaign_rules.name_for_labelers(c.id, c.name, c.phase)
            for c in finding.working_campaigns(session, campaign_rules.purposes_open_to(person.role))
            if c.status == "paused" and campaign_id in (None, c.id)
        ]
        if paused:
            return _("“%(name)s” is paused. New tasks come when it opens again.", name=paused[0])
        return _("No campaign is open at the moment. New tasks come when the next one starts.")
    if not assignments.unfinished_assignments(session, person.id, campaign_ids):
        return _("Everything here is done. Thank you!")
    if assignments.tasks_spared(session, person.id, campaign_ids, now):
        return _(
            "All that is left for you is marked as sensitive, and you asked not to be offered such tasks. "
            "You can change that under “Sensitive content” in the menu with your name."
        )
    if soonest := assignments.first_return(session, person.id, campaign_ids):
        minutes = max(1, round((soonest - now).total_seconds() / 60))
        return ngettext(
            "Other people are working on all that is left for you. If they let a task go, it comes back "
            "in about %(num)s min; look again then.",
            "Other people are working on all that is left for you. If they let a task go, it comes back "
            "in about %(num)s min; look again then.",
            minutes,
        )
    return _("You have done your share: what is left is for other people, so that every answer gets several opinions.")


def is_test(assignment: Assignment) -> bool:
    """Whether the assignment is somebody's test, for whom its end is a deadline that nothing prolongs."""
    campaign = assignment.task.campaign
    return campaign_rules.is_test(campaign.purpose, campaign.overlap, assignment.number)


def assign_test(session: Session, person: Person, task_id: int, now: datetime, until: datetime) -> Assignment:
    """Keep an item of a bank for one person until a deadline: an assignment beyond those of the researchers.

    The caller makes sure that the person has never met the item.
    """
    task = submissions.task_with_answers(session, task_id)
    assert task is not None  # the caller has drawn it
    assignment = Assignment(campaign_id=task.campaign_id, task=task, number=assignments.next_test_number(session, task))
    session.add(assignment)
    assign(session, assignment, person, now)
    assignment.reserved_until = until
    return assignment
