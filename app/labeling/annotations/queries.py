from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload, selectinload

from app.judgements import queries as judgements
from app.judgements.rules import COUNTING, LOOKING_THROUGH, PROGRESS, TEXTS
from app.models import (
    Annotation,
    AnnotationVersion,
    Calibration,
    Campaign,
    Candidate,
    Demonstration,
    Draft,
    ExtraSlot,
    Flag,
    GoldItem,
    IntegrityDecision,
    Lease,
    ModelVersion,
    Person,
    Prompt,
    RepeatedTask,
    Skip,
    Task,
    TaskCandidate,
    WrittenText,
)


@dataclass(frozen=True)
class Progress:
    """How far a campaign is: slots are annotations asked for, ``held`` are being worked on now."""

    tasks: int = 0
    slots: int = 0
    submitted: int = 0
    held: int = 0
    people: int = 0


@dataclass(frozen=True)
class Maker:
    """Somebody or something that made candidates, as the create form offers it."""

    origin: str
    name: str
    candidates: int
    prompts: int
    unused: int


def lock_person(session: Session, person_id: int) -> None:
    """Let one person's requests for work follow one another, so that two tabs do not take two slots of one task.

    PostgreSQL only; on SQLite the transaction holds the write lock already. The lock does not stand in the
    way of rows that refer to the person.
    """
    session.execute(select(Person.id).where(Person.id == person_id).with_for_update(key_share=True))


def campaign_by_id(session: Session, campaign_id: int) -> Campaign | None:
    return session.get(Campaign, campaign_id)


def campaign_by_name(session: Session, name: str) -> Campaign | None:
    return session.scalar(select(Campaign).where(Campaign.name == name))


def campaigns(session: Session) -> Sequence[Campaign]:
    return session.scalars(select(Campaign).order_by(Campaign.id.desc())).all()


def working_campaigns(session: Session, purposes: Sequence[str]) -> Sequence[Campaign]:
    """What people know of who are offered campaigns for these purposes: those that give out tasks or will again."""
    return session.scalars(
        select(Campaign)
        .where(Campaign.status != "closed", Campaign.imported.is_(False), Campaign.purpose.in_(purposes))
        .order_by(Campaign.id)
    ).all()


def open_campaigns(session: Session, campaign_id: int | None) -> dict[int, str]:
    """What each campaign is for that gives out tasks now; all of them, or one."""
    query = select(Campaign.id, Campaign.purpose).where(Campaign.status == "open", Campaign.imported.is_(False))
    rows = session.execute(query if campaign_id is None else query.where(Campaign.id == campaign_id))
    return {id_: purpose for id_, purpose in rows}  # noqa: C416


def live_lease_of(session: Session, person_id: int, campaign_ids: Iterable[int], now: datetime) -> Lease | None:
    return session.scalar(
        select(Lease)
        .where(
            Lease.person_id == person_id,
            Lease.campaign_id.in_(list(campaign_ids)),
            Lease.submitted_at.is_(None),
            Lease.expires_at > now,
            ~_is_skipped_by(person_id),
        )
        .order_by(Lease.leased_at, Lease.id)
        .limit(1)
    )


def _is_unheld(now: datetime) -> ColumnElement[bool]:
    return and_(Lease.submitted_at.is_(None), or_(Lease.person_id.is_(None), Lease.expires_at <= now))


def _is_free(now: datetime, person_id: int) -> ColumnElement[bool]:
    return and_(_is_unheld(now), _is_open_to(person_id))


def _is_open_to(person_id: int) -> ColumnElement[bool]:
    """The slot is reserved for nobody else.

    In a bank those beyond the overlap are, in a campaign of work the slots of hidden gold and of repetitions; and of
    shared tasks one is for a researcher.
    """
    bank = exists().where(Campaign.id == Lease.campaign_id, Campaign.purpose == "bank", Lease.slot >= Campaign.overlap)
    judges = exists().where(Person.id == person_id, Person.role.in_(("researcher", "admin")))
    return and_(~bank, ~judgements.is_slot_that_measures(), or_(judges, ~judgements.is_slot_for("researcher")))


