"""The scores that tell machine-written texts from people's, and where one score stands among others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from app.language import gettext as _
from app.language import mark
from trainer.statistics.interval import wilson


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
