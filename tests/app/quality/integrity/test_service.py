"""The queue: evidence put together, ordered, and decided about by people alone."""

import csv
import io
import re

import pytest
from sqlalchemy import select

from app.errors import Conflict, Forbidden, Invalid
from app.models import Annotation, Assignment, AuditEvent, Demonstration, IntegrityDecision, Person, Run, WrittenText
from app.quality.integrity import service
from app.quality.integrity.rules.decisions import NOTHING, REJECT, TALK, Decision
from app.quality.integrity.rules.detectors import LEAST_OF_CAMPAIGN
from app.quality.integrity.rules.evidence import LIKE_MODEL, LIKE_OTHERS, SCORED, Evidence
from app.quality.integrity.rules.similarity import Nearest
from tests.app.quality.integrity.conftest import FEW_SHOT, LATER
from trainer.contract.records import Detection, SeenToken

COPIED = "the quick brown fox jumps over the lazy dog and then it sleeps in the warm sun"
PLAIN = "well I never saw a fox that was lazy but my neighbour had a dog like that once upon a time"


@pytest.fixture
def written(desk):
    """Three people answer three prompts; one copies a model's answer and one that of a colleague."""
    people = desk.people(3)
    prompts = desk.asked("Tell of a fox.", "Tell of a dog.", "Tell of a cat.")
    model = desk.model()
    campaign = desk.campaign([(prompt, []) for prompt in prompts], name="Stories", kind="demonstration")
    texts = [COPIED + " today", PLAIN, PLAIN + " indeed"]
    for person, text in zip(people, texts, strict=True):
        desk.write(person, text)
    with desk.database.reading() as session:
        ids = session.scalars(select(WrittenText.id).order_by(WrittenText.id)).all()
        asked = session.get(WrittenText, ids[0]).annotation.task.prompt_id
    desk.answered(model, asked, COPIED)
    return Written(desk, campaign, people, model, list(ids))


class Written:
    def __init__(self, desk, campaign, people, model, ids):
        self.desk, self.campaign, self.people, self.model, self.ids = desk, campaign, people, model, ids

    def queue(self):
        with self.desk.database.reading() as session:
            return service.queue_of(session, service.campaign_for(session, self.campaign.id))

    def decide(self, person, text_id, verdict, reason="Because."):
        with self.desk.database.transaction() as session:
            return service.decide(session, person, text_id, LATER, Decision(verdict, reason))

    def read(self, scores, tokens=120):
        """Let the model have read the texts with these curvatures; none where a text was too short."""
        run = self.desk.factory.add(Run(name="detect-1", stage="detect", status="succeeded"))
        rows = [
            Detection(
                answer_id=str(key),
                tokens=tokens if curvature is not None else 3,
                pieces=[SeenToken(text="the ", rank=None), SeenToken(text="quick", rank=70)],
                **({} if curvature is None else scores_around(curvature)),
            )
            for key, curvature in scores.items()
        ]
        with self.desk.database.transaction() as session:
            service.keep_detections(session, run_id=run.id, model_version_id=self.model.id, context="prompt", rows=rows)


def scores_around(curvature):
    return {"curvature": curvature, "likelihood": -2.0, "rank": 40.0, "log_rank": 1.5, "entropy": 2.5}


@pytest.fixture
def researcher(factory):
    return factory.person("ruth@example.org", "researcher")


def test_evidence_is_gathered_and_the_most_of_it_comes_first(written):
    queue = written.queue()
    by_id = {case.text.id: case for case in queue.cases}
    copied, one, other = (by_id[key].evidence for key in written.ids)
    assert len(queue.cases) == 3
    assert set(copied.signs) == {LIKE_MODEL}
    assert queue.own[copied.own.key].text == COPIED
    assert set(one.signs) == set(other.signs) == {LIKE_OTHERS}
    assert (one.near_duplicate.key, other.near_duplicate.key) == (written.ids[2], written.ids[1])
    assert copied.own.similarity == pytest.approx(15 / 16)
    assert [round(case.evidence.rank_key[1], 3) for case in queue.cases] == [-0.95, -0.95, -0.938]
    assert queue.reader is None
    assert copied.tokens is None


