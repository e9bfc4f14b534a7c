"""What the application freezes, the trainer's contract reads back: the same verdicts, no more and no fewer."""

import csv
import json
import re
import shutil

import pytest

from app.errors import Conflict, Invalid
from app.labeling.importing import service as prompts
from app.material.files import readers
from app.models import Annotation, Flag, Snapshot
from app.training.snapshots import service
from app.training.snapshots.rules import Filters
from trainer.contract.folder import DEMONSTRATIONS, MANIFEST, PROMPTS, RANKINGS, SnapshotManifest, sha256_of
from trainer.contract.grouping import Groups
from trainer.contract.records import Demonstration, Prompt, Ranking, comparisons, read_rows

ORDER = {"red": 2, "dog": 3, "blue": 1, "green": 2}


def ranking(prompt, order, **more):
    candidates = [
        {"text": t, "rank": r, "likert": 8 - r, "flags": ["hallucination"] if r == 3 else []} for t, r in order.items()
    ]
    return {"prompt": prompt, "candidates": candidates, "annotator": "ana"} | more


@pytest.fixture
def bring(database, settings, tmp_path):
    def bring(name, rows):
        path = tmp_path / name
        path.write_text("".join(json.dumps(r) + "\n" for r in rows))
        with database.transaction() as session:
            return prompts.import_file(session, settings, None, path, name)

    return bring


@pytest.fixture
def pool(bring):
    bring(
        "judged.jsonl",
        [
            ranking("Name a colour.", ORDER),
            ranking("Noise?", {"a": 1, "b": 1}),
            ranking("Three", {"a": 1, "b": 2, "c": 1}),
        ],
    )
    bring("demos.jsonl", [{"prompt": "Say hi", "response": "hi"}, {"prompt": "Name a colour.", "response": "red"}])
    bring("users.jsonl", [{"prompt": f"u{i}", "user": f"user{i % 7}"} for i in range(60)])


@pytest.fixture
def freeze(database, settings):
    def freeze(name, **filters):
        with database.transaction() as session:
            return service.create_snapshot(session, settings, None, name, Filters(**filters))

    return freeze


def rankings(settings, snapshot):
    return list(read_rows(service.folder_of(settings, snapshot) / RANKINGS, Ranking))


def test_a_weak_order_comes_out_exactly_as_it_went_in(settings, pool, freeze):
    found = {r.messages[0].content: r for r in rankings(settings, freeze("one"))}
    colour = found["Name a colour."]
    assert {a.text: rank for a, rank in zip(colour.answers, colour.ranks, strict=True)} == ORDER
    assert {a.text: (a.likert, a.flags) for a in colour.answers}["dog"] == (5, ["hallucination"])
    pairs, tied = comparisons(colour.ranks)
    texts = [a.text for a in colour.answers]
    assert {(texts[p.winner], texts[p.loser]) for p in pairs} == {
        ("blue", "red"), ("blue", "green"), ("blue", "dog"), ("red", "dog"), ("green", "dog"),
    }  # fmt: skip
    assert tied == 1
    assert colour.annotator == "judged:ana"
    assert colour.answers[0].source == "import:judged"


def test_counts_files_and_manifest_agree(settings, pool, freeze):
    snapshot = freeze("one", heldout_share=0.4)
    folder = service.folder_of(settings, snapshot)
    manifest = SnapshotManifest.model_validate_json((folder / MANIFEST).read_text())
    assert manifest.counts == snapshot.counts
    for split in ("train", "heldout"):
        of = [r for r in read_rows(folder / RANKINGS, Ranking) if r.split == split]
        assert len(of) == manifest.counts[f"rankings_{split}"]
        assert sum(len(comparisons(r.ranks)[0]) for r in of) == manifest.counts[f"strict_pairs_{split}"]
        assert sum(p.split == split for p in read_rows(folder / PROMPTS, Prompt)) == manifest.counts[f"prompts_{split}"]
    assert manifest.counts["strict_pairs"] + manifest.counts["tied_pairs"] == 6 + 1 + 3
    assert manifest.counts["demonstrations"] == len(list(read_rows(folder / DEMONSTRATIONS, Demonstration))) == 2
    assert {name: sha256_of(folder / name) for name in manifest.files} == manifest.files
    assert service.digest_of(manifest.files) == snapshot.digest == folder.name


