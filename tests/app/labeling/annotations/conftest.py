"""Campaigns to work on: prompts with answers by two made-up models, and noise beside them."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from app.database import Database
from app.labeling.annotations import assigning, reservation, service
from app.labeling.annotations.rules.submission import Submission, Verdict
from app.labeling.campaigns import service as campaigns
from app.models import Campaign, Candidate, Person, Prompt
from tests.factories import LABELLED, Factory

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Workshop:
    database: Database
    factory: Factory

    def prompts(self, count: int, answers: int = 4, origin: str = "import:secret-origin", start: int = 0):
        """(prompt id, answer ids) of new prompts."""
        tasks = []
        with self.database.transaction() as session:
            for i in range(start, start + count):
                prompt = Prompt(
                    fingerprint=sha(f"{origin} prompt {i}"),
                    messages=[{"role": "user", "content": f"Question {i}?"}],
                    source="tests",
                )
                session.add(prompt)
                session.flush()
                candidates = [
                    Candidate(
                        prompt_id=prompt.id,
                        text=f"Reply {j} to {i}",
                        text_sha256=sha(f"{j} {i}"),
                        origin=f"{origin}-{j % 2}",
                    )
                    for j in range(answers)
                ]
                session.add_all(candidates)
                session.flush()
                tasks.append((prompt.id, [c.id for c in candidates]))
        return tasks

    def campaign(self, tasks, name: str = "Round 1", **options) -> Campaign:
        with self.database.transaction() as session:
            return campaigns.create_campaign(session, None, name=name, tasks=tasks, **options)

    def people(self, count: int) -> list[Person]:
        """Labelers without a password to hash: quick to make many of."""
        people = [
            Person(email=f"l{i}@example.org", name=f"L{i}", role="labeler", password_hash="") for i in range(count)
        ]
        with self.database.transaction() as session:
            session.add_all(people)
        return people

    def take(self, person, now=NOON, campaign_id=None):
        with self.database.transaction() as session:
            return assigning.take_next(session, person, now, campaign_id)

    def submit(self, person, task_id, now=NOON, submission=None):
        with self.database.transaction() as session:
            if submission is None:
                submission = verdict_on(reservation.work_for(session, person, task_id).order)
            return service.submit(session, person, task_id, now, submission)


def verdict_on(candidates, ratings=None, ranks=None, flags=None, prompt_labels=LABELLED, **rest) -> Submission:
    ratings = ratings or [5] * len(candidates)
    ranks = ranks or list(range(1, len(candidates) + 1))
    return Submission(
        verdicts={c: Verdict(likert=r, flags=flags or {}) for c, r in zip(candidates, ratings, strict=True)},
        ranks=dict(zip(candidates, ranks, strict=True)),
        prompt_labels=prompt_labels,
        **rest,
    )


@pytest.fixture
def workshop(database, factory) -> Workshop:
    return Workshop(database, factory)
