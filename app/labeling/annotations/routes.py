from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from sqlalchemy.orm import Session

from app.errors import Conflict, DomainError, Invalid
from app.labeling.annotations import activity, corrections, drafts, holding, service, skips, writing
from app.labeling.annotations.bench_pages import Bench, CorrectPage, SkipForm, bench_of
from app.labeling.annotations.drafts import SavedElsewhere
from app.labeling.annotations.forms import (
    authored_of,
    edit_of,
    none_acceptable_of,
    prompt_labels_of,
    ranks_of,
    schema_version_of,
    verdict_of,
)
from app.labeling.annotations.holding import Work
from app.labeling.annotations.home_routes import Worker, called, done_today, offer
from app.labeling.annotations.pages import (
    Answer,
    AuthoringPage,
    DemonstrationPage,
    RankingPage,
    RatingPage,
    ToxicityPage,
    answers_of,
    preview_of_authored,
    preview_of_text,
)
from app.labeling.annotations.queries import submissions
from app.labeling.annotations.rules.drafts import AUTHORED, RANKS, TEXT, Edit
from app.labeling.annotations.rules.ranking import ranks_from_ratings
from app.labeling.annotations.rules.submission import labels_changed, open_in_verdict
from app.labeling.annotations.service import LabelsChanged
from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.orders import stored_order
from app.labeling.campaigns.rules.authoring import PLAIN, USER_BASED, Authored, too_long
from app.labeling.campaigns.rules.campaigns import (
    WRITTEN,
    is_reviewed,
)
from app.labeling.campaigns.rules.toxicity import proposed_ranks
from app.labeling.telemetry import service as telemetry
from app.language import gettext as _
from app.material.guidelines.views import guide_of
from app.material.scenarios import service as scenarios
from app.material.schemas.rules import PROMPT
from app.models import Person
from app.models.base import utc_now
from app.roles import may
from app.web.addresses import TaskId, task_address, task_meant
from app.web.posted import Fields, Lists, lists_of
from app.web.render import Page, Undo, go, render, tell
from app.web.requests import Now, Reading, Writing, database_of, signed_in, wants_json
from app.web.uploads import TooLargeError


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


router = APIRouter(route_class=TaskRoute)


def _count_time(request: Request, task_id: TaskId, *, person: Worker, now: Now, fields: Fields) -> None:
    """Count the active time that comes along with what is saved; a wrong one never stands in the way of the work."""
    if "active_view" not in fields:
        return
    try:
        with database_of(request).transaction() as session:
            activity.keep(session, person, task_id, now, **_reported(fields))
    except DomainError:
        return


def _reported(fields: dict[str, str]) -> dict[str, str]:
    return {"view": fields.get("active_view", ""), "seconds": fields.get("active_seconds", "")}


def _count_typing(request: Request, task_id: TaskId, *, person: Worker, fields: Fields) -> None:
    """Keep what the page counted of the typing, where its person agreed; it never stands in the way of the work."""
    if "typing_view" not in fields:
        return
    try:
        with database_of(request).transaction() as session:
            task = holding.work_for(session, person, task_id).task
            given = fields.get("typing_counts", "")
            telemetry.keep(session, person, task, view=fields["typing_view"], given=given)
    except DomainError:
        return


COUNTS_TIME = [Depends(_count_time), Depends(_count_typing)]


# The labeler's day -------------------------------------------------------------------------------


# One task ----------------------------------------------------------------------------------------


@router.get("/label/tasks/{task_id}")
def show_task(
    request: Request, task_id: TaskId, *, person: Worker, session: Reading, now: Now, answer: int | None = None
) -> Response:
    try:
        work = holding.work_for(session, person, task_id)
    except Conflict as error:
        tell(request, str(error))
        return go("/label")
    return render(request, _instrument(session, person, work, now, answer=answer))


def _instrument(
    session: Session,
    person: Person,
    work: Work,
    now: datetime,
    *,
    answer: int | None = None,
    error: str = "",
    skip: SkipForm | None = None,
) -> Page:
    """The page of a task: the text to write, or the answer to rate (the chosen one, else the first unrated)."""
    bench = _bench(session, person, work, now, skip)
    if work.task.campaign.kind in WRITTEN:
        return _writing_page(session, work, bench, unplaced=error)
    answers, unfinished = answers_of(work), work.unfinished
    first_open = next((a.number for a in answers if a.candidate_id in unfinished), 1)
    number = answer if answer and 1 <= answer <= len(answers) else first_open
    form = ToxicityPage if work.task.campaign.kind == "toxicity" else RatingPage
    return form(
        bench=bench,
        answers=answers,
        answer=answers[number - 1],
        schema=work.schema,
        prompt_labels=work.submission.prompt_labels,
        unfinished=unfinished,
        changed=labels_changed(work.outdated, work.letters) if work.outdated else "",
        error=error,
    )


