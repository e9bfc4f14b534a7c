"""Giving out tasks, drafts, and taking in what people say."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.labeling.annotations import activity, calibration, campaigns, corrections, queries
from app.labeling.annotations.rules import activity as activity_rules
from app.labeling.annotations.rules import campaigns as campaign_rules
from app.labeling.annotations.rules import labels
from app.labeling.annotations.rules.drafts import RANKS, Edit, Standing, following, standing
from app.labeling.annotations.rules.submission import (
    Submission,
    Verdict,
    answer_is_complete,
    labels_changed,
    missing_before_ranking,
    note_problem,
    outdated,
    prompt_labels_problem,
    rank_problems,
    submission_problems,
    verdict_problem,
)
from app.language import gettext as _
from app.language import mark, ngettext
from app.material.candidates.rules import candidate_letter, shuffled_order
from app.material.guidelines import service as guidelines
from app.material.guidelines.courses import course_before
from app.material.schemas.rules import ANSWER, PROMPT, Schema, for_reader, schema_of
from app.models import (
    Annotation,
    Campaign,
    Draft,
    Flag,
    Lease,
    Person,
    Ranking,
    Rating,
    Task,
    WrittenText,
)
from app.people.service import record
from app.roles import may
from trainer.statistics.weak_orders import densify, weak_order

TIME_IS_UP = mark("The time for this is up. What was saved until then is kept; what you changed since is not.")
WRONG_INSTRUMENT = {
    "ranking": mark("This task asks for ratings and an order, not for a text. Reload the page."),
    "demonstration": mark("This task asks for a text, and none was sent. Write the answer, then submit."),
    "authoring": mark("This task asks for a prompt and its answer, and none was sent. Reload the page."),
    "toxicity": mark("This task asks for scores and an order, not for a text. Reload the page."),
}


# Giving out tasks --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Offer:
    """A task to work on, or a sentence saying why there is none.

    ``to_confirm`` is the campaign whose guideline the person has to confirm before they get its next task, and
    ``to_learn`` the course that they have to pass before that.
    """

    lease: Lease | None
    reason: str = ""
    to_confirm: int | None = None
    to_learn: int | None = None


def take_next(session: Session, person: Person, now: datetime, campaign_id: int | None = None) -> Offer:
    """Give a person a task to hold until ``now`` + the campaign's lease time.

    Whoever still holds one in the campaign gets that one back, and a text that was sent back comes before new
    work. A slot whose time is up returns to anyone, also to whoever let it go; their draft is still there.
    Labelers get no free slot of a bank; what is reserved for somebody they hold already. Where they are calibrated,
    an item with gold, or one they have judged before, may take the place of the next one; it looks like any other.
    """
    queries.lock_person(session, person.id)
    purposes = campaign_rules.purposes_open_to(person.role)
    if not purposes:  # there is nothing for them but what is reserved for them, in whichever bank
        return Offer(queries.live_lease_of(session, person.id, queries.open_campaigns(session, None), now))
    campaigns_open = queries.open_campaigns(session, campaign_id)
    if held := queries.live_lease_of(session, person.id, campaigns_open, now):
        return Offer(held)
    if returned := queries.oldest_returned(session, person.id, campaigns_open):
        return Offer(returned)
    campaign_ids = [id_ for id_, purpose in campaigns_open.items() if purpose in purposes]
    researcher = may(person.role, "adjudicate")
    slot = queries.next_free_slot(session, person.id, campaign_ids, now, researcher=researcher)
    if slot is None:
        return Offer(None, why_nothing(session, person, now, campaign_ids, campaign_id))
    if before := _comes_before(session, person, campaigns.campaign_for(session, slot.campaign_id)):
        return before
    if not researcher:
        slot = calibration.hidden_slot(session, person, slot.campaign_id, now) or slot
    hold_slot(session, slot, person, now)
    return Offer(slot)


def _comes_before(session: Session, person: Person, campaign: Campaign) -> Offer | None:
    """What a person has to learn or to read before the next task of a campaign."""
    name = campaign_rules.name_for_labelers(campaign.id, campaign.name, campaign.phase)
    if course := course_before(session, person, campaign):
        reason = _("Before the next task of “%(name)s” comes a course: “%(course)s”.", name=name, course=course.name)
        return Offer(None, reason, to_learn=course.id)
    if version := guidelines.unconfirmed(session, person, campaign):
        reason = _(
            "Before the next task of “%(name)s” comes its guideline: read version %(number)s and confirm it.",
            name=name,
            number=version.number,
        )
        return Offer(None, reason, to_confirm=campaign.id)
    return None


def hold_slot(session: Session, slot: Lease, person: Person, now: datetime) -> None:
    """Give a free slot to a person for the campaign's lease time, with a draft if they have none of the task."""
    campaign = campaigns.campaign_for(session, slot.campaign_id)
    slot.person_id = person.id
    slot.leased_at = now
    slot.expires_at = now + timedelta(minutes=campaign.lease_minutes)
    if draft := queries.draft_for(session, person.id, slot.task_id, lock=True):
        activity.begin_hold(draft, now)
    else:
        order = shuffled_order(
            queries.candidate_ids_of(session, slot.task_id),
            task_id=slot.task_id,
            person_id=person.id,
            seed=campaign.id,
        )
        session.add(Draft(task_id=slot.task_id, person_id=person.id, shown_order=order, started_at=now, updated_at=now))
    session.flush()


