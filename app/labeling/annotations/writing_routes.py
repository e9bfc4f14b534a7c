"""What would come of a text as it stands."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.errors import Conflict, Invalid
from app.labeling.annotations import desk, reservation
from app.labeling.annotations.routing import TaskRoute, Worker
from app.labeling.annotations.writing import Writing
from app.language import gettext as _
from app.web.addresses import TaskId
from app.web.posted import Lists
from app.web.render import render
from app.web.requests import Reading

router = APIRouter(route_class=TaskRoute)


@router.post("/label/tasks/{task_id}/preview")
def preview(request: Request, task_id: TaskId, *, person: Worker, session: Reading, lists: Lists) -> Response:
    """What would come of the text as it stands; nothing is kept.

    One that arrives after the submission that was sent behind it has nothing to show any more.
    """
    try:
        work = reservation.work_for(session, person, task_id)
    except Conflict:
        return Response(status_code=204)
    instrument = desk.desk_of(work.task.campaign)
    if not isinstance(instrument, Writing):
        raise Invalid(_(instrument.sent_elsewhere))
    return render(request, instrument.preview(work, lists))
