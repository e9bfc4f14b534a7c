import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.judging.builds import scored
from trainer.contract.judging import Ceiling
from trainer.judging.ceiling import accuracy_bound, ceiling
from trainer.judging.intervals import Resamples


def found(rankings):
    return ceiling(rankings, Resamples(rankings.cluster_count, 0))


def test_two_people_by_hand():
    # Ann: a > b = c > d. Bob sees the answers in another order and without d: c > a > b.
    rankings = scored(
        [[0.0] * 4, [0.0] * 3],
        [[1, 2, 2, 3], [1, 2, 3]],
        answers=[[0, 1, 2, 3], [2, 0, 1]],
        labelers=["ann", "bob"],
        prompts=[7, 7],
    )
    # a–b: agree. a–c: disagree. b–c: tied for Ann. Pairs with d: Bob has not seen it.
    ceiling_of_two = found(rankings)
    assert (ceiling_of_two.agreement.value, ceiling_of_two.agreement.n) == (0.5, 2)
    assert ceiling_of_two.accuracy == 0.5


@pytest.mark.parametrize("people", [["a", "b", "c"], [None, None, "c"]])
def test_three_people_make_three_twos_also_where_some_are_not_named(people):
    rankings = scored([[0.0] * 2] * 3, [[1, 2], [1, 2], [2, 1]], answers=[[0, 1]] * 3, labelers=people, prompts=[0] * 3)
    assert (found(rankings).agreement.value, found(rankings).agreement.n) == (1 / 3, 3)


def test_nobody_is_compared_with_themself():
    twice = scored([[0.0] * 2] * 2, [[1, 2], [2, 1]], answers=[[0, 1]] * 2, labelers=["a", "a"], prompts=[0] * 2)
    assert found(twice) == Ceiling()


def test_people_who_ranked_different_answers_say_nothing_about_each_other():
    assert found(scored([[0.0] * 2] * 2, [[1, 2]] * 2, labelers=["a", "b"], prompts=[0, 0])) == Ceiling()


@st.composite
def overlapping(draw):
    """Up to six rankings by three people of up to four answers of each of two prompts, in any order."""
    count = draw(st.integers(1, 6))
    prompts = [draw(st.integers(0, 1)) for _ in range(count)]
    answers = [
        draw(st.lists(st.integers(4 * prompt, 4 * prompt + 3), min_size=2, max_size=4, unique=True))
        for prompt in prompts
    ]
    return {
        "prompts": prompts,
        "answers": answers,
        "ranks": [[draw(st.integers(1, 3)) for _ in row] for row in answers],
        "rewards": [[0.0] * len(row) for row in answers],
        "labelers": [draw(st.sampled_from("abc")) for _ in range(count)],
    }


@settings(deadline=None, max_examples=150)
@given(drawn=overlapping())
def test_agreement_equals_that_of_every_two_rankings(drawn):
    agreed = []
    rows = list(zip(drawn["labelers"], drawn["answers"], drawn["ranks"], strict=True))
    for (one, first, ranks), (two, second, places) in combinations(rows, 2):
        mine, theirs = dict(zip(first, ranks, strict=True)), dict(zip(second, places, strict=True))
        for a, b in combinations(sorted(mine.keys() & theirs.keys()), 2):
            product = (mine[a] - mine[b]) * (theirs[a] - theirs[b])
            if one != two and product:
                agreed.append(product > 0)
    measured = found(scored(**drawn, sources=[None] * 8)).agreement
    assert measured.n == len(agreed)
    assert measured.value == (pytest.approx(np.mean(agreed)) if agreed else None)


def test_the_bound_undoes_the_agreement_of_a_majority():
    for majority in (0.5, 0.6, 0.75, 0.9, 1.0):
        assert accuracy_bound(majority**2 + (1 - majority) ** 2) == pytest.approx(majority, abs=1e-7)
    assert accuracy_bound(0.3) == 0.5
    # InstructGPT's 72.6 % allow 83.6 %.
    assert accuracy_bound(0.726) == pytest.approx(0.836, abs=5e-4)


@pytest.mark.parametrize(("chances", "reached"), [([0.8], True), ([0.55, 0.98], False)])
def test_who_knows_the_majority_reaches_the_bound_only_if_all_pairs_are_equally_hard(chances, reached):
    random = np.random.default_rng(0)
    wins = random.random((4000, 2)) < random.choice(chances, size=(4000, 1))
    rankings = scored(
        [[1.0, 0.0]] * 8000,
        [[1, 2] if won else [2, 1] for won in wins.ravel()],
        answers=[[2 * (r // 2), 2 * (r // 2) + 1] for r in range(8000)],
        prompts=[r // 2 for r in range(8000)],
        labelers=["a", "b"] * 4000,
    )
    bound, best = found(rankings).accuracy, wins.mean()
    assert bound == pytest.approx(best, abs=0.02) if reached else bound > best + 0.02


def test_prompts_are_drawn_whole():
    # Ten prompts with one hundred pairs each: all agreed, or none.
    ranks = [list(range(1, 16))] * 20
    for prompt in range(5):
        ranks[2 * prompt + 1] = list(range(15, 0, -1))
    rankings = scored(
        [[0.0] * 15] * 20,
        ranks,
        answers=[list(range(15 * (r // 2), 15 * (r // 2) + 15)) for r in range(20)],
        prompts=[r // 2 for r in range(20)],
        labelers=["a", "b"] * 10,
    )
    agreement = found(rankings).agreement
    assert (agreement.value, agreement.n, agreement.prompts) == (0.5, 10 * math.comb(15, 2), 10)
    # Binomial of ten: 0.5 ± 0.3; of a thousand pairs it would be ± 0.03.
    assert agreement.low == pytest.approx(0.2, abs=0.1)
    assert agreement.high == pytest.approx(0.8, abs=0.1)
