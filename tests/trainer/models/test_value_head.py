"""The value model begins as the reward model; beside adapters one body serves both."""

import torch

from tests import tiny
from trainer.contract.configs import PpoConfig
from trainer.data.batches import pad
from trainer.loop.device import IN_FULL
from trainer.models.adapters import add_adapters, learning, without_adapters
from trainer.models.reward_model import load_reward_model, new_reward_model, scores
from trainer.models.value_head import load_value_model, reward_within, values

LORA = PpoConfig(lora_rank=2)
BATCH = pad([[9, 10, 11, 12], [13, 14, 15, 16, 17, 18]], 0, "right")


def saved(folder):
    sft = tiny.model_folder(folder / "sft")
    new_reward_model(sft, 0, torch.Generator().manual_seed(1)).save_pretrained(folder / "reward")
    return folder / "reward"


def test_whatever_the_values_learn_the_reward_within_them_says_what_it_said(tmp_path):
    folder = saved(tmp_path)
    expected = scores(load_reward_model(folder), *BATCH)
    value_model = load_value_model(folder, IN_FULL, LORA)
    reward = reward_within(value_model)
    add_adapters(value_model, LORA, 0)
    before = values(value_model, *BATCH).detach()
    values(value_model, *BATCH).sum().backward()
    with torch.no_grad():
        for parameter in learning(value_model):
            parameter.add_(0.1)
    assert not torch.allclose(values(value_model, *BATCH), before, atol=0.01)
    with without_adapters(value_model):
        assert torch.equal(scores(reward, *BATCH), expected)
    assert not any(parameter.requires_grad for parameter in reward.score.parameters())
    assert reward.score.weight.grad is None
    assert reward.model is value_model.model, "one body"
