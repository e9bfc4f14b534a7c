"""Whether a score difference means the probability that it claims."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.language import gettext as _
from app.web import charts
from app.web.charts import Frame
from app.web.rates import percent, points
from trainer.contract.judging import Calibration, Share


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
    values = {"claimed": percent(claimed), "right": percent(right), "gap": points(gap)}
    if abs(gap) < 0.005:
        del values["gap"]
        return _("On average it claims %(claimed)s and is right in %(right)s: it says what it means.", **values)
    if gap > 0:
        return _(
            "On average it claims %(claimed)s and is right in %(right)s: it is too sure by %(gap)s points.", **values
        )
    return _(
        "On average it claims %(claimed)s and is right in %(right)s: it is too cautious by %(gap)s points.", **values
    )
