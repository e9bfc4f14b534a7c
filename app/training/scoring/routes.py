import shutil
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette.background import BackgroundTask

from app.errors import DomainError, Invalid, NotFound
from app.language import gettext as _
from app.material.files.fields import unused_told
from app.models import Person
from app.roles import may
from app.scratch import scratch
from app.settings import Settings
from app.training.registry import service as registry
from app.training.scoring import exports, rules, service
from app.training.scoring.items import Gathered, NotTakenError
from app.training.scoring.pages import (
    MOST_FIELDS,
    ScorePage,
    ScoringPage,
    ScoringRow,
    ScoringState,
    axis_of,
    card_of,
)
from app.web.forms import whole_number
from app.web.paging import Paging
from app.web.render import go, render, tell
from app.web.requests import AppSettings, Reading, Writing, database_of, needs

router = APIRouter()
Scorer = Annotated[Person, Depends(needs(lambda role: may(role, "score")))]
LISTED = 20
SHOWN_ITEMS = 20


@router.get("/score")
def score_form(
    request: Request, session: Reading, settings: AppSettings, _scorer: Scorer, model: int | None = None, page: int = 1
) -> HTMLResponse:
    return render(request, _form_page(session, settings, page, chosen=model))


def _form_page(
    session: Session,
    settings: Settings,
    number: int = 1,
    *,
    chosen: int | None = None,
    prompt: str = "",
    answers: tuple[str, ...] = (),
    error: DomainError | None = None,
) -> ScorePage:
    paging = Paging(number, service.count(session), {"model": str(chosen or "")}, LISTED)
    return ScorePage(
        models=registry.models(session, ("reward",)),
        rows=[ScoringRow(*row) for row in service.recent(session, paging.size, paging.offset)],
        paging=paging,
        limit_mb=settings.upload_limit_mb,
        chosen=chosen,
        prompt=prompt,
        answers=answers,
        error=str(error) if error else "",
        problems=error.fields if isinstance(error, Invalid) else None,
    )


@router.post("/score")
def order_scores(
    request: Request,
    settings: AppSettings,
    scorer: Scorer,
    model: Annotated[str, Form()] = "",
    prompt: Annotated[str, Form()] = "",
    answer: Annotated[list[str] | None, Form()] = None,
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Queue what was typed, or what stands in a file, and show how it gets on."""
    typed = tuple(text for text in answer or () if text.strip())
    try:
        named = whole_number(model, _("The model")) if model else None
        if named is None:
            raise Invalid(_("Choose a reward model. If there is none, train one under Runs first."))
        with database_of(request).reading() as session:
            service.reward_model_for(session, named)
        gathered, source, title = _what_was_sent(prompt, typed, file)
        asked = service.freeze(settings, gathered, source, title)
        with database_of(request).transaction() as session:
            scoring = service.order(session, scorer, service.reward_model_for(session, named), asked)
            scoring_id = scoring.id
    except DomainError as error:
        chosen = int(model) if model.isdecimal() and len(model) < 10 else None
        with database_of(request).reading() as session:
            page = _form_page(session, settings, chosen=chosen, prompt=prompt, answers=typed, error=error)
            return render(request, page, error.status)
    if unused := unused_told(gathered.unused):
        tell(request, unused)
    return go(f"/score/{scoring_id}")


def _what_was_sent(prompt: str, typed: tuple[str, ...], file: UploadFile | None) -> tuple[Gathered, str, str]:
    """The request, the way it came and its title: either a file or what was typed, never both."""
    uploaded = file is not None and bool(file.filename)
    if uploaded and (prompt.strip() or typed):
        raise Invalid(
            _("You typed something and chose a file. Empty the one or the other, so that it is clear what counts.")
        )
    if file is not None and uploaded:
        name = file.filename or "file"
        with scratch() as folder:
            path = folder / "upload"
            with path.open("wb") as target:
                shutil.copyfileobj(file.file, target, 1 << 20)
            return service.read_file(path, name), "file", name
    if not prompt.strip():
        raise Invalid(_("Type a prompt, or choose a file."), {"prompt": "is empty"})
    if not typed:
        raise Invalid(_("Type at least one answer, or choose a file."), {"answer": "is empty"})
    if len(typed) > MOST_FIELDS:
        raise Invalid(_("The page takes %(number)s answers at a time. Put more into a file.", number=MOST_FIELDS))
    gathered = Gathered()
    try:
        # A browser sends line ends as CR LF; people and models write LF.
        gathered.add(None, prompt.replace("\r\n", "\n"), [(None, text.replace("\r\n", "\n")) for text in typed])
    except NotTakenError as problem:
        raise Invalid(_("This cannot be scored: %(problem)s", problem=problem.refusal)) from None
    return gathered, "page", ""


@router.get("/score/{scoring_id}")
def show_scoring(
    request: Request, scoring_id: int, session: Reading, settings: AppSettings, scorer: Scorer, page: int = 1
) -> HTMLResponse:
    return render(request, ScoringPage(_state(session, settings, scorer, scoring_id, page)))


@router.get("/score/{scoring_id}/state")
def scoring_state(
    request: Request, scoring_id: int, session: Reading, settings: AppSettings, scorer: Scorer, page: int = 1
) -> HTMLResponse:
    return render(request, _state(session, settings, scorer, scoring_id, page))


def _state(session: Session, settings: Settings, scorer: Person, scoring_id: int, number: int) -> ScoringState:
    scoring = service.scoring_for(session, scorer, scoring_id)
    run = service.run_of(session, scoring)
    paging = Paging(number, scoring.items, {}, SHOWN_ITEMS)
    results = service.results_of(settings, scoring)
    done = run.status == "succeeded"
    cards = [card_of(item) for item in results.items(paging.offset, paging.size)] if done else []
    return ScoringState(
        scoring=scoring,
        run=run,
        model=service.model_of(session, scoring),
        waiting_before=service.waiting_before(session, run) if run.status == "queued" else 0,
        may_stop=scoring.person_id == scorer.id or may(scorer.role, "train"),
        cards=cards,
        axis=axis_of(cards),
        heads=results.heads() if done else [],
        notes=results.notes() if done else [],
        paging=paging,
    )


@router.get("/score/{scoring_id}/download/{fmt}")
def download(scoring_id: int, fmt: str, session: Reading, settings: AppSettings, scorer: Scorer) -> FileResponse:
    """All scores of a request as a file, with what was asked beside them."""
    if fmt not in rules.FORMATS:
        raise NotFound(_("There is no page at this address."))
    scoring = service.scoring_for(session, scorer, scoring_id)
    service.check_finished(service.run_of(session, scoring))
    with ExitStack() as made:
        path = made.enter_context(scratch()) / f"scores.{fmt}"
        exports.write_scores(service.results_of(settings, scoring), path, fmt)
        done = BackgroundTask(made.pop_all().close)
    return FileResponse(path, filename=f"scores-{scoring.id}.{fmt}", background=done)


@router.post("/score/{scoring_id}/cancel")
def cancel(
    request: Request, scoring_id: int, session: Writing, settings: AppSettings, scorer: Scorer
) -> RedirectResponse:
    service.cancel(session, settings, scorer, scoring_id)
    tell(request, _("The scoring is being stopped."))
    return go(f"/score/{scoring_id}")
