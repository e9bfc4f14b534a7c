"""A training set of what labelers say together: what is frozen is what was counted, and the trainer learns from it."""

import json
import random

import pytest

from app.labeling.importing import service as prompts
from app.quality.consensus import service as consensus
from app.quality.consensus.rules import Scope, Settings
from app.training.snapshots import rules, service
from app.training.snapshots.rules import Filters
from tests import tiny
from trainer.contract.folder import MANIFEST, RANKINGS, SnapshotManifest
from trainer.contract.records import Ranking, comparisons, read_rows

PEOPLE = ("ann", "bob", "cat", "dan", "upside")
TEXTS = ("red red red", "red red blue", "red blue green", "blue green white")
"""From best to worst; the last of the people ranks them upside down."""


def crowd(count=40, **more):
    """Three of five people rank each prompt's four answers, by turns; honest people err in a tenth of neighbours."""
    draw, rows = random.Random(7), []
    for n in range(count):
        for person in (PEOPLE[n % 5], PEOPLE[(n + 1) % 5], PEOPLE[(n + 3) % 5]):
            order = list(TEXTS)
            for i in range(3):
                if draw.random() < 0.1:
                    order[i], order[i + 1] = order[i + 1], order[i]
            if person == "upside":
                order.reverse()
            answers = [
                {"text": text, "rank": order.index(text) + 1, "likert": 7 - order.index(text)}
                | ({"flags": ["hallucination"]} if (text == TEXTS[3]) != (person == "upside") else {})
                for text in TEXTS
            ]
            rows.append({"prompt": f"Say colours {n}.", "candidates": answers, "annotator": person} | more)
    return rows


@pytest.fixture
def bring(database, settings, tmp_path):
    def bring(name, rows):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        with database.transaction() as session:
            return prompts.import_file(session, settings, None, path, name)

    return bring


@pytest.fixture
def freeze(database, settings):
    """Freeze, check that nothing is counted otherwise than it is written, and give the rows."""

    def freeze(name, **filters):
        with database.transaction() as session:
            snapshot = service.create_snapshot(session, settings, None, name, Filters(**filters))
        folder = service.folder_of(settings, snapshot)
        manifest = SnapshotManifest.model_validate_json((folder / MANIFEST).read_text())
        rows = list(read_rows(folder / RANKINGS, Ranking))
        assert manifest.counts == snapshot.counts
        assert manifest.counts["rankings"] == len(rows)
        assert manifest.counts["strict_pairs"] == sum(len(comparisons(row.ranks)[0]) for row in rows)
        return snapshot, rows

    return freeze


def order(row):
    """Texts from best to worst."""
    return [row.answers[i].text for i in sorted(range(len(row.ranks)), key=lambda i: row.ranks[i])]


def test_each_task_becomes_one_row_with_what_most_can_rely_on(bring, freeze):
    bring("crowd.jsonl", crowd())
    snapshot, rows = freeze("together", labels="consensus")
    assert len(rows) == 40
    assert snapshot.counts["rankings_merged"] == 120
    assert sum(order(row) == list(TEXTS) for row in rows) >= 30
    for row in rows:
        assert (row.annotator, row.labelers, row.labeler_group, row.weight) == ("consensus", 3, None, None)
        assert 0 < row.doubt < 0.5
        assert sorted(set(row.ranks)) == list(range(1, max(row.ranks) + 1))
        assert {answer.shown for answer in row.answers} == {None}
        # Upside flags all but the worst answer; what the others say is believed.
        assert [answer.flags for answer in row.answers if answer.text == TEXTS[3]] == [["hallucination"]]
        assert not any(answer.flags for answer in row.answers if answer.text != TEXTS[3])
    assert len({row.ranking_id for row in rows}) == 40
    assert [answer.likert for row in rows for answer in row.answers if answer.text == TEXTS[0]].count(7) >= 30