def _is_untouched_by(person_id: int) -> ColumnElement[bool]:
    """The task is one that the person has neither submitted nor holds by another slot."""
    other = aliased(Lease)
    elsewhere = exists().where(other.task_id == Lease.task_id, other.person_id == person_id, other.id != Lease.id)
    annotated = exists().where(Annotation.task_id == Lease.task_id, Annotation.person_id == person_id)
    return and_(~elsewhere, ~annotated)


def _is_new_to(person_id: int) -> ColumnElement[bool]:
    """The task is one that the person has neither submitted, nor holds by another slot, nor has skipped."""
    return and_(_is_untouched_by(person_id), ~_is_skipped_by(person_id))


def _is_skipped_by(person_id: int) -> ColumnElement[bool]:
    """A slot that is reserved for somebody stays theirs when they skip its task."""
    return exists().where(Skip.task_id == Lease.task_id, Skip.person_id == person_id)


def _is_bearable(person_id: int) -> ColumnElement[bool]:
    """The task is not marked as sensitive, or the person has not asked to be spared such tasks."""
    avoids = exists().where(Person.id == person_id, Person.avoids_sensitive.is_(True))
    sensitive = exists().where(Task.id == Lease.task_id, Prompt.id == Task.prompt_id, Prompt.sensitive.is_(True))
    return or_(~sensitive, ~avoids)


def next_free_slot(
    session: Session, person_id: int, campaign_ids: Iterable[int], now: datetime, *, researcher: bool = False
) -> Lease | None:
    """A free slot of a task that is new to the person, locked for this transaction.

    The oldest campaign first and its slots in order, those of one task after another: tasks that others have
    started are finished before new ones are opened, so that overlap is complete early and a campaign stopped halfway
    holds whole tasks. Researchers get the slots first that are theirs alone.
    A slot that another transaction is taking at this moment is passed over instead of waited for.

    Each campaign is asked for by itself, so that the index ``ix_leases_open`` gives its slots in order and the search
    ends at the first that fits.
    """
    found = (_next_of(session, person_id, id_, now, researcher=researcher) for id_ in sorted(campaign_ids))
    return next((slot for slot in found if slot), None)


def _next_of(session: Session, person_id: int, campaign_id: int, now: datetime, *, researcher: bool) -> Lease | None:
    query = next_slots(person_id, campaign_id, now).limit(1).with_for_update(skip_locked=True)
    if researcher and (own := session.scalar(query.where(judgements.is_slot_for("researcher")))):
        return own
    return session.scalar(query)


def next_slots(person_id: int, campaign_id: int, now: datetime) -> Select[Lease]:
    """The free slots of a campaign that a person may take, in the order in which they are given out."""
    return (
        select(Lease)
        .where(Lease.campaign_id == campaign_id, _is_free(now, person_id))
        .where(_is_new_to(person_id), _is_bearable(person_id))
        .order_by(Lease.submitted_at, Lease.id)  # as the index has them; the first is empty in all of these
    )


