"""Active time of a task, by part: what a page may report, and how much of it counts.

A page counts the seconds in which its window is in front and its person has touched something lately
(``IDLE_AFTER_SECONDS``), each for the part they were at. It reports its whole count so far, again and again, under a
name of its own (the view). The larger of two reports of one view holds, so one that comes twice, late or in another
order adds nothing; and all that counts together never exceeds the time for which the task has been reserved.
"""

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.language import gettext as _

IDLE_AFTER_SECONDS = 60
"""After so long without a key, a pointer, a scroll or a touch nobody is counted as working."""

PROMPT, RANKING, WRITING = "prompt", "ranking", "writing"
ANSWER = "answer:"
"""The parts: labelling the prompt, rating an answer (``answer:<id>``), ordering all of them, writing."""

LONGEST_SECONDS = 24 * 3600
"""Of one part in one view; more is no measurement."""
MOST_PARTS = 24
_VIEW = re.compile(r"[0-9A-Za-z-]{8,40}")


@dataclass(frozen=True)
class Report:
    """What a view has counted since it was opened: seconds by part."""

    view: str
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Active:
    """What counts of a task so far.

    Attributes:
        parts: seconds that count, by part.
        views: the largest report of each view, by part; whether all of it counted or not.
    """

    parts: Mapping[str, float] = field(default_factory=dict)
    views: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return math.fsum(self.parts.values())


def report_of(view: str, seconds: str) -> Report | str:
    """Read what a page sent, or say in a sentence why it is no measurement."""
    if not _VIEW.fullmatch(view):
        return _("The time came without the name of the page that counted it.")
    try:
        seconds_by_part = json.loads(seconds)
    except ValueError:
        return _("The time that this page counted cannot be read.")
    if (
        not isinstance(seconds_by_part, dict)
        or len(seconds_by_part) > MOST_PARTS
        or not all(map(_is_measured, seconds_by_part.values()))
    ):
        return _(
            "The time of a part is a number of seconds from 0 to %(most)s, and nothing else.", most=LONGEST_SECONDS
        )
    return Report(view, {part: float(value) for part, value in seconds_by_part.items()})


def _is_measured(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value <= LONGEST_SECONDS  # type: ignore[operator]  # NaN is not between them


def unknown_part(report: Report, answers: Collection[int]) -> str | None:
    """A part of a report that a task with these answers does not have."""
    known = {PROMPT, RANKING, WRITING, *(f"{ANSWER}{candidate}" for candidate in answers)}
    return next((part for part in report.seconds if part not in known), None)


def counted(active: Active, report: Report, reserved_seconds: float) -> Active:
    """Take in a report: what is new in it counts as far as the time since it was reserved reaches.

    ``reserved_seconds`` is for how long the task has been reserved until now. What does not fit is not made up for
    later: nobody worked longer than the clock ran, so something else was wrong.
    """
    before = active.views.get(report.view, {})
    parts = dict(active.parts)
    room = max(0.0, reserved_seconds - active.total)
    for part, seconds in report.seconds.items():
        new = min(max(0.0, seconds - before.get(part, 0.0)), room)
        if new > 0:
            parts[part] = parts.get(part, 0.0) + new
            room -= new
    largest = {part: max(report.seconds.get(part, 0.0), before.get(part, 0.0)) for part in {*report.seconds, *before}}
    return Active(parts, {**active.views, report.view: largest})


def active_of(stored: Mapping[str, Any] | None) -> Active:
    """Read what is stored with a draft."""
    stored = stored or {}
    return Active(stored.get("parts", {}), stored.get("views", {}))


def together(before: Mapping[str, float], more: Mapping[str, float]) -> dict[str, float]:
    """The seconds of every part of two times of work on one task."""
    return {part: before.get(part, 0.0) + more.get(part, 0.0) for part in {**before, **more}}


def rounded(parts: Mapping[str, float]) -> dict[str, float]:
    """Tenths of seconds for keeping, rounded down, so that their sum stays below the time of the reservation."""
    return {part: tenths / 10 for part, seconds in parts.items() if (tenths := math.floor(seconds * 10))}
