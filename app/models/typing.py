"""How texts are entered, where people have agreed that it is counted."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, utc_now


class CountedCampaign(Base):
    """A campaign that asks its labelers whether it may be counted how they enter texts; without a row it does not."""

    __tablename__ = "counted_campaigns"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    turned_on_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    turned_on_at: Mapped[datetime] = mapped_column(default=utc_now)


class CountingConsent(Base):
    """What a person answered to a campaign that asked; they may change it at any time."""

    __tablename__ = "counting_consents"
    __table_args__ = (UniqueConstraint("campaign_id", "person_id"),)

    id: Mapped[Id]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    agreed: Mapped[bool]
    decided_at: Mapped[datetime] = mapped_column(default=utc_now)


class TypingRecord(Base):
    """What was counted while a person wrote for a task: ``{page: {name: count}}`` (``app.labeling.typing.rules``).

    It belongs to the annotation of the same task and person, once there is one.
    """

    __tablename__ = "typing_records"
    __table_args__ = (UniqueConstraint("task_id", "person_id"),)

    id: Mapped[Id]
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    pages: Mapped[dict[str, Any]]