def test_one_prompt_and_one_user_stand_on_one_side_everywhere(settings, pool, freeze, database):
    snapshot = freeze("one", heldout_share=0.5)
    folder = service.folder_of(settings, snapshot)
    side = {p.prompt_id: p.split for p in read_rows(folder / PROMPTS, Prompt)}
    assert set(side.values()) == {"train", "heldout"}
    for row in (*read_rows(folder / RANKINGS, Ranking), *read_rows(folder / DEMONSTRATIONS, Demonstration)):
        assert row.split == side[row.prompt_id]
    with database.reading() as session:
        from app.models import Prompt as PromptRow

        by_user = {}
        for prompt in session.query(PromptRow).where(PromptRow.user_key.is_not(None)):
            by_user.setdefault(prompt.user_key, set()).add(side[str(prompt.id)])
    assert len(by_user) == 7
    assert all(len(sides) == 1 for sides in by_user.values())


ARTICLE = (
    "The harbour of the old town froze over in the winter of 1963, and for six weeks people walked across it to work"
)


def text_of(row):
    return " ".join(message.content for message in row.messages)


def test_nothing_that_belongs_together_stands_on_both_sides_and_the_manifest_says_so(settings, bring, freeze):
    spellings = ("Où est {}?", "où est  {} ?", "OÙ EST {}\n", "Ou\u0300 est {}?")
    bring(
        "spelled.jsonl",
        [{"prompt": text.format(i), "chosen": "a", "rejected": "b"} for i in range(40) for text in spellings],
    )
    bring(
        "talks.jsonl",
        [
            {
                "messages": [
                    {"role": ("user", "assistant")[k % 2], "content": t.replace("@", str(i))}
                    for k, t in enumerate(turns)
                ]
            }
            for i in range(60)
            for turns in (["Talk @"], ["talk @.", "Go on", "And then?"], ["Talk @", "Well", "Why?"])
        ],
    )
    bring("template.jsonl", [{"prompt": f"{ARTICLE}. Tell it to a child: {i}"} for i in range(150)])
    snapshot = freeze("one", heldout_share=0.2)
    manifest = service.manifest_of(settings, snapshot)
    side = {}
    for row in read_rows(service.folder_of(settings, snapshot) / PROMPTS, Prompt):
        told = re.search(r"(?i)(o.*?est|talk) +(\d+)", text_of(row))
        side.setdefault((told[1][0].lower(), told[2]) if told else text_of(row), set()).add(row.split)
    assert len(side) == 40 + 60 + 150
    assert [kin for kin, sides in side.items() if len(sides) > 1] == []
    split = manifest.split
    assert (split.leaks.all, split.groups, split.largest_group) == (0, 250, 4)
    assert [(template.prompts, template.text[:11]) for template in split.templates] == [(150, "the harbour")]
    assert 0.1 < split.heldout_share < 0.3
    assert split.heldout_share == pytest.approx(
        snapshot.counts["prompts_heldout"] / snapshot.counts["prompts"], abs=1e-4
    )
    assert "leaks: 0" in service.summary_of(settings, snapshot)
    apart = service.manifest_of(settings, freeze("other", heldout_share=0.2, split_seed=1, prefix_length=0)).split
    assert (apart.leaks.all, apart.templates) == (0, [])


def test_a_leak_that_the_grouping_misses_is_told(settings, pool, freeze, bring, monkeypatch):
    bring("again.jsonl", [{"prompt": f"U{i} !"} for i in range(60)])
    monkeypatch.setattr(service.splitting, "grouped", lambda texts, *_rest: Groups(list(range(len(texts)))))
    snapshot = freeze("leaky", heldout_share=0.5)
    leaks = service.manifest_of(settings, snapshot).split.leaks
    assert leaks.texts > 0
    assert f"leaks: {leaks.all} " in service.summary_of(settings, snapshot)


def test_what_a_snapshot_held_out_never_trains_in_a_later_one_of_its_seed(settings, bring, freeze):
    """A conversation that joins two older ones brings both to the side that was held out."""
    bring("first.jsonl", [{"prompt": f"Question {i}"} for i in range(80)])

    def sides(snapshot):
        return {text_of(row): row.split for row in read_rows(service.folder_of(settings, snapshot) / PROMPTS, Prompt)}

    first = sides(freeze("first", heldout_share=0.3))
    rows = [[f"Question {i}", "Yes?", f"More {i // 2}"] for i in range(80)]
    bring(
        "second.jsonl",
        [
            {
                "messages": [{"role": ("user", "assistant")[k % 2], "content": turn} for k, turn in enumerate(turns)],
                "user": f"u{i // 2}",
            }
            for i, turns in enumerate(rows)
        ],
    )
    snapshot = freeze("second", heldout_share=0.3)
    second, split = sides(snapshot), service.manifest_of(settings, snapshot).split
    assert all(second[text] == "heldout" for text, side in first.items() if side == "heldout")
    assert split.leaks.all == 0
    assert split.kept > 0
    assert freeze("again", heldout_share=0.3).digest == snapshot.digest
    other = service.manifest_of(settings, freeze("another seed", heldout_share=0.3, split_seed=5)).split
    assert (other.kept, other.leaks.all) == (0, 0)


