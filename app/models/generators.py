"""Servers that answer in place of a model of ours."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, utc_now


class Generator(Base):
    """A server that speaks OpenAI's chat completions, and how hard it may be asked.

    ``sealed_key`` is its key, encrypted; nothing where it wants none. ``requests_per_minute`` is empty where the server
    sets no such limit.
    """

    __tablename__ = "generators"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    url: Mapped[str]
    model: Mapped[str]
    sealed_key: Mapped[str | None]
    concurrency: Mapped[int]
    requests_per_minute: Mapped[int | None]
    timeout_seconds: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
