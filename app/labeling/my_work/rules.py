"""Days and weeks of somebody's work."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

DAYS_SHOWN = 14


@dataclass(frozen=True)
class Piece:
    """One submission as far as progress and time need it.

    Attributes:
        submitted_at: when.
        campaign_id: for which campaign.
        seconds: how long the task was reserved.
        active: how much of it the person was at work; nothing where it was not measured.
    """

    submitted_at: datetime
    campaign_id: int
    seconds: float | None
    active: float | None


@dataclass(frozen=True)
class Sum:
    """Some submissions together; ``measured`` is how many of them have an active time."""

    pieces: int = 0
    active: float = 0.0
    seconds: float = 0.0
    measured: int = 0


def total(pieces: Iterable[Piece]) -> Sum:
    known = list(pieces)
    active = [piece.active for piece in known if piece.active is not None]
    reserved = sum(piece.seconds or 0.0 for piece in known)
    return Sum(len(known), sum(active), reserved, len(active))


def active_total(parts: Mapping[str, float] | None) -> float | None:
    """The active time of a submission over all its parts, or nothing where none was measured."""
    return sum(parts.values()) if parts else None


def midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def monday(now: datetime) -> datetime:
    """Midnight of this week's Monday."""
    return midnight(now) - timedelta(days=now.weekday())


def since(pieces: Iterable[Piece], moment: datetime) -> Sum:
    return total(piece for piece in pieces if piece.submitted_at >= moment)


@dataclass(frozen=True)
class Day:
    """A day's work and, for a picture, its active time as a share of the longest day, from 0 to 1."""

    day: date
    sum: Sum
    share: float


def last_days(pieces: Sequence[Piece], now: datetime, days: int = DAYS_SHOWN) -> list[Day]:
    """The last days up to today, oldest first, also those without work."""
    first = midnight(now) - timedelta(days=days - 1)
    by_day: dict[date, list[Piece]] = {}
    for piece in pieces:
        if piece.submitted_at >= first:
            by_day.setdefault(piece.submitted_at.date(), []).append(piece)
    sums = {day: total(by_day.get(day, [])) for day in (first.date() + timedelta(days=i) for i in range(days))}
    longest = max(day.active for day in sums.values()) or 1.0
    return [Day(day, its, its.active / longest) for day, its in sums.items()]


def day_of(text: str) -> date:
    """A day as a form sends it, ``2026-05-04``.

    Raises:
        ValueError: it is none.
    """
    return date.fromisoformat(text.strip())


def begin_of(day: date, now: datetime) -> datetime:
    """Midnight at which a day begins, in the zone of ``now``."""
    return datetime.combine(day, time(), now.tzinfo)
