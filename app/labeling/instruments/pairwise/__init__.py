"""Say which of two answers is better, and how much (Bai et al. 2022; Llama 2)."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.instruments import QUALITY, Choice, Costs, Making
from app.labeling.annotations.desk import Desk, Lists, Refused, Seat
from app.labeling.annotations.forms import edit_of
from app.labeling.annotations.judging_pages import answers_of
from app.labeling.annotations.rules.drafts import WRITTEN
from app.labeling.instruments.pairwise import routes, service
from app.labeling.instruments.pairwise.forms import step_of
from app.labeling.instruments.pairwise.pages import ComparePage
from app.labeling.instruments.pairwise.rules import STEPS
from app.language import gettext as _
from app.language import mark
from app.models import Annotation, Person
from app.web.posted import last_of


class Pairwise(Desk):
    name = mark("pairwise")
    about = mark("People say which of two answers is better, and how much.")
    task = mark("Compare two answers")
    making = Making(
        heading=mark("New pairwise campaign"),
        invitation=mark("compare two answers"),
        choices={"steps": Choice(mark("The bar"), STEPS)},
    )
    costs = Costs(
        whole=("pairwise", mark("Comparing two answers")), product=mark("Comparison of two answers"), pairs=True
    )
    criterion = QUALITY
    answers = (2, 2)
    sent_elsewhere = mark("This task asks which of two answers is better, not for a text. Reload the page.")
    router = routes.router

    def page(self, seat: Seat, *, answer: int | None = None, error: str = "") -> ComparePage:  # noqa: ARG002
        bar, step = service.bar_of(seat.work.task.campaign), service.step_in(seat.work)
        return ComparePage(seat.bench, answers_of(seat.work), bar, step, error)

    def shown_again(self, seat: Seat, refused: Refused) -> ComparePage:
        return self.page(seat, error=refused.sentence)

    def keep(self, session: Session, person: Person, task_id: int, now: datetime, lists: Lists) -> None:
        fields = last_of(lists)
        if (step := step_of(fields)) is not None:
            service.save_step(session, person, task_id, now, step, edit_of(fields))

    def submit(self, session: Session, person: Person, task_id: int, now: datetime, lists: Lists) -> Annotation:
        if WRITTEN & lists.keys():
            raise Invalid(_(self.sent_elsewhere))
        return service.submit(session, person, task_id, now, step_of(last_of(lists)))

    def told(self, session: Session, annotation: Annotation) -> str:
        session.flush()
        ranks = {row.candidate_id: row.rank for row in annotation.ranks}
        first, second = (ranks[candidate] for candidate in annotation.shown_order)
        bar, strength = service.bar_of(annotation.task.campaign), int(annotation.strength or 0)
        order = bar.told(bar.step_of(strength if first < second else -strength))
        if annotation.corrected_at:
            return _("Corrected: %(order)s. Thank you!", order=order)
        return _("Submitted: %(order)s. Thank you!", order=order)
