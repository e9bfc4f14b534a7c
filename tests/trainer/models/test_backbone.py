"""The language model: log-probabilities that ignore padding, and answers that ignore their neighbours."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from tests import tiny
from trainer.contract.configs import PretrainConfig
from trainer.data.batches import pad
from trainer.models.backbone import build_llama, check_context, generate, load_policy, load_tokenizer, token_logprobs

SEQUENCES = [[1, 4, 50, 51, 52, 2, 5], [1, 4, 60], [1, 70, 71, 72, 73]]


@pytest.fixture(scope="module")
def tokenizer():
    return tiny.tokenizer()


@pytest.fixture(scope="module")
def model(tokenizer):
    """Weights large enough that its preferences are strong and its answers differ."""
    llama = tiny.model(tokenizer)
    with torch.no_grad():
        for parameter in llama.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
    return llama


def learned_positions():
    """Positions with large vectors of their own, so that being off by one shows."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=320, n_positions=64, n_embd=32, n_layer=2, n_head=2, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0
    )
    gpt2 = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        gpt2.transformer.wpe.weight.mul_(20)
        gpt2.transformer.wte.weight.mul_(10)
    return gpt2


@pytest.mark.parametrize("architecture", ["rotary", "learned positions"])
def test_left_and_right_padding_give_the_same_logprobs(model, architecture):
    policy = model if architecture == "rotary" else learned_positions()
    found = {}
    for side in ("left", "right"):
        ids, mask = pad(SEQUENCES, 0, side)
        logprobs = token_logprobs(policy, ids, mask)
        found[side] = logprobs[mask[:, 1:] & mask[:, :-1]]
    alone = torch.cat(
        [token_logprobs(policy, torch.tensor([row]), torch.ones(1, len(row), dtype=torch.bool))[0] for row in SEQUENCES]
    )

    torch.testing.assert_close(found["left"], found["right"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found["left"], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_stands_under_the_padding_changes_nothing(model, side):
    ids, mask = pad(SEQUENCES, 0, side)

    zero, seven = token_logprobs(model, ids, mask), token_logprobs(model, ids.masked_fill(~mask, 77), mask)

    assert torch.equal(zero, seven)
    assert (zero[~(mask[:, 1:] & mask[:, :-1])] == 0).all()


@pytest.mark.parametrize("side", ["left", "right"])
def test_gradients_are_finite_beside_padding(model, side):
    ids, mask = pad(SEQUENCES, 0, side)
    token_logprobs(model, ids, mask).sum().backward()

    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    model.zero_grad(set_to_none=True)


def test_logprobs_are_those_of_the_tempered_softmax(model):
    ids = torch.tensor([SEQUENCES[0]])
    with torch.no_grad():
        logits = model(ids).logits[0]
        logprobs = token_logprobs(model, ids, torch.ones_like(ids, dtype=torch.bool), temperature=0.5)[0]

    expected = [torch.softmax(logits[t] / 0.5, -1)[SEQUENCES[0][t + 1]].log() for t in range(len(SEQUENCES[0]) - 1)]
    torch.testing.assert_close(logprobs, torch.stack(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", ["rotary", "learned positions"])
def test_greedy_answers_are_those_of_transformers(model, tokenizer, architecture):
    policy = model if architecture == "rotary" else learned_positions()

    ours = generate(policy, tokenizer, SEQUENCES, max_new_tokens=12, temperature=0, seeds=[0, 0, 0])

    for prompt, answer in zip(SEQUENCES, ours, strict=True):
        theirs = policy.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt)),
            max_new_tokens=12,
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        assert answer == theirs[0, len(prompt) :].tolist()


def test_cached_steps_see_what_one_pass_sees(tokenizer):
    """Greedy answers are the likeliest tokens of a single pass over prompt and answer."""
    policy = learned_positions()
    prompts = [*SEQUENCES, SEQUENCES[1]]
    greedy = generate(policy, tokenizer, prompts, max_new_tokens=12, temperature=0, seeds=[0] * 4)

    for prompt, answer in zip(prompts, greedy, strict=True):
        with torch.no_grad():
            logits = policy(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
        assert logits.argmax(-1).tolist() == answer


def test_an_answer_depends_on_its_seed_and_not_on_its_neighbours(model, tokenizer):
    together = generate(model, tokenizer, SEQUENCES, max_new_tokens=12, seeds=[7, 8, 9])
    alone = [
        generate(model, tokenizer, [prompt], max_new_tokens=12, seeds=[seed])[0]
        for prompt, seed in zip(SEQUENCES, [7, 8, 9], strict=True)
    ]

    assert together == alone
    assert generate(model, tokenizer, SEQUENCES, max_new_tokens=12, seeds=[1, 2, 3]) != together


def test_repeated_prompts_are_read_once_and_answered_apart(model, tokenizer):
    prompts = [SEQUENCES[0], SEQUENCES[1], SEQUENCES[0], SEQUENCES[0]]

    answers = generate(model, tokenizer, prompts, max_new_tokens=12, seeds=[1, 2, 3, 1])

    assert answers[0] == answers[3]
    assert answers[0] != answers[2]
    assert answers[2] == generate(model, tokenizer, [SEQUENCES[0]], max_new_tokens=12, seeds=[3])[0]


def test_rows_that_end_stop_and_the_others_go_on(tokenizer):
    eager = tiny.model(tokenizer, seed=3)
    with torch.no_grad():
        # Nearly uniform over 320 tokens: some of 40 answers meet the end token within 40, at different places.
        eager.model.norm.weight.mul_(0.01)
    prompts = [[1, 4, 50 + i] for i in range(40)]

    answers = generate(eager, tokenizer, prompts, max_new_tokens=40, seeds=list(range(40)))

    ended = [a for a in answers if a[-1] == tokenizer.eos_token_id]
    assert 0 < len(ended) < 40
    assert len({len(answer) for answer in ended}) > 1
    assert all(tokenizer.eos_token_id not in a[:-1] for a in answers)
    assert all(len(a) == 40 for a in answers if a[-1] != tokenizer.eos_token_id)
    for row in (0, 17, 39):
        alone = generate(eager, tokenizer, [prompts[row]], max_new_tokens=40, seeds=[row])
        assert alone[0] == answers[row]


def test_samples_follow_the_models_distribution(model, tokenizer):
    n, temperature, prompt = 4000, 1.5, SEQUENCES[0]
    answers = generate(model, tokenizer, [prompt] * n, max_new_tokens=1, seeds=range(n), temperature=temperature)

    with torch.no_grad():
        p = torch.softmax(model(torch.tensor([prompt])).logits[0, -1] / temperature, -1)
    counts = torch.bincount(torch.tensor([a[0] for a in answers]), minlength=len(p))
    likely = p * n >= 20
    deviations = (counts[likely] - n * p[likely]) / (n * p[likely] * (1 - p[likely])).sqrt()
    assert likely.sum() >= 5
    assert deviations.abs().max() < 4


def test_the_nucleus_leaves_out_the_tail(model, tokenizer):
    answers = generate(model, tokenizer, [SEQUENCES[0]] * 500, max_new_tokens=1, seeds=range(500), top_p=0.5)

    with torch.no_grad():
        p, order = torch.softmax(model(torch.tensor([SEQUENCES[0]])).logits[0, -1], -1).sort(descending=True)
    nucleus = set(order[: int((p.cumsum(0) < 0.5).sum()) + 1].tolist())
    assert {a[0] for a in answers} == nucleus


def test_loading_a_policy_takes_dropout_away(tmp_path):
    GPT2LMHeadModel(GPT2Config(vocab_size=320, n_embd=32, n_layer=1, n_head=2)).save_pretrained(tmp_path)

    policy = load_policy(tmp_path).train()

    assert {module.p for module in policy.modules() if isinstance(module, torch.nn.Dropout)} == {0.0}
    ids = torch.tensor([SEQUENCES[0]])
    assert torch.equal(policy(ids).logits, policy(ids).logits)


def test_a_tokenizer_without_template_and_padding_gets_both(tmp_path, tokenizer):
    bare = tiny.tokenizer()
    bare.chat_template = None
    bare.pad_token = None
    bare.save_pretrained(tmp_path)

    loaded = load_tokenizer(tmp_path)

    assert loaded.chat_template is not None
    assert loaded.pad_token_id == loaded.eos_token_id


def test_more_tokens_than_positions_are_refused(model):
    check_context(model, 64, "Field a")
    with pytest.raises(ValueError, match="Field a ask for 65 tokens, but this model reads at most 64"):
        check_context(model, 65, "Field a")


def test_a_width_that_heads_cannot_share_is_refused(tokenizer):
    with pytest.raises(ValueError, match='"hidden_size"'):
        build_llama(PretrainConfig(hidden_size=36, heads=8), tokenizer)
