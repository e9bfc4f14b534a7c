from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.errors import DomainError, Invalid
from app.labeling.annotations.forms import ranks_of
from app.labeling.campaigns.rules.campaigns import name_for_labelers
from app.labeling.course import rules, service
from app.labeling.course.pages import CoursesPage, EditPage, course_page, lines_of, step_page
from app.language import gettext as _
from app.material.guidelines import service as guidelines
from app.material.guidelines.courses import passed
from app.models import Course, Person
from app.roles import may
from app.web.forms import whole_number
from app.web.posted import Fields, Lists
from app.web.render import go, render, tell
from app.web.requests import Now, Reading, Writing, database_of, needs

router = APIRouter()
Learner = Annotated[Person, Depends(needs(lambda role: may(role, "annotate")))]
Teacher = Annotated[Person, Depends(needs(lambda role: may(role, "write_guidelines")))]
Text = Annotated[str, Form()]


# Taking ------------------------------------------------------------------------------------------


@router.get("/label/courses/{course_id}")
def show_course(request: Request, course_id: int, person: Learner, session: Reading) -> HTMLResponse:
    course = service.course_for(session, course_id)
    attempt = service.open_attempt(session, person, course)
    last = service.newest_attempt(session, person.id, course.id)
    holds = passed(session, person.id, course) is not None
    return render(request, course_page(course, _called(session, course), attempt=attempt, last=last, holds=holds))


def _called(session: Session, course: Course) -> list[str]:
    """The campaigns that a course opens, as labelers know them."""
    return [
        name_for_labelers(campaign.id, campaign.name, campaign.phase)
        for campaign in service.campaigns_of(session, course.id)
    ]


@router.post("/label/courses/{course_id}")
def begin_course(course_id: int, person: Learner, session: Writing, now: Now) -> RedirectResponse:
    attempt = service.begin(session, person, course_id, now)
    lines = lines_of(service.course_for(session, course_id), attempt.answers)
    following = next((line for line in lines if not line.done), None)
    return go(following.address if following else f"/label/courses/{course_id}")


@router.get("/label/courses/{course_id}/steps/{step_id}")
def show_step(request: Request, course_id: int, step_id: int, person: Learner, session: Reading) -> Response:
    course = service.course_for(session, course_id)
    step = service.step_for(session, course_id, step_id)
    attempt = service.open_attempt(session, person, course)
    if attempt is None:
        return go(f"/label/courses/{course_id}")
    return render(request, step_page(course, step, person, attempt.answers))


@router.post("/label/courses/{course_id}/steps/{step_id}")
def answer_step(request: Request, course_id: int, step_id: int, *, person: Learner, lists: Lists) -> Response:
    """Keep an answer, then show it with what researchers say; a page that was read leads on at once."""
    database = database_of(request)
    fields = {name: values[-1] for name, values in lists.items()}
    flags = {
        whole_number(name.removeprefix("flags-"), _("An answer's number")): names
        for name, names in lists.items()
        if name.startswith("flags-")
    }
    ranks = ranks_of(fields)
    choice = whole_number(fields["choice"], _("The option")) if "choice" in fields else None
    try:
        with database.transaction() as session:
            service.answer_step(session, person, course_id, step_id, choice=choice, ranks=ranks, flags=flags)
    except Invalid as error:
        with database.reading() as session:
            course = service.course_for(session, course_id)
            step = service.step_for(session, course_id, step_id)
            attempt = service.open_attempt(session, person, course)
            given = {"ranks": ranks, "flags": flags}
            answers = attempt.answers if attempt else {}
            page = step_page(course, step, person, answers, problems=error.fields, error=str(error), given=given)
            return render(request, page, error.status)
    with database.reading() as session:
        course = service.course_for(session, course_id)
        attempt = service.open_attempt(session, person, course)
        page = step_page(
            course, service.step_for(session, course_id, step_id), person, attempt.answers if attempt else {}
        )
    if page.step.kind != rules.PAGE:
        return go(page.line.address)
    return go(page.following.address if page.following else f"/label/courses/{course_id}")


@router.post("/label/courses/{course_id}/finish")
def finish_course(request: Request, course_id: int, person: Learner, session: Writing, now: Now) -> RedirectResponse:
    outcome = service.finish(session, person, course_id, now)
    if outcome.passed and outcome.asked:
        tell(request, _("Passed: %(right)s of %(asked)s questions right.", right=outcome.right, asked=outcome.asked))
    elif outcome.passed:
        tell(request, _("Passed: you have been through the whole course."))
    else:
        tell(
            request,
            _(
                "Not passed yet: %(right)s of %(asked)s questions right. Begin again when you like.",
                right=outcome.right,
                asked=outcome.asked,
            ),
        )
    return go("/label" if outcome.passed else f"/label/courses/{course_id}")


# Making ------------------------------------------------------------------------------------------


@router.get("/courses")
def list_courses(request: Request, _teacher: Teacher, session: Reading) -> HTMLResponse:
    return render(request, _list(session))


def _list(session: Session, given: Mapping[str, str] | None = None, error: str = "") -> CoursesPage:
    waiting = service.campaign_counts(session)
    return CoursesPage(service.courses(session), waiting, guidelines.guidelines(session), given or {}, error)


