"""The door for numbers: what passes it, what it says, and that it changes nothing of a good step."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from tests import tiny
from trainer.loop.checkpoint import latest_checkpoint, save_checkpoint
from trainer.loop.finite import NotFiniteError, check_loaded, check_said, check_weights, first_not_finite, take_step

BAD = (math.nan, math.inf, -math.inf)


def learner(seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    return model, torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)


def learn(model):
    (model(torch.ones(2, 3)) * 5).square().sum().backward()


def test_a_good_step_is_bit_for_bit_the_usual_one():
    ours, optimizer = learner()
    plain, reference = learner()
    for step in range(1, 4):
        learn(ours)
        norm = take_step(optimizer, ours, 0.5, step=step, numbers={"the loss": 1.0})
        learn(plain)
        expected = nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        reference.step()
        reference.zero_grad()
        assert norm == expected.item() > 0.5
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), plain.parameters(), strict=True))
    assert all(p.grad is None for p in ours.parameters())


@pytest.mark.parametrize("bad", BAD)
def test_a_gradient_that_is_no_number_is_not_learned_from(bad):
    model, optimizer = learner()
    before = [p.detach().clone() for p in model.parameters()]
    learn(model)
    model[1].weight.grad[0, 2] = bad
    with pytest.raises(
        NotFiniteError, match=r"Step 7 was not taken: the gradient of 1.weight \(1 of 4 numbers\)"
    ) as told:
        take_step(optimizer, model, 1.0, step=7, numbers={"the loss": 2.0})
    assert told.value.details["step"] == 7
    assert told.value.details["tensor"] == "1.weight"
    assert "learning rate" in told.value.details["cause"]
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert not optimizer.state


def test_a_loss_that_is_no_number_and_a_norm_that_overflows_are_told_apart():
    model, optimizer = learner()
    learn(model)
    with pytest.raises(NotFiniteError, match="the loss is nan"):
        take_step(optimizer, model, 1.0, step=1, numbers={"another": 1.0, "the loss": math.nan})
    model[0].weight.grad.fill_(3e38)
    with pytest.raises(NotFiniteError, match="the norm of the gradients is inf"):
        take_step(optimizer, model, 1.0, step=1, numbers={"the loss": 1.0})


@pytest.mark.parametrize("bad", BAD)
def test_a_checkpoint_that_is_spoilt_is_not_written_and_the_good_one_stays(tmp_path, bad):
    state = {"model": {"w": torch.ones(3)}, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}, "history": [1.0]}
    save_checkpoint(tmp_path, 1, state)
    for spoil in (
        lambda s: s["model"]["w"].__setitem__(1, bad),
        lambda s: s["optimizer"]["state"][0]["exp_avg"].__setitem__(0, bad),
        lambda s: s["history"].append(bad),
    ):
        spoilt = {
            "model": {"w": torch.ones(3)},
            "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}},
            "history": [1.0],
        }
        spoil(spoilt)
        with pytest.raises(NotFiniteError, match="The checkpoint was not written"):
            save_checkpoint(tmp_path, 2, spoilt)
    assert tiny.kept_steps(tmp_path) == [1]


def test_a_spoilt_checkpoint_of_an_earlier_version_is_passed_over(tmp_path):
    save_checkpoint(tmp_path, 1, {"w": torch.zeros(2)})
    torch.save({"w": torch.tensor([0.0, math.nan])}, tmp_path / "step-00000002.pt")
    assert latest_checkpoint(tmp_path)[0] == 1


def test_what_is_finite_passes_however_large_empty_or_whole():
    fine = {
        "large": torch.tensor([3e38, -3e38]),
        "half": torch.tensor([65504.0], dtype=torch.float16),
        "empty": torch.empty(0),
        "whole": torch.tensor([2**62]),
        "nothing": None,
        "words": "nan",
    }
    check_said(fine)
    check_weights(fine, 3, "It")
    assert first_not_finite([]) is None


def test_who_said_it_is_named():
    with pytest.raises(NotFiniteError, match="The reward model gave 2 of 4 numbers"):
        check_said({"The policy": torch.ones(2), "The reward model": np.array([1.0, math.nan, math.inf, 0.0])})
    model, _ = learner()
    model[0].bias.data[1] = math.nan
    with pytest.raises(
        NotFiniteError, match=r"The model at /models/5 cannot be used: its tensor 0.bias \(1 of 4 numbers\)"
    ):
        check_loaded(model, "/models/5")
