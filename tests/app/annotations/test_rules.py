import pytest

from app.annotations.rules import labels
from app.annotations.rules.campaigns import campaign_problem
from app.annotations.rules.ranking import contradictions, densify, ranks_from_ratings, rating_hint, weak_order
from app.annotations.rules.submission import Submission, Verdict, demonstration_problem, submission_problems

LETTERS = {10: "A", 11: "B", 12: "C", 13: "D"}
GOOD = {"name": "x", "kind": "ranking", "phase": "training", "overlap": 1, "lease_minutes": 30, "answers_per_task": 4}


def complete(**changes):
    given = {"verdicts": {c: Verdict(4) for c in LETTERS}, "ranks": dict.fromkeys(LETTERS, 1)} | changes
    return Submission(**given)


def test_a_weak_order_reads_best_first_with_ties_in_letter_order():
    assert weak_order([2, 3, 1, 2], "ABCD") == "C > A = D > B"
    assert weak_order([1, 1, 1, 1], "DCBA") == "A = B = C = D"


def test_empty_lanes_close_up():
    assert densify({"a": 5, "b": 2, "c": 5, "d": 9}) == {"a": 2, "b": 1, "c": 2, "d": 3}


def test_a_tie_contradicts_nothing_and_a_reversal_is_named():
    assert contradictions([5, 2, 2], [1, 1, 2]) == []
    assert contradictions([2, 6], [1, 2]) == [(0, 1)]
    assert rating_hint([2, 6], [1, 2], "AB").startswith("You rank A (2) above B (6)")
    assert rating_hint([6, 2], [1, 2], "AB") == "Your ratings agree with this order."


def test_ratings_propose_an_order():
    assert ranks_from_ratings({1: 7, 2: 3, 3: 7}) == {1: 1, 2: 2, 3: 1}


def test_a_complete_submission_has_no_problems():
    assert submission_problems(complete(), LETTERS) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"verdicts": {10: Verdict(4)}}, "Answers B, C and D are not rated yet"),
        ({"ranks": {10: 1, 11: 1, 12: 2}}, "Answer D is not ranked yet"),
        ({"ranks": {**dict.fromkeys(LETTERS, 1), 99: 1}}, "does not belong to this task"),
        ({"ranks": dict.fromkeys(LETTERS, 0)}, "A rank is 1 (best)"),
        ({"verdicts": {c: Verdict(8) for c in LETTERS}}, "from 1 to 7, not 8"),
        ({"verdicts": {c: Verdict(4, {"hallucination": "yes"}) for c in LETTERS}}, "marked “closed domain”"),
        ({"verdicts": {c: Verdict(4, {"made_up": "yes"}) for c in LETTERS}}, "no flag “made_up”"),
        ({"verdicts": {c: Verdict(4, {"sexual_content": "na"}) for c in LETTERS}}, "takes yes, no, not “na”"),
    ],
)
def test_what_is_wrong_with_a_submission_is_said(changes, sentence):
    assert sentence in " ".join(submission_problems(complete(**changes), LETTERS))


def test_conditional_flags_are_asked_only_where_they_apply():
    assert "hallucination" not in labels.complete_flags({}, {})
    assert labels.complete_flags({}, {"closed_domain": "yes"})["hallucination"] == "no"
    assert labels.without_inapplicable({"hallucination": "yes", "sexual_content": "yes"}, {}) == {
        "sexual_content": "yes"
    }


def test_the_only_flag_where_yes_is_good_is_the_constraint():
    assert [label.name for label in labels.ANSWER_FLAGS if label.yes_is_good] == ["satisfies_constraint"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"overlap": 0}, "Between 1 and 20"),
        ({"overlap": 21}, "Between 1 and 20"),
        ({"lease_minutes": 481}, "1 to 480 minutes"),
        ({"answers_per_task": 3}, "4 to 9 answers"),
        ({"phase": "rehearsal"}, "The phase is"),
        ({"kind": "quiz"}, "A campaign is for"),
        ({"name": " "}, "Give the campaign a name"),
    ],
)
def test_a_campaign_out_of_bounds_is_refused_with_a_sentence(change, sentence):
    assert sentence in campaign_problem(**(GOOD | change))
    assert campaign_problem(**GOOD) is None


def test_an_empty_demonstration_is_none():
    assert "no text yet" in demonstration_problem(" \n")
