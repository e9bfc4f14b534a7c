"""SQL of costs, beside what people said and for how long, which ``app.judgements.reading`` reads."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.judgements import queries as judgements
from app.judgements.rules import COUNTING
from app.models import Annotation, Campaign, CostPlan, Person, Ranking, WrittenText
from app.quality.costs.rules import Filters, wanted

REFUSED = ("rejected", "withdrawn")


def refused(session: Session, filters: Filters) -> set[int]:
    """The submissions whose text was refused: it is at an end, its author does not write for the task again."""
    query = select(Annotation.id).join(WrittenText, WrittenText.annotation_id == Annotation.id)
    return set(session.scalars(judgements.among(query.where(WrittenText.state.in_(REFUSED)), wanted(filters))))


def imported(session: Session, filters: Filters) -> int:
    """How many submissions were imported, which have no time."""
    of_imports: list[ColumnElement[bool]] = [Annotation.person_id.is_(None)]
    if filters.answers is not None:
        ranked = select(func.count()).where(Ranking.annotation_id == Annotation.id).correlate(Annotation)
        of_imports.append(ranked.scalar_subquery() == filters.answers)
    return judgements.count(session, wanted(filters, COUNTING), *of_imports)


def campaigns(session: Session) -> Sequence[Campaign]:
    """Those in which somebody has submitted something here, newest first."""
    worked = select(Annotation.campaign_id).where(Annotation.person_id.is_not(None))
    query = select(Campaign).where(judgements.is_work(), Campaign.id.in_(worked))
    return session.scalars(query.order_by(Campaign.id.desc())).all()


def groups(session: Session) -> Sequence[str]:
    """Labeler groups that have anybody in them."""
    query = select(Person.labeler_group).where(Person.labeler_group.is_not(None)).distinct()
    return [group for group in session.scalars(query.order_by(Person.labeler_group)) if group]


def newest_plan(session: Session) -> CostPlan | None:
    return session.scalar(select(CostPlan).order_by(CostPlan.id.desc()).limit(1))
