import json
import math
import random
from itertools import combinations

import numpy as np
import pytest
import torch

from tests import tiny
from trainer.__main__ import main
from trainer.contract.configs import RewardConfig
from trainer.contract.folder import ANSWERS, INPUTS, RANKINGS, SCORES, saved_step
from trainer.contract.records import Answer, AnswerToScore, Demonstration, Ranking, Score, read_rows, write_rows
from trainer.data.batches import pad
from trainer.data.chat import encode_pair
from trainer.data.rankings import Orders
from trainer.loop.seed import generator
from trainer.models.backbone import load_tokenizer
from trainer.models.reward_model import (
    Reader,
    label_names,
    label_scores,
    load_reward_model,
    members_at,
    new_reward_model,
    scores,
)
from trainer.stages import reward_scoring

CONFIG = {"learning_rate": 3e-3, "max_tokens": 48, "prompts_per_batch": 8}
PAIRWISE = CONFIG | {"prompts_per_batch": 2}


@pytest.fixture(scope="module")
def sft(tmp_path_factory):
    return tiny.model_folder(tmp_path_factory.mktemp("sft"))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """People here like red, and nothing else: the more often an answer says it, the better. Lengths tell nothing."""
    folder = tiny.snapshot(tmp_path_factory.mktemp("planted"))
    draw = random.Random(0)
    rows = []
    for i in range(160):
        answers = [" ".join(draw.choices(["red", "green", "blue", "white"], k=4)) for _ in range(draw.randint(2, 6))]
        counts = [text.count("red") for text in answers]
        rows.append(
            Ranking(
                ranking_id=f"r{i}",
                prompt_id=f"p{i}",
                messages=tiny.messages(f"Say colours {i}."),
                answers=[Answer(candidate_id=f"c{i}-{k}", text=text) for k, text in enumerate(answers)],
                ranks=[1 + sum(other > count for other in set(counts)) for count in counts],
                annotator="labeler-1",
                split="heldout" if i % 4 == 0 else "train",
            )
        )
    write_rows(folder / RANKINGS, Ranking, rows)
    return folder


@pytest.fixture(scope="module")
def few(planted, tmp_path_factory):
    """A quarter of it, where nothing has to be learned; with ``PAIRWISE`` as many steps as the whole takes."""
    folder = tiny.snapshot(tmp_path_factory.mktemp("few"))
    write_rows(folder / RANKINGS, Ranking, list(read_rows(planted / RANKINGS, Ranking))[:40])
    return folder


