"""The labeler's day: what work there is, and the next task."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.instruments import instrument_of
from app.labeling.annotations import assigning
from app.labeling.annotations import service as annotations
from app.labeling.annotations.home_pages import CampaignForMe, WorkPage
from app.labeling.annotations.routing import Labeler, Worker
from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.rules.campaigns import (
    name_for_labelers,
    priority_of,
)
from app.labeling.campaigns.service import Known
from app.labeling.surveys import service as surveys
from app.language import gettext as _
from app.language import said
from app.material.guidelines import service as guidelines
from app.material.guidelines.courses import course_before
from app.material.guidelines.pages import ConfirmPage
from app.material.guidelines.views import confirm_page, desk_of
from app.models import Campaign, Person
from app.roles import home_of, may
from app.web.addresses import task_address
from app.web.forms import whole_number
from app.web.render import go, render, tell
from app.web.requests import Now, Reading, Writing, database_of

router = APIRouter()


@router.get("/label")
def home(request: Request, person: Worker, session: Reading, now: Now) -> Response:
    if not may(person.role, "annotate"):
        return go(home_of(person.role))
    mine = [_for_me(session, person, known, now) for known in campaigns.known_to(session, person, now)]
    done_ever = annotations.annotated_since(session, person.id, datetime.min.replace(tzinfo=now.tzinfo))
    desk = desk_of(session, person, called)
    returned = [
        (text, called(text.annotation.task.campaign)) for text in annotations.returned_texts(session, person.id)
    ]
    return render(
        request,
        WorkPage(
            mine,
            done_today(session, person, now),
            done_ever,
            desk,
            returned,
            surveys.offered(session, person),
            annotations.talks_waiting(session, person),
        ),
    )


def called(campaign: Campaign) -> str:
    return name_for_labelers(campaign.id, campaign.name, campaign.phase)


def _for_me(session: Session, person: Person, known: Known, now: datetime) -> CampaignForMe:
    campaign = known.campaign
    current = assigning.current_assignment_of(session, person.id, [campaign.id], now)
    open_ids = [campaign.id] if campaign.status == "open" else []
    available = assigning.tasks_open_to(session, person.id, campaign.id, now) if open_ids else 0
    nothing = not current and not available
    version = guidelines.version_of(session, campaign)
    return CampaignForMe(
        campaign=campaign,
        name=called(campaign),
        task=instrument_of(campaign.kind).task,
        progress=known.progress,
        mine_today=done_today(session, person, now, campaign.id),
        available=available,
        reserved_task_id=current.task_id if current else None,
        guideline_number=version.number if version else None,
        guideline_to_confirm=guidelines.unconfirmed(session, person, campaign) is not None,
        course=course_before(session, person, campaign),
        counted=known.counted,
        why_nothing=assigning.why_nothing(session, person, now, open_ids, campaign.id) if nothing else "",
        spared=nothing and assigning.tasks_spared(session, person.id, open_ids, now) > 0,
    )


def done_today(session: Session, person: Person, now: datetime, campaign_id: int | None = None) -> int:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return annotations.annotated_since(session, person.id, midnight, campaign_id)


@router.post("/label/next")
def take_next(
    request: Request, person: Worker, session: Writing, now: Now, campaign_id: Annotated[str, Form()] = ""
) -> RedirectResponse:
    chosen = whole_number(campaign_id, _("A campaign's number")) if campaign_id else None
    return offer(request, person, session, now, chosen)


def offer(
    request: Request, person: Person, session: Session, now: datetime, campaign_id: int | None
) -> RedirectResponse:
    offer = assigning.take_next(session, person, now, campaign_id)
    if offer.assignment:
        return go(task_address(request, offer.assignment.task_id))
    if offer.reason:
        tell(request, offer.reason)
    if offer.to_learn:
        return go(f"/label/courses/{offer.to_learn}")
    return go(f"/label/campaigns/{offer.to_confirm}/guideline" if offer.to_confirm else "/label")


@router.get("/label/campaigns/{campaign_id}/guideline")
def show_guideline(request: Request, campaign_id: int, person: Labeler, session: Reading) -> HTMLResponse:
    return render(request, _guideline_page(session, person, campaign_id))


def _guideline_page(session: Session, person: Person, campaign_id: int, error: str = "") -> ConfirmPage:
    campaign = campaigns.campaign_for(session, campaign_id)
    priority = priority_of(campaign.kind, campaign.phase)
    page = confirm_page(session, person, campaign, called=called(campaign), priority=priority, error=error)
    if page is None or campaign.imported:  # nobody works on what was imported, and its name may tell models
        raise NotFound(_("This campaign has no guideline to read."))
    return page


@router.post("/label/campaigns/{campaign_id}/guideline")
def confirm_guideline(
    request: Request,
    campaign_id: int,
    person: Labeler,
    now: Now,
    *,
    version_id: Annotated[str, Form()] = "",
    then: Annotated[str, Form()] = "",
) -> Response:
    """Keep the person's word; ``then=next`` goes on with the campaign's next task."""
    database = database_of(request)
    shown = whole_number(version_id, _("The version that you have read"))
    try:
        with database.transaction() as session:
            version = guidelines.confirm(session, person, campaign_id, shown, now)
    except Conflict as error:
        with database.reading() as session:
            return render(request, _guideline_page(session, person, campaign_id, str(error)), error.status)
    name = said(version.guideline.name)
    tell(request, _("You have confirmed version %(number)s of “%(name)s”.", number=version.number, name=name))
    if then != "next":
        return go("/label")
    with database.transaction() as session:
        return offer(request, person, session, now, campaign_id)
