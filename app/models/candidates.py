"""Answers and where they came from."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, Sha256, utc_now


class Candidate(Base):
    """An answer to a prompt, with its provenance.

    ``origin`` names the source: ``model:<version id>`` for a sampled answer, ``generator:<name>:<model>`` for one that
    a server gave, ``import:<name>`` for one that came from a file. The same text from the same source for the same
    prompt is one row.
    ``sampling`` holds temperature, top_p, max_new_tokens …; ``seed`` is what drew this answer.
    """

    __tablename__ = "candidates"
    __table_args__ = (UniqueConstraint("prompt_id", "origin", "text_sha256"),)

    id: Mapped[Id]
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"))
    text: Mapped[str]
    text_sha256: Mapped[Sha256]
    origin: Mapped[str]
    model_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"), index=True)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"), index=True)
    sampling: Mapped[dict[str, Any]] = mapped_column(default=dict)
    seed: Mapped[int | None] = mapped_column(BigInteger)
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
