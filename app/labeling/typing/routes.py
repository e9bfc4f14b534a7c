import re
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse

from app.labeling.typing import service
from app.language import gettext as _
from app.models import Person
from app.roles import may
from app.web.render import go, tell
from app.web.requests import Now, Writing, needs

router = APIRouter()
Labeler = Annotated[Person, Depends(needs(lambda role: may(role, "annotate")))]


@router.post("/label/campaigns/{campaign_id}/counting")
def answer(
    request: Request,
    campaign_id: int,
    person: Labeler,
    session: Writing,
    now: Now,
    *,
    agree: Annotated[str, Form()] = "",
    task: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Keep whether a person agrees to be counted, and go back to the task they came from."""
    agreed = agree == "yes"
    service.answer(session, person, campaign_id, now, agreed=agreed)
    tell(request, _("From now on it is counted.") if agreed else _("Nothing is counted; what was counted is deleted."))
    return go(task if re.fullmatch(r"/label/tasks/\d{1,10}", task) else "/label")
