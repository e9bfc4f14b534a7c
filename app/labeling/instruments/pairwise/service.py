"""Comparisons of two answers: their drafts, and storing them as an order of two with its strength."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.labeling.annotations import reservation, service
from app.labeling.annotations.drafts import keep_part
from app.labeling.annotations.reservation import Work
from app.labeling.annotations.rules.drafts import RANKS, Edit
from app.labeling.annotations.rules.submission import Submission, Verdict
from app.labeling.instruments.pairwise.rules import BARS, Bar, step_problem
from app.models import Annotation, Campaign, Person

STRENGTH = "strength"


def bar_of(campaign: Campaign) -> Bar:
    return BARS[(campaign.settings or {})["steps"]]


def step_in(work: Work) -> int | None:
    """The step that the draft holds, as this person sees the answers."""
    ranks = work.submission.ranks
    if not ranks:
        return None
    first, second = (ranks[candidate] for candidate in work.order)
    strength = work.draft.content.get(STRENGTH) or 0
    return bar_of(work.task.campaign).step_of(strength if first < second else -strength)


def save_step(
    session: Session, person: Person, task_id: int, now: datetime, step: int | None, edit: Edit | None = None
) -> Work:
    """Keep the chosen step, or that none is chosen any more, and the reservation.

    Raises:
        Invalid: the bar has no such step.
    """
    work = reservation.renew(session, person, task_id, now)
    bar = bar_of(work.task.campaign)
    if step is not None and (problem := step_problem(step, bar)):
        raise Invalid(problem, {"step": problem})
    strength = 0 if step is None else bar.strength_of(step)
    ranks = {} if step is None else {str(candidate): rank for candidate, rank in _ranks(work, strength).items()}
    keep_part(work.draft, now, RANKS, edit, ranks=ranks, strength=abs(strength))
    return work


def _ranks(work: Work, strength: int) -> dict[int, int]:
    first, second = work.order
    return {first: 2 if strength < 0 else 1, second: 2 if strength > 0 else 1}


def submit(session: Session, person: Person, task_id: int, now: datetime, step: int | None) -> Annotation:
    """Store a comparison; the assignment closes and the draft goes.

    Raises:
        Invalid: nothing is chosen, or the bar has no such step; the draft stays.
        Conflict: as in ``annotations.service.submit``.
    """
    work = reservation.reserved_again(session, person, task_id, now)
    bar = bar_of(work.task.campaign)
    if problem := step_problem(step, bar):
        raise Invalid(problem, {"step": problem})
    strength = bar.strength_of(step or 0)
    ranks = _ranks(work, strength)
    submission = Submission({candidate: Verdict() for candidate in work.order}, ranks)
    annotation = service.submit(session, person, task_id, now, submission)
    annotation.strength = float(abs(strength))
    return annotation
