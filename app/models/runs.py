"""Training runs."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, Id, utc_now

STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")


class RunParent(Base):
    """A model that a run starts from, in a role."""

    __tablename__ = "run_parents"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))


class Worker(Base):
    """A worker process that runs, what its machine has, and when it was last seen."""

    __tablename__ = "workers"

    owner: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    cores: Mapped[int]
    memory_mb: Mapped[int]
    seen_at: Mapped[datetime]


class Run(Base):
    """One execution of a stage as a durable workflow.

    ``config`` is the stage's configuration as the trainer will read it; ``purpose`` says what the
    application does with the result (for a sample run: the campaign that its answers go to).
    ``step`` of ``total`` and ``latest`` (the last line of metrics) are kept here by the worker so
    that a list of runs needs no files. ``attempts`` counts starts of the child process.

    A running run has an ``owner``, the process of a worker; ``worker`` names it for people. ``fence`` is raised each
    time the run changes hands, ``heartbeat_at`` is the owner's last sign of life by the database's clock (see
    ``app.training.runs.leases``). ``worked_seconds`` is the time that earlier owners worked on it, nothing where it was
    not measured; the present one has since ``resumed_at``. ``resumable`` says of a failed run whether going on may
    help.
    """

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="known_status"),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    stage: Mapped[str] = mapped_column(index=True)
    status: Mapped[str] = mapped_column(default="queued", index=True)
    seed: Mapped[int] = mapped_column(default=0)
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    purpose: Mapped[dict[str, Any]] = mapped_column(default=dict)
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshots.id"))
    step: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    latest: Mapped[dict[str, Any]] = mapped_column(default=dict)
    attempts: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None]
    owner: Mapped[str | None]
    fence: Mapped[int] = mapped_column(default=0, server_default="0")
    heartbeat_at: Mapped[datetime | None]
    worked_seconds: Mapped[float | None]
    resumed_at: Mapped[datetime | None]
    resumable: Mapped[bool] = mapped_column(default=True, server_default=true())
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    parents: Mapped[list[RunParent]] = relationship()
