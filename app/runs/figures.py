"""From the numbers of a manifest to the pictures and tables of a run's page; pure.

Every picture is made of the same rows as the table in which it stands. A number that is not known
stays None all the way and is written as a dash.
"""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from app.runs import charts
from app.runs.charts import Axis, Frame, Mark
from trainer.contract.judging import (
    Calibration,
    CrossValidation,
    Distribution,
    Ensemble,
    Fold,
    Group,
    Judging,
    Probe,
    Share,
    TieFigures,
)

# InstructGPT §4.1: accuracy on labelers trained on, and on the group left out, each with its printed deviation.
PUBLISHED_SEEN = (0.724, 0.004)
PUBLISHED_UNSEEN = (0.696, 0.009)
LONG_LIST = 12
SHOWN_APART = 8
EDIT = "original_wins:"
PROBE_WORDS = {"longer_wins": "The longer answer wins", "earlier_wins": "The answer shown earlier wins"}
EDIT_WORDS = {
    "shuffled_words": "words shuffled",
    "cut_short": "second half cut off",
    "repeated": "one sentence said twice",
    "roles_swapped": "I ↔ you, he ↔ she",
    "other_prompt": "answer to another prompt",
}
REST = ("others", "not given")  # what the trainer calls groups beyond the largest, and rankings without a label
CHANCE = 0.5

Kind = Literal["model", "people", "rule", "bound"]


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}\u00a0%"


def points(value: float) -> str:
    """A difference of two rates in percentage points, without its sign."""
    return f"{100 * abs(value):.1f}"


@dataclass(frozen=True)
class Line:
    """A value that all rows of a table are read against."""

    at: float
    words: str
    kind: Literal["even", "whole"]


@dataclass(frozen=True)
class Row:
    """A rate with its interval, and where both are drawn.

    Attributes:
        kind: what the rate is of: the model, people, a simple rule, or a bound that was computed.
        note: a word about the row, small.
        unit: what was counted, where the rows of a table count different things.
    """

    name: str
    share: Share
    mark: Mark
    kind: Kind = "model"
    note: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Dots:
    """Rates under one axis, a row each; ``first``, ``value`` and ``counted`` head the columns."""

    caption: str
    first: str
    axis: Axis
    lines: Sequence[Line]
    rows: Sequence[Row]
    value: str = "Accuracy"
    counted: str = "Pairs"


def _axis(shares: Iterable[Share]) -> Axis:
    return charts.share_axis(number for s in shares for number in (s.value, s.low, s.high))


def _row(axis: Axis, name: str, share: Share, kind: Kind = "model", note: str = "", unit: str = "") -> Row:
    return Row(name, share, charts.mark(axis, share.value, share.low, share.high), kind, note, unit)


def _even(axis: Axis) -> Line:
    return Line(axis.at(CHANCE), "even, 50 %", "even")


# The result ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Headline:
    """How good the model is, in one sentence and beside what it is to be compared with."""

    sentence: str
    warning: str
    dots: Dots


def headline(judging: Judging) -> Headline:
    longer = next((probe.people for probe in judging.probes if probe.name == "longer_wins" and probe.people), Share())
    ceiling = Share(value=judging.ceiling.accuracy)
    axis = _axis((judging.accuracy, judging.complete, longer, judging.ceiling.agreement, ceiling))
    rows = [_row(axis, "This model", judging.accuracy, unit="pairs")]
    if judging.ensemble:
        rows.append(_row(axis, "Mean score of the ensemble", judging.ensemble.mean, unit="pairs"))
    if longer.n:
        rows.append(_row(axis, "“The longer answer wins”", longer, "rule", "the rule to beat", "pairs"))
    if judging.ceiling.agreement.n:
        note = "where both have a preference"
        rows.append(_row(axis, "Two people agree", judging.ceiling.agreement, "people", note, "pairs"))
    if ceiling.value is not None:
        rows.append(_row(axis, "Ceiling for any model", ceiling, "bound", "against one person's labels"))
    if judging.complete.n:
        note = "every strict pair right"
        rows.append(_row(axis, "Whole rankings in order", judging.complete, note=note, unit="rankings"))
    dots = Dots("Accuracy beside what it compares with", "", axis, (_even(axis),), rows, "Share", "Of")
    return Headline(_verdict(judging, longer, ceiling), _warning(judging), dots)


