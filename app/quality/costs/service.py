"""Setting the wage and the budget with which costs are reckoned."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.models import CostPlan, Person
from app.people.service import record
from app.quality.costs import rules


def set_plan(session: Session, admin: Person, given: Mapping[str, str], now: datetime) -> CostPlan:
    """Keep a wage and a budget; those before stay, and the audit trail says who set which.

    Raises:
        Invalid: some field is wrong; its ``fields`` say which and why, and nothing is stored.
    """
    plan = rules.plan_of(given)
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