def test_people_are_not_compared_with_themselves(desk):
    (ana,) = desk.people(1)
    prompts = desk.asked("Tell of a fox.", "Tell of a dog.")
    campaign = desk.campaign([(prompt, []) for prompt in prompts], name="Stories", kind="demonstration")
    desk.write(ana, PLAIN)
    desk.write(ana, PLAIN)
    with desk.database.reading() as session:
        queue = service.queue_of(session, service.campaign_for(session, campaign.id))
    assert [case.evidence.near_duplicate for case in queue.cases] == [None, None]


def test_signs_need_long_texts_and_high_places():
    short = Evidence(own=Nearest(1, 1.0), near_duplicate=Nearest(2, 1.0), shingles=7)
    assert short.signs == {}
    assert set(Evidence(own=Nearest(1, 0.5), shingles=8).signs) == {LIKE_MODEL}
    assert Evidence(own=Nearest(1, 0.49), shingles=80).signs == {}


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_scores_are_placed_among_the_campaigns_and_only_the_headline_is_a_sign(desk, factory):
    count = LEAST_OF_CAMPAIGN + 2
    people, prompts = desk.people(count), desk.asked(*(f"Tell of the animal number {i}." for i in range(count)))
    campaign = desk.campaign([(prompt, []) for prompt in prompts], name="Stories", kind="demonstration")
    for i, person in enumerate(people):
        desk.write(person, f"Animal {i}.")
    with desk.database.reading() as session:
        ids = session.scalars(select(WrittenText.id).order_by(WrittenText.id)).all()
    written = Written(desk, campaign, people, desk.model(), ids)
    written.read({key: float(i) for i, key in enumerate(ids[:-1])} | {ids[-1]: None})
    queue = written.queue()
    assert queue.cases[0].text.id == ids[-2]
    assert queue.cases[0].evidence.signs == {SCORED: 1.0}
    assert queue.cases[0].evidence.percentiles["curvature"].n == count - 2
    assert sum(bool(case.evidence.signs) for case in queue.cases) == 2  # above 95 of 100, and the one below it at 95
    short = next(case for case in queue.cases if case.text.id == ids[-1])
    assert (short.evidence.scores, short.evidence.tokens) == ({}, 3)
    assert queue.reader.name == "sft-1"


def test_a_person_rejects_an_accepted_text_and_only_then_it_leaves_the_pool(written, researcher):
    written.decide(researcher, written.ids[1], NOTHING, "")
    written.decide(researcher, written.ids[2], TALK)
    with written.desk.database.reading() as session:
        assert len(session.scalars(select(Demonstration)).all()) == 3
    written.decide(researcher, written.ids[0], REJECT, "It is sft-1's answer.")
    with written.desk.database.reading() as session:
        assert len(session.scalars(select(Demonstration)).all()) == 2
        text = session.get(WrittenText, written.ids[0])
        assert (text.state, text.reason, text.decided_by) == ("rejected", "It is sft-1's answer.", researcher.id)
        annotation = session.get(Annotation, text.annotation_id)
        assert annotation.assignment_id is None
        assignment = session.scalars(select(Assignment).where(Assignment.task_id == annotation.task_id)).one()
        assert assignment.submitted_at is None  # somebody else may write
        states = session.scalars(select(WrittenText.state).where(WrittenText.id != written.ids[0])).all()
        assert states == ["accepted", "accepted"]
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.person_id == researcher.id)).all()
    assert {
        "found nothing about the integrity of text",
        "asked the author about text",
        "rejected text after the integrity queue",
        "rejected text",
    } <= set(actions)
    still_open = [case.text.id for case in written.queue().cases if case.is_open]
    assert still_open == [written.ids[2]]  # the talk is not over
    with pytest.raises(Conflict):
        written.decide(researcher, written.ids[0], NOTHING)


