"""Rounds of the survey of labelers, what was answered in all, and whom not to ask again.

Nothing here leads from an answer to a person:

* **No answer is stored**, only counts: of a round there are as many rows as questions have choices, made when it opens.
  So there is no row of somebody's answers, no id, no order and no time of it, nor can two answers of one person be
  put together.
* **A mark** says that a person is not asked again, for having answered *or* declined, the two alike. It has no time and
  no number; on SQLite it lies in the order of persons, not of insertion (``WITHOUT ROWID``).
* **Both are written at once, and all counts of the round each time**, those that stay the same too, also when
  somebody declines: what PostgreSQL keeps with a row (the transaction that wrote it, its place in the table) is then
  the same for all counts and tells nothing about the last one.
* **The audit trail** has the opening and the closing of a round, no answer. **The request log** of a server has the
  same line for an answer as for a refusal: one address takes both.
* **When a round closes, marks and counts are deleted.** What stays is ``result``: what may be published, small numbers
  put together (``app.labeling.surveys.rules``). Before that nobody is shown a figure, since one figure before and
  another one after somebody's answer would tell the answer; a closed round is never opened again for the same reason.
* **Backups**: two of them from an open round, between which exactly one person answered, differ by that person's
  answers. Leave ``survey_marks`` out of backups (``pg_dump --exclude-table-data``), or delete those of the time of a
  round when it is closed. The same holds for whoever records the database's log or the traffic; no program prevents it.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, utc_now


class SurveyRound(Base):
    """A time in which labelers are asked. ``is_open`` is true or empty, so that it can be true for one round only.

    ``result`` is what may be told, made at the closing: ``{"invited": n}``, and where enough people have answered
    ``"answered": n`` and ``"questions": {question: [[[choice, …], count], …]}``.
    """

    __tablename__ = "survey_rounds"
    __table_args__ = (CheckConstraint("is_open IS NULL OR is_open", name="open_or_empty"),)

    id: Mapped[Id]
    name: Mapped[str]
    is_open: Mapped[bool | None] = mapped_column(unique=True)
    opened_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    opened_at: Mapped[datetime] = mapped_column(default=utc_now)
    closed_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class SurveyTally(Base):
    """How often a choice was taken in an open round."""

    __tablename__ = "survey_tallies"
    __table_args__ = (CheckConstraint("count >= 0", name="not_negative"),)

    round_id: Mapped[int] = mapped_column(ForeignKey("survey_rounds.id"), primary_key=True)
    question: Mapped[str] = mapped_column(primary_key=True)
    choice: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(default=0)


class SurveyMark(Base):
    """A person who is not asked again in an open round; whether they answered or declined is not kept."""

    __tablename__ = "survey_marks"
    __table_args__ = ({"sqlite_with_rowid": False},)

    round_id: Mapped[int] = mapped_column(ForeignKey("survey_rounds.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
