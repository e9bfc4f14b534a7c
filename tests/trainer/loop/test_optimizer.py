"""The learning rate by hand, and what decays."""

from itertools import pairwise

import pytest
from torch import nn

from trainer.contract.configs import SftConfig
from trainer.loop.optimizer import adamw, cosine_rate


def test_warmup_then_cosine_by_hand():
    rates = [cosine_rate(step, 100, 1.0, 0.1, 0.1) for step in range(1, 101)]

    assert rates[0] == pytest.approx(0.1)
    assert rates[4] == pytest.approx(0.5)
    assert rates[9] == pytest.approx(1.0)
    assert rates[54] == pytest.approx(0.55), "half-way down: the mean of peak and floor"
    assert rates[99] == pytest.approx(0.1), "IG C.1: ends at 10 %"
    assert all(a > b for a, b in pairwise(rates[9:]))


def test_no_warmup_begins_near_the_peak_and_a_full_share_stays_there():
    assert cosine_rate(1, 1000, 2.0, 0.0, 0.1) == pytest.approx(2.0, rel=1e-4)
    assert {cosine_rate(step, 10, 2.0, 0.0, 1.0) for step in range(1, 11)} == {2.0}
    assert cosine_rate(1, 1, 2.0, 0.0, 0.5) == pytest.approx(1.0)


def test_matrices_decay_and_vectors_do_not():
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    model[0].bias.requires_grad_(requires_grad=False)

    optimizer = adamw(model, SftConfig(weight_decay=0.1), 1e-3)

    decayed, plain = optimizer.param_groups
    assert [p.shape for p in decayed["params"]] == [(4, 3)]
    assert decayed["weight_decay"] == 0.1
    assert len(plain["params"]) == 2, "norm scale and shift; the frozen bias is left out"
    assert plain["weight_decay"] == 0
    assert decayed["betas"] == (0.9, 0.95)


def test_modules_that_share_a_weight_step_it_once():
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight

    optimizer = adamw([first, second], SftConfig(), 1e-3)

    assert sum(len(group["params"]) for group in optimizer.param_groups) == 3
