from fastapi import APIRouter
from fastapi.responses import Response
from starlette.requests import Request

from app.labeling.annotations.forms import edit_of
from app.labeling.annotations.routing import COUNTS_TIME, TaskRoute, Worker, is_autosave, saved
from app.labeling.annotations.rules.drafts import RANKS
from app.labeling.instruments.pairwise import service
from app.labeling.instruments.pairwise.forms import step_of
from app.web.addresses import TaskId, task_address
from app.web.posted import Fields
from app.web.render import go
from app.web.requests import Now, Writing

router = APIRouter(route_class=TaskRoute)


@router.post("/label/tasks/{task_id}/preference", dependencies=COUNTS_TIME)
def save_preference(
    request: Request, task_id: TaskId, *, person: Worker, session: Writing, now: Now, fields: Fields
) -> Response:
    """Keep which answer is better, and by how much."""
    work = service.save_step(session, person, task_id, now, step_of(fields), edit_of(fields))
    if is_autosave(request, fields):
        return saved(work, RANKS)
    return go(task_address(request, task_id))
