from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.instruments import kinds
from app.judgements import queries as judgements
from app.material.guidelines.courses import passed
from app.models import (
    Campaign,
    CampaignCourse,
    Course,
    CourseAttempt,
    CourseStep,
    GoldItem,
    Person,
    Task,
    TaskCandidate,
)


def courses(session: Session) -> Sequence[Course]:
    return session.scalars(select(Course).order_by(Course.id).options(selectinload(Course.steps))).all()


def course_by_id(session: Session, course_id: int) -> Course | None:
    """A course with its steps and all that their practice items show."""
    item = selectinload(Course.steps).joinedload(CourseStep.gold).joinedload(GoldItem.task)
    return session.scalar(
        select(Course)
        .where(Course.id == course_id)
        .options(
            item.joinedload(Task.prompt),
            item.joinedload(Task.campaign),
            item.selectinload(Task.answers).joinedload(TaskCandidate.candidate),
        )
    )


def course_by_name(session: Session, name: str) -> Course | None:
    return session.scalar(select(Course).where(Course.name == name))


def lock_course(session: Session, course_id: int) -> None:
    session.scalar(select(Course.id).where(Course.id == course_id).with_for_update())


def step_by_id(session: Session, course_id: int, step_id: int) -> CourseStep | None:
    return session.scalar(select(CourseStep).where(CourseStep.id == step_id, CourseStep.course_id == course_id))


def newest_attempt(session: Session, person_id: int, course_id: int, *, lock: bool = False) -> CourseAttempt | None:
    mine = select(CourseAttempt).where(CourseAttempt.person_id == person_id, CourseAttempt.course_id == course_id)
    mine = mine.order_by(CourseAttempt.id.desc()).limit(1)
    return session.scalar(mine.with_for_update() if lock else mine)


def campaigns_of(session: Session, course_id: int) -> Sequence[Campaign]:
    """The campaigns that the course opens."""
    wanted = select(CampaignCourse.campaign_id).where(CampaignCourse.course_id == course_id)
    return session.scalars(select(Campaign).where(Campaign.id.in_(wanted)).order_by(Campaign.id.desc())).all()


def release_campaigns(session: Session, course_id: int) -> None:
    """Let no campaign wait for a course."""
    session.execute(delete(CampaignCourse).where(CampaignCourse.course_id == course_id))


def campaigns_to_choose(session: Session) -> Sequence[Campaign]:
    """Those in which labelers work here and that are not closed."""
    is_open = select(Campaign).where(~Campaign.imported, Campaign.status != "closed", judgements.is_work())
    return session.scalars(is_open.order_by(Campaign.id.desc())).all()


def course_ids_by_campaign(session: Session) -> dict[int, int]:
    return {row.campaign_id: row.course_id for row in session.scalars(select(CampaignCourse))}


def gold_to_practise(session: Session, without: Iterable[int]) -> Sequence[GoldItem]:
    """Gold of banks with a ranking and a reason to learn from; hidden gold of work that goes on is not shown."""
    return session.scalars(
        select(GoldItem)
        .join(Task, Task.id == GoldItem.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .where(~judgements.is_work(), GoldItem.reason != "", GoldItem.id.not_in(list(without)))
        .where(Campaign.kind.in_(kinds(lambda each: each.practised)))
        .order_by(GoldItem.topic, GoldItem.id)
        .options(joinedload(GoldItem.task).joinedload(Task.prompt))
    ).all()


@dataclass(frozen=True)
class Standing:
    """How somebody gets on with a course."""

    person: Person
    attempts: int
    best: float | None
    passed: bool
    newest: CourseAttempt


def standings(session: Session, course: Course) -> list[Standing]:
    """Everybody who has begun a course, by name."""
    rows = session.execute(
        select(Person, func.count(CourseAttempt.id), func.max(CourseAttempt.score))
        .join(CourseAttempt, CourseAttempt.person_id == Person.id)
        .where(CourseAttempt.course_id == course.id)
        .group_by(Person.id)
        .order_by(Person.name)
    ).all()
    standing = []
    for person, attempts, best in rows:
        newest = newest_attempt(session, person.id, course.id)
        if newest is not None:
            standing.append(Standing(person, attempts, best, passed(session, person.id, course) is not None, newest))
    return standing
