from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.errors import Conflict, DomainError, Invalid
from app.labeling.annotations import activity, corrections, reservation, service, skips, writing
from app.labeling.annotations.desk import Desk, Refused, desk_of, seat_at
from app.labeling.annotations.drafts import SavedElsewhere
from app.labeling.annotations.home_routes import Worker, called, offer
from app.labeling.annotations.judging import Judging
from app.labeling.annotations.judging_pages import RankingPage
from app.labeling.annotations.pages import CorrectPage, SkipForm
from app.labeling.annotations.reservation import DraftStays
from app.labeling.annotations.routing import COUNTS_TIME, TaskRoute, is_autosave, reported
from app.labeling.campaigns.orders import stored_order
from app.language import gettext as _
from app.models import Person
from app.roles import may
from app.web.addresses import TaskId, task_address
from app.web.posted import Fields, Lists
from app.web.render import Undo, go, render, tell
from app.web.requests import Now, Reading, Writing, database_of

router = APIRouter(route_class=TaskRoute)


# The labeler's day -------------------------------------------------------------------------------


# One task ----------------------------------------------------------------------------------------


@router.get("/label/tasks/{task_id}")
def show_task(
    request: Request, task_id: TaskId, *, person: Worker, session: Reading, now: Now, answer: int | None = None
) -> Response:
    try:
        work = reservation.work_for(session, person, task_id)
    except Conflict as error:
        tell(request, str(error))
        return go("/label")
    return render(request, desk_of(work.task.campaign).page(seat_at(session, person, work, now), answer=answer))


@router.post("/label/tasks/{task_id}/submit", dependencies=COUNTS_TIME)
def submit(request: Request, task_id: TaskId, *, person: Worker, now: Now, lists: Lists) -> Response:
    """Store what was posted; first as a draft, so that a refusal loses nothing."""
    database = database_of(request)
    _keep_posted(request, person, task_id, now, lists)
    if "compare_with_ratings" in lists and (asking := _contradicted(request, person, task_id, now)):
        return render(request, asking)
    try:
        with database.transaction() as session:
            desk = _desk_for_submission(session, person, task_id)
            annotation = desk.submit(session, person, task_id, now, lists)
            told, campaign_id = desk.told(session, annotation), annotation.campaign_id
    except (Invalid, DraftStays) as error:
        with database.reading() as session:
            work = reservation.work_for(session, person, task_id)
            refused = Refused.submission(error, lists)
            page = desk_of(work.task.campaign).shown_again(seat_at(session, person, work, now), refused)
            return render(request, page, error.status)
    tell(request, told)
    if lists.get("then", [""])[-1] != "next":
        return go("/label")
    with database.transaction() as session:
        return offer(request, person, session, now, campaign_id)


def _desk_for_submission(session: Session, person: Person, task_id: int) -> Desk:
    """The instrument of a task that may have run out in the meantime."""
    task = service.task_with_answers(session, task_id)
    if task is None or service.draft_for(session, person.id, task_id) is None:
        task = reservation.work_for(session, person, task_id).task  # says why it is not theirs
    return desk_of(task.campaign)


def _keep_posted(request: Request, person: Person, task_id: int, now: datetime, lists: Mapping[str, list[str]]) -> None:
    try:
        with database_of(request).transaction() as session:
            desk_of(reservation.work_for(session, person, task_id).task.campaign).keep(
                session, person, task_id, now, lists
            )
    except SavedElsewhere:
        raise
    except DomainError:
        return  # the submission itself will say what is wrong


def _contradicted(request: Request, person: Person, task_id: int, now: datetime) -> RankingPage | None:
    """Where no script points out, before sending, what stands against the ratings: the page that does, once."""
    with database_of(request).reading() as session:
        try:
            work = reservation.work_for(session, person, task_id)
        except DomainError:
            return None  # the submission itself will say what is wrong
        desk = desk_of(work.task.campaign)
        if not isinstance(desk, Judging) or work.before_ranking:
            return None
        page = desk.board(seat_at(session, person, work, now))
        return replace(page, asks_again=True) if page.contradicted else None


