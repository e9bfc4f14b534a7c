from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.labeling.annotations.rules import labels, submission
from app.labeling.annotations.rules.ranking import hint
from app.labeling.annotations.rules.submission import Submission, Verdict
from app.labeling.instruments.toxicity.rules import (
    PLAUSIBLE_FROM,
    Scores,
    gap_between,
    proposed_ranks,
    schema_problem,
    scores_of,
    signed,
)
from app.material.schemas.rules import Field, Option, Schema
from trainer.statistics.weak_orders import weak_order

HOW_TOXIC = (Option("0", "not at all"), Option("2", "clearly"))
INPUT = Field("input_toxicity", "Input", "", "main", "scale", HOW_TOXIC, required=True)
ANSWER = (
    Field("toxicity", "Toxic", "", "harmless", "scale", HOW_TOXIC, required=True),
    Field(
        "relative_toxicity", "More", "", "harmless", "scale", (Option("-1", "less"), Option("1", "more")), required=True
    ),
    Field("continuity", "Goes on", "", "helpful", "scale", (Option("1", "no"), Option("7", "yes")), required=True),
)
SCHEMA = Schema((INPUT,), ANSWER)

all_scores = st.builds(Scores, st.integers(0, 2), st.integers(-1, 1), st.integers(1, 7))
plausible_scores = st.builds(Scores, st.integers(0, 2), st.integers(-1, 1), st.integers(PLAUSIBLE_FROM, 7))


def order(*scores):
    letters = "ABCDEFGHI"[: len(scores)]
    ranks = proposed_ranks(dict(zip(letters, (Scores(*each) for each in scores), strict=True)))
    return weak_order({letter: ranks[letter] for letter in letters})


# The proposal ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([(0, 0, 5), (1, 0, 7)], "A > B"),  # a slightly more plausible but slightly more toxic output ranks lower
        ([(1, 0, 7), (1, 0, 5)], "A > B"),  # continuity decides between the equally toxic
        ([(1, 0, 5), (1, -1, 4)], "B > A"),  # of one absolute score, the less toxic against the input
        ([(0, 0, 3), (2, 1, 4)], "B > A"),  # what does not go on from the input is no answer to the task
        ([(0, 0, 3), (2, 1, 3), (2, 0, 1)], "A > C > B"),
        ([(0, 0, 7), (2, 0, 7), (0, 0, 7)], "A = C > B"),
    ],
)
def test_the_less_toxic_goes_first_where_all_are_plausible_and_the_implausible_go_below(scores, expected):
    assert order(*scores) == expected


def test_the_bound_of_plausibility_is_the_step_that_the_protocol_calls_somewhat_plausible():
    assert [Scores(0, 0, step).plausible for step in range(1, 8)] == [False] * 3 + [True] * 4


@given(st.lists(all_scores, min_size=1, max_size=9))
def test_a_proposal_is_a_weak_order_without_gaps_in_which_equal_scores_tie(scores):
    ranks = proposed_ranks(dict(enumerate(scores)))
    assert sorted(set(ranks.values())) == list(range(1, len(set(ranks.values())) + 1))
    for i, j in product(range(len(scores)), repeat=2):
        assert (ranks[i] == ranks[j]) == (scores[i] == scores[j])


@given(st.lists(plausible_scores, min_size=2, max_size=9))
def test_among_plausible_answers_none_is_below_a_more_toxic_one(scores):
    ranks = proposed_ranks(dict(enumerate(scores)))
    for i, j in product(range(len(scores)), repeat=2):
        if scores[i].toxicity < scores[j].toxicity:
            assert ranks[i] < ranks[j]


@given(st.lists(all_scores, min_size=2, max_size=9))
def test_no_implausible_answer_is_above_or_tied_with_a_plausible_one(scores):
    ranks = proposed_ranks(dict(enumerate(scores)))
    for i, j in product(range(len(scores)), repeat=2):
        if scores[i].plausible and not scores[j].plausible:
            assert ranks[i] < ranks[j]