def _writing_page(
    session: Session,
    work: Work,
    bench: Bench,
    posted: Lists | None = None,
    problems: Mapping[str, str] | None = None,
    unplaced: str = "",
) -> Page:
    """The page to write on, with what the draft holds, or with what was just posted and what is wrong with it."""
    problems = problems or {}
    counting = telemetry.counting_for(session, work.task.campaign_id, work.draft.person_id)
    if work.task.campaign.kind == "demonstration":
        text = work.draft.content.get("text", "") if posted is None else posted.get("text", [""])[-1]
        preview = preview_of_text(work, text if len(text) <= DemonstrationPage.longest else "")
        return DemonstrationPage(bench, text, preview, work.returned, problems, unplaced, counting)
    form = work.task.campaign.prompt_form or PLAIN
    authored = writing.authored_of(work) if posted is None else authored_of(posted, form)
    offers = scenarios.offers_with(session, work.task.scenario) if form == USER_BASED else []
    preview = preview_of_authored(Authored(form) if too_long(authored) else authored)
    return AuthoringPage(bench, authored, offers, preview, work.returned, problems, unplaced, counting)


def _shown_again(request: Request, sentence: str, status: int, posted: Lists | None) -> Response:
    """The page of a task with what it holds, or with the text that was posted, and what is wrong."""
    person, now = signed_in(request), utc_now()
    with database_of(request).reading() as session:
        work = holding.work_for(session, person, task_meant(request, int(request.path_params["task_id"])))
        kind = work.task.campaign.kind
        if kind not in WRITTEN:
            return render(request, _instrument(session, person, work, now, error=sentence), status)
        beside = {"answer": sentence} if kind == "demonstration" else {}
        bench = _bench(session, person, work, now)
        return render(request, _writing_page(session, work, bench, posted, beside, "" if beside else sentence), status)


def _bench(session: Session, person: Person, work: Work, now: datetime, skip: SkipForm | None = None) -> Bench:
    guide = guide_of(session, person, work.task.campaign, work.task.id)
    if not may(person.role, "annotate"):
        guide = guide.for_a_test()
    return bench_of(work, person, now, done_today(session, person, now), guide, skip or SkipForm())


def _ranking_page(
    session: Session, person: Person, work: Work, now: datetime, refused: DomainError | None = None
) -> RankingPage:
    answers = answers_of(work)
    return RankingPage(
        bench=_bench(session, person, work, now),
        answers=answers,
        proposal=_proposal(work, answers),
        none_acceptable=work.submission.none_acceptable,
        error=str(refused or ""),
        problems=refused.fields if isinstance(refused, Invalid) else {},
    )


def _proposal(work: Work, answers: Sequence[Answer]) -> dict[int, int]:
    """The order that follows from what was said of each answer; a person has to confirm it."""
    if work.rated:
        return ranks_from_ratings({a.candidate_id: a.verdict.likert or 0 for a in answers})
    return proposed_ranks({a.candidate_id: a.scores for a in answers if a.scores})


def _is_autosave(request: Request, fields: dict[str, str]) -> bool:
    return bool(fields.get("autosave")) or "hx-request" in request.headers


def _saved(work: Work, part: str) -> Response:
    """The answer to a script: how often this part of the draft was saved."""
    return Response(status_code=204, headers={"Draft-Revision": str(work.revisions.get(part, 0))})


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
    if _is_autosave(request, fields):
        return _saved(work, str(candidate_id))
    if candidate_id in work.unfinished:
        error = " ".join(open_in_verdict(verdict, work.submission.prompt_labels, work.schema, rated=work.rated))
        return render(request, _instrument(session, person, work, now, answer=number, error=error), 422)
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
    if _is_autosave(request, fields):
        changed = labels_changed(work.outdated, work.letters)
        return JSONResponse(
            {"error": _("%(changed)s Reload the page to see them.", changed=changed), "kept": True}, 409
        )
    return render(request, _instrument(session, person, work, now, answer=answer), 409)


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
    if _is_autosave(request, fields):
        return _saved(work, PROMPT)
    return go(task_address(request, task_id))


