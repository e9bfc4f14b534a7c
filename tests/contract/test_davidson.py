"""The application fits worths of answers where the trainer learns rewards: one likelihood, written twice, agrees."""

import numpy as np
import pytest
import torch

from trainer.losses.preference import tie_losses, win_losses
from trainer.statistics.paired import davidson, probabilities


@pytest.mark.parametrize("log_tie", [-2.0, 0.0, 1.5])
def test_both_sides_give_the_same_chances(log_tie):
    gaps = np.linspace(-6, 6, 25)
    ours = probabilities(gaps, log_tie)
    theirs, parameter = torch.tensor(gaps), torch.tensor(log_tie)
    assert -np.log(ours[:, 0]) == pytest.approx(win_losses(theirs, "davidson", parameter).numpy(), abs=1e-6)
    assert -np.log(ours[:, 1]) == pytest.approx(win_losses(-theirs, "davidson", parameter).numpy(), abs=1e-6)
    assert -np.log(ours[:, 2]) == pytest.approx(tie_losses(theirs, "davidson", parameter).numpy(), abs=1e-6)


def test_without_ties_both_are_bradley_terry():
    gaps = np.linspace(-6, 6, 25)
    theirs = win_losses(torch.tensor(gaps), "drop").numpy()
    assert -np.log(probabilities(gaps, -np.inf)[:, 0]) == pytest.approx(theirs, abs=1e-12)


def test_the_fit_is_where_the_trainers_loss_is_flat():
    random = np.random.default_rng(1)
    first, second = random.integers(3, size=200), random.integers(1, 3, size=200)
    second = (first + second) % 3
    sign = random.choice([1, 0, -1], p=[0.5, 0.3, 0.2], size=200)
    fit = davidson(first, second, sign, items=3)
    theta = torch.tensor([*fit.log_worth, fit.log_tie], requires_grad=True)
    gaps = theta[first] - theta[second]
    losses = torch.where(
        torch.tensor(sign) == 0,
        tie_losses(gaps, "davidson", theta[3]),
        win_losses(gaps * torch.where(torch.tensor(sign) < 0, -1, 1), "davidson", theta[3]),
    )
    losses.sum().backward()
    assert theta.grad.tolist() == pytest.approx([0, 0, 0, 0], abs=1e-6)
    assert losses.sum().item() == pytest.approx(-fit.log_likelihood)
