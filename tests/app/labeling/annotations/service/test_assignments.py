from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.errors import Conflict, Invalid, NotFound
from app.labeling.annotations import drafts, reservation, service
from app.labeling.annotations.rules.submission import Verdict
from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.orders import stored_order
from app.labeling.instruments.demonstration import service as demonstration
from app.models import Annotation, Assignment, Draft, Flag, Ranking, Rating
from tests.app.labeling.annotations.conftest import NOON, verdict_on
from tests.factories import LABELLED


def later(minutes):
    return NOON + timedelta(minutes=minutes)


def count(workshop, table):
    with workshop.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_assignments_exist_from_the_start_and_the_same_task_is_added_once(workshop):
    tasks = workshop.prompts(3)
    campaign = workshop.campaign(tasks, overlap=2)
    assert count(workshop, Assignment) == 6
    with workshop.database.transaction() as session:
        again = [(prompt, list(reversed(answers))) for prompt, answers in tasks]
        assert campaigns.add_tasks(session, campaigns.campaign_for(session, campaign.id), again) == 0
    assert count(workshop, Assignment) == 6


@pytest.mark.parametrize("answers", [3, 10])
def test_a_ranking_task_shows_four_to_nine_answers(workshop, answers):
    with pytest.raises(Invalid, match=f"4 to 9 answers, not {answers}"):
        workshop.campaign(workshop.prompts(1, answers=answers))


def test_imported_rankings_may_have_fewer_answers_and_are_never_given_out(workshop):
    workshop.campaign(workshop.prompts(1, answers=2), imported=True)
    assert workshop.take(workshop.people(1)[0]).reason.startswith("No campaign is open")


def test_an_answer_to_another_prompt_is_refused(workshop):
    (prompt, answers), (_, foreign) = workshop.prompts(2)
    with pytest.raises(Invalid, match="does not belong"):
        workshop.campaign([(prompt, [*answers[:3], foreign[0]])])


def test_whoever_holds_a_task_gets_it_back_and_others_get_the_next_assignment(workshop):
    workshop.campaign(workshop.prompts(3), overlap=2)
    ana, ben, eve = workshop.people(3)
    first = workshop.take(ana).assignment
    assert workshop.take(ana, later(5)).assignment.id == first.id
    assert workshop.take(ben).assignment.task_id == first.task_id  # started tasks are finished first
    assert workshop.take(eve).assignment.task_id != first.task_id


def test_an_expired_hold_goes_to_anyone_and_the_draft_survives(workshop):
    workshop.campaign(workshop.prompts(1), reserved_minutes=10)
    ana, ben = workshop.people(2)
    assignment = workshop.take(ana).assignment
    with workshop.database.transaction() as session:
        work = reservation.work_for(session, ana, assignment.task_id)
        order, given = work.order, Verdict(likert=6)
        drafts.save_answer(session, ana, assignment.task_id, order[0], later(1), verdict=given, shown=work.version)
    assert workshop.take(ben, later(10)).assignment is None
    assert workshop.take(ben, later(11)).assignment.id == assignment.id
    with pytest.raises(Conflict, match="somebody else is working on it"):
        workshop.submit(ana, assignment.task_id, later(12), verdict_on(order))
    assert workshop.take(ana, later(30)).assignment.id == assignment.id
    with workshop.database.reading() as session:
        assert reservation.work_for(session, ana, assignment.task_id).submission.verdicts[order[0]].likert == 6


def test_a_late_submission_counts_while_nobody_took_the_assignment(workshop):
    workshop.campaign(workshop.prompts(1), reserved_minutes=10)
    ana = workshop.people(1)[0]
    assignment = workshop.take(ana).assignment
    workshop.submit(ana, assignment.task_id, later(60))
    assert count(workshop, Annotation) == 1


def test_a_late_submission_uses_another_free_assignment_of_the_task(workshop):
    workshop.campaign(workshop.prompts(1), reserved_minutes=10, overlap=2)
    ana, ben = workshop.people(2)
    task_id = workshop.take(ana).assignment.task_id
    with workshop.database.reading() as session:
        order = reservation.work_for(session, ana, task_id).order
    workshop.take(ben, later(20))
    workshop.submit(ana, task_id, later(21), verdict_on(order))
    workshop.submit(ben, task_id, later(22))
    assert count(workshop, Annotation) == 2


def test_activity_keeps_the_hold(workshop):
    workshop.campaign(workshop.prompts(1), reserved_minutes=10)
    ana, ben = workshop.people(2)
    task_id = workshop.take(ana).assignment.task_id
    with workshop.database.transaction() as session:
        reservation.renew(session, ana, task_id, later(9))
    assert workshop.take(ben, later(18)).assignment is None
    assert workshop.take(ben, later(19)).assignment is not None


def test_submitting_twice_stores_once_and_says_so(workshop):
    workshop.campaign(workshop.prompts(2))
    ana = workshop.people(1)[0]
    task_id = workshop.take(ana).assignment.task_id
    workshop.submit(ana, task_id)
    with pytest.raises(Conflict, match="nothing was stored twice"):
        workshop.submit(ana, task_id)
    assert count(workshop, Annotation) == 1


def test_a_task_of_somebody_else_is_not_found(workshop):
    workshop.campaign(workshop.prompts(1))
    ana, ben = workshop.people(2)
    task_id = workshop.take(ana).assignment.task_id
    with workshop.database.reading() as session, pytest.raises(NotFound):
        reservation.work_for(session, ben, task_id)


