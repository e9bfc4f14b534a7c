"""What people decide about the watch over ongoing work: bounds of alerts, and alerts that somebody has looked at."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, utc_now


class AlertBound(Base):
    """The bound of a measure where an admin chose another than ``app.quality.labelers.rules.ongoing.BOUNDS`` has."""

    __tablename__ = "alert_bounds"

    measure: Mapped[str] = mapped_column(primary_key=True)
    bound: Mapped[float]
    set_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    set_at: Mapped[datetime] = mapped_column(default=utc_now)


class AlertNote(Base):
    """Somebody has looked at an alert and says what came of it; ``value`` is what the measure was then."""

    __tablename__ = "alert_notes"
    __table_args__ = (Index("ix_alert_notes_person", "person_id", "measure"),)

    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    measure: Mapped[str]
    value: Mapped[float]
    note: Mapped[str]
    written_by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    written_at: Mapped[datetime] = mapped_column(default=utc_now)
