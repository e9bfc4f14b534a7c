"""Accuracy with people whom a model learned from, and with people whom it did not."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from app.language import gettext as _
from app.language import ngettext
from app.web import charts
from app.web.charts import Axis, Mark
from app.web.rates import percent, points
from trainer.contract.judging import CrossValidation, Fold, Share

# InstructGPT §4.1: accuracy on labelers trained on, and on the group left out, each with its printed deviation.
PUBLISHED_SEEN = (0.724, 0.004)
PUBLISHED_UNSEEN = (0.696, 0.009)


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


def cross_picture(found: CrossValidation) -> CrossPicture:
    shares = [number for fold in found.folds for number in (fold.seen.value, fold.unseen.value)]
    axis = charts.share_axis(shares, also=(PUBLISHED_SEEN[0], PUBLISHED_UNSEEN[0]))
    whole = _fold_row(
        _("All trainings"),
        _trainings(len(found.folds)),
        (),
        Side((), found.seen_mean, found.seen_deviation, _band(axis, found.seen_mean, found.seen_deviation)),
        Side((), found.unseen_mean, found.unseen_deviation, _band(axis, found.unseen_mean, found.unseen_deviation)),
    )
    published = _fold_row(
        "InstructGPT §4.1",
        _("5 groups × 3 seeds, as printed"),
        (),
        Side((), *PUBLISHED_SEEN, _band(axis, *PUBLISHED_SEEN)),
        Side((), *PUBLISHED_UNSEEN, _band(axis, *PUBLISHED_UNSEEN)),
    )
    trainings = sorted(found.folds, key=lambda training: (training.fold, training.seed))
    folds = []
    for number, same in groupby(trainings, key=lambda training: training.fold):
        group = list(same)
        labelers = group[0].labelers
        note = ngettext("%(num)s labeler left out", "%(num)s labelers left out", len(labelers))
        note += ", " + ngettext("%(num)s seed", "%(num)s seeds", len(group))
        seen = _side(axis, [training.seen for training in group])
        unseen = _side(axis, [training.unseen for training in group])
        folds.append(
            _fold_row(group[0].group or _("Group %(number)s", number=number + 1), note, labelers, seen, unseen)
        )
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


def _trainings(count: int) -> str:
    return ngettext("%(num)s training", "%(num)s trainings", count, num=f"{count:,}")


def _generalises(found: CrossValidation, trainings: int) -> str:
    if found.unseen_mean is None:
        return _("No pair of a group that was left out could be judged.")
    unseen = percent(found.unseen_mean)
    if found.seen_mean is None:
        return _("With people it never learned from the model agrees in %(unseen)s of pairs.", unseen=unseen)
    lost = found.seen_mean - found.unseen_mean
    values = {
        "unseen": unseen,
        "points": points(lost),
        "seen": percent(found.seen_mean),
        "trainings": _trainings(trainings),
    }
    if lost >= 0:
        return _(
            "With people it never learned from the model agrees in %(unseen)s of pairs, %(points)s points fewer than "
            "with people it learned from (%(seen)s), over %(trainings)s.",
            **values,
        )
    return _(
        "With people it never learned from the model agrees in %(unseen)s of pairs, %(points)s points more than "
        "with people it learned from (%(seen)s), over %(trainings)s.",
        **values,
    )
