"""Whether somebody has learned what a campaign asks for; courses are made and taken in ``app.labeling.course``."""

from sqlalchemy.orm import Session

from app.material.guidelines import queries
from app.models import Campaign, Course, CourseAttempt, Person


def taught_version_id(session: Session, course: Course) -> int | None:
    """The version of its guideline that a course teaches now: the newest. Nothing where it names no guideline."""
    version = queries.current_version(session, course.guideline_id) if course.guideline_id else None
    return version.id if version else None


def passed(session: Session, person_id: int, course: Course) -> CourseAttempt | None:
    """The newest attempt that holds: passed, while the course taught what it teaches now."""
    return queries.passed_attempt(session, person_id, course.id, taught_version_id(session, course))


def course_before(session: Session, person: Person, campaign: Campaign) -> Course | None:
    """The course that a labeler has to pass before their next task of a campaign; researchers judge as they are."""
    if person.role != "labeler":
        return None
    course = queries.course_of(session, campaign.id)
    return course if course and passed(session, person.id, course) is None else None
