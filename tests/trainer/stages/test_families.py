"""Models of other families, each with its own kind of tokenizer, go through every stage and leave as they came.

All weights are drawn, all tokenizers trained on the spot; what differs from family to family is real: attention that
slides, norms and caps, learned positions, tied embeddings, templates, and tokens that begin, end, pad, or are absent.
"""

import shutil

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    PhiConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

from tests import tiny
from trainer.contract.folder import CANDIDATES, INPUTS, PROMPTS
from trainer.contract.records import Candidate, Prompt, read_rows
from trainer.data.chat import encode_prompt, finished
from trainer.models.backbone import load_tokenizer
from trainer.models.inspection import inspect

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TURNS = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n{{ m['content'] | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
}
GROUPED = {**SIZES, "num_key_value_heads": 2}
SLIDING = {**GROUPED, "head_dim": 8, "sliding_window": 16}


def bytes_of_text(*special, bos=None, eos="<|endoftext|>", pad=None, template=None):
    """As GPT-2, Qwen, NeoX and Phi have it: any text by its bytes, often without a beginning or a padding token."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    names = [name for name in dict.fromkeys((bos, eos, pad, *special)) if name]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=names, initial_alphabet=alphabet, show_progress=False)
    bpe.train_from_iterator(tiny.CORPUS, trainer)
    extra = [name for name in names if name not in (bos, eos, pad)]
    tokens = {"bos_token": bos, "eos_token": eos, "pad_token": pad, "additional_special_tokens": extra}
    wrapped = PreTrainedTokenizerFast(tokenizer_object=bpe, **tokens)
    wrapped.chat_template = template
    return wrapped


def pieces_of_text():
    """As Llama 2 and Mistral have it: pieces with a mark for blanks, a beginning put before everything, no padding."""
    words = sorted({f"▁{word}" for sentence in tiny.CORPUS for word in sentence.rstrip(".").split()})
    pieces = ["<unk>", "<s>", "</s>", "▁", "\n", *words, *(chr(code) for code in range(33, 127))]
    unigram = Tokenizer(models.Unigram([(piece, -1.0 - len(piece) / 100) for piece in pieces], unk_id=0))
    unigram.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    unigram.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Strip(" ", 1, 0)])
    unigram.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=unigram, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def chatml():
    """A base model's tokenizer: its own end closes documents, and the template closes turns with another token."""
    return bytes_of_text("<|im_start|>", "<|im_end|>", pad="<|endoftext|>", template=CHATML)


def turns():
    return bytes_of_text("<start_of_turn>", "<end_of_turn>", bos="<bos>", eos="<eos>", pad="<pad>", template=TURNS)


FAMILIES = {
    "llama": (lambda v: LlamaConfig(vocab_size=v, **GROUPED), pieces_of_text, "</s>"),
    "mistral": (lambda v: MistralConfig(vocab_size=v, sliding_window=16, **GROUPED), pieces_of_text, "</s>"),
    "qwen2": (lambda v: Qwen2Config(vocab_size=v + 37, tie_word_embeddings=True, **GROUPED), chatml, "<|im_end|>"),
    "qwen3": (lambda v: Qwen3Config(vocab_size=v + 1, head_dim=8, **GROUPED), chatml, "<|im_end|>"),
    "gemma2": (lambda v: Gemma2Config(vocab_size=v, query_pre_attn_scalar=8, **SLIDING), turns, "<end_of_turn>"),
    "gemma3": (lambda v: Gemma3TextConfig(vocab_size=v, query_pre_attn_scalar=8, **SLIDING), turns, "<end_of_turn>"),
    "gpt2": (
        lambda v: GPT2Config(vocab_size=v, n_embd=32, n_layer=2, n_head=4, n_positions=128),
        bytes_of_text,
        "<|endoftext|>",
    ),
    "gpt_neox": (
        lambda v: GPTNeoXConfig(vocab_size=v + 13, **SIZES),
        lambda: bytes_of_text(pad="<|padding|>"),
        "<|endoftext|>",
    ),
    "phi": (lambda v: PhiConfig(vocab_size=v + 5, **GROUPED), bytes_of_text, "<|endoftext|>"),
}
SHORT = {"max_new_tokens": 6, "max_prompt_tokens": 90}
WHOLE = 32  # tokens within which an answer ends


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return tiny.snapshot(tmp_path_factory.mktemp("families") / "snapshot", prompts=8)


def brought(family, folder):
    """A folder as its makers would publish it."""
    config_of, tokenizer_of, _end = FAMILIES[family]
    tokenizer = tokenizer_of()
    config = config_of(len(tokenizer))
    config.bos_token_id, config.eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
    config.pad_token_id = tokenizer.pad_token_id
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


# The others differ from these in less.
QUICK = ("llama", "qwen2", "gemma2", "gpt2")
CASES = [family if family in QUICK else pytest.param(family, marks=pytest.mark.slow) for family in FAMILIES]


@pytest.mark.parametrize("family", CASES)
def test_a_family_goes_through_every_stage(family, snapshot, tmp_path):
    base = brought(family, tmp_path / "base")
    facts = inspect(base, "base").facts
    assert facts.chat_template == (FAMILIES[family][1] in (chatml, turns))
    # Learned long enough that answers end by themselves and greedy tokens are far from ties.
    sft = {"epochs": 16, "batch_size": 2, "max_tokens": 96, "learning_rate": 1e-2}
    tiny.run_stage("sft", tmp_path / "sft", config=sft, snapshot=snapshot, parents={"base": base})
    sft = tmp_path / "sft" / "model"
    tokenizer = load_tokenizer(sft)
    assert tokenizer.eos_token == FAMILIES[family][2]
    assert inspect(sft, "sft").facts.end_token == FAMILIES[family][2]

    (tmp_path / "sample" / INPUTS).mkdir(parents=True)
    shutil.copy(snapshot / PROMPTS, tmp_path / "sample" / INPUTS / PROMPTS)
    greedy = SHORT | {"max_new_tokens": WHOLE, "temperature": 0, "answers_per_prompt": 1, "resample_duplicates": 0}
    tiny.run_stage("sample", tmp_path / "sample", config=greedy, parents={"policy": sft})
    drawn = read_rows(tmp_path / "sample" / CANDIDATES, Candidate)
    elsewhere = greedy_elsewhere(sft, read_rows(snapshot / PROMPTS, Prompt))
    assert {one.prompt_id: (one.text, one.finished) for one in drawn} == elsewhere
    assert any(ended for _text, ended in elsewhere.values())

    reward = {"epochs": 1, "max_tokens": 96}
    tiny.run_stage("reward", tmp_path / "reward", config=reward, snapshot=snapshot, parents={"sft": sft})
    reward = tmp_path / "reward" / "model"
    assert inspect(reward, "reward").facts
    ppo = SHORT | {"iterations": 2, "batch_size": 4, "minibatch_size": 2}
    tiny.run_stage("ppo", tmp_path / "ppo", config=ppo, snapshot=snapshot, parents={"sft": sft, "reward": reward})
    policy = tmp_path / "ppo" / "model"
    assert inspect(policy, "policy").facts.end_token == FAMILIES[family][2]
    parents = {"policy": policy, "reference": sft, "reward": reward}
    done = tiny.run_stage("evaluate", tmp_path / "evaluate", config=SHORT, snapshot=snapshot, parents=parents)
    assert done.metrics


def greedy_elsewhere(folder, prompts):
    """Prompt id -> what the transformers library writes with a model that we saved, and whether it ended by itself."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    said = {}
    for prompt in prompts:
        ids = encode_prompt(tokenizer, prompt.messages, 90)
        made = model.generate(torch.tensor([ids]), max_new_tokens=WHOLE, do_sample=False)[0, len(ids) :].tolist()
        said[prompt.prompt_id] = tokenizer.decode(made, skip_special_tokens=True).strip(), finished(tokenizer, made)
    return said
