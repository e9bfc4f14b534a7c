from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from sqlalchemy.orm import Session

from app.errors import Conflict, DomainError, Invalid, NotFound
from app.labeling.annotations import activity, campaigns, corrections, queries, service, skips, writing
from app.labeling.annotations.forms import (
    Fields,
    Lists,
    authored_of,
    edit_of,
    lists_of,
    none_acceptable_of,
    prompt_labels_of,
    ranks_of,
    schema_version_of,
    verdict_of,
)
from app.labeling.annotations.pages import (
    Answer,
    AuthoringPage,
    Bench,
    CampaignForMe,
    CorrectPage,
    DemonstrationPage,
    RankingPage,
    RatingPage,
    SkipForm,
    ToxicityPage,
    WorkPage,
    answers_of,
    bench_of,
    preview_of_authored,
    preview_of_text,
)
from app.labeling.annotations.queries import Progress
from app.labeling.annotations.rules.authoring import PLAIN, USER_BASED, Authored, too_long
from app.labeling.annotations.rules.campaigns import (
    WRITTEN,
    is_reviewed,
    name_for_labelers,
    priority_of,
    purposes_open_to,
)
from app.labeling.annotations.rules.drafts import AUTHORED, RANKS, TEXT, Edit
from app.labeling.annotations.rules.ranking import ranks_from_ratings
from app.labeling.annotations.rules.submission import labels_changed, open_in_verdict
from app.labeling.annotations.rules.toxicity import proposed_ranks
from app.labeling.annotations.service import LabelsChanged, SavedElsewhere, Work
from app.labeling.surveys import service as surveys
from app.labeling.typing import service as typing_service
from app.language import gettext as _
from app.language import said
from app.material.guidelines import service as guidelines
from app.material.guidelines.courses import course_before
from app.material.guidelines.pages import ConfirmPage
from app.material.guidelines.views import confirm_page, desk_of, guide_of
from app.material.scenarios import service as scenarios
from app.material.schemas.rules import PROMPT
from app.models import Campaign, Person
from app.models.base import utc_now
from app.roles import home_of, may
from app.web.addresses import TaskId, task_address, task_meant
from app.web.forms import whole_number
from app.web.render import Page, Undo, go, render, tell
from app.web.requests import Now, Reading, Writing, database_of, needs, signed_in, wants_json
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
Labeler = Annotated[Person, Depends(needs(lambda role: may(role, "annotate")))]
Worker = Annotated[Person, Depends(needs(lambda role: may(role, "work_on_tasks")))]
"""Labelers, and those who are being screened: they have tasks, but no other page of a labeler's."""


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
            task = service.work_for(session, person, task_id).task
            given = fields.get("typing_counts", "")
            typing_service.keep(session, person, task, view=fields["typing_view"], given=given)
    except DomainError:
        return


COUNTS_TIME = [Depends(_count_time), Depends(_count_typing)]


# The labeler's day -------------------------------------------------------------------------------


@router.get("/label")
def home(request: Request, person: Worker, session: Reading, now: Now) -> Response:
    if not may(person.role, "annotate"):
        return go(home_of(person.role))
    progress = queries.progress(session, now)
    known = queries.working_campaigns(session, purposes_open_to(person.role))
    measuring = set() if may(person.role, "adjudicate") else queries.measuring(session)
    mine = [
        _for_me(session, person, campaign, progress, now, counted=campaign.id not in measuring) for campaign in known
    ]
    done_ever = queries.annotated_since(session, person.id, datetime.min.replace(tzinfo=now.tzinfo))
    desk = desk_of(session, person, _called)
    returned = [(text, _called(text.annotation.task.campaign)) for text in queries.returned_texts(session, person.id)]
    return render(
        request,
        WorkPage(
            mine,
            _done_today(session, person, now),
            done_ever,
            desk,
            returned,
            surveys.offered(session, person),
            queries.talks_waiting(session, person.id),
        ),
    )


def _called(campaign: Campaign) -> str:
    return name_for_labelers(campaign.id, campaign.name, campaign.phase)


