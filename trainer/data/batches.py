"""From lists of token ids to tensors, and the order in which they come. Masks: True counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import torch

Side = Literal["left", "right"]


def pad(sequences: Sequence[Sequence[int]], pad_id: int, side: Side) -> tuple[torch.Tensor, torch.Tensor]:
    """Fill sequences up to the longest.

    Returns:
        ids (B, T) int64 and mask (B, T) bool, True where a token is real.
    """
    length = max(len(sequence) for sequence in sequences)
    rows, masks = [], []
    for sequence in sequences:
        filler = [pad_id] * (length - len(sequence))
        real, empty = [True] * len(sequence), [False] * len(filler)
        rows.append([*filler, *sequence] if side == "left" else [*sequence, *filler])
        masks.append([*empty, *real] if side == "left" else [*real, *empty])
    return torch.tensor(rows, dtype=torch.long), torch.tensor(masks, dtype=torch.bool)


def positions(mask: torch.Tensor) -> torch.Tensor:
    """Position of each real token in its own sequence (B, T), whichever side the padding is on; 0 on padding before."""
    return (mask.long().cumsum(dim=-1) - 1).clamp(min=0)


def shuffled(n: int, seed: int, epoch: int) -> list[int]:
    """An order of 0 … n-1 that depends on the seed and the epoch alone, so a resumed run finds its place again."""
    # Distinct odd multipliers keep (seed, epoch) pairs apart; manual_seed scrambles what is left.
    mixed = (seed * 0x9E3779B97F4A7C15 + (epoch + 1) * 0xC2B2AE3D27D4EB4F) % 2**63
    return torch.randperm(n, generator=torch.Generator().manual_seed(mixed)).tolist()


def held_out_groups(groups: Sequence[int], count: int, seed: int) -> list[int]:
    """Places of at least ``count`` items, drawn by whole groups, so that nothing held out has kin among the rest.

    The group that would leave nothing is passed over.
    """
    members: dict[int, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    drawn = list(members.values())
    chosen: list[int] = []
    for place in shuffled(len(drawn), seed, 0):
        if len(chosen) >= count:
            break
        if len(chosen) + len(drawn[place]) < len(groups):
            chosen += drawn[place]
    return chosen


def by_length(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Divide rows among forwards of at most ``capacity`` tokens, padding included; rows of about one length together.

    Args:
        lengths: of the rows.
        capacity: a row that is longer goes alone.

    Returns:
        The places in ``lengths`` that go together, the longest first: what does not fit into memory says so at once.
    """
    found: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if not found or lengths[found[-1][0]] * (len(found[-1]) + 1) > capacity:
            found.append([])
        found[-1].append(place)
    return found


def rows_together(length: int, capacity: int) -> int:
    """How many rows of one length a forward of at most ``capacity`` tokens computes, at least one."""
    return max(1, capacity // length)


def epoch_steps(n: int, batch_size: int) -> int:
    """Batches in one epoch; the last one may be smaller."""
    return -(-n // batch_size)


def batch_at(step: int, n: int, batch_size: int, seed: int) -> list[int]:
    """The items of a step (from 1): epochs follow one another, each in its own order."""
    epoch, place = divmod(step - 1, epoch_steps(n, batch_size))
    return shuffled(n, seed, epoch)[place * batch_size : (place + 1) * batch_size]


def token_blocks(documents: Iterable[Sequence[int]], block: int) -> torch.Tensor:
    """Lay documents end to end and cut the stream into rows of equal length; the rest is dropped.

    Returns:
        ids (N, block) int64; N is 0 when there are fewer tokens than one block.
    """
    stream = [token for document in documents for token in document]
    rows = len(stream) // block
    return torch.tensor(stream[: rows * block], dtype=torch.long).reshape(rows, block)
