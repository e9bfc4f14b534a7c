"""Where the parts of a verdict are saved: the labels of the prompt, each answer, and the order."""

from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.labeling.annotations import drafts, reservation
from app.labeling.annotations.desk import desk_of, seat_at
from app.labeling.annotations.forms import (
    edit_of,
    none_acceptable_of,
    prompt_labels_of,
    ranks_of,
    schema_version_of,
    verdict_of,
)
from app.labeling.annotations.home_routes import Worker
from app.labeling.annotations.judging import Judging
from app.labeling.annotations.reservation import Work
from app.labeling.annotations.routing import COUNTS_TIME, TaskRoute, is_autosave, saved
from app.labeling.annotations.rules.drafts import RANKS
from app.labeling.annotations.rules.submission import labels_changed, open_in_verdict
from app.language import gettext as _
from app.material.schemas.rules import PROMPT
from app.models import Person
from app.web.addresses import TaskId, task_address
from app.web.posted import Fields
from app.web.render import go, render, tell
from app.web.requests import Now, Reading, Writing

router = APIRouter(route_class=TaskRoute)


def _judging(work: Work) -> Judging:
    """The instrument of a task in which answers are judged on the board.

    Raises:
        NotFound: it is none.
    """
    desk = desk_of(work.task.campaign)
    if not isinstance(desk, Judging):
        raise NotFound(_("This task asks for something else. Reload the page."))
    return desk


@router.post("/label/tasks/{task_id}/answers/{candidate_id}", dependencies=COUNTS_TIME)
def save_answer(
    request: Request, task_id: TaskId, candidate_id: int, *, person: Worker, session: Writing, now: Now, fields: Fields
) -> Response:
    shown, verdict = schema_version_of(fields), verdict_of(fields)
    work = drafts.save_answer(
        session, person, task_id, candidate_id, now, verdict=verdict, shown=shown, edit=edit_of(fields)
    )
    number = work.order.index(candidate_id) + 1
    if shown != work.version:
        return _questions_changed(request, session, person, work, now, fields, answer=number)
    if is_autosave(request, fields):
        return saved(work, str(candidate_id))
    if candidate_id in work.unfinished:
        error = " ".join(open_in_verdict(verdict, work.submission.prompt_labels, work.schema, rated=work.rated))
        page = _judging(work).page(seat_at(session, person, work, now), answer=number, error=error)
        return render(request, page, 422)
    if work.unfinished:
        return go(f"{task_address(request, task_id)}?answer={_following(work, number)}")
    return go(f"{task_address(request, task_id)}/rank")


def _following(work: Work, number: int) -> int:
    """The next unfinished answer after this one, going round."""
    open_numbers = sorted(work.order.index(candidate) + 1 for candidate in work.unfinished)
    return next((n for n in open_numbers if n > number), open_numbers[0])


def _questions_changed(
    request: Request,
    session: Session,
    person: Person,
    work: Work,
    now: datetime,
    fields: dict[str, str],
    *,
    answer: int | None = None,
) -> Response:
    """Say that the page showed other questions than the campaign asks now. What was sent is in the draft already."""
    if is_autosave(request, fields):
        changed = labels_changed(work.outdated, work.letters)
        return JSONResponse(
            {"error": _("%(changed)s Reload the page to see them.", changed=changed), "kept": True}, 409
        )
    return render(request, _judging(work).page(seat_at(session, person, work, now), answer=answer), 409)


@router.post("/label/tasks/{task_id}/prompt-labels", dependencies=COUNTS_TIME)
def save_prompt_labels(
    request: Request, task_id: TaskId, *, person: Worker, session: Writing, now: Now, fields: Fields
) -> Response:
    shown = schema_version_of(fields)
    work = drafts.save_prompt_labels(
        session, person, task_id, now, prompt_labels_of(fields), shown=shown, edit=edit_of(fields)
    )
    if shown != work.version:
        return _questions_changed(request, session, person, work, now, fields)
    if is_autosave(request, fields):
        return saved(work, PROMPT)
    return go(task_address(request, task_id))


@router.get("/label/tasks/{task_id}/rank")
def show_ranking(request: Request, task_id: TaskId, person: Worker, session: Reading, now: Now) -> Response:
    try:
        work = reservation.work_for(session, person, task_id)
    except Conflict as error:
        tell(request, str(error))
        return go("/label")
    desk = desk_of(work.task.campaign)
    if not isinstance(desk, Judging):
        return go(task_address(request, task_id))
    if missing := work.before_ranking:
        tell(request, _("The ranking is still locked. %(missing)s", missing=" ".join(missing)))
        return go(task_address(request, task_id))
    return render(request, desk.board(seat_at(session, person, work, now)))


@router.post("/label/tasks/{task_id}/ranks", dependencies=COUNTS_TIME)
def save_ranks(
    request: Request, task_id: TaskId, *, person: Worker, session: Writing, now: Now, fields: Fields
) -> Response:
    none = none_acceptable_of(fields)
    work = drafts.save_ranks(
        session, person, task_id, now, ranks_of(fields), none_acceptable=none, edit=edit_of(fields)
    )
    if is_autosave(request, fields):
        return saved(work, RANKS)
    return go(f"{task_address(request, task_id)}/rank")