def why_nothing(
    session: Session, person: Person, now: datetime, campaign_ids: list[int], campaign_id: int | None
) -> str:
    """Why there is no task for a person in the open ones of some campaigns; ``campaign_id`` where they chose one."""
    if not campaign_ids:
        paused = [
            campaign_rules.name_for_labelers(c.id, c.name, c.phase)
            for c in queries.working_campaigns(session, campaign_rules.purposes_open_to(person.role))
            if c.status == "paused" and campaign_id in (None, c.id)
        ]
        if paused:
            return _("“%(name)s” is paused. New tasks come when it opens again.", name=paused[0])
        return _("No campaign is open at the moment. New tasks come when the next one starts.")
    if not queries.unfinished_slots(session, person.id, campaign_ids):
        return _("Everything here is done. Thank you!")
    if queries.slots_spared(session, person.id, campaign_ids, now):
        return _(
            "All that is left for you is marked as sensitive, and you asked not to be offered such tasks. "
            "You can change that under “Sensitive content” in the menu with your name."
        )
    if soonest := queries.first_return(session, person.id, campaign_ids):
        minutes = max(1, round((soonest - now).total_seconds() / 60))
        return ngettext(
            "Other people are working on all that is left for you. If they let a task go, it comes back "
            "in about %(num)s min; look again then.",
            "Other people are working on all that is left for you. If they let a task go, it comes back "
            "in about %(num)s min; look again then.",
            minutes,
        )
    return _("You have done your share: what is left is for other people, so that every answer gets several opinions.")


class LabelsChanged(Conflict):
    """The labels were entered under another version of the schema than the campaign asks now."""


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


@dataclass(frozen=True)
class Work:
    """A task in a person's hands.

    ``returned`` is what they wrote for it, if a reviewer has sent it back; ``corrected`` what they submitted, if
    they correct it.
    """

    task: Task
    lease: Lease
    draft: Draft
    returned: WrittenText | None = None
    corrected: Annotation | None = None

    @property
    def version(self) -> int | None:
        """The version of the label schema that the campaign asks now."""
        return self.task.campaign.schema_version_id

    @property
    def schema(self) -> Schema:
        """What the campaign asks now, in the reader's language; nothing where people only write."""
        version = self.task.campaign.schema_version
        return for_reader(schema_of(version.content)) if version else Schema((), ())

    @property
    def rated(self) -> bool:
        """Whether each answer gets an overall rating beside its labels."""
        return self.task.campaign.kind in campaign_rules.RATED

    @property
    def order(self) -> list[int]:
        return list(self.draft.shown_order)

    @property
    def revisions(self) -> dict[str, int]:
        """How often each part of the draft was saved."""
        return {part: kept["revision"] for part, kept in self.draft.content.get("revisions", {}).items()}

    @property
    def letters(self) -> dict[int, str]:
        return {candidate: candidate_letter(i) for i, candidate in enumerate(self.draft.shown_order)}

    @property
    def submission(self) -> Submission:
        """What the draft holds so far."""
        return submission_of(self.draft.content)

    @property
    def outdated(self) -> list[int | None]:
        """The answers (None: the prompt) that were labelled under another version and must be looked at again."""
        return outdated(self.submission, self.version)

    @property
    def unfinished(self) -> list[int]:
        """The answers that part 2 still waits for."""
        submission, schema, stale = self.submission, self.schema, self.outdated
        rated = self.rated
        return [c for c in self.order if c in stale or not answer_is_complete(c, submission, schema, rated=rated)]

    @property
    def before_ranking(self) -> list[str]:
        """Why part 3 is still locked, in sentences; nothing when it is open."""
        changed = [labels_changed(self.outdated, self.letters)] if self.outdated else []
        return changed + missing_before_ranking(self.submission, self.letters, self.schema, rated=self.rated)