@router.post("/label/tasks/{task_id}/renew", dependencies=COUNTS_TIME)
def renew(task_id: TaskId, person: Worker, session: Writing, now: Now) -> Response:
    reservation.renew(session, person, task_id, now)
    return Response(status_code=204)


@router.post("/label/tasks/{task_id}/activity")
def count_time(task_id: TaskId, *, person: Worker, session: Writing, now: Now, fields: Fields) -> Response:
    """Take in the active time that a page has counted; see ``app.labeling.annotations.rules.activity``."""
    activity.keep(session, person, task_id, now, **reported(fields))
    return Response(status_code=204)


@router.post("/label/tasks/{task_id}/content-warning")
def show_texts(
    request: Request, task_id: TaskId, *, person: Worker, session: Writing, now: Now, fields: Fields
) -> Response:
    """Uncover the texts of a task that opened blurred (``shown=yes``), or cover them again."""
    if (shown := fields.get("shown")) not in ("yes", "no"):
        raise Invalid(_("Say whether the texts are to be shown: yes or no."))
    reservation.show_texts(session, person, task_id, now, shown=shown == "yes")
    if is_autosave(request, fields):
        return Response(status_code=204)
    return go(task_address(request, task_id))


@router.post("/label/tasks/{task_id}/skip")
def skip(
    request: Request,
    task_id: TaskId,
    *,
    person: Worker,
    now: Now,
    reason: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    database = database_of(request)
    try:
        with database.transaction() as session:
            skips.check(reason, note)
            if withdrawn := writing.give_up(session, person, task_id, now, reason):
                tell(request, _("Withdrawn. Somebody else writes for this task; nothing of your text is used."))
            else:
                skips.skip(session, person, task_id, now, reason=reason, note=note)
    except Invalid as error:
        with database.reading() as session:
            work = reservation.work_for(session, person, task_id)
            form = SkipForm(reason, note, str(error))
            return render(
                request, desk_of(work.task.campaign).page(seat_at(session, person, work, now, form)), error.status
            )
    if not withdrawn:
        undo = Undo(_("Take it back"), f"{task_address(request, task_id)}/skip/undo")
        goes = _("Skipped. The task goes to somebody else, with your reason for the researchers.")
        stays = _("Skipped: this item is not scored.")
        tell(request, goes if may(person.role, "annotate") else stays, undo)
    with database.transaction() as session:
        return offer(request, person, session, now, None)


@router.post("/label/tasks/{task_id}/skip/undo")
def take_skip_back(request: Request, task_id: TaskId, person: Worker, session: Writing, now: Now) -> RedirectResponse:
    skips.take_back(session, person, task_id, now)
    tell(request, _("The task is yours again; what you had entered is still there."))
    return go(task_address(request, task_id))


@router.get("/label/tasks/{task_id}/correct")
def show_correction(request: Request, task_id: TaskId, person: Worker, session: Reading, now: Now) -> HTMLResponse:
    """What was submitted, and whether it can still be corrected."""
    annotation = corrections.annotation_for(session, person, task_id)
    task = annotation.task
    until = corrections.until(annotation)
    page = CorrectPage(
        task_id=task_id,
        campaign=called(task.campaign),
        prompt=task.prompt.messages[-1]["content"] if task.prompt else "",
        submitted_at=annotation.submitted_at,
        order=stored_order(annotation),
        versions=service.versions_of(session, annotation.id),
        begun=service.draft_for(session, person.id, task_id) is not None,
        minutes_left=max(1, round((until - now).total_seconds() / 60)) if until else 0,
        problem=corrections.problem(session, annotation, now) or "",
    )
    return render(request, page)


@router.post("/label/tasks/{task_id}/correct")
def correct(request: Request, task_id: TaskId, person: Worker, session: Writing, now: Now) -> RedirectResponse:
    """Open a submission in the pages of its task."""
    corrections.begin(session, person, task_id, now)
    return go(task_address(request, task_id))


@router.post("/label/tasks/{task_id}/correct/leave")
def leave_correction(request: Request, task_id: TaskId, person: Worker, session: Writing) -> RedirectResponse:
    corrections.leave(session, person, task_id)
    tell(request, _("What you submitted stands as it was."))
    return go("/label")
