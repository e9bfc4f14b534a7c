from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from app.instruments import criteria, criterion_hints
from app.language import gettext as _
from app.measures import METHODS
from app.models import Campaign, Snapshot
from app.training.snapshots import rules
from app.training.snapshots.rules import Filters, Weighed
from app.web.render import Page
from trainer.contract.folder import SnapshotManifest


@dataclass(frozen=True)
class CountRow:
    name: str
    all: int
    train: int
    heldout: int


def count_rows(counts: Mapping[str, int]) -> list[CountRow]:
    return [
        CountRow(name.replace("_", " "), *(counts.get(key, 0) for key in (name, f"{name}_train", f"{name}_heldout")))
        for name in rules.count_names()
    ]


@dataclass(frozen=True)
class Preview(Page):
    """What a snapshot would take, counted without reading a single answer."""

    template: ClassVar[str] = "training/snapshots/_preview.html"
    counts: Mapping[str, int]
    filters: Filters
    problem: str = ""
    weighed: Weighed | None = None

    @property
    def rankings(self) -> int:
        """Rankings that are left after those of unreliable labelers and of uncertain tasks, each for itself."""
        return self.weighed.of_rankings if self.weighed else self.counts["rankings"]


@dataclass(frozen=True)
class SnapshotsPage(Page):
    template: ClassVar[str] = "training/snapshots/list.html"
    snapshots: Sequence[Snapshot]
    campaigns: Sequence[tuple[Campaign, int]]
    sources: Sequence[str]
    filters: Filters
    preview: Preview
    labels: ClassVar[Mapping[str, str]] = rules.LABELS
    methods: ClassVar[Mapping[str, str]] = METHODS
    weighings: ClassVar[Mapping[str, str]] = rules.WEIGHINGS
    name: str = ""
    error: str = ""

    @property
    def hints(self) -> Mapping[str, str]:
        return criterion_hints()

    @property
    def instruments(self) -> Mapping[str, str]:
        """What orders can go by."""
        return criteria()


@dataclass(frozen=True)
class SnapshotPage(Page):
    template: ClassVar[str] = "training/snapshots/show.html"
    snapshot: Snapshot
    manifest: SnapshotManifest | None
    campaigns: Mapping[int, str]
    sizes: Mapping[str, int] = field(default_factory=dict)
    formats: Sequence[str] = rules.FORMATS
    labels: ClassVar[Mapping[str, str]] = rules.LABELS
    methods: ClassVar[Mapping[str, str]] = METHODS
    weighings: ClassVar[Mapping[str, str]] = rules.WEIGHINGS

    @property
    def instruments(self) -> Mapping[str, str]:
        """What orders can go by."""
        return criteria()

    @property
    def left_out(self) -> list[tuple[str, int]]:
        """What was left out and why, as far as it was asked for."""
        return [
            (words, self.snapshot.counts[key]) for key, words in rules.LEFT_OUT.items() if key in self.snapshot.counts
        ]

    @property
    def marked(self) -> list[tuple[str, int]]:
        """What was taken although training learns little or nothing from it."""
        return [
            (words, self.snapshot.counts[key]) for key, words in rules.MARKED.items() if key in self.snapshot.counts
        ]

    @property
    def merged(self) -> int | None:
        """Of how many labelers' rankings the consensus orders are made; nothing where rankings are individual."""
        return self.snapshot.counts.get(rules.MADE_OF)

    @property
    def counts(self) -> list[CountRow]:
        return count_rows(self.snapshot.counts)

    @property
    def leaks(self) -> list[tuple[str, int]]:
        """What stands on both sides of the split, by kind."""
        if self.manifest is None or self.manifest.split is None:
            return []
        counts = self.manifest.split.leaks.model_dump()
        return [(_(words), counts[name]) for name, words in rules.LEAKS.items() if counts[name]]


def sizes_of(folder: Path, names: Sequence[str]) -> dict[str, int]:
    """Sizes in bytes of the files that are there."""
    return {name: (folder / name).stat().st_size for name in names if (folder / name).exists()}
