"""Packed conversations give the scores and gradients of answers read alone, for every supported family."""

import itertools
import random

import pytest
import torch
import transformers

from trainer.data.batches import pad, positions
from trainer.data.packing import Conversation, pack
from trainer.losses.preference import ranking_losses
from trainer.models import shared_prefix
from trainer.models.reward_model import label_scores, reading
from trainer.models.shared_prefix import Sequenced, block_mask, last_hidden_states, obstacle, shared_prefixes

VOCABULARY = 97
SMALL = {"vocab_size": VOCABULARY, "num_labels": 1, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
LLAMA_LIKE = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
FAMILIES = {
    "llama": lambda: transformers.LlamaConfig(**SMALL, **LLAMA_LIKE),
    "qwen2": lambda: transformers.Qwen2Config(**SMALL, **LLAMA_LIKE),
    "qwen3": lambda: transformers.Qwen3Config(**SMALL, **LLAMA_LIKE, head_dim=8),
    "mistral": lambda: transformers.MistralConfig(**SMALL, **LLAMA_LIKE, sliding_window=None),
    "gpt2": lambda: transformers.GPT2Config(**SMALL, n_embd=32, n_layer=2, n_head=4, n_positions=128),
    "gpt_neox": lambda: transformers.GPTNeoXConfig(**SMALL, **(LLAMA_LIKE | {"num_key_value_heads": 4})),
}
TOLERANCE = {torch.float32: 5e-5, torch.float64: 1e-6}  # rotary tables are computed in float32 in either case
LONGEST = 64


def build(family, dtype=torch.float32):
    """A fresh model whose attention is sharp enough for a wrong mask to show: its weights are four times larger."""
    torch.manual_seed(0)
    model = transformers.AutoModelForSequenceClassification.from_config(FAMILIES[family]()).to(dtype).eval()
    with torch.no_grad():
        for parameter in model.base_model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4)
    return model


def talks(seed=0):
    """Eight prompts of 1 to 30 tokens with K = 2 … 9 answers of 1 to 20 tokens."""
    draw = random.Random(seed)

    def tokens(most):
        return [draw.randrange(VOCABULARY) for _ in range(draw.randint(1, most))]

    return [Conversation(tokens(30), [tokens(20) for _ in range(k)]) for k in range(2, 10)]


def weak_orders(conversations, seed=0):
    """Ranks with ties, (P, K) with what is present, and the rows of the answers."""
    draw = random.Random(seed)
    ranks = [[draw.randint(1, 3) for _ in talk.answers] for talk in conversations]
    padded, present = pad(ranks, 0, "right")
    rows = torch.zeros_like(padded)
    rows[present] = torch.arange(int(present.sum()))
    return padded, present, rows


def alone(model, conversations):
    """One forward per answer, the ordinary way, without any padding."""
    found = []
    for talk in conversations:
        for answer in talk.answers:
            ids = torch.tensor([[*talk.prompt, *answer]])
            found.append(model.score(model.base_model(input_ids=ids, use_cache=False).last_hidden_state[:, -1]))
    return torch.cat(found)[:, 0]


def packed(model, conversations):
    with reading(model, shared=True) as reader:
        return reader(conversations)[:, 0]


def element_loss(scores, conversations):
    """InstructGPT's: all pairs of a prompt in one element."""
    ranks, present, rows = weak_orders(conversations)
    return ranking_losses(scores[rows], ranks, present).mean()


def pairs_loss(model, conversations):
    """The same written out: two forwards for each of the C(K, 2) pairs, as public trainers do."""
    ranks, _, _ = weak_orders(conversations)
    total = torch.zeros((), dtype=next(model.parameters()).dtype)
    for row, talk in enumerate(conversations):
        answers = len(talk.answers)
        for i in range(answers):
            for j in range(answers):
                if ranks[row, i] < ranks[row, j]:
                    winner, loser = alone(model, [Conversation(talk.prompt, [talk.answers[i], talk.answers[j]])])
                    total = total - torch.nn.functional.logsigmoid(winner - loser) / (answers * (answers - 1) / 2)
    return total / len(conversations)


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]), {
        name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None
    }


