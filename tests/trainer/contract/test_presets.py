"""Presets are settings that their stage takes, and the paper's are those that it prints."""

import pytest

from trainer.contract.configs import CONFIGS
from trainer.contract.limits import Surroundings, checked
from trainer.contract.presets import PRESETS, presets_of


@pytest.mark.parametrize(("name", "stage"), [(name, stage) for name, stages in PRESETS.items() for stage in stages])
def test_a_preset_is_a_configuration_of_its_stage(name, stage):
    config, wrong = checked(stage, presets_of(stage)[name], Surroundings())
    assert not wrong
    assert (config == CONFIGS[stage]()) == (name == "tiny-cpu")


def test_the_papers_numbers():
    told = {stage: CONFIGS[stage](**given) for stage, given in PRESETS["instructgpt"].items()}
    assert (told["sft"].epochs, told["sft"].learning_rate, told["sft"].final_rate_share) == (16, 9.65e-6, 0.1)
    assert (told["reward"].learning_rate, told["reward"].prompts_per_batch, told["reward"].ties) == (9e-6, 64, "drop")
    ppo = told["ppo"]
    assert ppo.iterations * ppo.batch_size == 256_000
    assert ppo.batch_size // ppo.minibatch_size == 8
    assert (ppo.kl_coefficient, ppo.clip, ppo.discount, ppo.ema_decay, ppo.inner_epochs) == (0.02, 0.2, 1, 0.992, 1)
    assert 2.55e-6 <= ppo.learning_rate <= 8.05e-6


def test_a_stage_without_settings_worth_choosing_has_none():
    assert presets_of("score") == {}
