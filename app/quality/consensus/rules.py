"""Which rankings are put together, and how."""

from dataclasses import dataclass

from app.judgements.rules import TRAINING, Wanted
from app.language import gettext as _
from app.measures import METHODS
from trainer.statistics.aggregation import TIE_BELOW


@dataclass(frozen=True)
class Scope:
    """Which rankings: those that count for training (``app.judgements.rules``), where all of this holds.

    ``campaigns`` and ``sources`` (of prompts) take all when empty; ``instrument`` is what orders go by, ``ranking``
    or ``toxicity``; rankings of fewer than ``min_answers`` are not among them.
    """

    campaigns: tuple[int, ...] = ()
    phases: tuple[str, ...] = ("training",)
    sources: tuple[str, ...] = ()
    instrument: str = "ranking"
    min_answers: int = 2


def wanted(scope: Scope) -> Wanted:
    """What a scope takes of what people said, before answers are counted."""
    return Wanted(TRAINING, (), scope.phases, scope.campaigns, sources=scope.sources, criterion=scope.instrument)


@dataclass(frozen=True)
class Settings:
    """How they are put together.

    Attributes:
        method: ``reliability`` or ``davidson``, see ``trainer.statistics.aggregation``.
        tie_below: ½ to 1; neighbours whose order is less likely share a rank.
        min_reliability: 0 to 1; the rankings of labelers below it are left out.
    """

    method: str = "reliability"
    tie_below: float = TIE_BELOW
    min_reliability: float = 0.0


def settings_problem(settings: Settings) -> str | None:
    """Why nothing can be put together like this, or nothing."""
    if settings.method not in METHODS:
        return _("Labelers count by their reliability or alike, not by “%(name)s”.", name=settings.method[:40])
    if not 0.5 <= settings.tie_below < 1:
        return _(
            "How sure an order must be is a share from 50 to 99 %%, not %(number)s %%.",
            number=round(settings.tie_below * 100, 2),
        )
    if not 0 <= settings.min_reliability < 1:
        return _(
            "The least reliability is a share from 0 to 99 %%, not %(number)s %%.",
            number=round(settings.min_reliability * 100, 2),
        )
    return None
