"""A bank with two researchers' judgements, and a disputed campaign of work."""

import re
from dataclasses import dataclass

import pytest

from app.labeling.annotations import assigning, reservation
from app.labeling.annotations import service as annotations
from app.labeling.annotations.rules.submission import Submission, Verdict
from app.models import Person
from tests.app.labeling.annotations.conftest import NOON, Workshop
from tests.factories import LABELLED


@dataclass
class Court(Workshop):
    """Makes people of any role, and lets them judge with given ranks."""

    def person(self, role, name):
        return self.factory.add(Person(email=f"{name}@example.org", name=name, role=role, password_hash=""))

    def judge(self, person, campaign, *orders, rating=5, flags=None):
        """Submit one task after another; each order has the ranks of the answers by their ids, ascending."""
        tasks = []
        for ranks in orders:
            with self.database.transaction() as session:
                assignment = assigning.take_next(session, person, NOON, campaign.id).assignment
                work = reservation.work_for(session, person, assignment.task_id)
                rank_of = dict(zip(sorted(work.order), ranks, strict=True))
                verdicts = {c: Verdict(rating, flags or {}) for c in work.order}
                submission = Submission(verdicts, rank_of, LABELLED)
                annotations.submit(session, person, assignment.task_id, NOON, submission)
                tasks.append(assignment.task_id)
        return tasks


@pytest.fixture
def court(database, factory) -> Court:
    return Court(database, factory)


def form_of(page):
    """What a browser would send of the page's form, as it stands."""
    form = re.search(r'<form[^>]*id="gold-form".*?</form>', page, re.DOTALL)[0]
    given = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    given |= dict(re.findall(r'<input type="(?:checkbox|radio)" name="([\w-]+)" value="([^"]*)" checked', form))
    for name, options in re.findall(r'<select name="([\w-]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        if chosen := re.search(r'value="([^"]*)" selected', options):
            given[name] = chosen[1]
    return given
