"""Label schemas: what is asked about a prompt and about each answer, as data that an admin edits."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, Id, utc_now


class LabelSchema(Base):
    """A set of questions under a name; what it asks stands in its versions."""

    __tablename__ = "label_schemas"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class LabelSchemaVersion(Base):
    """The questions as they were at one time. A row is only ever added: stored labels name it.

    ``number`` counts the versions of a schema from 1. ``content`` is what ``app.material.schemas.rules`` reads:
    ``{"prompt": [field, …], "answer": [field, …]}``. ``reason`` says in words why it was made.
    """

    __tablename__ = "label_schema_versions"
    __table_args__ = (
        UniqueConstraint("schema_id", "number"),
        CheckConstraint("number >= 1", name="number_from_one"),
    )

    id: Mapped[Id]
    schema_id: Mapped[int] = mapped_column(ForeignKey("label_schemas.id"))
    number: Mapped[int]
    content: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    label_schema: Mapped[LabelSchema] = relationship()
