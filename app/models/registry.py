"""Model versions and their parents."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, Id, utc_now


class ModelParent(Base):
    """``child`` was made from ``parent``, which played ``role`` (base, sft, reward, policy, reference)."""

    __tablename__ = "model_parents"

    child_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    parent_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))

    parent: Mapped["ModelVersion"] = relationship(foreign_keys=[parent_id])


class ModelVersion(Base):
    """A trained model: a Hugging Face folder below the data folder, and how it came about.

    ``path`` is relative to the data folder; ``metrics`` are the final numbers of its run.
    """

    __tablename__ = "model_versions"
    __table_args__ = (CheckConstraint("kind IN ('base', 'sft', 'reward', 'policy')", name="known_kind"),)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(index=True)
    path: Mapped[str]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"), unique=True)
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshots.id"))
    metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    provenance: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    parents: Mapped[list[ModelParent]] = relationship(foreign_keys=[ModelParent.child_id], order_by=ModelParent.role)