@router.post("/courses")
def make_course(request: Request, teacher: Teacher, fields: Fields) -> Response:
    database = database_of(request)
    try:
        with database.transaction() as session:
            course = service.create(session, teacher, **_described(fields))
    except DomainError as error:
        with database.reading() as session:
            return render(request, _list(session, fields, str(error)), error.status)
    return go(f"/courses/{course.id}")


def _described(fields: Mapping[str, str]) -> dict[str, Any]:
    """``name``, ``guideline_id`` (empty for none) and ``percent``, as a form has them."""
    guideline = fields.get("guideline_id", "")
    return {
        "name": fields.get("name", ""),
        "guideline_id": whole_number(guideline, _("The guideline")) if guideline else None,
        "pass_share": whole_number(fields.get("percent", ""), _("The percentage that passes"), 0, 100) / 100,
    }


@router.get("/courses/{course_id}")
def edit_course(request: Request, course_id: int, _teacher: Teacher, session: Reading) -> HTMLResponse:
    return render(request, _edit_page(session, course_id))


def _edit_page(
    session: Session, course_id: int, given: Mapping[str, list[str]] | None = None, error: DomainError | None = None
) -> EditPage:
    course = service.course_for(session, course_id)
    problems = error.fields if isinstance(error, Invalid) else {}
    return EditPage(
        course=course,
        lines=lines_of(course, {}),
        guidelines=guidelines.guidelines(session),
        gold=service.gold_to_practise(session, course),
        chosen=service.campaigns_of(session, course_id),
        campaigns=service.campaigns_to_choose(session),
        standings=service.standings(session, course),
        given=given or {},
        problems=problems,
        error=str(error) if error and not problems else "",
    )


@router.post("/courses/{course_id}")
def change_course(request: Request, course_id: int, teacher: Teacher, fields: Fields) -> Response:
    database = database_of(request)
    try:
        with database.transaction() as session:
            service.change(session, teacher, course_id, **_described(fields))
    except DomainError as error:
        with database.reading() as session:
            return render(request, _edit_page(session, course_id, error=error), error.status)
    tell(request, _("Saved."))
    return go(f"/courses/{course_id}")


@router.post("/courses/{course_id}/steps")
def add_step(request: Request, course_id: int, teacher: Teacher, lists: Lists) -> Response:
    database = database_of(request)
    kind = lists.get("kind", [""])[-1]
    gold = lists.get("gold", [""])[-1]
    try:
        with database.transaction() as session:
            chosen = whole_number(gold, _("The item")) if gold else None
            service.add_step(session, teacher, course_id, kind, _content(kind, lists), chosen)
    except DomainError as error:
        with database.reading() as session:
            return render(request, _edit_page(session, course_id, lists, error), error.status)
    tell(request, _("Added at the end."))
    return go(f"/courses/{course_id}#steps")


def _content(kind: str, lists: Mapping[str, list[str]]) -> dict[str, Any]:
    """What a form says about a step; options without words are left out, and ``right`` counts those that are left."""
    fields = {name: values[-1].replace("\r\n", "\n").strip() for name, values in lists.items()}
    if kind == rules.PAGE:
        return {"title": fields.get("title", ""), "text": fields.get("text", "")}
    if kind != rules.QUESTION:
        return {}
    options = [option.strip() for option in lists.get("option", [])]
    filled = [right_option for right_option, option in enumerate(options) if option]
    right = fields.get("right", "")
    right_option = whole_number(right, _("The right option")) if right else -1
    return {
        "text": fields.get("text", ""),
        "options": [options[right_option] for right_option in filled],
        "right": filled.index(right_option) if right_option in filled else None,
        "why": fields.get("why", ""),
    }


@router.post("/courses/{course_id}/steps/{step_id}/move")
def move_step(
    course_id: int, step_id: int, *, teacher: Teacher, session: Writing, towards: Text = ""
) -> RedirectResponse:
    service.move_step(session, teacher, course_id, step_id, -1 if towards == "start" else 1)
    return go(f"/courses/{course_id}#steps")


@router.post("/courses/{course_id}/steps/{step_id}/remove")
def remove_step(request: Request, course_id: int, step_id: int, teacher: Teacher, session: Writing) -> RedirectResponse:
    service.remove_step(session, teacher, course_id, step_id)
    tell(request, _("The step is out of the course; the audit trail keeps what it said."))
    return go(f"/courses/{course_id}#steps")


@router.post("/courses/{course_id}/campaigns")
def choose_campaigns(request: Request, course_id: int, teacher: Teacher, lists: Lists) -> Response:
    database = database_of(request)
    try:
        with database.transaction() as session:
            chosen = [whole_number(text, _("A campaign's number")) for text in lists.get("campaign_id", [])]
            service.choose_campaigns(session, teacher, course_id, chosen)
    except DomainError as error:
        with database.reading() as session:
            return render(request, _edit_page(session, course_id, error=error), error.status)
    tell(request, _("From now on labelers take this course before the first task of the chosen campaigns."))
    return go(f"/courses/{course_id}")
