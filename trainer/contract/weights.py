"""What the files of weights say of themselves: names, shapes and types of tensors, from their headers alone.

The format (safetensors) begins with eight bytes, little-endian, that count the bytes of the JSON after them; it maps
each tensor to its type, its shape and where its numbers lie behind the header.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
LONGEST_HEADER = 100_000_000
"""Bytes; the format's own bound, which keeps eight wrong bytes from asking for all memory there is."""


class BrokenWeightsError(ValueError):
    """A file is not what it should be.

    Attributes:
        file: its name.
        missing: whether it is not there at all.
    """

    def __init__(self, file: str, *, missing: bool = False) -> None:
        super().__init__(f"{file} {'is missing' if missing else 'is broken or was cut off'}")
        self.file, self.missing = file, missing


@dataclass(frozen=True)
class Tensor:
    """What a header says of a tensor: ``F32``, ``BF16`` …, and its shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def numbers(self) -> int:
        return math.prod(self.shape)


def files_of(folder: Path) -> list[Path]:
    """The files over which a model's weights are spread; none where it has none of this format.

    Raises:
        BrokenWeightsError: its index cannot be read, or names a file outside its folder.
    """
    if (index := folder / INDEX).is_file():
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise BrokenWeightsError(INDEX) from error
        if any(not isinstance(name, str) or Path(name).name != name for name in names):
            raise BrokenWeightsError(INDEX)
        return [folder / name for name in names]
    return [folder / SINGLE] if (folder / SINGLE).is_file() else []


def tensors_of(folder: Path) -> dict[str, Tensor]:
    """Every tensor of a model folder by its name; empty where it has no weights of this format.

    Raises:
        BrokenWeightsError: a file is missing, cut off or not of this format.
    """
    return {name: tensor for file in files_of(folder) for name, tensor in _tensors(file)}


def parameters_of(folder: Path) -> int:
    """How many numbers a model's weights have; 0 where they cannot be read."""
    try:
        return sum(tensor.numbers for tensor in tensors_of(folder).values())
    except BrokenWeightsError:
        return 0


def main_dtype(tensors: dict[str, Tensor]) -> str:
    """The type in which most of the numbers are kept."""
    counts: Counter[str] = Counter()
    for tensor in tensors.values():
        counts[tensor.dtype] += tensor.numbers
    return max(counts, key=lambda dtype: counts[dtype]) if counts else ""


def _tensors(file: Path) -> Iterator[tuple[str, Tensor]]:
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            header = _header(file, opened.read(length) if length <= min(size - 8, LONGEST_HEADER) else b"")
    except FileNotFoundError as error:
        raise BrokenWeightsError(file.name, missing=True) from error
    end = 0
    for name, told in header.items():
        if name == "__metadata__":
            continue
        try:
            tensor = Tensor(str(told["dtype"]), tuple(int(side) for side in told["shape"]))
            end = max(end, int(told["data_offsets"][1]))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BrokenWeightsError(file.name) from error
        yield name, tensor
    if size < 8 + length + end:
        raise BrokenWeightsError(file.name)


def _header(file: Path, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except ValueError as error:
        raise BrokenWeightsError(file.name) from error
    if not isinstance(header, dict):
        raise BrokenWeightsError(file.name)
    return header
