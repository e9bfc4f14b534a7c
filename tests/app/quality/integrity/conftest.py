"""Campaigns in which people have written, with answers of our own models beside them."""

from datetime import timedelta

import pytest

from app.labeling.instruments.authoring import rules as authoring
from app.labeling.instruments.authoring import service as storing
from app.labeling.instruments.authoring.rules import Authored, Pair
from app.labeling.instruments.demonstration import service as demonstration
from app.material.prompts.rules import prompt_fingerprint
from app.models import Candidate, ModelVersion, Prompt
from tests.app.labeling.annotations.conftest import NOON, Workshop, sha

LATER = NOON + timedelta(hours=1)


class Desk(Workshop):
    """A workshop in which people write."""

    def asked(self, *questions):
        """Prompts by their words; returns their ids."""
        ids = []
        for question in questions:
            messages = [{"role": "user", "content": question}]
            prompt = Prompt(fingerprint=prompt_fingerprint(messages), messages=messages, source="tests")
            ids.append(self.factory.add(prompt).id)
        return ids

    def model(self, name="sft-1", kind="sft", path="runs/2/model"):
        return self.factory.add(ModelVersion(name=name, kind=kind, path=path))

    def answered(self, model, prompt_id, text):
        """An answer of one of our own models."""
        origin = f"model:{model.id}"
        return self.factory.add(
            Candidate(prompt_id=prompt_id, text=text, text_sha256=sha(text), origin=origin, model_version_id=model.id)
        )

    def write(self, person, text, campaign_id=None):
        """Take the next task and submit a text for it; returns the annotation."""
        task_id = self.take(person, campaign_id=campaign_id).assignment.task_id
        with self.database.transaction() as session:
            return demonstration.submit_demonstration(session, person, task_id, LATER, text)

    def author(self, person, authored):
        task_id = self.take(person).assignment.task_id
        with self.database.transaction() as session:
            return storing.submit_authored(session, person, task_id, LATER, authored)


FEW_SHOT = Authored(
    form=authoring.FEW_SHOT,
    instruction="Say the colour.",
    pairs=(Pair("grass", "Grass is green."), Pair("coal", "Coal is black.")),
    use_case="other",
    language="en",
)


@pytest.fixture
def desk(database, factory) -> Desk:
    return Desk(database, factory)
