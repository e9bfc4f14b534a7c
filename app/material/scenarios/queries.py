"""SQL of the library."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Scenario, Task


def offered(session: Session) -> Sequence[Scenario]:
    """What labelers may write from, oldest first."""
    return session.scalars(select(Scenario).where(Scenario.retired_at.is_(None)).order_by(Scenario.id)).all()


def all_of_them(session: Session) -> Sequence[Scenario]:
    """The whole library: what is offered first, then what is retired; newest first in each."""
    return session.scalars(select(Scenario).order_by(Scenario.retired_at.is_not(None), Scenario.id.desc())).all()


def scenario_by_id(session: Session, scenario_id: int, *, lock: bool = False) -> Scenario | None:
    return session.get(Scenario, scenario_id, with_for_update=True if lock else None, populate_existing=lock)


def scenario_with(session: Session, text_sha256: str) -> Scenario | None:
    return session.scalar(select(Scenario).where(Scenario.text_sha256 == text_sha256))


def tasks_of(session: Session) -> dict[int, int]:
    """How many tasks give each scenario."""
    query = select(Task.scenario_id, func.count()).where(Task.scenario_id.is_not(None)).group_by(Task.scenario_id)
    return {scenario_id: count for scenario_id, count in session.execute(query) if scenario_id is not None}
