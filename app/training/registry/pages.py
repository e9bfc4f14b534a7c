from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.language import gettext as _
from app.language import mark
from app.models import ModelVersion, Snapshot
from app.web.render import Page, number, size
from trainer.contract.inspection import KINDS, ModelFacts

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

    def origin(self, model: ModelVersion) -> str:
        """Where a model that was brought comes from: its repository, or the name of its folder."""
        source = str(model.provenance.get("source", ""))
        return source if "@" in source else source.rpartition("/")[2]


@dataclass(frozen=True)
class ModelPage(Page):
    template: ClassVar[str] = "training/registry/show.html"
    model: ModelVersion
    lineage: list[list[tuple[str, ModelVersion]]]
    children: Sequence[tuple[str, ModelVersion]]
    answers: int
    snapshots: Sequence[Snapshot]

    @property
    def provenance(self) -> dict[str, Any]:
        """How it came about, without what the page tells elsewhere."""
        apart = ModelFacts.model_fields if self.facts else ()
        return {name: told for name, told in self.model.provenance.items() if name not in apart}

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What an inspection found, in words; nothing of a model that a run made."""
        if "memory" not in self.model.provenance:
            return []
        told = self.model.provenance
        known = ModelFacts.model_validate({name: told[name] for name in ModelFacts.model_fields if name in told})
        template = _("its own") if known.chat_template else _("none: conversations are written in plain words")
        return [
            (_("Architecture"), known.architecture or known.family),
            (_("Parameters"), f"{number(known.parameters)} ({known.dtype})"),
            (_("Context"), _("%(number)s tokens", number=number(known.context)) if known.context else "–"),
            (_("Vocabulary"), number(known.vocabulary)),
            (_("Chat template"), template),
            (_("Ends an answer"), known.end_token),
            (_("Licence"), known.licence or _("not named")),
        ]

    @property
    def memory(self) -> list[tuple[str, str]]:
        """Stage and what it takes with this model in every role, before a longer text or a larger batch takes more."""
        known = self.model.provenance.get("memory", {})
        return [(stage, size(known[stage])) for stage in ("sample", "sft", "reward", "ppo") if stage in known]


@dataclass(frozen=True)
class Offer:
    """A folder that can be brought: its name, and what its small files say at a glance or why that is nothing."""

    name: str
    family: str = ""
    parameters: int = 0
    problem: str = ""


@dataclass(frozen=True)
class AddModelPage(Page):
    template: ClassVar[str] = "training/registry/add.html"
    kinds: ClassVar[tuple[str, ...]] = KINDS
    root: str
    offers: Sequence[Offer]
    chosen: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)