def _verdict(judging: Judging, longer: Share, ceiling: Share) -> str:
    accuracy = judging.accuracy
    if accuracy.value is None:
        return "No strict pair could be judged, so there is no accuracy."
    kind = "held-out" if judging.split == "heldout" else "training"
    parts = [f"Orders {percent(accuracy.value)} of {accuracy.n:,} {kind} pairs as people did"]
    if longer.value is not None:
        gain = accuracy.value - longer.value
        parts.append(f"{points(gain)} points {'above' if gain >= 0 else 'below'} “the longer answer wins”")
    if ceiling.value is not None:
        room = ceiling.value - accuracy.value
        parts.append(
            f"{points(room)} points {'below' if room >= 0 else 'above'} the ceiling that people's agreement sets"
        )
    return ", ".join(parts[:-1]) + " and " + parts[-1] + "." if len(parts) > 2 else ", ".join(parts) + "."


def _warning(judging: Judging) -> str:
    if judging.split == "train":
        return (
            "The snapshot holds out no prompts: these figures are of prompts that the model learned from, "
            "and flatter it. Put prompts into the held-out split before the next snapshot."
        )
    if judging.accuracy.low is not None and judging.accuracy.low <= CHANCE:
        return "The interval of the accuracy reaches down to a coin's 50 %: no preference has been shown to be learned."
    return ""


