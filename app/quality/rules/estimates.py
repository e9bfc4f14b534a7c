"""What a measure found: a number with its interval and its counts, or a sentence that says why there is none."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from app.language import gettext as _
from app.language import mark
from app.quality.rules.resamples import Floats, Integers, Parts, Resamples, percentiles
from trainer.statistics.interval import wilson

NO_PAIRS = mark("undefined, because no two people judged the same")
NOT_TWICE = mark("undefined, because nobody judged the same twice")
NO_STRICT_PAIR = mark("undefined, because no pair of answers was put in an order by both people")
ALL_TIED = mark("undefined, because one of every two rankings is all ties")
ONE_CATEGORY = mark("undefined, because everybody always chose the same and chance would agree as well")
ONE_DECLARED = mark("undefined, because there is only one category to choose from")
NO_POSITIVE = mark("undefined, because nobody ever chose this label")
NOT_TWO_PEOPLE = mark("undefined, because it compares exactly two people")
NO_JUDGEMENTS = mark("undefined, because nothing was judged")
NEGATIVE_RATIO = mark("undefined, because ratios need categories that are numbers of at least 0")
NOT_COMPARED = mark("undefined, because some answers were never compared with the others, not even through third ones")
SEPARATED = mark("undefined, because some answers won, or lost, every comparison with the others")
ONE_PROMPT = mark("no interval, because all of it stems from one prompt")
NO_SPREAD = mark("no interval, because every draw of the prompts gives the same value")

SAME = 1e-12
"""Draws that differ by less are the same value, rounding apart."""

Measure = Callable[[Floats], Floats]
"""From sums (…, S) to values (…); NaN, which never leaves this room, where they say nothing."""
Reason = Callable[[Floats], str]
"""From the sums (S,) of data for which the measure is undefined to the sentence that says why."""


@dataclass(frozen=True)
class Counts:
    """What stands behind a number.

    ``items`` were judged by at least two of ``raters``, which makes ``pairs`` of judgements that are compared;
    ``prompts`` are what the bootstrap draws.
    """

    items: int
    raters: int
    pairs: int
    prompts: int


@dataclass(frozen=True)
class Estimate:
    """A measure of agreement: ``value`` with ``low`` and ``high`` (95 %), or ``undefined``, a sentence in English.

    ``draws`` is the number of resamples in which the measure was defined; the interval speaks of these alone.
    Without resamples there is no interval. ``by_wilson``: every draw gave the same share, so the interval is Wilson's
    for as many trials as there are prompts.
    """

    value: float | None
    low: float | None
    high: float | None
    counts: Counts
    draws: int = 0
    undefined: str = ""
    no_interval: str = ""
    by_wilson: bool = False

    @property
    def said(self) -> str:
        """Why there is no value, or no interval, in the language in use; empty where both are there."""
        sentence = self.undefined or self.no_interval
        return _(sentence) if sentence else ""


def estimate(
    measure: Measure,
    why: Reason,
    stats: Floats,
    clusters: Integers,
    counts: Counts,
    resamples: Resamples | None,
    *,
    share: bool = False,
) -> Estimate:
    """Evaluate a measure on the data and under every draw of prompts.

    Args:
        measure: a function of sums.
        why: says why it is undefined.
        stats: (N, S) statistics to be summed.
        clusters: (N,) the prompt of each row.
        counts: told beside the value.
        resamples: None for no interval.
        share: the measure is a share, 0 to 1, to which Wilson's interval applies where all draws agree.
    """
    # With a single prompt every draw is the data themselves.
    draws = None if resamples is None or counts.prompts < 2 else resamples.sums(clusters, stats)
    found = evaluated(measure, why, stats.sum(axis=0), draws, counts, share=share)
    if resamples is not None and counts.prompts < 2 and not found.undefined:
        return replace(found, no_interval=ONE_PROMPT)
    return found


def evaluated(
    measure: Measure, why: Reason, total: Floats, draws: Floats | None, counts: Counts, *, share: bool = False
) -> Estimate:
    """The same from sums: (S,) of the data and (draws, S) of the resamples, if there are any."""
    value = _quietly(measure, total)
    if not np.isfinite(value):
        return Estimate(None, None, None, counts, undefined=why(total))
    if draws is None:
        return Estimate(float(value), None, None, counts)
    low, high, defined = percentiles(_quietly(measure, draws)[:, None])
    return _with_interval(float(value), low[0], high[0], int(defined[0]), counts, share=share)


@dataclass(frozen=True)
class PartMeasure:
    """A measure of many parts of the data at once, with the counts behind it in each; ``share`` as in ``estimate``."""

    of: Measure
    why: Reason
    counts: list[Counts]
    share: bool = False


def estimates_of_parts(
    measures: dict[str, PartMeasure], parts: Parts, resamples: Resamples | None
) -> dict[str, list[Estimate]]:
    """Several measures of the same sums for each of many parts of the data, under the same draws."""
    low, high, drawn = ({name: np.full(parts.count, empty) for name in measures} for empty in (np.nan, np.nan, 0.0))
    if resamples is not None:
        for some, sums in parts.draws(resamples):
            for name, measure in measures.items():
                low[name][some], high[name][some], drawn[name][some] = percentiles(_quietly(measure.of, sums))
    found: dict[str, list[Estimate]] = {}
    for name, measure in measures.items():
        values = _quietly(measure.of, parts.totals)
        found[name] = [
            _with_interval(
                value,
                low[name][part],
                high[name][part],
                int(drawn[name][part]),
                measure.counts[part],
                share=measure.share,
            )
            if np.isfinite(value)
            else Estimate(None, None, None, measure.counts[part], undefined=measure.why(parts.totals[part]))
            for part, value in enumerate(values)
        ]
    return found


def _with_interval(value: float, low: float, high: float, defined: int, counts: Counts, *, share: bool) -> Estimate:
    value = float(value)
    if not defined:
        return Estimate(value, None, None, counts)
    if counts.prompts < 2:
        return Estimate(value, None, None, counts, no_interval=ONE_PROMPT)
    if high - low > SAME:
        return Estimate(value, float(low), float(high), counts, defined)
    if not share:
        return Estimate(value, None, None, counts, defined, no_interval=NO_SPREAD)
    return Estimate(value, *wilson(value, counts.prompts), counts, defined, by_wilson=True)


def _quietly(measure: Measure, sums: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(measure(sums), dtype=np.float64)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, NaN where the denominator is 0."""
    found: Floats = np.where(denominator > 0, numerator / np.where(denominator > 0, denominator, 1), np.nan)
    return found