def test_a_waiting_text_is_rejected_too(desk, researcher):
    (ana,) = desk.people(1)
    (prompt,) = desk.asked("Tell of a fox.")
    campaign = desk.campaign([(prompt, [])], name="Stories", kind="demonstration", needs_review=True)
    desk.write(ana, PLAIN)
    with desk.database.reading() as session:
        (key,) = session.scalars(select(WrittenText.id)).all()
    Written(desk, campaign, [ana], None, [key]).decide(researcher, key, REJECT)
    with desk.database.reading() as session:
        assert session.get(WrittenText, key).state == "rejected"


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_rejected_authored_set_leaves_its_prompts_in_the_pool(desk, researcher):
    (ana,) = desk.people(1)
    campaign = desk.campaign([], name="Author", kind="authoring", prompt_form="few_shot", pieces=1)
    desk.author(ana, FEW_SHOT)
    with desk.database.reading() as session:
        (key,) = session.scalars(select(WrittenText.id)).all()
        prompts = len(session.scalars(select(Demonstration.prompt_id)).all())
    assert prompts == 2
    written = Written(desk, campaign, [ana], None, [key])
    assert written.queue().cases[0].passage.messages[0]["content"] == "Say the colour."
    written.decide(researcher, key, REJECT)
    with desk.database.reading() as session:
        assert session.scalars(select(Demonstration)).all() == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_decisions_need_words_where_the_author_reads_them_and_nobody_decides_about_themselves(written, researcher):
    for verdict, field in ((TALK, "reason"), (REJECT, "reason"), ("maybe", "verdict")):
        with pytest.raises(Invalid) as refused:
            written.decide(researcher, written.ids[0], verdict, "")
        assert list(refused.value.fields) == [field]
    with written.desk.database.reading() as session:
        author = session.get(WrittenText, written.ids[0]).annotation.person_id
    own = next(person for person in written.people if person.id == author)
    with pytest.raises(Forbidden):
        written.decide(own, written.ids[0], NOTHING)
    with written.desk.database.reading() as session:
        assert session.scalars(select(IntegrityDecision)).all() == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_page_shows_evidence_its_limits_and_takes_a_decision(browse, written):
    written.read({written.ids[0]: 3.5, written.ids[1]: 1.0, written.ids[2]: None})
    browse.as_("researcher")
    page = browse.get("/integrity")
    assert "61.2 %" in page
    assert "Liang" in page
    assert "like a model&#39;s answer" in page or "like a model's answer" in page
    assert "too short: 3 tokens" in page
    assert "undefined, because only 1 other has one" in page
    shown = browse.get(f"/integrity/{written.ids[0]}")
    assert '<span class="band band-top100" title="rank 70">quick</span>' in shown
    assert "3.50" in shown
    assert "undefined, because only 1 other texts of the campaign" in shown
    address = f"/integrity/{written.ids[0]}"
    refused = browse.post(address, {"verdict": "reject", "reason": " "}, status=422).text
    assert "A score alone is no reason" in refused
    assert re.search(r'value="reject" checked', refused)
    browse.post(address, {"verdict": "reject", "reason": "Copied."})
    browse.post(f"/integrity/{written.ids[1]}", {"verdict": "nothing"})
    page = browse.get("/integrity")
    assert "1.000" in page  # one of each kind: the area stands with its counts
    assert "Reject the text" not in page
    assert "Reject the text" in browse.get("/integrity?show=decided")
    assert "there is nothing left to decide" in browse.get(address)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_file_has_a_line_for_each_text(browse, written):
    written.read({written.ids[0]: 3.5})
    browse.as_("researcher")
    rows = list(csv.DictReader(io.StringIO(browse.client.get("/integrity.csv").text)))
    assert {row["text"] for row in rows} == {str(key) for key in written.ids}
    row = next(row for row in rows if row["text"] == str(written.ids[0]))
    assert (row["curvature"], row["signs"], row["curvature_percentile"]) == ("3.5", "like_model", "")
    assert float(row["like_model"]) == pytest.approx(15 / 16)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_only_researchers_and_admins_see_it_and_an_empty_house_says_what_would_fill_it(browse):
    browse.as_("researcher")
    assert "Nobody has written anything yet" in browse.get("/integrity")
    browse.get("/integrity.csv", status=404)
    browse.get("/integrity/1", status=404)
    browse.get("/integrity?campaign=7", status=404)
    for role in ("labeler", "engineer"):
        browse.as_(role)
        browse.get("/integrity", status=403)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_nobody_looks_at_the_evidence_about_themselves(browse, desk):
    (prompt,) = desk.asked("Tell of a fox.")
    desk.campaign([(prompt, [])], name="Stories", kind="demonstration")
    browse.as_("researcher")
    with desk.database.reading() as session:
        own = session.scalars(select(Person).where(Person.email == "researcher@example.org")).one()
    desk.write(own, "The fox ran.")
    assert "The fox ran." not in browse.get("/integrity")
    assert "The fox ran." not in browse.client.get("/integrity.csv").text
    browse.get("/integrity/1", status=403)
    browse.as_("admin")
    assert "The fox ran." in browse.get("/integrity")