def test_every_empty_answer_has_its_reason(workshop):
    ana, ben = workshop.people(2)
    assert workshop.take(ana).reason.startswith("No campaign is open")
    campaign = workshop.campaign(workshop.prompts(1))
    assignment = workshop.take(ana).assignment
    assert "about 30 min" in workshop.take(ben).reason
    workshop.submit(ana, assignment.task_id)
    assert workshop.take(ben).reason == "Everything here is done. Thank you!"
    with workshop.database.transaction() as session:
        campaigns.set_status(session, ana, campaign.id, "paused")
    assert workshop.take(ben).reason == "“Round 1” is paused. New tasks come when it opens again."


def test_the_campaign_asked_for_is_the_one_given(workshop):
    workshop.campaign(workshop.prompts(2), name="older")
    newer = workshop.campaign(workshop.prompts(2, origin="import:other", start=50), name="newer")
    ana = workshop.people(1)[0]
    assert workshop.take(ana, campaign_id=newer.id).assignment.campaign_id == newer.id


def test_a_submission_stores_everything_with_the_shown_order(workshop):
    workshop.campaign(workshop.prompts(1))
    ana = workshop.people(1)[0]
    task_id = workshop.take(ana).assignment.task_id
    with workshop.database.reading() as session:
        order = reservation.work_for(session, ana, task_id).order
    submission = verdict_on(
        order,
        [5, 2, 6, 5],
        [3, 4, 1, 3],
        flags={"hallucination": "no"},
        prompt_labels=LABELLED | {"closed_domain": "yes"},
    )
    workshop.submit(ana, task_id, later(3), submission)
    with workshop.database.reading() as session:
        annotation = session.scalars(select(Annotation)).one()
        assert annotation.shown_order == order
        assert annotation.annotator == f"labeler-{ana.id}"
        assert annotation.seconds == 180
        assert annotation.schema_version_id == annotation.task.campaign.schema_version_id
        assert stored_order(annotation) == "C > A = D > B"
        ranks = {row.candidate_id: row.rank for row in session.scalars(select(Ranking))}
        assert [ranks[c] for c in order] == [2, 3, 1, 2]
        flags = {(f.candidate_id, f.name): f.value for f in session.scalars(select(Flag))}
        assert flags[None, "use_case"] == "chat"
        assert flags[order[0], "hallucination"] == "no"
        assert (order[0], "satisfies_constraint") not in flags
    assert count(workshop, Draft) == 0


def test_a_failure_in_the_middle_stores_nothing(workshop, monkeypatch):
    workshop.campaign(workshop.prompts(1))
    ana = workshop.people(1)[0]
    task_id = workshop.take(ana).assignment.task_id

    def fail(*_):
        raise RuntimeError("power cut")

    monkeypatch.setattr(service, "finish", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        workshop.submit(ana, task_id)
    assert [count(workshop, table) for table in (Annotation, Rating, Flag, Ranking)] == [0, 0, 0, 0]
    assert count(workshop, Draft) == 1
    monkeypatch.undo()
    workshop.submit(ana, task_id)
    assert [count(workshop, table) for table in (Annotation, Rating, Ranking)] == [1, 4, 4]


def test_an_incomplete_submission_names_what_is_missing_and_stores_nothing(workshop):
    workshop.campaign(workshop.prompts(1))
    ana = workshop.people(1)[0]
    task_id = workshop.take(ana).assignment.task_id
    with workshop.database.reading() as session:
        order = reservation.work_for(session, ana, task_id).order
    submission = verdict_on(order)
    del submission.ranks[order[2]], submission.verdicts[order[0]]
    with pytest.raises(Invalid, match=r"Answer A is not rated yet.*Answer C is not ranked yet"):
        workshop.submit(ana, task_id, submission=submission)
    assert count(workshop, Annotation) == 0


def test_people_see_the_answers_in_different_orders(workshop):
    workshop.campaign(workshop.prompts(1), overlap=10)
    orders = set()
    for person in workshop.people(10):
        task_id = workshop.take(person).assignment.task_id
        with workshop.database.reading() as session:
            orders.add(tuple(reservation.work_for(session, person, task_id).order))
    assert len(orders) > 3
    assert len({tuple(sorted(order)) for order in orders}) == 1


def test_the_same_demonstration_by_two_people_is_one_row(workshop):
    from app.models import Demonstration

    prompt, _ = workshop.prompts(1)[0]
    workshop.campaign([(prompt, [])], kind="demonstration", overlap=2)
    people = workshop.people(2)
    for person in people:
        task_id = workshop.take(person).assignment.task_id
        with workshop.database.transaction() as session:
            demonstration.submit_demonstration(session, person, task_id, NOON, " Yes.\n")
    assert count(workshop, Annotation) == 2
    with workshop.database.reading() as session:
        row = session.scalars(select(Demonstration)).one()
        assert (row.text, row.author) == ("Yes.", f"labeler-{people[0].id}")


def test_tasks_from_candidates_take_turns_among_makers_and_leave_out_used_answers(workshop):
    workshop.prompts(2, answers=6)
    workshop.prompts(1, answers=6, origin="import:noise", start=70)
    origins = ["import:secret-origin-0", "import:secret-origin-1"]
    with workshop.database.transaction() as session:
        tasks = campaigns.tasks_from_candidates(session, origins=origins, answers_per_task=4, limit=10)
        assert [len(answers) for _, answers in tasks] == [4, 4]
        assert [answer - tasks[0][1][0] for answer in tasks[0][1]] == [0, 1, 2, 3]
        campaigns.create_campaign(session, None, name="uses them", tasks=tasks)
        assert campaigns.tasks_from_candidates(session, origins=origins, answers_per_task=4, limit=10) == []
        left = campaigns.tasks_from_candidates(session, origins=origins, answers_per_task=2, limit=1)
    assert len(left) == 1
