"""Why a stage stops, in a form that ``error.json`` can carry."""

from __future__ import annotations

from typing import Any


class StageError(ValueError):
    """A sentence for a person: what happened and what to do.

    Any other ``ValueError`` that our code raises speaks of the order itself (its settings, its data), which starting
    the same run again will not change.

    Attributes:
        resumable: whether starting the same run again may succeed though nobody changes its settings or what it reads.
        details: further keys of ``error.json``, such as ``step`` and ``tensor``.
    """

    def __init__(self, sentence: str, *, resumable: bool, **details: Any) -> None:
        super().__init__(sentence)
        self.resumable, self.details = resumable, details
