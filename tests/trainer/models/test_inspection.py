"""A model from elsewhere is told what it is, or every reason why it cannot be used, and no weight is read for it."""

import json
import shutil
import struct

import psutil
import pytest
from safetensors.torch import load_file, save_file

from tests import tiny
from trainer.__main__ import main
from trainer.contract import inspection
from trainer.contract.inspection import Inspection
from trainer.contract.weights import INDEX, SINGLE
from trainer.models.inspection import inspect


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return tiny.model_folder(tmp_path_factory.mktemp("models") / "good")


@pytest.fixture
def folder(good, tmp_path):
    return shutil.copytree(good, tmp_path / "model")


def edit(file, **changed):
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({name: value for name, value in {**known, **changed}.items() if value is not None}))


def refused(folder, kind="base"):
    found = inspect(folder, kind)
    assert found.facts is None
    return found.sentences


def test_a_model_is_told_what_it_is_and_needs(folder):
    (folder / "README.md").write_text("---\nlibrary_name: transformers\nlicense: apache-2.0\n---\n# A model\n")
    facts = inspect(folder, "base").facts
    rows = json.loads((folder / "config.json").read_text())["vocab_size"]
    parameters = sum(tensor.numel() for tensor in load_file(folder / SINGLE).values())
    assert (facts.architecture, facts.family, facts.dtype) == ("LlamaForCausalLM", "llama", "F32")
    assert (facts.parameters, facts.context, facts.vocabulary, facts.tokens) == (parameters, tiny.CONTEXT, rows, rows)
    assert (facts.chat_template, facts.end_token, facts.licence) == (True, "<|end|>", "apache-2.0")
    assert facts.weight_bytes == (folder / SINGLE).stat().st_size
    # Weights, gradients and two moments of Adam, each of four bytes, before a token is read.
    assert facts.memory["sft"] > 16 * parameters
    assert facts.memory["ppo"] > facts.memory["sft"] > facts.memory["sample"] > 4 * parameters


def test_the_trainer_tells_programs(folder, capsys):
    assert main(["inspect", str(folder), "base"]) == 0
    assert Inspection.model_validate_json(capsys.readouterr().out.splitlines()[-1]).facts.family == "llama"
    (folder / "config.json").unlink()
    assert main(["inspect", str(folder), "base"]) == 1
    assert Inspection.model_validate_json(capsys.readouterr().out.splitlines()[-1]).problems == [
        (inspection.NO_CONFIG, {})
    ]
    assert main(["inspect", str(folder), "poem"]) == 2


def only_pickles(folder):
    (folder / SINGLE).rename(folder / "pytorch_model.bin")


def with_code(folder):
    edit(folder / "config.json", auto_map={"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"})
    edit(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["tokenization_own.OwnTokenizer", None]})


def adapter(folder):
    (folder / "config.json").rename(folder / "adapter_config.json")


def without_tokenizer(folder):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


def cut_off(folder):
    whole = (folder / SINGLE).read_bytes()
    (folder / SINGLE).write_bytes(whole[:-1])


def no_safetensors(folder):
    (folder / SINGLE).write_bytes(b"<!doctype html>" + b" " * 64)


def shard_missing(folder):
    (folder / INDEX).write_text(json.dumps({"weight_map": {"lm_head.weight": "model-00001-of-00002.safetensors"}}))


def outside_index(folder):
    (folder / INDEX).write_text(json.dumps({"weight_map": {"lm_head.weight": "../good/model.safetensors"}}))


def fewer_embeddings(folder):
    weights = load_file(folder / SINGLE)
    kept = weights["model.embed_tokens.weight"][:100]
    save_file({**weights, "model.embed_tokens.weight": kept.clone()}, folder / SINGLE, {"format": "pt"})
    edit(folder / "config.json", vocab_size=100)


def gap_filler(folder):
    edit(folder / "config.json", model_type="bert", architectures=["BertForMaskedLM"])


def without_end(folder):
    edit(folder / "tokenizer_config.json", eos_token=None)


