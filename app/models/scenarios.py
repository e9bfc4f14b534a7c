"""Scenarios: what somebody wants to use a model for, told so that nobody can be recognised."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, Sha256, utc_now


class Scenario(Base):
    """A use of a model in a few vague sentences, from which labelers write prompts (InstructGPT A.1, user-based).

    ``text_sha256`` lets one text stand in the library once. A retired one is offered no more; prompts that were
    written from it keep the text that their author saw.
    """

    __tablename__ = "scenarios"

    id: Mapped[Id]
    title: Mapped[str]
    text: Mapped[str]
    text_sha256: Mapped[Sha256] = mapped_column(unique=True)
    retired_at: Mapped[datetime | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
