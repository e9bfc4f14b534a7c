"""The device is chosen by the configuration and by what the machine has."""

import pytest
import torch

from trainer.contract.configs import ScoreConfig
from trainer.loop.device import IN_FULL, prepare


def test_threads_are_those_asked_for(capsys):
    before = torch.get_num_threads()
    try:
        assert prepare(ScoreConfig(device="cpu", threads=1)) == IN_FULL
        assert torch.get_num_threads() == 1
        assert "1 threads" in capsys.readouterr().out
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(before)


def test_a_gpu_that_is_not_there_is_said_to_be_missing(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ValueError, match="no usable GPU"):
        prepare(ScoreConfig(device="cuda"))


@pytest.fixture
def gpu_without_bfloat16(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "an old one")
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_numbers_that_a_gpu_does_not_have_are_refused_and_not_taken_by_themselves(gpu_without_bfloat16):
    with pytest.raises(ValueError, match="this GPU does not have"):
        prepare(ScoreConfig(dtype="bfloat16"))
    assert prepare(ScoreConfig()).dtype == torch.float32
    # A CPU computes with them, though seldom faster: only when told to.
    assert prepare(ScoreConfig(device="cpu", dtype="bfloat16")).dtype == torch.bfloat16
    assert prepare(ScoreConfig(device="cpu")).dtype == torch.float32
