from collections.abc import Iterator, Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.instruments import criteria
from app.language import gettext as _
from app.measures import sentence
from app.models import Person
from app.quality.consensus import service
from app.quality.consensus.pages import (
    PHASES,
    SORTS,
    ConsensusPage,
    Filled,
    FlagsPage,
    LabelerRow,
    TaskPage,
    TaskRow,
    figure_of,
    flag_rows,
    percent,
    placed_of,
    task_row,
)
from app.quality.consensus.rules import Scope, Settings
from app.quality.consensus.service import Consensus
from app.roles import may
from app.web.forms import whole_number
from app.web.paging import Paging
from app.web.render import render
from app.web.requests import Now, Reading, needs
from app.web.tables import csv_line
from trainer.statistics.aggregation import TIE_BELOW, TaskFigures
from trainer.statistics.estimates import Estimate

router = APIRouter()
Reader = Annotated[Person, Depends(needs(lambda role: may(role, "see_results")))]
SHOWN = 25  # tasks on a page
CHUNK = 400  # tasks read together for a file
NOTHING = -1.0  # sorts what is undefined behind everything


class Asked(BaseModel):
    """What the address of a page, or of one of its files, asks for; shares in percent."""

    campaign: str = ""
    kind: str = "ranking"
    phase: str = "training"
    method: str = "reliability"
    tie_below: str = str(round(TIE_BELOW * 100))
    min_reliability: str = "0"
    sort: str = "uncertainty"
    page: int = 1

    def scope(self) -> Scope:
        """One kind and one phase, never mixed."""
        if self.kind not in criteria() or self.phase not in PHASES:
            raise Invalid(_("There are no such labels. Choose what stands in the form."))
        campaigns = (whole_number(self.campaign, _("A campaign's number"), 1),) if self.campaign else ()
        return Scope(campaigns, (self.phase,), (), self.kind)

    def settings(self) -> Settings:
        return Settings(self.method, _share(self.tie_below), _share(self.min_reliability))

    def given(self) -> dict[str, str]:
        """What differs from the usual, as it stands in the address."""
        usual = Asked()
        fields = ("campaign", "kind", "phase", "method", "tie_below", "min_reliability", "sort")
        return {name: value for name in fields if (value := getattr(self, name)) != getattr(usual, name)}


AskedFor = Annotated[Asked, Query()]


def _share(text: str) -> float:
    try:
        return round(float(text) / 100, 6)
    except ValueError as error:
        raise Invalid(_("“%(text)s” is not a number of percent.", text=text[:40])) from error


def _form(session: Session, asked: Asked) -> Filled:
    kind = asked.kind if asked.kind in criteria() else "ranking"
    fields = {name: str(value) for name, value in asked.model_dump().items()}
    return Filled(fields, service.campaigns(session, kind), urlencode(asked.given()))


@router.get("/consensus")
def show(request: Request, reader: Reader, session: Reading, asked: AskedFor) -> HTMLResponse:
    """The tasks about which least is known first; what is wrong with the address is told above an unfiltered page."""
    error = ""
    try:
        consensus = service.consensus(session, asked.scope(), asked.settings())
    except Invalid as problem:
        consensus, error = service.consensus(session, Scope()), str(problem)
    order = _sorted(consensus, asked.sort)
    paging = Paging(asked.page, len(order), asked.given(), SHOWN)
    page = ConsensusPage(
        form=_form(session, asked),
        version=consensus.version,
        shared=consensus.shared_tasks,
        rows=_rows(session, order[paging.offset : paging.last], consensus, reader),
        labelers=_labelers(session, consensus),
        unnamed=len(consensus.rankings.seats),
        paging=paging,
        error=error,
    )
    return render(request, page, 422 if error else 200)


def _sorted(consensus: Consensus, sort: str) -> list[int]:
    """Ids of tasks; what is undefined comes last, newer tasks before older ones that are alike."""

    def uncertainty(task: TaskFigures) -> float:
        return task.consensus.misorder if task.consensus else NOTHING

    def disagreement(task: TaskFigures) -> float:
        return NOTHING if task.disagreement is None else task.disagreement

    keys = {"uncertainty": uncertainty, "disagreement": disagreement, "newest": lambda _task: 0.0}
    key = keys[sort if sort in SORTS else "uncertainty"]
    return sorted(consensus.tasks, key=lambda id_: (key(consensus.tasks[id_]), id_), reverse=True)


def _rows(session: Session, ids: Sequence[int], consensus: Consensus, reader: Person) -> list[TaskRow]:
    tasks, rankings = service.tasks(session, ids), service.rankings_of(session, ids)
    return [task_row(tasks[id_], rankings.get(id_, []), consensus, reader) for id_ in ids if id_ in tasks]


