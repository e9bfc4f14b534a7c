"""The report of a screening from the terminal."""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import NotFound
from app.models import Screening
from app.quality.screening import attempts, queries, report


def screening(session: Session, asked: str, now: datetime, *, as_json: bool) -> Sequence[str]:
    """The report in lines, without names.

    Args:
        session: also writes, where somebody's time is up.
        asked: id or name of a screening; empty for the newest.
        now: the time.
        as_json: all figures as one JSON text instead.

    Raises:
        NotFound: there is no such screening.
    """
    chosen = _asked_for(session, asked)
    attempts.close_overdue(session, chosen, now)
    made = report.report_of(session, chosen)
    return [json.dumps(report.as_json(made), ensure_ascii=False, indent=2)] if as_json else report.as_lines(made)


def _asked_for(session: Session, asked: str) -> Screening:
    named = queries.screening_by_name(session, asked) if asked else queries.newest_screening(session)
    if named is None and asked.isdecimal():
        named = queries.screening_by_id(session, int(asked))
    if named is None:
        raise NotFound(f"There is no screening “{asked}”." if asked else "There is no screening yet.")
    return named
