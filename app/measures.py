"""What statistics says in words: why a figure is missing, and what a convention or a method means."""

from collections.abc import Mapping

from app.language import gettext as _
from app.language import mark
from trainer.statistics.estimates import Estimate, Undefined
from trainer.statistics.ranking_agreement import HALF_CREDIT, NON_TIE, TAU_B, TIE_CLASS

WHY: Mapping[Undefined, str] = {
    Undefined.NO_TRIALS: mark("undefined, because nothing was judged"),
    Undefined.NO_JUDGEMENTS: mark("undefined, because nothing was judged"),
    Undefined.NO_RANKING: mark("undefined, because nothing was ranked"),
    Undefined.NO_PAIRS: mark("undefined, because no two people judged the same"),
    Undefined.NO_COMPARISONS: mark("undefined, because nobody has compared them yet"),
    Undefined.NOT_RATED: mark("undefined, because nobody has rated a text yet"),
    Undefined.SHARES_NOTHING: mark("undefined, because nobody else ranked any of the same tasks"),
    Undefined.NOT_TWICE: mark("undefined, because nobody judged the same twice"),
    Undefined.NOT_TWO_RATERS: mark("undefined, because it compares exactly two people"),
    Undefined.NO_STRICT_PAIR: mark("undefined, because no pair of answers was put in an order by both people"),
    Undefined.ALL_TIED: mark("undefined, because one of every two rankings is all ties"),
    Undefined.ALL_EQUAL: mark("no order, because everybody tied all answers"),
    Undefined.ONE_CATEGORY: mark("undefined, because everybody always chose the same and chance would agree as well"),
    Undefined.ONE_DECLARED: mark("undefined, because there is only one category to choose from"),
    Undefined.NO_POSITIVE: mark("undefined, because nobody ever chose this label"),
    Undefined.NEGATIVE_RATIO: mark("undefined, because ratios need categories that are numbers of at least 0"),
    Undefined.NOT_COMPARED: mark(
        "undefined, because some answers were never compared with the others, not even through third ones"
    ),
    Undefined.SEPARATED: mark("undefined, because some answers won, or lost, every comparison with the others"),
    Undefined.LEFT_OUT: mark("undefined, because all who ranked these answers are left out"),
    Undefined.TOO_FEW_EXPECTED: mark("undefined, because not even one such item is to be expected among theirs"),
    Undefined.ONE_CLUSTER: mark("no interval, because all of it stems from one prompt"),
    Undefined.ONE_VALUE: mark("no interval, because it stems from one text"),
    Undefined.SAME_IN_ALL_DRAWS: mark("no interval, because every draw of the prompts gives the same value"),
}
"""Each code of the statistics as a sentence in English."""

CONVENTIONS = {
    NON_TIE: mark("of the pairs that both put in an order, the share in the same order; chance is one half"),
    TIE_CLASS: mark("of all pairs, the share with the same verdict, a tie being a verdict like the others"),
    HALF_CREDIT: mark(
        "of all pairs: 1 for the same verdict, one half if only one of the two saw a tie, 0 for a reversal"
    ),
    TAU_B: mark("Kendall's tau-b, from -1 (reversed) over 0 (unrelated) to 1 (the same)"),
}
"""What each figure means, to stand beside it."""

METHODS: dict[str, str] = {
    "reliability": mark("labelers count by their reliability"),
    "davidson": mark("all labelers count alike"),
}
"""How a consensus is found, and how people speak of it."""


def sentence(code: Undefined | None) -> str:
    """Why something is missing, in English, for files and programs; empty where nothing is."""
    return WHY[code] if code else ""


def said(code: Undefined | None) -> str:
    """The same in the language in use."""
    return _(WHY[code]) if code else ""


def why(estimate: Estimate) -> str:
    """Why there is no value, or no interval, in the language in use; empty where both are there."""
    return said(estimate.why)
