from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.errors import Conflict, DomainError, NotFound
from app.language import gettext as _
from app.material.guidelines import questions, service
from app.material.guidelines.pages import GuidelinesPage, QuestionRow, QuestionsPage, VersionPage, WritePage
from app.material.guidelines.views import guideline_page, guideline_rows, my_questions, question_page
from app.models import Person, Question
from app.roles import may
from app.web.addresses import TaskId, task_address
from app.web.forms import whole_number
from app.web.paging import Paging
from app.web.render import go, render, tell
from app.web.requests import Now, Reading, Writing, database_of, needs

router = APIRouter()
Labeler = Annotated[Person, Depends(needs(lambda role: may(role, "annotate")))]
Author = Annotated[Person, Depends(needs(lambda role: may(role, "write_guidelines")))]
Text = Annotated[str, Form()]
TRANSLATION = "text-"  # begins the name of the field of each further language


async def _translations(request: Request) -> dict[str, str]:
    fields = (await request.form()).multi_items()
    return {
        name.removeprefix(TRANSLATION): text
        for name, text in fields
        if name.startswith(TRANSLATION) and isinstance(text, str)
    }


Translations = Annotated[dict[str, str], Depends(_translations)]


# Guidelines --------------------------------------------------------------------------------------


@router.get("/guidelines")
def list_guidelines(request: Request, _author: Author, session: Reading) -> HTMLResponse:
    return render(request, GuidelinesPage(guideline_rows(session), questions.waiting_count(session)))


@router.get("/guidelines/new")
def new_guideline(request: Request, _author: Author) -> HTMLResponse:
    return render(request, WritePage(None, ""))


@router.post("/guidelines")
def create_guideline(
    request: Request,
    author: Author,
    translations: Translations,
    *,
    name: Text = "",
    phase: Text = "training",
    instrument: Text = "",
    text: Text = "",
    then: Text = "publish",
) -> Response:
    """Show what a new document would look like, or publish it."""
    page = WritePage(None, text, translations, name=name, phase=phase, instrument=instrument)
    if then == "preview":
        return render(request, replace(page, preview=True))
    try:
        with database_of(request).transaction() as session:
            guideline = service.create_guideline(
                session,
                author,
                name=name,
                phase=phase,
                text=text,
                translations=translations,
                instrument=instrument or None,
            )
    except DomainError as error:
        return render(request, replace(page, error=str(error)), error.status)
    tell(request, _("“%(name)s” is published. Say which campaigns follow it.", name=guideline.name))
    return go(f"/guidelines/{guideline.id}")


@router.get("/guidelines/{guideline_id}")
def show_guideline(request: Request, guideline_id: int, _author: Author, session: Reading) -> HTMLResponse:
    return render(request, guideline_page(session, service.guideline_for(session, guideline_id)))


@router.get("/guidelines/{guideline_id}/write")
def write_version(request: Request, guideline_id: int, _author: Author, session: Reading) -> HTMLResponse:
    current = service.current_version_of(session, service.guideline_for(session, guideline_id))
    return render(request, WritePage(current, current.text, current.translations))


@router.post("/guidelines/{guideline_id}/write")
def publish_version(
    request: Request,
    guideline_id: int,
    author: Author,
    translations: Translations,
    *,
    text: Text = "",
    changes: Text = "",
    based_on: Text = "",
    then: Text = "publish",
) -> Response:
    """Show what a new version would look like and what differs, or publish it."""
    database, error, status = database_of(request), "", 200
    if then != "preview":
        try:
            number = whole_number(based_on, _("The version that you changed"))
            with database.transaction() as session:
                version = service.publish(
                    session,
                    author,
                    guideline_id,
                    text=text,
                    changes=changes,
                    based_on=number,
                    translations=translations,
                )
        except NotFound:
            raise
        except DomainError as refusal:
            error, status = str(refusal), refusal.status
        else:
            sentence = _(
                "Version %(number)s is published. Labelers confirm it before their next task.", number=version.number
            )
            tell(request, sentence)
            return go(f"/guidelines/{guideline_id}")
    with database.reading() as session:
        current = service.current_version_of(session, service.guideline_for(session, guideline_id))
        overtaken = status == Conflict.status  # by what it shows from now on, beside what differs
        page = WritePage(
            current,
            text,
            translations,
            changes,
            based_on="" if overtaken else based_on,
            preview=then == "preview" or overtaken,
            error=error,
        )
        return render(request, page, status)


