"""SQL of screenings, of applicants and of what they did."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.instruments import kinds
from app.judgements import queries as judgements
from app.models import (
    Annotation,
    Applicant,
    Assignment,
    Campaign,
    DemonstrationRating,
    Draft,
    FormItem,
    GoldItem,
    LabelSchemaVersion,
    Person,
    Screening,
    ScreeningBank,
    ScreeningInvitation,
    Skip,
    Task,
    WrittenText,
)


def screening_by_id(session: Session, screening_id: int) -> Screening | None:
    return session.get(
        Screening, screening_id, options=[selectinload(Screening.banks).joinedload(ScreeningBank.campaign)]
    )


def screening_by_name(session: Session, name: str) -> Screening | None:
    return session.scalar(select(Screening).where(Screening.name == name))


def newest_screening(session: Session) -> Screening | None:
    return session.scalar(select(Screening).order_by(Screening.id.desc()).limit(1))


@dataclass(frozen=True)
class Numbers:
    """How many applicants of a screening have joined, have handed in and are decided about."""

    joined: int = 0
    finished: int = 0
    decided: int = 0


def screenings(session: Session) -> list[tuple[Screening, Numbers]]:
    """All screenings, newest first."""
    counts = {
        row[0]: Numbers(*row[1:])
        for row in session.execute(
            select(
                Applicant.screening_id, func.count(), func.count(Applicant.finished_at), func.count(Applicant.decision)
            ).group_by(Applicant.screening_id)
        )
    }
    rows = session.scalars(select(Screening).order_by(Screening.id.desc())).all()
    return [(screening, counts.get(screening.id, Numbers())) for screening in rows]


# Banks --------------------------------------------------------------------------------------------


def banks(session: Session) -> Sequence[Campaign]:
    """Banks of the kinds from which a form can be drawn, newest first, with their label schemas."""
    return session.scalars(
        select(Campaign)
        .where(~judgements.is_work(), Campaign.kind.in_(kinds(lambda each: bool(each.screens))))
        .order_by(Campaign.id.desc())
        .options(joinedload(Campaign.schema_version))
    ).all()


def gold_of(session: Session, campaign_ids: Iterable[int]) -> list[tuple[int, int, GoldItem]]:
    """(bank, task, gold) of the items of some banks that have gold, by task."""
    rows = session.execute(
        select(Task.campaign_id, Task.id, GoldItem)
        .join(GoldItem, GoldItem.task_id == Task.id)
        .where(Task.campaign_id.in_(list(campaign_ids)))
        .order_by(Task.id)
    )
    return [(campaign, task, gold) for campaign, task, gold in rows]


def tasks_of(session: Session, campaign_ids: Iterable[int]) -> list[tuple[int, int, str]]:
    """(bank, task, topic) of all items of some banks; gold names the topic, where there is any."""
    rows = session.execute(
        select(Task.campaign_id, Task.id, func.coalesce(GoldItem.topic, ""))
        .outerjoin(GoldItem, GoldItem.task_id == Task.id)
        .where(Task.campaign_id.in_(list(campaign_ids)))
        .order_by(Task.id)
    )
    return [(campaign, task, topic) for campaign, task, topic in rows]


def met_by(session: Session, person_id: int) -> set[int]:
    """The tasks that a person has ever had, judged or skipped."""
    task_ids: set[int] = set()
    for table in (Assignment, Draft, Annotation, Skip):
        task_ids |= set(session.scalars(select(table.task_id).where(table.person_id == person_id)))
    return task_ids


def schema_versions(session: Session, campaign_ids: Iterable[int]) -> Sequence[LabelSchemaVersion]:
    """What the campaigns ask, each version once."""
    return session.scalars(
        select(LabelSchemaVersion)
        .where(LabelSchemaVersion.id.in_(select(Campaign.schema_version_id).where(Campaign.id.in_(list(campaign_ids)))))
        .order_by(LabelSchemaVersion.id)
    ).all()


# Invitations and applicants -----------------------------------------------------------------------


def invitation_with(session: Session, sha256: str, *, lock: bool = False) -> ScreeningInvitation | None:
    query = (
        select(ScreeningInvitation)
        .where(ScreeningInvitation.secret_sha256 == sha256)
        .options(joinedload(ScreeningInvitation.screening))
    )
    if lock:
        query = query.with_for_update(of=ScreeningInvitation).execution_options(populate_existing=True)
    return session.scalar(query)


def invitation_by_id(session: Session, invitation_id: int) -> ScreeningInvitation | None:
    return session.get(ScreeningInvitation, invitation_id, with_for_update=True)


def invitations(session: Session, screening_id: int) -> Sequence[ScreeningInvitation]:
    query = select(ScreeningInvitation).where(ScreeningInvitation.screening_id == screening_id)
    return session.scalars(query.order_by(ScreeningInvitation.id.desc())).all()


def applicant_of(session: Session, person_id: int) -> Applicant | None:
    query = select(Applicant).where(Applicant.person_id == person_id).options(joinedload(Applicant.screening))
    return session.scalar(query.execution_options(populate_existing=True))


def applicant_with(session: Session, screening_id: int, code: str, *, lock: bool = False) -> Applicant | None:
    query = select(Applicant).where(Applicant.screening_id == screening_id, Applicant.code == code)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


def applicants(session: Session, screening_id: int) -> Sequence[Applicant]:
    """By code, which tells nothing of who they are or when they came."""
    return session.scalars(
        select(Applicant).where(Applicant.screening_id == screening_id).order_by(Applicant.code)
    ).all()


def codes(session: Session, screening_id: int) -> set[str]:
    return set(session.scalars(select(Applicant.code).where(Applicant.screening_id == screening_id)))


def person_with(session: Session, person_id: int) -> Person:
    return session.get_one(Person, person_id)


# Forms --------------------------------------------------------------------------------------------


def items_of(session: Session, applicant: Applicant) -> Sequence[FormItem]:
    """The form of the present attempt, in order."""
    return session.scalars(
        select(FormItem)
        .where(FormItem.applicant_id == applicant.id, FormItem.attempt == applicant.attempt)
        .order_by(FormItem.position)
    ).all()


@dataclass(frozen=True)
class AssignedItem:
    """An item of a form, and what has become of it."""

    item: FormItem
    assignment: Assignment
    skipped: bool
    begun: bool

    @property
    def submitted(self) -> bool:
        return self.assignment.submitted_at is not None

    @property
    def open(self) -> bool:
        return not self.submitted and not self.skipped


def assigned_items(session: Session, applicant: Applicant) -> list[AssignedItem]:
    """The form of the present attempt, in order."""
    rows = session.execute(
        select(FormItem, Assignment, Skip.id, Draft.content)
        .join(Assignment, (Assignment.task_id == FormItem.task_id) & (Assignment.person_id == applicant.person_id))
        .outerjoin(Skip, (Skip.task_id == FormItem.task_id) & (Skip.person_id == applicant.person_id))
        .outerjoin(Draft, (Draft.task_id == FormItem.task_id) & (Draft.person_id == applicant.person_id))
        .where(FormItem.applicant_id == applicant.id, FormItem.attempt == applicant.attempt)
        .order_by(FormItem.position)
    )
    return [AssignedItem(item, assignment, skip is not None, bool(content)) for item, assignment, skip, content in rows]


def unfinished(session: Session, screening_id: int) -> Sequence[Applicant]:
    """Those who have begun and not handed in."""
    return session.scalars(
        select(Applicant).where(
            Applicant.screening_id == screening_id, Applicant.started_at.is_not(None), Applicant.finished_at.is_(None)
        )
    ).all()


# What was done ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Done:
    """An item of a form that was submitted: ``gold`` is empty for a text, and ``text`` for a judgement."""

    item: FormItem
    annotation: Annotation
    gold: GoldItem | None
    text: str
    ratings: Mapping[int, int]


def done_in(session: Session, applicants: Sequence[Applicant]) -> dict[int, list[Done]]:
    """What some applicants have submitted in their present attempts, by applicant."""
    rows = session.execute(
        select(FormItem, Annotation, GoldItem)
        .join(Applicant, (Applicant.id == FormItem.applicant_id) & (Applicant.attempt == FormItem.attempt))
        .join(Annotation, (Annotation.task_id == FormItem.task_id) & (Annotation.person_id == Applicant.person_id))
        .outerjoin(GoldItem, GoldItem.task_id == FormItem.task_id)
        .where(Applicant.id.in_([applicant.id for applicant in applicants]))
        .order_by(FormItem.applicant_id, FormItem.position)
        .options(selectinload(Annotation.flags), selectinload(Annotation.ranks))
    ).all()
    texts = _texts(session, [annotation.id for item, annotation, _ in rows if item.criterion == "demonstrations"])
    ratings = _ratings(session, [item.id for item, _, _ in rows])
    by_applicant: dict[int, list[Done]] = {applicant.id: [] for applicant in applicants}
    for item, annotation, gold in rows:
        done = Done(item, annotation, gold, texts.get(annotation.id, ""), ratings.get(item.id, {}))
        by_applicant[item.applicant_id].append(done)
    return by_applicant


def _texts(session: Session, annotation_ids: Sequence[int]) -> dict[int, str]:
    rows = session.execute(
        select(WrittenText.annotation_id, WrittenText.content)
        .where(WrittenText.annotation_id.in_(annotation_ids))
        .order_by(WrittenText.number)
    )
    return {annotation: str(content.get("text", "")) for annotation, content in rows}


def _ratings(session: Session, item_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    by_item: dict[int, dict[int, int]] = {}
    query = select(DemonstrationRating).where(DemonstrationRating.item_id.in_(item_ids))
    for row in session.scalars(query.order_by(DemonstrationRating.id)):
        by_item.setdefault(row.item_id, {})[row.person_id] = row.rating
    return by_item


def texts_to_rate(session: Session, screening_id: int, person_id: int) -> tuple[list[int], int]:
    """The texts handed in by all applicants that a researcher has not rated yet, and how many there are in all."""
    query = (
        select(FormItem.id)
        .join(Applicant, (Applicant.id == FormItem.applicant_id) & (Applicant.attempt == FormItem.attempt))
        .join(Annotation, (Annotation.task_id == FormItem.task_id) & (Annotation.person_id == Applicant.person_id))
        .where(
            Applicant.screening_id == screening_id,
            Applicant.finished_at.is_not(None),
            FormItem.criterion == "demonstrations",
        )
    )
    everything = set(session.scalars(query))
    mine = select(DemonstrationRating.item_id).where(DemonstrationRating.person_id == person_id)
    rated = set(session.scalars(mine))
    return sorted(everything - rated), len(everything)


def item_to_rate(session: Session, screening_id: int, item_id: int) -> tuple[FormItem, str] | None:
    """A text that was handed in, with its prompt; never who wrote it."""
    row = session.execute(
        select(FormItem, Annotation.id)
        .join(Applicant, (Applicant.id == FormItem.applicant_id) & (Applicant.attempt == FormItem.attempt))
        .join(Annotation, (Annotation.task_id == FormItem.task_id) & (Annotation.person_id == Applicant.person_id))
        .where(
            FormItem.id == item_id,
            FormItem.criterion == "demonstrations",
            Applicant.screening_id == screening_id,
            Applicant.finished_at.is_not(None),
        )
        .options(joinedload(FormItem.task).joinedload(Task.prompt))
    ).first()
    return (row[0], _texts(session, [row[1]]).get(row[1], "")) if row else None


def rating_by(session: Session, item_id: int, person_id: int) -> DemonstrationRating | None:
    return session.scalar(
        select(DemonstrationRating).where(
            DemonstrationRating.item_id == item_id, DemonstrationRating.person_id == person_id
        )
    )


def names_of(session: Session, person_ids: Iterable[int]) -> dict[int, str]:
    rows = session.execute(select(Person.id, Person.name).where(Person.id.in_(list(person_ids))))
    return {id_: name for id_, name in rows}  # noqa: C416


def draft_content(session: Session, person_id: int, task_id: int) -> Mapping[str, Any] | None:
    return session.scalar(select(Draft.content).where(Draft.person_id == person_id, Draft.task_id == task_id))