@pytest.fixture(scope="module")
def trained(planted, sft, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reward")
    return folder, tiny.run_stage(
        "reward", folder, config=CONFIG | {"epochs": 3}, snapshot=planted, parents={"sft": sft}
    )


def test_a_planted_preference_is_learned(trained):
    folder, manifest = trained
    numbers = manifest.metrics
    assert numbers["reward/heldout_accuracy"] > 0.95
    assert numbers["reward/heldout_accuracy_low"] > 0.85
    assert numbers["reward/heldout_accuracy_low"] <= numbers["reward/heldout_accuracy"]
    assert numbers["reward/heldout_accuracy"] <= numbers["reward/heldout_accuracy_high"]
    assert numbers["reward/longer_wins"] < 0.7
    lines = tiny.metrics(folder)
    assert lines[-1]["loss/train"] < lines[0]["loss/train"]
    assert [line["step"] for line in lines] == list(range(1, 46))  # 120 training prompts, 8 a step, 3 epochs
    assert sum("reward/heldout_accuracy" in line for line in lines) == 12  # every 4th of 45 steps, and the last
    # There are few enough held-out prompts to watch them all, so the last look is the final measurement.
    for name in ("reward/heldout_accuracy", "loss/heldout"):
        assert lines[-1][name] == pytest.approx(numbers[name], rel=1e-4)


def test_pairs_and_ties_are_counted_as_by_hand(trained, planted):
    _, manifest = trained
    for split, prefix in (("train", "data/"), ("heldout", "data/heldout_")):
        strict = tied = same = rankings = 0
        for row in read_rows(planted / RANKINGS, Ranking):
            if row.split == split:
                rankings += 1
                texts = [answer.text for answer in row.answers]
                for (a, one), (b, other) in combinations(zip(row.ranks, texts, strict=True), 2):
                    same += one == other
                    strict, tied = strict + (a != b), tied + (a == b and one != other)
        assert tied > 0
        assert manifest.metrics[f"{prefix}pairs_used"] == strict
        assert manifest.metrics[f"{prefix}pairs_tied"] == tied
        assert manifest.metrics[f"{prefix}pairs_same"] == same
        assert manifest.metrics[f"{prefix}rankings"] == manifest.metrics[f"{prefix}prompts"] == rankings


@torch.no_grad()
def test_the_saved_model_measures_as_the_manifest_says_and_demonstrations_score_zero(trained, planted):
    folder, manifest = trained
    model, tokenizer = load_reward_model(folder / "model"), load_tokenizer(folder / "model")

    def score(messages, text):
        prompt, answer = encode_pair(tokenizer, messages, text, CONFIG["max_tokens"])
        return scores(model, *pad([prompt + answer], 0, "right")).item()

    right = total = 0
    for row in read_rows(planted / RANKINGS, Ranking):
        if row.split == "heldout":
            found = [score(row.messages, answer.text) for answer in row.answers]
            for i, j in combinations(range(len(found)), 2):
                if row.ranks[i] != row.ranks[j]:
                    total += 1
                    right += (found[i] > found[j]) == (row.ranks[i] < row.ranks[j])
    assert right / total == pytest.approx(manifest.metrics["reward/heldout_accuracy"], abs=1e-6)

    assert demonstrations_score(model, tokenizer, planted) == pytest.approx([0], abs=1e-4)
    assert manifest.metrics["reward/centred_on"] == "demonstrations"


def encoded(tokenizer, messages, text):
    prompt, answer = encode_pair(tokenizer, messages, text, CONFIG["max_tokens"])
    return prompt + answer


@torch.no_grad()
def demonstrations_score(model, tokenizer, snapshot):
    """What each label says of the training demonstrations, on average."""
    rows = [
        encoded(tokenizer, d.messages, d.response)
        for d in read_rows(snapshot / "demonstrations.parquet", Demonstration)
        if d.split == "train"
    ]
    return label_scores(model, *pad(rows, 0, "right")).mean(0).tolist()


def cost(gap):
    return math.log1p(math.exp(-gap))


def orders(ranks, *, likert=None, strength=None, heads=()):
    """Rankings of equally many answers, numbered in order."""
    ranks = np.array(ranks)
    unknown = np.full(ranks.shape, np.nan)
    return Orders(
        answers=np.arange(ranks.size).reshape(ranks.shape),
        ranks=ranks,
        present=np.ones(ranks.shape, dtype=bool),
        likert=unknown if likert is None else np.array(likert, dtype=float),
        shown=unknown,
        strength=unknown[:, 0] if strength is None else np.array(strength),
        weights=np.ones(len(ranks)),
        head_ranks=np.array(heads, dtype=np.int64).reshape(len(heads), *ranks.shape),
        seen=np.arange(ranks.size).reshape(ranks.shape),
    )


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, cost(1)),
        ({"label_smoothing": 0.1}, 0.9 * cost(1) + 0.1 * cost(-1)),
        ({"margin": "likert"}, cost(1 - 4)),
        ({"margin": "likert", "margin_scale": 0.5}, cost(1 - 2)),
        ({"margin": "strength"}, cost(1 - 3)),
        ({"margin": "strength", "margin_scale": 0.5}, cost(1 - 1.5)),
        ({"margin": "strength", "margin_scale": 0.5, "margin_from": 1}, cost(1 - 1)),
        ({"margin": "strength", "margin_from": 4}, cost(1)),
    ],
)
def test_a_pair_costs_what_the_configuration_says(config, expected):
    pair = orders([[2, 1]], likert=[[3, 7]], strength=[3.0])
    found = reward_scoring.losses(torch.tensor([[0.0], [1.0]]), pair.answers, pair, RewardConfig(**config))
    assert found.tolist() == pytest.approx([expected])


