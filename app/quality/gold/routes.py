"""Pages of gold: what waits, and one item."""

import shutil
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from app.errors import Conflict, DomainError, Invalid, NotFound
from app.labeling.annotations.rules.submission import Submission
from app.labeling.campaigns import service as campaigns
from app.language import gettext as _
from app.models import Person
from app.quality.gold import files, forms, rules, service
from app.quality.gold.pages import Draft, GoldPage, ImportPage, ItemPage, ItemsPage, item_page
from app.quality.gold.queries import Counts
from app.roles import may
from app.scratch import scratch
from app.web.paging import Paging
from app.web.posted import Fields
from app.web.render import go, render, tell
from app.web.requests import AppSettings, Now, Reading, database_of, needs

router = APIRouter()
Adjudicator = Annotated[Person, Depends(needs(lambda role: may(role, "adjudicate")))]


@router.get("/gold")
def list_campaigns(request: Request, _adjudicator: Adjudicator, session: Reading) -> HTMLResponse:
    return render(request, GoldPage(service.campaigns(session)))


@router.get("/gold/import")
def import_form(request: Request, settings: AppSettings, _adjudicator: Adjudicator) -> HTMLResponse:
    return render(request, ImportPage(settings.upload_limit_mb))


@router.post("/gold/import")
def import_upload(
    request: Request,
    settings: AppSettings,
    adjudicator: Adjudicator,
    now: Now,
    *,
    file: Annotated[UploadFile | None, File()] = None,
    name: Annotated[str, Form()] = "",
    topic: Annotated[str, Form()] = "",
) -> Response:
    """Make a bank of one uploaded file, in one transaction, and show what was not taken."""
    fields, limit = {"name": name, "topic": topic}, settings.upload_limit_mb
    if file is None or not file.filename:
        return render(request, ImportPage(limit, fields, error=_("Choose a file first.")), 422)
    try:
        if problem := rules.topic_problem(topic.strip()):
            raise Invalid(problem)
        with scratch() as folder:
            path = folder / "upload"
            with path.open("wb") as target:
                shutil.copyfileobj(file.file, target, 1 << 20)
            with database_of(request).transaction() as session:
                imported = files.import_gold(
                    session, adjudicator, path, file.filename, now, name=name, topic=topic.strip()
                )
    except DomainError as error:
        return render(request, ImportPage(limit, fields, error=str(error)), error.status)
    return render(request, ImportPage(limit, imported=imported))


@router.get("/gold/campaigns/{campaign_id}")
def list_items(
    request: Request, campaign_id: int, _adjudicator: Adjudicator, session: Reading, state: str = "", page: int = 1
) -> HTMLResponse:
    campaign = campaigns.campaign_for(session, campaign_id)
    gold = state == "gold"
    items = service.items_of(session, campaign_id, gold=gold)
    counts = {row.id: counted for row, counted in service.campaigns(session)}.get(campaign_id, Counts())
    paging = Paging(page, len(items), {"state": state if gold else ""})
    shown = items[paging.offset : paging.offset + paging.size]
    return render(request, ItemsPage(campaign, counts, shown, gold, paging))


@router.get("/gold/items/{task_id}")
def show_item(
    request: Request, task_id: int, adjudicator: Adjudicator, session: Reading, take: int = 0
) -> HTMLResponse:
    """An item; ``take`` names the judgement that the form begins with, else it begins with the gold there is."""
    case = service.case_for(session, task_id)
    taken = next((judgement for judgement in case.judgements if judgement.annotation_id == take), None)
    if take and taken is None:
        raise NotFound(_("Nobody said this about the item."))
    gold = case.gold
    entry = taken.submission() if taken else rules.verdict_of(gold.content) if gold else Submission({}, {})
    page = item_page(
        case,
        adjudicator,
        Draft(
            rules.tidied(entry, case.schema, rated=case.rated),
            taken=taken.name if taken else "",
            reason=gold.reason if gold else "",
            topic=gold.topic if gold else "",
        ),
        topics=service.topics(session),
        decided_by=service.person_name(session, gold.decided_by) if gold else "",
    )
    return render(request, page)


@router.post("/gold/items/{task_id}")
def decide(request: Request, task_id: int, adjudicator: Adjudicator, now: Now, fields: Fields) -> Response:
    """Keep the verdict and go on with the next item of the campaign that waits."""
    database = database_of(request)
    try:
        with database.transaction() as session:
            candidates = service.case_for(session, task_id).order
            decision = forms.decision_of(fields, candidates)
            gold = service.decide(session, adjudicator, task_id, now, decision, seen=fields.get("seen", ""))
            campaign_id = gold.task.campaign_id
    except (Invalid, Conflict) as error:
        with database.reading() as session:
            return render(request, _again(session, adjudicator, task_id, fields, error), error.status)
    tell(request, _("Kept as gold. The next item of this campaign follows, if one waits."))
    with database.reading() as session:
        following = service.next_waiting(session, campaign_id, but=task_id)
    return go(f"/gold/items/{following}" if following else f"/gold/campaigns/{campaign_id}")


def _again(
    session: Session, adjudicator: Person, task_id: int, fields: dict[str, str], error: Invalid | Conflict
) -> ItemPage:
    """The page with what was entered, as far as it can be read, and what is wrong with it."""
    case = service.case_for(session, task_id)
    try:
        entry = forms.entered(fields, case.order)
    except Invalid:
        entry = Submission({}, {})
    gold = case.gold
    return item_page(
        case,
        adjudicator,
        Draft(entry, reason=fields.get("reason", ""), topic=fields.get("topic", ""), refused=error),
        topics=service.topics(session),
        decided_by=service.person_name(session, gold.decided_by) if gold else "",
    )
