"""Giving a task back for good, taking that back, and what researchers see of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.labeling.annotations import queries, service
from app.labeling.annotations.rules import campaigns as campaign_rules
from app.labeling.annotations.rules import skips as rules
from app.language import gettext as _
from app.models import Lease, Person, Prompt, Skip
from app.people.service import record


def skip(session: Session, person: Person, task_id: int, now: datetime, *, reason: str, note: str = "") -> Skip:
    """Give a task back: the slot is free for others, and this person is not offered it again. The draft stays.

    Raises:
        Invalid: the reason is none of ours, or "other" without a word.
    """
    check(reason, note)
    work = service.work_for(session, person, task_id, lock=True)
    if work.corrected:
        raise Invalid(_("You have submitted this already, so there is nothing to skip."))
    if not service.is_reserved(work.lease):  # what is reserved for somebody is of no use to others
        work.lease.person_id = work.lease.leased_at = work.lease.expires_at = None
    skipped = Skip(task_id=task_id, person_id=person.id, reason=reason, note=note.strip(), skipped_at=now)
    session.add(skipped)
    record(session, person, "skipped task", work.task, {"reason": reason, "note": note.strip()})
    return skipped


def check(reason: str, note: str) -> None:
    """Refuse a reason that is none of ours, or "other" without a word.

    Raises:
        Invalid: it is so.
    """
    if problem := rules.skip_problem(reason, note.strip()):
        raise Invalid(problem)


def take_back(session: Session, person: Person, task_id: int, now: datetime) -> Lease:
    """Hold a skipped task again, with what was entered before, as if it had never been skipped.

    Raises:
        NotFound: this person has not skipped it.
        Conflict: it was too long ago, or the slot is somebody else's by now; the skip stays.
    """
    queries.lock_person(session, person.id)
    skipped = queries.skip_of(session, person.id, task_id)
    if skipped is None:
        raise NotFound(_("You have not skipped this task, so there is nothing to take back."))
    if not rules.may_be_taken_back(skipped.skipped_at, now):
        minutes = round(rules.TAKE_BACK_WITHIN.total_seconds() / 60)
        raise Conflict(_("A skip can be taken back for %(minutes)s minutes. This one stays.", minutes=minutes))
    kept = queries.lease_for(session, person.id, task_id)
    if kept is not None and service.is_reserved(kept):
        session.delete(skipped)
        record(session, person, "took skip back", skipped.task, {"reason": skipped.reason})
        return kept
    purposes = campaign_rules.purposes_open_to(person.role)
    slot = queries.free_slot_of_task(session, person.id, task_id, now, purposes=purposes, skipped_too=True)
    if slot is None:
        raise Conflict(_("Somebody else is working on this task by now, so the skip stays."))
    session.delete(skipped)
    record(session, person, "took skip back", skipped.task, {"reason": skipped.reason})
    service.hold_slot(session, slot, person, now)
    return slot


@dataclass(frozen=True)
class SkippedPrompt:
    """What people said when they skipped a prompt; never who they were, for a skip counts against nobody.

    There is no ``prompt`` where one was to be written, perhaps from a ``scenario``.
    """

    prompt: Prompt | None
    scenario: str
    reasons: Mapping[str, int]
    notes: Sequence[str]
    last: datetime

    @property
    def unclear_to_many(self) -> bool:
        return rules.is_unclear_to_many(self.reasons.get("unclear", 0))

    @property
    def times(self) -> int:
        return sum(self.reasons.values())


@dataclass(frozen=True)
class Skipped:
    """The skips of a campaign: by reason, the most frequent first, and by prompt."""

    reasons: Sequence[tuple[str, int]]
    prompts: Sequence[SkippedPrompt]
    of_prompts: int

    @property
    def times(self) -> int:
        return sum(count for _reason, count in self.reasons)


def skipped_in(session: Session, campaign_id: int, shown: int) -> Skipped:
    """The skips of a campaign; of its prompts the ``shown`` ones that most need a look."""
    by_prompt: dict[tuple[int | None, int | None], list[Skip]] = {}
    for row in queries.skips_in(session, campaign_id):
        by_prompt.setdefault((row.task.prompt_id, row.task.scenario_id), []).append(row)
    prompts = sorted(map(_of_prompt, by_prompt.values()), key=lambda p: (p.unclear_to_many, p.times, p.last))
    reasons = Counter(row.reason for rows in by_prompt.values() for row in rows)
    return Skipped(reasons.most_common(), prompts[::-1][:shown], len(prompts))


def _of_prompt(rows: Sequence[Skip]) -> SkippedPrompt:
    return SkippedPrompt(
        prompt=rows[0].task.prompt,
        scenario=rows[0].task.scenario.title if rows[0].task.scenario else "",
        reasons=dict(Counter(row.reason for row in rows).most_common()),
        notes=[row.note for row in rows if row.note],
        last=max(row.skipped_at for row in rows),
    )
