"""Evidence about who wrote a text, and what people decided about it."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.annotations import WrittenText
from app.models.base import Base, Id, utc_now
from app.models.people import Person


class Detection(Base):
    """What a registered model says about one version of a text; a later run with the same model replaces it.

    The scores are those of ``trainer.contract.records.Detection``, all empty where the text is too short.
    ``pieces`` is the text in tokens: ``[[text, rank or null], …]``. ``context`` says what the model read before it.
    """

    __tablename__ = "detections"
    __table_args__ = (
        UniqueConstraint("written_text_id", "model_version_id"),
        CheckConstraint("context IN ('prompt', 'none')", name="known_context"),
    )

    id: Mapped[Id]
    written_text_id: Mapped[int] = mapped_column(ForeignKey("written_texts.id"))
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True)
    context: Mapped[str]
    tokens: Mapped[int]
    likelihood: Mapped[float | None]
    rank: Mapped[float | None]
    log_rank: Mapped[float | None]
    entropy: Mapped[float | None]
    curvature: Mapped[float | None]
    pieces: Mapped[list[Any]]
    cut: Mapped[bool]


class IntegrityDecision(Base):
    """What a person decided about a text after looking at the evidence, and why; the newest one holds.

    ``nothing`` was found, ``talk`` with the author (who reads the reason and may ``reply``), or ``reject`` the text.
    """

    __tablename__ = "integrity_decisions"
    __table_args__ = (CheckConstraint("verdict IN ('nothing', 'talk', 'reject')", name="known_verdict"),)

    id: Mapped[Id]
    written_text_id: Mapped[int] = mapped_column(ForeignKey("written_texts.id"), index=True)
    verdict: Mapped[str]
    reason: Mapped[str]
    decided_by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime] = mapped_column(default=utc_now)
    reply: Mapped[str] = mapped_column(default="")
    replied_at: Mapped[datetime | None]

    written_text: Mapped[WrittenText] = relationship()
    decider: Mapped[Person] = relationship()
