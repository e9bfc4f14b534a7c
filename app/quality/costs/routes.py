from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.instruments import instruments
from app.labeling.my_work.rules import begin_of, day_of
from app.language import gettext as _
from app.models import CostPlan, Person
from app.quality.costs import rules, service
from app.quality.costs.pages import WITHOUT_GROUP, CostsPage, Slice, budget_bars, slice_of, slices, splits, time_bars
from app.quality.costs.rules import Filters
from app.roles import may
from app.web.forms import whole_number
from app.web.posted import Fields
from app.web.render import go, render, tell
from app.web.requests import Now, Reading, database_of, needs
from app.web.tables import csv_line

router = APIRouter()
Reader = Annotated[Person, Depends(needs(lambda role: may(role, "see_results")))]
WageSetter = Annotated[Person, Depends(needs(lambda role: may(role, "set_wage")))]
FEWEST, MOST = 2, 9
TABLES = ("times", "yields", "budget")


class Asked(BaseModel):
    """What the address of the page, or of one of its files, asks for."""

    campaign: str = ""
    kind: str = ""
    answers: str = ""
    group: str = ""
    since: str = ""
    until: str = ""
    by: str = ""

    def filters(self, now: datetime) -> Filters:
        """``until`` is the last day taken.

        Raises:
            Invalid: something of it is not what it should be.
        """
        return Filters(
            campaign_id=whole_number(self.campaign, _("A campaign's number"), 1) if self.campaign else None,
            kind=self.kind if self.kind in instruments() else "",
            answers=whole_number(self.answers, _("The number of answers"), FEWEST, MOST) if self.answers else None,
            group=("" if self.group == WITHOUT_GROUP else self.group) if self.group else None,
            since=_day(now, self.since) if self.since else None,
            before=_day(now, self.until) + timedelta(days=1) if self.until else None,
        )


AskedFor = Annotated[Asked, Query()]


def _day(now: datetime, text: str) -> datetime:
    try:
        return begin_of(day_of(text), now)
    except (ValueError, OverflowError) as error:
        raise Invalid(_("“%(text)s” is not a day. Write it like 2026-05-04.", text=text[:40])) from error


@router.get("/costs")
def show(request: Request, _reader: Reader, session: Reading, now: Now, asked: AskedFor) -> HTMLResponse:
    return _show(request, session, now, asked)


def _show(
    request: Request,
    session: Session,
    now: datetime,
    asked: Asked,
    given: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
) -> HTMLResponse:
    error = ""
    try:
        filters = asked.filters(now)
    except Invalid as problem:
        filters, error = Filters(), str(problem)
    spent, plan = service.spent(session, filters), service.newest_plan(session)
    works, known = spent.works, rules.yields(spent.works)
    by = asked.by if asked.by in rules.DIMENSIONS else next(iter(rules.DIMENSIONS))
    page = CostsPage(
        whole=slice_of(works),
        by=by,
        slices=slices(works, by),
        submissions=len(works),
        imported=spent.imported,
        unmeasured=spent.unmeasured,
        campaigns=service.campaigns(session),
        groups=service.groups(session),
        filters=asked.model_dump(),
        time_bars=time_bars(known),
        budget_bars=budget_bars(known, plan) if plan else [],
        splits=splits(known, plan) if plan else [],
        plan=plan,
        given=given or _as_given(plan),
        problems=problems or {},
        error=error,
    )
    return render(request, page, 422 if error or problems else 200)


def _as_given(plan: CostPlan | None) -> dict[str, str]:
    if plan is None:
        return {"demonstration_percent": "50"}
    return {
        "hourly_wage": f"{plan.hourly_wage:.12g}",
        "currency": plan.currency,
        "budget": f"{plan.budget:.12g}",
        "demonstration_percent": str(plan.demonstration_percent),
    }


@router.post("/costs/plan")
def set_plan(request: Request, admin: WageSetter, now: Now, fields: Fields) -> Response:
    database = database_of(request)
    try:
        with database.transaction() as session:
            service.set_plan(session, admin, fields, now)
    except Invalid as error:
        with database.reading() as session:
            return _show(request, session, now, Asked(), fields, error.fields)
    tell(request, _("Kept. All costs are reckoned with it from now on."))
    return go("/costs")


# Files -------------------------------------------------------------------------------------------


@router.get("/costs/{table}.csv")
def download(_reader: Reader, session: Reading, now: Now, table: str, asked: AskedFor) -> Response:
    """A table of the page with all its digits; by a dimension where ``by`` names one, else of all together."""
    if table not in TABLES:
        raise NotFound(_("There is no page at this address."))
    works, plan = service.spent(session, asked.filters(now)).works, service.newest_plan(session)
    if table == "budget":
        lines: Iterable[Sequence[object]] = _budget(rules.yields(works), plan)
    else:
        of = slices(works, asked.by) if asked.by in rules.DIMENSIONS else [slice_of(works)]
        lines = _times(of) if table == "times" else _yields(of, plan)
    text = "".join(csv_line(map(_plain, line)) for line in lines)
    named = {"content-disposition": f'attachment; filename="costs-{table}-{now:%Y-%m-%d}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=named)


def _plain(cell: object) -> object:
    return f"{cell:.6g}" if isinstance(cell, float) else cell


def _times(of: Sequence[Slice]) -> Iterator[Sequence[object]]:
    yield (
        *("slice", "activity", "n", "labelers", "median_seconds", "median_low", "median_high"),
        *("lower_quartile", "upper_quartile", "total_seconds", "note"),
    )
    for each in of:
        for row in each.times:
            s = row.spread
            yield (
                *(each.key, row.name, s.observations, s.labelers, s.median, s.low, s.high),
                *(s.lower_quartile, s.upper_quartile, s.total, s.said),
            )


def _yields(of: Sequence[Slice], plan: CostPlan | None) -> Iterator[Sequence[object]]:
    yield (
        *("slice", "product", "n", "labelers", "hours", "hours_each", "hours_each_low", "hours_each_high"),
        *("per_hour", "per_hour_low", "per_hour_high", "cost", "cost_low", "cost_high", "currency", "note"),
    )
    for each in of:
        for row in each.yields:
            y = row.result
            costs: Sequence[object] = ("", "", "", "")
            if plan:
                costs = (y.cost(plan.hourly_wage), *(y.cost_range(plan.hourly_wage) or ("", "")), plan.currency)
            yield (
                *(each.key, row.name, y.things, y.labelers, y.hours, y.hours_each, y.low, y.high),
                *(y.per_hour, *(y.per_hour_range or ("", "")), *costs, y.said),
            )


def _budget(known: Mapping[str, rules.Yield], plan: CostPlan | None) -> Iterator[Sequence[object]]:
    yield ("budget", "currency", "hourly_wage", "demonstration_percent", "demonstrations", "rankings", "strict_pairs")
    for row in splits(known, plan) if plan else []:
        assert plan is not None  # mypy does not see it through the comprehension
        yield (
            *(plan.budget, plan.currency, plan.hourly_wage, row.percent),
            *(row.demonstrations, row.rankings, row.strict_pairs),
        )
