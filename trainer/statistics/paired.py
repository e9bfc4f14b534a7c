"""Strengths of answers or systems from comparisons with ties: Davidson (1970), and Bradley–Terry without ties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from trainer.statistics.arrays import Floats, Integers
from trainer.statistics.estimates import Undefined

Ties = Literal["davidson", "half", "drop"]

_STEPS = 200
_CLOSE = 1e-10


@dataclass(frozen=True)
class Strengths:
    """Fitted log-worths λ of K items, which add up to 0, and the log tie parameter log ν (None without one).

    ``covariance`` is the inverse of the observed information of (λ, log ν): (K, K), or (K + 1, K + 1). As only
    differences of λ are determined, it speaks of differences too: the variance of λ_i - λ_j is V_ii + V_jj - 2 V_ij.
    ``undefined`` says why there is no fit; everything else is None then.
    """

    log_worth: Floats | None
    log_tie: float | None
    covariance: Floats | None
    log_likelihood: float | None
    comparisons: int
    undefined: Undefined | None = None

    @property
    def worth(self) -> Floats | None:
        """π_i = exp(λ_i), scaled to add up to 1."""
        if self.log_worth is None:
            return None
        worth = np.exp(self.log_worth)
        scaled: Floats = worth / worth.sum()
        return scaled

    def error_of_difference(self, i: int, j: int) -> float | None:
        """Standard error of λ_i - λ_j."""
        if self.covariance is None:
            return None
        v = self.covariance
        return float(np.sqrt(max(v[i, i] + v[j, j] - 2 * v[i, j], 0.0)))


def davidson(
    first: Integers,
    second: Integers,
    sign: Integers,
    *,
    items: int,
    weights: Floats | None = None,
    ties: Ties = "davidson",
    prior: float | None = None,
) -> Strengths:
    """Fit by maximum likelihood (Newton's method; the log-likelihood is concave).

    With d = λ_i - λ_j and c = log ν, both sides of each formula divided by √(π_i π_j):
    P(i ≻ j) = e^{d/2} / Z, P(tie) = e^c / Z, P(j ≻ i) = e^{-d/2} / Z, Z = e^{d/2} + e^{-d/2} + e^c (Davidson 1970).
    Two equally good answers are tied with chance ν / (2 + ν).

    Without a prior the maximum exists only if one cannot split the items in two parts of which one never lost and
    never tied against the other (Ford 1957); otherwise the result is undefined and says which of the two reasons it is.

    Args:
        first: (N,) 0 … items - 1.
        second: (N,) another.
        sign: (N,) 1 if ``first`` is better, -1 if ``second`` is, 0 for a tie.
        items: K.
        weights: (N,) how often each was said; 1 by default.
        ties: ``davidson``; ``half``, a tie counts half a win for either, in a Bradley–Terry model; ``drop``. Without a
            tie in the data, or with nothing but ties, ν is not determined and Bradley–Terry is fitted to halves.
        prior: standard deviation of a normal prior on each λ, which keeps strengths of few comparisons finite.
    """
    weights = np.ones(len(sign)) if weights is None else np.asarray(weights, dtype=np.float64)
    wins, tied = _tables(first, second, sign, weights, items)
    with_ties = ties == "davidson" and bool(tied.any()) and bool(wins.any())
    if not with_ties:
        wins, tied = wins + (tied / 2 if ties != "drop" else 0), np.zeros_like(tied)
    said, beaten = round(float(weights.sum())), wins + tied
    if prior is None and items > 1 and (why := _undetermined(beaten)):
        return Strengths(None, None, None, None, said, why)
    i, j = np.triu_indices(items, 1)
    met = (beaten + beaten.T)[i, j] > 0
    i, j = i[met], j[met]
    counts = np.stack([wins[i, j], wins[j, i], tied[i, j]], axis=1)
    precision = 0.0 if prior is None else prior**-2
    return _newton(i, j, counts, items, with_ties=with_ties, precision=precision, said=said)


def _newton(
    i: Integers, j: Integers, counts: Floats, items: int, *, with_ties: bool, precision: float, said: int
) -> Strengths:
    theta = np.zeros(items + with_ties)
    value = _likelihood(theta, i, j, counts, items, precision=precision)
    for _ in range(_STEPS):
        gradient, information = _slopes(theta, i, j, counts, items, precision=precision)
        step = np.linalg.solve(_determined(information, items), gradient)
        size = 1.0
        while size > 1e-6:
            tried = theta + size * step
            higher = _likelihood(tried, i, j, counts, items, precision=precision)
            if higher >= value - 1e-12 * abs(value):
                break
            size /= 2
        theta, value = tried, higher
        if np.abs(size * step).max() < _CLOSE:
            break
    _, information = _slopes(theta, i, j, counts, items, precision=precision)
    covariance: Floats = np.linalg.inv(_determined(information, items)).astype(np.float64)
    # The term that fixed the sum of λ added 1 / K to every entry; it says nothing about differences.
    covariance[:items, :items] -= 1 / items
    log_worth = theta[:items] - theta[:items].mean()
    plain = _likelihood(theta, i, j, counts, items, precision=0.0)
    return Strengths(log_worth, float(theta[items]) if with_ties else None, covariance, plain, said)


def _likelihood(theta: Floats, i: Integers, j: Integers, counts: Floats, items: int, *, precision: float) -> float:
    half = (theta[i] - theta[j]) / 2
    total = np.logaddexp(half, -half)
    found = (counts[:, 0] - counts[:, 1]) @ half
    if len(theta) > items:
        total = np.logaddexp(total, theta[items])
        found += counts[:, 2].sum() * theta[items]
    return float(found - counts.sum(axis=1) @ total - precision / 2 * (theta[:items] ** 2).sum())


def _slopes(
    theta: Floats, i: Integers, j: Integers, counts: Floats, items: int, *, precision: float
) -> tuple[Floats, Floats]:
    """Gradient and observed information of the log-likelihood."""
    chances = probabilities(theta[i] - theta[j], theta[items] if len(theta) > items else -np.inf)
    said = counts.sum(axis=1)
    lean = chances[:, 0] - chances[:, 1]
    slope = (counts[:, 0] - counts[:, 1] - said * lean) / 2
    gradient = np.zeros(len(theta))
    np.add.at(gradient, i, slope)
    np.add.at(gradient, j, -slope)
    curve = said * (chances[:, 0] + chances[:, 1] - lean**2) / 4
    information = np.zeros((len(theta), len(theta)))
    for one, other, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
        np.add.at(information, (one, other), sign * curve)
    if len(theta) > items:
        tie = chances[:, 2]
        gradient[items] = counts[:, 2].sum() - said @ tie
        information[items, items] = said @ (tie * (1 - tie))
        cross = -said * tie * lean / 2
        for one, sign in ((i, 1), (j, -1)):
            np.add.at(information[items], one, sign * cross)
        information[:items, items] = information[items, :items]
    gradient[:items] -= precision * theta[:items]
    information[range(items), range(items)] += precision
    return gradient, information


def probabilities(gap: Floats, log_tie: Floats | float) -> Floats:
    """Chances of first better, second better, tie for gaps d = λ_i - λ_j: (…) -> (…, 3). log ν = -inf knows no ties."""
    gap = np.asarray(gap, dtype=np.float64)
    powers = np.stack(np.broadcast_arrays(gap / 2, -gap / 2, np.asarray(log_tie, dtype=np.float64)), axis=-1)
    powers = np.exp(powers - powers.max(axis=-1, keepdims=True))
    found: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return found


def _determined(information: Floats, items: int) -> Floats:
    """Fix the sum of λ, which the likelihood leaves open."""
    fixed = information.copy()
    fixed[:items, :items] += 1 / items
    return fixed


def _tables(first: Integers, second: Integers, sign: Integers, weights: Floats, items: int) -> tuple[Floats, Floats]:
    """wins[i, j]: how often i beat j; tied[i, j] = tied[j, i]."""
    wins, tied = np.zeros((items, items)), np.zeros((items, items))
    winner, loser = np.where(sign > 0, first, second), np.where(sign > 0, second, first)
    strict = sign != 0
    np.add.at(wins, (winner[strict], loser[strict]), weights[strict])
    np.add.at(tied, (first[~strict], second[~strict]), weights[~strict])
    return wins, tied + tied.T


def _undetermined(beaten: Floats) -> Undefined | None:
    """Why there is no maximum, or nothing; ``beaten[i, j]`` > 0 if i won against j or tied with it at least once."""
    if not _reaches_all((beaten + beaten.T) > 0):
        return Undefined.NOT_COMPARED
    return None if _reaches_all(beaten > 0) and _reaches_all(beaten.T > 0) else Undefined.SEPARATED


def _reaches_all(edges: np.ndarray) -> bool:
    reached = np.zeros(len(edges), dtype=bool)
    reached[0] = True
    while True:
        more = reached | edges[reached].any(axis=0)
        if (more == reached).all():
            return bool(reached.all())
        reached = more
