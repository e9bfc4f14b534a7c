"""What a run is going to take, measured by its first steps before anybody waits for it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from trainer.contract.configs import PretrainConfig, StageConfig, TunedConfig
from trainer.contract.folder import Stage

DRY_RUN = "--dry-run"
"""The argument by which a stage takes a few steps only."""

PROBED_STEPS = 3
PROBED: frozenset[Stage] = frozenset({"pretrain", "sft", "sample", "reward", "crossvalidate", "ppo"})
"""Stages that go step by step. The others read a file once, ``tokens_per_forward`` at a time."""

LEAST_TOKENS = 1024
"""Per forward; below that fewer tokens take more time and hardly less memory."""


class Forecast(BaseModel):
    """What was measured in a few steps, and what follows for the whole run.

    Attributes:
        steps: of the whole run.
        probed: steps that were taken.
        seconds_before: the first step, for reading models and data.
        seconds_per_step: median of those after the first, which prepares memory as well.
        peak_bytes: most memory that was held, of the GPU where there is one.
        memory_bytes: what the machine, or its GPU, has.
        lower: settings by which less memory would do, the first ones first.
    """

    model_config = ConfigDict(extra="forbid")

    steps: int
    probed: int
    seconds_before: float
    seconds_per_step: float
    peak_bytes: int
    memory_bytes: int
    device: str
    dtype: str
    lower: list[str]

    @property
    def seconds(self) -> float:
        """Of the whole run, but for looking at held-out data in between."""
        return self.seconds_before + self.steps * self.seconds_per_step

    @property
    def fits(self) -> bool:
        return self.peak_bytes < self.memory_bytes


def lowers_memory(config: StageConfig, dtype: str) -> list[str]:
    """Settings by which a run of this configuration would need less memory, those that cost least first.

    Args:
        config: of the run.
        dtype: in which models compute, however that was chosen.
    """
    given: dict[str, Any] = config.model_dump()
    found = []
    if given.get("activation_checkpointing") is False:
        found.append("activation_checkpointing")
    if given.get("tokens_per_forward", 0) > LEAST_TOKENS:
        found.append("tokens_per_forward")
    if isinstance(config, TunedConfig) and not config.lora_rank:
        found.append("lora_rank")
    if dtype == "float32":
        found.append("dtype")
    if not isinstance(config, PretrainConfig) and "batch_size" in given and "max_new_tokens" in given:
        found.append("batch_size")  # of answers that are drawn together
    return found
