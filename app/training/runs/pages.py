from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from app.language import gettext as _
from app.models import Campaign, Generator, ModelVersion, Run, Snapshot
from app.training.runs import forms, rules
from app.training.runs.figures.cross_validation import CrossPicture
from app.training.runs.figures.judging import JudgingPictures
from app.web.render import Page
from trainer.contract.folder import Stage
from trainer.contract.forecast import PROBED, Forecast
from trainer.contract.presets import presets_of

BADGES = {"queued": "", "running": "accent", "succeeded": "good", "failed": "bad", "cancelled": "warn"}

# What the first look at a run is about; all other series stand below.
HEADLINE_SERIES: dict[str, tuple[str, ...]] = {
    "pretrain": ("loss/train", "loss/heldout"),
    "sft": ("loss/train", "loss/heldout"),
    "reward": ("reward/heldout_accuracy", "loss/train"),
    "crossvalidate": ("reward/unseen_accuracy", "reward/seen_accuracy", "loss/train"),
    "ppo": ("reward/score_mean", "kl/sequence"),
}


@dataclass(frozen=True)
class RunRow:
    """One run as a list shows it."""

    run: Run
    now: datetime
    spark: str = ""
    worker_gone: bool = False

    @property
    def badge(self) -> str:
        return BADGES[self.run.status]

    @property
    def live(self) -> bool:
        return self.run.status in ("queued", "running")

    @property
    def share(self) -> int:
        return round(100 * self.run.step / self.run.total) if self.run.total else 0

    @property
    def seconds(self) -> float | None:
        """Time that was worked on the run; what it lay still does not count."""
        run = self.run
        if run.resumed_at:
            until = run.heartbeat_at if self.worker_gone and run.heartbeat_at else self.now
            return (run.worked_seconds or 0) + max(0, (until - run.resumed_at).total_seconds())
        if run.worked_seconds is not None or run.started_at is None:
            return run.worked_seconds
        return ((run.finished_at or self.now) - run.started_at).total_seconds()

    @property
    def seconds_left(self) -> float | None:
        if self.run.status != "running" or self.worker_gone:
            return None
        return rules.seconds_left(self.run.step, self.run.total, self.run.latest.get("time/seconds"))

    @property
    def saves(self) -> bool:
        """The run would go on where it stopped, and not begin anew."""
        return self.run.stage in rules.SAVES

    @property
    def headline(self) -> tuple[str, float] | None:
        for name in HEADLINE_SERIES.get(self.run.stage, ()):
            if isinstance(value := self.run.latest.get(name), int | float):
                return name, value
        return None


@dataclass(frozen=True)
class RunsTable(Page):
    """The fragment that refreshes itself while anything is under way."""

    template: ClassVar[str] = "training/runs/_table.html"
    rows: Sequence[RunRow]
    address: str = "/runs/table"

    @property
    def live(self) -> bool:
        return any(row.live for row in self.rows)


@dataclass(frozen=True)
class RunsPage(Page):
    template: ClassVar[str] = "training/runs/list.html"
    table: RunsTable
    descriptions: Mapping[Any, str]


@dataclass(frozen=True)
class Station:
    """One stop of the loop on the dashboard."""

    title: str
    count: str
    detail: str
    address: str
    action: str = ""
    action_address: str = ""


@dataclass(frozen=True)
class Pipeline(Page):
    """The strip of the loop with what waits for people; refreshes itself."""

    template: ClassVar[str] = "training/runs/_pipeline.html"
    stations: Sequence[Station]
    campaigns: Sequence[tuple[Campaign, int, int]]


@dataclass(frozen=True)
class DashboardPage(Page):
    template: ClassVar[str] = "training/runs/dashboard.html"
    pipeline: Pipeline
    table: RunsTable


@dataclass(frozen=True)
class RunForm(Page):
    template: ClassVar[str] = "training/runs/new.html"
    stage: Stage
    description: str
    first: Sequence[forms.Field]
    rest: Sequence[forms.Field]
    roles: Sequence[tuple[str, str, Sequence[ModelVersion]]]
    snapshots: Sequence[Snapshot]
    generators: Sequence[Generator]
    wants_snapshot: bool
    chosen: Mapping[str, str]
    seed: int | str
    written: Sequence[tuple[Campaign, int]] = ()
    error: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def presets(self) -> list[tuple[str, str]]:
        """Settings to begin with, and what they are for."""
        return [(name, _(rules.PRESETS[name])) for name in presets_of(self.stage)]

    @property
    def may_be_tried(self) -> bool:
        """A run of this stage can take a few steps first, to see what all of them take."""
        return self.stage in PROBED

    @property
    def hidden_problem(self) -> bool:
        """A field under "more settings" is wrong, so they must be open."""
        return any(setting.name in self.problems for setting in self.rest)


@dataclass(frozen=True)
class ForecastCard:
    """What a trial says of the run that it tried."""

    told: Forecast

    @property
    def share(self) -> float:
        """Of the memory there is, in percent."""
        return 100 * self.told.peak_bytes / self.told.memory_bytes

    @property
    def tight(self) -> bool:
        return self.share > 100 * rules.TIGHT

    @property
    def lower(self) -> list[str]:
        """What would take less memory, most gentle first."""
        return [_(rules.LOWER[name]) for name in self.told.lower if name in rules.LOWER]


@dataclass(frozen=True)
class RunProgress(Page):
    """State, progress bar and buttons of one run; refreshes itself until the run is over."""

    template: ClassVar[str] = "training/runs/_progress.html"
    row: RunRow
    model: ModelVersion | None
    candidates: int
    may_train: bool
    saved_step: int | None
    forecast: ForecastCard | None = None


@dataclass(frozen=True)
class RunSamples(Page):
    template: ClassVar[str] = "training/runs/_samples.html"
    run: Run
    samples: Sequence[Mapping[str, Any]]
    live: bool


@dataclass(frozen=True)
class RunFigures(Page):
    """What was measured about the model of a run, and what the run left out; looks again until the run is over."""

    template: ClassVar[str] = "training/runs/_figures.html"
    run: Run
    live: bool
    judging: JudgingPictures | None
    cross_validation: CrossPicture | None
    notes: Sequence[str]
    problem: str

    @property
    def measures(self) -> bool:
        """Runs of this stage are expected to leave figures."""
        return self.run.stage in ("reward", "crossvalidate")


@dataclass(frozen=True)
class RunPage(Page):
    template: ClassVar[str] = "training/runs/show.html"
    progress: RunProgress
    figures: RunFigures
    samples: RunSamples
    parents: Sequence[tuple[str, ModelVersion]]
    snapshot: Snapshot | None
    headline_series: Sequence[str]
    log: str

    @property
    def generator(self) -> str:
        """Who answers in place of a model of ours: the name of the generator and of its model."""
        asked = self.progress.row.run.purpose.get("generator")
        return f"{asked['name']}: {asked['model']}" if asked else ""
