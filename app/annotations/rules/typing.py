"""How a text came into its field: how much of it was typed and how much pasted; counts, never the keys themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class TypingCounts:
    """What was counted while somebody wrote.

    Attributes:
        pastes: how often something was pasted or dropped into the text.
        pasted: characters that came in this way.
        longest: characters of the longest of them.
        typed: characters that came key by key, or from an input method.
        edits: changes that took something out or replaced it.
        seconds: time between changes, as far as they followed one another within five seconds.
    """

    pastes: int = 0
    pasted: int = 0
    longest: int = 0
    typed: int = 0
    edits: int = 0
    seconds: int = 0

    @property
    def pasted_share(self) -> float | None:
        """Share of the characters that came in by pasting, of all that came in; none where nothing did."""
        entered = self.pasted + self.typed
        return self.pasted / entered if entered else None


NAMES = tuple(field.name for field in fields(TypingCounts))


def in_all(pages: Mapping[str, Any]) -> TypingCounts:
    """The counts of all pages on which a text was written, from ``{page: {name: count}}``."""
    counts = list(pages.values())
    sums = {name: sum(page.get(name, 0) for page in counts) for name in NAMES}
    return TypingCounts(**{**sums, "longest": max((page.get("longest", 0) for page in counts), default=0)})
