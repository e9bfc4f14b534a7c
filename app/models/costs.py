"""What people are paid, and how a budget is to be divided."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, utc_now


class CostPlan(Base):
    """A wage and a budget, both in ``currency``; every change is a new row, and the newest row holds.

    ``hourly_wage`` is for an hour of active time, ``demonstration_percent`` of ``budget`` goes into demonstrations and
    the rest into rankings. Amounts are factors of an estimate, no bookkeeping, so they are plain numbers.
    """

    __tablename__ = "cost_plans"
    __table_args__ = (
        CheckConstraint("hourly_wage > 0", name="some_wage"),
        CheckConstraint("budget > 0", name="some_budget"),
        CheckConstraint("demonstration_percent BETWEEN 0 AND 100", name="a_share"),
    )

    id: Mapped[Id]
    hourly_wage: Mapped[float]
    currency: Mapped[str]
    budget: Mapped[float]
    demonstration_percent: Mapped[int]
    set_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    set_at: Mapped[datetime] = mapped_column(default=utc_now)
