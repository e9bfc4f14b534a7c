"""How well a score tells machine-written texts from people's, and where one score stands among others."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.language import gettext as _
from app.language import mark

Z = 1.959963984540054
"""Of a normal distribution, 95 % in the middle."""


@dataclass(frozen=True)
class Detector:
    """A zero-shot score of a text.

    ``sign`` is +1 where more of it is more like a machine's writing, -1 where less is.
    """

    key: str
    name: str
    hint: str
    sign: int


DETECTORS = (
    Detector(
        "curvature",
        mark("Fast-DetectGPT"),
        mark("how far the text is likelier than one with redrawn tokens, in standard deviations"),
        1,
    ),
    Detector("log_rank", mark("log-rank"), mark("mean logarithm of the rank of each token"), -1),
    Detector("likelihood", mark("log-likelihood"), mark("mean log-probability of a token, in nats"), 1),
    Detector("rank", mark("rank"), mark("mean rank of a token among all that could have come"), -1),
    Detector("entropy", mark("entropy"), mark("mean entropy of what the model expected, in nats"), 1),
)
"""The strongest on published data first."""
HEADLINE = DETECTORS[0]


def roc_auc(human: Sequence[float], machine: Sequence[float]) -> float | None:
    """Chance that a machine's text scores above a person's, ties half: the area under the ROC curve (Mann–Whitney).

    Args:
        human: scores of texts by people; higher = more like a machine's.
        machine: scores of texts by machines.

    Returns:
        From 0 to 1, or nothing where one side is empty.
    """
    if not human or not machine:
        return None
    scores = np.concatenate([np.asarray(human, dtype=np.float64), np.asarray(machine, dtype=np.float64)])
    _values, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    midranks = np.cumsum(counts) - (counts - 1) / 2
    n = len(machine)
    above = midranks[place][len(human) :].sum() - n * (n + 1) / 2
    return float(above / (n * len(human)))


def pr_auc(human: Sequence[float], machine: Sequence[float]) -> float | None:
    """Area under precision over recall by trapezoids, a point for each threshold, as Fast-DetectGPT reports it.

    Returns:
        From 0 to 1, or nothing where one side is empty. Linear between points, so a little above or below average
        precision where many scores are equal (Davis & Goadrich 2006).
    """
    if not human or not machine:
        return None
    scores = np.concatenate([np.asarray(human, dtype=np.float64), np.asarray(machine, dtype=np.float64)])
    is_machine = np.arange(len(scores)) >= len(human)
    order = np.argsort(-scores, kind="stable")
    found, kept = np.cumsum(is_machine[order]), np.arange(1, len(scores) + 1)
    last_of_its_score = np.append(np.diff(scores[order]) != 0, True)
    # Beyond the lowest threshold at which all are found precision only falls, and recall stands still.
    recall = np.concatenate([[0.0], found[last_of_its_score] / len(machine)])
    precision = np.concatenate([[1.0], (found / kept)[last_of_its_score]])
    return float(np.sum(np.diff(recall) * (precision[1:] + precision[:-1]) / 2))


def auc_interval(auc: float, humans: int, machines: int) -> tuple[float, float]:
    """95 % interval of a ROC AUC by Hanley & McNeil (1982), within 0 and 1.

    Where the two sides are told apart without an error the variance is 0, so the interval is that of an area half a
    pair away from the end.
    """
    pairs = humans * machines
    inside = min(max(auc, 0.5 / pairs), 1 - 0.5 / pairs)
    q1, q2 = inside / (2 - inside), 2 * inside**2 / (1 + inside)
    variance = (inside * (1 - inside) + (machines - 1) * (q1 - inside**2) + (humans - 1) * (q2 - inside**2)) / pairs
    half = Z * math.sqrt(max(variance, 0.0))
    return max(0.0, min(auc, inside - half)), min(1.0, max(auc, inside + half))


@dataclass(frozen=True)
class Percentile:
    """Where a text stands among others: ``value`` from 0 to 100 with a 95 % interval, or why there is none.

    ``n`` is how many others there are, ``among`` whether they answer the same ``prompt`` or stem from the ``campaign``.
    """

    value: float | None
    n: int
    among: str
    low: float | None = None
    high: float | None = None

    @property
    def undefined(self) -> str:
        """Why there is no value; empty where there is one."""
        if self.value is not None:
            return ""
        return _(
            "undefined, because only %(count)s other texts of the campaign have this score; %(least)s are needed",
            count=self.n,
            least=LEAST_OF_CAMPAIGN,
        )


LEAST_OF_PROMPT = 8
LEAST_OF_CAMPAIGN = 20
PROMPT, CAMPAIGN = "prompt", "campaign"


def percentiles(scores: Mapping[int, float], prompts: Mapping[int, Hashable], sign: int = 1) -> dict[int, Percentile]:
    """For each text the share of others that look less like a machine's, equal ones half, with Wilson's interval.

    Texts of the same prompt are the fairer company: some prompts leave everybody little to choose from. Where they
    are too few, the whole campaign is.

    Args:
        scores: of each text that has one.
        prompts: what each of these texts answers.
        sign: of the detector.
    """
    by_prompt: dict[Hashable, list[float]] = {}
    for key, score in scores.items():
        by_prompt.setdefault(prompts[key], []).append(sign * score)
    for same in by_prompt.values():
        same.sort()
    everybody = sorted(sign * score for score in scores.values())
    return {key: _place(sign * score, by_prompt[prompts[key]], everybody) for key, score in scores.items()}


def _place(score: float, same_prompt: Sequence[float], everybody: Sequence[float]) -> Percentile:
    """Among sorted scores that hold this one too."""
    for sorted_scores, among, least in (
        (same_prompt, PROMPT, LEAST_OF_PROMPT),
        (everybody, CAMPAIGN, LEAST_OF_CAMPAIGN),
    ):
        others = len(sorted_scores) - 1
        if others >= least:
            below = bisect_left(sorted_scores, score)
            equal = bisect_right(sorted_scores, score) - below - 1
            share = (below + equal / 2) / others
            low, high = wilson(share, others)
            return Percentile(100 * share, others, among, 100 * low, 100 * high)
    return Percentile(None, len(everybody) - 1, CAMPAIGN)


def wilson(rate: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval for a rate among ``n`` independent trials, n > 0 (Wilson 1927)."""
    middle = (rate + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(rate * (1 - rate) / n + Z**2 / (4 * n**2))
    return max(0.0, middle - half), min(1.0, middle + half)


BANDS = (
    (10, mark("among the 10 likeliest")),
    (100, mark("among the 100 likeliest")),
    (1000, mark("among the 1,000 likeliest")),
)
REST = mark("less likely")
UNPREDICTED = mark("not predicted")
BAND_KEYS = ("top10", "top100", "top1000", "rest")


def band_of(rank: int | None) -> str:
    """GLTR's band of a token (Gehrmann et al. 2019): among the 10, 100 or 1,000 likeliest, or the rest."""
    if rank is None:
        return "unknown"
    return next((key for key, (most, _words) in zip(BAND_KEYS, BANDS, strict=False) if rank <= most), "rest")
