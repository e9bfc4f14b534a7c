import pytest

from app.labeling.annotations.rules import labels
from app.labeling.annotations.rules.ranking import contradictions, ranks_from_ratings, rating_hint
from app.labeling.annotations.rules.submission import (
    Submission,
    Verdict,
    missing_before_ranking,
    outdated,
    submission_problems,
)
from app.material.schemas.rules import Field, Option, Schema

LETTERS = {10: "A", 11: "B", 12: "C", 13: "D"}
SCHEMA = Schema(
    prompt=(
        Field(
            "use_case",
            "Use case",
            "",
            "main",
            "choice",
            (Option("chat", "Chat"), Option("other", "Other")),
            required=True,
        ),
        Field("closed_domain", "Closed domain", "", "main", required=True),
        Field("asks_advice", "Asks for advice", "", "more"),
    ),
    answer=(
        Field("unfit", "Unfit", "", "helpful", "yes_no_na"),
        Field("hallucination", "Hallucination", "", "truthful", needs="closed_domain", required=True),
        Field("violence", "Violence", "", "harmless"),
    ),
)
LABELLED = {"use_case": "chat", "closed_domain": "no"}
CLOSED = LABELLED | {"closed_domain": "yes"}


def complete(**changes):
    rated = {c: Verdict(4) for c in LETTERS}
    return Submission(**{"verdicts": rated, "ranks": dict.fromkeys(LETTERS, 1), "prompt_labels": LABELLED} | changes)


def everywhere(**flags):
    return {"verdicts": {c: Verdict(4, flags) for c in LETTERS}}


def test_a_tie_contradicts_nothing_and_a_reversal_is_named():
    assert contradictions([5, 2, 2], [1, 1, 2]) == []
    assert contradictions([2, 6], [1, 2]) == [(0, 1)]
    assert rating_hint([2, 6], [1, 2], "AB").startswith("You rank A (2) above B (6)")
    assert rating_hint([6, 2], [1, 2], "AB") == "Your ratings agree with this order."


def test_ratings_propose_an_order():
    assert ranks_from_ratings({1: 7, 2: 3, 3: 7}) == {1: 1, 2: 2, 3: 1}


def test_a_complete_submission_has_no_problems():
    assert submission_problems(complete(), LETTERS, SCHEMA) == []
    assert submission_problems(complete(prompt_labels=CLOSED, **everywhere(hallucination="no")), LETTERS, SCHEMA) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"verdicts": {10: Verdict(4)}}, "Answers B, C and D are not rated yet"),
        ({"ranks": {10: 1, 11: 1, 12: 2}}, "Answer D is not ranked yet"),
        ({"ranks": {**dict.fromkeys(LETTERS, 1), 99: 1}}, "does not belong to this task"),
        ({"ranks": dict.fromkeys(LETTERS, 0)}, "A rank is 1 (best) to 4"),
        ({"ranks": dict.fromkeys(LETTERS, 5)}, "A rank is 1 (best) to 4"),
        ({"verdicts": {c: Verdict(8) for c in LETTERS}}, "from 1 to 7, not 8"),
        (everywhere(hallucination="yes"), "Answer B: “Hallucination” is answered, which is asked only if"),
        (everywhere(hallucination="no"), "marked “Closed domain”"),
        ({"prompt_labels": CLOSED}, "Answer C: “Hallucination” is not answered yet"),
        (everywhere(made_up="yes"), "no flag “made_up”"),
        (everywhere(violence="na"), "takes yes or no, not “na”"),
        ({"prompt_labels": {"use_case": "chat"}}, "The prompt is not labelled yet: answer “Closed domain” first"),
        ({"prompt_labels": {}}, "answer “Use case” and “Closed domain” first"),
        ({"prompt_labels": LABELLED | {"use_case": "poetry"}}, "“Use case” takes chat or other, not “poetry”"),
        ({"prompt_labels": LABELLED | {"made_up": "yes"}}, "The prompt: There is no flag “made_up”"),
    ],
)
def test_what_is_wrong_with_a_submission_is_said(changes, sentence):
    assert sentence in " ".join(submission_problems(complete(**changes), LETTERS, SCHEMA))


def test_the_ranking_waits_for_the_prompts_labels_and_every_rating_and_for_nothing_else():
    assert missing_before_ranking(complete(ranks={}), LETTERS, SCHEMA) == []
    missing = missing_before_ranking(Submission({10: Verdict(4)}, {}), LETTERS, SCHEMA)
    assert [sentence.split(".")[0] for sentence in missing] == [
        "The prompt is not labelled yet: answer “Use case” and “Closed domain” first",
        "Answers B, C and D are not rated yet",
    ]


def test_silence_means_no_where_a_question_is_asked_and_optional():
    assert labels.complete_flags(SCHEMA, {}, LABELLED) == {"unfit": "no", "violence": "no"}
    given = {"hallucination": "yes", "violence": "yes", "unfit": "na"}
    assert labels.complete_flags(SCHEMA, given, CLOSED) == given
    assert labels.complete_flags(SCHEMA, given, LABELLED) == {"violence": "yes", "unfit": "na"}
    assert labels.complete_prompt_labels(SCHEMA, LABELLED) == LABELLED | {"asks_advice": "no"}
    assert labels.complete_prompt_labels(SCHEMA, {"closed_domain": "yes"}) == {
        "closed_domain": "yes",
        "asks_advice": "no",
    }


def test_what_another_version_asked_is_kept_where_this_one_asks_it_too():
    given = {"violence": "yes", "unfit": "maybe", "gone": "yes"}
    assert labels.fitting(SCHEMA, "answer", given) == {"violence": "yes"}
    assert labels.without_inapplicable(SCHEMA, {"hallucination": "yes", "violence": "yes"}, {}) == {"violence": "yes"}


def test_parts_labelled_under_another_version_are_named():
    submission = complete(versions={None: 1, 10: 2, 11: 1})
    assert outdated(submission, 2) == [None, 11]
    assert outdated(submission, 1) == [10]
    assert outdated(complete(), 1) == []
