"""Gold: what researchers agreed on for an item, to teach with and to measure others by."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.annotations import Task
from app.models.base import Base, Id, utc_now


class GoldItem(Base):
    """The adjudicated verdict on a task.

    ``content`` is ``{"prompt": {name: value}, "answers": {candidate id: {"likert": 1-7, "flags": {name: value}}},
    "ranks": {candidate id: rank}}``, each part as the instrument has it. ``reason`` tells labelers why, where the item
    teaches. ``topic`` groups items, so that a test can say in which fields somebody recognises what is sensitive.
    """

    __tablename__ = "gold_items"

    id: Mapped[Id]
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"), unique=True)
    content: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(default="")
    topic: Mapped[str] = mapped_column(default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime] = mapped_column(default=utc_now)

    task: Mapped[Task] = relationship()
