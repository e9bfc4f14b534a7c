"""Low-rank adapters: a few small matrices learn beside a large model that stays as it is (LoRA, Hu et al. 2021).

Beside each chosen matrix W stand A (r × in) and B (out × r), and the layer says W x + (alpha / r) B A x. B begins at
zero, so a model with fresh adapters says what it said without. The layers of the peft library take the places of the
old ones in the model itself, which stays what it is for everybody who asks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainer.contract.configs import TunedConfig
from trainer.contract.errors import StageError
from trainer.loop.seed import derived
from trainer.models.precision import HEAD

ADAPTER = "adapter"
"""Folder of a run that has the adapters alone, as peft keeps them."""


def add_adapters(model: Any, config: TunedConfig, seed: int) -> None:
    """Let adapters learn instead of the whole model, and the head of a reward model; nothing if none are wanted.

    Args:
        model: gets layers with adapters in the places of its own.
        config: says how large they are and where they stand.
        seed: they are drawn from.

    Raises:
        StageError: no layer has one of the names.
    """
    if not config.lora_rank:
        return
    from peft import inject_adapter_in_model

    for parameter in model.parameters():
        parameter.requires_grad_(False)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(derived(seed, "adapters"))
            inject_adapter_in_model(_peft_config(model, config), model)
    except ValueError as error:
        raise StageError(
            f"No adapter could be added: {error}. Name linear layers of the model in “lora_targets”.", resumable=False
        ) from error
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name or name.startswith(f"{HEAD}."))
        if parameter.dtype == torch.bfloat16 and parameter.requires_grad:
            parameter.data = parameter.data.float()  # beside weights that are rounded, too


def _peft_config(model: Any, config: TunedConfig) -> Any:
    from peft import LoraConfig

    names = [name.strip() for name in config.lora_targets.split(",") if name.strip()]
    targets: Any = names
    if names == ["all-linear"]:
        outputs = model.get_output_embeddings()
        targets = sorted(
            name
            for name, module in model.named_modules()
            if _is_linear(module) and module is not outputs and name != HEAD
        )
    return LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        target_modules=targets,
        task_type="SEQ_CLS" if hasattr(model, HEAD) else "CAUSAL_LM",
        base_model_name_or_path=getattr(model.config, "_name_or_path", None),
    )


def _is_linear(module: nn.Module) -> bool:
    from transformers.pytorch_utils import Conv1D  # GPT-2's, whose weight lies the other way round

    return isinstance(module, nn.Linear | Conv1D)


def learning(model: nn.Module) -> list[nn.Parameter]:
    """The parameters of a model that learn, in their order."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def learned_state(model: nn.Module) -> dict[str, Tensor]:
    """What a checkpoint keeps of a model: all of it, or of one with adapters what learns."""
    if all(parameter.requires_grad for parameter in model.parameters()):
        return model.state_dict()
    return {name: parameter.detach() for name, parameter in model.named_parameters() if parameter.requires_grad}


def load_learned(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Put back what ``learned_state`` gave.

    Raises:
        RuntimeError: it is not of this model with these settings.
    """
    found = model.load_state_dict(state, strict=len(state) == len(model.state_dict()))
    learns = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    if found.unexpected_keys or learns.intersection(found.missing_keys):
        raise RuntimeError("The checkpoint is of another model or of other adapters.")


def _layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    if any("lora_" in name for name, _ in model.named_parameters()):
        from peft.tuners.tuners_utils import BaseTunerLayer

        yield from ((name, module) for name, module in model.named_modules() if isinstance(module, BaseTunerLayer))


@contextmanager
def without_adapters(model: nn.Module) -> Iterator[None]:
    """Let a model be for a while what it was before its adapters learned."""
    layers = [layer for _, layer in _layers(model)]
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)
            layer.requires_grad_(False)
            for name, parameter in layer.named_parameters():
                parameter.requires_grad_("lora_" in name)


def save_adapters(model: Any, config: TunedConfig, folder: Path) -> None:
    """Leave the adapters, and the head of a reward model, in a folder that peft opens; nothing if there are none."""
    if not config.lora_rank:
        return
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    _peft_config_of_saved(model, config).save_pretrained(folder)
    kept = {
        f"base_model.model.{name.replace('.default', '')}": value.detach().cpu().contiguous()
        for name, value in model.named_parameters()
        if value.requires_grad
    }
    save_file(kept, folder / "adapter_model.safetensors", {"format": "pt"})


def _peft_config_of_saved(model: Any, config: TunedConfig) -> Any:
    found = _peft_config(model, config)
    found.target_modules = sorted(name for name, _ in _layers(model))
    found.modules_to_save = [HEAD] if hasattr(model, HEAD) else None
    found.inference_mode = True
    return found


@torch.no_grad()
def merge_adapters(model: nn.Module) -> None:
    """Add what the adapters learned to the weights beside which they stand, and take them out."""
    for name, layer in list(_layers(model)):
        layer.merge(safe_merge=True)
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, layer.get_base_layer())