def test_further_heads_weigh_together_as_much_as_the_overall_one_and_know_neither_margins_nor_smoothing():
    pair = orders([[1, 2]], likert=[[7, 1]], heads=[[[1, 2]], [[2, 1]]])
    config = RewardConfig(margin="likert", label_smoothing=0.2, heads=["truthful", "harmless"])
    found = reward_scoring.losses(torch.tensor([[2.0, 0.0, 3.0], [0.0, 1.0, 0.0]]), pair.answers, pair, config)
    overall = 0.8 * cost(2 - 6) + 0.2 * cost(-2)
    assert found.tolist() == pytest.approx([overall + (cost(-1) + cost(-3)) / 2])


MARGINS = {
    "likert": ({"margin": "likert"}, lambda better, worse: better - worse),
    "strength": ({"margin": "strength", "margin_scale": 1 / 3, "margin_from": 2}, lambda b, w: max(0, b - w - 2) / 3),
}
"""The configuration, and what it demands of a pair with these ratings, whose strength is their difference."""


@pytest.mark.parametrize("margin", MARGINS)
def test_a_step_is_the_weighted_mean_over_its_rankings_however_many_forwards_it_takes(sft, tmp_path, margin):
    """Four rankings of three prompts by two people; different ratings make their losses differ."""
    ratings = {("p0", "ann"): (7, 1), ("p0", "bob"): (4, 1), ("p1", "ann"): (2, 1), ("p2", "bob"): (6, 1)}
    own = {("p0", "ann"): 0.25, ("p1", "ann"): 2.0}
    weights = {("p0", "ann"): 3 * 0.25, ("p0", "bob"): 3 * 0.5, ("p1", "ann"): 2, ("p2", "bob"): 0.5}
    rows = [
        Ranking(
            ranking_id=f"{prompt}-{person}",
            prompt_id=prompt,
            messages=tiny.messages(f"Say {prompt}."),
            answers=[
                Answer(candidate_id=text, text=text, likert=rating)
                for text, rating in zip(["red stone", "blue"], rated, strict=True)
            ],
            ranks=[1, 2],
            annotator=person,
            weight=own.get((prompt, person)),
            strength=rated[0] - rated[1],
        )
        for (prompt, person), rated in ratings.items()
    ]
    snapshot = tiny.snapshot(tmp_path / "snapshot")
    write_rows(snapshot / RANKINGS, Ranking, rows)
    asked, demanded = MARGINS[margin]
    config = CONFIG | asked | {"prompt_weights": {"p0": 3}, "labeler_weights": {"bob": 0.5}}
    given = {"snapshot": snapshot, "parents": {"sft": sft}}
    tiny.run_stage("reward", tmp_path / "run", config=config | {"tokens_per_forward": 1}, **given)
    (line,) = tiny.metrics(tmp_path / "run")

    model, tokenizer = new_reward_model(sft, 0, generator(0, "reward head")), load_tokenizer(sft)
    total = torch.zeros(())
    for row in rows:
        texts = [encoded(tokenizer, row.messages, answer.text) for answer in row.answers]
        better, worse = scores(model, *pad(texts, 0, "right"))
        gap = demanded(*(answer.likert for answer in row.answers))
        weight = weights[row.prompt_id, row.annotator]
        total = total - weight * torch.nn.functional.logsigmoid(better - worse - gap)
    expected = total / sum(weights.values())
    expected.backward()
    norm = torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None]).norm()
    assert line["loss/train"] == pytest.approx(expected.item(), rel=1e-4)
    assert line["optimizer/gradient_norm"] == pytest.approx(norm.item(), rel=1e-3)


