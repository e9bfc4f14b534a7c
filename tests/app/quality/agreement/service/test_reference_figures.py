"""Published figures on published data, through the product: the file is imported, then the report is read.

Without the data these tests skip. ``tests/trainer/statistics`` has the same figures from the bare rules.
"""

import gzip
import json

import numpy as np
import pytest
from scipy.stats import kendalltau

from app.judgements import queries as judged
from app.labeling.importing.service import import_file
from app.quality.agreement import commands, queries, service
from app.quality.agreement.rules import label_report as measures
from app.quality.agreement.rules.filters import Filters
from app.training.evaluations.rules import outcome, win_rate
from trainer.statistics.clusters import cluster_mean
from trainer.statistics.crowd import dawid_skene, majority_classes
from trainer.statistics.paired import davidson
from trainer.statistics.rankings import Judgements

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])


def rows_of(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture
def take(database, settings, tmp_path):
    """Import rows as a file of some name; says how many of them were refused."""

    def take(name, rows):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        with database.transaction() as session:
            return import_file(session, settings, None, path, path.name).rejected

    return take


@pytest.fixture
def report(database):
    def report(name="", **filters):
        with database.reading() as session:
            ids = {name: id_ for id_, name, _phase, _imported in queries.campaigns(session)}
            asked = Filters(campaign=ids[f"import: {name}"] if name else None, **filters)
            return service.report(session, asked, draws=5)

    return report


@pytest.fixture
def labels(report):
    """The figures of the one question that was imported."""

    def labels(name=""):
        (question,) = report(name).questions
        return question.report

    return labels


@pytest.fixture
def material(database):
    def material():
        with database.reading() as session:
            return service.material(session, Filters())

    return material


@pytest.fixture
def sources(database):
    def sources(read):
        with database.reading() as session:
            found = judged.sources(session, np.unique(read.rank_rows[1]).tolist())
        return [found[answer] for answer in read.rank_rows[1].tolist()]

    return sources


# Labels -------------------------------------------------------------------------------------------


def test_xstest_agreement_and_fleiss_of_five_models(shared_data, take, labels):
    rows = rows_of(shared_data / "labels_xstest_2annot.jsonl.gz")
    published = {
        "llama2orig": (96.4, 0.93, 0.9293),
        "llama2new": (95.8, 0.93, 0.9258),
        "mistralinstruct": (97.6, 0.92, 0.9195),
        "mistralguard": (93.8, 0.89, 0.8923),
        "gpt4": (98.4, 0.97, 0.9701),
    }
    for model, (percent, kappa, further) in published.items():
        assert take(model, [row for row in rows if row["model"] == model]) == 0
        found = labels(model).figures
        assert found[measures.RAW].counts.items == 450
        assert round(100 * found[measures.RAW].value, 1) == percent
        assert round(found[measures.FLEISS].value, 2) == kappa
        assert round(found[measures.FLEISS].value, 4) == further


def test_convabuse_with_gaps_and_repeated_labels(shared_data, take, labels):
    roles = (("assistant", "prev_agent"), ("user", "prev_user"), ("assistant", "agent"), ("user", "user"))
    rows = [
        {
            "id": row["id"],
            "messages": [{"role": role, "content": row["dialogue"][key]} for role, key in roles],
            "labels": row["labels"],
        }
        for row in rows_of(shared_data / "labels_convabuse_8annot.jsonl.gz")
    ]
    assert take("convabuse", rows) == 0
    found = labels().figures
    assert round(found[measures.ALPHA_ORDINAL].value, 3) == 0.658
    assert round(found[measures.ALPHA_INTERVAL].value, 3) == 0.732
    # Noted as 0.436, which is 0.4355 rounded once more.
    assert round(found[measures.ALPHA_NOMINAL].value, 4) == 0.4355


@pytest.fixture(scope="module")
def classics(shared_data):
    return {one["name"]: one for one in json.loads((shared_data / "agreement_classics.json").read_text())}


def rows_of_table(table):
    """Raters × units with None where missing, as a file of labels."""
    return [
        {"id": str(unit), "prompt": f"unit {unit}", "labels": {f"rater {r}": row[unit] for r, row in enumerate(table)}}
        for unit in range(len(table[0]))
    ]


def test_krippendorff_2011(classics, take, labels):
    table = classics["krippendorff2011_4observers_12units"]
    take("krippendorff", rows_of_table(table["data"]))
    found = labels().figures
    assert {name: round(found[name].value, 3) for name in table["expected"]} == table["expected"]


def test_gwets_four_raters_with_gaps(classics, take, labels):
    table = classics["gwet_raw4raters"]
    take("gwet", rows_of_table(table["data"]))
    found, expected = labels().figures, table["expected"]
    names = {
        "percent_agreement": measures.RAW,
        "fleiss_kappa": measures.FLEISS,
        "gwet_ac1": measures.AC1,
        "krippendorff_alpha": measures.ALPHA_NOMINAL,
        "conger_kappa": measures.CONGER,
        "brennan_prediger": measures.EVEN,
    }
    assert {name: round(found[ours].value, 5) for name, ours in names.items()} == {n: expected[n] for n in names}
    assert round(found[measures.AC2].value, 3) == expected["gwet_ac2_quadratic"]


def test_cohens_kappa_of_two_raters_who_judged_everything(classics, take, labels):
    table = np.array(classics["gwet_cont3x3abstractors"]["data"])
    pairs = np.repeat(np.argwhere(table), table[table > 0], axis=0)
    take(
        "gwet",
        [{"id": str(n), "prompt": f"unit {n}", "labels": {"a": int(a), "b": int(b)}} for n, (a, b) in enumerate(pairs)],
    )
    found, expected = labels().figures, classics["gwet_cont3x3abstractors"]["expected"]
    assert round(found[measures.CONGER].value, 7) == expected["cohen_kappa"]
    assert round(found[measures.FLEISS].value, 7) == expected["scott_pi"]
    assert round(found[measures.AC1].value, 7) == expected["gwet_ac1"]
    assert round(found[measures.ALPHA_NOMINAL].value, 7) == expected["krippendorff_alpha"]


def label_arrays(read):
    """(item, rater, value) of every label in the order of the file, also those that a person gave again."""
    flags = read.flags
    order = np.argsort(flags.annotation, kind="stable")
    values = np.array([int(one) if one.lstrip("-").isdigit() else -1 for one in flags.values])
    annotation = flags.annotation[order]
    return read.task[annotation], read.annotations.person[annotation], values[flags.value[order]]


def test_dawid_and_skenes_anaesthetists(classics, take, material):
    """Their figures take all three labels of the observer who judged three times."""
    data = classics["dawid_skene_1979_anaesthetists"]["data"]
    rows = [
        {
            "id": str(patient),
            "prompt": f"patient {patient}",
            "labels": [{"annotator": f"observer {o}", "label": c} for p, o, c in data if p == patient],
        }
        for patient in range(1, 46)
    ]
    take("anaesthetists", rows)
    items, raters, values = label_arrays(material())
    assert len(items) == len(data)
    found = dawid_skene(items, raters, values - 1, shape=(45, 5, 4))
    assert np.round(found.marginals, 2).tolist() == [0.40, 0.42, 0.11, 0.07]


@pytest.mark.slow
def test_ukpconvarg_votes_as_labels_of_pairs(shared_data, take, labels, material):
    """Nominal alpha over votes, a and b being sides of a page; where one label has most votes, it is gold in 94.6 %.

    Imported as votes they are rankings, of which the report's alpha does not depend on who is called a; to be compared
    with the figure noted, a vote must stay a word.
    """
    rows = rows_of(shared_data / "pairs_ukpconvarg_votes.jsonl.gz")
    number = {"a": 0, "b": 1, "tie": 2}
    taken = [
        {
            "id": row["id"],
            "prompt": f"{n}: {row['prompt']}",
            "labels": [{"annotator": vote["annotator"], "label": number[vote["choice"]]} for vote in row["votes"]],
        }
        for n, row in enumerate(rows)
    ]
    assert take("ukp", taken) == 0
    assert round(labels().figures[measures.ALPHA_NOMINAL].value, 4) == 0.2422
    read = material()
    items, _raters, values = label_arrays(read)
    plurality = majority_classes(items, values, (read.prompts, 3))
    votes = np.sort(np.bincount(items * 3 + values, minlength=read.prompts * 3).reshape(-1, 3), axis=1)
    # Prompts are numbered by their ids, which follow the file.
    gold = np.array([number.get(row["gold"], -1) for row in rows])
    compared = (gold >= 0) & (votes[:, 2] > votes[:, 1])
    assert (round(100 * (plurality == gold)[compared].mean(), 1), int(compared.sum())) == (94.6, 10_392)


# Rankings -----------------------------------------------------------------------------------------


def wmt_rows(path, pair, systems):
    """The rows as the published figures take them.

    An answer is known by its systems (their numbers, as some names together are longer than a source may be), and its
    place in the row is its place on the screen, which is what the published counts show.
    """
    for row in rows_of(path):
        if row["lang_pair"] == pair:
            candidates = [
                {
                    "text": one["text"],
                    "rank": one["rank"],
                    "shown": place,
                    "source": "import:" + "+".join(str(systems.index(system)) for system in one["systems"]),
                }
                for place, one in enumerate(row["candidates"])
            ]
            prompt = [{"role": "system", "content": row["task"]}, {"role": "user", "content": row["prompt"]}]
            about = {key: row[key] for key in ("id", "annotator", "seconds")}
            yield {**about, "prompt": prompt, "candidates": candidates, "lang": pair}


WMT = {
    "fre-eng": ((0.343, 4178, 7012, 2864, 19375), (0.510, 497, 693, 285, 3187)),
    "deu-eng": ((0.423, 1504, 2248, 1652, 19468), (0.801, 233, 260, 24, 1042)),
    "fin-eng": ((0.388, 1212, 1929, 2333, 17309), (0.562, 107, 145, 117, 982)),
}


def test_wmt15_kappas_counts_and_order_of_systems(shared_data, database, take, report, sources):
    """Kappa as WMT counts it, which differs from the report's (``trainer.statistics.wmt``), and Bradley–Terry's order.

    The report's own headline on the same data is 77.2 % without ties, between people, whatever the order on the screen,
    with one vote a person on each pair: what they said first.
    """
    reference = json.loads((shared_data / "wmt_system_ranking_reference.json").read_text())
    for pair, figures in WMT.items():
        published = reference[pair]["systems"]
        systems = [one["system"] for one in published]
        take(pair, wmt_rows(shared_data / "rankings_wmt15.jsonl.gz", pair, systems))
        with database.reading() as session:
            (campaign,) = [id_ for id_, name, _p, _i in queries.campaigns(session) if name == f"import: {pair}"]
            found = service.wmt_kappas(session, Filters(campaign=campaign))
            read = service.material(session, Filters(campaign=campaign))
        counted = [(round(one.kappa.value, 3), one.agreeing, one.comparable, one.tied, one.judged) for one in found]
        assert counted == list(figures), pair
        assert_order(read, sources(read), [one["trueskill"] for one in published])
    headline = report("fre-eng").rankings.overall["non_tie"].micro
    assert (round(headline.value, 3), headline.counts.pairs, headline.counts.raters) == (0.772, 7419, 49)


def assert_order(read, made_by, means):
    """Bradley–Terry's strengths, each system an answer of its own and a tie half a win, follow the published means."""
    rows = [
        (ranking, int(system), rank)
        for ranking, rank, source in zip(read.rank_rows[0].tolist(), read.rank_rows[2].tolist(), made_by, strict=True)
        for system in source.split("+")
    ]
    ranking, item, rank = np.array(rows).T
    alone = np.arange(len(read.task))
    judgements = Judgements.of_rankings(ranking, item, rank, task=np.zeros_like(alone), labeler=alone)
    first, second = judgements.answers[judgements.pair].T
    fit = davidson(first, second, judgements.sign, items=len(means), ties="half")
    assert kendalltau(fit.log_worth, means).statistic == pytest.approx(1, abs=1e-12)
    assert np.corrcoef(fit.log_worth, means)[0, 1] >= 0.995


@pytest.fixture
def strengths(database):
    """What ``prefloop report sources --json`` prints, by source."""

    def strengths():
        with database.reading() as session:
            (text,) = commands.sources(session, {}, ties="davidson", as_json=True)
        found = json.loads(text)
        return found, {row["source"]: row for row in found["sources"]}

    return strengths


def comparisons(names, counts):
    """(i, j, verdict, times) as votes on a pair by so many people."""
    for number, (i, j, choice, times) in enumerate(counts):
        ranks = {"a": (1, 2), "b": (2, 1), "tie": (1, 1)}[choice]
        for vote in range(times):
            yield {
                "id": f"{number} {vote}",
                "prompt": "Which one?",
                "annotator": f"{number} {vote}",
                "candidates": [
                    {"text": names[one], "rank": rank, "source": f"import:{names[one]}"}
                    for one, rank in zip((i, j), ranks, strict=True)
                ],
            }


@pytest.fixture(scope="module")
def models(shared_data):
    return {one["name"]: one for one in json.loads((shared_data / "bradley_terry_classics.json").read_text())}


def test_journal_citations(models, take, strengths):
    journals, wins = models["journal_citations"]["items"], models["journal_citations"]["wins"]
    take("citations", comparisons(journals, [(i, j, "a", wins[i][j]) for i in range(4) for j in range(4) if i != j]))
    found, of = strengths()
    worths = [of[journal]["log_worth"] - of[journals[0]]["log_worth"] for journal in journals]
    assert np.round(worths, 5).tolist() == [0, -2.94907, -0.47957, 0.26895]
    assert found["tie"] is None


def test_chocolate_pudding_with_ties(models, take, strengths):
    names = [f"pudding {n}" for n in range(1, 7)]
    rows = models["chocolate_pudding_ties"]["rows"]
    counts = [
        (i - 1, j - 1, what, n) for i, j, _all, *of in rows for what, n in zip(("a", "b", "tie"), of, strict=True)
    ]
    take("pudding", comparisons(names, counts))
    found, of = strengths()
    assert [round(of[name]["worth"], 4) for name in names] == [0.1388, 0.1730, 0.1617, 0.1654, 0.1587, 0.2024]
    assert round(found["tie"], 4) == 0.7468
    assert round(-2 * found["log_likelihood"], 1) == 1619.4
    assert found["comparisons"] == sum(row[2] for row in rows)


def test_alpacaeval_win_rate_and_its_standard_error(shared_data, take, material, sources, strengths):
    ranks = {1: (1, 2), 2: (2, 1), 0: (1, 1)}
    rows = [
        {
            "id": row["id"],
            "prompt": row["prompt"],
            "annotator": "gpt-4",
            "candidates": [
                {"text": row[f"response_{side}"], "rank": rank, "source": row[f"model_{side}"]}
                for side, rank in zip("ab", ranks[row["preference"]], strict=True)
            ],
        }
        for row in rows_of(shared_data / "judged_alpacaeval_ppo-human.jsonl.gz")
    ]
    assert take("alpacaeval", rows) == 0
    read = material()
    by_source = {}
    for ranking, rank, source in zip(
        read.rank_rows[0].tolist(), read.rank_rows[2].tolist(), sources(read), strict=True
    ):
        by_source.setdefault(ranking, {})[source] = rank
    results = [outcome(one["alpaca-farm-ppo-human"], one["text_davinci_003"]) for one in by_source.values()]
    prompts = [int(read.prompt[ranking]) for ranking in by_source]
    _found, of = strengths()
    row = of["alpaca-farm-ppo-human"]
    assert row["comparisons"] == len(rows)
    assert 100 * (row["wins"] + row["tied"] / 2) / len(rows) == pytest.approx(41.24223602484472, abs=1e-12)
    assert 100 * win_rate(prompts, results).estimate.value == pytest.approx(41.24223602484472, abs=1e-12)
    assert round(100 * cluster_mean(prompts, results, seed=0).standard_error, 3) == 1.727
