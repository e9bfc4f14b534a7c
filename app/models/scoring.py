"""Answers that people or programs had scored by a reward model."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, Sha256, utc_now


class Scoring(Base):
    """One request for scores and the run that answers it.

    ``digest`` names the folder of the frozen request below ``scorings/``; ``items`` counts prompts, ``answers``
    the answers to them. ``refused`` counts the rows of a file that could not be used; ``refusals`` lists the
    first of them as ``{"line": …, "reason": …}``.
    """

    __tablename__ = "scorings"
    __table_args__ = (CheckConstraint("source IN ('page', 'file', 'api', 'command')", name="known_source"),)

    id: Mapped[Id]
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), unique=True)
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    source: Mapped[str]
    title: Mapped[str]
    digest: Mapped[Sha256] = mapped_column(index=True)
    items: Mapped[int]
    answers: Mapped[int]
    refused: Mapped[int] = mapped_column(default=0)
    refusals: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
