"""Instruments with which people judge answers that stand ready: each by itself, then all of them on the board."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.labeling.annotations import drafts, reservation, service
from app.labeling.annotations.desk import Desk, Lists, Refused, Seat
from app.labeling.annotations.forms import edit_of, none_acceptable_of, ranks_of, schema_version_of
from app.labeling.annotations.judging_pages import Answer, AnswerPage, RankingPage, answers_of
from app.labeling.annotations.rules.drafts import WRITTEN
from app.labeling.annotations.rules.submission import labels_changed
from app.labeling.campaigns.orders import stored_order
from app.language import gettext as _
from app.models import Annotation, Person
from app.web.posted import last_of
from app.web.render import Page


class Judging(Desk):
    """Parts 1 and 2, the prompt and every answer, on pages of the instrument; part 3, the order, on the board.

    Attributes:
        answer_page: the page of one answer; a ``Page`` too.
    """

    answer_page: ClassVar[type[AnswerPage]]

    @abstractmethod
    def proposal(self, answers: Sequence[Answer]) -> dict[int, int]:
        """The order that follows from what was said of each answer, 1 = best; a person has to confirm it."""

    @abstractmethod
    def said_of(self, answer: Answer) -> str:
        """What was said of an answer, in a few words."""

    def worth_of(self, answer: Answer, proposal: Mapping[int, int]) -> int:
        """The higher, the better the answer is by what was said of it."""
        return -proposal[answer.candidate_id]

    def warning_about(self, _answer: Answer) -> str:
        """What stands against an answer, in a few words, if anything does."""
        return ""

    @property
    def why_proposed(self) -> str:
        """What the proposed order goes by, where it has to be said."""
        return ""

    def page(self, seat: Seat, *, answer: int | None = None, error: str = "") -> Page:
        """The chosen answer, else the first that is not finished."""
        work = seat.work
        answers, unfinished = answers_of(work), work.unfinished
        first_open = next((a.number for a in answers if a.candidate_id in unfinished), 1)
        number = answer if answer and 1 <= answer <= len(answers) else first_open
        page = self.answer_page(
            bench=seat.bench,
            answers=answers,
            answer=answers[number - 1],
            schema=work.schema,
            prompt_labels=work.submission.prompt_labels,
            unfinished=unfinished,
            changed=labels_changed(work.outdated, work.letters) if work.outdated else "",
            error=error,
        )
        assert isinstance(page, Page)
        return page

    def board(self, seat: Seat, refused: Refused | None = None) -> RankingPage:
        """The board on which the answers are ranked."""
        answers = answers_of(seat.work)
        return RankingPage(
            bench=seat.bench,
            says=self,
            answers=answers,
            proposal=self.proposal(answers),
            none_acceptable=seat.work.submission.none_acceptable,
            error=refused.sentence if refused else "",
            problems=refused.beside if refused else {},
        )

    def shown_again(self, seat: Seat, refused: Refused) -> Page:
        """The board, once it is open, if the order was refused; else the page of an answer."""
        if refused.submitted and not seat.work.before_ranking:
            return self.board(seat, refused)
        return self.page(seat, error=refused.sentence)

    def keep(self, session: Session, person: Person, task_id: int, now: datetime, lists: Lists) -> None:
        fields = last_of(lists)
        if any(name.startswith("rank-") for name in fields):
            possible = drafts.possible_ranks(reservation.work_for(session, person, task_id), ranks_of(fields))
            none = none_acceptable_of(fields)
            drafts.save_ranks(session, person, task_id, now, possible, none_acceptable=none, edit=edit_of(fields))

    def submit(self, session: Session, person: Person, task_id: int, now: datetime, lists: Lists) -> Annotation:
        fields = last_of(lists)
        if WRITTEN & fields.keys():
            raise Invalid(_(self.sent_elsewhere))
        draft = drafts.draft_submission(session, person, task_id)
        submission = replace(draft, ranks=ranks_of(fields), none_acceptable=none_acceptable_of(fields))
        return service.submit(session, person, task_id, now, submission, shown=schema_version_of(fields))

    def told(self, session: Session, annotation: Annotation) -> str:
        session.flush()
        session.refresh(annotation, ["ranks"])
        order = stored_order(annotation)
        if annotation.corrected_at:
            return _("Corrected: %(order)s. Thank you!", order=order)
        return _("Submitted: %(order)s. Thank you!", order=order)