def assert_same_gradients(model, one, other, tolerance):
    whole, parts = gradients(model, one)
    expected_whole, expected = gradients(model, other)
    assert parts.keys() == expected.keys()
    assert parts
    for name, gradient in expected.items():
        # A key's bias shifts all logits alike and has no gradient at all: rounding is measured by the whole.
        scale = max(gradient.norm(), 1e-3 * expected_whole.norm())
        assert (parts[name] - gradient).norm() / scale < tolerance, name
    assert (whole - expected_whole).norm() / expected_whole.norm() < tolerance


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["fp32", "fp64"])
@pytest.mark.parametrize("family", FAMILIES)
def test_loss_and_every_gradient_are_those_of_answers_read_alone_and_of_the_pairs_written_out(family, dtype):
    model, conversations = build(family, dtype), talks()
    assert obstacle(model, LONGEST) is None
    tolerance = TOLERANCE[dtype]
    one, answer, pairs = (
        element_loss(packed(model, conversations), conversations),
        element_loss(alone(model, conversations), conversations),
        pairs_loss(model, conversations),
    )
    assert one.item() == pytest.approx(answer.item(), rel=tolerance)
    assert one.item() == pytest.approx(pairs.item(), rel=tolerance)
    assert_same_gradients(model, element_loss(packed(model, conversations), conversations), answer, tolerance)
    assert_same_gradients(model, element_loss(packed(model, conversations), conversations), pairs, tolerance)


@torch.no_grad()
@pytest.mark.parametrize("family", FAMILIES)
def test_no_answer_hears_of_another_answer_or_of_another_prompt(family):
    model, conversations = build(family), talks()
    before = packed(model, conversations)
    draw = random.Random(1)
    place = 0
    for row, talk in enumerate(conversations):
        for i in range(len(talk.answers)):
            changed = [
                Conversation(
                    other.prompt if at == row else [draw.randrange(VOCABULARY) for _ in other.prompt],
                    [
                        answer if (at, k) == (row, i) else [draw.randrange(VOCABULARY) for _ in answer]
                        for k, answer in enumerate(other.answers)
                    ],
                )
                for at, other in enumerate(conversations)
            ]
            assert torch.equal(packed(model, changed)[place], before[place])
            place += 1


def test_a_planted_leak_between_answers_is_caught(monkeypatch):
    model, conversations = build("llama"), talks()
    forward = shared_prefix.TwoPartAttention.forward

    def leaking(ctx, q, k, v, parts, scale):
        # Every text sees the first token of the text after it.
        k, v = k.clone(), v.clone()
        for (_, this), (_, following) in itertools.pairwise(parts.own):
            k[:, :, this.stop - 1], v[:, :, this.stop - 1] = k[:, :, following.start], v[:, :, following.start]
        return forward(ctx, q, k, v, parts, scale)

    monkeypatch.setattr(shared_prefix.TwoPartAttention, "forward", staticmethod(leaking))
    expected = alone(model, conversations)
    assert (packed(model, conversations) - expected).norm() / expected.norm() > 100 * TOLERANCE[torch.float32]
    assert "differ" in obstacle(model, LONGEST)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_layer_asks_for_the_tokens_that_are_read_and_no_others(family, monkeypatch):
    model, conversations = build(family), talks()
    asked = []
    forward = shared_prefix.TwoPartAttention.forward

    def listening(ctx, q, *others):
        asked.append(q.shape[2])
        return forward(ctx, q, *others)

    monkeypatch.setattr(shared_prefix.TwoPartAttention, "forward", staticmethod(listening))
    scores = packed(model, conversations)
    assert asked == [pack(conversations).ids.shape[1], len(scores)]


MAKES_KEYS = {"gpt2": {"attn.c_attn"}, "gpt_neox": {"attention.query_key_value"}}
"""What in a last layer reads every token: what makes keys and values, in some families together with the queries."""


@torch.no_grad()
@pytest.mark.parametrize("family", FAMILIES)
def test_of_the_last_layer_only_keys_and_values_are_computed_for_every_token(family, monkeypatch):
    model, conversations = build(family), talks()
    rows = {}
    for kind in (torch.nn.Linear, transformers.pytorch_utils.Conv1D):

        def counting(block, x, forward=kind.forward):
            rows[block] = x.shape[1]
            return forward(block, x)

        monkeypatch.setattr(kind, "forward", counting)
    scores = packed(model, conversations)
    layers = getattr(model.base_model, "layers", None) or model.base_model.h
    found = {name: rows[block] for name, block in layers[-1].named_modules() if block in rows}
    every = {name for name, count in found.items() if count == pack(conversations).ids.shape[1]}
    assert every == MAKES_KEYS.get(family, {"self_attn.k_proj", "self_attn.v_proj"})
    assert {count for name, count in found.items() if name not in every} == {len(scores)}


