"""Gold: what researchers agreed on for an item, to teach with and to measure others by; and ongoing calibration."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.annotations import Assignment, Task
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


class Calibration(Base):
    """How a campaign of work measures its labelers while they work, without telling them which items do.

    ``percent`` of each labeler's items are shared with another labeler and with a researcher; 0 = none, and then
    nobody meets hidden gold or repeated items either. ``seed`` chooses the tasks. ``repeat_percent`` of their items
    are ones that they judged before, at least ``repeat_after_items`` other items and ``repeat_after_days`` days ago.
    """

    __tablename__ = "calibrations"
    __table_args__ = (
        CheckConstraint("percent BETWEEN 0 AND 20", name="a_share"),
        CheckConstraint("repeat_percent BETWEEN 0 AND 10", name="a_smaller_share"),
        CheckConstraint("repeat_after_items >= 1", name="not_at_once"),
        CheckConstraint("repeat_after_days >= 0", name="not_before"),
    )

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    percent: Mapped[int]
    seed: Mapped[int]
    repeat_percent: Mapped[int] = mapped_column(default=0)
    repeat_after_items: Mapped[int] = mapped_column(default=20)
    repeat_after_days: Mapped[int] = mapped_column(default=3)
    set_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    set_at: Mapped[datetime] = mapped_column(default=utc_now)


class ExtraAssignment(Base):
    """What an assignment beyond its campaign's overlap is for.

    ``shared``: one more labeler judges the task. ``researcher``: a researcher does. ``gold``: one labeler, whose
    assignment it is, judges a task that has gold. ``repeat``: one labeler judges again what they judged before.
    """

    __tablename__ = "extra_assignments"
    __table_args__ = (CheckConstraint("use IN ('shared', 'researcher', 'gold', 'repeat')", name="known_use"),)

    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"), primary_key=True)
    use: Mapped[str]

    assignment: Mapped[Assignment] = relationship()


class RepeatedTask(Base):
    """A copy of a task for one person who has judged the original; they see the answers in another order."""

    __tablename__ = "repeated_tasks"
    __table_args__ = (UniqueConstraint("original_id", "person_id"),)

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"), primary_key=True)
    original_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
