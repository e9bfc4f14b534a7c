"""Which tasks of a campaign are shared, and when a labeler meets hidden gold or an item once more; pure.

The parts that are drawn depend on seeds and ids alone, so that the same plan always comes out the same.
"""

import hashlib
import json
from dataclasses import dataclass

from app.language import gettext as _

USUAL_PERCENT = 15
LEAST_PERCENT, MOST_PERCENT = 10, 20
USUAL_REPEATS, MOST_REPEATS = 5, 10
GOLD_EVERY = 10
"""One hidden gold item comes among every so many items of a labeler, as long as there are some."""


@dataclass(frozen=True)
class Plan:
    """How a campaign is calibrated; the attributes are those of ``Calibration``."""

    percent: int = 0
    repeat_percent: int = 0
    repeat_after_items: int = 20
    repeat_after_days: int = 3


def plan_problem(plan: Plan) -> str | None:
    """Why a campaign cannot be calibrated like this, or nothing."""
    checks = (
        (
            plan.percent == 0 or LEAST_PERCENT <= plan.percent <= MOST_PERCENT,
            _(
                "Share %(least)s to %(most)s %% of each labeler's items, or 0 for none, not %(number)s %%.",
                least=LEAST_PERCENT,
                most=MOST_PERCENT,
                number=plan.percent,
            ),
        ),
        (
            0 <= plan.repeat_percent <= MOST_REPEATS,
            _(
                "At most %(most)s %% of a labeler's items can come again, not %(number)s %%.",
                most=MOST_REPEATS,
                number=plan.repeat_percent,
            ),
        ),
        (
            not plan.repeat_percent or plan.percent > 0,
            _("Items can come again only where some are shared; share some, or let none come again."),
        ),
        (
            1 <= plan.repeat_after_items <= 1_000,
            _(
                "Between an item and its repetition lie 1 to 1,000 others, not %(number)s.",
                number=plan.repeat_after_items,
            ),
        ),
        (
            0 <= plan.repeat_after_days <= 90,
            _("An item comes again after 0 to 90 days, not %(number)s.", number=plan.repeat_after_days),
        ),
    )
    return next((sentence for fine, sentence in checks if not fine), None)


def people_of_shared(overlap: int) -> int:
    """How many labelers judge a shared task: two at least, or as many as judge every task."""
    return max(overlap, 2)


def share_of_tasks(percent: int, overlap: int) -> float:
    """The share s of tasks to share so that ``percent`` of what each labeler judges is shared.

    A shared task is judged by m labelers and another by ``overlap``, so of all judgements the shared ones are
    f = s·m / (s·m + (1 - s)·overlap); this is solved for s.
    """
    f, m = percent / 100, people_of_shared(overlap)
    return f * overlap / (m * (1 - f) + f * overlap)


def is_shared(seed: int, task_id: int, share: float) -> bool:
    """Whether a task is drawn; another share with the same seed keeps as many of the same tasks as it can."""
    return _unit("shared", seed, task_id) < share


def place(seed: int, task_id: int) -> float:
    """Where a task stands among those that nobody has begun: scattered, so that an address tells nothing."""
    return _unit("place", seed, task_id)


def gold_is_due(done: int, assigned: int, *, seed: int, person_id: int) -> bool:
    """Whether a labeler who has submitted ``done`` items, ``assigned`` of them hidden gold, meets the next one.

    Of each ``GOLD_EVERY`` items one is gold, at a place that differs from time to time and from person to person.
    """
    return _falls_due(done, assigned, GOLD_EVERY, "gold", seed, person_id)


def repeat_is_due(done: int, assigned: int, percent: int, *, seed: int, person_id: int) -> bool:
    """Whether a labeler meets an item once more, by the same rule: ``percent`` of their items."""
    return percent > 0 and _falls_due(done, assigned, round(100 / percent), "repeat", seed, person_id)


def _falls_due(done: int, assigned: int, every: int, *what: object) -> bool:
    within = int(_unit(*what, assigned) * every)
    return done >= assigned * every + within


def fingerprint_of_repetition(original_id: int, person_id: int) -> str:
    """A copy is told from its original and from the copies for other people."""
    return hashlib.sha256(json.dumps(["repeat", original_id, person_id]).encode()).hexdigest()


def _unit(*what: object) -> float:
    """A number from 0 to below 1 that hangs on its arguments alone and looks drawn by chance."""
    digest = hashlib.sha256(":".join(map(str, what)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
