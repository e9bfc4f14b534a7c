import json
import math

import pytest
import torch

from tests import tiny
from trainer.__main__ import main
from trainer.contract.folder import ANSWERS, DETECTIONS, INPUTS
from trainer.contract.records import AnswerToScore, Detection, read_rows, write_rows
from trainer.data.chat import encode_prompt
from trainer.models.backbone import load_policy

TEXTS = ["The apple is red. A red apple stands here.", "red", "", "¡Öl! 你好，红色的苹果", "grey window " * 30]
ROUNDING = 1e-4


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    return tiny.model_folder(tmp_path_factory.mktemp("policy"))


def detections(parent, folder, texts=TEXTS, **config):
    (folder / INPUTS).mkdir(parents=True)
    rows = [
        AnswerToScore(answer_id=f"t{i}", messages=tiny.messages("Name the stone. " * (i + 1)), text=text)
        for i, text in enumerate(texts)
    ]
    write_rows(folder / INPUTS / ANSWERS, AnswerToScore, rows)
    settings = {"max_tokens": 64, "min_tokens": 2, **config}
    manifest = tiny.run_stage("detect", folder, config=settings, parents={"policy": parent})
    return rows, list(read_rows(folder / DETECTIONS, Detection)), manifest


def slowly(model, context, ids):
    """Every token by a forward of all that stands before it, nothing batched, padded or masked; sums in Python."""
    logs, ranks, entropies, variances = [], [], [], []
    for place in range(0 if context else 1, len(ids)):
        before = torch.tensor([context + ids[:place]])
        row = model(input_ids=before).logits[0, -1].double().tolist()
        top = max(row)
        total = sum(math.exp(value - top) for value in row)
        logprobs = [value - top - math.log(total) for value in row]
        mean = sum(math.exp(log) * log for log in logprobs)
        logs.append(logprobs[ids[place]])
        ranks.append(1 + sum(value > row[ids[place]] for value in row))
        entropies.append(-mean)
        variances.append(sum(math.exp(log) * (log - mean) ** 2 for log in logprobs))
    n = len(logs)
    return {
        "likelihood": sum(logs) / n,
        "rank": sum(ranks) / n,
        "log_rank": sum(math.log(rank) for rank in ranks) / n,
        "entropy": sum(entropies) / n,
        "curvature": (sum(logs) + sum(entropies)) / math.sqrt(sum(variances)),
    }, ranks


@pytest.mark.parametrize("context", ["prompt", "none"])
def test_scores_equal_those_of_one_forward_per_token(parent, tmp_path, context):
    rows, found, manifest = detections(parent, tmp_path / "run", context=context, tokens_per_forward=200)
    assert [one.answer_id for one in found] == [row.answer_id for row in rows]
    model, toy = load_policy(parent), tiny.tokenizer()
    scored = 0
    with torch.no_grad():
        for row, one in zip(rows, found, strict=True):
            ids = toy.encode(row.text, add_special_tokens=False)
            ids = ids[: 63 if context == "prompt" else 64]
            asked = encode_prompt(toy, row.messages, 64 - len(ids)) if context == "prompt" else []
            assert one.tokens == max(0, len(ids) - (context == "none"))
            if one.tokens < 2:
                assert one.likelihood is one.rank is one.curvature is None
                continue
            scored += 1
            expected, ranks = slowly(model, asked, ids)
            for name, value in expected.items():
                assert getattr(one, name) == pytest.approx(value, abs=ROUNDING, rel=ROUNDING), name
            assert max(ranks) == max(piece.rank for piece in one.pieces if piece.rank)
    assert scored >= 3
    assert (manifest.metrics["data/texts"], manifest.metrics["data/scored"]) == (5, scored)
    assert any("no scores" in note for note in manifest.notes)


def test_what_stands_beside_a_text_changes_nothing(parent, tmp_path):
    _, together, _ = detections(parent, tmp_path / "together", tokens_per_forward=10_000)
    _, alone, _ = detections(parent, tmp_path / "alone", tokens_per_forward=1)
    for one, other in zip(together, alone, strict=True):
        assert [piece.text for piece in one.pieces] == [piece.text for piece in other.pieces]
        if one.likelihood is not None:
            assert one.curvature == pytest.approx(other.curvature, abs=ROUNDING)


def test_pieces_say_the_text_again_and_split_no_character(parent, tmp_path):
    rows, found, manifest = detections(parent, tmp_path, context="none")
    for row, one in zip(rows, found, strict=True):
        said = "".join(piece.text for piece in one.pieces)
        assert said == row.text if not one.cut else row.text.startswith(said)
    assert [one.cut for one in found] == [False, False, False, False, True]
    assert any("their beginning was read" in note for note in manifest.notes)
    chinese = found[3].pieces
    assert "你" in [piece.text for piece in chinese]  # three tokens of bytes, one piece
    assert all(piece.rank for piece in chinese)
    assert [piece.rank is None for piece in found[0].pieces][:3] == [True, False, False]  # nothing stood before it


def test_short_texts_get_pieces_and_no_scores(parent, tmp_path):
    _, found, manifest = detections(
        parent, tmp_path, ["red apple", "The apple is red. A red apple stands."], min_tokens=8
    )
    assert found[0].likelihood is found[0].curvature is None
    assert found[0].pieces
    assert found[1].likelihood < 0
    assert manifest.metrics["data/too_short"] == 1


def test_no_texts_are_an_empty_result_and_a_missing_file_a_sentence(parent, tmp_path):
    _, found, manifest = detections(parent, tmp_path / "empty", [])
    assert found == []
    assert manifest.metrics["detect/curvature_mean"] is None
    missing = tiny.prepare_stage("detect", tmp_path / "missing", config={"max_tokens": 64}, parents={"policy": parent})
    assert main(["detect", str(missing)]) == 1
    assert "no texts to look at" in json.loads((missing / "error.json").read_text())["message"]
