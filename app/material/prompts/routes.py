from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from app.errors import Invalid
from app.language import gettext as _
from app.material.prompts import service
from app.material.prompts.pages import (
    OrderRow,
    PoolPage,
    PoolRow,
    PromptPage,
    lettered,
)
from app.models import Person
from app.roles import may
from app.web.paging import Paging
from app.web.render import go, render, tell
from app.web.requests import Reading, Writing, needs
from trainer.statistics.weak_orders import weak_order

router = APIRouter()
Reader = Annotated[Person, Depends(needs(lambda role: may(role, "see_prompts")))]
SHOWN = 100  # answers, rankings and demonstrations on one page; the counts beside them are of all


@router.get("/prompts")
def pool(
    request: Request,
    session: Reading,
    _reader: Reader,
    q: str = "",
    source: str = "",
    use_case: str = "",
    sensitive: str = "",
    page: int = 1,
) -> HTMLResponse:
    search = q.strip()[:500]
    total = service.pool_size(session, search, source, use_case, sensitive)
    paging = Paging(page, total, {"q": search, "source": source, "use_case": use_case, "sensitive": sensitive})
    prompts = service.pool(session, search, source, use_case, sensitive, limit=paging.size, offset=paging.offset)
    ids = [prompt.id for prompt in prompts]
    counts = service.counts_by_prompt(session, ids)
    rows = [PoolRow(prompt, *counts[prompt.id]) for prompt in prompts]
    warnings, sources = service.warnings_of(session, ids), service.sources(session)
    return render(request, PoolPage(rows, paging, sources, search, source, use_case, sensitive, warnings))


@router.get("/prompts/{prompt_id}")
def show(request: Request, session: Reading, _reader: Reader, prompt_id: int) -> HTMLResponse:
    prompt = service.prompt_for(session, prompt_id=prompt_id)
    letters = service.letters_of(session, prompt_id=prompt_id)
    return render(
        request,
        PromptPage(
            prompt,
            lettered(service.candidates_of(session, prompt_id, SHOWN), letters),
            [
                OrderRow(
                    weak_order({letters[r.candidate_id]: r.rank for r in annotation.ranks}),
                    annotation,
                    campaign,
                )
                for annotation, campaign in service.rankings_of(session, prompt_id, SHOWN)
            ],
            service.demonstrations_of(session, prompt_id, SHOWN),
            service.counts_by_prompt(session, [prompt_id])[prompt_id],
            service.warnings_of(session, [prompt_id]).get(prompt_id, {}),
        ),
    )


@router.post("/prompts/{prompt_id}/sensitive")
def mark_sensitive(
    request: Request, session: Writing, reader: Reader, prompt_id: int, sensitive: Annotated[str, Form()] = ""
) -> Response:
    if sensitive not in ("yes", "no"):
        raise Invalid(_("Say whether the prompt is sensitive: yes or no."))
    marked = service.mark_sensitive(session, reader, prompt_id=prompt_id, sensitive=sensitive == "yes").sensitive
    tell(
        request,
        _("Marked as sensitive: labelers are warned before they read it.")
        if marked
        else _("Not sensitive: its tasks open without a warning."),
    )
    return go(f"/prompts/{prompt_id}")


@router.post("/prompts/{prompt_id}/high-stakes")
def mark_high_stakes(
    request: Request, session: Writing, reader: Reader, prompt_id: int, high_stakes: Annotated[str, Form()] = ""
) -> Response:
    if high_stakes not in ("yes", "no"):
        raise Invalid(_("Say whether much hangs on an answer: yes or no."))
    service.mark_high_stakes(session, reader, prompt_id=prompt_id, high_stakes=high_stakes == "yes")
    tell(
        request,
        _("Marked as high stakes: labelers see it, and for evaluation labels the exception does not hold.")
        if high_stakes == "yes"
        else _("Not high stakes: labelers decide by the guideline."),
    )
    return go(f"/prompts/{prompt_id}")