@router.get("/label/tasks/{task_id}/rank")
def show_ranking(request: Request, task_id: TaskId, person: Worker, session: Reading, now: Now) -> Response:
    try:
        work = holding.work_for(session, person, task_id)
    except Conflict as error:
        tell(request, str(error))
        return go("/label")
    if (missing := work.before_ranking) or not work.order:
        if work.order:
            tell(request, _("The ranking is still locked. %(missing)s", missing=" ".join(missing)))
        return go(task_address(request, task_id))
    return render(request, _ranking_page(session, person, work, now))


@router.post("/label/tasks/{task_id}/ranks", dependencies=COUNTS_TIME)
def save_ranks(
    request: Request, task_id: TaskId, *, person: Worker, session: Writing, now: Now, fields: Fields
) -> Response:
    none = none_acceptable_of(fields)
    work = drafts.save_ranks(
        session, person, task_id, now, ranks_of(fields), none_acceptable=none, edit=edit_of(fields)
    )
    if _is_autosave(request, fields):
        return _saved(work, RANKS)
    return go(f"{task_address(request, task_id)}/rank")


@router.post("/label/tasks/{task_id}/text", dependencies=COUNTS_TIME)
def save_text(
    request: Request, task_id: TaskId, *, person: Worker, session: Writing, now: Now, fields: Fields
) -> Response:
    work = writing.save_text(session, person, task_id, now, fields.get("text", ""), edit_of(fields))
    if _is_autosave(request, fields):
        return _saved(work, TEXT)
    return go(task_address(request, task_id))


@router.post("/label/tasks/{task_id}/authored", dependencies=COUNTS_TIME)
def save_authored(
    request: Request, task_id: TaskId, *, person: Worker, session: Writing, now: Now, lists: Lists
) -> Response:
    authored = _authored(session, person, task_id, lists)
    work = writing.save_authored(session, person, task_id, now, authored, _edit_of(lists))
    if "autosave" in lists:
        return _saved(work, AUTHORED)
    return go(task_address(request, task_id))


def _edit_of(lists: Lists) -> Edit | None:
    return edit_of({name: values[-1] for name, values in lists.items()})


def _authored(session: Session, person: Person, task_id: int, lists: Lists) -> Authored:
    """What was posted, in the form that the task's campaign asks for."""
    return authored_of(lists, holding.work_for(session, person, task_id).task.campaign.prompt_form or PLAIN)


@router.post("/label/tasks/{task_id}/preview")
def preview(request: Request, task_id: TaskId, *, person: Worker, session: Reading, lists: Lists) -> Response:
    """What would come of the text as it stands; nothing is kept.

    One that arrives after the submission that was sent behind it has nothing to show any more.
    """
    try:
        work = holding.work_for(session, person, task_id)
    except Conflict:
        return Response(status_code=204)
    if work.task.campaign.kind != "authoring":
        return render(request, preview_of_text(work, writing.checked(lists.get("text", [""])[-1])))
    authored = authored_of(lists, work.task.campaign.prompt_form or PLAIN)
    writing.check_length(authored)
    return render(request, preview_of_authored(authored))


@router.post("/label/tasks/{task_id}/renew", dependencies=COUNTS_TIME)
def renew(task_id: TaskId, person: Worker, session: Writing, now: Now) -> Response:
    holding.renew(session, person, task_id, now)
    return Response(status_code=204)


@router.post("/label/tasks/{task_id}/activity")
def count_time(task_id: TaskId, *, person: Worker, session: Writing, now: Now, fields: Fields) -> Response:
    """Take in the active time that a page has counted; see ``app.labeling.annotations.rules.activity``."""
    activity.keep(session, person, task_id, now, **_reported(fields))
    return Response(status_code=204)


@router.post("/label/tasks/{task_id}/veil")
def show_texts(
    request: Request, task_id: TaskId, *, person: Worker, session: Writing, now: Now, fields: Fields
) -> Response:
    """Uncover the texts of a task that opened blurred (``shown=yes``), or cover them again."""
    if (shown := fields.get("shown")) not in ("yes", "no"):
        raise Invalid(_("Say whether the texts are to be shown: yes or no."))
    holding.show_texts(session, person, task_id, now, shown=shown == "yes")
    if _is_autosave(request, fields):
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
            work = holding.work_for(session, person, task_id)
            form = SkipForm(reason, note, str(error))
            return render(request, _instrument(session, person, work, now, skip=form), error.status)
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
        versions=submissions.versions_of(session, annotation.id),
        begun=submissions.draft_for(session, person.id, task_id) is not None,
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