@router.get("/guidelines/{guideline_id}/versions/{number}")
def show_version(request: Request, guideline_id: int, number: int, _author: Author, session: Reading) -> HTMLResponse:
    version = service.version_numbered(session, guideline_id, min(number, 2**31 - 1))
    before = service.version_before(session, version)
    current = service.current_version_of(session, version.guideline).number
    return render(request, VersionPage(version, current, before))


@router.post("/guidelines/{guideline_id}/campaigns")
def follow(
    request: Request, guideline_id: int, author: Author, session: Writing, campaign_id: Text = ""
) -> RedirectResponse:
    campaign = service.follow(session, author, guideline_id, whole_number(campaign_id, _("A campaign's number")))
    sentence = _(
        "“%(name)s” follows this guideline now. Its labelers confirm it before their next task.", name=campaign.name
    )
    tell(request, sentence)
    return go(f"/guidelines/{guideline_id}")


# Questions, as those who answer see them ---------------------------------------------------------


@router.get("/questions")
def list_questions(
    request: Request, _author: Author, session: Reading, show: str = "open", page: int = 1
) -> HTMLResponse:
    waiting, show_all = questions.waiting_count(session), show == "all"
    paging = Paging(
        page, questions.question_count(session) if show_all else waiting, {"show": show if show_all else ""}
    )
    asked = questions.questions_with_askers(session, waiting_only=not show_all, limit=paging.size, offset=paging.offset)
    rows = [QuestionRow(question, campaign, person.name) for question, campaign, person in asked]
    return render(request, QuestionsPage(rows, show_all, waiting, paging))


@router.get("/questions/{question_id}")
def show_question(request: Request, question_id: int, _author: Author, session: Reading) -> HTMLResponse:
    return render(request, question_page(session, questions.question_for(session, question_id)))


@router.post("/questions/{question_id}/answers")
def answer(request: Request, question_id: int, author: Author, now: Now, text: Text = "") -> Response:
    try:
        with database_of(request).transaction() as session:
            questions.answer(session, author, question_id, now, text=text)
    except DomainError as error:
        return _question_again(request, question_id, {"text": text}, error)
    tell(request, _("Answered. The person who asked finds it on their work page."))
    return go(f"/questions/{question_id}")


@router.post("/questions/{question_id}/announcement")
def announce(
    request: Request, question_id: int, author: Author, now: Now, *, question: Text = "", answer: Text = ""
) -> Response:
    try:
        with database_of(request).transaction() as session:
            questions.announce(session, author, question_id, now, question=question, answer=answer)
    except DomainError as error:
        return _question_again(request, question_id, {"question": question, "answer": answer}, error)
    tell(request, _("Announced to everybody who works on this campaign."))
    return go(f"/questions/{question_id}")


def _question_again(request: Request, question_id: int, fields: dict[str, str], error: DomainError) -> HTMLResponse:
    """The page with what was typed and a sentence; a question that is not there stays one."""
    with database_of(request).reading() as session:
        question = questions.question_for(session, question_id)
        return render(request, question_page(session, question, fields, str(error)), error.status)


# Questions, as those who ask see them ------------------------------------------------------------


@router.post("/label/tasks/{task_id}/questions")
def ask(
    request: Request,
    task_id: TaskId,
    person: Labeler,
    session: Writing,
    now: Now,
    *,
    text: Text = "",
    about: Text = "task",
) -> Response:
    question = questions.ask(session, person, task_id, now, text=text, about_campaign=about == "campaign")
    sentence = _("Asked. The answer comes here.")
    return _own_threads(request, session, person, question, task_address(request, task_id), sentence)


@router.post("/label/questions/{question_id}/posts")
def ask_on(
    request: Request, question_id: int, person: Labeler, session: Writing, now: Now, text: Text = ""
) -> Response:
    question = questions.ask_on(session, person, question_id, now, text=text)
    return _own_threads(request, session, person, question, "/label", _("Sent. The answer comes here."))


@router.post("/label/questions/{question_id}/read")
def mark_read(request: Request, question_id: int, person: Labeler, session: Writing, now: Now) -> Response:
    question = questions.mark_read(session, person, question_id, now)
    return _own_threads(request, session, person, question, "/label", "")


def _own_threads(
    request: Request, session: Session, person: Person, question: Question, back: str, sentence: str
) -> Response:
    """To the guide panel, which asks from within a task, its list; to a plain form the page it came from."""
    if "hx-request" in request.headers:
        return render(request, my_questions(session, person, question.campaign_id))
    if sentence:
        tell(request, sentence)
    return go(back)


@router.post("/label/announcements/{announcement_id}/dismiss")
def dismiss(announcement_id: int, person: Labeler, session: Writing, now: Now) -> RedirectResponse:
    questions.dismiss(session, person, announcement_id, now)
    return go("/label")