def _for_me(
    session: Session,
    person: Person,
    campaign: Campaign,
    progress: dict[int, Progress],
    now: datetime,
    *,
    counted: bool,
) -> CampaignForMe:
    held = queries.live_lease_of(session, person.id, [campaign.id], now)
    open_ids = [campaign.id] if campaign.status == "open" else []
    available = queries.slots_for(session, person.id, campaign.id, now) if open_ids else 0
    nothing = not held and not available
    version = guidelines.version_of(session, campaign)
    return CampaignForMe(
        campaign=campaign,
        name=_called(campaign),
        progress=progress.get(campaign.id, Progress()),
        mine_today=_done_today(session, person, now, campaign.id),
        available=available,
        held_task_id=held.task_id if held else None,
        guideline_number=version.number if version else None,
        guideline_to_confirm=guidelines.unconfirmed(session, person, campaign) is not None,
        course=course_before(session, person, campaign),
        counted=counted,
        why_nothing=service.why_nothing(session, person, now, open_ids, campaign.id) if nothing else "",
        spared=nothing and queries.slots_spared(session, person.id, open_ids, now) > 0,
    )


def _done_today(session: Session, person: Person, now: datetime, campaign_id: int | None = None) -> int:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return queries.annotated_since(session, person.id, midnight, campaign_id)


@router.post("/label/next")
def take_next(
    request: Request, person: Worker, session: Writing, now: Now, campaign_id: Annotated[str, Form()] = ""
) -> RedirectResponse:
    chosen = whole_number(campaign_id, _("A campaign's number")) if campaign_id else None
    return _offer(request, person, session, now, chosen)


def _offer(
    request: Request, person: Person, session: Session, now: datetime, campaign_id: int | None
) -> RedirectResponse:
    offer = service.take_next(session, person, now, campaign_id)
    if offer.lease:
        return go(task_address(request, offer.lease.task_id))
    if offer.reason:
        tell(request, offer.reason)
    if offer.to_learn:
        return go(f"/label/courses/{offer.to_learn}")
    return go(f"/label/campaigns/{offer.to_confirm}/guideline" if offer.to_confirm else "/label")


@router.get("/label/campaigns/{campaign_id}/guideline")
def show_guideline(request: Request, campaign_id: int, person: Labeler, session: Reading) -> HTMLResponse:
    return render(request, _guideline_page(session, person, campaign_id))


def _guideline_page(session: Session, person: Person, campaign_id: int, error: str = "") -> ConfirmPage:
    campaign = campaigns.campaign_for(session, campaign_id)
    priority = priority_of(campaign.kind, campaign.phase)
    page = confirm_page(session, person, campaign, called=_called(campaign), priority=priority, error=error)
    if page is None or campaign.imported:  # nobody works on what was imported, and its name may tell makers
        raise NotFound(_("This campaign has no guideline to read."))
    return page


@router.post("/label/campaigns/{campaign_id}/guideline")
def confirm_guideline(
    request: Request,
    campaign_id: int,
    person: Labeler,
    now: Now,
    *,
    version_id: Annotated[str, Form()] = "",
    then: Annotated[str, Form()] = "",
) -> Response:
    """Keep the person's word; ``then=next`` goes on with the campaign's next task."""
    database = database_of(request)
    shown = whole_number(version_id, _("The version that you have read"))
    try:
        with database.transaction() as session:
            version = guidelines.confirm(session, person, campaign_id, shown, now)
    except Conflict as error:
        with database.reading() as session:
            return render(request, _guideline_page(session, person, campaign_id, str(error)), error.status)
    name = said(version.guideline.name)
    tell(request, _("You have confirmed version %(number)s of “%(name)s”.", number=version.number, name=name))
    if then != "next":
        return go("/label")
    with database.transaction() as session:
        return _offer(request, person, session, now, campaign_id)


# One task ----------------------------------------------------------------------------------------


