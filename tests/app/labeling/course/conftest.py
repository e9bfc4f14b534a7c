import pytest
from sqlalchemy import select

from app.labeling.course import service
from app.models import Campaign, GoldItem, Person, Task
from tests.app.labeling.annotations.conftest import workshop

__all__ = ["workshop"]


@pytest.fixture
def gold(workshop):
    """A bank with one item whose gold is the order of its candidates' ids, the last two tied."""
    bank = workshop.campaign(workshop.prompts(1, start=50), name="Bank", purpose="bank")
    with workshop.database.transaction() as session:
        task = session.scalars(select(Task).where(Task.campaign_id == bank.id)).one()
        ids = sorted(answer.candidate_id for answer in task.answers)
        content = {
            "prompt": {},
            "answers": {str(c): {"likert": 4, "flags": {"fails_task": "yes" if c == ids[-1] else "no"}} for c in ids},
            "ranks": {str(c): min(place, len(ids) - 1) for place, c in enumerate(ids, start=1)},
        }
        item = GoldItem(task_id=task.id, content=content, reason="The first one **answers** it.", topic="manners")
        session.add(item)
        session.flush()
        return item.id, ids


@pytest.fixture
def researcher(workshop):
    with workshop.database.transaction() as session:
        person = Person(email="ro@example.org", name="Ro", role="researcher", password_hash="-")
        session.add(person)
        session.flush()
        return person


@pytest.fixture
def course(workshop, gold, researcher):
    """A course of a page, a question and a practice item, which opens the campaign "Work"; (course id, campaign id)."""
    campaign = workshop.campaign(workshop.prompts(2), name="Work")
    item, _ids = gold
    question = {"text": "Which is first?", "options": ["the lie", "the truth"], "right": 1, "why": "It is true."}
    with workshop.database.transaction() as session:
        made = service.create(session, researcher, name="First steps", pass_share=0.8)
        session.flush()
        service.add_step(session, researcher, made.id, "page", {"title": "Welcome", "text": "Read *this*."})
        service.add_step(session, researcher, made.id, "question", question)
        service.add_step(session, researcher, made.id, "practice", {}, item)
        session.flush()
        session.expire_all()
        service.choose_campaigns(session, researcher, made.id, [campaign.id])
        return made.id, session.get(Campaign, campaign.id).id
