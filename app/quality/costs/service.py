"""Reading what time was spent on, and setting the wage and the budget with which costs are reckoned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.judgements import reading
from app.models import CostPlan, Person
from app.people.service import record
from app.quality.costs import queries, rules
from app.quality.costs.rules import Filters, Work

# What pages read as it is stored.
campaigns = queries.campaigns
groups = queries.groups
newest_plan = queries.newest_plan


@dataclass(frozen=True)
class Spent:
    """Every submission of labelers whose active time was measured, and how many have none, made here or imported."""

    works: Sequence[Work]
    unmeasured: int
    imported: int


def spent(session: Session, filters: Filters) -> Spent:
    """What the filters take, oldest first; what measures its labeler takes time that is paid, and yields nothing."""
    wanted = rules.wanted(filters)
    annotations = reading.annotations(session, wanted)
    annotation, _answer, rank = annotations.numbered(reading.ranks(session, wanted))
    answers = np.bincount(annotation, minlength=len(annotations))
    (of_lane, _rank), size = np.unique(np.stack([annotation, rank]), axis=1, return_counts=True)
    tied = np.bincount(of_lane, weights=size * (size - 1) / 2, minlength=len(annotations)).astype(np.int64)
    lost = (annotations.measures > 0) | np.isin(annotations.id, list(queries.refused(session, filters)))
    months = annotations.seconds.astype("datetime64[s]").astype("datetime64[M]").astype(str)
    campaigns = {campaign.id: campaign for campaign in queries.campaigns(session)}
    active = dict(reading.active(session, wanted))
    works, unmeasured = [], 0
    for number in (
        np.flatnonzero(answers == filters.answers) if filters.answers is not None else range(len(annotations))
    ):
        parts, k = active.get(int(annotations.id[number])), int(answers[number])
        campaign = campaigns.get(int(annotations.campaign[number]))
        if parts is None or campaign is None:
            unmeasured += 1
            continue
        pairs = k * (k - 1) // 2
        work = Work(
            campaign=campaign.name,
            kind=campaign.kind,
            answers=k,
            group=annotations.groups[annotations.group[number]] or "",
            month=str(months[number]),
            labeler=int(annotations.account[number]),
            parts=parts,
            strict=pairs - int(tied[number]),
            pairs=pairs,
            lost=bool(lost[number]),
        )
        works.append(work)
    return Spent(works, unmeasured, queries.imported(session, filters))


def set_plan(session: Session, admin: Person, fields: Mapping[str, str], now: datetime) -> CostPlan:
    """Keep a wage and a budget; those before stay, and the audit trail says who set which.

    Raises:
        Invalid: some field is wrong; its ``fields`` say which and why, and nothing is stored.
    """
    plan = rules.plan_of(fields)
    if isinstance(plan, dict):
        raise Invalid(" ".join(plan.values()), plan)
    row = CostPlan(
        hourly_wage=plan.hourly_wage,
        currency=plan.currency,
        budget=plan.budget,
        demonstration_percent=plan.demonstration_percent,
        set_by=admin.id,
        set_at=now,
    )
    session.add(row)
    detail = {"hourly_wage": plan.hourly_wage, "currency": plan.currency, "budget": plan.budget}
    record(session, admin, "set wage", row, detail | {"demonstration_percent": plan.demonstration_percent})
    return row
