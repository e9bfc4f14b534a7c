"""What several people said about the same answers, as rows of the tables; every figure can be counted by hand."""

from datetime import UTC, datetime
from itertools import count

import pytest

from app.models import Annotation, Campaign, Candidate, Flag, Person, Prompt, Ranking, Rating, Task
from tests.app.labeling.annotations.conftest import sha

MAY, JUNE = datetime(2026, 5, 4, 12, tzinfo=UTC), datetime(2026, 6, 3, 9, tzinfo=UTC)


class Judged:
    """Makes people, tasks and what people said about them."""

    def __init__(self, database):
        self.database = database
        self._number = count(1)

    def person(self, role="labeler", group=None):
        number = next(self._number)
        person = Person(
            email=f"p{number}@example.org", name=f"P{number}", role=role, labeler_group=group, password_hash=""
        )
        return self._kept(person)

    def campaign(self, name="Round 1", **options):
        return self._kept(Campaign(name=name, **options))

    def task(self, campaign, answers=4, *, prompt=None, **about):
        """(task, ids of its answers); with ``prompt`` a task on the same prompt and answers as another."""
        number = next(self._number)
        with self.database.transaction() as session:
            if prompt is None:
                made = Prompt(
                    fingerprint=sha(f"prompt {number}"),
                    messages=[{"role": "user", "content": f"Question {number}?"}],
                    source="tests",
                    **about,
                )
                session.add(made)
                session.flush()
                prompt = made.id
                session.add_all(
                    Candidate(prompt_id=prompt, text=f"Reply {n}", text_sha256=sha(f"{n}"), origin=f"import:source-{n}")
                    for n in range(answers)
                )
                session.flush()
            ids = [one.id for one in session.query(Candidate).filter_by(prompt_id=prompt).order_by(Candidate.id)]
            task = Task(campaign_id=campaign.id, prompt_id=prompt, fingerprint=sha(f"task {number}"))
            session.add(task)
        return task, ids

    def say(self, task, who, ranks=(), *, answers, ratings=(), flags=None, labels=None, at=MAY):
        """Store one annotation; ``who`` is a person or the pseudonym of an imported annotator, ``flags`` by answer."""
        person = who if isinstance(who, Person) else None
        annotation = Annotation(
            campaign_id=task.campaign_id,
            task_id=task.id,
            person_id=person.id if person else None,
            annotator=f"labeler-{person.id}" if person else who,
            submitted_at=at,
        )
        with self.database.transaction() as session:
            session.add(annotation)
            session.flush()
            about = {"annotation_id": annotation.id}
            for answer, rank in zip(answers, ranks, strict=False):
                session.add(Ranking(**about, candidate_id=answer, rank=rank))
            for answer, likert in zip(answers, ratings, strict=False):
                session.add(Rating(**about, candidate_id=answer, likert=likert))
            for answer, named in (flags or {}).items():
                session.add_all(Flag(**about, candidate_id=answer, name=n, value=v) for n, v in named.items())
            session.add_all(Flag(**about, candidate_id=None, name=n, value=v) for n, v in (labels or {}).items())
        return annotation

    def _kept(self, row):
        with self.database.transaction() as session:
            session.add(row)
        return row


@pytest.fixture
def judged(database):
    return Judged(database)


class Office:
    """Three people on three tasks of four answers, and noise.

    * first task, English, chat: Ann and Ben agree on all six pairs, Rae (a researcher) reverses every one of them;
    * second task, Chinese: Ann ranks A > B > C > D in May, Ben A > B = C > D in June;
    * third task: Ann alone, all tied;
    * noise: the first prompt judged by Ann and Ben for evaluation, reversed; toxicity; an item bank.
    """

    def __init__(self, judged):
        self.ann, self.ben = judged.person(group="training"), judged.person(group="held-out")
        self.rae = judged.person("researcher")
        self.campaign = judged.campaign()
        first, answers = judged.task(self.campaign, language="en", use_case="chat")
        judged.say(first, self.ann, [1, 2, 3, 4], answers=answers, ratings=[7, 6, 2, 1], flags=said(answers, "ynnn"))
        judged.say(first, self.ben, [1, 2, 3, 4], answers=answers, ratings=[7, 5, 2, 1], flags=said(answers, "ynyn"))
        judged.say(first, self.rae, [4, 3, 2, 1], answers=answers, ratings=[1, 2, 6, 7], flags=said(answers, "nnnn"))
        second, others = judged.task(self.campaign, language="zh")
        judged.say(second, self.ann, [1, 2, 3, 4], answers=others, labels={"use_case": "rewrite"})
        judged.say(second, self.ben, [1, 2, 2, 3], answers=others, labels={"use_case": "rewrite"}, at=JUNE)
        third, tied = judged.task(self.campaign)
        judged.say(third, self.ann, [1, 1, 1, 1], answers=tied)
        for name, about in (
            ("Evaluation", {"phase": "evaluation"}),
            ("Toxicity", {"kind": "toxicity"}),
            ("Bank", {"purpose": "bank"}),
        ):
            apart = judged.campaign(name, **about)
            task, _ids = judged.task(apart, prompt=first.prompt_id)
            judged.say(task, self.ann, [1, 2, 3, 4], answers=answers)
            judged.say(task, self.ben, [4, 3, 2, 1], answers=answers)


def said(answers, letters):
    return {
        answer: {"fails_task": {"y": "yes", "n": "no"}[letter]} for answer, letter in zip(answers, letters, strict=True)
    }


@pytest.fixture
def office(judged):
    return Office(judged)
