"""Twenty people at once: the promises of the assignments hold on both engines."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import func, select

from app.errors import Conflict
from app.labeling.annotations import reservation
from app.models import Annotation, Assignment, Draft, Ranking
from tests.app.labeling.annotations.conftest import NOON, verdict_on

PEOPLE, TASKS, OVERLAP = 20, 12, 3


def run_all(workshop, people, work):
    with ThreadPoolExecutor(len(people)) as pool:
        return [future.result(timeout=240) for future in [pool.submit(work, person) for person in people]]


def check_promises(workshop):
    with workshop.database.reading() as session:
        per_task = Counter(session.scalars(select(Annotation.task_id)))
        pairs = Counter(tuple(row) for row in session.execute(select(Annotation.task_id, Annotation.person_id)))
        open_assignments = session.scalar(
            select(func.count()).select_from(Assignment).where(Assignment.submitted_at.is_(None))
        )
        assignments = session.scalars(select(Annotation.assignment_id)).all()
        ranks = session.scalar(select(func.count()).select_from(Ranking))
    assert set(per_task.values()) == {OVERLAP}
    assert len(per_task) == TASKS
    assert max(pairs.values()) == 1
    assert open_assignments == 0
    assert len(set(assignments)) == len(assignments) == TASKS * OVERLAP
    assert ranks == TASKS * OVERLAP * 4


def test_twenty_labelers_fill_every_assignment_once_and_nobody_sees_a_task_twice(workshop):
    workshop.campaign(workshop.prompts(TASKS), overlap=OVERLAP)
    people = workshop.people(PEOPLE)

    def work(person):
        done = []
        while (offer := workshop.take(person)).assignment:
            workshop.submit(person, offer.assignment.task_id)
            done.append(offer.assignment.task_id)
        return done

    done = run_all(workshop, people, work)
    assert all(len(set(tasks)) == len(tasks) for tasks in done)
    assert sum(map(len, done)) == TASKS * OVERLAP
    check_promises(workshop)


def test_abandoned_holds_return_and_latecomers_never_make_a_fourth_annotation(workshop):
    """Some walk away, come back after their time is up, and try to submit what may be somebody else's by now."""
    campaign = workshop.campaign(workshop.prompts(TASKS), overlap=OVERLAP, reserved_minutes=10)
    people = workshop.people(PEOPLE)

    def work(person):
        chance = random.Random(person.id)
        clock, abandoned, refused, idle = NOON, [], 0, 0
        while idle < 3:
            clock += timedelta(minutes=chance.choice([1, 4, 12]))
            offer = workshop.take(person, clock, campaign.id)
            if offer.assignment is None:
                idle += 1
                clock += timedelta(minutes=30)
            elif chance.random() < 0.3:
                abandoned.append(offer.assignment.task_id)
                clock += timedelta(minutes=11)
            else:
                refused += try_to_submit(person, offer.assignment.task_id, clock)
            if abandoned and chance.random() < 0.5:
                refused += try_to_submit(person, abandoned.pop(0), clock)
        return refused

    def try_to_submit(person, task_id, clock):
        try:
            workshop.submit(person, task_id, clock)
        except Conflict:
            return 1
        return 0

    run_all(workshop, people, work)
    late = NOON + timedelta(days=2)
    for person in people:
        while (offer := workshop.take(person, late)).assignment:
            workshop.submit(person, offer.assignment.task_id, late)
    check_promises(workshop)


def test_two_tabs_of_one_person_get_the_same_task(workshop):
    workshop.campaign(workshop.prompts(4), overlap=3)
    person = workshop.people(1)[0]
    offers = run_all(workshop, [person] * 6, workshop.take)
    assert len({offer.assignment.id for offer in offers}) == 1
    with workshop.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Draft)) == 1


def test_the_same_submission_from_many_tabs_is_stored_once(workshop):
    workshop.campaign(workshop.prompts(1))
    person = workshop.people(1)[0]
    task_id = workshop.take(person).assignment.task_id
    with workshop.database.reading() as session:
        submission = verdict_on(reservation.work_for(session, person, task_id).order)

    def once(_):
        try:
            workshop.submit(person, task_id, NOON, submission)
        except Conflict as error:
            return str(error)
        return "stored"

    answers = run_all(workshop, list(range(8)), once)
    assert answers.count("stored") == 1
    assert all("nothing was stored twice" in answer for answer in answers if answer != "stored")
    with workshop.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Annotation)) == 1