def test_counting_alike_lets_the_one_who_ranks_upside_down_speak(bring, freeze):
    bring("crowd.jsonl", crowd())
    by_reliability = freeze("by reliability", labels="consensus")[1]
    alike = freeze("alike", labels="consensus", method="davidson")[1]
    misorders = [sum(row.doubt for row in rows) / len(rows) for rows in (by_reliability, alike)]
    assert misorders[0] < misorders[1] - 0.03


def test_individual_rankings_weigh_as_their_labelers_are_reliable(bring, freeze):
    bring("crowd.jsonl", crowd())
    snapshot, rows = freeze("weighed", weighing="reliability")
    weights = {row.annotator: row.weight for row in rows}
    assert weights.pop("crowd:upside") == 0
    assert len(weights) == 4
    assert min(weights.values()) > 0.5
    assert len(rows) == 120
    assert {row.labelers for row in rows} == {None}
    assert "rankings_unreliable" not in snapshot.counts


def test_a_consensus_weighs_as_it_is_sure(bring, freeze):
    bring("crowd.jsonl", crowd())
    rows = freeze("sure", labels="consensus", weighing="reliability")[1]
    assert all(row.weight == pytest.approx(1 - 2 * row.doubt, abs=1e-3) for row in rows)


def test_who_is_less_reliable_than_asked_is_left_out_and_counted(bring, freeze, database, settings):
    bring("crowd.jsonl", crowd())
    snapshot, rows = freeze("without", min_reliability=0.5)
    assert {row.annotator for row in rows} == {f"crowd:{name}" for name in PEOPLE[:4]}
    assert snapshot.counts["labelers_unreliable"] == 1
    assert snapshot.counts["rankings_unreliable"] == 120 - len(rows) == 24
    assert "left out: 24 rankings of these labelers" in service.summary_of(settings, snapshot)
    together, merged = freeze("together without", labels="consensus", min_reliability=0.5)
    assert together.counts["rankings_merged"] == 96
    assert {row.labelers for row in merged} == {2, 3}
    assert sum(order(row) == list(TEXTS) for row in merged) >= 30


def test_tasks_less_certain_than_asked_are_left_out_and_counted(bring, freeze):
    bring("crowd.jsonl", crowd())
    everything = freeze("all", labels="consensus")[1]
    bound = sorted(row.doubt for row in everything)[20]
    sure = [row for row in everything if row.doubt <= bound + 5e-5]
    snapshot, rows = freeze("sure", labels="consensus", max_doubt=bound + 5e-5)
    assert [row.ranking_id for row in rows] == [row.ranking_id for row in sure]
    assert snapshot.counts["tasks_doubtful"] == 40 - len(rows)
    assert snapshot.counts["rankings_doubtful"] == 120 - snapshot.counts["rankings_merged"]
    individual, single = freeze("sure ones", max_doubt=bound + 5e-5)
    assert individual.counts["rankings_doubtful"] == 120 - len(single) == snapshot.counts["rankings_doubtful"]
    assert all(row.doubt <= bound + 5e-5 for row in single)


def test_what_will_be_left_out_is_known_before_it_is_frozen(bring, freeze, database):
    bring("crowd.jsonl", crowd())
    filters = Filters(labels="consensus", min_reliability=0.5, max_doubt=0.1)
    with database.reading() as session:
        found = consensus.consensus(session, filters.scope, filters.settings)
        expected = rules.weighed(list(found.labelers.values()), found.tasks, filters)
    snapshot, rows = freeze("as told", labels="consensus", min_reliability=0.5, max_doubt=0.1)
    assert len(rows) == expected.consensus < 40
    assert expected.counts(filters).items() <= snapshot.counts.items()


