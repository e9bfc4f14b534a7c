"""Drafts: what a person has entered and not submitted yet, each part saved by itself."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.labeling.annotations.queries import submissions
from app.labeling.annotations.reservation import Work, renew, submission_of
from app.labeling.annotations.rules import labels
from app.labeling.annotations.rules.drafts import RANKS, Edit, Standing, following, standing
from app.labeling.annotations.rules.submission import (
    Submission,
    Verdict,
    note_problem,
    prompt_labels_problem,
    rank_problems,
    verdict_problem,
)
from app.language import gettext as _
from app.material.schemas.rules import ANSWER, PROMPT
from app.models import (
    Draft,
    Person,
)


class SavedElsewhere(Conflict):
    """A part of a draft was saved from another page after this one was opened; ``revision`` is what it is now."""

    def __init__(self, revision: int) -> None:
        super().__init__(
            _(
                "This was changed in another tab or on another device after this page was opened. "
                "Nothing was overwritten, and what you entered here is still here."
            )
        )
        self.also = {"revision": revision}


def keep(draft: Draft, now: datetime, **changed: Any) -> None:
    draft.content = {**draft.content, **changed}  # a new object, so that the change is seen
    draft.updated_at = now


def keep_part(draft: Draft, now: datetime, part: str, edit: Edit | None, **changed: Any) -> None:
    """Keep a part of a draft, unless its page has saved a later state of it already.

    Raises:
        SavedElsewhere: another page has saved another state of it since this one was opened.
    """
    revisions = draft.content.get("revisions", {})
    stored = revisions.get(part, {})
    stands = standing(stored, edit)
    if stands is Standing.OUTDATED and any(draft.content.get(name) != value for name, value in changed.items()):
        raise SavedElsewhere(stored["revision"])
    if stands is Standing.NEXT:
        keep(draft, now, revisions=revisions | {part: following(stored, edit)}, **changed)


def _versions(draft: Draft, part: str, shown: int | None) -> dict[str, int]:
    """Which version was shown for each part of a draft, with this part's; 0 where a form did not say."""
    return {**draft.content.get("versions", {}), part: shown or 0}


def save_answer(
    session: Session,
    person: Person,
    task_id: int,
    candidate_id: int,
    now: datetime,
    *,
    verdict: Verdict,
    shown: int | None,
    edit: Edit | None = None,
) -> Work:
    """Keep what was entered for one answer, and the reservation.

    ``shown`` is the version of the label schema on the page. Of answers to another version than the campaign's
    those are kept that the campaign still asks for; the caller tells the person.
    """
    work = renew(session, person, task_id, now)
    if candidate_id not in work.letters:
        raise NotFound(_("This answer does not belong to the task."))
    if shown != work.version:
        verdict = replace(verdict, flags=labels.fitting(work.schema, ANSWER, verdict.flags))
    if problem := verdict_problem(verdict, work.schema, rated=work.rated):
        raise Invalid(problem, {"note": problem} if note_problem(verdict.note) else None)
    stored = {"likert": verdict.likert, "flags": dict(verdict.flags), "note": verdict.note}
    answers = {**work.draft.content.get("answers", {}), str(candidate_id): stored}
    versions = _versions(work.draft, str(candidate_id), shown)
    keep_part(work.draft, now, str(candidate_id), edit, answers=answers, versions=versions)
    return work


def save_prompt_labels(
    session: Session,
    person: Person,
    task_id: int,
    now: datetime,
    prompt_labels: Mapping[str, str],
    *,
    shown: int | None,
    edit: Edit | None = None,
) -> Work:
    """Keep the labels of the prompt; flags of answers that they make pointless are dropped.

    ``shown`` is the version of the label schema on the page, as for ``save_answer``.
    """
    work = renew(session, person, task_id, now)
    if shown != work.version:
        prompt_labels = labels.fitting(work.schema, PROMPT, prompt_labels)
    if problem := prompt_labels_problem(prompt_labels, work.schema):
        raise Invalid(problem)
    answers = {
        key: {**answer, "flags": labels.without_inapplicable(work.schema, answer["flags"], prompt_labels)}
        for key, answer in work.draft.content.get("answers", {}).items()
    }
    versions = _versions(work.draft, PROMPT, shown)
    keep_part(work.draft, now, PROMPT, edit, prompt=dict(prompt_labels), answers=answers, versions=versions)
    return work


def save_ranks(
    session: Session,
    person: Person,
    task_id: int,
    now: datetime,
    ranks: Mapping[int, int],
    *,
    none_acceptable: bool = False,
    edit: Edit | None = None,
) -> Work:
    """Keep the lanes as far as they are filled, and whether none of the answers is acceptable.

    Raises:
        NotFound: one of the answers is not of this task.
        Invalid: a rank is none of the lanes; or parts 1 and 2 are not complete and never were (a change of the
            questions costs nobody their lanes).
    """
    work = renew(session, person, task_id, now)
    if set(ranks) - set(work.letters):
        raise NotFound(_("This answer does not belong to the task."))
    if (missing := work.before_ranking) and not (work.outdated or work.submission.ranks):
        raise Invalid(" ".join(missing))
    wrong = {c: sentence for c, sentence in rank_problems(ranks, work.letters).items() if c in ranks}
    if wrong:
        raise Invalid(" ".join(wrong.values()), beside_ranks(wrong))
    stored = {str(candidate): rank for candidate, rank in ranks.items()}
    keep_part(work.draft, now, RANKS, edit, ranks=stored, none_acceptable=none_acceptable)
    return work


def possible_ranks(work: Work, ranks: Mapping[int, int]) -> dict[int, int]:
    """Of ranks that somebody posted those that can be kept: of this task's answers, in one of its lanes."""
    wrong = rank_problems(ranks, work.letters)
    return {candidate: ranks[candidate] for candidate in work.order if candidate not in wrong}


def beside_ranks(problems: Mapping[int, str]) -> dict[str, str]:
    """Sentences by the field of the form that they stand beside."""
    return {f"rank-{candidate}": sentence for candidate, sentence in problems.items()}


def draft_submission(session: Session, person: Person, task_id: int) -> Submission:
    """What a person's draft holds, whether or not the task is still theirs; empty without a draft."""
    draft = submissions.draft_for(session, person.id, task_id)
    return submission_of(draft.content) if draft else Submission({}, {})
