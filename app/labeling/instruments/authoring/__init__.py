"""Write a prompt and its answer (InstructGPT A.1)."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.instruments import Costs, Making
from app.labeling.annotations.desk import Lists, Refused, Seat
from app.labeling.annotations.forms import edit_of
from app.labeling.annotations.reservation import Work, work_for
from app.labeling.annotations.rules.drafts import AUTHORED
from app.labeling.annotations.writing import Writing
from app.labeling.annotations.writing_pages import WritingPreview
from app.labeling.instruments.authoring import routes, rules, service
from app.labeling.instruments.authoring.forms import authored_of
from app.labeling.instruments.authoring.pages import AuthoringPage, preview_of_authored
from app.labeling.typing import service as typing_service
from app.language import mark
from app.material.scenarios import service as scenarios
from app.models import Annotation, Person, Task, WrittenText
from app.web.posted import last_of


class Authoring(Writing):
    name = mark("authoring")
    about = mark("People write a prompt and its answer.")
    task = mark("Write prompts and answers")
    making = Making(
        heading=mark("New authoring campaign"),
        invitation=mark("write prompts and answers"),
        forms=rules.FORMS,
        from_scenario=rules.USER_BASED,
    )
    costs = Costs(whole=("authoring", mark("Writing a prompt with its answer")), product=mark("Prompt with its answer"))
    sent_elsewhere = mark("This task asks for a prompt and its answer, and none was sent. Reload the page.")
    part = AUTHORED
    router = routes.router

    def draft_page(self, seat: Seat, refused: Refused | None = None) -> AuthoringPage:
        work = seat.work
        form = _form_of(work.task)
        posted = (refused.posted if refused else None) or {}
        authored = authored_of(posted, form) if AUTHORED in posted else service.authored_of(work)
        return AuthoringPage(
            bench=seat.bench,
            authored=authored,
            scenarios=scenarios.offers_with(seat.session, work.task.scenario) if form == rules.USER_BASED else [],
            preview=preview_of_authored(rules.Authored(form) if rules.too_long(authored) else authored),
            returned=work.returned,
            problems=refused.beside if refused else {},
            error=refused.sentence if refused and not refused.beside else "",
            counting=typing_service.counting_for(seat.session, work.task.campaign_id, work.draft.person_id),
        )

    def keep(self, session: Session, person: Person, task_id: int, now: datetime, lists: Lists) -> None:
        if AUTHORED in lists:
            authored = authored_of(lists, _form_of(work_for(session, person, task_id).task))
            service.save_authored(session, person, task_id, now, authored, edit_of(last_of(lists)))

    def submit(self, session: Session, person: Person, task_id: int, now: datetime, lists: Lists) -> Annotation:
        self.check_form(lists)
        authored = authored_of(lists, _form_of(work_for(session, person, task_id).task))
        return service.submit_authored(session, person, task_id, now, authored)

    def preview(self, work: Work, lists: Lists) -> WritingPreview:
        authored = authored_of(lists, _form_of(work.task))
        service.check_length(authored)
        return preview_of_authored(authored)

    def preview_of(self, text: WrittenText) -> WritingPreview:
        return preview_of_authored(rules.of_json(text.content, _form_of(text.annotation.task)))

    def publish(self, session: Session, writing: WrittenText, task: Task) -> None:
        service.publish(session, writing, task)


def _form_of(task: Task) -> str:
    return task.campaign.prompt_form or rules.PLAIN
