from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.material.guidelines.rules import instrument_of
from app.models import (
    Annotation,
    Announcement,
    AnnouncementDismissal,
    Assignment,
    Campaign,
    CampaignCourse,
    CampaignGuideline,
    Course,
    CourseAttempt,
    Draft,
    Guideline,
    GuidelineConfirmation,
    GuidelineVersion,
    Person,
    Question,
    QuestionPost,
    Task,
    TaskCandidate,
)

# Guidelines --------------------------------------------------------------------------------------


def guideline_by_id(session: Session, guideline_id: int, *, lock: bool = False) -> Guideline | None:
    query = select(Guideline).where(Guideline.id == guideline_id)
    return session.scalar(query.with_for_update() if lock else query)


def guideline_by_name(session: Session, name: str) -> Guideline | None:
    return session.scalar(select(Guideline).where(Guideline.name == name))


def guidelines(session: Session) -> Sequence[Guideline]:
    return session.scalars(select(Guideline).order_by(Guideline.id)).all()


def default_guideline_id(session: Session, phase: str, instrument: str | None = None) -> int | None:
    same = Guideline.instrument.is_(None) if instrument is None else Guideline.instrument == instrument
    return session.scalar(select(func.min(Guideline.id)).where(Guideline.phase == phase, same))


def guideline_id_of(session: Session, campaign: Campaign) -> int | None:
    """The document that a campaign names, else the oldest of its phase and instrument."""
    named = session.scalar(select(CampaignGuideline.guideline_id).where(CampaignGuideline.campaign_id == campaign.id))
    return named or default_guideline_id(session, campaign.phase, instrument_of(campaign.kind))


def named_guidelines(session: Session) -> dict[int, int]:
    """Campaign -> the document it names, for those that name one."""
    return {row.campaign_id: row.guideline_id for row in session.scalars(select(CampaignGuideline))}


def campaign_guideline(session: Session, campaign_id: int) -> CampaignGuideline | None:
    return session.get(CampaignGuideline, campaign_id)


def versions(session: Session, guideline_id: int) -> Sequence[GuidelineVersion]:
    """All versions of a document, newest first."""
    query = select(GuidelineVersion).where(GuidelineVersion.guideline_id == guideline_id)
    return session.scalars(query.order_by(GuidelineVersion.number.desc())).all()


def current_version(session: Session, guideline_id: int) -> GuidelineVersion | None:
    query = select(GuidelineVersion).where(GuidelineVersion.guideline_id == guideline_id)
    newest = query.order_by(GuidelineVersion.number.desc()).limit(1)
    return session.scalar(newest.options(joinedload(GuidelineVersion.guideline)))


def current_versions(session: Session) -> dict[int, GuidelineVersion]:
    """Document -> its current version."""
    newest = select(func.max(GuidelineVersion.id)).group_by(GuidelineVersion.guideline_id)
    rows = session.scalars(select(GuidelineVersion).where(GuidelineVersion.id.in_(newest)))
    return {version.guideline_id: version for version in rows}


def version_numbered(session: Session, guideline_id: int, number: int) -> GuidelineVersion | None:
    query = select(GuidelineVersion).where(
        GuidelineVersion.guideline_id == guideline_id, GuidelineVersion.number == number
    )
    return session.scalar(query.options(joinedload(GuidelineVersion.guideline)))


def confirmation(session: Session, person_id: int, version_id: int) -> GuidelineConfirmation | None:
    return session.get(GuidelineConfirmation, (person_id, version_id))


def last_confirmed(session: Session, person_id: int, guideline_id: int) -> GuidelineVersion | None:
    """The newest version of a document that a person has said to have read."""
    return session.scalar(
        select(GuidelineVersion)
        .join(GuidelineConfirmation, GuidelineConfirmation.version_id == GuidelineVersion.id)
        .where(GuidelineConfirmation.person_id == person_id, GuidelineVersion.guideline_id == guideline_id)
        .order_by(GuidelineVersion.number.desc())
        .limit(1)
    )


def readers(session: Session, version_id: int) -> Sequence[tuple[Person, datetime]]:
    """Who has confirmed a version and when, in that order."""
    query = (
        select(Person, GuidelineConfirmation.confirmed_at)
        .join(GuidelineConfirmation, GuidelineConfirmation.person_id == Person.id)
        .where(GuidelineConfirmation.version_id == version_id)
        .order_by(GuidelineConfirmation.confirmed_at)
    )
    return [(person, at) for person, at in session.execute(query)]


def reader_counts(session: Session) -> dict[int, int]:
    query = select(GuidelineConfirmation.version_id, func.count()).group_by(GuidelineConfirmation.version_id)
    return {row[0]: row[1] for row in session.execute(query)}


def campaigns(session: Session) -> Sequence[Campaign]:
    """Campaigns in which people work or will again; imported ones have no labelers here."""
    query = select(Campaign).where(Campaign.imported.is_(False), Campaign.status != "closed")
    return session.scalars(query.order_by(Campaign.id.desc())).all()


def campaign_by_id(session: Session, campaign_id: int) -> Campaign | None:
    return session.get(Campaign, campaign_id)


# Questions ---------------------------------------------------------------------------------------


def task_seen_by(session: Session, person_id: int, task_id: int) -> Task | None:
    """A task that the person has, had, skipped or submitted; anybody else's is none."""
    touched = or_(
        exists().where(Assignment.task_id == Task.id, Assignment.person_id == person_id),
        exists().where(Draft.task_id == Task.id, Draft.person_id == person_id),
        exists().where(Annotation.task_id == Task.id, Annotation.person_id == person_id),
    )
    return session.scalar(select(Task).where(Task.id == task_id, touched))


