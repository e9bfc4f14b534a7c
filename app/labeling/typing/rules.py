"""How a text came into its field: how much of it was typed and how much pasted; counts, never the keys themselves.

A page counts since it was opened and reports its whole count under a name of its own, with everything that it saves.
Of two reports of one page the larger number holds, so a report that comes twice or late adds nothing.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
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
LARGEST = 10_000_000
"""Of any number that a page reports; more is no measurement."""
MOST_PAGES = 200
"""Whoever opens a task more often is counted no further."""
_VIEW = re.compile(r"[0-9A-Za-z-]{8,40}")


def counts_of(view: str, text: str) -> TypingCounts | None:
    """Read what a page sent; nothing where it is no measurement."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not _VIEW.fullmatch(view) or not isinstance(read, dict) or set(read) - set(NAMES):
        return None
    if not all(isinstance(value, int) and not isinstance(value, bool) for value in read.values()):
        return None
    return TypingCounts(**read) if all(0 <= value <= LARGEST for value in read.values()) else None


def with_report(pages: Mapping[str, Any], view: str, counts: TypingCounts) -> dict[str, Any]:
    """The counts by page, with a report taken in."""
    if view not in pages and len(pages) >= MOST_PAGES:
        return dict(pages)
    before = pages.get(view, {})
    return {**pages, view: {name: max(value, before.get(name, 0)) for name, value in asdict(counts).items()}}


def in_all(pages: Mapping[str, Any]) -> TypingCounts:
    """The counts of all pages on which a text was written, from ``{page: {name: count}}``."""
    counts = list(pages.values())
    sums = {name: sum(page.get(name, 0) for page in counts) for name in NAMES}
    return TypingCounts(**{**sums, "longest": max((page.get("longest", 0) for page in counts), default=0)})
