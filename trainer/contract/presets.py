"""Settings to begin with, by what somebody trains and on what; whatever they leave out has its usual value."""

from __future__ import annotations

from typing import Any

from trainer.contract.folder import Stage

_ADAPTERS: dict[str, Any] = {
    "lora_rank": 16,
    "lora_alpha": 32,
    "dtype": "bfloat16",
    "activation_checkpointing": True,
    "warmup_share": 0.03,
    "checkpoint_every": 100,
}
_LONG: dict[str, Any] = {"dtype": "bfloat16", "max_prompt_tokens": 1024, "max_new_tokens": 512}

PRESETS: dict[str, dict[Stage, dict[str, Any]]] = {
    "tiny-cpu": {stage: {} for stage in ("pretrain", "sft", "sample", "reward", "crossvalidate", "ppo", "evaluate")},
    "lora-one-gpu": {
        "sft": _ADAPTERS | {"learning_rate": 2e-4, "max_tokens": 2048, "tokens_per_forward": 16_384},
        "sample": _LONG | {"batch_size": 128},
        "reward": _ADAPTERS | {"learning_rate": 1e-4, "max_tokens": 2048, "tokens_per_forward": 16_384},
        "crossvalidate": _ADAPTERS | {"learning_rate": 1e-4, "max_tokens": 2048, "tokens_per_forward": 16_384},
        "ppo": _ADAPTERS
        | _LONG
        | {
            "learning_rate": 2e-5,
            "value_learning_rate": 5e-5,
            "iterations": 200,
            "batch_size": 128,
            "minibatch_size": 32,
            "tokens_per_forward": 16_384,
            "checkpoint_every": 10,
        },
        "evaluate": _LONG | {"batch_size": 128, "tokens_per_forward": 16_384},
    },
    # What the paper prints of 1.3 and 6 billion parameters: §3.5 and Appendix C. Of PPO's policy it prints the range
    # of learning rates that was tried (E.9), and γ in a convention that it does not print, so the mix is left out.
    "instructgpt": {
        "sft": {"learning_rate": 9.65e-6, "epochs": 16, "batch_size": 32, "max_tokens": 2048},
        "sample": {"max_prompt_tokens": 1024, "max_new_tokens": 1024},
        "reward": {"learning_rate": 9e-6, "epochs": 1, "prompts_per_batch": 64, "max_tokens": 2048},
        "crossvalidate": {"learning_rate": 9e-6, "epochs": 1, "prompts_per_batch": 64, "folds": 5, "seeds": 3},
        "ppo": {
            "learning_rate": 5e-6,
            "value_learning_rate": 9e-6,
            "iterations": 500,
            "batch_size": 512,
            "minibatch_size": 64,
            "max_prompt_tokens": 1024,
            "max_new_tokens": 1024,
            "checkpoint_every": 10,
        },
        "evaluate": {"max_prompt_tokens": 1024, "max_new_tokens": 1024},
    },
}
"""Name -> stage -> settings. Rates of ``lora-one-gpu`` are ten times those of whole models (Hu et al. 2021, App. D)."""


def presets_of(stage: Stage) -> dict[str, dict[str, Any]]:
    """The presets that have something to say about a stage."""
    return {name: stages[stage] for name, stages in PRESETS.items() if stage in stages}
