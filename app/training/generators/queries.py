from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Generator, Run


def generators(session: Session) -> Sequence[Generator]:
    return session.scalars(select(Generator).order_by(Generator.name)).all()


def generator_by_id(session: Session, generator_id: int) -> Generator | None:
    return session.get(Generator, generator_id)


def generator_by_name(session: Session, name: str) -> Generator | None:
    return session.scalar(select(Generator).where(Generator.name == name))


def open_runs(session: Session) -> Sequence[Run]:
    return session.scalars(select(Run).where(Run.status.in_(("queued", "running"))).order_by(Run.id)).all()