def test_the_tie_parameter_begins_where_people_tie(sft, tmp_path):
    # One pair of six is tied: ν / (2 + ν) = 1/6 for ν = 0.4. The first step moves its logarithm by 0.1 at most.
    snapshot = tiny.snapshot(tmp_path / "snapshot")
    config = CONFIG | {"ties": "davidson", "prompts_per_batch": 16}
    tiny.run_stage("reward", tmp_path / "run", config=config, snapshot=snapshot, parents={"sft": sft})
    (line,) = tiny.metrics(tmp_path / "run")
    assert abs(math.log(line["reward/tie_parameter"] / 0.4)) < 0.101


def test_the_manifest_judges_the_model_on_the_held_out_rankings(trained):
    _, manifest = trained
    judging = manifest.judging
    assert judging.split == "heldout"
    assert judging.accuracy.value == manifest.metrics["reward/heldout_accuracy"]
    assert judging.accuracy.n == manifest.metrics["data/heldout_pairs_used"]
    assert sum(group.accuracy.n for group in judging.by_k) == judging.accuracy.n
    assert judging.ties.tied_pairs == manifest.metrics["data/heldout_pairs_tied"]
    assert sum(part.answers for part in judging.distributions) == manifest.metrics["data/heldout_answers"]
    probes = {probe.name: probe for probe in judging.probes}
    assert probes["longer_wins"].people.value == manifest.metrics["reward/longer_wins"]
    # Who likes red loses by the half that is cut away, and does not care for the order of words.
    assert probes["original_wins:cut_short"].model.value > 0.7
    assert probes["original_wins:cut_short"].model.n > 20


def test_each_answer_is_scored_once_an_epoch_however_many_people_ranked_it(planted, sft, tmp_path, monkeypatch):
    snapshot = tmp_path / "snapshot"
    tiny.snapshot(snapshot)
    rows = list(read_rows(planted / RANKINGS, Ranking))[:24]
    second = [row.model_copy(update={"ranking_id": row.ranking_id + "b", "annotator": "labeler-2"}) for row in rows]
    write_rows(snapshot / RANKINGS, Ranking, [*rows, *second])
    trained_on = []

    def counting(reader, conversations):
        if torch.is_grad_enabled():
            trained_on.extend((*talk.prompt, *answer) for talk in conversations for answer in talk.answers)
        return read(reader, conversations)

    read = Reader.__call__
    monkeypatch.setattr(Reader, "__call__", counting)
    manifest = tiny.run_stage("reward", tmp_path / "run", config=CONFIG, snapshot=snapshot, parents={"sft": sft})
    expected = sum(len(row.answers) for row in rows if row.split == "train")
    assert len(trained_on) == expected == manifest.metrics["data/answers"]
    assert manifest.metrics["data/rankings"] == 2 * manifest.metrics["data/prompts"]


@pytest.mark.parametrize("other", [{"tokens_per_forward": 100}, {"share_prefixes": False}])
def test_how_much_is_computed_together_changes_nothing_but_rounding(few, sft, tmp_path, other):
    given = {"snapshot": few, "parents": {"sft": sft}}
    tiny.run_stage("reward", tmp_path / "whole", config=CONFIG, **given)
    tiny.run_stage("reward", tmp_path / "parts", config=CONFIG | other, **given)
    for whole, parts in zip(tiny.metrics(tmp_path / "whole"), tiny.metrics(tmp_path / "parts"), strict=True):
        assert whole["loss/train"] == pytest.approx(parts["loss/train"], abs=1e-3)
        assert whole["optimizer/gradient_norm"] == pytest.approx(parts["optimizer/gradient_norm"], rel=1e-2)