def work_for(session: Session, person: Person, task_id: int, *, lock: bool = False) -> Work:
    """The task this person holds, with the draft; ``lock`` keeps both rows until the transaction ends.

    Raises:
        NotFound: they never held it.
        Conflict: they have submitted or skipped it, or the time was up and somebody else has it now.
    """
    draft = queries.draft_for(session, person.id, task_id)
    lease = queries.lease_for(session, person.id, task_id, lock=lock)
    returned = queries.returned_text(session, person.id, task_id)
    annotation = queries.annotation_for(session, person.id, task_id)
    if lock and draft is not None:
        draft = queries.draft_for(session, person.id, task_id, lock=True)
    correcting = annotation is not None and returned is None and corrections.is_correction(draft)
    if (annotation or (lease and lease.submitted_at)) and returned is None and not correcting:
        raise Conflict(_("You have already submitted this task; nothing was stored twice. Take the next one."))
    task = queries.task_with_answers(session, task_id)
    if draft is None or task is None:
        raise NotFound(_("This task is not yours. Take the next one on your work page."))
    if lease is None or (is_reserved(lease) and queries.skip_of(session, person.id, task_id)):
        raise Conflict(_gone(session, draft))
    return Work(task, lease, draft, returned, annotation if correcting else None)


def is_reserved(lease: Lease) -> bool:
    """Whether the slot is kept for one person, for whom its end is a deadline that nothing prolongs."""
    campaign = lease.task.campaign
    return campaign_rules.is_reserved(campaign.purpose, campaign.overlap, lease.slot)


def reserve(session: Session, person: Person, task_id: int, now: datetime, until: datetime) -> Lease:
    """Keep an item of a bank for one person until a deadline: a slot of their own, beyond those of the researchers.

    The caller makes sure that the person has never met the item.
    """
    task = queries.task_with_answers(session, task_id)
    assert task is not None  # the caller has drawn it
    slot = Lease(campaign_id=task.campaign_id, task=task, slot=queries.next_reserved_slot(session, task))
    session.add(slot)
    hold_slot(session, slot, person, now)
    slot.expires_at = until
    return slot


def _gone(session: Session, draft: Draft) -> str:
    if queries.skip_of(session, draft.person_id, draft.task_id):
        return _("You have skipped this task. Take the next one.")
    return _(
        "Your hold on this task ended and somebody else is working on it now. What you entered is kept "
        "as a draft, in case it comes back to you. Take the next one."
    )


def renew(session: Session, person: Person, task_id: int, now: datetime) -> Work:
    """Keep the hold: whoever is active on a task has the full lease time from now on.

    A hold that has run out is taken up again, or another free slot of the task if somebody has taken that one.
    """
    work = _held_or_taken_again(session, person, task_id, now)
    if work.corrected or is_reserved(work.lease):
        return work  # its time is that of the correction or of the test, and no activity prolongs it
    work.lease.expires_at = now + timedelta(minutes=work.task.campaign.lease_minutes)
    return work


def show_texts(session: Session, person: Person, task_id: int, now: datetime, *, shown: bool) -> Work:
    """Keep that a person has uncovered the texts of a task, or has covered them again."""
    work = work_for(session, person, task_id, lock=True)
    work.draft.revealed_at = now if shown else None
    return work


# Drafts ------------------------------------------------------------------------------------------


def keep(draft: Draft, now: datetime, **changed: Any) -> None:
    draft.content = {**draft.content, **changed}  # a new object, so that the change is seen
    draft.updated_at = now


