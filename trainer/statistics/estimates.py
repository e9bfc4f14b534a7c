"""What a measure found: a number with its interval and its counts, or a code that says why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Undefined(StrEnum):
    """Why there is no value, or no interval. A code for programs: whoever speaks to people has the words."""

    NO_TRIALS = "no_trials"
    """Nothing was counted."""
    NO_JUDGEMENTS = "no_judgements"
    NO_RANKING = "no_ranking"
    NO_PAIRS = "no_pairs"
    """No two raters judged the same."""
    NO_COMPARISONS = "no_comparisons"
    NOT_RATED = "not_rated"
    """No text has a rating."""
    SHARES_NOTHING = "shares_nothing"
    """Nobody else ranked any of the same tasks."""
    NOT_TWICE = "not_twice"
    """No rater judged the same twice."""
    NOT_TWO_RATERS = "not_two_raters"
    """The measure compares exactly two."""
    NO_STRICT_PAIR = "no_strict_pair"
    """No pair of answers was put in an order by both raters."""
    ALL_TIED = "all_tied"
    """One of every two rankings is all ties."""
    ALL_EQUAL = "all_equal"
    """Every rater tied all answers, so there is no order."""
    ONE_CATEGORY = "one_category"
    """Every rater always chose the same, and chance would agree as well."""
    ONE_DECLARED = "one_declared"
    """There is only one category to choose from."""
    NO_POSITIVE = "no_positive"
    """Nobody ever chose the label."""
    NEGATIVE_RATIO = "negative_ratio"
    """Ratios need categories of at least 0."""
    NOT_COMPARED = "not_compared"
    """Some items were never compared with the others, not even through third ones."""
    SEPARATED = "separated"
    """Some items won, or lost, every comparison with the others."""
    LEFT_OUT = "left_out"
    """All who ranked these answers are left out."""
    TOO_FEW_EXPECTED = "too_few_expected"
    """Not even one such item is to be expected."""
    ONE_CLUSTER = "one_cluster"
    """No interval: all of it stems from one cluster."""
    ONE_VALUE = "one_value"
    """No interval: there is a single observation."""
    SAME_IN_ALL_DRAWS = "same_in_all_draws"
    """No interval: every draw of the clusters gives the same value."""


@dataclass(frozen=True)
class Counts:
    """What stands behind a number.

    ``items`` were judged by at least two of ``raters``, which makes ``pairs`` of judgements that are compared;
    ``prompts`` are the clusters, which the bootstrap draws.
    """

    items: int = 0
    raters: int = 0
    pairs: int = 0
    prompts: int = 0


@dataclass(frozen=True)
class Estimate:
    """A measure: ``value`` with ``low`` and ``high`` (95 %), or ``undefined``; ``no_interval`` says why one is missing.

    ``draws`` is the number of resamples in which the measure was defined; the interval speaks of these alone.
    Without resamples there is no interval. ``by_wilson``: every draw gave the same share, so the interval is Wilson's
    for as many trials as there are prompts. ``standard_error`` is that of a mean of independent clusters.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    counts: Counts = Counts()
    draws: int = 0
    undefined: Undefined | None = None
    no_interval: Undefined | None = None
    by_wilson: bool = False
    standard_error: float | None = None

    @property
    def n(self) -> int:
        """How many observations were counted."""
        return self.counts.pairs

    @property
    def why(self) -> Undefined | None:
        """Why something is missing: the value, or else its interval."""
        return self.undefined or self.no_interval
