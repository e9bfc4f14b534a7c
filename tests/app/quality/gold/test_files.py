"""A published set of rankings becomes a bank: what is taken, what is refused and why."""

import json

import pytest
from sqlalchemy import func, select

from app.errors import Conflict, Invalid
from app.labeling.campaigns import service as campaigns
from app.material.schemas.rules import schema_of
from app.models import Annotation, Assignment, Campaign, GoldItem, Person, Prompt, Task
from app.quality.gold import files
from tests.app.labeling.annotations.conftest import NOON

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])
GOOD = {
    "prompt": "What is 2 + 2?",
    "candidates": [
        {"text": "4", "rank": 1, "likert": 7},
        {"text": "Four.", "rank": 1},
        {"text": "5", "rank": 2, "likert": 1, "flags": ["fails_task"]},
    ],
    "reason": "Only **four** is right.",
    "topic": "arithmetic",
    "prompt_labels": {"use_case": "chat", "closed_domain": "no"},
}
OTHER = {"prompt": "Greet.", "candidates": [{"text": "Hi", "rank": 1}, {"text": "Go", "rank": 2}]}
PAIR = {"prompt": "Say hello.", "chosen": "Hello!", "rejected": "No."}


@pytest.fixture
def bring(court, tmp_path):
    def bring(*rows, name="Published"):
        path = tmp_path / "gold.jsonl"
        path.write_text("\n".join(json.dumps(row) if isinstance(row, dict) else row for row in rows))
        with court.database.transaction() as session:
            person = session.scalar(select(Person)) or Person(
                email="r@example.org", name="r", role="researcher", password_hash=""
            )
            session.add(person)
            session.flush()
            return files.import_gold(session, person, path, "gold.jsonl", NOON, name=name, topic="other")

    return bring


def flag_of(court):
    """A yes-or-no question about an answer that the standard schema asks of every prompt."""
    with court.database.transaction() as session:
        version = campaigns.versions_for(session, "ranking")[0]
        return next(f.name for f in schema_of(version.content).answer if "yes" in f.values and not f.needs)


def test_a_file_becomes_a_bank_with_gold_and_without_assignments(court, bring):
    good = json.loads(json.dumps(GOOD).replace("fails_task", flag_of(court)))
    imported = bring(good, OTHER)
    assert (imported.items, imported.refused) == (2, [])
    with court.database.reading() as session:
        bank = session.get(Campaign, imported.bank.id)
        assert (bank.purpose, bank.imported, bank.schema_version_id is None) == ("bank", False, False)
        assert session.scalar(select(func.count()).select_from(Assignment)) == 0
        assert session.scalar(select(func.count()).select_from(Annotation)) == 0
        first, second = session.scalars(select(GoldItem).order_by(GoldItem.id))
        task = session.get(Task, first.task_id)
        texts = {str(answer.candidate_id): answer.candidate.text for answer in task.answers}
        assert {texts[key]: rank for key, rank in first.content["ranks"].items()} == {"4": 1, "Four.": 1, "5": 2}
        said = {texts[key]: one for key, one in first.content["answers"].items()}
        assert (said["4"]["likert"], said["Four."]["likert"], said["5"]["likert"]) == (7, None, 1)
        assert said["5"]["flags"][flag_of(court)] == "yes"
        assert first.content["prompt"]["use_case"] == "chat"
        assert (first.reason, first.topic) == ("Only **four** is right.", "arithmetic")
        assert (second.reason, second.topic) == ("", "other")


def without(**changed):
    return {**{key: value for key, value in GOOD.items() if key != "prompt_labels"}, **changed}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"prompt": "x"', "This is not valid JSON: see column 15."),
        ({"prompt": "x", "candidates": [{"text": "a", "rank": 1}]}, "compares 2 to 9 answers, not 1"),
        (without(prompt_labels={"use_case": "gossip"}), "field prompt_labels, use_case: “"),
        (without(prompt_labels={"mood": "yes"}), "field prompt_labels, mood: There is no flag “mood”."),
        (without(prompt_labels=["yes"]), "field prompt_labels: Give names with their values."),
        (without(reason=7), "field reason: Enter text."),
        (without(topic="x" * 61), "field topic: This has 61 characters; at most 60 are taken."),
        (
            without(candidates=[{"text": "a", "rank": 1, "flags": ["rude!"]}, {"text": "b", "rank": 2}]),
            "field flags: There is no flag “rude!”.",
        ),
    ],
)
def test_a_row_that_cannot_be_gold_is_named_with_its_line(bring, row, reason):
    imported = bring(OTHER, row)
    assert imported.items == 1
    [(line, why)] = imported.refused
    assert line == 2
    assert reason in str(why)


def test_several_votes_on_a_pair_are_no_gold(bring):
    both = {"prompt": "x", "response_a": "1", "response_b": "2"}
    one, two = both | {"votes": [{"choice": "a"}]}, both | {"votes": [{"choice": "a"}, {"choice": "b"}]}
    [(line, why)] = bring(one | {"prompt": "z"}, two).refused
    assert why.at(line) == "line 2: Gold is one ranking; the row has 2."


def test_the_same_item_twice_is_taken_once(bring):
    imported = bring(PAIR, PAIR)
    assert imported.items == 1
    [(line, why)] = imported.refused
    assert why.at(line) == "line 2: The same prompt and answers are on line 1 already."


def test_a_bank_ends_at_so_many_items_and_names_the_rows_after_them(bring, monkeypatch):
    monkeypatch.setattr(files, "MOST_ITEMS", 1)
    imported = bring(OTHER, PAIR)
    assert (imported.items, [refusal.sentence for _line, refusal in imported.refused]) == (
        1,
        ["A set has at most 1 items."],
    )


def test_a_file_without_gold_leaves_nothing_behind(court, bring):
    with pytest.raises(
        Invalid, match=r"None of the rows can be gold, so nothing was made\. line 1: This is not valid JSON"
    ):
        bring("{")
    with court.database.reading() as session:
        assert session.scalar(select(Campaign)) is None
        assert session.scalar(select(Prompt)) is None


def test_a_name_that_is_taken_is_refused(bring):
    bring(PAIR)
    with pytest.raises(Conflict):
        bring(PAIR)


def test_the_page_takes_a_file_and_shows_what_was_refused(court, browse):
    browse.as_("researcher")
    assert "Import gold" in browse.get("/gold")
    browse.get("/gold/import")
    file = ("gold.jsonl", (json.dumps(PAIR) + "\n{").encode())
    page = browse.post("/gold/import", {"name": "Published"}, files={"file": file}, status=200).text
    assert "1 item with gold" in page
    assert "1 row was not taken" in page
    assert "This is not valid JSON: see column 2." in page
    assert "Published" in browse.get("/gold")
    assert (
        "There is already a campaign"
        in browse.post("/gold/import", {"name": "Published"}, files={"file": file}, status=409).text
    )
    assert "Choose a file first." in browse.post("/gold/import", {"name": "x"}, status=422).text
    browse.as_("labeler")
    browse.get("/gold/import", status=403)