def test_resuming_equals_never_stopping_and_a_seed_gives_its_numbers_again(few, sft, tmp_path, monkeypatch):
    config = PAIRWISE | {"checkpoint_every": 4}
    given = {"config": config, "snapshot": few, "parents": {"sft": sft}}
    whole = tiny.run_stage("reward", tmp_path / "whole", **given)
    tiny.stop_at(monkeypatch, 5)
    with pytest.raises(SystemExit):
        tiny.run_stage("reward", tmp_path / "stopped", **given)
    monkeypatch.undo()
    assert saved_step(tmp_path / "stopped") == 5
    tiny.kill_at(monkeypatch, 11)
    with pytest.raises(tiny.Killed):
        tiny.run_stage("reward", tmp_path / "stopped", **given)
    monkeypatch.undo()
    assert not (tmp_path / "stopped" / "manifest.json").exists()
    resumed = tiny.run_stage("reward", tmp_path / "stopped", **given)
    assert tiny.metrics(tmp_path / "stopped") == tiny.metrics(tmp_path / "whole")
    assert tiny.same_weights(tmp_path / "stopped", tmp_path / "whole")
    clockless = [{k: v for k, v in m.metrics.items() if not k.startswith("time/")} for m in (whole, resumed)]
    assert clockless[0] == clockless[1]

    tiny.run_stage("reward", tmp_path / "other", **given, seed=1)
    assert tiny.metrics(tmp_path / "other") != tiny.metrics(tmp_path / "whole")


def test_the_divisor_is_a_switch(few, sft, tmp_path):
    # The first loss is of the same model on the same prompts, so only the divisor differs.
    first = {}
    for divisor in ("all_pairs", "strict_pairs"):
        config = CONFIG | {"divisor": divisor}
        tiny.run_stage("reward", tmp_path / divisor, config=config, snapshot=few, parents={"sft": sft})
        first[divisor] = tiny.metrics(tmp_path / divisor)[0]["loss/train"]
    assert first["all_pairs"] < first["strict_pairs"]


def test_without_a_preference_the_run_fails_with_a_sentence(planted, sft, tmp_path):
    snapshot = tiny.snapshot(tmp_path / "snapshot")
    rows = [r.model_copy(update={"ranks": [1] * len(r.answers)}) for r in read_rows(planted / RANKINGS, Ranking)]
    write_rows(snapshot / RANKINGS, Ranking, rows)
    folder = tiny.prepare_stage("reward", tmp_path / "run", config=CONFIG, snapshot=snapshot, parents={"sft": sft})
    assert main(["reward", str(folder)]) == 1
    assert "no strict preference" in json.loads((folder / "error.json").read_text())["message"]


def test_without_held_out_rankings_and_demonstrations_it_still_runs(planted, sft, tmp_path):
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    write_rows(snapshot / RANKINGS, Ranking, (r for r in read_rows(planted / RANKINGS, Ranking) if r.split == "train"))
    manifest = tiny.run_stage("reward", tmp_path / "run", config=CONFIG, snapshot=snapshot, parents={"sft": sft})
    assert "reward/heldout_accuracy" not in manifest.metrics
    assert manifest.metrics["reward/centred_on"] == "answers"
    assert abs(manifest.metrics["reward/mean"]) < 1e-4


def one(number, texts, ranks, *, labeler="labeler-1", split="train", **answer):
    return Ranking.model_construct(
        ranking_id=f"r{number}",
        prompt_id=f"p{number}",
        messages=tiny.messages(f"Say {number}."),
        answers=[Answer(candidate_id=f"c{number}-{k}", text=text, **answer) for k, text in enumerate(texts)],
        ranks=ranks,
        annotator=labeler,
        split=split,
    )