def test_a_snapshot_that_was_spoiled_or_lost_does_not_stop_the_next_one(settings, pool, freeze, bring):
    for snapshot in (freeze("spoiled"), freeze("lost", heldout_share=0.05)):
        file = service.folder_of(settings, snapshot) / PROMPTS
        file.chmod(0o644)
        file.write_bytes(b"else")
    shutil.rmtree(file.parent)
    bring("more.jsonl", [{"prompt": "one more"}])
    assert service.manifest_of(settings, freeze("next")).split.kept == 0


def test_a_prompt_that_comes_while_the_pool_is_frozen_waits_with_all_that_refers_to_it(
    settings, pool, freeze, monkeypatch
):
    whole, before = freeze("whole"), service.queries.pool
    monkeypatch.setattr(service.queries, "pool", lambda session: [row for row in before(session) if row[0] != 1])
    snapshot = freeze("meanwhile")
    folder = service.folder_of(settings, snapshot)
    for name, record in ((PROMPTS, Prompt), (RANKINGS, Ranking), (DEMONSTRATIONS, Demonstration)):
        assert "1" not in {row.prompt_id for row in read_rows(folder / name, record)}
    missing = {name: whole.counts[name] - snapshot.counts[name] for name in ("prompts", "rankings", "demonstrations")}
    assert missing == {"prompts": 1, "rankings": 1, "demonstrations": 1}


def test_a_tree_of_real_conversations_stands_on_one_side(settings, bring, freeze, shared_data, database):
    with database.transaction() as session:
        path = shared_data / "oasst_trees_en.jsonl"
        prompts.import_file(session, settings, None, path, path.name)
    snapshot = freeze("trees", heldout_share=0.2)
    roots = {}
    for row in read_rows(service.folder_of(settings, snapshot) / PROMPTS, Prompt):
        roots.setdefault(row.messages[0].content, set()).add(row.split)
    assert len(roots) == 70
    assert [root for root, sides in roots.items() if len(sides) > 1] == []
    assert service.manifest_of(settings, snapshot).split.leaks.all == 0


def test_the_same_content_is_the_same_folder_and_new_labels_never_change_it(settings, pool, freeze, bring):
    first, again = freeze("one"), freeze("two")
    assert first.digest == again.digest
    before = {f.name: sha256_of(f) for f in service.folder_of(settings, first).iterdir()}
    bring("more.jsonl", [ranking("Fresh", {"a": 2, "b": 1})])
    later = freeze("three")
    assert later.digest != first.digest
    assert {f.name: sha256_of(f) for f in service.folder_of(settings, first).iterdir()} == before
    assert service.changed_files(settings, first) == []
    assert not list((settings.data_dir / "snapshots").glob(".partial*"))


def test_a_name_is_used_once_and_nothing_is_no_snapshot(freeze, pool):
    freeze("one")
    with pytest.raises(Conflict, match="choose another"):
        freeze("one")
    with pytest.raises(Invalid, match="Nothing matches"):
        freeze("empty", sources=("nowhere",))


def test_evaluation_labels_train_nothing_unless_asked(settings, pool, freeze, bring):
    answers = [{"candidate_id": "1", "text": "a"}, {"candidate_id": "2", "text": "b"}]
    messages = [{"role": "user", "content": "Judge"}]
    native = {"ranking_id": "9", "prompt_id": "3", "messages": messages, "answers": answers, "ranks": [1, 2]}
    native |= {"annotator": "x", "phase": "evaluation"}
    bring("judges.jsonl", [native])
    assert {r.phase for r in rankings(settings, freeze("default"))} == {"training"}
    assert [r.phase for r in rankings(settings, freeze("asked", phases=("evaluation",)))] == ["evaluation"]


def test_filters_take_what_they_name_and_leave_the_noise(settings, pool, freeze, bring, database):
    bring("other.jsonl", [ranking("Other campaign", {"a": 2, "b": 1})])
    with database.reading() as session:
        campaign = service.campaigns_named(session, ["import: other"])
    assert [r.messages[0].content for r in rankings(settings, freeze("c", campaigns=campaign))] == ["Other campaign"]
    assert {r.messages[0].content for r in rankings(settings, freeze("k", min_answers=3))} == {
        "Name a colour.",
        "Three",
    }
    sourced = freeze("s", sources=("users",))
    assert (sourced.counts["prompts"], sourced.counts["rankings"], sourced.counts["demonstrations"]) == (60, 0, 0)


