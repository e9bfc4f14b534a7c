"""A calibrated campaign with real accounts: work, hidden gold and repetitions, and noise that nothing may count."""

import random
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.labeling.annotations import calibration, service
from app.labeling.annotations.rules import calibration as rules
from app.labeling.annotations.rules.calibration import Plan
from app.models import Annotation, Campaign, Candidate, GoldItem, Lease, ModelVersion, Person, Task, TaskCandidate
from tests.app.labeling.annotations.conftest import NOON, Workshop, verdict_on

PROMPTS, SHARED, GOLD, REPEATED = 38, 7, 5, 7
LATER = NOON + timedelta(days=1)


@dataclass
class Calibrated:
    """38 prompts, 37 of them judged; 51 rankings count, 7 of a researcher; 5 more are hidden gold, 7 repetitions."""

    workshop: Workshop
    campaign: int
    labelers: list[Person]
    researcher: Person

    @property
    def database(self):
        return self.workshop.database


@pytest.fixture
def workshop(database, factory) -> Workshop:
    return Workshop(database, factory)


@pytest.fixture
def calibrated(workshop) -> Calibrated:
    campaign = workshop.campaign(workshop.prompts(PROMPTS), name="Calibrated").id
    with workshop.database.transaction() as session:
        tasks = session.scalars(select(Task.id)).all()
        share = rules.share_of_tasks(20, 1)
        seed = next(n for n in range(10_000) if sum(rules.is_shared(n, task, share) for task in tasks) == SHARED)
        calibration.set_plan(session, None, session.get(Campaign, campaign), Plan(20), NOON, seed=seed)
    labelers = workshop.people(3)
    researcher = workshop.factory.add(Person(email="r@example.org", name="R", role="researcher", password_hash=""))
    world = Calibrated(workshop, campaign, labelers, researcher)
    chance = random.Random(7)
    for _ in range(SHARED):
        judge(world, researcher, chance)
    for turn in range(PROMPTS + SHARED - 1):  # one slot stays free
        judge(world, labelers[turn % 3], chance)
    _measure(world, chance)
    _noise(world, chance)
    with workshop.database.transaction() as session:
        models = [ModelVersion(name=name, kind="sft", path=name) for name in "mn"]
        session.add_all(models)
        session.flush()
        for candidate in session.scalars(select(Candidate)):
            candidate.model_version_id = models[candidate.id % 2].id
        for annotation in session.scalars(select(Annotation)):
            annotation.active_seconds = {"ranking": 30.0}
    return world


def judge(world, person, chance, lease=None, now=NOON, campaign=None):
    """Put the answers in any order, some of them tied."""
    with world.database.transaction() as session:
        task = (lease or service.take_next(session, person, now, campaign or world.campaign).lease).task_id
        order = service.work_for(session, person, task).order
        lanes = [chance.randint(1, 3) for _ in order]
        ranks = [sorted(set(lanes)).index(lane) + 1 for lane in lanes]
        service.submit(session, person, task, now, verdict_on(order, [8 - 2 * rank for rank in ranks], ranks))


def _measure(world, chance):
    """Five labelers' turns of gold that a researcher and another labeler had judged, and seven second times."""
    with world.database.transaction() as session:
        judged = select(Annotation.task_id).where(Annotation.person_id == world.researcher.id).order_by(Annotation.id)
        of_gold = session.scalars(judged).all()[:GOLD]
        for task in of_gold:
            answers = session.scalars(select(TaskCandidate.candidate_id).where(TaskCandidate.task_id == task)).all()
            ranks = {str(answer): place for place, answer in enumerate(answers, 1)}
            session.add(GoldItem(task_id=task, content={"ranks": ranks}, decided_at=NOON))
        leases = []
        for task in of_gold:
            met = session.scalars(select(Annotation.person_id).where(Annotation.task_id == task)).all()
            fresh = next(one for one in world.labelers if one.id not in met)
            leases.append((fresh, calibration._reserve(session, world.campaign, task, fresh, "gold")))
        for turn in range(REPEATED):
            person = world.labelers[turn % 3]
            mine = select(Task).join(Annotation, Annotation.task_id == Task.id).where(Annotation.person_id == person.id)
            original = session.scalars(mine.order_by(Annotation.id)).all()[turn // 3]
            copy = calibration._copy_of(session, original, person)
            leases.append((person, calibration._reserve(session, world.campaign, copy.id, person, "repeat")))
        for person, lease in leases:
            service.hold_slot(session, lease, person, LATER)
    for person, lease in leases:
        judge(world, person, chance, lease, LATER)


def _noise(world, chance):
    """Another campaign, and a bank in which a researcher fills a slot and an applicant is tested."""
    workshop = world.workshop
    other = workshop.campaign(workshop.prompts(2, start=500), name="Other").id
    bank = workshop.campaign(workshop.prompts(2, start=600), name="Bank", purpose="bank").id
    applicant = workshop.factory.add(Person(email="a@example.org", name="A", role="applicant", password_hash=""))
    for campaign in (other, bank):
        judge(world, world.researcher, chance, campaign=campaign)
    with workshop.database.transaction() as session:
        item = session.scalars(select(Lease.task_id).where(Lease.campaign_id == bank)).first()
        slot = service.reserve(session, applicant, item, NOON, LATER)
    judge(world, applicant, chance, slot)
