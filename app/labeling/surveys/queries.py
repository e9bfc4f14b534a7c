from collections.abc import Collection, Sequence

from sqlalchemy import and_, case, delete, false, func, or_, select, update
from sqlalchemy.orm import Session

from app.models import Person, SurveyMark, SurveyRound, SurveyTally


def rounds(session: Session) -> Sequence[SurveyRound]:
    """All rounds, newest first."""
    return session.scalars(select(SurveyRound).order_by(SurveyRound.id.desc())).all()


def round_by_id(session: Session, round_id: int, *, lock: bool = False) -> SurveyRound | None:
    """A round; locked where its answers change, so that answers and the closing follow one another."""
    query = select(SurveyRound).where(SurveyRound.id == round_id).execution_options(populate_existing=True)
    return session.scalar(query.with_for_update() if lock else query)


def open_round(session: Session) -> SurveyRound | None:
    return session.scalar(select(SurveyRound).where(SurveyRound.is_open.is_(True)))


def is_marked(session: Session, round_id: int, person_id: int) -> bool:
    return session.get(SurveyMark, (round_id, person_id)) is not None


def invited(session: Session, round_id: int | None = None) -> int:
    """How many people a survey is for: all active labelers, and whoever left since they were asked in this round."""
    asked = select(SurveyMark.person_id).where(SurveyMark.round_id == round_id)
    is_or_was = or_(and_(Person.role == "labeler", Person.active), Person.id.in_(asked))
    return session.scalar(select(func.count(Person.id)).where(is_or_was)) or 0


def counts(session: Session, round_id: int) -> dict[tuple[str, str], int]:
    """Of each question and choice."""
    rows = session.scalars(select(SurveyTally).where(SurveyTally.round_id == round_id))
    return {(row.question, row.choice): row.count for row in rows}


def answered(session: Session, round_id: int, question: str) -> int:
    """How many have answered an open round; ``question`` is any, for whoever answers answers all."""
    query = select(func.sum(SurveyTally.count)).where(SurveyTally.round_id == round_id)
    return session.scalar(query.where(SurveyTally.question == question)) or 0


def add(session: Session, round_id: int, chosen: Collection[tuple[str, str]]) -> None:
    """Count these choices, and write all the others of the round anew as they were (see ``app.models.surveys``)."""
    taken = (and_(SurveyTally.question == question, SurveyTally.choice == choice) for question, choice in chosen)
    more = case((or_(false(), *taken), 1), else_=0)
    session.execute(
        update(SurveyTally)
        .where(SurveyTally.round_id == round_id)
        .values(count=SurveyTally.count + more)
        .execution_options(synchronize_session=False)
    )


def forget(session: Session, round_id: int) -> None:
    """Delete the counts and the marks of a round."""
    for table in (SurveyMark, SurveyTally):
        session.execute(delete(table).where(table.round_id == round_id))