def test_a_flag_answered_no_and_a_flag_of_the_prompt_are_not_flags_of_an_answer(settings, pool, freeze, database):
    with database.transaction() as session:
        annotation = session.query(Annotation).order_by(Annotation.id).first()
        candidate = min(row.candidate_id for row in annotation.ranks)
        session.add(Flag(annotation_id=annotation.id, candidate_id=candidate, name="violent_content", value="no"))
        session.add(Flag(annotation_id=annotation.id, candidate_id=None, name="closed_domain", value="yes"))
    flags = {f for r in rankings(settings, freeze("one")) for a in r.answers for f in a.flags}
    assert flags == {"hallucination"}


def test_exports_hold_the_strict_pairs_and_tell_of_the_ties(settings, pool, freeze, tmp_path):
    snapshot = freeze("one", heldout_share=0.5)
    expected = {
        (r.messages[0].content, r.answers[p.winner].text, r.answers[p.loser].text)
        for r in rankings(settings, snapshot)
        for p in comparisons(r.ranks)[0]
    }
    for fmt in ("trl", "openrlhf"):
        report = service.export_snapshot(settings, snapshot, fmt, tmp_path / fmt)
        rows = [
            json.loads(line)
            for f in (tmp_path / fmt).glob("preferences-*.jsonl")
            for line in f.read_text().splitlines()
        ]
        assert {
            (r["prompt"][-1]["content"], r["chosen"][0]["content"], r["rejected"][0]["content"]) for r in rows
        } == expected
        assert len(rows) == snapshot.counts["strict_pairs"]
        assert report.ties == snapshot.counts["tied_pairs"]
        assert sum(report.files.values()) == len(rows) + 2
    service.export_snapshot(settings, snapshot, "csv", tmp_path / "csv")
    with (tmp_path / "csv" / "comparisons.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(json.loads(r["prompt"])[-1]["content"], r["chosen"], r["rejected"]) for r in rows} == expected
    service.export_snapshot(settings, snapshot, "native", tmp_path / "native")
    assert list(read_rows(tmp_path / "native" / RANKINGS, Ranking)) == rankings(settings, snapshot)


FORMULAS = ('=HYPERLINK("http://127.0.0.1/x","click")', "+1, two\r\nfour", "@SUM(A1)", '-5 "quoted"', "'=1", "-5")


def test_a_csv_export_holds_no_formula_and_reads_back_as_it_was(settings, bring, freeze, tmp_path):
    bring("formulas.jsonl", [ranking("=1+1", {text: place for place, text in enumerate(FORMULAS, 1)})])
    bring("lessons.jsonl", [{"prompt": "=1+1", "response": "=2"}])
    service.export_snapshot(settings, freeze("one"), "csv", tmp_path)
    for name, column, texts in (("comparisons", "chosen", FORMULAS[:-1]), ("demonstrations", "response", ("=2",))):
        path = tmp_path / f"{name}.csv"
        with path.open(newline="") as file:
            cells = {row[column] for row in csv.DictReader(file)}
        assert not [cell for cell in cells if cell[0] in "=+-@"]
        assert {row[column] for _number, row in readers.read_rows(path, path.name)} == set(texts)


def test_a_snapshot_that_was_tampered_with_is_not_exported(settings, pool, freeze, tmp_path):
    snapshot = freeze("one")
    file = service.folder_of(settings, snapshot) / PROMPTS
    file.chmod(0o644)
    file.write_bytes(b"else")
    with pytest.raises(Conflict, match=PROMPTS):
        service.export_snapshot(settings, snapshot, "trl", tmp_path / "out")


def test_an_exported_snapshot_imports_again_without_loss(settings, pool, freeze, tmp_path, database):
    snapshot = freeze("one")
    service.export_snapshot(settings, snapshot, "native", tmp_path / "out")
    with database.transaction() as session:
        entry = prompts.import_file(session, settings, None, tmp_path / "out" / RANKINGS, "elsewhere.parquet")
    assert (entry.rejected, entry.added["rankings"], "candidates" in entry.added) == (0, 3, False)
    assert isinstance(snapshot, Snapshot)


def test_the_size_of_a_page_of_rows_changes_nothing(settings, pool, freeze, bring, monkeypatch):
    bring("other.jsonl", [ranking(f"Other {i}", {"a": 2, "b": 1}) for i in range(5)])
    in_one = freeze("in one page", sources=("judged", "other"))
    monkeypatch.setattr(service.queries, "CHUNK", 2)
    in_pages = freeze("in pages of two", sources=("judged", "other"))
    assert (in_pages.digest, in_pages.counts["rankings"]) == (in_one.digest, 3 + 5)