def test_scores_are_read_from_the_labels_once_all_of_them_are_given():
    flags = {"toxicity": "1", "relative_toxicity": "-1", "continuity": "6", "tone": "yes"}
    assert scores_of(flags) == Scores(1, -1, 6)
    assert scores_of(flags).words == "toxicity 1, relative −1, continuity 6"
    assert scores_of({name: value for name, value in flags.items() if name != "continuity"}) is None
    assert [signed(step) for step in (-1, 0, 1)] == ["−1", "0", "+1"]


def test_an_order_against_the_scores_is_pointed_out_and_ties_are_not():
    words = ["toxicity 0", "toxicity 2", "toxicity 0"]
    assert hint([-1, -2, -1], words, [1, 2, 3], "ABC", by_scores=True) == (
        "You rank B (toxicity 2) above C (toxicity 0), your scores propose the opposite. "
        "Both may be meant; look once more."
    )
    assert hint([-1, -2, -1], words, [1, 2, 2], "ABC", by_scores=True) == "Your scores agree with this order."


# What is asked -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        (Schema((), ANSWER), "input_toxicity"),
        (Schema((INPUT,), ANSWER[1:]), "toxicity"),
        (Schema((INPUT,), (Field("toxicity", "Toxic", "", "harmless", required=True), *ANSWER[1:])), "toxicity"),
        (
            Schema((INPUT,), (*ANSWER[:2], Field("continuity", "x", "", "helpful", "scale", HOW_TOXIC, required=True))),
            "continuity",
        ),
        (
            Schema((INPUT,), (*ANSWER[:2], Field("continuity", "x", "", "helpful", "scale", ANSWER[2].options))),
            "continuity",
        ),
    ],
)
def test_a_schema_without_the_four_scales_or_with_continuity_from_0_to_2_fits_no_toxicity_campaign(schema, name):
    assert f"“{name}”" in schema_problem(schema)


def test_a_schema_may_ask_for_more_than_the_scales():
    assert schema_problem(SCHEMA) is None
    assert schema_problem(Schema(SCHEMA.prompt, (*ANSWER, Field("tone", "Tone", "", "helpful")))) is None


@pytest.mark.parametrize("value", ["3", "-1", "1.5", "+1", "01", "yes", ""])
def test_a_value_off_the_scale_is_none(value):
    assert "“Toxic” is a whole number from 0 to 2" in labels.answer_flag_problem(SCHEMA, "toxicity", value)


def test_scores_are_asked_instead_of_ratings_and_nothing_else_is_taken():
    letters = {7: "A", 8: "B"}
    given = Submission({7: Verdict(flags={"toxicity": "0"})}, {}, {"input_toxicity": "2"})
    assert submission.missing_before_ranking(given, letters, SCHEMA, rated=False) == [
        "Answer B is not scored yet. Score every answer first.",
        "Answer A: “More” and “Goes on” is not answered yet.",
    ]
    whole = {"toxicity": "0", "relative_toxicity": "0", "continuity": "7"}
    done = Submission({c: Verdict(flags=whole) for c in letters}, {7: 1, 8: 1}, {"input_toxicity": "2"})
    assert submission.submission_problems(done, letters, SCHEMA, rated=False) == []
    for verdict in (Verdict(likert=5, flags=whole), Verdict(note="hm", flags=whole)):
        assert "asks for scores alone" in submission.verdict_problem(verdict, SCHEMA, rated=False)


# One running text --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "continuation", "gap"),
    [
        ("I think they", "park here.", " "),
        ("I think they ", "park here.", ""),
        ("I think they", " park here.", ""),
        ("I think they\n\n", "Park here.", ""),
        ("I think so", ", too.", ""),
        ("He didn", "’t park here.", ""),
        ("He said (", "quietly) so.", ""),
        ("我觉得他们", "停在这里。", ""),
        ("", "Whatever.", ""),
        ("Whatever", "", ""),
    ],
)
def test_input_and_answer_are_joined_by_a_space_where_one_is_missing(start, continuation, gap):
    assert gap_between(start, continuation) == gap
