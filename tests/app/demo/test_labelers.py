import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.demo.labelers import SimulatedLabeler, utility

ANSWERS = ["Return the name of the file as a string.", "It is.", "", "Name name name name name", "Return it"]


def labeler(noise=0.0, tie_threshold=0.0, name="ana"):
    return SimulatedLabeler(name, noise, tie_threshold, seed=1)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("Return the name of the file as a string.", "Return the name of the file"),
        ("Return the name of the open file.", "Give the name of the open file."),
        ("The parser reads every line twice.", "The parser parser parser parser parser."),
        ("It is a tree.", ""),
    ],
)
def test_the_taste_likes_whole_fresh_telling_sentences(better, worse):
    assert utility(better) > utility(worse)


def test_the_length_that_counts_ends_at_fourteen_words():
    fourteen = " ".join(["of"] * 14)
    assert utility(fourteen) == utility(fourteen + " of of of")


def test_without_noise_the_ranking_is_the_order_of_utility():
    ranks = labeler().rank(ANSWERS)
    order = sorted(range(len(ANSWERS)), key=lambda i: -utility(ANSWERS[i]))
    assert [ranks[i] for i in order] == sorted(ranks)
    assert ranks[order[0]] == 1


@given(st.lists(st.text(max_size=60), min_size=1, max_size=9), st.floats(0, 1), st.floats(0, 2))
def test_ranks_are_dense_from_one_and_equal_answers_tie(answers, noise, threshold):
    ranks = labeler(noise, threshold).rank(answers)
    assert set(ranks) == set(range(1, max(ranks) + 1))
    assert all(
        a != b or x == y for a, x in zip(answers, ranks, strict=True) for b, y in zip(answers, ranks, strict=True)
    )


def test_a_wide_threshold_ties_everything_and_noise_changes_orders():
    assert set(labeler(tie_threshold=100.0).rank(ANSWERS)) == {1}
    texts = [f"Return the {i} of it." for i in range(9)]
    assert labeler(noise=1.0, name="ana").rank(texts) != labeler(noise=1.0, name="bob").rank(texts)
    assert labeler(noise=1.0).rank(texts) == labeler(noise=1.0).rank(texts)


@given(st.text(max_size=200))
def test_a_rating_is_one_to_seven(text):
    assert 1 <= labeler(noise=2.0).rate(text) <= 7
