from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from sqlalchemy.orm import Session

from app.database import Database
from app.errors import Invalid
from app.labeling.annotations import corrections
from app.labeling.annotations import service as annotations
from app.labeling.my_work import rules, service
from app.labeling.my_work.pages import (
    Entry,
    History,
    MinePage,
    called,
    entry_of,
    entry_page,
    progress_of,
    skip_of,
)
from app.labeling.my_work.queries import Filters
from app.language import gettext as _
from app.material.guidelines.views import desk_of
from app.models import Annotation, Campaign, Person
from app.roles import may
from app.web.forms import whole_number
from app.web.paging import Paging
from app.web.render import render
from app.web.requests import Now, Reading, database_of, needs
from app.web.tables import csv_line

router = APIRouter()
Labeler = Annotated[Person, Depends(needs(lambda role: may(role, "annotate")))]
SHOWN = 25  # submissions on a page
SKIPS_SHOWN = 20
CHUNK = 500  # submissions read together for a file
COLUMNS = (
    "submitted_at",
    "campaign",
    "kind",
    "prompt",
    "order",
    "none_acceptable",
    "ratings",
    "notes",
    "review",
    "active_seconds",
    "held_seconds",
)


@router.get("/label/mine")
def show(
    request: Request,
    person: Labeler,
    session: Reading,
    now: Now,
    campaign: str = "",
    since: str = "",
    until: str = "",
    page: int = 1,
) -> HTMLResponse:
    """Own work; there is no address that shows somebody else's."""
    error = ""
    try:
        filters = _filters(now, campaign, since, until)
    except Invalid as problem:
        filters, error = Filters(), str(problem)
    pieces = service.pieces(session, person.id)
    worked_for = service.campaigns_of(session, person.id)
    total = service.submission_count(session, person.id, filters)
    paging = Paging(page, total, {"campaign": campaign, "since": since, "until": until}, SHOWN)
    rows = service.submissions(session, person.id, filters, limit=paging.size, offset=paging.offset)
    history = History(
        entries=list(_with_texts(session, person, rows, now)),
        paging=paging,
        campaigns=[(each.id, called(each)) for each in worked_for],
        campaign=campaign,
        since=since,
        until=until,
    )
    shown = MinePage(
        progress=progress_of("", pieces, now),
        campaigns=[
            progress_of(called(each), [p for p in pieces if p.campaign_id == each.id], now) for each in worked_for
        ],
        days=rules.last_days(pieces, now),
        history=history,
        skips=[skip_of(row, person, now) for row in service.skips(session, person.id, SKIPS_SHOWN)],
        skipped=service.skip_count(session, person.id),
        desk=desk_of(session, person, called),
        talks=annotations.talks_waiting(session, person),
        error=error,
    )
    return render(request, shown, 422 if error else 200)


def _filters(now: datetime, campaign: str, since: str, until: str) -> Filters:
    """What the address asks for; ``until`` is the last day taken."""
    return Filters(
        campaign_id=whole_number(campaign, _("A campaign's number"), 1) if campaign else None,
        since=_day(now, since) if since else None,
        before=_day(now, until, after=1) if until else None,
    )


def _day(now: datetime, text: str, after: int = 0) -> datetime:
    try:
        return rules.begin_of(rules.day_of(text), now) + timedelta(days=after)
    except (ValueError, OverflowError) as error:
        raise Invalid(_("“%(text)s” is not a day. Write it like 2026-05-04.", text=text[:40])) from error


@router.get("/label/mine.csv")
def download(
    request: Request, person: Labeler, now: Now, campaign: str = "", since: str = "", until: str = ""
) -> Response:
    """The own history as a file, all of it or what the page shows; without the name of a source, as on the page."""
    rows = _lines(database_of(request), person, _filters(now, campaign, since, until))
    named = {"content-disposition": f'attachment; filename="my-work-{now:%Y-%m-%d}.csv"'}
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=named)


def _lines(database: Database, person: Person, filters: Filters) -> Iterator[str]:
    yield csv_line(COLUMNS)
    with database.reading() as session:
        for entry in _entries(session, person, filters):
            yield csv_line(
                (
                    f"{entry.submitted_at:%Y-%m-%d %H:%M:%S}",
                    entry.campaign,
                    entry.kind,
                    entry.prompt.text,
                    entry.order,
                    "yes" if entry.none_acceptable else "",
                    " ".join(f"{letter}{likert}" for letter, likert in entry.ratings),
                    "\n".join(f"{letter}: {note}" for letter, note in entry.notes),
                    entry.review.state if entry.review else "",
                    "" if entry.active is None else f"{entry.active:.1f}",
                    "" if entry.seconds is None else f"{entry.seconds:.1f}",
                )
            )


def _entries(session: Session, person: Person, filters: Filters) -> Iterator[Entry]:
    offset = 0
    while rows := service.submissions(session, person.id, filters, limit=CHUNK, offset=offset):
        yield from _with_texts(session, person, rows)
        session.expunge_all()
        offset += len(rows)


def _with_texts(
    session: Session, person: Person, rows: Sequence[tuple[Annotation, Campaign]], now: datetime | None = None
) -> Iterator[Entry]:
    """The lines of submissions; with ``now`` they say which of them can still be corrected."""
    texts = service.texts_of(session, [annotation.id for annotation, _campaign in rows])
    ends = {a.id: end for a, end in corrections.correctable(session, person, now)} if now else {}
    for annotation, campaign in rows:
        yield entry_of(annotation, campaign, person, texts.get(annotation.id, ()), ends.get(annotation.id))


@router.get("/label/mine/{annotation_id}")
def show_entry(request: Request, annotation_id: int, person: Labeler, session: Reading, now: Now) -> HTMLResponse:
    annotation = service.submission_for(session, person, annotation_id)
    still = None if corrections.problem(session, annotation, now) else corrections.until(annotation)
    page = entry_page(
        annotation,
        person,
        labels=service.labels_of(session, annotation),
        texts=service.texts_of(session, [annotation.id]).get(annotation.id, []),
        earlier=service.versions_of(session, annotation.id),
        correct_until=still,
    )
    return render(request, page)