@router.post("/label/tasks/{task_id}/submit", dependencies=COUNTS_TIME)
def submit(request: Request, task_id: TaskId, *, person: Worker, now: Now, fields: Fields, lists: Lists) -> Response:
    """Store the verdict; first what was posted as a draft, so that a refusal loses nothing."""
    database = database_of(request)
    _keep_posted(request, person, task_id, now, fields, lists)
    if fields.get("compare_with_ratings") and (asking := _contradicted(request, person, task_id, now)):
        return render(request, asking)
    try:
        with database.transaction() as session:
            told, campaign_id = _store(session, person, task_id, now, fields, lists)
    except (writing.Unfinished, writing.InPool) as error:
        with database.reading() as session:
            work = holding.work_for(session, person, task_id)
            page = _writing_page(session, work, _bench(session, person, work, now), lists, error.fields)
            return render(request, page, error.status)
    except (Invalid, LabelsChanged) as error:
        with database.reading() as session:
            work = holding.work_for(session, person, task_id)
            page = _instrument(session, person, work, now, error=str(error))
            if isinstance(page, RatingPage) and not work.before_ranking:
                page = _ranking_page(session, person, work, now, error)
            return render(request, page, error.status)
    tell(request, told)
    if fields.get("then") != "next":
        return go("/label")
    with database.transaction() as session:
        return offer(request, person, session, now, campaign_id)


def _keep_posted(
    request: Request, person: Person, task_id: int, now: datetime, fields: dict[str, str], lists: Lists
) -> None:
    edit = edit_of(fields)
    try:
        with database_of(request).transaction() as session:
            if "text" in fields:
                writing.save_text(session, person, task_id, now, fields["text"], edit)
            elif "authored" in fields:
                authored = _authored(session, person, task_id, lists)
                writing.save_authored(session, person, task_id, now, authored, edit)
            elif any(name.startswith("rank-") for name in fields):
                possible = drafts.possible_ranks(holding.work_for(session, person, task_id), ranks_of(fields))
                none = none_acceptable_of(fields)
                drafts.save_ranks(session, person, task_id, now, possible, none_acceptable=none, edit=edit)
    except SavedElsewhere:
        raise
    except DomainError:
        return  # the submission itself will say what is wrong


def _contradicted(request: Request, person: Person, task_id: int, now: datetime) -> RankingPage | None:
    """Where no script points out, before sending, what stands against the ratings: the page that does, once."""
    with database_of(request).reading() as session:
        try:
            work = holding.work_for(session, person, task_id)
        except DomainError:
            return None  # the submission itself will say what is wrong
        page = _ranking_page(session, person, work, now)
        return replace(page, asks_again=True) if page.contradicted and not work.before_ranking else None


def _store(
    session: Session, person: Person, task_id: int, now: datetime, fields: dict[str, str], lists: Lists
) -> tuple[str, int]:
    if "text" in fields:
        annotation = writing.submit_demonstration(session, person, task_id, now, fields["text"])
        return _written(session, annotation.campaign_id), annotation.campaign_id
    if "authored" in fields:
        authored = _authored(session, person, task_id, lists)
        annotation = writing.submit_authored(session, person, task_id, now, authored)
        return _written(session, annotation.campaign_id), annotation.campaign_id
    draft = drafts.draft_submission(session, person, task_id)
    submission = replace(draft, ranks=ranks_of(fields), none_acceptable=none_acceptable_of(fields))
    annotation = service.submit(session, person, task_id, now, submission, shown=schema_version_of(fields))
    session.flush()
    session.refresh(annotation, ["ranks"])
    order = stored_order(annotation)
    if annotation.corrected_at:
        return _("Corrected: %(order)s. Thank you!", order=order), annotation.campaign_id
    return _("Submitted: %(order)s. Thank you!", order=order), annotation.campaign_id


def _written(session: Session, campaign_id: int) -> str:
    campaign = campaigns.campaign_for(session, campaign_id)
    if is_reviewed(campaign.purpose, needs_review=campaign.needs_review):
        return _("Submitted: a researcher reads your text before it is used. Thank you!")
    return _("Submitted: your text is stored. Thank you!")
