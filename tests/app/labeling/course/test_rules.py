import pytest

from app.labeling.course import rules
from app.labeling.course.rules import Turned, outcome, turned

STEPS = [
    (1, "page", {"title": "Welcome", "text": "…"}),
    (2, "question", {"right": 0}),
    (3, "question", {"right": 2}),
    (4, "practice", {}),
]


@pytest.mark.parametrize(
    ("choices", "share", "right", "passed"),
    [((0, 2), 0.8, 2, True), ((0, 1), 0.8, 1, False), ((0, 1), 0.5, 1, True), ((1, 1), 0.0, 0, True)],
)
def test_a_course_is_passed_with_the_asked_share_of_its_questions(choices, share, right, passed):
    answers = {"1": {"read": True}, "2": {"choice": choices[0]}, "3": {"choice": choices[1]}, "4": {"ranks": {}}}
    found = outcome(STEPS, answers, share)
    assert (found.right, found.asked, found.passed, found.score) == (right, 2, passed, right / 2)


def test_a_course_without_questions_has_no_score_and_is_passed():
    assert outcome(STEPS[:1], {"1": {"read": True}}, 0.8).score is None
    assert outcome(STEPS[:1], {"1": {"read": True}}, 0.8).passed


def test_a_share_is_not_missed_by_rounding():
    steps = [(i, "question", {"right": 0}) for i in range(10)]
    answers = {str(i): {"choice": 0 if i < 7 else 1} for i in range(10)}
    assert outcome(steps, answers, 0.7).passed


def test_pairs_in_another_order_than_gold_are_told_in_golds_order():
    gold = {10: 1, 11: 2, 12: 2}
    assert turned({10: 2, 11: 4, 12: 4}, gold) == []
    assert turned({10: 1, 11: 1, 12: 2}, gold) == [Turned(10, 11, False), Turned(11, 12, True)]
    assert turned({10: 3, 11: 2, 12: 2}, gold) == [Turned(10, 11, False), Turned(10, 12, False)]


@pytest.mark.parametrize(
    ("options", "right", "field"),
    [
        (["one"], 0, "options"),
        (["one", "one"], 0, "options"),
        (["one", "two"], None, "options"),
        (["one", "two"], 2, "options"),
        (["one", "x" * 500], 0, "options"),
        ([str(i) for i in range(7)], 0, "options"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(options, right, field):
    assert list(rules.question_problems("Which?", options, right, "Because.")) == [field]
    assert list(rules.question_problems("", ["a", "b"], 1, "")) == ["text", "why"]
    assert rules.question_problems("Which?", ["a", "b"], 1, "Because.") == {}