def free_slot_of_task(
    session: Session,
    person_id: int,
    task_id: int,
    now: datetime,
    *,
    purposes: Sequence[str],
    skipped_too: bool = False,
) -> Lease | None:
    """A free slot of one task, if its campaign is for one of these purposes.

    ``skipped_too`` also if the person has skipped it before; then also the slot that was reserved for them.
    """
    is_theirs_to_take = _is_untouched_by(person_id) if skipped_too else _is_new_to(person_id)
    given_back = and_(Lease.person_id.is_(None), Lease.submitted_at.is_(None), judgements.is_slot_that_measures())
    is_free = or_(_is_free(now, person_id), given_back) if skipped_too else _is_free(now, person_id)
    return session.scalar(
        select(Lease)
        .where(Lease.task_id == task_id, is_free, is_theirs_to_take)
        .where(Lease.campaign_id.in_(select(Campaign.id).where(Campaign.purpose.in_(purposes))))
        .order_by(Lease.slot)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def lease_for(session: Session, person_id: int, task_id: int, *, lock: bool = False) -> Lease | None:
    query = select(Lease).where(Lease.task_id == task_id, Lease.person_id == person_id)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


def draft_for(session: Session, person_id: int, task_id: int, *, lock: bool = False) -> Draft | None:
    query = select(Draft).where(Draft.task_id == task_id, Draft.person_id == person_id)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


def next_reserved_slot(session: Session, task: Task) -> int:
    """The number of a new slot of a bank's item, beyond its overlap. Whoever asks holds the item until they are done.

    PostgreSQL only; on SQLite the transaction holds the write lock already.
    """
    session.execute(select(Task.id).where(Task.id == task.id).with_for_update())
    last = session.scalar(select(func.max(Lease.slot)).where(Lease.task_id == task.id))
    return max(task.campaign.overlap, 0 if last is None else last + 1)


def lease_by_id(session: Session, lease_id: int) -> Lease | None:
    return session.get(Lease, lease_id, with_for_update=True)


def skip_of(session: Session, person_id: int, task_id: int) -> Skip | None:
    return session.scalar(select(Skip).where(Skip.task_id == task_id, Skip.person_id == person_id))


def skips_in(session: Session, campaign_id: int) -> Sequence[Skip]:
    """All skips of a campaign with their prompts, oldest first; where prompts are written, with their scenarios."""
    return session.scalars(
        select(Skip)
        .join(Task, Task.id == Skip.task_id)
        .where(Task.campaign_id == campaign_id)
        .order_by(Skip.id)
        .options(joinedload(Skip.task).joinedload(Task.prompt), joinedload(Skip.task).joinedload(Task.scenario))
    ).all()


def annotation_for(session: Session, person_id: int, task_id: int, *, lock: bool = False) -> Annotation | None:
    query = select(Annotation).where(Annotation.task_id == task_id, Annotation.person_id == person_id)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


def versions_of(session: Session, annotation_id: int) -> int:
    """How many earlier states of an annotation are kept."""
    query = select(func.count()).where(AnnotationVersion.annotation_id == annotation_id)
    return session.scalar(query) or 0


def submitted_since(session: Session, person_id: int, since: datetime) -> Sequence[Annotation]:
    """What a person has submitted, the newest first, with task, prompt and campaign."""
    return session.scalars(
        select(Annotation)
        .where(Annotation.person_id == person_id, Annotation.submitted_at >= since)
        .order_by(Annotation.submitted_at.desc(), Annotation.id.desc())
        .options(joinedload(Annotation.task).options(joinedload(Task.campaign), joinedload(Task.prompt)))
    ).all()


def demonstrations_of(session: Session, annotation_id: int) -> Sequence[Demonstration]:
    return session.scalars(select(Demonstration).where(Demonstration.annotation_id == annotation_id)).all()


def task_with_answers(session: Session, task_id: int) -> Task | None:
    return session.scalar(
        select(Task)
        .where(Task.id == task_id)
        .options(
            joinedload(Task.campaign).joinedload(Campaign.schema_version),
            joinedload(Task.prompt),
            joinedload(Task.scenario),
            selectinload(Task.answers).joinedload(TaskCandidate.candidate),
        )
    )


def candidate_ids_of(session: Session, task_id: int) -> list[int]:
    query = select(TaskCandidate.candidate_id).where(TaskCandidate.task_id == task_id)
    return list(session.scalars(query.order_by(TaskCandidate.position)))


def slots_for(session: Session, person_id: int, campaign_id: int, now: datetime) -> int:
    """How many tasks of a campaign this person could take now."""
    query = select(func.count(func.distinct(Lease.task_id))).where(
        Lease.campaign_id == campaign_id, _is_free(now, person_id), _is_new_to(person_id), _is_bearable(person_id)
    )
    return session.scalar(query) or 0


def slots_spared(session: Session, person_id: int, campaign_ids: Iterable[int], now: datetime) -> int:
    """How many tasks this person could take now if they had not asked to be spared sensitive ones."""
    query = select(func.count(func.distinct(Lease.task_id))).where(
        Lease.campaign_id.in_(list(campaign_ids)),
        _is_free(now, person_id),
        _is_new_to(person_id),
        ~_is_bearable(person_id),
    )
    return session.scalar(query) or 0


def unfinished_slots(session: Session, person_id: int, campaign_ids: Iterable[int]) -> int:
    """Slots that are open to a person or held by others and would be."""
    unfinished = and_(Lease.submitted_at.is_(None), _is_open_to(person_id))
    query = select(func.count()).where(Lease.campaign_id.in_(list(campaign_ids)), unfinished)
    return session.scalar(query) or 0


def first_return(session: Session, person_id: int, campaign_ids: Iterable[int]) -> datetime | None:
    """When the first of the slots that others hold, and that this person could take, may come back."""
    query = select(func.min(Lease.expires_at)).where(
        Lease.campaign_id.in_(list(campaign_ids)),
        Lease.submitted_at.is_(None),
        Lease.person_id != person_id,
        _is_open_to(person_id),
        _is_new_to(person_id),
        _is_bearable(person_id),
    )
    return session.scalar(query)


def annotated_since(session: Session, person_id: int, since: datetime, campaign_id: int | None = None) -> int:
    query = select(func.count()).where(Annotation.person_id == person_id, Annotation.submitted_at >= since)
    return session.scalar(query if campaign_id is None else query.where(Annotation.campaign_id == campaign_id)) or 0


def progress(session: Session, now: datetime, campaign_id: int | None = None) -> dict[int, Progress]:
    """Progress of every campaign (or of one), in one query each for slots and people.

    Of work the slots of what counts, of a bank those of researchers: what measures somebody is no work to be finished.
    """
    holding = and_(Lease.submitted_at.is_(None), Lease.person_id.is_not(None), Lease.expires_at > now)
    slots = select(
        Lease.campaign_id,
        func.count(func.distinct(Lease.task_id)),
        func.count(),
        func.count(Lease.submitted_at),
        func.count().filter(holding),
    )
    slots = (
        slots.join(Campaign, Campaign.id == Lease.campaign_id)
        .where(judgements.is_slot_to_fill())
        .group_by(Lease.campaign_id)
    )
    # Judges whom an import does not name are as many as their judgements.
    judges = func.count(func.distinct(Annotation.annotator)) + func.count().filter(Annotation.annotator.is_(None))
    people = select(Annotation.campaign_id, judges).join(Campaign, Campaign.id == Annotation.campaign_id)
    people = people.where(judgements.count_for(PROGRESS)).group_by(Annotation.campaign_id)
    if campaign_id is not None:
        slots = slots.where(Lease.campaign_id == campaign_id)
        people = people.where(Annotation.campaign_id == campaign_id)
    workers = {row[0]: row[1] for row in session.execute(people)}
    return {
        campaign: Progress(tasks, total, submitted, held, workers.get(campaign, 0))
        for campaign, tasks, total, submitted, held in session.execute(slots)
    }


def measuring(session: Session) -> set[int]:
    """The campaigns in which labelers meet hidden gold or repetitions, or have met some."""
    planned = select(Calibration.campaign_id).where(Calibration.percent > 0)
    given = select(Lease.campaign_id).join(ExtraSlot, ExtraSlot.lease_id == Lease.id)
    given = given.where(ExtraSlot.use.in_(judgements.MEASURING)).distinct()
    return {*session.scalars(planned), *session.scalars(given)}


def annotation_counts(session: Session) -> dict[int, int]:
    """Annotations by campaign: of work those that count, of a bank those of researchers' slots.

    Imported campaigns have no slots but do have these.
    """
    query = select(Annotation.campaign_id, func.count()).join(Campaign, Campaign.id == Annotation.campaign_id)
    query = query.where(judgements.count_for(PROGRESS)).group_by(Annotation.campaign_id)
    return {row[0]: row[1] for row in session.execute(query)}


def recent_annotations(session: Session, campaign_id: int, limit: int) -> Sequence[Annotation]:
    """The newest of a campaign, but no tests: nobody reads those under their author's pseudonym before the decision."""
    return session.scalars(
        select(Annotation)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .where(Annotation.campaign_id == campaign_id, judgements.count_for(LOOKING_THROUGH))
        .order_by(Annotation.submitted_at.desc(), Annotation.id.desc())
        .limit(limit)
        .options(
            joinedload(Annotation.task).joinedload(Task.prompt),
            selectinload(Annotation.ranks),
            selectinload(Annotation.ratings),
        )
    ).all()


def known_fingerprints(session: Session, campaign_id: int) -> set[str]:
    return set(session.scalars(select(Task.fingerprint).where(Task.campaign_id == campaign_id)))


def prompts_of_candidates(session: Session, candidate_ids: Sequence[int]) -> dict[int, int]:
    query = select(Candidate.id, Candidate.prompt_id).where(Candidate.id.in_(candidate_ids))
    return {row[0]: row[1] for row in session.execute(query)}


def candidates_of_makers(
    session: Session,
    *,
    origins: Sequence[str],
    model_version_ids: Sequence[int],
    prompt_ids: Sequence[int] | None = None,
    sources: Sequence[str] = (),
    sensitive_only: bool = False,
    labelled: Mapping[str, Sequence[str]] | None = None,
    unused_by: str | None,
) -> Sequence[tuple[int, int, str, str]]:
    """(prompt, candidate, origin, text hash) of the answers by these makers, by prompt and age.

    Args:
        session: where they are read.
        origins: makers by origin.
        model_version_ids: makers by model version.
        prompt_ids: only these prompts.
        sources: only prompts from here; empty = from everywhere.
        sensitive_only: only prompts marked as sensitive.
        labelled: only prompts of which somebody gave one of these labels (name -> values).
        unused_by: leave out answers that already stand in a task of a campaign of this kind.
    """
    query = (
        select(Candidate.prompt_id, Candidate.id, Candidate.origin, Candidate.text_sha256)
        .where(or_(Candidate.origin.in_(origins), Candidate.model_version_id.in_(model_version_ids)))
        .order_by(Candidate.prompt_id, Candidate.id)
    )
    if prompt_ids is not None:
        query = query.where(Candidate.prompt_id.in_(prompt_ids))
    if sources:
        query = query.where(Candidate.prompt_id.in_(select(Prompt.id).where(Prompt.source.in_(sources))))
    if sensitive_only:
        query = query.where(Candidate.prompt_id.in_(select(Prompt.id).where(Prompt.sensitive.is_(True))))
    if labelled is not None:
        given = [and_(Flag.name == name, Flag.value.in_(values)) for name, values in labelled.items()]
        somebody = (
            exists()
            .where(Task.prompt_id == Candidate.prompt_id, Annotation.task_id == Task.id)
            .where(Campaign.id == Annotation.campaign_id, judgements.count_for(COUNTING))
            .where(Flag.annotation_id == Annotation.id, Flag.candidate_id.is_(None), or_(*given))
        )
        query = query.where(somebody)
    if unused_by:
        used = exists().where(TaskCandidate.candidate_id == Candidate.id, Task.id == TaskCandidate.task_id)
        query = query.where(~used.where(Campaign.id == Task.campaign_id, Campaign.kind == unused_by))
    return [(prompt, candidate, origin, text) for prompt, candidate, origin, text in session.execute(query)]


def makers(session: Session, kind: str) -> list[Maker]:
    """Everybody who has made candidates, model versions by name, imports by theirs, and what of theirs is unused.

    Unused are answers that stand in no task of a campaign of this kind.
    """
    used = _in_tasks_of(kind)
    query = (
        select(
            Candidate.origin,
            ModelVersion.name,
            func.count(Candidate.id),
            func.count(func.distinct(Candidate.prompt_id)),
            func.count(Candidate.id).filter(used.c.candidate_id.is_(None)),
        )
        .outerjoin(used, used.c.candidate_id == Candidate.id)
        .outerjoin(ModelVersion, ModelVersion.id == Candidate.model_version_id)
        .group_by(Candidate.origin, ModelVersion.name)
        .order_by(func.max(Candidate.id).desc())
    )
    return [Maker(origin, name or origin, *counts) for origin, name, *counts in session.execute(query)]


def _in_tasks_of(kind: str) -> Subquery:
    """The answers that stand in a task of a campaign of a kind, each once: a table to join, for it is read whole."""
    query = select(TaskCandidate.candidate_id).join(Task, Task.id == TaskCandidate.task_id)
    return query.join(Campaign, Campaign.id == Task.campaign_id).where(Campaign.kind == kind).distinct().subquery()


def prompts_to_judge(session: Session, kind: str, answers: int) -> tuple[int, int]:
    """How many prompts have so many different answers by all makers together: unused ones, and any."""
    used, text = _in_tasks_of(kind), func.distinct(Candidate.text_sha256)
    unused = func.count(text).filter(used.c.candidate_id.is_(None)).label("unused")
    of_prompt = (
        select(unused, func.count(text).label("all"))
        .outerjoin(used, used.c.candidate_id == Candidate.id)
        .group_by(Candidate.prompt_id)
        .subquery()
    )
    counts = [func.count().filter(of_prompt.c[name] >= answers) for name in ("unused", "all")]
    row = session.execute(select(*counts)).one()
    return row[0], row[1]


def prompt_sources(session: Session) -> list[tuple[str, int]]:
    query = select(Prompt.source, func.count()).group_by(Prompt.source).order_by(Prompt.source)
    return [(source, count) for source, count in session.execute(query)]


def prompts_to_demonstrate(session: Session, sources: Sequence[str], limit: int) -> list[int]:
    """Prompts for which nobody has written an answer and nobody has been asked for one yet, oldest first."""
    written = exists().where(Demonstration.prompt_id == Prompt.id)
    asked = exists().where(
        Task.prompt_id == Prompt.id, Campaign.id == Task.campaign_id, Campaign.kind == "demonstration"
    )
    query = select(Prompt.id).where(~written, ~asked).order_by(Prompt.id).limit(limit)
    return list(session.scalars(query.where(Prompt.source.in_(sources)) if sources else query))


def demonstration_with(session: Session, prompt_id: int, text_sha256: str) -> Demonstration | None:
    return session.scalar(
        select(Demonstration).where(Demonstration.prompt_id == prompt_id, Demonstration.text_sha256 == text_sha256)
    )


# What people wrote -------------------------------------------------------------------------------


def _is_newest() -> ColumnElement[bool]:
    newer = aliased(WrittenText)
    return ~exists().where(newer.annotation_id == WrittenText.annotation_id, newer.number > WrittenText.number)


def newest_text(session: Session, annotation_id: int) -> WrittenText | None:
    query = select(WrittenText).where(WrittenText.annotation_id == annotation_id, _is_newest())
    return session.scalar(query.execution_options(populate_existing=True))


def texts_of(session: Session, annotation_id: int) -> Sequence[WrittenText]:
    """All versions of a text, oldest first."""
    return session.scalars(
        select(WrittenText).where(WrittenText.annotation_id == annotation_id).order_by(WrittenText.number)
    ).all()


def newest_contents(session: Session, annotation_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """What was written last for each of some annotations."""
    rows = session.execute(
        select(WrittenText.annotation_id, WrittenText.content).where(
            WrittenText.annotation_id.in_(list(annotation_ids)), _is_newest()
        )
    )
    return {annotation_id: content for annotation_id, content in rows}  # noqa: C416


def returned_text(session: Session, person_id: int, task_id: int, *, lock: bool = False) -> WrittenText | None:
    """What a person wrote for a task, if a reviewer has sent its newest version back to them."""
    query = (
        select(WrittenText)
        .join(Annotation, Annotation.id == WrittenText.annotation_id)
        .where(
            Annotation.person_id == person_id,
            Annotation.task_id == task_id,
            WrittenText.state == "sent_back",
            _is_newest(),
        )
        .options(contains_eager(WrittenText.annotation))
    )
    return session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


def oldest_returned(session: Session, person_id: int, campaign_ids: Iterable[int]) -> Lease | None:
    """The slot of the text that was sent back to a person first."""
    return session.scalar(
        select(Lease)
        .join(Annotation, Annotation.lease_id == Lease.id)
        .join(WrittenText, WrittenText.annotation_id == Annotation.id)
        .where(
            Annotation.person_id == person_id,
            Annotation.campaign_id.in_(list(campaign_ids)),
            WrittenText.state == "sent_back",
            _is_newest(),
        )
        .order_by(WrittenText.decided_at, WrittenText.id)
        .limit(1)
    )


def talks_waiting(session: Session, person_id: int) -> int:
    """How many times somebody wants to talk with a person about a text of theirs and has no answer yet."""
    query = (
        select(func.count(IntegrityDecision.id))
        .join(WrittenText, WrittenText.id == IntegrityDecision.written_text_id)
        .join(Annotation, Annotation.id == WrittenText.annotation_id)
        .where(
            Annotation.person_id == person_id,
            IntegrityDecision.verdict == "talk",
            IntegrityDecision.replied_at.is_(None),
        )
    )
    return session.scalar(query) or 0


def returned_texts(session: Session, person_id: int) -> Sequence[WrittenText]:
    """What was sent back to a person and waits for them, the oldest decision first, with task, prompt and campaign."""
    return session.scalars(
        select(WrittenText)
        .join(Annotation, Annotation.id == WrittenText.annotation_id)
        .where(Annotation.person_id == person_id, WrittenText.state == "sent_back", _is_newest())
        .order_by(WrittenText.decided_at, WrittenText.id)
        .options(
            contains_eager(WrittenText.annotation)
            .joinedload(Annotation.task)
            .options(joinedload(Task.prompt), joinedload(Task.campaign))
        )
    ).all()


def waiting_for_review(session: Session, campaign_id: int) -> int:
    query = select(func.count()).select_from(WrittenText).join(Annotation, Annotation.id == WrittenText.annotation_id)
    query = query.join(Campaign, Campaign.id == Annotation.campaign_id).where(judgements.count_for(TEXTS))
    return session.scalar(query.where(Annotation.campaign_id == campaign_id, WrittenText.state == "waiting")) or 0


# Calibration ---------------------------------------------------------------------------------------


def calibration_of(session: Session, campaign_id: int, *, lock: bool = False) -> Calibration | None:
    return session.get(Calibration, campaign_id, with_for_update=lock, populate_existing=lock)


@dataclass(frozen=True)
class Slot:
    """A slot with what it is for; ``use`` is empty for those within the overlap."""

    lease_id: int
    task_id: int
    number: int
    use: str | None


def untouched_slots(session: Session, campaign_id: int) -> list[Slot]:
    """Slots that nobody holds, locked for this transaction.

    Those that somebody is taking at this moment are not among them, nor those that are reserved for one person.
    """
    rows = session.execute(
        select(Lease.id, Lease.task_id, Lease.slot, ExtraSlot.use)
        .outerjoin(ExtraSlot, ExtraSlot.lease_id == Lease.id)
        .where(Lease.campaign_id == campaign_id, Lease.submitted_at.is_(None), Lease.person_id.is_(None))
        .where(~judgements.is_slot_that_measures())
        .order_by(Lease.task_id, Lease.slot)
        .with_for_update(of=Lease, skip_locked=True)
    )
    return [Slot(*row) for row in rows]


def slots_of(session: Session, campaign_id: int) -> list[Slot]:
    """All slots of a campaign's tasks, without those of repetitions."""
    rows = session.execute(
        select(Lease.id, Lease.task_id, Lease.slot, ExtraSlot.use)
        .outerjoin(ExtraSlot, ExtraSlot.lease_id == Lease.id)
        .where(Lease.campaign_id == campaign_id, ~judgements.is_slot_for("repeat"))
        .order_by(Lease.task_id, Lease.slot)
    )
    return [Slot(*row) for row in rows]


def delete_slots(session: Session, lease_ids: Sequence[int]) -> None:
    for start in range(0, len(lease_ids), 500):
        some = lease_ids[start : start + 500]
        session.execute(delete(ExtraSlot).where(ExtraSlot.lease_id.in_(some)))
        session.execute(delete(Lease).where(Lease.id.in_(some)))


def lock_task(session: Session, task_id: int) -> None:
    """Let those who add a slot to a task follow one another. Rows that refer to the task are not kept waiting."""
    session.execute(select(Task.id).where(Task.id == task_id).with_for_update(key_share=True))


FIRST_RESERVED = 1_000
"""Slots for one person are numbered from here, so that they never get in the way of those that a plan adds."""


def next_reserved_number(session: Session, task_id: int) -> int:
    query = select(func.max(Lease.slot)).where(Lease.task_id == task_id, Lease.slot >= FIRST_RESERVED)
    return (session.scalar(query) or FIRST_RESERVED - 1) + 1


def own_reserved_slot(session: Session, person_id: int, campaign_id: int) -> Lease | None:
    """A slot of hidden gold or of a repetition that a person let run out; nobody else can take it."""
    return session.scalar(
        select(Lease)
        .where(Lease.person_id == person_id, Lease.submitted_at.is_(None), Lease.campaign_id == campaign_id)
        .where(judgements.is_slot_that_measures())
        .order_by(Lease.id)
        .limit(1)
    )


def done_and_given(session: Session, person_id: int, campaign_id: int) -> tuple[int, int, int]:
    """What a person has submitted in a campaign, and how many hidden gold items and repetitions they were given."""
    row = session.execute(
        select(
            func.count(Lease.submitted_at),
            func.count().filter(judgements.is_slot_for("gold")),
            func.count().filter(judgements.is_slot_for("repeat")),
        ).where(Lease.person_id == person_id, Lease.campaign_id == campaign_id)
    ).one()
    return row[0], row[1], row[2]


def oldest_gold_for(session: Session, person_id: int, campaign_id: int) -> int | None:
    """The task of a campaign that got gold first, of those that are new to a person."""
    met = exists().where(Lease.task_id == Task.id, Lease.person_id == person_id)
    annotated = exists().where(Annotation.task_id == Task.id, Annotation.person_id == person_id)
    skipped = exists().where(Skip.task_id == Task.id, Skip.person_id == person_id)
    avoids = exists().where(Person.id == person_id, Person.avoids_sensitive.is_(True))
    sensitive = exists().where(Prompt.id == Task.prompt_id, Prompt.sensitive.is_(True))
    return session.scalar(
        select(Task.id)
        .join(GoldItem, GoldItem.task_id == Task.id)
        .where(Task.campaign_id == campaign_id, ~met, ~annotated, ~skipped, or_(~avoids, ~sensitive))
        .order_by(GoldItem.decided_at, GoldItem.id)
        .limit(1)
    )


def oldest_to_repeat(
    session: Session, person_id: int, campaign_id: int, *, before: datetime, others: int
) -> Task | None:
    """What a person judged first in a campaign, at least ``others`` items ago and ``before`` a time, and only once.

    Hidden gold is not repeated, nor is a repetition.
    """
    repeated = exists().where(RepeatedTask.original_id == Annotation.task_id, RepeatedTask.person_id == person_id)
    later = aliased(Annotation)
    since = (
        select(func.count(later.id))
        .where(later.person_id == person_id, later.campaign_id == campaign_id, later.id > Annotation.id)
        .correlate(Annotation)
        .scalar_subquery()
    )
    return session.scalar(
        select(Task)
        .join(Annotation, Annotation.task_id == Task.id)
        .where(Annotation.person_id == person_id, Annotation.campaign_id == campaign_id)
        .where(
            Annotation.submitted_at <= before, ~repeated, ~judgements.measures(*judgements.MEASURING), since >= others
        )
        .order_by(Annotation.id)
        .limit(1)
    )


@dataclass(frozen=True)
class Calibrated:
    """What calibration has planned in a campaign and what is done of it: (done, planned) slots by use.

    Hidden gold and repetitions are planned one by one, when a labeler comes to them. ``gold_items`` are the tasks of
    the campaign that have gold.
    """

    shared_tasks: int
    slots: Mapping[str, tuple[int, int]]
    gold_items: int


def calibrated(session: Session, campaign_id: int) -> Calibrated:
    rows = session.execute(
        select(ExtraSlot.use, func.count(Lease.submitted_at), func.count(), func.count(func.distinct(Lease.task_id)))
        .join(Lease, Lease.id == ExtraSlot.lease_id)
        .where(Lease.campaign_id == campaign_id)
        .group_by(ExtraSlot.use)
    ).all()
    gold = select(func.count(GoldItem.id)).join(Task, Task.id == GoldItem.task_id)
    tasks = {use: count for use, _done, _planned, count in rows}
    return Calibrated(
        shared_tasks=tasks.get("researcher", 0),
        slots={use: (done, planned) for use, done, planned, _count in rows},
        gold_items=session.scalar(gold.where(Task.campaign_id == campaign_id)) or 0,
    )