def test_bad_rankings_are_told_of_in_log_and_manifest_and_never_stop_a_run(planted, sft, tmp_path, capsys):
    snapshot = tiny.snapshot(tmp_path / "snapshot")
    bad = [
        one(900, ["red"], [1]),
        one(901, ["red", "blue"], [1]),
        one(902, ["red", "green"], [1, 1]),
        one(903, ["red", "red"], [1, 2]),
        one(904, ["", "red"], [2, 1]),
        one(905, ["green " * 100, "red"], [2, 1]),
        one(906, ["red", "blue"], [1, 2]).model_copy(update={"strength": float("nan")}),
        one(907, ["red", "blue"], [1, 2]).model_copy(
            update={"messages": tiny.messages("Say colours, " * 60)},
        ),
    ]
    rows = list(read_rows(planted / RANKINGS, Ranking))
    write_rows(snapshot / RANKINGS, Ranking, [*bad, *rows])
    config = CONFIG | {"labeler_weights": {"nobody": 0.5}, "prompt_weights": {"p1": 0}}
    manifest = tiny.run_stage("reward", tmp_path / "run", config=config, snapshot=snapshot, parents={"sft": sft})
    told, log = "\n".join(manifest.notes), capsys.readouterr().out
    for words in (
        "1 × a ranking is left out because a ranking needs at least two answers (r900)",
        "1 × a ranking is left out because each answer needs one rank (answers: 2, ranks: 1) (r901)",
        "all answers of a ranking are tied (",
        "same text (",
        "1 × an answer is empty (c904-0)",
        "1 × an answer is longer than max_tokens and loses its end (c905-0)",
        "the strength of a ranking is no number from 0 and counts as unknown (r906)",
        "a prompt loses its oldest tokens beside an answer (p90",
        "1 × a weight is given for a labeler without training rankings (nobody)",
    ):
        assert words in told
        assert words in log
    assert "r902" in told
    used = sum(row.split == "train" for row in rows)
    assert manifest.metrics["data/rankings"] == used + 6


def test_a_weight_that_is_no_number_is_refused_before_anything_is_read(planted, sft, tmp_path):
    for weight in (float("nan"), -1.0):
        folder = tmp_path / str(weight)
        given = {"snapshot": planted, "parents": {"sft": sft}}
        tiny.prepare_stage("reward", folder, config=CONFIG, **given)
        spec = json.loads((folder / "config.json").read_text())
        spec["config"]["labeler_weights"] = {"labeler-1": weight}
        (folder / "config.json").write_text(json.dumps(spec))
        assert main(["reward", str(folder)]) == 1
        assert 'field "labeler_weights.labeler-1"' in json.loads((folder / "error.json").read_text())["message"]


def test_what_a_weight_of_zero_silences_teaches_nothing(planted, sft, tmp_path):
    """Half of the people like red least: with weight 0 they are as if they were not there."""
    snapshot = tiny.snapshot(tmp_path / "snapshot")
    rows = list(read_rows(planted / RANKINGS, Ranking))[:80]
    contrary = [
        row.model_copy(
            update={
                "prompt_id": row.prompt_id + "-contrary",
                "annotator": "contrary",
                "ranks": [max(row.ranks) + 1 - rank for rank in row.ranks],
            }
        )
        for row in rows
        if row.split == "train"
    ]
    write_rows(snapshot / RANKINGS, Ranking, [*rows, *contrary])
    given = {"snapshot": snapshot, "parents": {"sft": sft}}
    plain = CONFIG | {"epochs": 2, "prompts_per_batch": 4}
    heard = tiny.run_stage("reward", tmp_path / "heard", config=plain, **given)
    config = plain | {"labeler_weights": {"contrary": 0}}
    silenced = tiny.run_stage("reward", tmp_path / "silenced", config=config, **given)
    assert silenced.metrics["reward/heldout_accuracy"] > 0.9
    assert heard.metrics["reward/heldout_accuracy"] < 0.75
    # The same where the rows themselves say so, as a snapshot that weighs labelers does.
    weightless = [row.model_copy(update={"weight": 0.0}) for row in contrary]
    write_rows(snapshot / RANKINGS, Ranking, [*rows, *weightless])
    by_rows = tiny.run_stage("reward", tmp_path / "by rows", config=plain, **given)
    assert by_rows.metrics["reward/heldout_accuracy"] == silenced.metrics["reward/heldout_accuracy"]
    assert f"{len(contrary)} × a ranking has weight 0 and teaches nothing" in "\n".join(by_rows.notes)


