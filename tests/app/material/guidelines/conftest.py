"""Campaigns whose labelers go by guidelines."""

from dataclasses import dataclass

import pytest

from app.material.guidelines import questions, service
from app.models import Guideline, GuidelineVersion, Person, Question
from tests.app.labeling.annotations.conftest import NOON, Workshop

ROUND_ONE = "# Judging\n\nPut the helpful answer first.\n\nTie what is equal."


@dataclass
class Office(Workshop):
    """The workshop of campaigns, and the researchers who tell its labelers what to go by."""

    def guideline(self, name: str = "House rules", phase: str = "training", text: str = ROUND_ONE) -> Guideline:
        with self.database.transaction() as session:
            return service.create_guideline(session, None, name=name, phase=phase, text=text)

    def publish(self, by, guideline, text, changes="Something changed.", based_on=1) -> GuidelineVersion:
        with self.database.transaction() as session:
            return service.publish(session, by, guideline.id, text=text, changes=changes, based_on=based_on)

    def confirm(self, person, campaign, now=NOON) -> GuidelineVersion:
        with self.database.transaction() as session:
            version = service.version_of(session, campaign)
            return service.confirm(session, person, campaign.id, version.id, now)

    def unconfirmed(self, person, campaign) -> GuidelineVersion | None:
        with self.database.reading() as session:
            return service.unconfirmed(session, person, campaign)

    def researcher(self) -> Person:
        return self.factory.add(Person(email="ravi@example.org", name="Ravi", role="researcher", password_hash=""))

    def ask(self, person, task_id, text="May I tie them all?", now=NOON, **about) -> Question:
        with self.database.transaction() as session:
            return questions.ask(session, person, task_id, now, text=text, **about)

    def answer(self, by, question, text="Yes, if they are equal.", now=NOON) -> Question:
        with self.database.transaction() as session:
            return questions.answer(session, by, question.id, now, text=text)


@pytest.fixture
def office(database, factory) -> Office:
    return Office(database, factory)
