import csv
import io
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from app.errors import Conflict, Forbidden
from app.labeling.surveys import rules, service
from app.models import AuditEvent, Base, Person, SurveyMark, SurveyRound, SurveyTally

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
GLAD = dict.fromkeys(rules.QUESTIONS, "agree")
TORN = {"clear": "disagree", "enjoyable": "neutral", "repetitive": "strongly_agree", "pay": "agree", "glad": "agree"}


@pytest.fixture
def people(database):
    """Seven labelers and a researcher."""
    found = [
        Person(email=f"p{n}@example.org", name=f"P{n}", role="labeler" if n < 7 else "researcher", password_hash="")
        for n in range(8)
    ]
    with database.transaction() as session:
        session.add_all(found)
    return found


@pytest.fixture
def survey(database, people):
    with database.transaction() as session:
        return service.open_round(session, people[7], "May", NOW)


def answer(database, person, survey, given=GLAD):
    with database.transaction() as session:
        service.answer(session, person, survey.id, given)


def everything(database):
    """All rows of all tables, as text."""
    with database.reading() as session:
        return {
            table.name: sorted(map(str, session.execute(select(table)).all())) for table in Base.metadata.sorted_tables
        }


def changed(before, after):
    return {name for name in after if before[name] != after[name]}


# Anonymity ---------------------------------------------------------------------------------------


def test_an_answer_leaves_a_mark_and_counts_and_nothing_else(database, people, survey):
    before = everything(database)
    answer(database, people[0], survey, TORN)
    after = everything(database)
    assert changed(before, after) == {"survey_marks", "survey_tallies"}
    with database.reading() as session:
        taken = {(row.question, row.choice) for row in session.scalars(select(SurveyTally)) if row.count}
    assert taken == set(TORN.items())


def test_the_tables_have_no_place_for_a_time_or_an_order_and_counts_none_for_a_person(database):
    columns = {table: set(Base.metadata.tables[table].columns.keys()) for table in ("survey_marks", "survey_tallies")}
    assert columns == {
        "survey_marks": {"round_id", "person_id"},
        "survey_tallies": {"round_id", "question", "choice", "count"},
    }
    assert inspect(database.engine).get_columns("survey_marks")[0]["name"] == "round_id"


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_marks_lie_in_the_order_of_persons_on_sqlite(database, people, survey):
    for person in (people[5], people[1], people[3]):
        answer(database, person, survey)
    with database.reading() as session:
        assert [row[0] for row in session.execute(text("SELECT person_id FROM survey_marks"))] == [
            people[n].id for n in (1, 3, 5)
        ]
        with pytest.raises(Exception, match="no such column: rowid"):
            session.execute(text("SELECT rowid FROM survey_marks"))


@pytest.mark.parametrize("engine_name", ["postgresql"])
@pytest.mark.parametrize("declines", [True, False])
def test_every_count_is_written_by_the_newest_transaction(database, people, survey, declines):
    """Else the counts that the last person changed would stand out; a refusal writes them as an answer does."""
    answer(database, people[0], survey)
    if declines:
        with database.transaction() as session:
            service.decline(session, people[1], survey.id)
    else:
        answer(database, people[1], survey, TORN)
    with database.reading() as session:
        counts = [row[0] for row in session.execute(text("SELECT xmin::text FROM survey_tallies"))]
        marks = [row[0] for row in session.execute(text("SELECT xmin::text FROM survey_marks"))]
    assert len(counts) == 25
    assert len(set(counts)) == 1
    assert counts[0] in marks


def test_an_answer_and_a_refusal_leave_the_same_mark_and_neither_an_audit_event(database, people, survey):
    with database.reading() as session:
        audited = len(session.scalars(select(AuditEvent)).all())
    answer(database, people[0], survey)
    with database.transaction() as session:
        service.decline(session, people[1], survey.id)
    with database.reading() as session:
        marks = session.scalars(select(SurveyMark).order_by(SurveyMark.person_id)).all()
        assert [(mark.round_id, mark.person_id) for mark in marks] == [(survey.id, p.id) for p in people[:2]]
        assert len(session.scalars(select(AuditEvent)).all()) == audited
        assert sum(row.count for row in session.scalars(select(SurveyTally))) == 5


def test_closing_keeps_what_may_be_told_and_deletes_the_rest(database, people, survey):
    for n, person in enumerate(people[:6]):
        answer(database, person, survey, GLAD if n else TORN)
    with database.transaction() as session:
        service.close_round(session, people[7], survey.id, NOW)
    with database.reading() as session:
        assert session.scalars(select(SurveyMark)).all() == []
        assert session.scalars(select(SurveyTally)).all() == []
        row = session.get_one(SurveyRound, survey.id)
    assert (row.is_open, row.closed_at) == (None, NOW)
    assert (row.result["answered"], row.result["invited"]) == (6, 7)
    assert row.result["questions"]["clear"] == [
        [["strongly_agree", "agree", "neutral", "disagree", "strongly_disagree"], 6]
    ]
    assert row.result["questions"]["glad"] == [[list(rules.CHOICES), 6]]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_whoever_left_after_answering_still_counts_as_asked(database, people, survey):
    for person in people[:7]:
        answer(database, person, survey)
    with database.transaction() as session:
        session.get_one(Person, people[0].id).active = False
        session.get_one(Person, people[1].id).role = "researcher"
    with database.transaction() as session:
        result = service.close_round(session, people[7], survey.id, NOW).result
    assert (result["answered"], result["invited"]) == (7, 7)