@pytest.mark.parametrize("ties", ["soft", "davidson", "rao_kupper"])
def test_tie_aware_losses_learn_the_same_order_and_resume_with_their_parameter(
    planted, few, sft, tmp_path, monkeypatch, ties
):
    config = CONFIG | {"ties": ties, "epochs": 2}
    learned = tiny.run_stage("reward", tmp_path / "all", config=config, snapshot=planted, parents={"sft": sft})
    assert learned.metrics["reward/heldout_accuracy"] > 0.9
    given = {
        "config": PAIRWISE | {"ties": ties, "checkpoint_every": 4},
        "snapshot": few,
        "parents": {"sft": sft},
    }
    whole = tiny.run_stage("reward", tmp_path / "whole", **given)
    assert ("reward/tie_parameter" in whole.metrics) == (ties != "soft")
    tiny.kill_at(monkeypatch, 11)
    with pytest.raises(tiny.Killed):
        tiny.run_stage("reward", tmp_path / "stopped", **given)
    monkeypatch.undo()
    resumed = tiny.run_stage("reward", tmp_path / "stopped", **given)
    assert resumed.metrics.get("reward/tie_parameter") == whole.metrics.get("reward/tie_parameter")
    assert tiny.metrics(tmp_path / "stopped") == tiny.metrics(tmp_path / "whole")


def test_an_ensemble_is_saved_whole_resumes_in_any_member_and_scores_by_its_mean(few, sft, tmp_path, monkeypatch):
    # So little learning that the members are not of one mind.
    config = PAIRWISE | {"ensemble": 3, "checkpoint_every": 4, "learning_rate": 1e-4, "ties": "davidson"}
    given = {"config": config, "snapshot": few, "parents": {"sft": sft}}
    whole = tiny.run_stage("reward", tmp_path / "whole", **given)
    figures = whole.judging.ensemble
    assert len(figures.members) == 3
    assert len({member.value for member in figures.members}) > 1
    assert figures.mean == whole.judging.accuracy
    assert 0 < figures.split_pairs.value < 1
    for step in (6, 21, 38):
        tiny.kill_at(monkeypatch, step)
        with pytest.raises(tiny.Killed):
            tiny.run_stage("reward", tmp_path / "stopped", **given)
        monkeypatch.undo()
    resumed = tiny.run_stage("reward", tmp_path / "stopped", **given)
    assert resumed.judging.accuracy == whole.judging.accuracy
    # A member that was kept on disk lies elsewhere in memory, and sums of floats notice.
    deviation = resumed.judging.ensemble.score_deviation
    assert deviation == pytest.approx(figures.score_deviation, rel=1e-6)
    assert tiny.metrics(tmp_path / "stopped") == tiny.metrics(tmp_path / "whole")
    assert resumed.metrics["reward/tie_parameter"] == whole.metrics["reward/tie_parameter"]

    answers = [
        AnswerToScore(answer_id=str(k), messages=tiny.messages("Say colours."), text=text)
        for k, text in enumerate(["red red", "green blue"])
    ]
    (tmp_path / "score" / INPUTS).mkdir(parents=True)
    write_rows(tmp_path / "score" / INPUTS / ANSWERS, AnswerToScore, answers)
    parent = {"reward": tmp_path / "whole" / "model"}
    tiny.run_stage("score", tmp_path / "score", config={"max_tokens": 48}, parents=parent)
    members = [load_reward_model(folder) for folder in members_at(parent["reward"])]
    assert len(members) == 3
    for member in members:
        assert demonstrations_score(member, load_tokenizer(parent["reward"]), few) == pytest.approx([0], abs=1e-4)
    for row, found in zip(answers, read_rows(tmp_path / "score" / SCORES, Score), strict=True):
        prompt, answer = encode_pair(load_tokenizer(parent["reward"]), row.messages, row.text, 48)
        with torch.no_grad():
            each = torch.cat([scores(member, *pad([prompt + answer], 0, "right")) for member in members])
        assert found.score == pytest.approx(each.mean().item(), abs=1e-5)
        assert found.deviation == pytest.approx(each.std(correction=0).item(), abs=1e-5)


