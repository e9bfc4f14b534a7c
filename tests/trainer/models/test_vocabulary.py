"""Log-probabilities in parts are those of the whole, with their gradients, and large vocabularies are never whole."""

import pytest
import torch
from transformers import AutoModelForCausalLM, CohereConfig, Gemma2Config, GraniteConfig, LlamaConfig

from trainer.models import vocabulary
from trainer.models.vocabulary import check_head, hidden_states, logprobs_after

SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
FAMILIES = {
    "llama": LlamaConfig(**SIZES),
    "tied": LlamaConfig(**SIZES, tie_word_embeddings=True),
    "capped": Gemma2Config(**SIZES, head_dim=8, final_logit_softcapping=0.05),
    "divided": GraniteConfig(**SIZES, logits_scaling=7.0),
    "scaled": CohereConfig(**SIZES, logit_scale=0.3),
}


@pytest.fixture(params=FAMILIES)
def model(request):
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(FAMILIES[request.param]).double().eval()


def asked(model):
    ids = torch.randint(97, (3, 11), generator=torch.Generator().manual_seed(1))
    return ids, hidden_states(model, ids)[:, :-1].reshape(-1, 32), ids[:, 1:].reshape(-1)


@pytest.mark.parametrize("together", [97, 5 * 97, 10**6])
@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_parts_say_what_the_whole_says_with_its_gradients(model, monkeypatch, together, temperature):
    ids, _, tokens = asked(model)
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1].reshape(-1, 97) / temperature
    whole = torch.log_softmax(logits, -1).gather(-1, tokens[:, None])[:, 0]
    weights = torch.linspace(-1, 2, len(whole), dtype=torch.float64)
    (whole * weights).sum().backward()
    expected = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    monkeypatch.setattr(vocabulary, "TOGETHER", together)
    parts = logprobs_after(model, asked(model)[1], tokens, temperature)
    torch.testing.assert_close(parts.double(), whole, rtol=1e-5, atol=1e-6)
    (parts * weights).sum().backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-4, atol=1e-6, msg=name)
    with torch.no_grad():
        torch.testing.assert_close(logprobs_after(model, asked(model)[1], tokens, temperature), parts)


def test_never_more_logits_than_fit_are_held(monkeypatch):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(FAMILIES["llama"])
    held, logits = [], vocabulary._logits

    def counting(*args):
        found = logits(*args)
        held.append(found.numel())
        return found

    monkeypatch.setattr(vocabulary, "_logits", counting)
    monkeypatch.setattr(vocabulary, "TOGETHER", 4 * 97)
    _, hidden, tokens = asked(model)
    logprobs_after(model, hidden, tokens).sum().backward()
    assert max(held) == 4 * 97
    assert sum(held) == 2 * 30 * 97, "each once forward and once backward"


def test_a_head_that_does_something_else_is_found_out(model, monkeypatch):
    check_head(model)
    forward = type(model).forward

    def other(self, **given):
        found = forward(self, **given)
        found.logits = found.logits * 3 - found.logits.mean()
        return found

    monkeypatch.setattr(type(model), "forward", other)
    with pytest.raises(ValueError, match="not known here"):
        check_head(model)
