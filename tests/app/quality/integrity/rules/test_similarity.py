import itertools
import random

import pytest

from app.quality.integrity.rules.similarity import LEAST_SIMILARITY, jaccard, nearest_by_others, nearest_of, shingles

WORDS = ["red", "green", "blue"]


def test_shingles_are_three_words_without_case_and_punctuation():
    assert shingles("A red apple, a RED apple!") == {
        ("a", "red", "apple"),
        ("red", "apple", "a"),
        ("apple", "a", "red"),
    }
    assert shingles("Red apple") == {("red", "apple")}
    assert shingles("红苹果在这") == {("红", "苹", "果"), ("苹", "果", "在"), ("果", "在", "这")}
    assert shingles("…") == frozenset()


def test_jaccard_is_the_share_of_what_either_has():
    one, other = shingles("a b c d e"), shingles("b c d e f")
    assert jaccard(one, other) == 2 / 4
    assert jaccard(one, one) == 1
    assert jaccard(one, frozenset()) == jaccard(frozenset(), frozenset()) == 0


def test_the_nearest_of_a_few_is_found_and_none_where_nothing_is_shared():
    found = nearest_of(shingles("the red apple is here now"), {7: "a blue river", 8: "the red apple is there"})
    assert (found.key, found.similarity) == (8, 2 / 5)
    assert nearest_of(shingles("the red apple"), {7: "a blue river"}) is None


@pytest.mark.parametrize("seed", range(8))
def test_the_index_finds_what_comparing_all_pairs_finds(seed):
    draw = random.Random(seed)
    texts = {key: shingles(" ".join(draw.choices(WORDS, k=draw.randint(1, 12)))) for key in range(40)}
    authors = {key: draw.choice("abc") for key in texts}
    found = nearest_by_others(texts, authors)
    for key, own in texts.items():
        others = [jaccard(own, texts[other]) for other in texts if authors[other] != authors[key]]
        best = max(others, default=0)
        assert (found[key].similarity if key in found else 0) == (best if best >= LEAST_SIMILARITY else 0)
    assert len(found) > 5
    assert any(authors[one] == authors[two] for one, two in itertools.combinations(texts, 2))