def keep_part(draft: Draft, now: datetime, part: str, edit: Edit | None, **changed: Any) -> None:
    """Keep a part of a draft, unless its page has saved a later state of it already.

    Raises:
        SavedElsewhere: another page has saved another state of it since this one was opened.
    """
    revisions = draft.content.get("revisions", {})
    kept = revisions.get(part, {})
    stands = standing(kept, edit)
    if stands is Standing.OUTDATED and any(draft.content.get(name) != value for name, value in changed.items()):
        raise SavedElsewhere(kept["revision"])
    if stands is Standing.NEXT:
        keep(draft, now, revisions=revisions | {part: following(kept, edit)}, **changed)


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
    """Keep what was entered for one answer, and the hold.

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
    kept = {"likert": verdict.likert, "flags": dict(verdict.flags), "note": verdict.note}
    answers = {**work.draft.content.get("answers", {}), str(candidate_id): kept}
    versions = _versions(work.draft, str(candidate_id), shown)
    keep_part(work.draft, now, str(candidate_id), edit, answers=answers, versions=versions)
    return work


def save_prompt_labels(
    session: Session,
    person: Person,
    task_id: int,
    now: datetime,
    given: Mapping[str, str],
    *,
    shown: int | None,
    edit: Edit | None = None,
) -> Work:
    """Keep the labels of the prompt; flags of answers that they make pointless are dropped.

    ``shown`` is the version of the label schema on the page, as for ``save_answer``.
    """
    work = renew(session, person, task_id, now)
    if shown != work.version:
        given = labels.fitting(work.schema, PROMPT, given)
    if problem := prompt_labels_problem(given, work.schema):
        raise Invalid(problem)
    answers = {
        key: {**answer, "flags": labels.without_inapplicable(work.schema, answer["flags"], given)}
        for key, answer in work.draft.content.get("answers", {}).items()
    }
    versions = _versions(work.draft, PROMPT, shown)
    keep_part(work.draft, now, PROMPT, edit, prompt=dict(given), answers=answers, versions=versions)
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
        raise Invalid(" ".join(wrong.values()), _beside_ranks(wrong))
    kept = {str(candidate): rank for candidate, rank in ranks.items()}
    keep_part(work.draft, now, RANKS, edit, ranks=kept, none_acceptable=none_acceptable)
    return work


def possible_ranks(work: Work, ranks: Mapping[int, int]) -> dict[int, int]:
    """Of ranks that somebody posted those that can be kept: of this task's answers, in one of its lanes."""
    wrong = rank_problems(ranks, work.letters)
    return {candidate: ranks[candidate] for candidate in work.order if candidate not in wrong}


def _beside_ranks(problems: Mapping[int, str]) -> dict[str, str]:
    """Sentences by the field of the form that they stand beside."""
    return {f"rank-{candidate}": sentence for candidate, sentence in problems.items()}


def draft_submission(session: Session, person: Person, task_id: int) -> Submission:
    """What a person's draft holds, whether or not they still hold the task; empty without a draft."""
    draft = queries.draft_for(session, person.id, task_id)
    return submission_of(draft.content) if draft else Submission({}, {})


def submission_of(content: Mapping[str, Any]) -> Submission:
    """A draft's content in the form of a submission."""
    answers: Mapping[str, Any] = content.get("answers", {})
    return Submission(
        verdicts={int(key): Verdict(**verdict) for key, verdict in answers.items()},
        ranks={int(key): rank for key, rank in content.get("ranks", {}).items()},
        prompt_labels=content.get("prompt", {}),
        versions={None if part == PROMPT else int(part): v for part, v in content.get("versions", {}).items()},
        none_acceptable=content.get("none_acceptable", False),
    )


# Submitting --------------------------------------------------------------------------------------


def submit(
    session: Session,
    person: Person,
    task_id: int,
    now: datetime,
    submission: Submission,
    *,
    shown: int | None = None,
) -> Annotation:
    """Store a whole verdict at once: ratings where asked, flags and ranking; the slot closes and the draft goes.

    A hold that has run out still counts while there is a free slot of the task. ``shown`` is the version of the
    label schema that the submitting page knew of, where it said so.

    Raises:
        Invalid: something is missing or wrong; nothing is stored and the draft stays.
        LabelsChanged: some of it was labelled under another version than the campaign asks now; the draft stays.
        Conflict: submitted before, or all slots are somebody else's by now; the draft stays.
    """
    work = to_submit(session, person, task_id, now, *campaign_rules.JUDGING)
    stale = outdated(submission, work.version)
    if stale or shown not in (None, work.version):
        changed = labels_changed(stale or [None], work.letters)
        raise LabelsChanged(_("Nothing was submitted yet. %(changed)s", changed=changed))
    schema = work.schema
    if problems := submission_problems(submission, work.letters, schema, rated=work.rated):
        raise Invalid(" ".join(problems), _beside_ranks(rank_problems(submission.ranks, work.letters)))
    annotation = new_annotation(session, work, person, now)
    annotation.none_acceptable = submission.none_acceptable
    for candidate, rank in densify(submission.ranks).items():
        verdict = submission.verdicts[candidate]
        flags = labels.complete_flags(schema, verdict.flags, submission.prompt_labels)
        session.add(Ranking(annotation_id=annotation.id, candidate_id=candidate, rank=rank))
        if work.rated:
            likert, note = verdict.likert, verdict.note.strip()
            session.add(Rating(annotation_id=annotation.id, candidate_id=candidate, likert=likert, note=note))
        session.add_all(_flags(annotation, candidate, flags))
    session.add_all(_flags(annotation, None, labels.complete_prompt_labels(schema, submission.prompt_labels)))
    finish(session, work, person, annotation, now)
    return annotation


