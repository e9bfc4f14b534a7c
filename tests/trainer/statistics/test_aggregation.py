"""One order of each task, one answer to each flag, and how far each labeler counts."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from tests.trainer.statistics.random_data import judgements_of
from tests.trainer.statistics.simulated import flagged, ranked
from trainer.statistics.aggregation import FlagVotes, fit, flags, orders
from trainer.statistics.consensus import majority, plurality
from trainer.statistics.crowd import dawid_skene
from trainer.statistics.estimates import Undefined
from trainer.statistics.rankings import Judgements
from trainer.statistics.reliability import reliabilities


def rankings(rows):
    """Judgements of (task, labeler, {answer: rank})."""
    ranking = np.repeat(np.arange(len(rows)), [len(ranks) for _, _, ranks in rows])
    item, rank = (np.array([one[column] for row in rows for one in row[2].items()]) for column in (0, 1))
    return Judgements.of_rankings(
        ranking, item, rank, task=np.array([row[0] for row in rows]), labeler=np.array([row[1] for row in rows])
    )


def right(signs, judgements, worth):
    """The share of pairs that signs have in the hidden order; a tie counts half."""
    one, other = judgements.answers.T
    truth = np.sign(worth.ravel()[one] - worth.ravel()[other])
    return ((signs == truth) + (signs == 0) / 2).mean()


def signs_of(figures, judgements):
    rank = {}
    for task in figures:
        rank.update(zip(task.consensus.answers, task.consensus.ranks, strict=True))
    return np.array([np.sign(rank[other] - rank[one]) for one, other in judgements.answers.tolist()])


@pytest.mark.parametrize("seed", range(10))
def test_consensus_beats_majority_and_plurality_on_hidden_truth(seed):
    _, worth, judgements = ranked(100 + seed)
    by_consensus = right(signs_of(orders(fit(judgements), tie_below=0.5), judgements), judgements, worth)
    assert by_consensus >= right(majority(judgements)[0], judgements, worth) + 0.02
    assert by_consensus >= right(plurality(judgements), judgements, worth) + 0.08


def test_the_plurality_is_the_order_that_most_gave_and_the_earliest_among_equals():
    said = [{1: 1, 2: 2, 3: 3}, {1: 3, 2: 2, 3: 1}, {1: 3, 2: 2, 3: 1}]
    judgements = rankings(
        [(0, who, ranks) for who, ranks in enumerate(said)] + [(1, 0, {7: 1, 8: 1}), (1, 1, {7: 2, 8: 1})]
    )
    of_pair = dict(zip(map(tuple, judgements.answers.tolist()), plurality(judgements).tolist(), strict=True))
    assert of_pair == {(1, 2): -1, (1, 3): -1, (2, 3): -1, (7, 8): 0}


def test_misorder_is_the_mean_chance_that_a_pair_stands_the_wrong_way_round():
    _, _, judgements = ranked(3, tasks=30, answers=4)
    found = fit(judgements)
    task = orders(found)[7].consensus
    where = np.flatnonzero(found.worths.task == 7)
    worth, covariance = found.worths.worth[where], found.worths.covariance[7]
    wrong = []
    for i, j in combinations(range(4), 2):
        spread = np.sqrt(covariance[i, i] + covariance[j, j] - 2 * covariance[i, j])
        wrong.append(norm.cdf(-abs(worth[i] - worth[j]) / spread))
    assert task.misorder == pytest.approx(np.mean(wrong))
    assert task.worths == sorted(task.worths, reverse=True)


def test_what_one_person_alone_ranked_changes_nobodys_reliability():
    _, _, judgements = ranked(5, tasks=60, answers=4)
    rows = [(200 + n, n % 40, {9000 + 4 * n + k: k + 1 for k in range(4)}) for n in range(50)]
    more = rankings(rows)
    both = Judgements(
        ranking=np.concatenate([judgements.ranking, more.ranking + len(judgements.task)]),
        pair=np.concatenate([judgements.pair, more.pair + len(judgements.answers)]),
        **{name: np.concatenate([getattr(judgements, name), getattr(more, name)]) for name in
           ("sign", "shown", "answers", "task", "labeler", "prompt")},
    )  # fmt: skip
    before, after = reliabilities(judgements), reliabilities(both)
    assert after.discrimination == pytest.approx(before.discrimination)
    assert (after.judged == before.judged).all()


def test_labelers_who_share_nothing_count_as_typical_and_nothing_is_said_of_them():
    _, _, judgements = ranked(5, tasks=60, answers=4, honest=10, spammers=0, biased=0, careless=0)
    alone = rankings([(60, 10, {1000: 1, 1001: 2})])
    both = Judgements(
        ranking=np.concatenate([judgements.ranking, alone.ranking + len(judgements.task)]),
        pair=np.concatenate([judgements.pair, alone.pair + len(judgements.answers)]),
        **{name: np.concatenate([getattr(judgements, name), getattr(alone, name)]) for name in
           ("sign", "shown", "answers", "task", "labeler", "prompt")},
    )  # fmt: skip
    *others, newcomer = fit(both, min_reliability=0.99).labelers
    assert newcomer.reliability.undefined == newcomer.position_bias.undefined == Undefined.SHARES_NOTHING
    assert newcomer.weight == pytest.approx(np.mean([one.weight for one in others]), rel=0.01)
    assert (newcomer.rankings, newcomer.shared_tasks, newcomer.shared_pairs, newcomer.left_out) == (1, 0, 0, False)


def test_alike_means_that_it_does_not_matter_who_said_what():
    _, _, judgements = ranked(6, tasks=50)
    shuffled = np.random.default_rng(0).permutation(40)[judgements.labeler]
    swapped = Judgements(**(vars(judgements) | {"labeler": shuffled}))
    one, other = (reliabilities(each, alike=True) for each in (judgements, swapped))
    assert one.worth == pytest.approx(other.worth)
    assert len(one.discrimination) == 1
    assert np.abs(reliabilities(judgements).worth - one.worth).max() > 0.1


def test_who_lies_below_the_bound_is_left_out_of_the_worths_but_not_of_the_figures():
    kinds, _, judgements = ranked(8, tasks=300)
    found = fit(judgements, min_reliability=0.6)
    left_out = np.array([one.left_out for one in found.labelers])
    assert left_out[np.isin(kinds, ["spammer", "biased"])].sum() >= 9
    assert left_out[kinds == "honest"].sum() <= 1
    assert all((one.reliability.value < 0.6) == one.left_out for one in found.labelers)
    # The same as if the others alone had worked.
    kept = ~left_out[judgements.labeler]
    assert found.worths.worth == pytest.approx(reliabilities(judgements.only(kept)).worth)
    tasks = orders(found)
    assert sum(task.rankings for task in tasks) == kept.sum()
    assert sum(task.left_out for task in tasks) == (~kept).sum() > 0
    assert [one.reliability for one in found.labelers] == [one.reliability for one in fit(judgements).labelers]


def test_who_stands_at_the_bound_or_is_nobody_in_particular_is_not_left_out():
    _, _, judgements = ranked(8, tasks=60)
    bound = sorted(one.reliability.value for one in fit(judgements).labelers if one.shared_pairs)[10]
    found = fit(judgements, min_reliability=bound)
    assert sum(one.left_out for one in found.labelers) == 10
    unknown = np.array([one.left_out for one in found.labelers])
    unknown[unknown.argmax()] = False
    of_nobody = fit(judgements, min_reliability=bound, unknown=unknown)
    assert sum(one.left_out for one in of_nobody.labelers) == 1
    assert of_nobody.labelers[int(np.flatnonzero([one.left_out for one in found.labelers])[0])].left_out


def test_worths_may_be_fitted_to_all_alike_while_everybody_keeps_their_own_figures():
    _, _, judgements = ranked(6, tasks=50)
    alike, weighed = fit(judgements, method="davidson"), fit(judgements)
    assert (alike.method, weighed.method) == ("davidson", "reliability")
    assert alike.worths.worth == pytest.approx(reliabilities(judgements, alike=True).worth)
    assert alike.labelers == weighed.labelers


def test_figures_of_labelers_stand_with_their_counts_and_intervals():
    kinds, _, judgements = ranked(9, tasks=400)
    found = fit(judgements)
    honest = [one for one, kind in zip(found.labelers, kinds, strict=True) if kind == "honest"]
    guessing = [one for one, kind in zip(found.labelers, kinds, strict=True) if kind == "spammer"]
    assert all(one.reliability.low < one.reliability.value < one.reliability.high for one in found.labelers)
    assert all(one.reliability.low > 0.5 for one in honest)
    assert sum(one.reliability.low <= 0.5 <= one.reliability.high for one in guessing) >= 4
    assert sum(one.rankings for one in found.labelers) == 1200
    assert all(one.reliability.n == one.position_bias.n == one.shared_pairs for one in found.labelers)
    assert all(one.shared_pairs == 10 * one.shared_tasks == 10 * one.rankings for one in found.labelers)
    assert min(one.position_bias.low for one, kind in zip(found.labelers, kinds, strict=True) if kind == "biased") > 0.6


def test_disagreement_is_the_share_of_strict_pairs_in_opposite_orders():
    said = [{1: 1, 2: 2, 3: 3}, {1: 1, 2: 3, 3: 2}, {1: 2, 2: 1, 3: 1}]
    (task,) = orders(fit(rankings([(0, who, ranks) for who, ranks in enumerate(said)])))
    # First and second: 1 of 3 opposite. First and third: 2 of 2, 2-3 is tied by the third. Second and third: 2 of 2.
    assert (task.compared, task.disagreement) == (7, pytest.approx(5 / 7))
    assert (task.rankings, task.labelers, task.no_disagreement) == (3, 3, None)
    (twice,) = orders(fit(rankings([(0, 0, ranks) for ranks in said[:2]])))
    assert (twice.rankings, twice.labelers, twice.no_disagreement) == (2, 1, Undefined.NO_PAIRS)


def test_a_single_ranking_is_its_own_consensus_with_its_own_ties():
    others = [(0, who, {1: 1, 2: 2}) for who in range(3)]
    first, single = orders(fit(rankings([*others, (1, 0, {5: 3, 6: 1, 7: 2, 8: 2})])), tie_below=0.99)
    assert first.consensus.ranks == [1, 1]
    assert (single.consensus.answers[0], single.consensus.answers[3], single.consensus.ranks) == (6, 5, [1, 2, 2, 4])
    assert 0 < single.consensus.misorder < 0.5
    assert (single.labelers, single.disagreement, single.no_disagreement) == (1, None, Undefined.NO_PAIRS)


def test_what_cannot_be_said_is_said():
    tied = [(0, who, {1: 1, 2: 1, 3: 1}) for who in range(3)]
    (task,) = orders(fit(rankings(tied)))
    assert (task.consensus, task.undefined) == (None, Undefined.ALL_EQUAL)
    assert (task.disagreement, task.no_disagreement) == (None, Undefined.NO_STRICT_PAIR)
    assert orders(fit(rankings(tied[:2])))[0].no_disagreement == Undefined.NO_STRICT_PAIR
    apart = fit(rankings([(0, 0, {1: 1, 2: 2}), (1, 1, {3: 2, 4: 1})]))
    assert {one.reliability.undefined for one in apart.labelers} == {Undefined.SHARES_NOTHING}
    assert [task.consensus.answers for task in orders(apart)] == [[1, 2], [4, 3]]
    assert [task.consensus.ranks for task in orders(apart)] == [[1, 2], [1, 2]]
    nobody = fit(judgements_of([]))
    assert (nobody.labelers, orders(nobody)) == ([], [])
    reversers = [(t, who, {2 * t: 1 + (who == 3), 2 * t + 1: 2 - (who == 3)}) for t in range(30) for who in range(4)]
    lonely = [(30, 3, {90: 1, 91: 2})]
    *_, last = orders(fit(rankings(reversers + lonely), min_reliability=0.5))
    assert (last.consensus, last.undefined, last.left_out) == (None, Undefined.LEFT_OUT, 1)


def test_flags_are_told_with_what_is_known_of_their_raters():
    truth, item, rater, value = flagged(4)
    found = flags(FlagVotes(item, rater, value), items=len(truth), raters=40)
    votes = np.bincount(item, value) / np.bincount(item)
    assert roc_auc_score(truth, found.chance) > roc_auc_score(truth, votes) + 0.02
    assert found.prevalence == pytest.approx(truth.mean(), abs=0.05)
    by_model = dawid_skene(item, rater, value, shape=(len(truth), 40, 2), smoothing=1.0)  # a uniform prior
    assert found.chance == pytest.approx(by_model.posterior[:, 1])
    assert (found.votes == 5).all()
    assert found.yes.tolist() == np.bincount(item, value, len(truth)).tolist()
    # Raters 0 to 11 answer at random; from 18 on they see at least 70 % and invent at most 8 %.
    assert max(share.value for share in found.spares[:12]) < min(share.value for share in found.spares[18:])
    for shares, expected in ((found.sees, found.applies), (found.spares, found.applies_not)):
        for share, number in zip(shares, expected.tolist(), strict=True):
            if not share.undefined:
                wilson = proportion_confint(share.value * number, number, method="wilson")
                assert (share.low, share.high, share.n) == (*map(pytest.approx, wilson), round(number))
    assert (found.applies + found.applies_not).tolist() == pytest.approx(np.bincount(rater).tolist())


def test_flags_that_nobody_shares_are_taken_at_their_word():
    found = flags(FlagVotes(np.array([0, 1, 1]), np.array([0, 1, 1]), np.array([1, 1, 0])), items=3, raters=2)
    assert found.chance.tolist() == [1, 0.5, 0]
    assert found.undefined == found.sees[0].undefined == Undefined.NO_PAIRS
    few = flags(FlagVotes(np.array([0, 0]), np.array([0, 1]), np.array([0, 0])), items=1, raters=2)
    assert few.sees[0].undefined == Undefined.TOO_FEW_EXPECTED


def test_intervals_of_habits_cover_what_is_true():
    """Guessers have β = 0 and no position bias, and nearly all of the intervals say so; the fair do not lean either."""
    covered, fair = [], []
    for seed in range(2):
        kinds, _, judgements = ranked(seed, tasks=400, honest=15, spammers=10, biased=0, careless=0)
        for one, kind in zip(fit(judgements).labelers, kinds, strict=True):
            fair.append(one.position_bias.low <= 0.5 <= one.position_bias.high)
            if kind == "spammer":
                covered.append(one.reliability.low <= 0.5 <= one.reliability.high)
    assert np.mean(covered) >= 0.7
    assert 0.9 <= np.mean(fair) < 1