def question_by_id(session: Session, question_id: int, *, lock: bool = False) -> Question | None:
    query = select(Question).where(Question.id == question_id)
    return session.scalar(query.with_for_update() if lock else query)


def own_questions(session: Session, person_id: int, limit: int, campaign_id: int | None = None) -> Sequence[Question]:
    """A person's questions, unread answers first, then the newest."""
    query = select(Question).where(Question.person_id == person_id)
    if campaign_id is not None:
        query = query.where(Question.campaign_id == campaign_id)
    order = (_is_unread().desc(), Question.id.desc())
    # Read anew: what this transaction has just written belongs to it.
    fresh = query.order_by(*order).limit(limit).execution_options(populate_existing=True)
    return session.scalars(fresh.options(selectinload(Question.posts))).all()


def _is_unread() -> ColumnElement[bool]:
    return and_(
        Question.answered_at.is_not(None),
        or_(Question.read_at.is_(None), Question.read_at < Question.answered_at),
    )


def waiting_with_text(
    session: Session, person_id: int, campaign_id: int, task_id: int | None, text: str
) -> Question | None:
    """A question in the same words that has no answer yet."""
    return session.scalar(
        select(Question)
        .join(QuestionPost, QuestionPost.question_id == Question.id)
        .where(
            Question.person_id == person_id,
            Question.campaign_id == campaign_id,
            Question.task_id.is_(None) if task_id is None else Question.task_id == task_id,
            Question.waiting_since.is_not(None),
            QuestionPost.text == text,
        )
        .limit(1)
    )


def waiting_count(session: Session, person_id: int | None = None) -> int:
    query = select(func.count()).select_from(Question).where(Question.waiting_since.is_not(None))
    return session.scalar(query if person_id is None else query.where(Question.person_id == person_id)) or 0


def question_count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Question)) or 0


def questions_with_askers(
    session: Session, *, waiting_only: bool, limit: int, offset: int
) -> Sequence[tuple[Question, Campaign, Person]]:
    """Questions of everybody: the open ones, longest waiting first; or all, newest first."""
    query = (
        select(Question, Campaign, Person)
        .join(Campaign, Campaign.id == Question.campaign_id)
        .join(Person, Person.id == Question.person_id)
        .options(selectinload(Question.posts))
        .limit(limit)
        .offset(offset)
    )
    if waiting_only:
        query = query.where(Question.waiting_since.is_not(None)).order_by(Question.waiting_since, Question.id)
    else:
        query = query.order_by(Question.id.desc())
    return [(question, campaign, person) for question, campaign, person in session.execute(query)]


def authors(session: Session, question_id: int) -> dict[int, str]:
    """Person -> name, of everybody who wrote in a thread."""
    query = (
        select(Person.id, Person.name)
        .join(QuestionPost, QuestionPost.person_id == Person.id)
        .where(QuestionPost.question_id == question_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def task_with_answers(session: Session, task_id: int) -> Task | None:
    return session.scalar(
        select(Task)
        .where(Task.id == task_id)
        .options(joinedload(Task.prompt), selectinload(Task.answers).joinedload(TaskCandidate.candidate))
    )


def shown_order(session: Session, person_id: int, task_id: int) -> list[int]:
    """The answers' ids in the order in which a person sees or saw them; empty if nobody knows it."""
    for table in (Draft, Annotation):
        order = session.scalar(select(table.shown_order).where(table.task_id == task_id, table.person_id == person_id))
        if order:
            return list(order)
    return []


# Announcements -----------------------------------------------------------------------------------


def announcement_of(session: Session, question_id: int) -> Announcement | None:
    return session.scalar(select(Announcement).where(Announcement.question_id == question_id))


def announcement_by_id(session: Session, announcement_id: int) -> Announcement | None:
    return session.get(Announcement, announcement_id)


def announcements_in(session: Session, campaign_id: int) -> Sequence[Announcement]:
    """Everything announced in a campaign, newest first, read or not."""
    query = select(Announcement).where(Announcement.campaign_id == campaign_id)
    return session.scalars(query.order_by(Announcement.id.desc())).all()


def undismissed(session: Session, person_id: int) -> Sequence[tuple[Announcement, Campaign]]:
    """What a person still has on their work page, newest first: of campaigns in which there is work."""
    dismissed = exists().where(
        AnnouncementDismissal.announcement_id == Announcement.id, AnnouncementDismissal.person_id == person_id
    )
    query = (
        select(Announcement, Campaign)
        .join(Campaign, Campaign.id == Announcement.campaign_id)
        .where(~dismissed, Campaign.status != "closed")
        .order_by(Announcement.id.desc())
    )
    return [(announcement, campaign) for announcement, campaign in session.execute(query)]


def dismissal(session: Session, announcement_id: int, person_id: int) -> AnnouncementDismissal | None:
    return session.get(AnnouncementDismissal, (announcement_id, person_id))


def course_of(session: Session, campaign_id: int) -> Course | None:
    """The course that opens a campaign."""
    return session.scalar(select(Course).join(CampaignCourse).where(CampaignCourse.campaign_id == campaign_id))


def passed_attempt(session: Session, person_id: int, course_id: int, version_id: int | None) -> CourseAttempt | None:
    """The newest attempt that passed a course while it taught this version of its guideline."""
    return session.scalar(
        select(CourseAttempt)
        .where(CourseAttempt.person_id == person_id, CourseAttempt.course_id == course_id)
        .where(CourseAttempt.passed.is_(True), CourseAttempt.guideline_version_id.is_not_distinct_from(version_id))
        .order_by(CourseAttempt.id.desc())
        .limit(1)
    )
