"""Labelers are measured while they work: shared tasks, hidden gold, items that come again; and nothing tells them."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from app.errors import Invalid
from app.labeling.annotations import assigning, measuring, skips
from app.labeling.annotations.queries import assignments
from app.labeling.campaigns import calibration
from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.queries import counting, layout
from app.labeling.campaigns.rules import calibration as rules
from app.labeling.campaigns.rules.calibration import Plan
from app.models import (
    Annotation,
    Assignment,
    AuditEvent,
    Campaign,
    Candidate,
    ExtraAssignment,
    GoldItem,
    ModelVersion,
    Person,
    RepeatedTask,
    Task,
)
from app.training.evaluations import service as evaluations
from app.training.snapshots import queries as snapshots
from app.training.snapshots.rules import Filters
from tests.app.labeling.annotations.conftest import NOON

SQLITE = pytest.mark.parametrize("engine_name", ["sqlite"])
DAY = timedelta(days=1)


# The rules -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("overlap", [1, 2, 3])
@pytest.mark.parametrize("percent", [10, 15, 20])
def test_of_what_a_labeler_judges_the_asked_share_is_shared(percent, overlap):
    share, people = rules.share_of_tasks(percent, overlap), rules.people_of_shared(overlap)
    shared = share * people
    assert shared / (shared + (1 - share) * overlap) == pytest.approx(percent / 100, abs=1e-12)


def test_drawn_tasks_are_as_many_as_asked_and_stay_drawn_when_the_share_grows():
    drawn = {share: {t for t in range(10_000) if rules.is_shared(7, t, share)} for share in (0.1, 0.2)}
    assert 850 < len(drawn[0.1]) < 1_150  # ±5 standard deviations of 10,000 draws
    assert drawn[0.1] < drawn[0.2]
    assert drawn[0.1] != {t for t in range(10_000) if rules.is_shared(8, t, 0.1)}


def test_one_of_ten_items_is_gold_at_places_that_differ():
    places = {}
    for person in range(30):
        given, places[person] = 0, []
        for done in range(100):
            if rules.gold_is_due(done, given, seed=1, person_id=person):
                given += 1
                places[person].append(done)
        assert given == 10
    assert len({tuple(found) for found in places.values()}) == 30
    assert {done % 10 for found in places.values() for done in found} == set(range(10))


def test_nothing_comes_again_where_nothing_is_to():
    assert not any(rules.repeat_is_due(done, 0, 0, seed=1, person_id=1) for done in range(100))


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(5), "Share 10 to 20 %"),
        (Plan(21), "Share 10 to 20 %"),
        (Plan(-1), "Share 10 to 20 %"),
        (Plan(15, 11), "At most 10 %"),
        (Plan(0, 5), "only where some are shared"),
        (Plan(15, 5, 0), "1 to 1,000 others"),
        (Plan(15, 5, 5, 91), "0 to 90 days"),
    ],
)
def test_a_plan_out_of_bounds_is_refused(plan, words):
    assert words in rules.plan_problem(plan)


def test_a_seed_is_drawn_for_every_campaign(drawn_seeds):
    """Whoever knew the seed could reckon at which of their items gold comes."""
    assert len({drawn_seeds() for _ in range(20)}) == 20


def test_usual_plans_are_fine():
    assert rules.plan_problem(Plan()) is None
    assert rules.plan_problem(Plan(rules.USUAL_PERCENT, rules.USUAL_REPEATS)) is None


# Shared tasks --------------------------------------------------------------------------------------


def person(workshop, role, name):
    return workshop.factory.add(Person(email=f"{name}@example.org", name=name, role=role, password_hash=""))


def uses_of_tasks(workshop, campaign):
    """Of each task how many assignments it has by use; those within the overlap under None."""
    with workshop.database.reading() as session:
        found = {}
        for assignment in layout.assignments_of(session, campaign.id):
            found.setdefault(assignment.task_id, Counter())[assignment.use] += 1
        return found


def plan(workshop, campaign, *numbers, now=NOON):
    with workshop.database.transaction() as session:
        calibration.set_plan(session, None, session.get(Campaign, campaign.id), Plan(*numbers), now)


def work_off(workshop, someone, now=NOON, campaign=None):
    """Everything there is for a person, in the order in which they get it."""
    done = []
    while (offer := workshop.take(someone, now, campaign)).assignment:
        workshop.submit(someone, offer.assignment.task_id, now)
        done.append(offer.assignment.task_id)
    return done


@SQLITE
def test_shared_tasks_get_an_assignment_for_another_labeler_and_one_for_a_researcher(workshop):
    campaign = workshop.campaign(workshop.prompts(60), plan=Plan(20))
    found = uses_of_tasks(workshop, campaign)
    shared = {task for task, uses in found.items() if uses["researcher"]}
    assert 2 <= len(shared) <= 20  # 60 tasks, of which 11 % are drawn
    assert all(found[task] == {None: 1, "shared": 1, "researcher": 1} for task in shared)
    assert all(uses == {None: 1} for task, uses in found.items() if task not in shared)


@SQLITE
def test_with_two_people_per_task_a_researcher_alone_is_added(workshop):
    campaign = workshop.campaign(workshop.prompts(60), overlap=2, plan=Plan(20))
    assert {frozenset(uses.items()) for uses in uses_of_tasks(workshop, campaign).values()} == {
        frozenset({(None, 2)}),
        frozenset({(None, 2), ("researcher", 1)}),
    }


@SQLITE
def test_labelers_never_get_the_assignment_of_a_researcher_who_gets_it_first(workshop):
    campaign = workshop.campaign(workshop.prompts(20), plan=Plan(20))
    shared = {task for task, uses in uses_of_tasks(workshop, campaign).items() if uses["researcher"]}
    one, other, researcher = (
        person(workshop, role, role + n) for role, n in (("labeler", "1"), ("labeler", "2"), ("researcher", ""))
    )
    for _ in shared:
        assert workshop.take(researcher).assignment.task_id in shared
        workshop.submit(researcher, workshop.take(researcher).assignment.task_id)
    assert set(work_off(workshop, one)) | set(work_off(workshop, other)) == set(uses_of_tasks(workshop, campaign))
    with workshop.database.reading() as session:
        by_use = dict(
            session.execute(
                select(ExtraAssignment.use, func.count(Assignment.submitted_at))
                .join(Assignment, Assignment.id == ExtraAssignment.assignment_id)
                .group_by(ExtraAssignment.use)
            ).all()
        )
        found = layout.calibrated(session, campaign.id)
    assert by_use == {"shared": len(shared), "researcher": len(shared)}
    assert found.shared_tasks == len(shared)
    assert found.assignments == {use: (len(shared), len(shared)) for use in ("shared", "researcher")}


@SQLITE
def test_what_is_left_for_researchers_does_not_keep_labelers_waiting(workshop):
    workshop.campaign(workshop.prompts(20), plan=Plan(20))
    for name in ("a", "b"):
        labeler = person(workshop, "labeler", name)
        work_off(workshop, labeler)
    assert workshop.take(labeler).reason == "Everything here is done. Thank you!"


@SQLITE
def test_calibrated_tasks_come_scattered_and_begun_ones_first(workshop):
    campaign = workshop.campaign(workshop.prompts(12), overlap=2, plan=Plan(20))
    first, second = (person(workshop, "labeler", name) for name in "ab")
    order = work_off(workshop, first)
    assert order != sorted(order)
    assert work_off(workshop, second) == order
    plain = workshop.campaign(workshop.prompts(4, start=50), name="Plain")
    assert (given := work_off(workshop, first, campaign=plain.id)) == sorted(given)
    assert campaign.id < plain.id


def test_a_plan_for_a_running_campaign_leaves_alone_what_people_have_touched(workshop):
    campaign = workshop.campaign(workshop.prompts(40))
    labeler = person(workshop, "labeler", "a")
    done = [workshop.take(labeler).assignment.task_id]
    workshop.submit(labeler, done[0])
    current = workshop.take(labeler).assignment
    plan(workshop, campaign, 20)
    with workshop.database.reading() as session:
        assert session.get(Assignment, current.id).person_id == labeler.id
        assert session.scalar(select(func.count(Annotation.assignment_id))) == 1
    found = uses_of_tasks(workshop, campaign)
    assert all(uses[None] == 1 for uses in found.values())
    assert sum(uses["researcher"] for uses in found.values()) > 0
    plan(workshop, campaign, 0)
    assert all(uses == {None: 1} for uses in uses_of_tasks(workshop, campaign).values())


@SQLITE
def test_an_extra_assignment_that_is_done_stays_when_calibration_ends_and_is_not_made_twice(workshop):
    campaign = workshop.campaign(workshop.prompts(40), plan=Plan(20))
    researcher = person(workshop, "researcher", "r")
    task_id = workshop.take(researcher).assignment.task_id
    workshop.submit(researcher, task_id)
    plan(workshop, campaign, 0)
    assert uses_of_tasks(workshop, campaign)[task_id] == {None: 1, "researcher": 1}
    plan(workshop, campaign, 20)
    assert uses_of_tasks(workshop, campaign)[task_id] == {None: 1, "researcher": 1, "shared": 1}


@SQLITE
def test_tasks_that_are_added_later_are_shared_too(workshop):
    campaign = workshop.campaign(workshop.prompts(2), plan=Plan(20))
    later = workshop.prompts(60, start=10)
    with workshop.database.transaction() as session:
        campaigns.add_tasks(session, session.get(Campaign, campaign.id), later)
    found = uses_of_tasks(workshop, campaign)
    assert len(found) == 62
    assert sum(uses["researcher"] for task, uses in found.items() if task > 2) > 0


@SQLITE
def test_a_changed_plan_stands_in_the_trail_and_banks_have_none(workshop):
    campaign = workshop.campaign(workshop.prompts(4), plan=Plan(10))
    plan(workshop, campaign, 20, 5)
    with workshop.database.reading() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert (event.detail["before"]["percent"], event.detail["after"]["repeat_percent"]) == (10, 5)
    with pytest.raises(Invalid, match="Only campaigns of work"):
        workshop.campaign(workshop.prompts(1, start=9), name="Bank", purpose="bank", plan=Plan(10))


# Hidden gold ---------------------------------------------------------------------------------------


def give_gold(workshop, task_ids):
    with workshop.database.transaction() as session:
        for number, task_id in enumerate(task_ids):
            session.add(GoldItem(task_id=task_id, content={}, decided_at=NOON + timedelta(minutes=number)))


@pytest.fixture
def golden(workshop):
    """A campaign of 30 tasks: somebody has judged six of them, which have gold since, in this order."""
    campaign = workshop.campaign(workshop.prompts(30), plan=Plan(10))
    veteran = person(workshop, "labeler", "veteran")
    tasks = []
    for _ in range(6):
        tasks.append(workshop.take(veteran).assignment.task_id)
        workshop.submit(veteran, tasks[-1])
    tasks = tasks[3:] + tasks[:3]
    give_gold(workshop, tasks)
    return campaign, veteran, tasks


@SQLITE
def test_every_labeler_meets_hidden_gold_in_time_order_one_among_ten(workshop, golden):
    _campaign, _veteran, tasks = golden
    newcomer = person(workshop, "labeler", "newcomer")
    done = work_off(workshop, newcomer)
    met = [task for task in done if task in tasks]
    with workshop.database.reading() as session:
        hidden = session.scalars(
            select(Assignment.task_id)
            .join(ExtraAssignment, ExtraAssignment.assignment_id == Assignment.id)
            .where(ExtraAssignment.use == "gold")
            .order_by(Assignment.id)
        ).all()
    assert hidden == [task for task in tasks if task in hidden]
    assert 2 <= len(hidden) <= 3  # of about 27 items
    assert set(hidden) <= set(met)
    assert len(set(done)) == len(done)


@SQLITE
def test_nobody_meets_gold_that_they_judged_themselves(workshop, golden):
    _campaign, veteran, _tasks = golden
    work_off(workshop, veteran)
    with workshop.database.reading() as session:
        assert (
            session.scalar(select(func.count()).select_from(ExtraAssignment).where(ExtraAssignment.use == "gold")) == 0
        )


def first_gold(workshop, someone, tasks):
    """Work until hidden gold is met."""
    while (assignment := workshop.take(someone).assignment) is not None:
        with workshop.database.reading() as session:
            extra = session.get(ExtraAssignment, assignment.id)
        if extra is not None and extra.use == "gold":
            assert assignment.task_id in tasks
            return assignment
        workshop.submit(someone, assignment.task_id)
    raise AssertionError("no gold came")


@SQLITE
def test_gold_that_runs_out_comes_back_to_its_person_and_to_nobody_else(workshop, golden):
    _campaign, _veteran, tasks = golden
    one, other = person(workshop, "labeler", "one"), person(workshop, "labeler", "other")
    assignment = first_gold(workshop, one, tasks)
    tomorrow = NOON + DAY
    others = set()
    while (offer := workshop.take(other, tomorrow)).assignment:
        others.add(offer.assignment.id)
        workshop.submit(other, offer.assignment.task_id, tomorrow)
        if len(others) == 8:
            break
    assert assignment.id not in others
    assert workshop.take(one, tomorrow).assignment.id == assignment.id


def test_skipped_gold_can_be_taken_back_like_any_other_task(workshop, golden):
    one = person(workshop, "labeler", "one")
    assignment = first_gold(workshop, one, golden[2])
    with workshop.database.transaction() as session:
        skips.skip(session, one, assignment.task_id, NOON, reason="unclear")
    assert workshop.take(one).assignment.task_id != assignment.task_id
    with workshop.database.transaction() as session:
        assert skips.take_back(session, one, assignment.task_id, NOON).id == assignment.id


@SQLITE
def test_without_calibration_no_gold_is_hidden(workshop, golden):
    campaign, _veteran, tasks = golden
    plan(workshop, campaign, 0)
    newcomer = person(workshop, "labeler", "newcomer")
    assert not set(work_off(workshop, newcomer)) & set(tasks)


def test_many_labelers_at_once_each_get_their_own_assignment_of_the_same_gold(workshop, golden):
    people = workshop.people(8)
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda someone: [workshop.submit(someone, workshop.take(someone).assignment.task_id) for _ in range(3)],
                people,
            )
        )
    first = golden[2][0]

    def assign_hidden(someone):
        with workshop.database.transaction() as session:
            assignments.lock_person(session, someone.id)
            return measuring._assign_hidden(session, golden[0].id, first, someone, "gold").number

    fresh = [someone for someone in people if not held_by(workshop, someone, first)]
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(assign_hidden, fresh))
    assert len(set(numbers)) == len(numbers) == len(fresh) > 1


def held_by(workshop, someone, task_id):
    with workshop.database.reading() as session:
        return assignments.assignment_for(session, someone.id, task_id) is not None


@SQLITE
def test_nothing_on_the_page_tells_gold_from_other_tasks(browse, workshop, golden):
    """Two labelers on the same task, one of them because it has gold: their pages differ in shuffles alone."""
    campaign, _veteran, tasks = golden
    pages = []
    for name, use in (("plain", None), ("measured", "gold")):
        browse.as_("labeler", f"{name}@example.org")
        with workshop.database.transaction() as session:
            someone = session.scalar(select(Person).where(Person.email == f"{name}@example.org"))
            if use:
                assignment = measuring._assign_hidden(session, campaign.id, tasks[0], someone, use)
            else:
                assignment = Assignment(campaign_id=campaign.id, task_id=tasks[0], number=500)
                session.add(assignment)
            assigning.assign(session, assignment, someone, NOON + timedelta(days=4000))
        page = browse.get(browse.task(tasks[0]))
        pages.append(
            re.sub(
                r"Reply \d|answers/\d+|answer:\d+|plain|measured|[\w-]{30,}|content=\"\d+\"|\d+:\d\d",
                "",
                page,
            )
        )
    assert len(pages[0]) == len(pages[1])
    assert "gold" not in pages[1].lower()
    assert "calibrat" not in pages[1].lower()


# Items that come again -----------------------------------------------------------------------------


@pytest.fixture
def repeating(workshop):
    return workshop.campaign(workshop.prompts(40), plan=Plan(10, 10, 5, 2))


def copies(workshop):
    with workshop.database.reading() as session:
        return {row.task_id: row for row in session.scalars(select(RepeatedTask))}


def judge(workshop, someone, count, now):
    done = []
    for _ in range(count):
        done.append(workshop.take(someone, now).assignment.task_id)
        workshop.submit(someone, done[-1], now)
    return done


@SQLITE
def test_an_item_comes_again_after_enough_others_and_days_as_a_copy_in_another_order(workshop, repeating):
    labeler = person(workshop, "labeler", "a")
    first = judge(workshop, labeler, 14, NOON)
    assert not copies(workshop)
    judge(workshop, labeler, 14, NOON + 2 * DAY)
    found = copies(workshop)
    assert 1 <= len(found) <= 3
    differ = []
    with workshop.database.reading() as session:
        for row in found.values():
            assert row.original_id in first[:9]
            copy, original = session.get(Task, row.task_id), session.get(Task, row.original_id)
            assert copy.prompt_id == original.prompt_id
            assert {a.candidate_id for a in copy.answers} == {a.candidate_id for a in original.answers}
            orders = session.scalars(
                select(Annotation.shown_order).where(Annotation.task_id.in_([copy.id, original.id]))
            )
            differ.append(len({tuple(order) for order in orders}) == 2)
        assert any(differ)
        assert counting.progress(session, NOON, repeating.id)[repeating.id].tasks == 40
    assert len({row.original_id for row in found.values()}) == len(found)


@SQLITE
def test_too_early_nothing_comes_again(workshop, repeating):
    labeler = person(workshop, "labeler", "a")
    judge(workshop, labeler, 20, NOON + timedelta(hours=1))
    assert not copies(workshop)


@SQLITE
def test_nobody_else_gets_a_copy(workshop, repeating):
    labeler, other = person(workshop, "labeler", "a"), person(workshop, "labeler", "b")
    judge(workshop, labeler, 14, NOON)
    late = NOON + 3 * DAY
    while not copies(workshop):
        assignment = workshop.take(labeler, late).assignment
        if not copies(workshop):
            workshop.submit(labeler, assignment.task_id, late)
    assert not set(work_off(workshop, other, late + DAY)) & set(copies(workshop))
    assert workshop.take(labeler, late + DAY).assignment.task_id in copies(workshop)


def test_training_and_evaluations_leave_hidden_gold_and_repetitions_out(workshop, golden):
    campaign, _veteran, tasks = golden
    newcomer = person(workshop, "labeler", "newcomer")
    with workshop.database.transaction() as session:
        model = ModelVersion(name="m", kind="sft", path="m")
        session.add(model)
        session.flush()
        for candidate in session.scalars(select(Candidate)):
            candidate.model_version_id = model.id
    assignment = first_gold(workshop, newcomer, tasks)
    workshop.submit(newcomer, assignment.task_id)
    with workshop.database.reading() as session:
        hidden = session.scalar(select(Annotation.id).where(Annotation.assignment_id == assignment.id))
        everything = set(session.scalars(select(Annotation.id)))
        taken = {ranked.annotation.id for ranked in snapshots.ranked_prompts(session, Filters())}
        judged = {row.annotation_id for row in evaluations.judged_answers(session, campaign.id)[1]}
    assert taken == judged == everything - {hidden}


# Speed and pages -----------------------------------------------------------------------------------


def test_the_next_assignment_is_found_by_the_index_in_its_order(workshop, engine_name):
    campaign = workshop.campaign(workshop.prompts(3), plan=Plan(20))
    with workshop.database.reading() as session:
        query = assignments.free_assignments(1, campaign.id, NOON).limit(1)
        compiled = query.compile(session.connection(), compile_kwargs={"literal_binds": True})
        if engine_name == "sqlite":
            steps = " | ".join(row[-1] for row in session.execute(text(f"EXPLAIN QUERY PLAN {compiled}")))
        else:
            session.execute(text("SET LOCAL enable_seqscan = off"))
            steps = " | ".join(row[0] for row in session.execute(text(f"EXPLAIN {compiled}")))
            assert "Sort" not in steps
    assert "ix_assignments_open" in steps
    assert "TEMP B-TREE" not in steps


@SQLITE
def test_the_campaign_page_shows_plan_and_progress_and_changes_it(browse, workshop):
    campaign = workshop.campaign(workshop.prompts(30), plan=Plan(15))
    browse.as_("researcher")
    place = f"/campaigns/{campaign.id}"
    page = browse.get(place)
    assert "15 % of each labeler" in page
    new = {"percent": "20", "repeat_percent": "5", "repeat_after_items": "30", "repeat_after_days": "7"}
    browse.post(f"{place}/calibration", new)
    page = browse.get(place)
    assert "20 % of each labeler" in page
    assert "5 % of the items, after 30 others and 7 days" in page
    refused = browse.post(f"{place}/calibration", new | {"percent": "5"}, status=422).text
    assert "Share 10 to 20 % of each labeler" in refused
    assert re.search(r'name="percent"[^>]* value="5"', refused)
    assert "20 % of each labeler" in browse.get(place)
    browse.post(f"{place}/calibration", new | {"repeat_after_days": "x"}, status=422)
    browse.post(f"{place}/calibration", {"percent": "0"})
    assert "Off: no item is shared" in browse.get(place)
    browse.as_("labeler")
    browse.post(f"{place}/calibration", {"percent": "10"}, status=403)
