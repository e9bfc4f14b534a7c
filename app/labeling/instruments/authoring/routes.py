from fastapi import APIRouter
from fastapi.responses import Response
from starlette.requests import Request

from app.labeling.annotations import reservation
from app.labeling.annotations.forms import edit_of
from app.labeling.annotations.routing import COUNTS_TIME, TaskRoute, Worker, saved
from app.labeling.annotations.rules.drafts import AUTHORED
from app.labeling.instruments.authoring import service
from app.labeling.instruments.authoring.forms import authored_of
from app.labeling.instruments.authoring.rules import PLAIN
from app.web.addresses import TaskId, task_address
from app.web.posted import Lists, last_of
from app.web.render import go
from app.web.requests import Now, Writing

router = APIRouter(route_class=TaskRoute)


@router.post("/label/tasks/{task_id}/authored", dependencies=COUNTS_TIME)
def save_authored(
    request: Request, task_id: TaskId, *, person: Worker, session: Writing, now: Now, lists: Lists
) -> Response:
    form = reservation.work_for(session, person, task_id).task.campaign.prompt_form or PLAIN
    edit = edit_of(last_of(lists))
    work = service.save_authored(session, person, task_id, now, authored_of(lists, form), edit)
    if "autosave" in lists:
        return saved(work, AUTHORED)
    return go(task_address(request, task_id))
