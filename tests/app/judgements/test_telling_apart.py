"""Whoever reads all of a labeler's pages, before, during and after an item, cannot tell which items measure them."""

import re
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from math import sqrt

import pytest
from scipy.stats import binom
from sklearn.metrics import roc_auc_score
from sqlalchemy import select

from app.labeling.annotations import reservation, service
from app.labeling.annotations.queries import submissions
from app.labeling.campaigns.rules.calibration import Plan
from app.models import Assignment, ExtraAssignment, GoldItem, Person
from app.models.base import utc_now
from app.quality.labelers.person_pages import FeedbackPage
from app.web.addresses import shown
from app.web.reports import Reports
from tests.app.labeling.annotations.conftest import verdict_on

DONE, ITEMS = 5, 20
"""Items before the script begins to read, and while it reads: together one page of the own work."""
LUCK = 0.999
OUTER = ("/label", "/label/mine", "/label/feedback")
TEXTS = re.compile(r"Question \d+\?|Reply \d+ to \d+")
"""What is to be judged. Whoever remembers every text knows when one comes again; nothing can hide that."""
NUMBERED = re.compile(
    r'/label/(tasks|mine)/\d+|answers?[/:]\d+|(rank|problem)-\d+|data-candidate="\d+"'
    r"|[\w+/=-]{30,}|\d{4}-\d\d-\d\d(T[\d:.+]+)?|\d+:\d\d|\d+ (s|min)\b"
)


PEOPLE, EACH = 6, 24


@pytest.fixture
def measured(browse, workshop, monkeypatch):
    """A campaign in which gold and repetitions come as soon as they can, and a labeler who has done some items."""
    monkeypatch.setattr(Reports.ask, "__defaults__", (300.0,))
    monkeypatch.setattr(FeedbackPage, "fewest", 1)  # a single item would show
    now = utc_now() - timedelta(hours=3)
    workshop.campaign(workshop.prompts(60), plan=Plan(20, 10, DONE, 0))
    (veteran,) = workshop.people(1)
    tasks = [one_item(workshop, veteran, now) for _ in range(8)]
    with workshop.database.transaction() as session:
        for task in tasks:
            ranks = {str(answer): place for place, answer in enumerate(submissions.candidate_ids_of(session, task), 1)}
            session.add(GoldItem(task_id=task, content={"ranks": ranks}, decided_at=now))
    browse.as_("labeler")
    with workshop.database.reading() as session:
        labeler = session.scalar(select(Person).where(Person.email == "labeler@example.org"))
    for _ in range(DONE):
        one_item(workshop, labeler, now)
    return labeler


def one_item(workshop, person, now):
    task = workshop.take(person, now).assignment.task_id
    workshop.submit(person, task, now)
    return task


def read(browse, workshop, labeler):
    """(address, pages before, while it is reserved, afterwards) of every item, and whether it measured."""
    seen, truth, before = [], [], {place: browse.get(place) for place in OUTER}
    for _ in range(ITEMS):
        address = browse.post("/label/next").headers["location"]
        reserved = {"task": browse.get(address)} | {place: browse.get(place) for place in OUTER}
        task = browse.task_at(address)
        with workshop.database.transaction() as session:
            uses = select(ExtraAssignment.use).join(Assignment, Assignment.id == ExtraAssignment.assignment_id)
            use = session.scalar(uses.where(Assignment.task_id == task, Assignment.person_id == labeler.id))
            said = verdict_on(reservation.work_for(session, labeler, task).order)
            service.submit(session, labeler, task, utc_now(), said)
        after = {place: browse.get(place) for place in OUTER}
        entry = re.search(r'href="(/label/mine/\d+)"', after["/label/mine"])[1]
        after |= {"entry": browse.get(entry), "correct": browse.get(f"{address}/correct")}
        seen.append((address, before, reserved, after))
        truth.append(use in ("gold", "repeat"))
        before = after
    return seen, truth


def bones(page):
    """A page without what differs from item to item by itself: (all but its numbers, its numbers)."""
    head, *entries = page.split('<li class="card entry">')
    page = NUMBERED.sub("§", TEXTS.sub("§", head + (entries[0] if entries else "")))
    return re.sub(r"\d+(\.\d+)?", "#", page), [float(number) for number in re.findall(r"\d+(?:\.\d+)?", page)]


