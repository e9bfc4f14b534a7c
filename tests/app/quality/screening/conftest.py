"""Banks with gold, and a screening that draws from them."""

from datetime import UTC, datetime, timedelta

import pytest

from app.labeling.annotations import reservation
from app.labeling.annotations import service as tasks
from app.labeling.annotations.queries import submissions
from app.labeling.instruments.demonstration import service as demonstration
from app.models import Campaign, GoldItem, Person
from app.quality.screening import attempts, queries, service
from app.quality.screening.rules.plans import DEMONSTRATIONS, FLAGS, RANKINGS, Plan
from tests.app.labeling.annotations.conftest import Workshop, verdict_on
from tests.browsing import PASSWORD

NOW = datetime.now(UTC).replace(microsecond=0)
SENSITIVE = ("answer:sexual_content", "answer:violent_content", "prompt:asks_violent")


class Office(Workshop):
    """A workshop whose researchers screen."""

    def bank(self, name, kind="ranking", items=6, topics=("war", "religion"), start=0, gold=True):
        made = self.prompts(items, start=start)
        specs = made if kind == "ranking" else [(prompt, []) for prompt, _ in made]
        bank = self.campaign(specs, name=name, kind=kind, purpose="bank")
        with self.database.transaction() as session:
            for n, (_bank, task, _topic) in enumerate(queries.tasks_of(session, [bank.id])):
                if gold:
                    content = gold_on(submissions.candidate_ids_of(session, task), n)
                    session.add(GoldItem(task_id=task, content=content, topic=topics[n % len(topics)]))
        return bank

    def screening(self, banks, name="Spring", now=NOW, **changed):
        items = {FLAGS: 4, RANKINGS: 3, DEMONSTRATIONS: 2} | changed.pop("items", {})
        plan = Plan(
            name=name,
            banks={criterion: [bank.id] for criterion, bank in banks.items()},
            items={criterion: items[criterion] for criterion in banks},
            sensitive_flags=SENSITIVE,
            topics=["war", "religion", "politics"],
            seed=7,
            minutes=60,
            ends_at=now + timedelta(days=7),
        )
        with self.database.transaction() as session:
            return service.create(session, None, plan.__class__(**{**plan.__dict__, **changed}), now)

    def invite(self, screening, uses=50, days=7, now=NOW):
        with self.database.transaction() as session:
            return service.invite(session, None, screening.id, now, uses=uses, days=days)[1]

    def join(self, secret, name="ann", now=NOW, password=PASSWORD):
        with self.database.transaction() as session:
            email = f"{name}@example.org"
            return service.join(session, secret, now, email=email, name=name, password=password, again=password)

    def start(self, person, now=NOW):
        with self.database.transaction() as session:
            return attempts.start(session, person, now)

    def form(self, person):
        with self.database.reading() as session:
            applicant = queries.applicant_of(session, person.id)
            return [
                (assigned.item.criterion, assigned.item.task_id)
                for assigned in queries.assigned_items(session, applicant)
            ]

    def fill_rest(self, person):
        """Do what is left of a form."""
        with self.database.reading() as session:
            items = queries.assigned_items(session, queries.applicant_of(session, person.id))
            left = [(assigned.item.criterion, assigned.item.task_id) for assigned in items if assigned.open]
        self.fill(person, form=left)

    def fill(self, person, now=NOW, *, like_gold=True, text="With care.", form=None):
        """Do a whole form, as the gold says or with everything turned round."""
        for criterion, task in form or self.form(person):
            with self.database.transaction() as session:
                if criterion == DEMONSTRATIONS:
                    demonstration.submit_demonstration(session, person, task, now, f"{text} {task}")
                    continue
                order = reservation.work_for(session, person, task).order
                gold = session.query(GoldItem).filter_by(task_id=task).one().content
                ranks = [gold["ranks"][str(c)] for c in order]
                if not like_gold:
                    ranks = [max(ranks) + 1 - rank for rank in ranks]
                said = verdict_on(order, ranks=ranks)
                for candidate, verdict in said.verdicts.items():
                    marked = gold["answers"][str(candidate)]["flags"].get("violent_content") == "yes"
                    object.__setattr__(verdict, "flags", {"violent_content": "yes" if marked == like_gold else "no"})
                tasks.submit(session, person, task, now, said)

    def hand_in(self, person, now=NOW):
        with self.database.transaction() as session:
            attempts.assess(session, person, now, claimed=["war"], words="I know **history**.")
            return attempts.hand_in(session, person, now)

    def applicant(self, person):
        with self.database.reading() as session:
            return queries.applicant_of(session, person.id)

    def researcher(self, name="rae"):
        return self.factory.add(Person(email=f"{name}@example.org", name=name, role="researcher", password_hash=""))


def gold_on(candidates, number):
    """The gold of an item: one answer violent, another order in every item, the last two tied."""
    turned = candidates[number % len(candidates) :] + candidates[: number % len(candidates)]
    ranks = dict(zip(turned, (1, 2, 3, 3), strict=False))
    return {
        "prompt": {"asks_violent": "no"},
        "answers": {
            str(c): {"likert": 5, "flags": {"violent_content": "yes" if c == turned[-1] else "no"}} for c in candidates
        },
        "ranks": {str(c): rank for c, rank in ranks.items()},
    }


@pytest.fixture
def office(database, factory):
    return Office(database, factory)


@pytest.fixture
def banks(office) -> dict[str, Campaign]:
    return {
        FLAGS: office.bank("Speech", items=8),
        RANKINGS: office.bank("Orders", items=6, start=20),
        DEMONSTRATIONS: office.bank("Hard prompts", kind="demonstration", items=5, start=40, gold=False),
    }
