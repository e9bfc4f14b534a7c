"""The device is chosen by the configuration and by what the machine has."""

import pytest
import torch

from trainer.contract.configs import ScoreConfig
from trainer.loop.device import prepare


def test_threads_are_those_asked_for(capsys):
    before = torch.get_num_threads()
    try:
        assert prepare(ScoreConfig(device="cpu", threads=1)) == torch.device("cpu")
        assert torch.get_num_threads() == 1
        assert "1 threads" in capsys.readouterr().out
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(before)


def test_a_gpu_that_is_not_there_is_said_to_be_missing(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ValueError, match="no usable GPU"):
        prepare(ScoreConfig(device="cuda"))
