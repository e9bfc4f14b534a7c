import json
import random

import numpy as np
import pytest

from tests import tiny
from trainer.__main__ import main
from trainer.contract.folder import MANIFEST, PROMPTS, RANKINGS
from trainer.contract.records import Answer, Prompt, Ranking, read_rows, write_rows
from trainer.stages import crossvalidate

CONFIG = {"learning_rate": 3e-3, "max_tokens": 48, "prompts_per_batch": 8, "folds": 2, "seeds": 2, "epochs": 3}


@pytest.fixture(scope="module")
def sft(tmp_path_factory):
    return tiny.model_folder(tmp_path_factory.mktemp("sft"))


def snapshot(path, *, prompts=120, heldout=True, people=("ann", "bob", "cat", "dan"), contrary=()):
    """Everybody likes red, but for the contrary, who like it least."""
    folder = tiny.snapshot(path)
    draw = random.Random(0)
    rows = []
    for i in range(prompts):
        texts = [" ".join(draw.choices(["red", "green", "blue", "white"], k=4)) for _ in range(4)]
        person = people[i % len(people)]
        sign = -1 if person in contrary else 1
        counts = [sign * text.count("red") for text in texts]
        rows.append(
            Ranking(
                ranking_id=f"r{i}",
                prompt_id=f"p{i}",
                messages=tiny.messages(f"Say colours {i}."),
                answers=[Answer(candidate_id=f"c{i}-{k}", text=text) for k, text in enumerate(texts)],
                ranks=[1 + sum(other > count for other in set(counts)) for count in counts],
                annotator=person,
                split="heldout" if heldout and i % 5 == 0 else "train",
            )
        )
    write_rows(folder / RANKINGS, Ranking, rows)
    return folder


def test_people_who_judge_the_other_way_round_are_not_predicted_by_the_rest(sft, tmp_path):
    data = snapshot(tmp_path / "snapshot", people=("ann", "bob"), contrary=("bob",))
    manifest = tiny.run_stage("crossvalidate", tmp_path / "run", config=CONFIG, snapshot=data, parents={"sft": sft})
    figures = manifest.cross_validation
    assert [(fold.fold, fold.labelers) for fold in figures.folds][:2] == [(0, ["ann"]), (1, ["bob"])] or [
        (fold.fold, fold.labelers) for fold in figures.folds
    ][:2] == [(0, ["bob"]), (1, ["ann"])]
    assert len(figures.folds) == 4
    assert len({fold.seed for fold in figures.folds}) == 2
    for fold in figures.folds:
        assert fold.seen.value > 0.8
        assert fold.unseen.value < 0.2
        assert fold.seen.n > 0
        assert fold.unseen.n > 0
    assert manifest.metrics["reward/seen_accuracy"] == pytest.approx(sum(f.seen.value for f in figures.folds) / 4)
    assert not (tmp_path / "run" / "model").exists()
    assert [line["step"] for line in tiny.metrics(tmp_path / "run")] == list(range(1, 2 * 2 * 3 * 6 + 1))


def test_the_groups_people_belong_to_are_left_out_by_name(sft, tmp_path):
    data = snapshot(tmp_path / "snapshot", contrary=("cat",))
    belongs = {"ann": "north", "bob": "north", "cat": "south"}
    rows = [
        r.model_copy(update={"labeler_group": belongs.get(r.annotator)}) for r in read_rows(data / RANKINGS, Ranking)
    ]
    write_rows(data / RANKINGS, Ranking, rows)
    config = CONFIG | {"grouping": "labeler_group", "seeds": 1}
    manifest = tiny.run_stage("crossvalidate", tmp_path / "run", config=config, snapshot=data, parents={"sft": sft})
    north, south = manifest.cross_validation.folds
    assert (north.group, north.labelers) == ("north", ["ann", "bob"])
    assert (south.group, south.labelers) == ("south", ["cat"])
    assert south.seen.value > 0.8
    assert south.unseen.value < 0.2
    assert any("1 × a person is in no labeler group" in note and "(dan)" in note for note in manifest.notes)


def test_without_held_out_prompts_some_are_left_out_and_it_is_said(sft, tmp_path):
    data = snapshot(tmp_path / "snapshot", heldout=False)
    config = CONFIG | {"seeds": 1, "epochs": 1}
    manifest = tiny.run_stage("crossvalidate", tmp_path / "run", config=config, snapshot=data, parents={"sft": sft})
    assert any("12 of its 120 training prompts" in note for note in manifest.notes)
    fold = manifest.cross_validation.folds[0]
    assert fold.seen.prompts + fold.unseen.prompts == 12


