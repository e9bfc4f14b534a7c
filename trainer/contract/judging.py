"""What a reward run says about its model: typed numbers for ``manifest.json``, drawn by the run's page.

Every rate is a ``Share``: a value with its interval and what was counted. Intervals are 95 %
percentile intervals of a bootstrap that draws whole prompts, because the pairs of one prompt
share its answers. A number that cannot be computed is None, never NaN (JSON has none).
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Figures(BaseModel):
    # NaN and infinity are refused where they arise: JSON has neither.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Share(Figures):
    """A rate with its 95 % interval.

    Attributes:
        value: 0 to 1; None when nothing was counted.
        low: lower end of the interval.
        high: upper end.
        n: what was counted (strict pairs unless the field says otherwise).
        prompts: clusters the interval was drawn from.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    prompts: int = 0


class Group(Figures):
    """Pair accuracy within one part of the data, e.g. the prompts with K = 4."""

    name: str
    accuracy: Share


class CalibrationBin(Figures):
    """Strict pairs whose predicted probability of the model's preferred side fell into [low, high)."""

    low: float
    high: float
    predicted: float
    observed: Share


class Calibration(Figures):
    """Does σ(Δr) mean what it says (Bai et al. 2022, §3.3)?

    Attributes:
        bins: from one half to one, in order; empty bins are left out.
        ece: expected calibration error, the mean of |predicted − observed| weighted by pairs.
    """

    bins: list[CalibrationBin] = []
    ece: float | None = None


class Distribution(Figures):
    """Scores of the answers of one source (the model or person that wrote them).

    Attributes:
        quantiles: 5, 25, 50, 75 and 95 %.
        counts: answers per bin of ``Judging.histogram_edges``; the first and the last bin also
            hold what lies beyond them.
    """

    source: str
    answers: int
    mean: float
    std: float
    quantiles: list[float]
    counts: list[int]


class Probe(Figures):
    """One question about a bias, asked of the people and of the model on the same pairs.

    Attributes:
        name: ``longer_wins``, ``earlier_wins``, or ``original_wins:<edit>``.
        model: share of pairs in which the model scores that side higher; equal scores, and two
            answers of equal length, count one half.
        people: share of strict pairs in which people ranked that side better; empty for edits.
        correlation: Pearson correlation of score and length within prompts, where length is asked about.
    """

    name: str
    model: Share
    people: Share | None = None
    correlation: float | None = None


class TieFigures(Figures):
    """Does the model see that tied answers are close?

    Attributes:
        tied_pairs: pairs that people left tied.
        gap_on_ties: mean |Δr| of tied pairs.
        gap_on_strict: mean |Δr| of strict pairs.
        separation: chance that a random tied pair has the smaller |Δr| than a random strict pair
            (one half: ties are not seen at all); its n counts tied pairs.
    """

    tied_pairs: int = 0
    gap_on_ties: float | None = None
    gap_on_strict: float | None = None
    separation: Share = Share()


class Ceiling(Figures):
    """How well anything could agree with one person's label.

    Attributes:
        agreement: share of pairs, strict for both of two people who ranked the same answers, on
            which they agree; its n counts such twos of people, a pair judged by p of them C(p, 2) times.
        accuracy: upper bound of the accuracy against one person's labels, (1 + √(2a − 1)) / 2 for
            agreement a: reached by whoever always knows the majority, if all pairs are equally
            hard, and lower otherwise (Jensen).
    """

    agreement: Share = Share()
    accuracy: float | None = None


class Ensemble(Figures):
    """Several models that differ in seed alone.

    Attributes:
        members: pair accuracy of each.
        mean: pair accuracy of the mean score.
        split_pairs: share of strict pairs on whose order the members are not of one mind.
        score_deviation: mean over distinct answers of the standard deviation of the members' scores (divisor M).
    """

    members: list[Share]
    mean: Share
    split_pairs: Share
    score_deviation: float


class Judging(Figures):
    """Everything measured about a reward model on one split.

    Attributes:
        split: ``heldout``, or ``train`` where nothing was held out.
        accuracy: share of strict pairs ordered as the person did; equal scores count one half.
        complete: share of rankings whose every strict pair is ordered right (n counts rankings).
        by_k, by_ties, by_use_case, by_labeler, by_group, by_likert_gap, by_strength: accuracy of parts.
            Groups come in the order in which they should be read; ``others`` gathers the smallest
            of very many, ``not given`` the rankings without a label. Likert gaps are named ``0`` to
            ``6``, and ``contradicted`` where the better-ranked answer was rated lower; rankings are
            ``without ties`` or ``with ties``.
        by_head: accuracy of each other head against its own labels.
        ties, calibration, ceiling: see there.
        histogram_edges: shared by all ``distributions``.
        probes: biases.
        ensemble: only where more than one member was trained.
    """

    split: Literal["heldout", "train"]
    accuracy: Share
    complete: Share
    by_k: list[Group] = []
    by_ties: list[Group] = []
    by_use_case: list[Group] = []
    by_labeler: list[Group] = []
    by_group: list[Group] = []
    by_likert_gap: list[Group] = []
    by_strength: list[Group] = []
    by_head: list[Group] = []
    ties: TieFigures = TieFigures()
    calibration: Calibration = Calibration()
    ceiling: Ceiling = Ceiling()
    histogram_edges: list[float] = []
    distributions: list[Distribution] = []
    probes: list[Probe] = []
    ensemble: Ensemble | None = None


class Fold(Figures):
    """One training of a cross-validation by labeler group (InstructGPT §4.1, E.2).

    Attributes:
        fold: the group that was left out, from 0.
        seed: of this training.
        labelers: pseudonyms of the people in the left-out group.
        group: its name, where it is a labeler group of the snapshot; empty where it was drawn.
        seen: accuracy on held-out prompts against labels of the people trained on.
        unseen: accuracy on the same prompts against labels of the left-out group.
    """

    fold: int
    seed: int
    labelers: list[str]
    group: str = ""
    seen: Share
    unseen: Share


class CrossValidation(Figures):
    """Does the model generalise to people it has not learned from?

    Attributes:
        folds: every training.
        seen_mean, unseen_mean: means over the trainings.
        seen_deviation, unseen_deviation: standard deviations over the trainings (n − 1).
    """

    folds: list[Fold]
    seen_mean: float | None
    seen_deviation: float | None
    unseen_mean: float | None
    unseen_deviation: float | None
