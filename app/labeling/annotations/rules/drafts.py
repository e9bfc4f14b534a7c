"""Which of two saves of the same part of a draft is the newer one.

A draft has parts that are saved apart from one another: the labels of the prompt, each answer, the ranks, the text.
Each part counts its saves. A page that saves tells which revision it began with, so that a page left open yesterday
cannot overwrite what was saved elsewhere since; and which page and which change it is, so that a save whose answer
got lost on the way may be sent again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

RANKS, TEXT, AUTHORED = "ranks", "text", "authored"
WRITTEN = frozenset({TEXT, AUTHORED})
"""Parts that people write; a form of theirs is known by the field of that name."""


@dataclass(frozen=True)
class Edit:
    """What a page says about the state that it saves.

    Attributes:
        revision: the revision of the part that the page began with; 0 where nothing was saved yet.
        page: a name that the open page made up for itself; empty where it has no script.
        number: which change of that page this is, from 1.
    """

    revision: int
    page: str = ""
    number: int = 0


class Standing(Enum):
    """How a save stands to what is kept: it comes next, was overtaken by its own page, or came from an old page."""

    NEXT = "next"
    OVERTAKEN = "overtaken"
    OUTDATED = "outdated"


def standing(stored: Mapping[str, Any], edit: Edit | None) -> Standing:
    """Whether a save of a part may replace what is kept of it; a save that says nothing about itself always may.

    Args:
        stored: ``revision``, ``page`` and ``number`` of the last save of the part; empty before the first.
        edit: what the save says about itself.
    """
    if edit is None or not stored:
        return Standing.NEXT
    if edit.page and edit.page == stored["page"]:
        return Standing.NEXT if edit.number > stored["number"] else Standing.OVERTAKEN
    return Standing.NEXT if edit.revision == stored["revision"] else Standing.OUTDATED


def begun_anew(parts: Iterable[str], now: datetime) -> dict[str, dict[str, Any]]:
    """Revisions of a draft that begins again with what was submitted before.

    No page of the task has begun with them, so what a browser kept from before is offered and not taken.
    """
    return {part: {"revision": int(now.timestamp()) // 2, "page": "", "number": 0} for part in parts}


def following(stored: Mapping[str, Any], edit: Edit | None) -> dict[str, Any]:
    """What is to be known about a part after a save."""
    by = edit or Edit(0)
    return {"revision": stored.get("revision", 0) + 1, "page": by.page, "number": by.number}