def _labelers(session: Session, consensus: Consensus) -> list[LabelerRow]:
    """The least reliable first, those of whom nothing is known last; who is not named is nobody in particular."""
    groups = service.groups(session)
    rows = [
        LabelerRow(
            name, groups.get(name, ""), figures, figure_of(figures.reliability), figure_of(figures.position_bias)
        )
        for name, figures in consensus.labelers.items()
        if isinstance(name, str)
    ]
    return sorted(rows, key=lambda row: 2.0 if (value := row.figures.reliability.value) is None else value)


@router.get("/consensus/tasks/{task_id}")
def show_task(request: Request, task_id: int, reader: Reader, session: Reading, asked: AskedFor) -> HTMLResponse:
    consensus = service.consensus(session, asked.scope(), asked.settings())
    if task_id not in consensus.tasks:
        raise NotFound(_("Nobody has ranked such a task among these labels."))
    (row,) = _rows(session, [task_id], consensus, reader)
    task = service.tasks(session, [task_id])[task_id]
    flags = service.flags(session, asked.scope(), consensus)
    order = consensus.tasks[task_id].consensus
    steps = [percent(chance) for chance in order.better] if order else []
    return render(request, TaskPage(_form(session, asked), task, row, placed_of(task, consensus, flags), steps))


@router.get("/consensus/flags")
def show_flags(request: Request, reader: Reader, session: Reading, asked: AskedFor) -> HTMLResponse:  # noqa: ARG001
    consensus = service.consensus(session, asked.scope(), asked.settings())
    rows = flag_rows(consensus, service.flags(session, asked.scope(), consensus))
    return render(request, FlagsPage(_form(session, asked), rows))


@router.get("/consensus/{name}.csv")
def download(reader: Reader, session: Reading, now: Now, name: str, asked: AskedFor) -> Response:
    """All tasks, labelers, or labelers by flag, in the order of the page; what is undefined is empty."""
    if name not in ("tasks", "labelers", "flags"):
        raise NotFound(_("There is no such table."))
    consensus = service.consensus(session, asked.scope(), asked.settings())
    if name == "tasks":
        lines = _task_lines(session, consensus, asked.sort, reader)
    elif name == "labelers":
        lines = _labeler_lines(_labelers(session, consensus))
    else:
        lines = _flag_lines(consensus, service.flags(session, asked.scope(), consensus))
    named = {"content-disposition": f'attachment; filename="consensus-{name}-{now:%Y-%m-%d}.csv"'}
    return StreamingResponse(map(csv_line, lines), media_type="text/csv; charset=utf-8", headers=named)


def _task_lines(session: Session, consensus: Consensus, sort: str, reader: Person) -> Iterator[Sequence[object]]:
    yield (
        *("task", "campaign", "prompt", "answers", "labelers", "rankings", "left_out", "consensus", "undefined"),
        *("uncertainty", "weakest_step", "disagreement", "compared_pairs", "orders"),
    )
    order = _sorted(consensus, sort)
    for start in range(0, len(order), CHUNK):
        for row in _rows(session, order[start : start + CHUNK], consensus, reader):
            task, of = row.figures, row.figures.consensus
            yield (
                *(row.id, row.campaign, row.prompt.text, row.answers, task.labelers, task.rankings, task.left_out),
                *(row.order, sentence(task.undefined), _digits(of.misorder if of else None)),
                *(_digits(of.certainty if of else None), _digits(task.disagreement), task.compared),
                "\n".join(
                    f"{labeler_order.labeler}: {labeler_order.order}{' (left out)' if labeler_order.left_out else ''}"
                    for labeler_order in row.orders
                ),
            )
        session.expunge_all()


def _labeler_lines(rows: Sequence[LabelerRow]) -> Iterator[Sequence[object]]:
    yield (
        *("labeler", "group", "rankings", "shared_tasks", "shared_pairs", "reliability", "reliability_low"),
        *(
            "reliability_high",
            "position_bias",
            "position_bias_low",
            "position_bias_high",
            "weight",
            "left_out",
            "undefined",
        ),
    )
    for row in rows:
        of = row.figures
        yield (
            *(row.name, row.group, of.rankings, of.shared_tasks, of.shared_pairs, *_shares(of.reliability)),
            *(
                *_shares(of.position_bias),
                _digits(of.weight),
                "yes" if of.left_out else "",
                sentence(of.reliability.undefined),
            ),
        )


def _flag_lines(consensus: Consensus, flags: service.Flags) -> Iterator[Sequence[object]]:
    yield (
        *("flag", "labeler", "sees", "sees_low", "sees_high", "expected_with", "spares", "spares_low"),
        *("spares_high", "expected_without"),
    )
    for name, figures in sorted(flags.of.items()):
        for number, labeler in enumerate(consensus.rankings.labelers):
            if isinstance(labeler, int):
                continue
            sees, spares = figures.sees[number], figures.spares[number]
            with_, without = figures.applies[number], figures.applies_not[number]
            yield (name, labeler, *_shares(sees), f"{with_:.2f}", *_shares(spares), f"{without:.2f}")


def _shares(share: Estimate) -> tuple[str, str, str]:
    return _digits(share.value), _digits(share.low), _digits(share.high)


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