def changes(one, other):
    (shape, numbers), (shape_then, numbers_then) = bones(one), bones(other)
    if shape != shape_then:
        return "another shape", Counter(shape_then.split()) - Counter(shape.split())
    return [then - now for now, then in zip(numbers, numbers_then, strict=True)]


def traits(address, before, reserved, after):
    """All that a script can see of an item, beside its texts and its number."""
    found = {f"reserved {place}": changes(before[place], reserved[place]) for place in OUTER}
    found |= {f"after {place}": changes(before[place], after[place]) for place in OUTER}
    found |= {name: bones(page) for name, page in (("task", reserved["task"]), ("entry", after["entry"]))}
    done = re.compile(r'done-today">\d+ today')
    found["task"] = bones(done.sub("", reserved["task"]))
    found["correct"] = bones(after["correct"])
    return {name: str(value) for name, value in found.items()}


@pytest.mark.parametrize("engine_name", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_a_script_that_reads_every_page_guesses_no_better_than_chance(browse, workshop, measured):
    seen, truth = read(browse, workshop, measured)
    assert {True, False} == set(truth)
    assert sum(truth) >= 3
    found = [traits(*one) for one in seen]
    for name in found[0]:
        ordinary = {one[name] for one, measures in zip(found, truth, strict=True) if not measures}
        assert {one[name] for one, measures in zip(found, truth, strict=True) if measures} <= ordinary, name
    usual = {name: Counter(one[name] for one in found) for name in found[0]}
    numbers = [int(address.rsplit("/", 1)[1]) for address, *_rest in seen]
    answers = [
        min(map(int, re.findall(r"answers/(\d+)", reserved["task"]))) for _address, _before, reserved, _after in seen
    ]
    guesses = {
        "what is rare": [-sum(usual[name][one[name]] for name in one) for one in found],
        "the newest number": numbers,
        "the oldest number": [-number for number in numbers],
        "a jump back": [0, *(one - other for one, other in pairwise(numbers))],
        "the newest answers": answers,
        "the oldest answers": [-answer for answer in answers],
    }
    share = sum(truth) / ITEMS
    for rule, scores in guesses.items():
        chosen = sorted(range(ITEMS), key=lambda item: scores[item], reverse=True)[: sum(truth)]
        hits = sum(truth[item] for item in chosen)
        assert hits <= binom.ppf(LUCK, len(chosen), share), rule


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_of_many_items_the_numbers_that_people_see_tell_nothing(workshop):
    """What measures comes with the same numbers as work: over 144 items no rule of them sorts the two apart."""
    now = utc_now() - timedelta(hours=3)
    workshop.campaign(workshop.prompts(60), plan=Plan(20, 10, DONE, 0), overlap=PEOPLE)
    *people, veteran = workshop.people(PEOPLE + 1)
    with workshop.database.transaction() as session:
        for task in [one_item(workshop, veteran, now) for _ in range(8)]:
            ranks = {str(answer): place for place, answer in enumerate(submissions.candidate_ids_of(session, task), 1)}
            session.add(GoldItem(task_id=task, content={"ranks": ranks}, decided_at=now))
    numbers, jumps, truth = [], [], []
    for person in people:
        own = [one_item(workshop, person, now) for _ in range(EACH)]
        with workshop.database.reading() as session:
            uses = (
                select(Assignment.task_id, ExtraAssignment.use)
                .outerjoin(ExtraAssignment)
                .where(Assignment.person_id == person.id)
            )
            use = dict(session.execute(uses).all())
        # A key for each person: the same few gold items come to all of them, and would count as one.
        seen = [shown(f"key {person.id}", task) for task in own]
        numbers += seen
        jumps += [0, *(one - other for one, other in pairwise(seen))]
        truth += [use[task] in ("gold", "repeat") for task in own]
    few = sum(truth)
    assert few >= 20
    deviation = sqrt((len(truth) + 1) / (12 * few * (len(truth) - few)))  # of the area by chance (Mann & Whitney 1947)
    for rule, scores in {"number": numbers, "jump": jumps}.items():
        assert abs(roc_auc_score(truth, scores) - 0.5) < 4 * deviation, rule