def test_evaluation_labels_and_banks_say_nothing_about_training_labels(bring, freeze, database):
    bring("crowd.jsonl", crowd(20))
    before = freeze("before", labels="consensus")[1]
    liars = [dict(row, phase="evaluation") for row in crowd(20)]
    for row in liars:
        row["candidates"] = [dict(one, rank=5 - one["rank"]) for one in row["candidates"]]
    bring("judges.jsonl", liars)
    assert freeze("after", labels="consensus")[1] == before
    with database.reading() as session:
        assert {name.split(":")[0] for name in consensus.consensus(session, Scope()).labelers} == {"crowd"}
        judges = consensus.consensus(session, Scope(phases=("evaluation",)))
    assert {name.split(":")[0] for name in judges.labelers} == {"judges"}


def test_one_persons_ranking_stays_as_it_is_and_all_ties_stay_ties(bring, freeze):
    answers = [{"text": text, "rank": rank} for text, rank in zip("abcd", (2, 1, 2, 3), strict=True)]
    alone = {"prompt": "Alone", "candidates": answers, "annotator": "ann"}
    tied = [
        {"prompt": "Tied", "candidates": [{"text": "x", "rank": 1}, {"text": "y", "rank": 1}], "annotator": name}
        for name in ("ann", "bob")
    ]
    bring("few.jsonl", [alone, *tied])
    by_prompt = {row.messages[0].content: row for row in freeze("few", labels="consensus", tie_below=0.99)[1]}
    row = by_prompt["Alone"]
    ranks = {answer.text: rank for answer, rank in zip(row.answers, row.ranks, strict=True)}
    assert ranks == {"a": 2, "b": 1, "c": 2, "d": 3}
    assert row.labelers == 1
    assert (by_prompt["Tied"].ranks, by_prompt["Tied"].doubt) == ([1, 1], None)


def test_strengths_of_two_answers_are_averaged_against_those_who_saw_it_otherwise(bring, freeze):
    def row(prompt, person, better, strength):
        chosen, rejected = (better, "ab"[better == "a"])
        return {"prompt": prompt, "chosen": chosen, "rejected": rejected, "annotator": person, "strength": strength}

    bring("pairs.jsonl", [row(f"p{n}", who, "a", 2) for n in range(8) for who in ("ann", "bob", "cat")])
    bring("last.jsonl", [row("q", "ann", "a", 3), row("q", "bob", "a", 2), row("q", "cat", "b", 1)])
    by_prompt = {row.messages[0].content: row for row in freeze("strong", labels="consensus", tie_below=0.5)[1]}
    assert by_prompt["p3"].strength == 2
    assert by_prompt["q"].strength == pytest.approx((3 + 2 - 1) / 3)


def test_a_fit_is_kept_until_a_ranking_comes(bring, database, monkeypatch):
    bring("crowd.jsonl", crowd(10))
    read = []
    monkeypatch.setattr(consensus, "read", lambda *given, real=consensus.read: read.append(1) or real(*given))

    def tasks():
        with database.reading() as session:
            return len(consensus.consensus(session, Scope(), Settings(tie_below=0.7)).tasks)

    assert (tasks(), tasks(), len(read)) == (10, 10, 1)
    bring("more.jsonl", crowd(1))
    assert (tasks(), len(read)) == (11, 2)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_reward_model_learns_from_a_consensus(bring, freeze, settings, tmp_path):
    """A fifth of the rankings are upside down; what people say together tells the model that they like red."""
    bring("crowd.jsonl", crowd(60))
    snapshot, _rows = freeze("together", labels="consensus", weighing="reliability", heldout_share=0.3)
    sft = tiny.model_folder(tmp_path / "sft")
    manifest = tiny.run_stage(
        "reward",
        tmp_path / "run",
        config={"learning_rate": 3e-3, "max_tokens": 48, "prompts_per_batch": 8, "epochs": 4},
        snapshot=service.folder_of(settings, snapshot),
        parents={"sft": sft},
    )
    assert manifest.metrics["data/rankings"] == snapshot.counts["rankings_train"]
    assert manifest.metrics["data/pairs_used"] == snapshot.counts["strict_pairs_train"]
    assert manifest.metrics["reward/heldout_accuracy"] > 0.9
    assert [group.name for group in manifest.judging.by_labeler] == ["consensus"]