# Accuracy by part ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """Accuracy within each group of one division of the data.

    Attributes:
        apart: of a long list, the rows whose interval does not reach the accuracy of the whole.
        strip: of a long list, where all its rows stand on the axis.
    """

    key: str
    title: str
    hint: str
    dots: Dots
    apart: Dots | None = None
    strip: Sequence[float] = ()


@dataclass(frozen=True)
class _Division:
    key: str
    title: str
    first: str
    hint: str
    missing: str
    sorts: bool


DIVISIONS = (
    _Division("by_k", "Number of answers", "K", "Answers ranked at once.", "rankings", sorts=False),
    _Division(
        "by_use_case",
        "Use case",
        "Use case",
        "What the prompt asks for.",
        "Use case: label prompts with their use case, and the next snapshot carries it.",
        sorts=True,
    ),
    _Division(
        "by_likert_gap",
        "Likert gap",
        "Gap",
        "Difference of the two ratings: far apart should be easy. Contradicted: the better one was rated lower.",
        "Likert gap: needs rankings whose answers were rated as well.",
        sorts=False,
    ),
    _Division(
        "by_strength",
        "Strength of preference",
        "Strength",
        "How much better the person found the better answer.",
        "Strength: needs pairs whose strength was collected.",
        sorts=False,
    ),
    _Division(
        "by_labeler",
        "Labeler",
        "Labeler",
        "Against the labels of one person each.",
        "Labeler: needs rankings of held-out prompts with the labeler's pseudonym.",
        sorts=True,
    ),
    _Division(
        "by_group",
        "Labeler group",
        "Group",
        "Against the labels of each group of people.",
        "Labeler group: put people into groups, and the next snapshot carries them.",
        sorts=True,
    ),
    _Division(
        "by_head",
        "Other heads",
        "Head",
        "Each further score against its own flags and ratings.",
        "Other heads: tick heads when the run is started.",
        sorts=False,
    ),
)


def parts(judging: Judging) -> list[Part]:
    """The divisions that have groups, long lists sorted by accuracy."""
    return [
        _part(division, groups, judging.accuracy) for division in DIVISIONS if (groups := _groups(judging, division))
    ]


def missing_parts(judging: Judging) -> list[str]:
    """What would fill each division that has no groups."""
    return [division.missing for division in DIVISIONS if not _groups(judging, division) and division.key != "by_k"]


def _groups(judging: Judging, division: _Division) -> list[Group]:
    groups: list[Group] = getattr(judging, division.key)
    return groups


def _part(division: _Division, groups: Sequence[Group], whole: Share) -> Part:
    if division.sorts:
        groups = sorted(groups, key=_by_accuracy)
    axis = _axis([whole, *(group.accuracy for group in groups)])
    lines = [_even(axis)]
    # Heads answer other questions than the ranking, so the accuracy of the whole is no yardstick for them.
    if whole.value is not None and division.key != "by_head":
        lines.append(Line(axis.at(whole.value), f"all pairs, {percent(whole.value)}", "whole"))
    # Along a scale (K, gap, strength) the groups are meant to differ; only elsewhere it is news.
    rows = [
        _row(axis, group.name, group.accuracy, note=_apart(group.accuracy, whole) if division.sorts else "")
        for group in groups
    ]
    dots = Dots(f"Accuracy by {division.title.lower()}", division.first, axis, lines, rows)
    if len(rows) <= LONG_LIST:
        return Part(division.key, division.title, division.hint, dots)
    strip = tuple(row.mark.at for row in rows if row.mark.at is not None)
    apart = [row for row in rows if row.note]
    if len(apart) > SHOWN_APART:
        apart = [*apart[: SHOWN_APART // 2], *apart[-(SHOWN_APART // 2) :]]
    few = Dots(f"{dots.caption}: those apart from the whole", division.first, axis, lines, apart)
    return Part(division.key, division.title, division.hint, dots, few, strip)


def _by_accuracy(group: Group) -> tuple[bool, bool, float, str]:
    """Best first; those without a pair and what is no group come last."""
    value = group.accuracy.value
    return (group.name in REST, value is None, -(value or 0.0), group.name)


def _apart(share: Share, whole: Share) -> str:
    """Whether an interval leaves the accuracy of the whole out."""
    if whole.value is None or share.low is None or share.high is None:
        return ""
    if share.high < whole.value:
        return "▼ below"
    return "▲ above" if share.low > whole.value else ""


# Calibration --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReliabilityPoint:
    low: float
    high: float
    predicted: float
    observed: Share
    x: float
    y: float
    radius: float
    y_low: float | None
    y_high: float | None


@dataclass(frozen=True)
class Reliability:
    """Predicted beside observed agreement; ``frame`` is in SVG units of a picture of ``width`` × ``height``."""

    width: int
    height: int
    frame: Frame
    points: Sequence[ReliabilityPoint]
    ece: float | None
    sentence: str


def reliability(calibration: Calibration) -> Reliability | None:
    """The reliability curve (Bai et al. 2022, §3.3), or nothing where no pair was counted."""
    bins = [bin_ for bin_ in calibration.bins if bin_.observed.value is not None]
    if not bins:
        return None
    heights = charts.share_axis(
        (number for bin_ in bins for number in (bin_.observed.value, bin_.observed.low, bin_.observed.high)),
        also=(0.5, 1.0),
    )
    frame = Frame(52, 12, 336, 252, charts.share_axis((), also=(0.5, 1.0)), heights)
    largest = max(bin_.observed.n for bin_ in bins)
    drawn = []
    for bin_ in bins:
        seen = bin_.observed
        assert seen.value is not None
        drawn.append(
            ReliabilityPoint(
                bin_.low,
                bin_.high,
                bin_.predicted,
                seen,
                frame.across(bin_.predicted),
                frame.down(seen.value),
                charts.radius(seen.n, largest),
                None if seen.low is None else frame.down(seen.low),
                None if seen.high is None else frame.down(seen.high),
            )
        )
    return Reliability(400, 310, frame, drawn, calibration.ece, _confidence(drawn))


def _confidence(drawn: Sequence[ReliabilityPoint]) -> str:
    pairs = sum(point.observed.n for point in drawn)
    if not pairs:
        return ""
    claimed = sum(point.observed.n * point.predicted for point in drawn) / pairs
    right = sum(point.observed.n * (point.observed.value or 0.0) for point in drawn) / pairs
    gap = claimed - right
    verdict = "says what it means" if abs(gap) < 0.005 else "is too sure" if gap > 0 else "is too cautious"
    by = "" if abs(gap) < 0.005 else f" by {points(gap)} points"
    return f"On average it claims {percent(claimed)} and is right in {percent(right)}: it {verdict}{by}."


# Ties ---------------------------------------------------------------------------------------------


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
        ("tied pairs", figures.gap_on_ties, "tied"),
        ("strict pairs", figures.gap_on_strict, "strict"),
    ]
    largest = max((value for _, value, _ in known if value is not None), default=0.0)
    axis = charts.number_axis(0.0, largest or 1.0)
    gaps = [Gap(name, value, axis.at(value), kind) for name, value, kind in known if value is not None]
    separation = None
    if figures.separation.value is not None:
        shares = _axis([figures.separation])
        row = _row(shares, "Tied pair is the closer one", figures.separation)
        separation = Dots("Separation of tied and strict pairs", "", shares, (_even(shares),), [row], "Chance", "Ties")
    return Ties(figures.tied_pairs, gaps, separation)


# Biases -------------------------------------------------------------------------------------------


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
    axis = _axis(share for probe in asked for share in (probe.model, probe.people) if share)
    rows = []
    for probe in asked:
        name = PROBE_WORDS.get(probe.name, probe.name.replace("_", " "))
        people = _row(axis, name, probe.people, "people") if probe.people else None
        rows.append(ProbeRow(name, _row(axis, name, probe.model), people, _lean(probe), probe.correlation))
    edits = None
    if edited:
        scale = _axis(probe.model for probe in edited)
        dots = [_row(scale, _edit_words(probe.name.removeprefix(EDIT)), probe.model) for probe in edited]
        edits = Dots("The original scores above its edit", "Edit", scale, (_even(scale),), dots, "Original")
    return Probes(axis, (_even(axis),), rows, edits)


def _edit_words(edit: str) -> str:
    return EDIT_WORDS.get(edit, edit.replace("_", " "))


def _lean(probe: Probe) -> str:
    if probe.people is None or probe.people.value is None or probe.model.value is None:
        return ""
    difference = 100 * (probe.model.value - probe.people.value)
    return f"{difference:+.1f}".replace("-", "−")


# Scores -------------------------------------------------------------------------------------------


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


# Ensemble -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Members:
    dots: Dots
    split_pairs: Share
    score_deviation: float


def members(ensemble: Ensemble) -> Members:
    axis = _axis([*ensemble.members, ensemble.mean])
    rows = [_row(axis, f"Member {number}", share) for number, share in enumerate(ensemble.members, 1)]
    rows.append(_row(axis, "Mean of the scores", ensemble.mean, "bound"))
    dots = Dots("Accuracy of each member", "", axis, (_even(axis),), rows)
    return Members(dots, ensemble.split_pairs, ensemble.score_deviation)


# Cross-validation ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """The trainings' accuracies against one kind of labeler: where they stand, their mean and deviation."""

    marks: Sequence[float]
    mean: float | None
    deviation: float | None
    band: Mark