@pytest.fixture
def uninitialised_is_nan(monkeypatch):
    """Memory that nobody wrote holds NaN instead of what happens to lie there, which often is 0."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    yield
    torch.use_deterministic_algorithms(before[0], warn_only=before[1])


@pytest.mark.usefixtures("uninitialised_is_nan")
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_nothing_is_read_that_was_not_written(family):
    model, conversations = build(family), talks()
    assert torch.empty(3).isnan().all()
    loss = element_loss(packed(model, conversations), conversations)
    whole, _ = gradients(model, loss)
    assert loss.isfinite()
    assert whole.isfinite().all()


@torch.no_grad()
def test_padded_rows_score_the_same():
    model, conversations = build("gpt2"), talks()
    rows = [[*talk.prompt, *answer] for talk in conversations for answer in talk.answers]
    ids, mask = pad(rows, 0, "right")
    padded = label_scores(model, ids, mask)
    with reading(model, shared=False) as reader:
        assert torch.equal(reader(conversations), padded)
    assert torch.allclose(padded[:, 0], packed(model, conversations), atol=1e-5)
    assert positions(mask).max() < 128


@torch.no_grad()
def test_the_mask_for_other_devices_allows_exactly_the_same():
    conversations = talks()
    sequence = pack(conversations)
    length = sequence.ids.shape[1] + 5
    mask = block_mask(sequence.spans, length, torch.device("cpu"))
    at = torch.arange(length)
    visible = mask.mask_mod(torch.tensor(0), torch.tensor(0), at[:, None], at[None, :])
    expected = torch.eye(length, dtype=torch.bool)
    for span in sequence.spans:
        for start, end in [(span.start, span.split), *span.answers]:
            for query in range(start, end):
                expected[query, start : query + 1] = True
                expected[query, span.start : min(span.split, query + 1)] = True
    assert torch.equal(visible, expected)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@torch.no_grad()
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_flex_attention_with_that_mask_scores_the_same(family):
    model, conversations = build(family), talks()
    sequence = pack(conversations)
    mask = block_mask(sequence.spans, sequence.ids.shape[1], torch.device("cpu"))
    with shared_prefixes(model):
        two_part = last_hidden_states(model, sequence)
        flex = model.base_model(
            input_ids=sequence.ids,
            position_ids=sequence.positions,
            use_cache=False,
            prefix_sequence=Sequenced(mask=mask),
        ).last_hidden_state[0, sequence.last]
    assert torch.allclose(flex, two_part, atol=1e-4)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (transformers.MistralConfig(**SMALL, **LLAMA_LIKE, sliding_window=32), "sliding window of 32"),
        (transformers.BloomConfig(**SMALL, hidden_size=32, n_layer=2, n_head=4), "attention of its own"),
        (
            transformers.Gemma2Config(**SMALL, **LLAMA_LIKE, head_dim=8, sliding_window=4096),
            "caps its logits",
        ),
        (
            transformers.Qwen2Config(
                **SMALL, **LLAMA_LIKE, use_sliding_window=True, sliding_window=16, max_window_layers=1
            ),
            "sliding window of 16",
        ),
    ],
    ids=["mistral-window", "bloom", "gemma2", "qwen2-window"],
)
def test_a_model_that_cannot_says_why_and_is_left_as_it_was(config, reason):
    torch.manual_seed(0)
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    before = model.config._attn_implementation
    ids = torch.arange(3, 20)[None]
    with torch.no_grad():
        expected = model(ids).logits
        assert reason in obstacle(model, LONGEST)
        assert torch.equal(model(ids).logits, expected)
    assert model.config._attn_implementation == before


def test_a_window_that_never_slides_is_no_obstacle():
    torch.manual_seed(0)
    config = transformers.MistralConfig(**SMALL, **LLAMA_LIKE, sliding_window=LONGEST)
    assert obstacle(transformers.AutoModelForSequenceClassification.from_config(config).eval(), LONGEST) is None


def test_the_attention_is_not_saved_with_the_model(tmp_path):
    model = build("llama")
    with shared_prefixes(model):
        model.save_pretrained(tmp_path)
    assert shared_prefix.NAME not in (tmp_path / "config.json").read_text()
