"""Questions of labelers, their answers, and announcements.

Whoever asks is known to researchers only. Other labelers meet a question when it has become an announcement,
in words that a researcher has looked through.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.language import gettext as _
from app.material.guidelines import queries, rules
from app.models import Announcement, AnnouncementDismissal, Person, Question, QuestionPost
from app.people.service import record

# What pages read as it is stored.
question_count = queries.question_count
questions_with_askers = queries.questions_with_askers
waiting_count = queries.waiting_count

MOST_WAITING = 50
"""Open questions of one person; more than that is a mistake of a script or a joke."""


def ask(
    session: Session, person: Person, task_id: int, now: datetime, *, text: str, about_campaign: bool = False
) -> Question:
    """Ask about a task, or about its whole campaign. The same words twice are one question.

    Raises:
        NotFound: the person has never had the task.
        Invalid: there is no text, or too much.
        Conflict: too many of their questions wait for an answer.
    """
    task = queries.task_seen_by(session, person.id, task_id)
    if task is None:
        raise NotFound(_("This task is not yours, so you cannot ask about it."))
    text = _checked(text, "question")
    about = None if about_campaign else task.id
    if known := queries.waiting_with_text(session, person.id, task.campaign_id, about, text):
        return known
    if queries.waiting_count(session, person.id) >= MOST_WAITING:
        raise Conflict(
            _(
                "%(number)s of your questions are waiting for an answer. Ask again when some are answered.",
                number=MOST_WAITING,
            )
        )
    question = Question(campaign_id=task.campaign_id, task_id=about, person_id=person.id)
    session.add(question)
    session.flush()
    _ask_on(session, question, person, now, text)
    return question


def ask_on(session: Session, person: Person, question_id: int, now: datetime, *, text: str) -> Question:
    """Write once more in one's own thread, which waits for an answer again.

    Raises:
        NotFound: the question is somebody else's.
    """
    question = own_question_for(session, person, question_id, lock=True)
    text = _checked(text, "question")
    if not any(post.text == text and not post.is_answer for post in question.posts[-1:]):
        _ask_on(session, question, person, now, text)
    return question


def _ask_on(session: Session, question: Question, person: Person, now: datetime, text: str) -> None:
    session.add(QuestionPost(question_id=question.id, person_id=person.id, is_answer=False, text=text, posted_at=now))
    question.waiting_since = question.waiting_since or now
    question.read_at = now  # whoever writes has the thread before their eyes
    record(session, person, "asked question", question, {"task": question.task_id})


def own_question_for(session: Session, person: Person, question_id: int, *, lock: bool = False) -> Question:
    question = queries.question_by_id(session, question_id, lock=lock)
    if question is None or question.person_id != person.id:
        raise NotFound(_("There is no such question of yours."))
    return question


def is_unread(question: Question) -> bool:
    """There is an answer that the person who asked has not marked as read."""
    return question.answered_at is not None and (question.read_at is None or question.read_at < question.answered_at)


def mark_read(session: Session, person: Person, question_id: int, now: datetime) -> Question:
    question = own_question_for(session, person, question_id)
    question.read_at = now
    return question


# Researchers -------------------------------------------------------------------------------------


def question_for(session: Session, question_id: int, *, lock: bool = False) -> Question:
    question = queries.question_by_id(session, question_id, lock=lock)
    if question is None:
        raise NotFound(_("There is no such question."))
    return question


def answer(session: Session, by: Person, question_id: int, now: datetime, *, text: str) -> Question:
    """Answer a question; whoever asked finds it on their work page, marked as unread."""
    question = question_for(session, question_id, lock=True)
    text = _checked(text, "answer")
    if any(post.text == text and post.is_answer for post in question.posts[-1:]):
        return question  # a double click
    session.add(QuestionPost(question_id=question.id, person_id=by.id, is_answer=True, text=text, posted_at=now))
    question.waiting_since, question.answered_at = None, now
    record(session, by, "answered question", question)
    return question


def announce(
    session: Session, by: Person, question_id: int, now: datetime, *, question: str, answer: str
) -> Announcement:
    """Show question and answer, in these words, to all labelers of the campaign.

    Raises:
        Invalid: one of the texts is empty or too long, or nobody has answered yet.
        Conflict: it was announced before.
    """
    asked = question_for(session, question_id, lock=True)
    if asked.answered_at is None:
        raise Invalid(_("Answer the question first; then the answer can be announced."))
    question, answer = _checked(question, "question"), _checked(answer, "answer")
    if queries.announcement_of(session, question_id):
        raise Conflict(_("This answer has been announced already; nothing was sent twice."))
    announcement = Announcement(
        campaign_id=asked.campaign_id,
        question_id=asked.id,
        question=question,
        answer=answer,
        made_by=by.id,
        made_at=now,
    )
    session.add(announcement)
    record(session, by, "announced answer", asked)
    return announcement


def dismiss(session: Session, person: Person, announcement_id: int, now: datetime) -> None:
    """Take an announcement off a person's work page; the guide panel keeps it."""
    if queries.announcement_by_id(session, announcement_id) is None:
        raise NotFound(_("There is no such announcement."))
    if queries.dismissal(session, announcement_id, person.id) is None:
        session.add(AnnouncementDismissal(announcement_id=announcement_id, person_id=person.id, dismissed_at=now))


def _checked(text: str, what: str) -> str:
    text = rules.tidy(text)
    if problem := rules.post_problem(text, what):
        raise Invalid(problem)
    return text
