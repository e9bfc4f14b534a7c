"""What people wrote is read before it is used: accepted, sent back, rejected; by one reviewer, once."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.errors import Conflict, Forbidden, Invalid
from app.labeling.annotations import reservation, writing
from app.labeling.annotations.queries import submissions, texts
from app.labeling.instruments.authoring import service as authoring
from app.labeling.instruments.demonstration import service as demonstration
from app.labeling.reviews import service
from app.labeling.reviews.rules import ACCEPT, REJECT, SEND_BACK, Decision
from app.models import Annotation, Assignment, AuditEvent, Demonstration, Draft, Prompt, WrittenText
from app.training.snapshots import queries as snapshots
from app.training.snapshots.rules import Filters
from tests.app.labeling.annotations.conftest import NOON, Workshop
from tests.app.labeling.instruments.authoring.test_rules import SET

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def workshop(database, factory):
    return Workshop(database, factory)


@pytest.fixture
def reviewer(factory):
    return factory.person("ruth@example.org", "researcher")


@pytest.fixture
def waiting(workshop):
    """A campaign that needs review with one answer that waits, its author, and noise that needs none."""
    (noise, _), (prompt, _) = workshop.prompts(2)
    author, other = workshop.people(2)
    workshop.campaign([(noise, [])], name="Noise", kind="demonstration")
    write(workshop, other, "Noise.")
    campaign = workshop.campaign([(prompt, [])], name="Write", kind="demonstration", needs_review=True)
    annotation = write(workshop, author, "First try.")
    return Waiting(workshop, campaign, author, other, annotation.task_id)


class Waiting:
    def __init__(self, workshop, campaign, author, other, task_id):
        self.workshop, self.campaign, self.author, self.other, self.task_id = workshop, campaign, author, other, task_id

    @property
    def newest(self):
        with self.workshop.database.reading() as session:
            return newest_of(session, self.author, self.task_id)

    def decide(self, reviewer, verdict, reason="", rating=None, text_id=None):
        with self.workshop.database.transaction() as session:
            decision = Decision(verdict, reason, rating)
            return service.decide(session, reviewer, text_id or self.newest.id, LATER, decision)


def newest_of(session, person, task_id):
    return texts.newest_text(session, submissions.annotation_for(session, person.id, task_id).id)


def write(workshop, person, text, task_id=None):
    task_id = task_id or workshop.take(person).assignment.task_id
    with workshop.database.transaction() as session:
        return demonstration.submit_demonstration(session, person, task_id, LATER, text)


def used(workshop):
    with workshop.database.reading() as session:
        return session.scalars(select(Demonstration.text).order_by(Demonstration.id)).all()


def counts(workshop):
    with workshop.database.reading() as session:
        found = snapshots.counts(session, Filters())
        return found["demonstrations"], found["waiting"]


def test_what_waits_is_not_used_and_a_snapshot_says_how_much_waits(workshop, waiting, reviewer):
    assert used(workshop) == ["Noise."]
    assert counts(workshop) == (1, 1)
    text = waiting.decide(reviewer, ACCEPT, rating=6)
    assert (text.state, text.rating, text.decided_by) == ("accepted", 6, reviewer.id)
    assert used(workshop) == ["Noise.", "First try."]
    assert counts(workshop) == (2, 0)
    with workshop.database.reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "accepted text")).one()
    assert (event.person_id, event.subject_id, event.detail["rating"]) == (reviewer.id, str(text.id), 6)


def test_what_is_sent_back_comes_to_its_author_with_their_words_and_the_earlier_version_stays(
    workshop, waiting, reviewer
):
    waiting.decide(reviewer, SEND_BACK, "Say more.")
    assert counts(workshop) == (1, 1)
    assert workshop.take(waiting.other).assignment is None
    assert workshop.take(waiting.author).assignment.task_id == waiting.task_id
    with workshop.database.reading() as session:
        work = reservation.work_for(session, waiting.author, waiting.task_id)
    assert work.returned.reason == "Say more."
    assert work.draft.content["text"] == "First try."
    write(workshop, waiting.author, "Second try.", waiting.task_id)
    with workshop.database.reading() as session:
        kept = [(t.number, t.state, t.content["text"]) for t in texts.texts_of(session, work.returned.annotation_id)]
        assert session.scalar(select(func.count()).select_from(Draft)) == 0
    assert kept == [(1, "sent_back", "First try."), (2, "waiting", "Second try.")]
    assert workshop.take(waiting.author).assignment is None
    waiting.decide(reviewer, ACCEPT)
    assert used(workshop) == ["Noise.", "Second try."]


def test_what_is_rejected_leaves_the_task_to_somebody_else(workshop, waiting, reviewer):
    waiting.decide(reviewer, REJECT, "Copied.")
    assert counts(workshop) == (1, 0)
    assert workshop.take(waiting.author).assignment is None
    write(workshop, waiting.other, "Mine.")
    with workshop.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Annotation)) == 3
        assignment = session.scalars(select(Assignment).where(Assignment.task_id == waiting.task_id)).one()
    assert assignment.person_id == waiting.other.id


def test_an_author_may_withdraw_what_was_sent_back(workshop, waiting, reviewer):
    waiting.decide(reviewer, SEND_BACK, "Say more.")
    with workshop.database.transaction() as session:
        assert writing.give_up(session, waiting.author, waiting.task_id, LATER, "no time")
        assert not writing.give_up(session, waiting.author, waiting.task_id, LATER, "no time")
    assert waiting.newest.state == "withdrawn"
    assert workshop.take(waiting.author).assignment is None
    assert workshop.take(waiting.other).assignment.task_id == waiting.task_id


def test_nobody_reviews_their_own_text(workshop, waiting, factory):
    with workshop.database.transaction() as session, pytest.raises(Forbidden, match="yourself"):
        service.decide(session, waiting.author, waiting.newest.id, LATER, Decision(ACCEPT))
    assert used(workshop) == ["Noise."]


@pytest.mark.parametrize(
    ("decision", "field"),
    [
        (Decision(SEND_BACK), "reason"),
        (Decision(REJECT), "reason"),
        (Decision(ACCEPT, rating=8), "rating"),
        (Decision(ACCEPT, rating=0), "rating"),
        (Decision("burn"), "verdict"),
        (Decision(ACCEPT, "x" * 4_001), "reason"),
    ],
)
def test_a_decision_without_what_it_needs_is_refused(workshop, waiting, reviewer, decision, field):
    with workshop.database.transaction() as session, pytest.raises(Invalid) as refused:
        service.decide(session, reviewer, waiting.newest.id, LATER, decision)
    assert set(refused.value.fields) == {field}
    assert waiting.newest.state == "waiting"


def test_a_set_is_reviewed_as_one_and_becomes_prompts_when_it_is_accepted(workshop, reviewer):
    workshop.campaign([], kind="authoring", prompt_form="few_shot", pieces=1, needs_review=True)
    person = workshop.people(1)[0]
    task_id = workshop.take(person).assignment.task_id
    with workshop.database.transaction() as session:
        authoring.submit_authored(session, person, task_id, NOON, SET)
    with workshop.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Prompt)) == 0
        text = newest_of(session, person, task_id)
    with workshop.database.transaction() as session:
        service.decide(session, reviewer, text.id, LATER, Decision(SEND_BACK, "One more pair."))
    with workshop.database.reading() as session:
        assert authoring.authored_of(reservation.work_for(session, person, task_id)).pairs == SET.pairs
    with workshop.database.transaction() as session:
        authoring.submit_authored(session, person, task_id, LATER, SET)
    with workshop.database.transaction() as session:
        text = newest_of(session, person, task_id)
        service.decide(session, reviewer, text.id, LATER, Decision(ACCEPT))
    assert len(used(workshop)) == 3


def test_a_set_whose_prompt_came_into_the_pool_meanwhile_is_not_accepted(workshop, reviewer):
    workshop.campaign([], kind="authoring", prompt_form="few_shot", pieces=2, needs_review=True)
    people = workshop.people(2)
    for person in people:
        task_id = workshop.take(person).assignment.task_id
        with workshop.database.transaction() as session:
            authoring.submit_authored(session, person, task_id, NOON, SET)
    with workshop.database.reading() as session:
        first, second = session.scalars(select(WrittenText.id).order_by(WrittenText.id)).all()
    with workshop.database.transaction() as session:
        service.decide(session, reviewer, first, LATER, Decision(ACCEPT))
    with pytest.raises(Conflict, match="in the pool already"), workshop.database.transaction() as session:
        service.decide(session, reviewer, second, LATER, Decision(ACCEPT))
    with workshop.database.reading() as session:
        assert session.get(WrittenText, second).state == "waiting"
        assert session.scalar(select(func.count()).select_from(Prompt)) == 3


# Races -------------------------------------------------------------------------------------------


def outcome(action):
    try:
        action()
    except Conflict as error:
        return str(error)
    return "done"


def together(*actions):
    with ThreadPoolExecutor(len(actions)) as pool:
        return [future.result(timeout=120) for future in [pool.submit(outcome, action) for action in actions]]


def test_of_reviewers_who_decide_at_once_one_is_heard(workshop, waiting, reviewer, factory):
    other = factory.person("rolf@example.org", "researcher")
    text_id = waiting.newest.id
    said = together(
        *(lambda: waiting.decide(reviewer, ACCEPT, text_id=text_id) for _ in range(3)),
        *(lambda: waiting.decide(other, REJECT, "No.", text_id=text_id) for _ in range(3)),
    )
    assert said.count("done") == 1
    assert all("Nothing was stored" in sentence for sentence in said if sentence != "done")
    accepted = waiting.newest.state == "accepted"
    assert used(workshop) == (["Noise.", "First try."] if accepted else ["Noise."])


def test_a_newer_version_and_an_acceptance_at_once_never_both_hold(workshop, waiting, reviewer):
    """Its author works on a text that was sent back and submits it from two tabs while a reviewer reads."""
    waiting.decide(reviewer, SEND_BACK, "Say more.")
    write(workshop, waiting.author, "Second try.", waiting.task_id)
    second = waiting.newest.id

    def correct():
        with workshop.database.transaction() as session:
            annotation = submissions.annotation_for(session, waiting.author.id, waiting.task_id, lock=True)
            writing.add_version(session, annotation, LATER, {"text": "Third try."}, needs_review=True)

    said = together(lambda: waiting.decide(reviewer, ACCEPT, text_id=second), correct)
    assert said.count("done") == 1
    if said[0] == "done":
        assert "decided about this text" in said[1]
        assert used(workshop) == ["Noise.", "Second try."]
    else:
        assert "newer version" in said[0]
        assert used(workshop) == ["Noise."]
        assert (waiting.newest.content["text"], waiting.newest.state) == ("Third try.", "waiting")


# Pages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_queue_goes_on_to_the_next_text_and_shows_no_name(browse, workshop):
    tasks_ = workshop.prompts(3)
    workshop.campaign([(prompt, []) for prompt, _ in tasks_], name="Write", kind="demonstration", needs_review=True)
    (author,) = workshop.people(1)
    for number in range(3):
        write(workshop, author, f"Answer **{number}** </p><script>alert(1)</script>")
    browse.as_("researcher")
    assert "<strong>3</strong> texts wait" in browse.get("/reviews")
    place = browse.client.get("/reviews/next", follow_redirects=False).headers["location"]
    page = browse.get(place)
    assert f"labeler-{author.id}" in page
    assert author.email not in page
    assert author.name not in re.sub(r"<[^>]+>", " ", page).split()
    assert "Answer <strong>0</strong>" in page
    assert "&lt;|assistant|&gt;Answer **0** &lt;/p&gt;" in page
    refused = browse.post(place, {"verdict": "send_back", "rating": "3", "reason": " "}, 422).text
    assert "Say why" in refused
    assert re.search(r'name="rating" value="3" checked', refused)
    assert "A rating is a whole number" in browse.post(place, {"verdict": "accept", "rating": "x"}, 422).text
    answer = browse.post(place, {"verdict": "accept", "rating": "3"})
    assert answer.headers["location"] != place
    assert "Accepted." in browse.get(answer.headers["location"])
    assert "Somebody has decided" in browse.post(place, {"verdict": "reject", "reason": "no"}, 409).text
    browse.get("/reviews/999", 404)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_author_reads_the_reason_beside_their_text(browse, workshop, reviewer, database):
    workshop.campaign(
        [(prompt, []) for prompt, _ in workshop.prompts(1)], name="W", kind="demonstration", needs_review=True
    )
    browse.as_("labeler", "lena@example.org")
    place = browse.post("/label/next").headers["location"]
    browse.get(place)
    browse.post(f"{place}/submit", {"text": "Rain."})
    assert "a researcher reads your text" in browse.get("/label")
    with database.transaction() as session:
        text_id = session.scalars(select(WrittenText.id)).one()
        service.decide(session, reviewer, text_id, LATER, Decision(SEND_BACK, "Which **rain**?", 2))
    home = browse.get("/label")
    assert "Which <strong>rain</strong>?" in home
    assert f'href="{place}"' in home
    assert browse.post("/label/next").headers["location"] == place
    page = browse.get(place)
    assert "Sent back to you" in page
    assert "Which <strong>rain</strong>?" in page
    assert ">Rain.</textarea>" in page
    kept_from_before = {"text": "R", "autosave": "1", "revision": "0.oldtab.3"}
    browse.post(
        f"{place}/text", kept_from_before, 409
    )  # what a browser kept of the first writing is offered, not taken
    browse.post(f"{place}/submit", {"text": "Soft rain."})
    assert "Withdrawn" not in browse.get("/label")
    with database.reading() as session:
        assert json.dumps(session.scalars(select(WrittenText.content).order_by(WrittenText.id)).all()) == json.dumps(
            [{"text": "Rain."}, {"text": "Soft rain."}]
        )


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_campaign_is_told_to_need_reviews_or_none(browse, workshop, database):
    campaign = workshop.campaign([(p, []) for p, _ in workshop.prompts(1)], name="W", kind="demonstration")
    ranking = workshop.campaign(workshop.prompts(1, start=5), name="R")
    browse.as_("researcher")
    assert "texts are used at once" in browse.get(f"/campaigns/{campaign.id}")
    browse.post(f"/campaigns/{campaign.id}/review", {"needs_review": "yes"})
    assert "needed before a text is used" in browse.get(f"/campaigns/{campaign.id}")
    browse.post(f"/campaigns/{ranking.id}/review", {"needs_review": "yes"}, 422)
