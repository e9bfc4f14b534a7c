"""Labels of several annotators: what becomes of them, what is refused, and that the same again adds nothing."""

import pytest

from app.models import Annotation, Campaign, Candidate, Flag, Prompt, Task
from app.quality.agreement import service as agreement
from app.quality.agreement.rules.filters import Filters
from app.quality.agreement.rules.label_report import ALPHA_ORDINAL, RAW
from app.training.snapshots import service as snapshots
from app.training.snapshots.rules import Filters as Taken
from tests.app.labeling.importing.test_service import count, everything, take

__all__ = ["count", "take"]
ROW = {
    "id": "1",
    "prompt": "How do I stop a process?",
    "completion": "Use kill.",
    "labels": {"ann": "full", "ben": "no"},
}


def test_each_label_is_an_annotation_with_one_flag_on_the_answer(database, take):
    entry = take([ROW])
    assert (entry.shape, entry.rejected) == ("labels", 0)
    assert entry.added == {"prompts": 1, "candidates": 1, "tasks": 1, "labels": 2}
    (campaign,), (candidate,) = everything(database, Campaign), everything(database, Candidate)
    assert (campaign.name, campaign.status, campaign.imported) == ("import: file", "closed", True)
    assert {one.annotator for one in everything(database, Annotation)} == {"file:ann", "file:ben"}
    flags = {(flag.candidate_id, flag.name, flag.value) for flag in everything(database, Flag)}
    assert flags == {(candidate.id, "label", "full"), (candidate.id, "label", "no")}


def test_labels_without_an_answer_are_about_the_prompt(database, take, count):
    row = {"messages": [{"role": "user", "content": "You fool."}], "question": "rude"}
    take([row | {"labels": [{"annotator": "ann", "label": -2}, {"annotator": "ben", "label": True}]}])
    assert {(flag.candidate_id, flag.name, flag.value) for flag in everything(database, Flag)} == {
        (None, "rude", "-2"),
        (None, "rude", "yes"),
    }
    assert (count(Candidate), count(Task), count(Prompt)) == (0, 1, 1)


def test_the_same_labels_again_add_nothing_but_a_second_label_of_a_person_counts(take, count):
    twice = ROW | {"labels": [{"annotator": "ann", "label": 1}, {"annotator": "ann", "label": 1}]}
    assert take([twice]).added["labels"] == 2
    assert take([twice]).added == {}
    assert take([twice], name="other.jsonl").repeated == 1
    assert count(Annotation) == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"labels": {}}, "field labels: Give annotators with their labels"),
        ({"labels": "full"}, "field labels: Give annotators with their labels"),
        ({"labels": {"ann": 1.5}}, "field labels, entry 1: “1.5” is no label"),
        ({"labels": {"ann": " "}}, "field labels, entry 1: “ ” is no label"),
        ({"labels": {"ann": "a\x1eb"}}, "give a word or a whole number"),
        ({"labels": {"ann": None}}, "Nobody has labelled this row."),
        ({"labels": {"ann": 1}, "question": "How Rude?"}, "field question: “How Rude?” cannot name a question"),
        ({"labels": {"ann": 1}, "phase": "later"}, "“later” is no phase: it is training or evaluation."),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_is_no_label_is_refused_with_its_reason(take, count, row, reason):
    entry = take([ROW, ROW | row])
    assert entry.rejected == 1
    assert reason in entry.rejects[0]["reason"]
    assert count(Annotation) == 2


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_scale_a_choice_and_a_flag_come_out_of_the_report(database, take):
    rows = [
        {"id": str(n), "prompt": f"p{n}", "labels": {"ann": n % 3, "ben": n % 3, "cem": 0}, "question": "rude"}
        for n in range(6)
    ]
    rows += [
        {"id": f"c{n}", "prompt": f"p{n}", "labels": {"ann": "a", "ben": "b"}, "question": "kind"} for n in range(6)
    ]
    take(rows)
    with database.reading() as session:
        found = {one.name: one.report for one in agreement.report(session, Filters(), draws=20).questions}
    assert found["rude"].chosen == {"0": 10, "1": 4, "2": 4}
    assert found["rude"].figures[RAW].value == pytest.approx((2 * 1 + 4 * 1 / 3) / 6)
    assert found["rude"].figures[ALPHA_ORDINAL].value is not None
    assert found["kind"].figures[RAW].value == 0
    assert ALPHA_ORDINAL not in found["kind"].figures


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_labels_are_no_rankings_to_a_snapshot_nor_to_the_list_of_prompts(database, settings, take, browse):
    take([ROW])
    with database.transaction() as session:
        assert snapshots.create_snapshot(session, settings, None, "one", Taken()).counts["rankings"] == 0
    page = browse.as_("engineer").get("/snapshots/preview")
    assert "0 rankings" in page
    assert "file:ann" not in browse.get("/prompts/1")