def test_further_heads_learn_their_own_flags(planted, sft, tmp_path):
    """Green is called false and blue harmful, whatever the ranking says of red."""
    snapshot = tiny.snapshot(tmp_path / "snapshot")
    rows = []
    for row in read_rows(planted / RANKINGS, Ranking):
        flags = {"green": "hallucination", "blue": "harmful_advice"}
        answers = [
            a.model_copy(update={"flags": [flag for word, flag in flags.items() if word in a.text]})
            for a in row.answers
        ]
        rows.append(row.model_copy(update={"answers": answers}))
    write_rows(snapshot / RANKINGS, Ranking, rows)
    config = CONFIG | {"epochs": 4, "heads": ["truthful", "harmless"]}
    manifest = tiny.run_stage("reward", tmp_path / "run", config=config, snapshot=snapshot, parents={"sft": sft})
    by_head = {group.name: group.accuracy.value for group in manifest.judging.by_head}
    assert by_head.keys() == {"truthful", "harmless"}
    assert min(by_head.values()) > 0.85
    assert manifest.judging.accuracy.value > 0.85

    model = load_reward_model(tmp_path / "run" / "model")
    assert label_names(model) == ["overall", "truthful", "harmless"]
    tokenizer = load_tokenizer(tmp_path / "run" / "model")
    assert demonstrations_score(model, tokenizer, snapshot) == pytest.approx([0, 0, 0], abs=1e-4)

    def all_scores(text):
        prompt, answer = encode_pair(tokenizer, tiny.messages("Say colours 1."), text, 48)
        with torch.no_grad():
            return label_scores(model, *pad([prompt + answer], 0, "right"))[0].tolist()

    green, blue = all_scores("green green white white"), all_scores("blue blue white white")
    assert green[1] < blue[1]
    assert blue[2] < green[2]

    silent = tiny.prepare_stage("reward", tmp_path / "no", config=config, snapshot=planted, parents={"sft": sft})
    assert main(["reward", str(silent)]) == 1
    assert 'head "truthful" has nothing to learn from' in json.loads((silent / "error.json").read_text())["message"]


def test_a_margin_from_ratings_widens_the_gaps_it_asks_for(planted, sft, tmp_path):
    snapshot = tiny.snapshot(tmp_path / "snapshot")
    rows = [
        row.model_copy(
            update={
                "answers": [
                    a.model_copy(update={"likert": 7 if rank == 1 else 1})
                    for a, rank in zip(row.answers, row.ranks, strict=True)
                ]
            }
        )
        for row in read_rows(planted / RANKINGS, Ranking)
    ]
    write_rows(snapshot / RANKINGS, Ranking, rows)
    given = {"snapshot": snapshot, "parents": {"sft": sft}}
    plain = tiny.run_stage("reward", tmp_path / "plain", config=CONFIG | {"epochs": 2}, **given)
    config = CONFIG | {"epochs": 2, "margin": "likert", "margin_scale": 0.5}
    wide = tiny.run_stage("reward", tmp_path / "wide", config=config, **given)
    assert wide.metrics["reward/std"] > plain.metrics["reward/std"]
    assert {group.name for group in wide.judging.by_likert_gap} >= {"6"}
