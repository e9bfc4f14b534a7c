"""Published figures on published data, to the printed digits; without the data these tests skip."""

import gzip
import json

import numpy as np
import pytest
from scipy.stats import kendalltau

from trainer.statistics.alpha import krippendorff_alpha
from trainer.statistics.clusters import cluster_mean
from trainer.statistics.crowd import dawid_skene
from trainer.statistics.kappa import brennan_prediger, cohen_kappa, conger_kappa, fleiss_kappa, gwet_ac1, gwet_ac2
from trainer.statistics.labels import Labels, raw_agreement
from trainer.statistics.paired import davidson
from trainer.statistics.ranking_agreement import NON_TIE, agreement, tie_class, tie_kappa
from trainer.statistics.rankings import Judgements, RankingPairs


def rows_of(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def numbered(names):
    return np.unique(list(names), return_inverse=True)[1]


@pytest.fixture(scope="module")
def classics(shared_data):
    return {one["name"]: one for one in json.loads((shared_data / "agreement_classics.json").read_text())}


@pytest.fixture(scope="module")
def wmt15(shared_data):
    rows = rows_of(shared_data / "rankings_wmt15.jsonl.gz")
    return {pair: [row for row in rows if row["lang_pair"] == pair] for pair in ("fre-eng", "deu-eng", "fin-eng")}


def labels_of_table(rows):
    """Raters × items with None where missing; the categories are those that occur."""
    table = np.array([[np.nan if one is None else one for one in row] for row in rows], dtype=float)
    raters, items = np.nonzero(~np.isnan(table))
    categories = np.unique(table[raters, items])
    return Labels.of(items, raters, np.searchsorted(categories, table[raters, items]), categories)


def judgements_of_wmt(rows, **options):
    answers = [("+".join(one["systems"]), one["rank"]) for row in rows for one in row["candidates"]]
    return Judgements.of_rankings(
        np.repeat(np.arange(len(rows)), [len(row["candidates"]) for row in rows]),
        numbered(name for name, _ in answers),
        np.array([rank for _, rank in answers]),
        task=numbered(row["task"] for row in rows),
        labeler=numbered(row["annotator"] for row in rows),
        **options,
    )


@pytest.mark.parametrize(
    ("model", "percent", "kappa", "further"),
    [
        ("llama2orig", 96.4, 0.93, 0.9293),
        ("llama2new", 95.8, 0.93, 0.9258),
        ("mistralinstruct", 97.6, 0.92, 0.9195),
        ("mistralguard", 93.8, 0.89, 0.8923),
        ("gpt4", 98.4, 0.97, 0.9701),
    ],
)
def test_xstest_agreement_and_fleiss(shared_data, model, percent, kappa, further):
    rows = [row for row in rows_of(shared_data / "labels_xstest_2annot.jsonl.gz") if row["model"] == model]
    flat = [(item, rater, label) for item, row in enumerate(rows) for rater, label in row["labels"].items()]
    items, raters, labels = (numbered(column) for column in zip(*flat, strict=True))
    labels = Labels.of(items, raters, labels, 3)
    assert labels.counts.items == 450
    assert round(100 * raw_agreement(labels).value, 1) == percent
    assert round(fleiss_kappa(labels).value, 2) == kappa
    assert round(fleiss_kappa(labels).value, 4) == further


@pytest.mark.parametrize(
    ("pair", "figures", "own"),
    [
        ("fre-eng", (0.343, 4178, 7012, 2864, 19375), (0.510, 497, 693, 285, 3187)),
        ("deu-eng", (0.423, 1504, 2248, 1652, 19468), (0.801, 233, 260, 24, 1042)),
        ("fin-eng", (0.388, 1212, 1929, 2333, 17309), (0.562, 107, 145, 117, 982)),
    ],
)
def test_wmt15_kappas_with_their_counts(wmt15, pair, figures, own):
    """What is published as agreement between annotators also holds pairs that one annotator judged twice, and two
    judgements meet only if the systems stood in the same order on both screens."""
    judgements = judgements_of_wmt(wmt15[pair], ordered=True)
    pairs = RankingPairs.of(judgements)
    assert figures_of(pairs) == figures
    # Within annotators: ties are counted in segments of which an annotator judged some pair twice.
    someones = judgements.task * (judgements.labeler.max() + 1) + judgements.labeler
    repeated = np.isin(someones, someones[pairs.of_one_person().first])
    assert figures_of(RankingPairs.of(judgements.only(repeated)).of_one_person()) == own


def figures_of(pairs):
    agreeing, common = tie_class(pairs)
    signs = pairs.judgements.sign
    return round(tie_kappa(pairs).value, 3), agreeing.sum(), common.sum(), (signs == 0).sum(), len(signs)


def test_wmt15_agreement_of_people_whatever_the_order_on_the_screen(wmt15):
    """Not published: what our headline says of the same data, as a guard against changes."""
    found = agreement(RankingPairs.of(judgements_of_wmt(wmt15["fre-eng"])).between_people())[NON_TIE].micro
    assert (round(found.value, 3), found.counts.pairs, found.counts.raters) == (0.772, 8299, 49)


def test_krippendorff_2011(classics):
    labels = labels_of_table(classics["krippendorff2011_4observers_12units"]["data"])
    figures = {
        f"alpha_{metric}": round(krippendorff_alpha(labels, metric).value, 3)
        for metric in ("nominal", "ordinal", "interval", "ratio")
    }
    assert figures == classics["krippendorff2011_4observers_12units"]["expected"]


def test_the_example_of_three_coders(classics):
    labels = labels_of_table(classics["krippendorff_3coders_15units"]["data"])
    expected = classics["krippendorff_3coders_15units"]["expected"]
    assert round(krippendorff_alpha(labels).value, 6) == expected["alpha_nominal"]
    assert round(krippendorff_alpha(labels, "interval").value, 6) == expected["alpha_interval"]


def test_gwets_four_raters_with_gaps(classics):
    labels = labels_of_table(classics["gwet_raw4raters"]["data"])
    expected = classics["gwet_raw4raters"]["expected"]
    found = {
        "percent_agreement": raw_agreement(labels),
        "fleiss_kappa": fleiss_kappa(labels),
        "gwet_ac1": gwet_ac1(labels),
        "krippendorff_alpha": krippendorff_alpha(labels),
        "conger_kappa": conger_kappa(labels),
        "brennan_prediger": brennan_prediger(labels),
    }
    assert {name: round(one.value, 5) for name, one in found.items()} == {name: expected[name] for name in found}
    assert round(gwet_ac2(labels).value, 3) == expected["gwet_ac2_quadratic"]
    assert round(krippendorff_alpha(labels, "interval").value, 3) == expected["krippendorff_alpha_quadratic"]


def test_gwets_table_of_two_raters(classics):
    table = np.array(classics["gwet_cont3x3abstractors"]["data"])
    expected = classics["gwet_cont3x3abstractors"]["expected"]
    pairs = np.repeat(np.argwhere(table), table[table > 0], axis=0)
    items, raters = np.indices(pairs.shape)
    labels = Labels.of(items.ravel(), raters.ravel(), pairs.ravel(), 3)
    assert round(raw_agreement(labels).value, 2) == expected["percent_agreement"]
    assert round(cohen_kappa(labels).value, 7) == expected["cohen_kappa"]
    assert round(fleiss_kappa(labels).value, 7) == expected["scott_pi"]
    assert round(gwet_ac1(labels).value, 7) == expected["gwet_ac1"]
    assert round(brennan_prediger(labels).value, 3) == expected["brennan_prediger"]
    assert round(krippendorff_alpha(labels).value, 7) == expected["krippendorff_alpha"]


def test_ukpconvarg_votes(shared_data):
    rows = rows_of(shared_data / "pairs_ukpconvarg_votes.jsonl.gz")
    flat = [(item, vote["annotator"], vote["choice"]) for item, row in enumerate(rows) for vote in row["votes"]]
    items, raters, choices = zip(*flat, strict=True)
    labels = Labels.of(np.array(items), numbered(raters), numbered(choices), 3)
    assert round(krippendorff_alpha(labels).value, 4) == 0.2422


def test_convabuse_with_gaps(shared_data):
    rows = rows_of(shared_data / "labels_convabuse_8annot.jsonl.gz")
    flat = [(item, one["annotator"], one["label"] + 3) for item, row in enumerate(rows) for one in row["labels"]]
    items, raters, values = zip(*flat, strict=True)
    labels = Labels.of(np.array(items), numbered(raters), np.array(values), (-3, -2, -1, 0, 1))
    assert round(krippendorff_alpha(labels, "ordinal").value, 3) == 0.658
    assert round(krippendorff_alpha(labels, "interval").value, 3) == 0.732
    # Noted as 0.436, which is 0.4355 rounded once more; the krippendorff package, too, gives 0.43549.
    assert round(krippendorff_alpha(labels).value, 4) == 0.4355


def test_alpacaeval_win_rate_and_its_standard_error(shared_data):
    rows = rows_of(shared_data / "judged_alpacaeval_ppo-human.jsonl.gz")
    results = [{1: 0.0, 2: 1.0, 0: 0.5}[row["preference"]] for row in rows if row["preference"] is not None]
    prompts = list(range(len(results)))
    found = cluster_mean(prompts, results, seed=0)
    assert 100 * found.value == pytest.approx(41.24223602484472, abs=1e-12)
    assert round(100 * found.standard_error, 3) == 1.727


def test_dawid_and_skenes_anaesthetists(classics):
    expected = classics["dawid_skene_1979_anaesthetists"]["expected"]
    patients, observers, labels = np.array(classics["dawid_skene_1979_anaesthetists"]["data"]).T - 1
    found = dawid_skene(patients, observers, labels, shape=(45, 5, 4))
    assert found.converged
    assert np.round(found.marginals, 2).tolist() == expected["class_marginals"]
    assert np.round(found.marginals, 4).tolist() == expected["class_marginals_em_full"]
    assert np.round(found.confusion[0], 2).tolist() == expected["observer1_error_rates"]


@pytest.fixture(scope="module")
def models(shared_data):
    return {one["name"]: one for one in json.loads((shared_data / "bradley_terry_classics.json").read_text())}


def test_journal_citations(models):
    wins = np.array(models["journal_citations"]["wins"])
    np.fill_diagonal(wins, 0)
    first, second = np.nonzero(wins)
    fit = davidson(first, second, np.ones_like(first), items=4, weights=wins[first, second])
    assert fit.log_tie is None
    assert np.round(fit.log_worth - fit.log_worth[0], 5).tolist() == [0, -2.94907, -0.47957, 0.26895]


def test_chocolate_pudding(models):
    i, j, _, i_wins, j_wins, ties = np.array(models["chocolate_pudding_ties"]["rows"]).T
    sign = np.repeat([1, -1, 0], len(i))
    fit = davidson(np.tile(i - 1, 3), np.tile(j - 1, 3), sign, items=6, weights=np.concatenate([i_wins, j_wins, ties]))
    published = models["chocolate_pudding_ties"]["expected"]
    assert np.round(fit.worth, 4).tolist() == [0.1388, 0.1730, 0.1617, 0.1654, 0.1587, 0.2024]
    assert round(float(np.exp(fit.log_tie)), 4) == 0.7468
    assert round(-2 * fit.log_likelihood, 1) == published["neg2loglik"]
    assert np.round(fit.log_worth - fit.log_worth[0], 3) == pytest.approx(published["log_worth_ref1"], abs=1e-3)
    errors = [fit.error_of_difference(item, 0) for item in range(1, 6)]
    assert np.round(errors, 4).tolist() == published["std_errors"][1:]
    assert round(float(fit.covariance[6, 6] ** 0.5), 4) == published["log_tie_se"]


@pytest.mark.parametrize("pair", ["fre-eng", "deu-eng", "fin-eng"])
def test_wmt15_systems_stand_in_the_published_order(shared_data, wmt15, pair):
    published = json.loads((shared_data / "wmt_system_ranking_reference.json").read_text())[pair]["systems"]
    systems = [one["system"] for one in published]
    ranking, item, rank = np.array(
        [
            (number, systems.index(name), one["rank"])
            for number, row in enumerate(wmt15[pair])
            for one in row["candidates"]
            for name in one["systems"]
        ]
    ).T
    alone = np.arange(len(wmt15[pair]))
    judgements = Judgements.of_rankings(ranking, item, rank, task=np.zeros_like(alone), labeler=alone)
    first, second = judgements.answers[judgements.pair].T
    fit = davidson(first, second, judgements.sign, items=len(systems), ties="half")
    means = [one["trueskill"] for one in published]
    assert kendalltau(fit.log_worth, means).statistic == pytest.approx(1, abs=1e-12)
    assert np.corrcoef(fit.log_worth, means)[0, 1] >= 0.995
    assert np.round(fit.log_worth, 4).tolist() == [one["bt_log_strength_computed_here"] for one in published]
