"""The prompt pool, what was imported into it, and plain-text corpora."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, Sha256, utc_now


class Import(Base):
    """One file somebody brought in, with what was taken and what was refused and why.

    ``unused`` are the fields of its rows that nothing was made of: their names, each with how many rows.
    ``source`` is the name under which the campaign, the answers and the annotators of the file stand: one content, one
    name, so two files of one name never look like one. ``marked`` counts what was kept although it is unusual
    (``app.material.prompts.rules.MARKS``).
    """

    __tablename__ = "imports"

    id: Mapped[Id]
    kind: Mapped[str]
    shape: Mapped[str]
    file_name: Mapped[str]
    file_sha256: Mapped[Sha256]
    source: Mapped[str | None] = mapped_column(index=True)
    rows: Mapped[int]
    added: Mapped[dict[str, Any]] = mapped_column(default=dict)
    repeated: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    rejects: Mapped[list[Any]] = mapped_column(default=list)
    unused: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    marked: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Prompt(Base):
    """A conversation waiting for an answer.

    ``messages`` is a list of ``{"role", "content"}``, the last one the user's;
    ``fingerprint`` is the SHA-256 of their canonical JSON, so one conversation is one row.
    ``user_key`` is a pseudonym of whoever wrote the prompt: splits keep a user on one side.
    ``sensitive`` says whether labelers are warned before they read it; empty while nobody has said so or not.
    ``high_stakes`` says whether a small mistake in an answer could cost somebody dearly, so that labels for evaluation
    make no exception for it (IG Fig. 10); empty likewise.
    """

    __tablename__ = "prompts"

    id: Mapped[Id]
    fingerprint: Mapped[Sha256] = mapped_column(unique=True)
    messages: Mapped[list[Any]]
    use_case: Mapped[str | None]
    language: Mapped[str | None]
    user_key: Mapped[str | None] = mapped_column(index=True)
    source: Mapped[str] = mapped_column(index=True)
    sensitive: Mapped[bool | None]
    high_stakes: Mapped[bool | None]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    import_id: Mapped[int | None] = mapped_column(ForeignKey("imports.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Corpus(Base):
    """Plain text for pretraining and for the pretraining mix; the text lies in the data folder."""

    __tablename__ = "corpora"

    id: Mapped[Id]
    name: Mapped[str]
    digest: Mapped[Sha256] = mapped_column(unique=True)
    path: Mapped[str]
    documents: Mapped[int]
    characters: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
