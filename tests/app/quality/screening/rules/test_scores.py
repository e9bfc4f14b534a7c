"""The scores of a screening: by hand, and against independent packages."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from app.quality.screening.rules.scores import (
    FlaggedText,
    RankedItem,
    mean_rating,
    screening_scores,
    share,
)
from trainer.statistics.estimates import Undefined
from trainer.statistics.interval import wilson
from trainer.statistics.ranking_agreement import CONVENTIONS, NON_TIE, TIE_CLASS


def scores(flagged=(), ranked=(), rated=(), **more):
    return screening_scores(flagged, ranked, rated, draws=200, **more)


def random_texts(seed, items=12, texts=4):
    draw = np.random.default_rng(seed)
    gold = draw.random((items, texts)) < 0.3
    said = np.where(draw.random((items, texts)) < 0.2, ~gold, gold)
    return [
        FlaggedText(item, f"topic {item % 3}", bool(said[item, text]), bool(gold[item, text]))
        for item in range(items)
        for text in range(texts)
    ]


def test_flags_are_counted_over_texts_and_corrected_for_chance():
    texts = random_texts(1)
    found = scores(texts).flags
    said, gold = [t.said for t in texts], [t.gold for t in texts]
    assert found.raw.value == pytest.approx(np.mean(np.equal(said, gold)))
    assert found.kappa.value == pytest.approx(cohen_kappa_score(said, gold))
    both = np.mean(said + gold)
    chance = 2 * both * (1 - both)
    assert found.ac1.value == pytest.approx((found.raw.value - chance) / (1 - chance))
    assert found.positive.value == pytest.approx(2 * np.sum(np.logical_and(said, gold)) / np.sum(said + gold))
    assert (found.raw.counts.items, found.raw.counts.prompts) == (48, 12)
    assert found.raw.low < found.raw.value < found.raw.high
    assert found.kappa.low < found.kappa.value < found.kappa.high


def test_rankings_are_compared_by_the_pairs_that_both_put_in_an_order():
    found = scores(
        ranked=[
            RankedItem(1, {1: 1, 2: 2, 3: 2}, {1: 1, 2: 3, 3: 2}),  # 12 and 13 alike, 23 tied by one
            RankedItem(2, {4: 1, 5: 2, 6: 3}, {4: 2, 5: 1, 6: 3}),  # 45 reversed, 46 and 56 alike
            RankedItem(3, {7: 1, 8: 1}, {7: 1, 8: 1}),  # a tie for both
        ]
    )
    assert found.ranking.value == pytest.approx(4 / 5)
    assert found.by_convention[NON_TIE] == found.ranking
    assert found.by_convention[TIE_CLASS].value == pytest.approx(5 / 7)
    assert set(found.by_convention) == set(CONVENTIONS)
    assert found.ranking.counts.prompts == 2


def test_a_share_without_clusters_has_the_interval_of_wilson():
    hits = np.array([1.0] * 17 + [0.0] * 8)
    found = share(np.arange(25), hits, np.ones(25), "none")
    n = min(25, 25 * 24 / 25)  # m / (m - 1) of the variance
    assert (found.low, found.high) == pytest.approx(wilson(17 / 25, n))


def test_trials_that_hang_together_count_as_fewer():
    """Four texts of an item that are always right or wrong together are worth no more than the item."""
    items = np.repeat(np.arange(10), 4)
    together = np.repeat([1.0] * 7 + [0.0] * 3, 4)
    apart = np.tile([1.0] * 7 + [0.0] * 3, 4)
    clustered, scattered = (share(items, hits, np.ones(40), "none") for hits in (together, apart))
    assert clustered.value == scattered.value
    assert clustered.high - clustered.low > 1.4 * (scattered.high - scattered.low)
    assert (clustered.low, clustered.high) == pytest.approx(wilson(0.7, 9))


def test_a_perfect_score_is_not_certain():
    found = share(np.repeat(np.arange(10), 4), np.ones(40), np.ones(40), "none")
    assert (found.value, found.high) == (1, pytest.approx(1))
    assert found.low == pytest.approx(wilson(1, 10)[0])
    assert found.low < 0.75


def test_every_text_counts_once_in_the_mean_of_ratings():
    rated = [[6, 6, 6], [4], [], [7, 5]]
    found = mean_rating(rated)
    means = [6, 4, 6]
    assert found.value == pytest.approx(np.mean(means))
    low, high = stats.t.interval(0.95, 2, np.mean(means), stats.sem(means))
    assert found.low == pytest.approx(low, abs=1e-9)
    assert found.high == pytest.approx(min(7, high), abs=1e-9)
    assert (found.counts.items, found.counts.raters, found.counts.pairs) == (3, 3, 6)


@pytest.mark.parametrize("count", [2, 31, 32, 40])
def test_the_interval_of_a_mean_is_students(count):
    means = np.random.default_rng(count).uniform(3, 5, count)
    found = mean_rating([[mean] for mean in means])
    low, high = stats.t.interval(0.95, count - 1, np.mean(means), stats.sem(means))
    assert (found.low, found.high) == pytest.approx((max(1, low), min(7, high)), abs=1e-9)


def test_topics_say_what_was_claimed_and_what_was_tested():
    texts = [FlaggedText(1, "religion", True, True), FlaggedText(2, "religion", True, False)]
    found = scores([*texts, FlaggedText(3, "war", False, False)], topics=["politics", "religion"], claimed=["politics"])
    assert [(t.topic, t.claimed, t.agreement.value, t.tested) for t in found.topics] == [
        ("politics", True, None, False),
        ("religion", False, 0.5, True),
        ("war", False, 1.0, True),
    ]
    assert (found.claimed, found.tested) == (1, 2)
    assert found.topics[2].agreement.no_interval == Undefined.ONE_CLUSTER


def test_what_nobody_did_is_undefined_for_a_reason():
    found = scores(rated=[[]])
    for estimate in (found.flags.raw, found.flags.kappa, found.ranking, found.by_convention[TIE_CLASS]):
        assert estimate.undefined == Undefined.NO_JUDGEMENTS
    assert found.demonstrations.undefined == Undefined.NOT_RATED
    tied = scores(ranked=[RankedItem(1, {1: 1, 2: 1}, {1: 1, 2: 2})])
    assert tied.ranking.undefined == Undefined.NO_STRICT_PAIR
    one = scores(rated=[[5, 6]]).demonstrations
    assert (one.value, one.low, one.why) == (5.5, None, Undefined.ONE_VALUE)
