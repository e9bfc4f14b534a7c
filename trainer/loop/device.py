"""Where a stage computes and in which numbers, with how many threads, and that twice gives the same."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from trainer.contract.configs import StageConfig
from trainer.contract.errors import StageError
from trainer.contract.limits import usable_cores
from trainer.loop import processes


@dataclass(frozen=True)
class Compute:
    """Where models are and in which numbers they compute.

    Attributes:
        device: of all of them.
        dtype: float32, bfloat16 or float64; see ``trainer.models.precision``.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32


IN_FULL = Compute(torch.device("cpu"))
"""What is not told otherwise computes on the CPU, in float32."""


def prepare(config: StageConfig) -> Compute:
    """Choose the device and its numbers, set the threads, ask for deterministic kernels, and say so on stdout.

    Raises:
        StageError: a GPU is asked for where there is none, or numbers that it does not have.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        # Another worker may have one.
        raise StageError(
            'The configuration asks for device "cuda", but this machine has no usable GPU. Use "auto".', resumable=False
        )
    # Of several processes each has made a GPU of its own the current one, or has its share of the cores.
    device = torch.device("cuda" if config.device != "cpu" and torch.cuda.is_available() else "cpu")
    compute = Compute(device, _numbers(config, device))
    threads = config.threads or max(1, usable_cores() // processes.size())
    torch.set_num_threads(threads)
    # cuBLAS repeats its sums in the same order only with a fixed workspace; read when CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling fresh memory guards against reading it uninitialised; it costs time and we do not.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    numbers = str(compute.dtype).removeprefix("torch.")
    print(f"device {device.type} ({name}), {numbers}, {threads} threads", flush=True)  # noqa: T201
    return compute


def _numbers(config: StageConfig, device: torch.device) -> torch.dtype:
    has_bfloat16 = device.type == "cpu" or torch.cuda.is_bf16_supported(including_emulation=False)
    if config.dtype == "bfloat16" and not has_bfloat16:
        raise StageError(
            'The configuration asks for dtype "bfloat16", which this GPU does not have. Use "float32" or "auto".',
            resumable=False,
        )
    if config.dtype == "auto":
        # A CPU has it too, but few are faster with it, and results would be others than they were.
        return torch.bfloat16 if device.type == "cuda" and has_bfloat16 else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}[config.dtype]
