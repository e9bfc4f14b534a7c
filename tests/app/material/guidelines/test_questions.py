"""Who asks, who answers, and who never hears of it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid, NotFound
from app.material.guidelines import queries, questions
from app.material.guidelines.views import desk_of, guide_of
from app.models import Announcement, Question
from tests.app.labeling.annotations.conftest import NOON

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def at_work(office):
    """A campaign, a researcher, and two labelers with a task each."""
    campaign = office.campaign(office.prompts(3))
    ana, ben = office.people(2)
    tasks = {person.id: office.take(person).assignment.task_id for person in (ana, ben)}
    return campaign, office.researcher(), ana, ben, tasks


def desk(office, person):
    with office.database.reading() as session:
        return desk_of(session, person, lambda campaign: campaign.name)


def announce(office, by, question, asked="May one tie all answers?", answer="Yes, if they are equal.", now=LATER):
    with office.database.transaction() as session:
        return questions.announce(session, by, question.id, now, question=asked, answer=answer)


def test_a_question_is_open_until_it_is_answered_and_again_when_more_is_asked(office, at_work):
    _, ravi, ana, _, tasks = at_work
    question = office.ask(ana, tasks[ana.id])
    assert question.task_id == tasks[ana.id]

    def waiting():
        with office.database.reading() as session:
            rows = queries.questions_with_askers(session, waiting_only=True, limit=9, offset=0)
            return [(each.id, person.name) for each, _, person in rows]

    assert waiting() == [(question.id, ana.name)]
    office.answer(ravi, question)
    assert waiting() == []
    with office.database.transaction() as session:
        questions.ask_on(session, ana, question.id, LATER, text="And if two are equal?")
    assert waiting() == [(question.id, ana.name)]
    [(mine, _)] = desk(office, ana).questions
    assert [(post.is_answer, post.text) for post in mine.posts] == [
        (False, "May I tie them all?"),
        (True, "Yes, if they are equal."),
        (False, "And if two are equal?"),
    ]


def test_the_longest_waiting_question_comes_first(office, at_work):
    _, ravi, ana, ben, tasks = at_work
    newer = office.ask(ana, tasks[ana.id], "Newer?", LATER)
    older = office.ask(ben, tasks[ben.id], "Older?", NOON)
    answered = office.ask(ben, tasks[ben.id], "Answered?", NOON - timedelta(hours=1))
    office.answer(ravi, answered)
    with office.database.reading() as session:
        rows = queries.questions_with_askers(session, waiting_only=True, limit=9, offset=0)
        everything = queries.questions_with_askers(session, waiting_only=False, limit=9, offset=0)
    assert [question.id for question, *_ in rows] == [older.id, newer.id]
    assert [question.id for question, *_ in everything] == [answered.id, older.id, newer.id]


def test_an_answer_is_unread_until_the_asker_says_otherwise(office, at_work):
    _, ravi, ana, _, tasks = at_work
    question = office.ask(ana, tasks[ana.id])
    assert desk(office, ana).unread == 0
    office.answer(ravi, question, now=LATER)
    assert desk(office, ana).unread == 1
    with office.database.transaction() as session:
        questions.mark_read(session, ana, question.id, LATER + timedelta(minutes=1))
    assert desk(office, ana).unread == 0
    office.answer(ravi, question, "One more thing.", LATER + timedelta(minutes=2))
    assert desk(office, ana).unread == 1


def test_nobody_asks_about_a_task_they_never_had(office, at_work):
    _, _, ana, ben, tasks = at_work
    with pytest.raises(NotFound):
        office.ask(ana, tasks[ben.id])
    with pytest.raises(NotFound):
        office.ask(ana, 999)


def test_a_submitted_task_may_still_be_asked_about_and_so_may_the_campaign(office, at_work):
    campaign, _, ana, _, tasks = at_work
    office.submit(ana, tasks[ana.id])
    assert office.ask(ana, tasks[ana.id]).task_id == tasks[ana.id]
    whole = office.ask(ana, tasks[ana.id], about_campaign=True)
    assert (whole.task_id, whole.campaign_id) == (None, campaign.id)


def test_another_labelers_question_cannot_be_read_marked_or_continued(office, at_work):
    campaign, ravi, ana, ben, tasks = at_work
    question = office.ask(ana, tasks[ana.id], "Is B's joke about my town harmful?")
    office.answer(ravi, question)
    with office.database.transaction() as session:
        for act in (
            lambda: questions.mark_read(session, ben, question.id, NOON),
            lambda: questions.ask_on(session, ben, question.id, NOON, text="Me too"),
        ):
            with pytest.raises(NotFound, match="of yours"):
                act()
        guide = guide_of(session, ben, campaign, tasks[ben.id])
    assert guide.questions == []
    assert guide.announced == []
    assert desk(office, ben).questions == []


def test_an_announcement_reaches_everybody_in_its_own_words_until_each_dismisses_it(office, at_work):
    campaign, ravi, ana, ben, tasks = at_work
    question = office.ask(ana, tasks[ana.id], "I, Ana, ask: may I tie them all?")
    office.answer(ravi, question)
    made = announce(office, ravi, question)
    elsewhere = office.campaign(office.prompts(1, start=7), name="Elsewhere")
    for person in (ana, ben):
        [(seen, name)] = desk(office, person).announced
        assert (seen.question, seen.answer) == ("May one tie all answers?", "Yes, if they are equal.")
        assert name == campaign.name
        assert "Ana" not in repr(seen)
    with office.database.transaction() as session:
        for _ in range(2):
            questions.dismiss(session, ben, made.id, LATER)
    assert desk(office, ben).announced == []
    assert len(desk(office, ana).announced) == 1
    with office.database.reading() as session:
        assert len(guide_of(session, ben, campaign, tasks[ben.id]).announced) == 1, "the guide keeps it"
        assert guide_of(session, ben, elsewhere, tasks[ben.id]).announced == []


def test_only_an_answered_question_is_announced_and_only_once(office, at_work, database):
    _, ravi, ana, _, tasks = at_work
    question = office.ask(ana, tasks[ana.id])
    with pytest.raises(Invalid, match="Answer the question first"):
        announce(office, ravi, question)
    office.answer(ravi, question)
    announce(office, ravi, question)
    with pytest.raises(Conflict, match="already"):
        announce(office, ravi, question)
    with database.reading() as session:
        assert session.scalars(select(Announcement)).one().question_id == question.id


def test_a_double_click_asks_and_answers_once(office, at_work, database):
    _, ravi, ana, ben, tasks = at_work
    question = office.ask(ana, tasks[ana.id])
    assert office.ask(ana, tasks[ana.id]).id == question.id
    assert office.ask(ben, tasks[ben.id]).id != question.id
    for _ in range(2):
        office.answer(ravi, question)
    with database.reading() as session:
        assert len(session.get(Question, question.id).posts) == 2
    assert office.ask(ana, tasks[ana.id]).id != question.id, "asked anew after the answer"


@pytest.mark.parametrize("text", ["", " \r\n", "x" * 100_000])
def test_a_text_that_will_not_do_is_not_stored(office, at_work, database, text):
    _, ravi, ana, _, tasks = at_work
    with pytest.raises(Invalid):
        office.ask(ana, tasks[ana.id], text)
    question = office.ask(ana, tasks[ana.id])
    with pytest.raises(Invalid):
        office.answer(ravi, question, text)
    with pytest.raises(Invalid), database.transaction() as session:
        questions.ask_on(session, ana, question.id, NOON, text=text)
    office.answer(ravi, question)
    for asked, answer in ((text, "Yes."), ("May one?", text)):
        with pytest.raises(Invalid):
            announce(office, ravi, question, asked, answer)
    with database.reading() as session:
        assert len(session.scalars(select(Question)).one().posts) == 2


def test_so_many_open_questions_are_refused(office, at_work, monkeypatch):
    _, ravi, ana, ben, tasks = at_work
    monkeypatch.setattr(questions, "MOST_WAITING", 2)
    first = office.ask(ana, tasks[ana.id], "One?")
    office.ask(ana, tasks[ana.id], "Two?")
    with pytest.raises(Conflict, match="waiting for an answer"):
        office.ask(ana, tasks[ana.id], "Three?")
    office.ask(ben, tasks[ben.id], "Mine?")
    office.answer(ravi, first)
    office.ask(ana, tasks[ana.id], "Three?")
