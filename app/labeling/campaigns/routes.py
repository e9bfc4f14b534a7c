"""Pages of campaigns: making them, seeing how they get on, changing them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.errors import DomainError, Invalid
from app.instruments import Instrument, instrument_of, instruments
from app.labeling.campaigns import calibration, skipped
from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.forms import makers_of
from app.labeling.campaigns.pages import CampaignPage, CampaignRow, CampaignsPage, NewCampaignPage, recent_of
from app.labeling.campaigns.queries.counting import Progress
from app.labeling.campaigns.rules.calibration import Plan
from app.labeling.campaigns.rules.campaigns import (
    BANK,
    DEFAULT_MINUTES,
    WORK,
    kind_problem,
    priority_of,
)
from app.language import gettext as _
from app.material.guidelines import service as guidelines
from app.material.scenarios import service as scenarios
from app.models import Campaign, Person
from app.roles import may
from app.web.forms import whole_number
from app.web.posted import Fields, Lists
from app.web.render import go, render, tell
from app.web.requests import Now, Reading, Writing, database_of, needs

router = APIRouter()
Manager = Annotated[Person, Depends(needs(lambda role: may(role, "manage_campaigns")))]
Reviewer = Annotated[Person, Depends(needs(lambda role: may(role, "review")))]
Mover = Annotated[Person, Depends(needs(lambda role: may(role, "manage_schemas")))]
MOST_PROMPTS = 100_000
SKIPPED_PROMPTS_SHOWN = 50


@router.get("/campaigns")
def list_campaigns(request: Request, _manager: Manager, session: Reading, now: Now) -> HTMLResponse:
    progress, counts = campaigns.progress(session, now), campaigns.annotation_counts(session)
    rows = [
        CampaignRow(campaign, progress.get(campaign.id, Progress()), counts.get(campaign.id, 0))
        for campaign in campaigns.campaigns(session)
    ]
    return render(request, CampaignsPage(rows))


@router.get("/campaigns/new")
def new_campaign(request: Request, _manager: Manager, session: Reading, kind: str = "ranking") -> HTMLResponse:
    return render(request, _new_campaign_page(session, {"kind": [kind]}))


def _new_campaign_page(session: Session, fields: dict[str, list[str]], error: str = "") -> NewCampaignPage:
    asked = fields.get("kind", ["ranking"])[-1]
    kind = asked if asked in instruments() else next(iter(instruments()))
    answer_sources, sources = campaigns.answer_sources(session, kind), campaigns.prompt_sources(session)
    instrument = instrument_of(kind)
    to_judge = (0, 0) if instrument.written else campaigns.prompts_to_judge(session, kind, instrument.answers[0])
    offers = len(scenarios.offers(session))
    documents = guidelines.for_kind(session, kind)
    return NewCampaignPage(
        kind, answer_sources, to_judge, sources, campaigns.versions_for(session, kind), offers, documents, fields, error
    )


@router.post("/campaigns")
def create_campaign(request: Request, manager: Manager, lists: Lists) -> Response:
    database = database_of(request)
    try:
        with database.transaction() as session:
            campaign = _create(session, manager, lists)
            _choose_guideline(session, manager, campaign, lists.get("guideline_id", [""])[-1])
    except DomainError as error:
        with database.reading() as session:
            return render(request, _new_campaign_page(session, lists, str(error)), error.status)
    if campaign.purpose == BANK:
        tell(request, _("“%(name)s” is open: researchers find its items under Work.", name=campaign.name))
    else:
        tell(request, _("“%(name)s” is open for work.", name=campaign.name))
    return go(f"/campaigns/{campaign.id}")


def _create(session: Session, manager: Person, lists: dict[str, list[str]]) -> Campaign:
    fields = {name: values[-1] for name, values in lists.items()}
    kind = fields.get("kind") or next(iter(instruments()))
    if problem := kind_problem(kind):
        raise Invalid(problem)
    instrument = instrument_of(kind)
    prompts = whole_number(fields.get("prompts", "100"), _("The number of prompts"), 1, MOST_PROMPTS)
    answers = whole_number(fields.get("answers_per_task") or str(instrument.answers[0]), _("The number of answers"))
    forms = instrument.making.forms
    judged_work = not instrument.written and fields.get("purpose", WORK) == WORK
    return campaigns.create_campaign(
        session,
        manager,
        name=fields.get("name", ""),
        kind=kind,
        phase=fields.get("phase", "training"),
        purpose=fields.get("purpose", WORK),
        overlap=whole_number(fields.get("overlap", "1"), _("The number of people per task")),
        reserved_minutes=whole_number(fields.get("reserved_minutes", "30"), _("The time a task is reserved")),
        instructions=fields.get("instructions", ""),
        answers_per_task=None if instrument.written else answers,
        schema_version_id=_chosen_version(fields),
        needs_review="needs_review" in fields,
        correction_minutes=_correction_minutes(fields),
        plan=_plan(fields) if judged_work else None,
        prompt_form=fields.get("prompt_form", next(iter(forms))) if forms else None,
        settings={name: fields[name] for name in instrument.making.choices if name in fields},
        pieces=prompts if forms else 0,
        tasks=_tasks(session, instrument, lists, prompts, answers),
    )


def _tasks(
    session: Session, instrument: Instrument, lists: dict[str, list[str]], prompts: int, answers: int
) -> list[campaigns.TaskSpec]:
    """The tasks that are chosen on the form; none where prompts are written.

    Raises:
        Invalid: nothing fits the choice.
    """
    if instrument.writes_prompts:
        return []
    tasks: list[campaigns.TaskSpec]
    if instrument.written:
        tasks = [(id_, []) for id_ in campaigns.prompts_to_demonstrate(session, lists.get("source", []), prompts)]
        nothing = _(
            "No prompt fits this choice, so nothing was made. Every prompt of these sources has a demonstration "
            "or waits for one."
        )
    else:
        origins, models = makers_of(lists)
        tasks = campaigns.tasks_from_candidates(
            session,
            origins=origins,
            model_version_ids=models,
            answers_per_task=answers,
            limit=prompts,
            unused_only="again" not in lists,
            kind=instrument.name,
            sources=lists.get("source", []),
            sensitive_only="sensitive" in lists,
            harmful_only="harmful" in lists,
        )
        nothing = _(
            "No prompt fits this choice, so nothing was made. Choose sources that together have %(number)s "
            "different answers to the same prompt; unused ones, unless you let answers be judged again.",
            number=answers,
        )
    if not tasks:
        raise Invalid(nothing)
    return tasks


def _choose_guideline(session: Session, manager: Person, campaign: Campaign, guideline_id: str) -> None:
    """Name the chosen document; without a choice that of the phase holds."""
    if guideline_id:
        guidelines.follow(session, manager, whole_number(guideline_id, _("The guideline")), campaign.id)


def _correction_minutes(fields: dict[str, str]) -> int:
    return whole_number(fields.get("correction_minutes") or str(DEFAULT_MINUTES), _("The time to correct"))


def _plan(fields: dict[str, str]) -> Plan | None:
    """How labelers are calibrated; a form that does not ask plans nothing."""
    if not fields.get("percent"):
        return None
    usual = Plan()
    return Plan(
        percent=whole_number(fields["percent"], _("The shared percentage")),
        repeat_percent=whole_number(fields.get("repeat_percent") or "0", _("The repeated percentage")),
        repeat_after_items=whole_number(
            fields.get("repeat_after_items") or str(usual.repeat_after_items), _("The number of items between")
        ),
        repeat_after_days=whole_number(
            fields.get("repeat_after_days") or str(usual.repeat_after_days), _("The number of days between")
        ),
    )


def _chosen_version(fields: dict[str, str]) -> int | None:
    version = fields.get("schema_version_id", "")
    return whole_number(version, _("The version of the label schema")) if version else None


@router.get("/campaigns/{campaign_id}")
def show_campaign(request: Request, campaign_id: int, _manager: Manager, session: Reading, now: Now) -> HTMLResponse:
    return render(request, _campaign_page(session, campaign_id, now))


def _campaign_page(
    session: Session, campaign_id: int, now: datetime, error: str = "", given: Mapping[str, str] | None = None
) -> CampaignPage:
    campaign = campaigns.campaign_for(session, campaign_id)
    recent = campaigns.recent_annotations(session, campaign_id, 30)
    written = campaigns.newest_contents(session, [annotation.id for annotation in recent])
    return CampaignPage(
        campaign=campaign,
        progress=campaigns.progress(session, now, campaign_id).get(campaign_id, Progress()),
        annotations=campaigns.annotation_counts(session).get(campaign_id, 0),
        recent=[recent_of(annotation, written.get(annotation.id, {})) for annotation in recent],
        priority=priority_of(campaign.kind, campaign.phase),
        versions=campaigns.versions_for(session, campaign.kind, all_of_them=True) if campaign.schema_version else [],
        guideline=None if campaign.imported else guidelines.version_of(session, campaign),
        waiting=campaigns.waiting_for_review(session, campaign_id),
        skipped=skipped.skipped_in(session, campaign_id, SKIPPED_PROMPTS_SHOWN),
        error=error,
        plan=calibration.plan_in(session, campaign_id),
        calibrated=calibration.calibrated(session, campaign_id) if calibration.can_be_calibrated(campaign) else None,
        given=given or {},
    )


@router.post("/campaigns/{campaign_id}/calibration")
def set_calibration(request: Request, campaign_id: int, manager: Manager, now: Now, fields: Fields) -> Response:
    """Calibrate labelers like this from now on."""
    database = database_of(request)
    try:
        with database.transaction() as session:
            campaign = campaigns.campaign_for(session, campaign_id)
            calibration.set_plan(session, manager, campaign, _plan({"percent": "0", **fields}) or Plan(), now)
    except DomainError as error:
        with database.reading() as session:
            return render(request, _campaign_page(session, campaign_id, now, str(error), fields), error.status)
    tell(request, _("Calibrated like this from now on; what people have begun stays as it is."))
    return go(f"/campaigns/{campaign_id}#calibration")


@router.post("/campaigns/{campaign_id}/schema")
def move_campaign(
    request: Request, campaign_id: int, mover: Mover, now: Now, schema_version_id: Annotated[str, Form()] = ""
) -> Response:
    """Let the campaign ask another version of its label schema from now on."""
    database = database_of(request)
    try:
        with database.transaction() as session:
            chosen = whole_number(schema_version_id, _("The version of the label schema"))
            campaign = campaigns.move_campaign(session, mover, campaign_id, chosen)
    except DomainError as error:
        with database.reading() as session:
            return render(request, _campaign_page(session, campaign_id, now, str(error)), error.status)
    tell(request, _("“%(name)s” asks the chosen version from now on.", name=campaign.name))
    return go(f"/campaigns/{campaign_id}")


@router.post("/campaigns/{campaign_id}/review")
def set_review(
    request: Request, campaign_id: int, reviewer: Reviewer, session: Writing, needs_review: Annotated[str, Form()] = ""
) -> RedirectResponse:
    campaign = campaigns.set_review(session, reviewer, campaign_id, needed=needs_review == "yes")
    if campaign.needs_review:
        tell(request, _("From now on texts of “%(name)s” wait for a review.", name=campaign.name))
    else:
        tell(request, _("From now on texts of “%(name)s” are used at once.", name=campaign.name))
    return go(f"/campaigns/{campaign_id}")


@router.post("/campaigns/{campaign_id}/status")
def set_status(
    request: Request, campaign_id: int, manager: Manager, session: Writing, status: Annotated[str, Form()] = ""
) -> RedirectResponse:
    campaign = campaigns.set_status(session, manager, campaign_id, status)
    tell(request, _("“%(name)s” is %(status)s.", name=campaign.name, status=_(campaign.status)))
    return go(f"/campaigns/{campaign_id}")
