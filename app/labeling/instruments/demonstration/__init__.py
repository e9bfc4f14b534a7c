"""Write the answer to a prompt."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.instruments import Costs, Making
from app.labeling.annotations.desk import Lists, Refused, Seat
from app.labeling.annotations.forms import edit_of
from app.labeling.annotations.reservation import Work
from app.labeling.annotations.rules.drafts import TEXT
from app.labeling.annotations.writing import Writing, demonstrate
from app.labeling.annotations.writing_pages import PreviewItem, WritingPreview
from app.labeling.instruments.demonstration import routes, service
from app.labeling.instruments.demonstration.pages import DemonstrationPage, preview_of_text
from app.labeling.typing import service as typing_service
from app.language import mark
from app.models import Annotation, Person, Task, WrittenText
from app.web.posted import last_of


class Demonstration(Writing):
    name = mark("demonstration")
    about = mark("People write the answer themselves.")
    task = mark("Write answers")
    making = Making(heading=mark("New demonstration campaign"), invitation=mark("write answers"), chooses_prompts=True)
    costs = Costs(whole=("demonstration", mark("Writing a demonstration")), product=mark("Demonstration"))
    screens = frozenset({"demonstrations"})
    sent_elsewhere = mark("This task asks for a text, and none was sent. Write the answer, then submit.")
    part = TEXT
    router = routes.router

    def draft_page(self, seat: Seat, refused: Refused | None = None) -> DemonstrationPage:
        work = seat.work
        posted = (refused.posted if refused else None) or {}
        text = posted[TEXT][-1] if TEXT in posted else work.draft.content.get(TEXT, "")
        return DemonstrationPage(
            bench=seat.bench,
            text=text,
            preview=preview_of_text(work, text if len(text) <= DemonstrationPage.longest else ""),
            returned=work.returned,
            problems=(refused.beside or {"answer": refused.sentence}) if refused else {},
            counting=typing_service.counting_for(seat.session, work.task.campaign_id, work.draft.person_id),
        )

    def keep(self, session: Session, person: Person, task_id: int, now: datetime, lists: Lists) -> None:
        fields = last_of(lists)
        if TEXT in fields:
            service.save_text(session, person, task_id, now, fields[TEXT], edit_of(fields))

    def submit(self, session: Session, person: Person, task_id: int, now: datetime, lists: Lists) -> Annotation:
        self.check_form(lists)
        return service.submit_demonstration(session, person, task_id, now, lists[TEXT][-1])

    def preview(self, work: Work, lists: Lists) -> WritingPreview:
        return preview_of_text(work, service.checked(lists.get(TEXT, [""])[-1]))

    def preview_of(self, text: WrittenText) -> WritingPreview:
        prompt = text.annotation.task.prompt
        return WritingPreview([PreviewItem(prompt.messages if prompt else [], text.content[TEXT])], prompt_too=True)

    def publish(self, session: Session, writing: WrittenText, task: Task) -> None:
        assert task.prompt_id is not None  # only where prompts are written has a task none
        demonstrate(session, writing.annotation, task.prompt_id, writing.content[TEXT])
