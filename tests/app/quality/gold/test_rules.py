import pytest

from app.labeling.annotations.rules.submission import Submission, Verdict
from app.material.schemas.rules import Field, Schema
from app.quality.gold.rules import (
    Decision,
    Judgement,
    content_of,
    decision_problems,
    differences,
    order_of,
    tidied,
    verdict_of,
)

LETTERS = {7: "A", 8: "B", 9: "C"}
SCHEMA = Schema(
    (Field("closed", "Closed domain?", "", "main"),),
    (Field("rude", "Rude", "", "harmless"), Field("invents", "Invents", "", "truthful", needs="closed")),
)


def said(name, ranks, ratings=(5, 5, 5), flags=None):
    by_answer = dict(zip(LETTERS, ranks, strict=True))
    return Judgement(0, name, by_answer, dict(zip(LETTERS, ratings, strict=True)), flags or {})


def test_an_order_is_written_under_the_letters_of_the_page():
    assert said("a", (2, 1, 2)).order(LETTERS) == "B > A = C"


def test_pairs_that_people_order_differently_are_counted_by_side():
    found = differences([said("a", (1, 2, 3)), said("b", (1, 2, 2)), said("c", (2, 1, 3))], list(LETTERS))
    assert found.pairs == {(7, 8): (2, 1, 0), (8, 9): (2, 0, 1)}
    assert found.ranked == {7, 8, 9}


def test_the_same_order_in_other_numbers_is_no_difference():
    assert not differences([said("a", (1, 2, 2)), said("b", (1, 3, 3))], list(LETTERS))
    assert not differences([said("a", (1, 2, 3))], list(LETTERS))


@pytest.mark.parametrize(("other", "found"), [(6, set()), (7, {8}), (3, {8})])
def test_ratings_two_steps_apart_are_pointed_out(other, found):
    both = [said("a", (1, 2, 3)), said("b", (1, 2, 3), (5, other, 5))]
    assert differences(both, list(LETTERS)).ratings == found


def test_a_missing_label_says_no():
    yes = said("a", (1, 2, 3), flags={7: {"rude": "yes"}, None: {"closed": "no"}})
    assert differences([yes, said("b", (1, 2, 3))], list(LETTERS)).flags == {(7, "rude")}


def test_gold_is_read_as_it_was_written_with_dense_ranks_and_silence_filled_in():
    verdict = Submission({7: Verdict(4, {"rude": "yes"}), 8: Verdict(6), 9: Verdict(6)}, {7: 3, 8: 1, 9: 1})
    content = content_of(verdict, SCHEMA)
    assert content == {
        "prompt": {"closed": "no"},
        "answers": {
            "7": {"likert": 4, "flags": {"rude": "yes"}},
            "8": {"likert": 6, "flags": {"rude": "no"}},
            "9": {"likert": 6, "flags": {"rude": "no"}},
        },
        "ranks": {"7": 2, "8": 1, "9": 1},
    }
    assert verdict_of(content).ranks == {7: 2, 8: 1, 9: 1}
    assert verdict_of(content).verdicts[7] == Verdict(4, {"rude": "yes"})
    assert order_of(content, LETTERS) == "B = C > A"


def test_what_is_not_asked_is_dropped():
    verdict = Submission({7: Verdict(4, {"invents": "yes", "rude": "yes", "old": "yes"})}, {7: 1}, {"gone": "yes"})
    assert tidied(verdict, SCHEMA, rated=True) == Submission({7: Verdict(4, {"rude": "yes"})}, {7: 1})
    closed = Submission({7: Verdict(4, {"invents": "yes"})}, {7: 1}, {"closed": "yes"})
    assert tidied(closed, SCHEMA, rated=False).verdicts == {7: Verdict(None, {"invents": "yes"})}


@pytest.mark.parametrize(
    ("reason", "topic", "fields"),
    [
        ("because", "law", set()),
        (" ", "", {"reason"}),
        ("x" * 4_001, "", {"reason"}),
        ("x", "y" * 61, {"topic"}),
        ("x", "a\nb", {"topic"}),
    ],
)
def test_a_decision_has_a_reason_and_a_short_topic(reason, topic, fields):
    assert set(decision_problems(Decision(Submission({}, {}), reason, topic))) == fields