@dataclass(frozen=True)
class FoldRow:
    """The trainings that left one group out."""

    name: str
    note: str
    labelers: Sequence[str]
    seen: Side
    unseen: Side
    lost: float | None


@dataclass(frozen=True)
class CrossPicture:
    """Accuracy with people learned from and with people left out; the first rows are all trainings and the paper's."""

    axis: Axis
    whole: FoldRow
    published: FoldRow
    folds: Sequence[FoldRow]
    trainings: Sequence[Fold]
    sentence: str


def cross_validation(found: CrossValidation) -> CrossPicture:
    shares = [number for fold in found.folds for number in (fold.seen.value, fold.unseen.value)]
    axis = charts.share_axis(shares, also=(PUBLISHED_SEEN[0], PUBLISHED_UNSEEN[0]))
    whole = _fold_row(
        "All trainings",
        _plural(len(found.folds), "training"),
        (),
        Side((), found.seen_mean, found.seen_deviation, _band(axis, found.seen_mean, found.seen_deviation)),
        Side((), found.unseen_mean, found.unseen_deviation, _band(axis, found.unseen_mean, found.unseen_deviation)),
    )
    published = _fold_row(
        "InstructGPT §4.1",
        "5 groups × 3 seeds, as printed",
        (),
        Side((), *PUBLISHED_SEEN, _band(axis, *PUBLISHED_SEEN)),
        Side((), *PUBLISHED_UNSEEN, _band(axis, *PUBLISHED_UNSEEN)),
    )
    trainings = sorted(found.folds, key=lambda training: (training.fold, training.seed))
    folds = []
    for number, same in groupby(trainings, key=lambda training: training.fold):
        group = list(same)
        labelers = group[0].labelers
        note = f"{_plural(len(labelers), 'labeler')} left out, {_plural(len(group), 'seed')}"
        seen = _side(axis, [training.seen for training in group])
        unseen = _side(axis, [training.unseen for training in group])
        folds.append(_fold_row(f"Group {number + 1}", note, labelers, seen, unseen))
    return CrossPicture(axis, whole, published, folds, trainings, _generalises(found, len(trainings)))


def _fold_row(name: str, note: str, labelers: Sequence[str], seen: Side, unseen: Side) -> FoldRow:
    lost = None if seen.mean is None or unseen.mean is None else seen.mean - unseen.mean
    return FoldRow(name, note, labelers, seen, unseen, lost)


def _side(axis: Axis, shares: Sequence[Share]) -> Side:
    known = [share.value for share in shares if share.value is not None]
    mean = statistics.fmean(known) if known else None
    deviation = statistics.stdev(known) if len(known) > 1 else None
    return Side([axis.at(value) for value in known], mean, deviation, charts.mark(axis, mean))


def _band(axis: Axis, mean: float | None, deviation: float | None) -> Mark:
    """A mean with one deviation to each side."""
    if mean is None or deviation is None:
        return charts.mark(axis, mean)
    return charts.mark(axis, mean, mean - deviation, mean + deviation)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _generalises(found: CrossValidation, trainings: int) -> str:
    if found.unseen_mean is None:
        return "No pair of a group that was left out could be judged."
    sentence = f"With people it never learned from the model agrees in {percent(found.unseen_mean)} of pairs"
    if found.seen_mean is None:
        return f"{sentence}."
    lost = found.seen_mean - found.unseen_mean
    word = "fewer" if lost >= 0 else "more"
    return (
        f"{sentence}, {points(lost)} points {word} than with people it learned from "
        f"({percent(found.seen_mean)}), over {_plural(trainings, 'training')}."
    )


# The whole ----------------------------------------------------------------------------------------


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
