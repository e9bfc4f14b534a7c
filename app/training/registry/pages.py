from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.language import mark
from app.models import ModelVersion, Snapshot
from app.web.render import Page

HEADLINES = {
    "base": ("loss/heldout", mark("held-out loss")),
    "sft": ("loss/heldout", mark("held-out loss")),
    "reward": ("reward/heldout_accuracy", mark("held-out accuracy")),
    "policy": ("kl/sequence_end", mark("KL to the SFT model, nats")),
}


@dataclass(frozen=True)
class ModelsPage(Page):
    template: ClassVar[str] = "training/registry/list.html"
    models: Sequence[ModelVersion]
    answers: dict[int, int]

    def headline(self, model: ModelVersion) -> tuple[str, float] | None:
        """The one number of a model that says most, with its name."""
        key, label = HEADLINES[model.kind]
        value = model.metrics.get(key)
        return (label, float(value)) if value is not None else None


@dataclass(frozen=True)
class ModelPage(Page):
    template: ClassVar[str] = "training/registry/show.html"
    model: ModelVersion
    lineage: list[list[tuple[str, ModelVersion]]]
    children: Sequence[tuple[str, ModelVersion]]
    answers: int
    snapshots: Sequence[Snapshot]