def to_submit(session: Session, person: Person, task_id: int, now: datetime, *kinds: str) -> Work:
    work = _held_or_taken_again(session, person, task_id, now)
    if work.task.campaign.kind not in kinds:
        raise Invalid(_(WRONG_INSTRUMENT[work.task.campaign.kind]))
    return work


def _held_or_taken_again(session: Session, person: Person, task_id: int, now: datetime) -> Work:
    try:
        work = work_for(session, person, task_id, lock=True)
    except Conflict:
        draft = queries.draft_for(session, person.id, task_id)
        already_done = queries.annotation_for(session, person.id, task_id) is not None
        if already_done or draft is None or queries.skip_of(session, person.id, task_id):
            raise
        queries.lock_person(session, person.id)
        purposes = campaign_rules.purposes_open_to(person.role)
        slot = queries.free_slot_of_task(session, person.id, task_id, now, purposes=purposes)
        if slot is None:
            raise
        hold_slot(session, slot, person, now)
        work = work_for(session, person, task_id, lock=True)
    if work.corrected and (over := corrections.problem(session, work.corrected, now)):
        raise Conflict(over)
    if is_reserved(work.lease) and work.lease.expires_at and work.lease.expires_at <= now:
        raise Conflict(_(TIME_IS_UP))
    return work


def new_annotation(session: Session, work: Work, person: Person, now: datetime) -> Annotation:
    """The row of a submission, without what it says; of a correction the row that was there, emptied."""
    active, held = activity_rules.active_of(work.draft.active), activity.held_seconds(work.draft, work.lease, now)
    if work.corrected:
        corrections.replace(session, work.corrected, now)
        work.corrected.schema_version_id = work.version
        spent = activity_rules.together(work.corrected.active_seconds or {}, active.parts)
        work.corrected.active_seconds = activity_rules.rounded(spent) or None
        work.corrected.seconds = (work.corrected.seconds or 0.0) + held
        return work.corrected
    annotation = Annotation(
        campaign_id=work.task.campaign_id,
        task_id=work.task.id,
        lease_id=work.lease.id,
        person_id=person.id,
        annotator=campaign_rules.pseudonym(person.id),
        shown_order=work.order,
        schema_version_id=work.version,
        seconds=held,
        active_seconds=activity_rules.rounded(active.parts) or None,
        submitted_at=now,
    )
    session.add(annotation)
    session.flush()
    return annotation


def _flags(annotation: Annotation, candidate: int | None, values: Mapping[str, str]) -> list[Flag]:
    return [
        Flag(annotation_id=annotation.id, candidate_id=candidate, name=name, value=value)
        for name, value in values.items()
    ]


def finish(session: Session, work: Work, person: Person, annotation: Annotation, now: datetime) -> None:
    if work.corrected:
        annotation.corrected_at = now
    else:
        work.lease.submitted_at = now
    session.delete(work.draft)
    none = {"none_acceptable": True} if annotation.none_acceptable else {}
    did = "corrected annotation" if work.corrected else "submitted annotation"
    record(session, person, did, annotation, {"task": work.task.id, **none})


def stored_order(annotation: Annotation) -> str:
    """The weak order as its annotator saw it, ``C > A = D > B``; empty for a demonstration."""
    rank_of = {row.candidate_id: row.rank for row in annotation.ranks}
    order = annotation.shown_order or sorted(rank_of)
    return weak_order({candidate_letter(i): rank_of[c] for i, c in enumerate(order) if c in rank_of})


def talks_waiting(session: Session, person: Person) -> int:
    """How many times somebody wants to talk with a person about a text of theirs and has no answer yet."""
    return queries.talks_waiting(session, person.id)
