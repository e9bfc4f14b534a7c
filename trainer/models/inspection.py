"""The second look at a model brought from elsewhere: its architecture, built without weights, and its tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from trainer.contract import inspection, limits, weights
from trainer.contract.configs import CONFIGS, PARENTS
from trainer.contract.inspection import Inspection, Kind, Look, ModelFacts, refused
from trainer.contract.limits import FLOAT, Problem

FEW_LETTERS = 200


def inspect(folder: Path, kind: Kind) -> Inspection:
    """Say what a model is and needs, or all the reasons why it cannot be used; its weights are not read.

    Args:
        folder: in Hugging Face's format.
        kind: what it is to be used as.
    """
    seen, problems = inspection.look(folder)
    if seen is None:
        return refused(problems)
    config, wrong = _config(folder, seen, kind)
    if config is None:
        return refused(wrong)
    wrong = _unfitting(folder, kind)
    tokenizer, unreadable = _tokenizer(folder)
    wrong += unreadable
    rows = int(config.get_text_config().vocab_size)
    if tokenizer is not None:
        highest = max(tokenizer.get_vocab().values(), default=-1)
        if highest >= rows:
            wrong.append(Problem((), inspection.VOCABULARY, {"tokens": highest, "rows": rows}))
        if tokenizer.eos_token_id is None:
            wrong.append(Problem((), inspection.NO_END, {}))
    if wrong or tokenizer is None:
        return refused(wrong)
    parameters = sum(tensor.numbers for tensor in seen.tensors.values())
    architecture = (seen.config.get("architectures") or [""])[0]
    facts = ModelFacts(
        architecture=architecture,
        family=config.model_type,
        parameters=parameters,
        dtype=weights.main_dtype(seen.tensors),
        context=getattr(config, "max_position_embeddings", None),
        vocabulary=rows,
        tokens=len(tokenizer),
        chat_template=tokenizer.chat_template is not None,
        end_token=str(tokenizer.eos_token),
        licence=inspection.licence_of(folder),
        weight_bytes=seen.weight_bytes,
        memory=_memory(limits.Model(vocabulary=rows, hidden=_width(config), size=parameters * FLOAT)),
    )
    return Inspection(facts=facts)


def _config(folder: Path, seen: Look, kind: Kind) -> tuple[Any, list[Problem]]:
    """The architecture as the library knows it, or why that kind of model cannot be made of it."""
    family = str(seen.config.get("model_type", ""))
    if family not in transformers.CONFIG_MAPPING:
        values = {"family": family, "version": transformers.__version__}
        return None, [Problem((), inspection.UNKNOWN_ARCHITECTURE, values)]
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # noqa: BLE001 - each architecture checks its numbers in its own way
        return None, [Problem((), inspection.CONFIG_REFUSED, {"reason": _first_words(error)})]
    unsuitable = _unsuitable(config, seen, kind)
    return (None, [unsuitable]) if unsuitable else (config, [])


def _unsuitable(config: Any, seen: Look, kind: Kind) -> Problem | None:
    """Why an architecture that the library knows cannot be that kind of model."""
    family = config.model_type
    if parts := inspection.other_senses(seen.config):
        return Problem((), inspection.MORE_THAN_TEXT, {"family": family, "parts": ", ".join(parts)})
    writes = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(family)
    architecture = str((seen.config.get("architectures") or [writes or family])[0])
    classifies = architecture.endswith("ForSequenceClassification")
    if kind == "reward":
        return None if classifies else Problem((), inspection.NO_REWARD_HEAD, {"architecture": architecture})
    if classifies:
        return Problem((), inspection.REWARD_HEAD, {"architecture": architecture})
    # Families that fill gaps, as BERT does, can be opened as writers too, but were not trained to write.
    if config.is_encoder_decoder or architecture != writes:
        return Problem((), inspection.NO_LANGUAGE_MODEL, {"architecture": architecture})
    return None


def _unfitting(folder: Path, kind: Kind) -> list[Problem]:
    """Hold the names and shapes of the weights against the architecture, which is built without any memory."""
    loader = AutoModelForSequenceClassification if kind == "reward" else AutoModelForCausalLM
    try:
        model, found = loader.from_pretrained(
            folder,
            device_map="meta",
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
        )
    except Exception as error:  # noqa: BLE001 - as above
        return [Problem((), inspection.CONFIG_REFUSED, {"reason": _first_words(error)})]
    if kind == "reward" and not hasattr(model, "score"):
        return [Problem((), inspection.NO_REWARD_HEAD, {"architecture": type(model).__name__})]
    wrong = (
        (inspection.MISSING_TENSORS, "missing_keys"),
        (inspection.UNKNOWN_TENSORS, "unexpected_keys"),
        (inspection.MISSHAPEN_TENSORS, "mismatched_keys"),
    )
    told = {text: sorted(name if isinstance(name, str) else name[0] for name in found[key]) for text, key in wrong}
    return [Problem((), text, {"names": inspection.few(names)}) for text, names in told.items() if names]


def _tokenizer(folder: Path) -> tuple[PreTrainedTokenizerBase | None, list[Problem]]:
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False), []
    except Exception as error:  # noqa: BLE001 - a tokenizer fails in as many ways as there are libraries below it
        return None, [Problem((), inspection.TOKENIZER_REFUSED, {"reason": _first_words(error)})]


def _memory(model: limits.Model) -> dict[str, int]:
    """Stage -> bytes it takes at least, with its usual settings, were all its models like this one."""
    return {
        stage: limits.least_memory(CONFIGS[stage](), {role: model for role, _kind in roles})
        for stage, roles in PARENTS.items()
        if roles
    }


def _width(config: Any) -> int:
    return int(getattr(config.get_text_config(), "hidden_size", 0))


def _first_words(error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= FEW_LETTERS else words[:FEW_LETTERS].rsplit(" ", 1)[0] + " …"
