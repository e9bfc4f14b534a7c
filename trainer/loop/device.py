"""Which device a stage computes on, with how many threads, and that twice gives the same."""

from __future__ import annotations

import os

import torch

from trainer.contract.configs import StageConfig
from trainer.contract.errors import StageError
from trainer.contract.limits import usable_cores


def prepare(config: StageConfig) -> torch.device:
    """Choose the device, set the threads, ask torch for deterministic kernels, and say so on stdout.

    Raises:
        ValueError: a GPU is asked for where there is none.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        # Another worker may have one.
        raise StageError(
            'The configuration asks for device "cuda", but this machine has no usable GPU. Use "auto".', resumable=False
        )
    device = torch.device("cuda" if config.device != "cpu" and torch.cuda.is_available() else "cpu")
    threads = config.threads or usable_cores()
    torch.set_num_threads(threads)
    # cuBLAS repeats its sums in the same order only with a fixed workspace; read when CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling fresh memory guards against reading it uninitialised; it costs time and we do not.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"device {device.type} ({name}), {threads} threads", flush=True)  # noqa: T201
    return device
