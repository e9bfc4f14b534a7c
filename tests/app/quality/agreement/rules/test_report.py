"""The report on rankings is its measures, put together."""

import numpy as np
import pytest

from app.quality.agreement.rules.report import Groups, RankingSlicing, Slicing, ranking_report
from tests.trainer.statistics.random_data import judgements_of
from trainer.statistics.estimates import Undefined
from trainer.statistics.ranking_agreement import HEADLINE, TAU_B

TABLES = [
    np.array([[1, 2, 3], [1, 2, 3], [3, 2, 1], [0, 0, 0]]),
    np.array([[1, 1, 2], [0, 0, 0], [1, 2, 3], [1, 2, 2]]),
    np.array([[1, 2, 0], [2, 1, 0], [0, 0, 0], [0, 0, 0]]),
]


def report(**options):
    people = np.array([0, 0, 1, 1, -1, -1, -1, -1, -1, -1])
    return ranking_report(
        judgements_of(TABLES),
        slicings={"language": Slicing(["English", "Chinese", "Basque"], np.array([0, 0, 1]))},
        groups={"population": Groups(["training", "held-out"], people)},
        seed=1,
        draws=50,
        **options,
    )


def test_every_figure_of_the_report_is_there_with_its_counts():
    found = report()
    # Task 0: 3, 0 and 0 of 3 pairs agreed on; task 1: 2 of 2, 1 of 1, 2 of 2 that neither of both tied; task 2: 0 of 1.
    overall = found.overall[HEADLINE]
    assert (overall.micro.value, overall.micro.counts.pairs) == (8 / 15, 15)
    assert overall.macro.value == pytest.approx((1 / 3 + 1 + 0) / 3)
    assert overall.micro.low <= 8 / 15 <= overall.micro.high
    english, chinese, basque = (one[HEADLINE].micro for one in found.slices["language"].values())
    assert chinese.value == 0
    assert basque.undefined == Undefined.NO_PAIRS
    assert english.counts.items == 2
    assert overall.micro.counts.pairs == english.counts.pairs + chinese.counts.pairs
    assert found.groups["population"]["training", "training"][HEADLINE].micro.value == 3 / 4
    assert set(found.labelers) == {(0, 1), (0, 2), (0, 3), (1, 2), (2, 3)}
    assert found.ties_of_labeler[0].value == 1 / 7
    assert found.themselves[TAU_B].macro.value is None
    assert found.themselves[HEADLINE].micro.undefined == Undefined.NOT_TWICE


def test_the_same_seed_gives_the_same_report():
    assert report() == report()


def test_an_empty_report_is_all_reasons():
    found = ranking_report(judgements_of([]))
    assert found.overall[HEADLINE].micro.undefined
    assert found.ties.undefined
    assert found.alpha_nominal.undefined
    assert found.beyond_chance.undefined
    assert found.labelers == {}


def test_a_comparison_counts_for_both_people():
    found = report()
    assert found.of_each[2].micro.counts.pairs == sum(
        one.micro.counts.pairs for people, one in found.labelers.items() if 2 in people
    )
    assert sum(one.micro.counts.pairs for one in found.of_each) == 2 * found.overall[HEADLINE].micro.counts.pairs


def test_rankings_of_different_campaigns_belong_to_neither_and_to_the_later_month():
    rankings = np.array([0, 0, 1, 1, -1, -1, -1, -1, -1, -1] * 3)
    found = ranking_report(
        judgements_of(TABLES),
        slicings={
            "campaign": RankingSlicing(["one", "two"], rankings),
            "month": RankingSlicing(["May", "June"], rankings, later=True),
        },
        draws=10,
    )
    pairs = {name: [one[HEADLINE].micro.counts.pairs for one in by.values()] for name, by in found.slices.items()}
    everything = found.overall[HEADLINE].micro.counts.pairs
    within = pairs["campaign"]
    assert within == [4, 2]
    assert pairs["month"] == [4, everything - 4]