@pytest.mark.parametrize("heldout", ["none", "prompts", "people and prompts"])
def test_no_training_sees_the_group_left_out_or_a_prompt_that_is_measured(sft, tmp_path, monkeypatch, heldout):
    data = snapshot(tmp_path / "snapshot", prompts=40, heldout=heldout != "none")
    rows = list(read_rows(data / RANKINGS, Ranking))
    if heldout == "none":  # the same question in two spellings, and in two files of one user
        rows[20:] = [
            row.model_copy(update={"messages": tiny.messages(f"say COLOURS {i}") if i < 10 else row.messages})
            for i, row in enumerate(rows[20:])
        ]
        write_rows(data / RANKINGS, Ranking, rows)
        groups = {row.prompt_id: f"p{i % 20}" if i % 20 >= 10 else None for i, row in enumerate(rows)}
        named = [Prompt(prompt_id=id_, messages=tiny.messages("x"), group=group) for id_, group in groups.items()]
        write_rows(data / PROMPTS, Prompt, named)
    if heldout == "people and prompts":
        again = {"ranking_id": "again", "annotator": "eve", "split": "heldout"}
        rows.append(next(row for row in rows if row.split == "train").model_copy(update=again))
        write_rows(data / RANKINGS, Ranking, rows)
    trained, measured = [], []
    fit, score_answers = crossvalidate.fit, crossvalidate.score_answers

    def fitting(job, train, progress, **given):
        trained.append((train, given["seed"]))
        return fit(job, train, progress, **given)

    def scoring(job, reader, part, elements):
        measured.append(part)
        return score_answers(job, reader, part, elements)

    monkeypatch.setattr(crossvalidate, "fit", fitting)
    monkeypatch.setattr(crossvalidate, "score_answers", scoring)
    config = CONFIG | {"epochs": 1, "labeler_weights": {"ann": 3}}
    manifest = tiny.run_stage("crossvalidate", tmp_path / "run", config=config, snapshot=data, parents={"sft": sft})

    folds = manifest.cross_validation.folds
    assert len(folds) == len(trained) == 4
    for fold, (train, seed), part in zip(folds, trained, measured, strict=True):
        kept = train.all_rankings
        people = np.array(train.labelers)[kept]
        assert set(people) == {"ann", "bob", "cat", "dan"} - set(fold.labelers)
        assert fold.seed == seed
        assert len(part) == {"none": 4, "prompts": 8, "people and prompts": 8}[heldout]
        assert not set(part.prompt_ids) & set(train.prompt_ids)
        if heldout == "none":
            assert not {int(name[1:]) % 20 for name in part.prompt_ids} & {
                int(name[1:]) % 20 for name in train.prompt_ids
            }
        raw = np.where(people == "ann", 3, 1)
        assert train.weights[kept].tolist() == pytest.approx((raw / raw.mean()).tolist())


def test_who_ranked_nothing_to_learn_from_is_neither_seen_nor_left_out_and_it_is_said(sft, tmp_path):
    data = snapshot(tmp_path / "snapshot", prompts=40)
    rows = list(read_rows(data / RANKINGS, Ranking))
    foreign = [row.model_copy(update={"ranking_id": f"{row.ranking_id}-eve", "annotator": "eve"}) for row in rows]
    nobodys = [row.model_copy(update={"ranking_id": f"{row.ranking_id}-?", "annotator": None}) for row in rows[:3]]
    write_rows(data / RANKINGS, Ranking, [*rows, *nobodys, *(row for row in foreign if row.split == "heldout")])
    config = CONFIG | {"epochs": 1, "seeds": 1}
    manifest = tiny.run_stage("crossvalidate", tmp_path / "run", config=config, snapshot=data, parents={"sft": sft})
    own = sum(len(set(row.ranks)) > 1 for row in rows if row.split == "heldout")
    for fold in manifest.cross_validation.folds:
        assert fold.seen.n + fold.unseen.n == pairs_of(rows)
        assert fold.seen.prompts + fold.unseen.prompts == own
    assert any("1 × a person" in note and "(eve)" in note for note in manifest.notes)
    assert any("2 × a ranking is by somebody whom the snapshot does not name" in note for note in manifest.notes)


def pairs_of(rows):
    """Strict pairs of the held-out rankings."""
    return sum(a < b for row in rows if row.split == "heldout" for a in row.ranks for b in row.ranks)


def test_resuming_equals_never_stopping(sft, tmp_path, monkeypatch):
    given = {
        "config": CONFIG | {"epochs": 1, "checkpoint_every": 4},
        "snapshot": snapshot(tmp_path / "snapshot"),
        "parents": {"sft": sft},
    }
    whole = tiny.run_stage("crossvalidate", tmp_path / "whole", **given)
    for step in (3, 9, 19):  # in the first training, in the second, and at the start of the fourth
        tiny.kill_at(monkeypatch, step)
        with pytest.raises(tiny.Killed):
            tiny.run_stage("crossvalidate", tmp_path / "stopped", **given)
        monkeypatch.undo()
    resumed = tiny.run_stage("crossvalidate", tmp_path / "stopped", **given)
    assert resumed.cross_validation == whole.cross_validation
    assert tiny.metrics(tmp_path / "stopped") == tiny.metrics(tmp_path / "whole")


def test_too_few_people_are_a_sentence_before_anything_is_trained(sft, tmp_path):
    data = snapshot(tmp_path / "snapshot", people=("ann",))
    folder = tiny.prepare_stage("crossvalidate", tmp_path / "run", config=CONFIG, snapshot=data, parents={"sft": sft})
    assert main(["crossvalidate", str(folder)]) == 1
    assert (
        "Labelers in this snapshot: 1. Each of 2 groups" in json.loads((folder / "error.json").read_text())["message"]
    )
    assert not (folder / MANIFEST).exists()
