import math
from types import SimpleNamespace

import torch

from trainer.models.vocabulary import next_token_loss as loss_of

FLOAT32 = 1e-6


def next_token_loss(logits, ids, counted):
    """Of a model that says these logits whatever it reads."""
    head = torch.nn.Linear(logits.shape[-1], logits.shape[-1], bias=False)
    torch.nn.init.eye_(head.weight)
    config = SimpleNamespace(get_text_config=lambda: None)
    body = lambda **_: SimpleNamespace(last_hidden_state=logits)
    return loss_of(SimpleNamespace(base_model=body, get_output_embeddings=lambda: head, config=config), ids, counted)


def test_the_loss_is_the_mean_surprise_of_the_counted_tokens():
    # Vocabulary of 2. Position 0 predicts token 1 with p = 3/4, position 1 predicts token 2 with p = 1/2.
    logits = torch.tensor([[[math.log(1 / 4), math.log(3 / 4)], [0.0, 0.0], [9.0, 9.0]]])
    ids = torch.tensor([[0, 1, 0]])
    both = torch.tensor([[False, True, True]])
    # (−ln 3/4 − ln 1/2) / 2 = (0.287682 + 0.693147) / 2
    assert abs(next_token_loss(logits, ids, both).item() - 0.4904146) < FLOAT32
    first = torch.tensor([[False, True, False]])
    assert abs(next_token_loss(logits, ids, first).item() - 0.2876821) < FLOAT32


def test_uncounted_positions_change_nothing():
    source = torch.Generator().manual_seed(0)
    logits, ids = torch.randn(3, 7, 11, generator=source), torch.randint(11, (3, 7), generator=source)
    counted = torch.zeros(3, 7, dtype=torch.bool)
    counted[:, 3:5] = True
    before = next_token_loss(logits, ids, counted)
    logits[:, 5:], logits[:, :2], ids[:, 5:], ids[:, 0] = 50, -50, 0, 1
    assert next_token_loss(logits, ids, counted) == before


def test_the_first_token_has_nothing_before_it_and_never_counts():
    logits, ids = torch.randn(2, 4, 5), torch.randint(5, (2, 4))
    everything = torch.ones(2, 4, dtype=torch.bool)
    but_first = everything.clone()
    but_first[:, 0] = False
    assert next_token_loss(logits, ids, everything) == next_token_loss(logits, ids, but_first)


def test_nothing_counted_is_zero_with_zero_gradient():
    logits = torch.randn(1, 3, 5, requires_grad=True)
    loss = next_token_loss(logits, torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, 3, dtype=torch.bool))
    loss.backward()
    assert loss == 0
    assert logits.grad.abs().sum() == 0
