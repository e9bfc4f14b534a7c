"""What a model brought from elsewhere must have, and what is told of it before it is entered.

The first look reads small files only (``look``); the second builds the architecture without weights and is the
trainer's (``trainer.models.inspection``). Neither reads a weight or runs a line of code that comes with the model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from trainer.contract import weights
from trainer.contract.limits import Problem

INSPECT = "inspect"
"""What the trainer is called with instead of a stage."""

Kind = Literal["base", "sft", "reward", "policy"]
KINDS: tuple[Kind, ...] = ("base", "sft", "reward", "policy")

NO_FOLDER = "There is no folder at %(folder)s."
NO_CONFIG = "It has no config.json, so nothing says what kind of model it is."
ADAPTER = (
    "It is an adapter (LoRA) without the model it belongs to. Merge the two, save the result, and add that folder."
)
BROKEN_FILE = "%(file)s cannot be read as JSON."
REMOTE_CODE = (
    "It brings program code of its own (auto_map in %(files)s), which Prefloop never runs. Use a version of the model "
    "that the transformers library knows by itself."
)
QUANTIZED = "Its weights are quantized (%(how)s) and cannot be trained. Add the version with full weights."
PICKLED = (
    "Its weights are pickled only (%(files)s); opening such a file can run any program. Save them as safetensors, with "
    "save_pretrained of a recent transformers."
)
NO_WEIGHTS = "It has no weights: no model.safetensors and no index of several such files."
MISSING_WEIGHTS = "%(file)s is missing, though the index of the weights names it."
BROKEN_WEIGHTS = "%(file)s is broken or was cut off. Fetch it again."
NO_TOKENIZER = "It has no tokenizer: none of tokenizer.json, tokenizer.model and vocab.json is there."
UNKNOWN_ARCHITECTURE = (
    "The installed transformers library (%(version)s) does not know its architecture “%(family)s”. Update the library, "
    "or use another model."
)
CONFIG_REFUSED = "Its config.json describes no model that can be built: %(reason)s"
NO_LANGUAGE_MODEL = "“%(architecture)s” is no language model that writes from left to right."
MORE_THAN_TEXT = "“%(family)s” reads more than text (%(parts)s); only models of text can be trained."
NO_REWARD_HEAD = (
    "It has no head for a score: a reward model is saved as a sequence classifier, and this one is “%(architecture)s”."
)
REWARD_HEAD = "It is a sequence classifier (“%(architecture)s”). Add it as a reward model."
MISSING_TENSORS = "Its weights lack what its config.json asks for: %(names)s."
UNKNOWN_TENSORS = "Its weights have parts for which its config.json has no place: %(names)s."
MISSHAPEN_TENSORS = "Its weights have other shapes than its config.json says: %(names)s."
TOKENIZER_REFUSED = "Its tokenizer cannot be opened: %(reason)s"
VOCABULARY = (
    "Its tokenizer has tokens up to number %(tokens)s, but the model has embeddings for %(rows)s. They do not belong "
    "together."
)
NO_END = "Its tokenizer has no end-of-sequence token, so an answer could never end."
TEXTS = (
    *(NO_FOLDER, NO_CONFIG, ADAPTER, BROKEN_FILE, REMOTE_CODE, QUANTIZED, PICKLED, NO_WEIGHTS, MISSING_WEIGHTS),
    *(BROKEN_WEIGHTS, NO_TOKENIZER, UNKNOWN_ARCHITECTURE, CONFIG_REFUSED, NO_LANGUAGE_MODEL, MORE_THAN_TEXT),
    *(NO_REWARD_HEAD, REWARD_HEAD, MISSING_TENSORS, UNKNOWN_TENSORS, MISSHAPEN_TENSORS),
    *(TOKENIZER_REFUSED, VOCABULARY, NO_END),
)
"""Every sentence, for those who translate them."""

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tekken.json")
MAY_NAME_CODE = ("config.json", "tokenizer_config.json", "generation_config.json")
EIGHT_BITS = re.compile(r"F8_|^U?I8$|^F4|^U8$")
OTHER_SENSES = ("vision_config", "audio_config", "speech_config", "image_token_id", "vision_tower")
LICENCE = re.compile(r"\A---\n(?:.*\n)*?licen[cs]e:[ \t]*(?P<name>[^\n#]+?)[ \t]*\n(?:.*\n)*?---", re.MULTILINE)
LONGEST_CARD = 100_000
SHOWN = 3


class ModelFacts(BaseModel):
    """What is told of a model before anything is trained.

    Attributes:
        architecture: the class it was saved as, such as ``Qwen2ForCausalLM``.
        family: what the transformers library calls the architecture.
        parameters: numbers in its weights; shared ones count once.
        dtype: in which most of them are kept.
        context: tokens that it reads at most; None where it does not say.
        vocabulary: rows of its embedding.
        tokens: of its tokenizer.
        chat_template: whether it brings one; without, conversations are written in plain words.
        end_token: closes an answer.
        licence: as its model card names it.
        weight_bytes: of its files of weights.
        memory: stage -> bytes that it takes at least with this model in every role.
    """

    model_config = ConfigDict(extra="forbid")

    architecture: str
    family: str
    parameters: int
    dtype: str
    context: int | None
    vocabulary: int
    tokens: int
    chat_template: bool
    end_token: str
    licence: str | None
    weight_bytes: int
    memory: dict[str, int]


class Inspection(BaseModel):
    """What an inspection found: facts, or the reasons why the model cannot be used.

    Attributes:
        problems: (sentence to be filled in, values), each complete in itself.
    """

    model_config = ConfigDict(extra="forbid")

    facts: ModelFacts | None = None
    problems: list[tuple[str, dict[str, Any]]] = []

    @property
    def sentences(self) -> list[str]:
        return [text % values for text, values in self.problems]


@dataclass(frozen=True)
class Look:
    """What the small files of a folder say.

    Attributes:
        config: ``config.json``.
        tensors: of its weights.
        weight_bytes: of their files.
    """

    config: dict[str, Any]
    tensors: dict[str, weights.Tensor]
    weight_bytes: int


def look(folder: Path) -> tuple[Look | None, list[Problem]]:
    """Read the small files of a model folder.

    Returns:
        What they say, and all that is wrong with them; nothing of the first where something essential is.
    """
    if not folder.is_dir():
        return None, [_problem(NO_FOLDER, folder=str(folder))]
    if not (folder / "config.json").is_file():
        adapter = (folder / "adapter_config.json").is_file()
        return None, [_problem(ADAPTER if adapter else NO_CONFIG)]
    config = _json(folder / "config.json")
    if config is None:
        return None, [_problem(BROKEN_FILE, file="config.json")]
    problems = [*_code(folder), *_quantized(config)]
    if not any((folder / name).is_file() for name in TOKENIZERS):
        problems.append(_problem(NO_TOKENIZER))
    tensors: dict[str, weights.Tensor] = {}
    weight_bytes = 0
    try:
        files = weights.files_of(folder)
        if not files:
            pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
            problems.append(_problem(PICKLED, files=few(pickles)) if pickles else _problem(NO_WEIGHTS))
        tensors = weights.tensors_of(folder)
        weight_bytes = sum(file.stat().st_size for file in files)
    except weights.BrokenWeightsError as error:
        problems.append(_problem(MISSING_WEIGHTS if error.missing else BROKEN_WEIGHTS, file=error.file))
    if (small := EIGHT_BITS.search(weights.main_dtype(tensors))) and not _quantized(config):
        problems.append(_problem(QUANTIZED, how=small.string))
    return (None if problems else Look(config, tensors, weight_bytes)), problems


def refused(problems: Iterable[Problem]) -> Inspection:
    """The inspection of a model that cannot be used."""
    return Inspection(problems=[(problem.text, dict(problem.values)) for problem in problems])


def licence_of(folder: Path) -> str | None:
    """The licence that a model card names in its front matter."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    with card.open(encoding="utf-8", errors="replace") as opened:
        found = LICENCE.match(opened.read(LONGEST_CARD).replace("\r\n", "\n"))
    return found["name"].strip("'\"") if found else None


def other_senses(config: dict[str, Any]) -> list[str]:
    """Parts of a model that read images or sound."""
    return [name for name in OTHER_SENSES if config.get(name) is not None]


def _code(folder: Path) -> Iterator[Problem]:
    files = [name for name in MAY_NAME_CODE if (_json(folder / name) or {}).get("auto_map")]
    if files:
        yield _problem(REMOTE_CODE, files=few(files))


def _quantized(config: dict[str, Any]) -> list[Problem]:
    told = config.get("quantization_config")
    if not told:
        return []
    how = told.get("quant_method") if isinstance(told, dict) else None
    return [_problem(QUANTIZED, how=str(how or "quantization_config"))]


def _json(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def few(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")


def _problem(text: str, **values: Any) -> Problem:
    return Problem((), text, values)