def test_fewer_than_five_answers_leave_no_result(database, people, survey):
    for person in people[:4]:
        answer(database, person, survey)
    with database.transaction() as session:
        service.close_round(session, people[7], survey.id, NOW)
    with database.reading() as session:
        assert session.get_one(SurveyRound, survey.id).result == {"invited": 7}


# What is refused ---------------------------------------------------------------------------------


def test_nobody_answers_twice_or_after_declining_or_after_the_end(database, people, survey):
    answer(database, people[0], survey)
    with database.transaction() as session:
        service.decline(session, people[1], survey.id)
    before = everything(database)
    for person in people[:2]:
        with pytest.raises(Conflict, match="already"):
            answer(database, person, survey, TORN)
    with pytest.raises(Forbidden):
        answer(database, people[7], survey)
    assert changed(before, everything(database)) == set()
    with database.transaction() as session:
        service.close_round(session, people[7], survey.id, NOW)
    with pytest.raises(Conflict, match="closed"):
        answer(database, people[2], survey)
    with pytest.raises(Conflict, match="closed"), database.transaction() as session:
        service.close_round(session, people[7], survey.id, NOW)


def test_there_is_one_open_round_whatever_happens(database, people, survey):
    with pytest.raises(Conflict), database.transaction() as session:
        service.open_round(session, people[7], "June", NOW)
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.add(SurveyRound(name="past the check", is_open=True))
    with database.transaction() as session:
        service.close_round(session, people[7], survey.id, NOW)
    with database.transaction() as session:
        service.open_round(session, people[7], "June", NOW)
        assert service.offered(session, people[0]).name == "June"


# Pages -------------------------------------------------------------------------------------------


def round_of(browse):
    return re.search(r'name="round" value="(\d+)"', browse.get("/label"))[1]


def test_a_labeler_finds_the_survey_answers_it_and_is_not_asked_again(browse, database, survey):
    browse.as_("labeler")
    number = round_of(browse)
    assert "My pay for this work was fair." in browse.get("/label/survey")
    browse.post("/label/survey", {"round": number, "decision": "answer", **TORN})
    assert "Your answers are counted." in browse.get("/label")
    assert "/label/survey" not in browse.get("/label")
    assert "There is no survey for you at the moment" in browse.get("/label/survey")
    browse.post("/label/survey", {"round": number, "decision": "answer", **TORN}, status=409)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_labeler_declines_for_good(browse, database, survey):
    browse.as_("labeler")
    browse.post("/label/survey", {"round": round_of(browse), "decision": "decline"})
    assert "/label/survey" not in browse.get("/label").replace('action="/label/survey"', "")
    with database.reading() as session:
        assert sum(row.count for row in session.scalars(select(SurveyTally))) == 0
    browse.get("/surveys", status=403)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_missing_answer_is_told_beside_its_question_and_nothing_is_stored(browse, database, survey):
    browse.as_("labeler")
    before = everything(database)
    answer = browse.post("/label/survey", {"round": round_of(browse), **TORN, "pay": "great"}, status=422)
    assert 'aria-describedby="problem-pay"' in answer.text
    assert answer.text.count('class="problem"') == 1
    assert re.search(r'name="clear" value="disagree" required checked', answer.text)
    browse.post("/label/survey", {"round": "none", **TORN}, status=422)
    assert changed(before, everything(database)) == set()


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_open_round_shows_no_figure_and_no_small_count(browse, database, people, survey):
    browse.as_("researcher")
    for person in people[:4]:
        answer(database, person, survey)
    assert "Fewer than 5 of 7 labelers have answered so far." in browse.get("/surveys")
    answer(database, people[4], survey)
    assert "5 of 7 labelers have answered so far." in browse.get("/surveys")
    browse.get(f"/surveys/{survey.id}", status=303)
    assert list(csv.reader(io.StringIO(browse.get(f"/surveys/{survey.id}/report.csv"))))[1:] == []


def test_a_round_from_its_opening_to_its_report(browse, database, people):
    browse.as_("researcher")
    browse.post("/surveys", {"name": " "}, status=422)
    browse.post("/surveys", {"name": "Autumn"})
    browse.post("/surveys", {"name": "Another"}, status=409)
    with database.reading() as session:
        survey = session.scalars(select(SurveyRound)).one()
    for n, person in enumerate(people[:7]):
        answer(database, person, survey, GLAD | {"repetitive": "strongly_disagree" if n < 5 else "agree"})
    browse.post(f"/surveys/{survey.id}/close")
    page = browse.get(f"/surveys/{survey.id}")
    assert "7 of 7 labelers answered." in page
    rows = list(csv.DictReader(io.StringIO(browse.get(f"/surveys/{survey.id}/report.csv"))))
    assert all(int(row["count"]) >= 5 for row in rows)
    by_question = {row["question"]: (row["count"], row["n"]) for row in rows}
    assert by_question["repetitive"] == ("7", "7")  # 5 of 7 would tell the other 2
    assert by_question["clear"] == ("7", "7")
    assert "fewer than 5" not in browse.get("/surveys")
    browse.post(f"/surveys/{survey.id}/close", status=409)
    browse.get("/surveys/999", status=404)
    with database.reading() as session:
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.subject_kind == "survey_rounds")).all()
    assert sorted(actions) == ["closed survey", "opened survey"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_who_may_run_surveys(browse, survey):
    for role, status in (("engineer", 403), ("admin", 200)):
        browse.as_(role)
        browse.get("/surveys", status=status)
    browse.post("/label/survey", {"round": str(survey.id), **GLAD}, status=403)