SPOILED = [
    (only_pickles, "Its weights are pickled only (pytorch_model.bin)"),
    (with_code, "It brings program code of its own (auto_map in config.json, tokenizer_config.json)"),
    (adapter, "It is an adapter (LoRA) without the model"),
    (without_tokenizer, "It has no tokenizer"),
    (cut_off, "model.safetensors is broken or was cut off"),
    (no_safetensors, "model.safetensors is broken or was cut off"),
    (shard_missing, "model-00001-of-00002.safetensors is missing, though the index"),
    (outside_index, "model.safetensors.index.json is broken"),
    (lambda folder: (folder / SINGLE).unlink(), "It has no weights"),
    (lambda folder: (folder / "config.json").write_text("[1]"), "config.json cannot be read as JSON."),
    (shutil.rmtree, "There is no folder at"),
    (lambda folder: edit(folder / "config.json", quantization_config={"quant_method": "gptq"}), "quantized (gptq)"),
    (lambda folder: edit(folder / "config.json", model_type="gpt9"), "does not know its architecture “gpt9”"),
    (gap_filler, "“BertForMaskedLM” is no language model that writes"),
    (lambda folder: edit(folder / "config.json", model_type="t5", architectures=None), "“t5” is no language model"),
    (lambda folder: edit(folder / "config.json", architectures=["LlamaModel"]), "“LlamaModel” is no language model"),
    (lambda folder: edit(folder / "config.json", vision_config={"layers": 2}), "reads more than text (vision_config)"),
    (lambda folder: edit(folder / "config.json", num_hidden_layers=3), "lack what its config.json asks for: model.la"),
    (lambda folder: edit(folder / "config.json", num_hidden_layers=1), "parts for which its config.json has no place"),
    (lambda folder: edit(folder / "config.json", intermediate_size=64), "have other shapes than its config.json says"),
    (lambda folder: edit(folder / "config.json", num_attention_heads=5), "describes no model that can be built"),
    (lambda folder: (folder / "tokenizer.json").write_text("{}"), "Its tokenizer cannot be opened"),
    (fewer_embeddings, "Its tokenizer has tokens up to number 319, but the model has embeddings for 100."),
    (without_end, "Its tokenizer has no end-of-sequence token"),
]


@pytest.mark.parametrize(("spoil", "sentence"), SPOILED, ids=[sentence[:30] for _, sentence in SPOILED])
def test_what_cannot_be_used_is_told_why(folder, spoil, sentence):
    spoil(folder)
    said = refused(folder)
    assert any(sentence in one for one in said), said
    assert len(said) == 1 or spoil is fewer_embeddings, said


def test_everything_that_is_wrong_is_told_at_once(folder):
    with_code(folder)
    only_pickles(folder)
    assert len(refused(folder)) == 2


def test_a_reward_model_needs_a_head_and_a_language_model_none(folder, tmp_path):
    assert refused(folder, "reward") == [inspection.NO_REWARD_HEAD % {"architecture": "LlamaForCausalLM"}]
    edit(folder / "config.json", architectures=["LlamaForSequenceClassification"], num_labels=1)
    weights = load_file(folder / SINGLE)
    weights["score.weight"] = weights["model.norm.weight"][None].clone()
    save_file(weights, folder / SINGLE, {"format": "pt"})
    assert inspect(folder, "reward").facts.parameters == sum(tensor.numel() for tensor in weights.values())
    assert refused(folder) == [inspection.REWARD_HEAD % {"architecture": "LlamaForSequenceClassification"}]


def test_no_weight_is_read(folder):
    """Two gigabytes of weights, of which the disk holds nothing, are looked at in no memory."""
    wide, deep = 4096, 4
    edit(folder / "config.json", hidden_size=wide, intermediate_size=4 * wide, num_hidden_layers=deep)
    edit(folder / "config.json", num_attention_heads=32, num_key_value_heads=32, head_dim=128)
    shapes = {"model.embed_tokens.weight": (320, wide), "model.norm.weight": (wide,)}
    for layer in range(deep):
        block = f"model.layers.{layer}."
        shapes |= {f"{block}self_attn.{name}_proj.weight": (wide, wide) for name in "qkvo"}
        shapes |= {f"{block}mlp.{name}_proj.weight": (4 * wide, wide) for name in ("gate", "up")}
        shapes |= {f"{block}mlp.down_proj.weight": (wide, 4 * wide)}
        shapes |= {f"{block}{name}_layernorm.weight": (wide,) for name in ("input", "post_attention")}
    header, place = {}, 0
    for name, shape in shapes.items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": (place, place + size)}
        place += size
    text = json.dumps(header).encode()
    with (folder / SINGLE).open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + place)
    before = psutil.Process().memory_info().rss
    facts = inspect(folder, "base").facts
    assert (facts.dtype, facts.parameters) == ("BF16", place // 2)
    assert facts.weight_bytes > 2e9
    assert psutil.Process().memory_info().rss - before < 300e6
