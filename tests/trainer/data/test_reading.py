"""Rankings as they are read: what is kept, in which place, and what is told of what is not as it should be."""

import math

import numpy as np
import pytest

from tests.trainer.data.conftest import LONGEST, ranking
from trainer.data import reading
from trainer.data.chat import encode_answer, encode_prompt


def content(kept):
    """Everything about rankings by name, with the tokens themselves for the places where they stand."""
    found = dict(vars(kept))
    tokens = found.pop("tokens")
    for name in ("prompt_spans", "answer_spans"):
        found[name] = [tokens[start:end].tolist() for start, end in found[name]]
    return found


@pytest.mark.parametrize(
    ("row", "sentences"),
    [
        (ranking(1), []),
        (ranking(1, ["red"], [1]), ["1 × a ranking is left out because a ranking needs at least two answers (r1)"]),
        (
            ranking(1, ranks=[1]),
            ["1 × a ranking is left out because each answer needs one rank (answers: 2, ranks: 1) (r1)"],
        ),
        (ranking(1, ranks=[2, 2]), ["1 × all answers of a ranking are tied (r1)"]),
        (ranking(1, ["red", "red"]), ["1 × a ranking holds answers with the same text (r1)"]),
        (ranking(1, ["red", " \n"]), ["1 × an answer is empty (p1-1)"]),
        (
            ranking(1, ["red", "blue " * 60]),
            ["1 × an answer is longer than max_tokens and loses its end (p1-1)"],
        ),
        (
            ranking(1, ["red", "blue " * 8], asked="red " * 14),
            ["1 × a prompt loses its oldest tokens beside an answer (p1)"],
        ),
        *(
            (
                ranking(1, strength=strength),
                ["1 × the strength of a ranking is no number from 0 and counts as unknown (r1)"],
            )
            for strength in (math.nan, math.inf, -1.0)
        ),
    ],
)
def test_what_is_not_as_it_should_be_is_named_and_nothing_else_is(read, row, sentences):
    _, told = read([ranking(0), row])
    assert told == sentences


def test_many_of_a_kind_are_counted_and_the_first_three_named(read):
    kept, told = read([ranking(number, ["red"], [1]) for number in range(5)])
    assert told == ["5 × a ranking is left out because a ranking needs at least two answers (r0, r1, r2, …)"]
    assert len(kept) == 0


def test_a_strength_that_is_no_number_from_zero_is_unknown(read):
    strengths = [None, 0.0, 2.5, math.nan, math.inf, -1.0]
    kept, _ = read([ranking(number, strength=strength) for number, strength in enumerate(strengths)])
    np.testing.assert_array_equal(
        kept.orders(kept.all_rankings).strength, [math.nan, 0, 2.5, math.nan, math.nan, math.nan]
    )


def test_everything_about_an_answer_stays_beside_it(read, toy):
    texts = ["red", "blue stone", "green"]
    fields = [
        {"likert": 5, "shown": 2, "source": "sft", "flags": ["hallucination"]},
        {"shown": 0, "source": "ppo"},
        {"likert": 7, "source": None, "flags": ["harmful_advice"]},
    ]
    known = {"labeler_group": "first", "use_case": "chat"}
    rows = [
        ranking(0, texts, [3, 1, 2], prompt="p", answers=fields, **known),
        # Another person is shown two of them the other way round.
        ranking(1, texts[:0:-1], [1, 1], prompt="p", ids=["p-2", "p-1"], annotator="bob"),
    ]
    kept, _ = read(rows, heads=["truthful", "harmless"])
    orders = kept.orders(kept.all_rankings)
    nan = math.nan
    assert orders.answers.tolist() == [[0, 1, 2], [2, 1, 0]]
    assert orders.present.tolist() == [[True] * 3, [True, True, False]]
    assert orders.ranks.tolist() == [[3, 1, 2], [1, 1, 0]]
    np.testing.assert_array_equal(orders.likert, [[5, nan, 7], [nan, nan, nan]])
    np.testing.assert_array_equal(orders.shown, [[2, 0, nan], [nan, nan, nan]])
    assert orders.head_ranks.tolist() == [[[2, 1, 1], [1, 1, 0]], [[1, 1, 2], [1, 1, 0]]]
    assert kept.answer_sources == ["sft", "ppo", None]
    assert kept.answer_lengths.tolist() == [3, 10, 5]
    assert (kept.labelers, kept.groups, kept.use_cases) == (["ann", "bob"], ["first", None], ["chat", None])
    assert content(kept)["answer_spans"] == [encode_answer(toy, text) for text in texts]
    assert content(kept)["prompt_spans"] == [encode_prompt(toy, rows[0].messages, LONGEST)]


def test_an_answer_is_one_if_prompt_and_id_and_text_are_the_same(read):
    rows = [
        ranking(0, ["red", "red"], prompt="p", ids=["a", "b"]),  # equal texts stay two answers
        ranking(1, ["red", "blue"], prompt="p", ids=["a", "b"]),  # "b" has another text here
        ranking(2, ["red", "blue"], prompt="q", ids=["a", "b"]),  # another prompt
    ]
    kept, _ = read(rows)
    assert kept.orders(kept.all_rankings).answers.tolist() == [[0, 1], [0, 2], [3, 4]]
    assert [numbers.tolist() for numbers in kept.answers_of] == [[0, 1, 2], [3, 4]]


def test_how_many_rows_are_read_together_changes_nothing(read, monkeypatch):
    rows = [ranking(number, prompt=f"p{number % 3}", annotator=f"labeler-{number}") for number in range(8)]
    whole, _ = read(rows)
    for chunk in (1, 3):
        monkeypatch.setattr(reading, "CHUNK", chunk)
        parts, _ = read(rows)
        np.testing.assert_equal(content(parts), content(whole))


def test_pairs_that_differ_only_after_the_cut_are_counted_and_not_told_apart(read):
    """Of four answers two have one beginning that fills the model, and two have one text under two names."""
    long = "red " * LONGEST
    rows = [
        ranking(1, (long + "apple", long + "stone", "blue", "grey"), (1, 2, 3, 4)),
        ranking(2, ("red", "red"), (1, 2)),
        ranking(3, (long + "river", "blue"), (1, 2), prompt="p1"),
    ]
    kept, told = read(rows)
    assert "1 pair is the same after the cut and teaches nothing (r1)" in told
    first, second, third = kept.orders(np.arange(3)).seen
    assert first[0] == first[1] == third[0]
    assert second[0] == second[1] != first[0]
    assert len(set(first)) == 3
