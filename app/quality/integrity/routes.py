from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.labeling.campaigns.rules.campaigns import name_for_labelers
from app.labeling.typing import service as typing_service
from app.language import gettext as _
from app.models import Person
from app.quality.integrity import service
from app.quality.integrity.pages import CasePage, IntegrityPage, Talk, TalksPage, separations_of
from app.quality.integrity.rules.decisions import DONE, Decision
from app.quality.integrity.rules.detectors import DETECTORS
from app.quality.integrity.service import Case, Queue
from app.roles import may
from app.web.forms import LARGEST_NUMBER, whole_number
from app.web.paging import Paging
from app.web.posted import Fields
from app.web.render import go, render, tell
from app.web.requests import Now, Reading, Writing, database_of, needs
from app.web.tables import csv_line

router = APIRouter()
Reviewer = Annotated[Person, Depends(needs(lambda role: may(role, "review")))]
Labeler = Annotated[Person, Depends(needs(lambda role: may(role, "annotate")))]
SHOWS = ("open", "decided", "all")


@router.get("/integrity")
def list_cases(
    request: Request, reviewer: Reviewer, session: Reading, *, campaign: str = "", show: str = "open", page: int = 1
) -> HTMLResponse:
    """The texts of a campaign (the newest in which somebody has written, unless one is chosen)."""
    campaigns = service.writing_campaigns(session)
    queue = _queue(session, campaign)
    show = show if show in SHOWS else "open"
    judged = _of_others(queue, reviewer) if queue else []
    cases = _shown(judged, show)
    paging = Paging(page, len(cases), {"campaign": str(queue.campaign.id) if queue else "", "show": show}, size=25)
    return render(
        request,
        IntegrityPage(
            campaigns=campaigns,
            queue=queue,
            cases=cases[paging.offset : paging.offset + paging.size],
            paging=paging,
            show=show,
            waiting=len(_shown(judged, "open")),
            consents=typing_service.consents_of(session, queue.campaign.id) if queue else None,
            separations=separations_of(queue.cases) if queue else [],
        ),
    )


def _queue(session: Session, chosen: str) -> Queue | None:
    if chosen:
        number = whole_number(chosen, _("A campaign's number"), 0, LARGEST_NUMBER)
        return service.queue_of(session, service.campaign_for(session, number))
    newest = next((campaign for campaign, count in service.writing_campaigns(session) if count), None)
    return service.queue_of(session, newest) if newest else None


def _of_others(queue: Queue, reviewer: Person) -> list[Case]:
    """Nobody looks at the evidence about themselves."""
    return [case for case in queue.cases if case.text.annotation.person_id != reviewer.id]


def _shown(cases: Sequence[Case], show: str) -> list[Case]:
    return [case for case in cases if show == "all" or case.is_open == (show == "open")]


@router.post("/integrity/campaigns/{campaign_id}/counting")
def turn_counting(
    request: Request, campaign_id: int, reviewer: Reviewer, session: Writing, now: Now, fields: Fields
) -> RedirectResponse:
    """Let a campaign ask its labelers whether it may be counted how they enter texts, or ask no longer."""
    turn_on = fields.get("on") == "yes"
    typing_service.turn(session, reviewer, service.campaign_for(session, campaign_id), now, on=turn_on)
    tell(
        request,
        _("From now on labelers are asked, and counted if they agree.")
        if turn_on
        else _("Nothing more is counted; what was counted stays."),
    )
    return go(f"/integrity?campaign={campaign_id}")


@router.get("/integrity.csv")
def download(reviewer: Reviewer, session: Reading, campaign: str = "") -> Response:
    """All evidence about a campaign, one line a text, in the order of the queue."""
    queue = _queue(session, campaign)
    if queue is None:
        raise NotFound(_("Nobody has written anything yet."))
    named = {"content-disposition": f'attachment; filename="integrity-{queue.campaign.id}.csv"'}
    return Response("".join(_lines(_of_others(queue, reviewer))), media_type="text/csv; charset=utf-8", headers=named)


COLUMNS = (
    *("text", "author", "state", "verdict", "signs", "tokens"),
    *(f"{detector.key}{part}" for detector in DETECTORS for part in ("", "_percentile", "_among", "_n")),
    *("like_model", "like_others", "nearest_text", "pastes", "pasted", "longest_paste", "typed", "edits", "seconds"),
)