@router.get("/label/tasks/{task_id}")
def show_task(
    request: Request, task_id: TaskId, *, person: Worker, session: Reading, now: Now, answer: int | None = None
) -> Response:
    try:
        work = service.work_for(session, person, task_id)
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
    counting = typing_service.counting_for(session, work.task.campaign_id, work.draft.person_id)
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
        work = service.work_for(session, person, task_meant(request, int(request.path_params["task_id"])))
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
    return bench_of(work, person, now, _done_today(session, person, now), guide, skip or SkipForm())


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
    work = service.save_answer(
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
    work = service.save_prompt_labels(
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
        work = service.work_for(session, person, task_id)
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
    work = service.save_ranks(
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
    return authored_of(lists, service.work_for(session, person, task_id).task.campaign.prompt_form or PLAIN)


@router.post("/label/tasks/{task_id}/preview")
def preview(request: Request, task_id: TaskId, *, person: Worker, session: Reading, lists: Lists) -> Response:
    """What would come of the text as it stands; nothing is kept.

    One that arrives after the submission that was sent behind it has nothing to show any more.
    """
    try:
        work = service.work_for(session, person, task_id)
    except Conflict:
        return Response(status_code=204)
    if work.task.campaign.kind != "authoring":
        return render(request, preview_of_text(work, writing.checked(lists.get("text", [""])[-1])))
    authored = authored_of(lists, work.task.campaign.prompt_form or PLAIN)
    writing.check_length(authored)
    return render(request, preview_of_authored(authored))


@router.post("/label/tasks/{task_id}/renew", dependencies=COUNTS_TIME)
def renew(task_id: TaskId, person: Worker, session: Writing, now: Now) -> Response:
    service.renew(session, person, task_id, now)
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
    service.show_texts(session, person, task_id, now, shown=shown == "yes")
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
            work = service.work_for(session, person, task_id)
            form = SkipForm(reason, note, str(error))
            return render(request, _instrument(session, person, work, now, skip=form), error.status)
    if not withdrawn:
        undo = Undo(_("Take it back"), f"{task_address(request, task_id)}/skip/undo")
        goes = _("Skipped. The task goes to somebody else, with your reason for the researchers.")
        stays = _("Skipped: this item is not scored.")
        tell(request, goes if may(person.role, "annotate") else stays, undo)
    with database.transaction() as session:
        return _offer(request, person, session, now, None)


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
        campaign=_called(task.campaign),
        prompt=task.prompt.messages[-1]["content"] if task.prompt else "",
        submitted_at=annotation.submitted_at,
        order=service.stored_order(annotation),
        versions=queries.versions_of(session, annotation.id),
        begun=queries.draft_for(session, person.id, task_id) is not None,
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
            work = service.work_for(session, person, task_id)
            page = _writing_page(session, work, _bench(session, person, work, now), lists, error.fields)
            return render(request, page, error.status)
    except (Invalid, LabelsChanged) as error:
        with database.reading() as session:
            work = service.work_for(session, person, task_id)
            page = _instrument(session, person, work, now, error=str(error))
            if isinstance(page, RatingPage) and not work.before_ranking:
                page = _ranking_page(session, person, work, now, error)
            return render(request, page, error.status)
    tell(request, told)
    if fields.get("then") != "next":
        return go("/label")
    with database.transaction() as session:
        return _offer(request, person, session, now, campaign_id)


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
                possible = service.possible_ranks(service.work_for(session, person, task_id), ranks_of(fields))
                none = none_acceptable_of(fields)
                service.save_ranks(session, person, task_id, now, possible, none_acceptable=none, edit=edit)
    except SavedElsewhere:
        raise
    except DomainError:
        return  # the submission itself will say what is wrong


def _contradicted(request: Request, person: Person, task_id: int, now: datetime) -> RankingPage | None:
    """Where no script points out, before sending, what stands against the ratings: the page that does, once."""
    with database_of(request).reading() as session:
        try:
            work = service.work_for(session, person, task_id)
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
    draft = service.draft_submission(session, person, task_id)
    submission = replace(draft, ranks=ranks_of(fields), none_acceptable=none_acceptable_of(fields))
    annotation = service.submit(session, person, task_id, now, submission, shown=schema_version_of(fields))
    session.flush()
    session.refresh(annotation, ["ranks"])
    order = service.stored_order(annotation)
    if annotation.corrected_at:
        return _("Corrected: %(order)s. Thank you!", order=order), annotation.campaign_id
    return _("Submitted: %(order)s. Thank you!", order=order), annotation.campaign_id


def _written(session: Session, campaign_id: int) -> str:
    campaign = campaigns.campaign_for(session, campaign_id)
    if is_reviewed(campaign.purpose, needs_review=campaign.needs_review):
        return _("Submitted: a researcher reads your text before it is used. Thank you!")
    return _("Submitted: your text is stored. Thank you!")
