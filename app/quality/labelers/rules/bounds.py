"""What a report on people's ongoing work is asked for, and when an alert that was looked at is reopened."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.instruments import QUALITY
from app.judgements.rules import LABELER_QUALITY, Wanted
from app.language import gettext as _
from app.quality.labelers.rules.findings import Bound

LONGEST_NOTE = 2_000


@dataclass(frozen=True)
class Filters:
    """Whose work: of one campaign or of all, submitted from a moment on and before another."""

    campaign: int | None = None
    since: datetime | None = None
    before: datetime | None = None


def wanted(filters: Filters) -> Wanted:
    """What the filters take of what people said: rankings by quality."""
    campaigns = () if filters.campaign is None else (filters.campaign,)
    return Wanted(
        LABELER_QUALITY, campaigns=campaigns, since=filters.since, before=filters.before, criterion=QUALITY.name
    )


def settled(now: datetime, correction_minutes: int) -> datetime:
    """Up to when work stands in what people read about themselves: a Monday, after which nothing before it can change.

    What one reads of oneself comes by whole weeks, so that no figure moves after a single task and tells what it was.
    """
    last = now - timedelta(minutes=correction_minutes)
    return last.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=last.weekday())


def reopens(value: float, looked_at: float, bound: Bound, middle: float | None = None) -> bool:
    """Whether a figure has become worse since somebody looked at its alert.

    ``middle`` is the value of no habit, for measures that are bad in both directions.
    """
    if middle is not None:
        return abs(value - middle) > abs(looked_at - middle)
    return value > looked_at if bound.above else value < looked_at


def bound_problem(value: float | None, *, share: bool) -> str | None:
    """Why a bound cannot be this, or nothing."""
    if value is None:
        return _("A bound is a number, such as 0.65.")
    if share and not 0 < value < 1:
        return _("A bound on a share lies between 0 and 1; both ends would raise alerts for everybody or for nobody.")
    return None if value > 0 else _("A bound is more than 0.")


def with_bounds(usual: Mapping[str, Bound], chosen: Mapping[str, float]) -> dict[str, Bound]:
    """The usual bounds with those that an admin chose."""
    return {
        measure: Bound(chosen.get(measure, bound.bound), bound.fewest, bound.above) for measure, bound in usual.items()
    }