def _lines(cases: Sequence[Case]) -> Iterator[str]:
    yield csv_line(COLUMNS)
    for case in cases:
        known = case.evidence
        cells: list[object] = [case.text.id, case.text.annotation.annotator, case.text.state, case.verdict]
        cells += [" ".join(known.signs), known.tokens]
        for detector in DETECTORS:
            percentile = known.percentiles.get(detector.key)
            cells += [
                known.scores.get(detector.key),
                percentile and percentile.value,
                percentile and percentile.among,
                percentile and percentile.n,
            ]
        cells += [
            known.own and known.own.similarity,
            known.near_duplicate and known.near_duplicate.similarity,
            known.near_duplicate and known.near_duplicate.key,
        ]
        counts = known.typing
        cells += (
            [counts.pastes, counts.pasted, counts.longest, counts.typed, counts.edits, counts.seconds]
            if counts
            else [None] * 6
        )
        yield csv_line(cells)


@router.get("/integrity/{text_id}")
def show_case(request: Request, text_id: int, reviewer: Reviewer, session: Reading) -> HTMLResponse:
    return render(request, _page(session, reviewer, text_id, {}))


def _page(
    session: Session,
    reviewer: Person,
    text_id: int,
    given: Mapping[str, str],
    problems: Mapping[str, str] | None = None,
    error: str = "",
) -> CasePage:
    text = service.text_for(session, reviewer, text_id)
    queue = service.queue_of(session, service.campaign_for(session, text.annotation.campaign_id))
    case = queue.case_of(text_id)
    if case is None:
        raise NotFound(_("Its author has this text back, or has written a newer version of it."))
    known = case.evidence
    own = queue.own[known.own.key] if known.own else None
    others = [entry.text.id for entry in _shown(_of_others(queue, reviewer), "open") if entry.text.id != text_id]
    return CasePage(
        queue=queue,
        case=case,
        detection=service.detection_of(session, queue.reader.id, text_id) if queue.reader else None,
        own=own,
        own_model=service.name_of_model(session, own.model_version_id) if own and own.model_version_id else "",
        near_duplicate=queue.case_of(known.near_duplicate.key) if known.near_duplicate else None,
        following=others[0] if others else None,
        given=given,
        problems=problems or {},
        error=error,
    )


@router.post("/integrity/{text_id}")
def decide(request: Request, text_id: int, reviewer: Reviewer, now: Now, fields: Fields) -> Response:
    """Store a person's decision and go on with the text that should be looked at next."""
    database = database_of(request)
    reason = fields.get("reason", "").replace("\r\n", "\n").strip()
    decision = Decision(fields.get("verdict", ""), reason)
    try:
        with database.transaction() as session:
            service.decide(session, reviewer, text_id, now, decision)
    except (Invalid, Conflict) as error:
        problems = error.fields if isinstance(error, Invalid) else {}
        with database.reading() as session:
            page = _page(session, reviewer, text_id, fields, problems, "" if problems else str(error))
            return render(request, page, error.status)
    tell(request, _(DONE[decision.verdict]))
    with database.reading() as session:
        text = service.text_for(session, reviewer, text_id)
        return go(f"/integrity?campaign={text.annotation.campaign_id}")


@router.get("/label/talks")
def list_talks(request: Request, person: Labeler, session: Reading) -> HTMLResponse:
    """What a person was asked about their own texts; there is no address that shows somebody else's."""
    return render(request, _talks(session, person))


def _talks(session: Session, person: Person, refused: int = 0, given: str = "", problem: str = "") -> TalksPage:
    talks = [
        Talk(decision, name_for_labelers(task.campaign_id, task.campaign.name, task.campaign.phase), passage)
        for decision in service.talks_with(session, person.id)
        for task, passage in [(decision.written_text.annotation.task, service.passage_of_text(decision.written_text))]
    ]
    return TalksPage(talks, refused, given, problem)


@router.post("/label/talks/{decision_id}")
def reply(request: Request, decision_id: int, person: Labeler, now: Now, fields: Fields) -> Response:
    words = fields.get("reply", "").replace("\r\n", "\n").strip()
    try:
        with database_of(request).transaction() as session:
            service.reply(session, person, decision_id, now, words)
    except (Invalid, Conflict) as error:
        with database_of(request).reading() as session:
            return render(request, _talks(session, person, decision_id, words, str(error)), error.status)
    tell(request, _("Thank you. The researchers read your answer."))
    return go("/label/talks")
