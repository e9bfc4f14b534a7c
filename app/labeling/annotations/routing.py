"""How the addresses of tasks are served, whichever instrument they belong to."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from fastapi.routing import APIRoute

from app.errors import DomainError
from app.labeling.annotations import activity, reservation
from app.labeling.annotations.desk import Refused, desk_of, seat_at
from app.labeling.annotations.drafts import SavedElsewhere
from app.labeling.annotations.reservation import Work
from app.labeling.typing import service as typing_service
from app.language import gettext as _
from app.models import Person
from app.models.base import utc_now
from app.roles import may
from app.web.addresses import TaskId, task_meant
from app.web.posted import Fields, lists_of
from app.web.render import render
from app.web.requests import Now, database_of, needs, signed_in, wants_json
from app.web.uploads import TooLargeError

Labeler = Annotated[Person, Depends(needs(lambda role: may(role, "annotate")))]
Worker = Annotated[Person, Depends(needs(lambda role: may(role, "work_on_tasks")))]
"""Labelers, and those who are being screened: they have tasks, but no other page of a labeler's."""


class TaskRoute(APIRoute):
    """Shows the page of the task, with a sentence, where what was sent from it is too large or comes too late.

    Scripts get the sentence alone, and keep the page as it is.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_or_show_again(request: Request) -> Response:
            try:
                return await handle(request)
            except TooLargeError as error:
                if "task_id" not in request.path_params or wants_json(request):
                    raise
                return await run_in_threadpool(_shown_again, request, _(error.sentence, **error.values), 413, None)
            except SavedElsewhere as error:
                if wants_json(request):
                    raise
                return await run_in_threadpool(_shown_again, request, str(error), 409, lists_of(await request.form()))

        return handle_or_show_again


def _count_time(request: Request, task_id: TaskId, *, person: Worker, now: Now, fields: Fields) -> None:
    """Count the active time that comes along with what is saved; a wrong one never stands in the way of the work."""
    if "active_view" not in fields:
        return
    try:
        with database_of(request).transaction() as session:
            activity.keep(session, person, task_id, now, **reported(fields))
    except DomainError:
        return


def reported(fields: dict[str, str]) -> dict[str, str]:
    return {"view": fields.get("active_view", ""), "seconds": fields.get("active_seconds", "")}


def _count_typing(request: Request, task_id: TaskId, *, person: Worker, fields: Fields) -> None:
    """Keep what the page counted of the typing, where its person agreed; it never stands in the way of the work."""
    if "typing_view" not in fields:
        return
    try:
        with database_of(request).transaction() as session:
            task = reservation.work_for(session, person, task_id).task
            counts = fields.get("typing_counts", "")
            typing_service.keep(session, person, task, view=fields["typing_view"], given=counts)
    except DomainError:
        return


COUNTS_TIME = [Depends(_count_time), Depends(_count_typing)]


def is_autosave(request: Request, fields: dict[str, str]) -> bool:
    return bool(fields.get("autosave")) or "hx-request" in request.headers


def saved(work: Work, part: str) -> Response:
    """The answer to a script: how often this part of the draft was saved."""
    return Response(status_code=204, headers={"Draft-Revision": str(work.revisions.get(part, 0))})


def _shown_again(request: Request, sentence: str, status: int, posted: Mapping[str, list[str]] | None) -> Response:
    """The page of a task with what it holds, or with the text that was posted, and what is wrong."""
    person, now = signed_in(request), utc_now()
    with database_of(request).reading() as session:
        work = reservation.work_for(session, person, task_meant(request, int(request.path_params["task_id"])))
        refused = Refused(sentence, {}, posted)
        page = desk_of(work.task.campaign).shown_again(seat_at(session, person, work, now), refused)
        return render(request, page, status)
