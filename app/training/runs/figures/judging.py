"""All pictures of one reward model, made of what its run measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.language import gettext as _
from app.language import mark
from app.training.runs.figures.calibration import Reliability, reliability
from app.training.runs.figures.headline import Headline, headline
from app.training.runs.figures.parts import Part, missing_parts, parts
from app.web import charts
from app.web.charts import Axis
from app.web.rates import Dots, Line, Row, axis_of, even_line, rate_row
from trainer.contract.judging import Distribution, Ensemble, Judging, Probe, Share, TieFigures

EDIT = "original_wins:"
PROBE_WORDS = {"longer_wins": mark("The longer answer wins"), "earlier_wins": mark("The answer shown earlier wins")}
EDIT_WORDS = {
    "shuffled_words": mark("words shuffled"),
    "cut_short": mark("second half cut off"),
    "repeated": mark("one sentence said twice"),
    "roles_swapped": mark("I ↔ you, he ↔ she"),
    "other_prompt": mark("answer to another prompt"),
}


# Ties ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gap:
    """A mean score difference as a bar; ``width`` in percent."""

    name: str
    value: float
    width: float
    kind: Literal["tied", "strict"]


@dataclass(frozen=True)
class Ties:
    tied_pairs: int
    gaps: Sequence[Gap]
    separation: Dots | None


def ties(figures: TieFigures) -> Ties:
    known: list[tuple[str, float | None, Literal["tied", "strict"]]] = [
        (_("tied pairs"), figures.gap_on_ties, "tied"),
        (_("strict pairs"), figures.gap_on_strict, "strict"),
    ]
    largest = max((value for _name, value, _kind in known if value is not None), default=0.0)
    axis = charts.number_axis(0.0, largest or 1.0)
    gaps = [Gap(name, value, axis.at(value), kind) for name, value, kind in known if value is not None]
    separation = None
    if figures.separation.value is not None:
        shares = axis_of([figures.separation])
        row = rate_row(shares, _("Tied pair is the closer one"), figures.separation)
        separation = Dots(
            _("Separation of tied and strict pairs"), "", shares, (even_line(shares),), [row], _("Chance"), _("Ties")
        )
    return Ties(figures.tied_pairs, gaps, separation)


# Biases --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProbeRow:
    """One question about a bias: the model's answer beside people's, on the same pairs.

    Attributes:
        lean: model − people, in percentage points with its sign, where people were asked.
    """

    name: str
    model: Row
    people: Row | None
    lean: str
    correlation: float | None


@dataclass(frozen=True)
class Probes:
    """The probes that people were asked too, and those of edited answers, each under an axis of its own."""

    axis: Axis
    lines: Sequence[Line]
    rows: Sequence[ProbeRow]
    edits: Dots | None


def probes(found: Sequence[Probe]) -> Probes:
    asked = [probe for probe in found if not probe.name.startswith(EDIT)]
    edited = [probe for probe in found if probe.name.startswith(EDIT)]
    axis = axis_of(share for probe in asked for share in (probe.model, probe.people) if share)
    rows = []
    for probe in asked:
        name = _(PROBE_WORDS[probe.name]) if probe.name in PROBE_WORDS else probe.name.replace("_", " ")
        people = rate_row(axis, name, probe.people, "people") if probe.people else None
        rows.append(ProbeRow(name, rate_row(axis, name, probe.model), people, _lean(probe), probe.correlation))
    edits = None
    if edited:
        scale = axis_of(probe.model for probe in edited)
        dots = [rate_row(scale, _edit_words(probe.name.removeprefix(EDIT)), probe.model) for probe in edited]
        caption = _("The original scores above its edit")
        edits = Dots(caption, _("What was changed"), scale, (even_line(scale),), dots, _("Original"))
    return Probes(axis, (even_line(axis),), rows, edits)


def _edit_words(edit: str) -> str:
    return _(EDIT_WORDS[edit]) if edit in EDIT_WORDS else edit.replace("_", " ")


def _lean(probe: Probe) -> str:
    if probe.people is None or probe.people.value is None or probe.model.value is None:
        return ""
    difference = 100 * (probe.model.value - probe.people.value)
    return f"{difference:+.1f}".replace("-", "−")


# Scores --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ridge:
    """The scores of one source: its histogram and its box (5, 25, 50, 75, 95 %)."""

    source: Distribution
    bars: Sequence[charts.Bar]
    mean: float
    box: Sequence[float]


@dataclass(frozen=True)
class Ridges:
    axis: Axis
    rows: Sequence[Ridge]


def ridges(judging: Judging) -> Ridges | None:
    """Scores of every source, best mean first, under one axis; heights are shares of a source's answers."""
    found = [source for source in judging.distributions if source.answers > 0]
    if not found:
        return None
    edges = judging.histogram_edges
    ends = (edges[0], edges[-1]) if len(edges) > 1 else (min(s.mean for s in found), max(s.mean for s in found))
    axis = charts.number_axis(*ends)
    shares = {id(source): [count / source.answers for count in source.counts] for source in found}
    tallest = max((share for each in shares.values() for share in each), default=0.0)
    rows = [
        Ridge(
            source,
            charts.histogram(axis, edges, shares[id(source)], tallest),
            axis.at(source.mean),
            [axis.at(quantile) for quantile in source.quantiles] if len(source.quantiles) == 5 else (),
        )
        for source in sorted(found, key=lambda source: -source.mean)
    ]
    return Ridges(axis, rows)


# Ensemble ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Members:
    dots: Dots
    split_pairs: Share
    score_deviation: float


def members(ensemble: Ensemble) -> Members:
    axis = axis_of([*ensemble.members, ensemble.mean])
    rows = [
        rate_row(axis, _("Member %(number)s", number=number), share) for number, share in enumerate(ensemble.members, 1)
    ]
    rows.append(rate_row(axis, _("Mean of the scores"), ensemble.mean, "bound"))
    dots = Dots(_("Accuracy of each member"), "", axis, (even_line(axis),), rows)
    return Members(dots, ensemble.split_pairs, ensemble.score_deviation)


# The whole -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class JudgingPictures:
    """All that is drawn about one reward model."""

    split: str
    headline: Headline
    parts: Sequence[Part]
    missing: Sequence[str]
    reliability: Reliability | None
    ties: Ties
    probes: Probes
    ridges: Ridges | None
    ensemble: Members | None


def judging_pictures(judging: Judging) -> JudgingPictures:
    return JudgingPictures(
        judging.split,
        headline(judging),
        parts(judging),
        missing_parts(judging),
        reliability(judging.calibration),
        ties(judging.ties),
        probes(judging.probes),
        ridges(judging),
        members(judging.ensemble) if judging.ensemble else None,
    )
