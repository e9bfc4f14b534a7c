"""What a report of agreement is asked about, and in which order its matrix stands; pure."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from app.judgements.rules import AGREEMENT, AGREEMENT_IN_BANKS, Wanted
from app.language import mark
from trainer.statistics.ranking_agreement import HALF_CREDIT, NON_TIE, TAU_B, TIE_CLASS

PHASES = {"training": mark("training labels"), "evaluation": mark("evaluation labels"), "both": mark("both, apart")}
"""Labels of the two phases follow different guidelines. Taken together, they are still compared within each only."""
"""What the orders go by: never both in one report."""
PURPOSES = {"work": mark("work"), "bank": mark("item banks")}
"""Whether campaigns are work, or banks of items by which people are measured."""
CONVENTION_WORDS = {
    NON_TIE: mark("without ties"),
    TIE_CLASS: mark("ties as a verdict"),
    HALF_CREDIT: mark("half credit for ties"),
    TAU_B: mark("tau-b"),
}
WEIGHINGS = {"micro": mark("over pairs"), "macro": mark("over tasks")}

LABELERS, RESEARCHERS, IMPORTED, APPLICANTS = "labelers", "researchers", "imported annotators", "applicants"
GROUPS_OF_ROLES = (mark("labelers"), mark("researchers"), mark("imported annotators"), mark("applicants"))
"""Into which people divide by role; of an imported annotator the role is not known."""

REFERENCE, REFERENCE_MARGIN = 0.726, 0.015
"""Training labelers among each other, InstructGPT §3.4; what ± means is not stated there."""
REFERENCE_HELDOUT, REFERENCE_HELDOUT_MARGIN = 0.773, 0.013
"""Held-out labelers among each other, likewise."""

SHOWN_IN_MATRIX = 40


@dataclass(frozen=True)
class Filters:
    """Which judgements a report takes.

    Attributes:
        campaign: an id; None for all.
        phase: one of ``PHASES``.
        kind: what orders go by.
        purpose: one of ``PURPOSES``.
        group: a labeler group; None for everybody.
        use_case: of the prompt; None for all.
        language: of the prompt; None for all.
        since: first moment taken.
        before: first moment no longer taken.
    """

    campaign: int | None = None
    phase: str = "training"
    kind: str = "ranking"
    purpose: str = "work"
    group: str | None = None
    use_case: str | None = None
    language: str | None = None
    since: datetime | None = None
    before: datetime | None = None


def wanted(filters: Filters) -> Wanted:
    """What the filters take of what people said, all but the use case, which labelers may have chosen themselves."""
    return Wanted(
        AGREEMENT if filters.purpose == "work" else AGREEMENT_IN_BANKS,
        criterion=filters.kind,
        phases=() if filters.phase == "both" else (filters.phase,),
        campaigns=() if filters.campaign is None else (filters.campaign,),
        language=filters.language,
        group=filters.group,
        since=filters.since,
        before=filters.before,
    )


def group_of_role(role: str | None) -> str:
    """Whom a person counts with; nobody's role is that of an imported annotator."""
    if role is None:
        return IMPORTED
    return {"labeler": LABELERS, "applicant": APPLICANTS}.get(role, RESEARCHERS)


def order_by_agreement(people: int, pairs: dict[tuple[int, int], float]) -> list[int]:
    """People ordered so that those who agree stand beside each other.

    The order is that of the leading eigenvector of the table of agreement, centred, with the mean where two people have
    nothing in common (spectral seriation: Atkins, Boman & Hendrickson 1998). Its direction is arbitrary; the person who
    agrees most with the others comes into the first half.

    Args:
        people: how many; they are numbered from 0.
        pairs: the agreement of two people, by the smaller number first.
    """
    if people < 3 or not pairs:
        return list(range(people))
    table: NDArray[np.float64] = np.full((people, people), np.nan)
    for (one, other), value in pairs.items():
        table[one, other] = table[other, one] = value
    known = ~np.isnan(table)
    of_each = np.where(known, table, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    table = np.where(known, table, np.nanmean(table))
    np.fill_diagonal(table, 1)
    _values, vectors = np.linalg.eigh(table - table.mean(axis=0) - table.mean(axis=1)[:, None] + table.mean())
    coordinate = np.round(vectors[:, -1], 9)
    if coordinate[int(of_each.argmax())] > 0:
        coordinate = -coordinate
    return [int(one) for one in np.argsort(coordinate, kind="stable")]


def month_names(seconds: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64]]:
    """The months from the first to the last in which something was submitted, in UTC, and each time's place in them.

    Args:
        seconds: (N,) since 1970.

    Returns:
        Names such as ``2026-05``, in order, also of months without any; (N,) places.
    """
    if not len(seconds):
        return [], np.zeros(0, dtype=np.int64)
    months = seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    first, last = int(months.min()), int(months.max())
    names = [str(np.datetime64(month, "M")) for month in range(first, last + 1)]
    return names, months - first
