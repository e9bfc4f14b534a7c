"""True classes of items and error rates of the people who labelled them, by Dawid & Skene's EM (1979)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.statistics.arrays import Floats, Integers
from trainer.statistics.estimates import Undefined

_CLOSE = 1e-10
_TINY = 1e-300


@dataclass(frozen=True)
class TrueClasses:
    """What EM found.

    * ``posterior``: (I, q) the chance of each class; an item without a label has the class marginals.
    * ``marginals``: (q,) how common each class is.
    * ``confusion``: (R, q, q) [rater, true class, label said]; a rater without a label, or without one on a class, has
      equal shares there.
    * ``log_likelihoods``: of the start and after each step; never falls (with smoothing, the penalised one).
    """

    posterior: Floats
    marginals: Floats
    confusion: Floats
    log_likelihoods: list[float]
    converged: bool
    undefined: Undefined | None = None

    @property
    def classes(self) -> Integers:
        """The likeliest class of each item: (I,)."""
        return self.posterior.argmax(axis=1)

    @property
    def error_probability(self) -> Floats:
        """The chance that the likeliest class is wrong: (I,)."""
        found: Floats = 1 - self.posterior.max(axis=1)
        return found

    @property
    def skill(self) -> Floats:
        """Of each rater the chance to name the true class, over the class marginals: (R,)."""
        found: Floats = np.einsum("rkk,k->r", self.confusion, self.marginals)
        return found


def dawid_skene(
    items: Integers,
    raters: Integers,
    values: Integers,
    *,
    shape: tuple[int, int, int],
    smoothing: float = 0.0,
    steps: int = 1000,
) -> TrueClasses:
    """Expectation–maximisation from the shares of votes.

    E: posterior_ik ∝ p_k Π_labels θ_{rater,k,label}. M: p_k = mean posterior, θ_rkl ∝ Σ posterior_ik over r's labels l.
    A rater may label an item several times, as observer 1 of the paper did; each is an observation.

    Classes are identified because the start follows the majority; with two raters or fewer an item the error rates
    are hardly determined, and smoothing is advised.

    Args:
        items: (N,) 0 … I - 1.
        raters: (N,) 0 … R - 1.
        values: (N,) 0 … q - 1.
        shape: I, R, q.
        smoothing: pseudo-counts for each entry of the error rates (a Dirichlet prior with parameter 1 + s); 0 is the
            paper's maximum likelihood.
        steps: at most.
    """
    count, people, q = shape
    if not len(values):
        flat = np.full(q, 1 / q)
        return TrueClasses(
            np.tile(flat, (count, 1)),
            flat,
            np.full((people, q, q), 1 / q),
            [],
            converged=False,
            undefined=Undefined.NO_JUDGEMENTS,
        )
    votes = np.bincount(items * q + values, minlength=count * q).reshape(count, q).astype(np.float64)
    labelled = votes.sum(axis=1) > 0
    posterior = np.where(labelled[:, None], votes / np.maximum(votes.sum(axis=1, keepdims=True), 1), 0)
    order = np.argsort(items, kind="stable")
    items, raters, values = items[order], raters[order], values[order]
    said = raters * q + values
    starts = np.flatnonzero(np.diff(items, prepend=-1))
    found: list[float] = []
    converged = False
    for _ in range(steps):
        marginals = posterior[labelled].mean(axis=0)
        confusion = _error_rates(posterior[items], said, people, q, smoothing)
        with np.errstate(divide="ignore"):
            spoken = np.log(np.maximum(confusion.transpose(0, 2, 1).reshape(people * q, q), _TINY))
            joint = np.add.reduceat(spoken[said], starts, axis=0) + np.log(np.maximum(marginals, _TINY))
        peak = joint.max(axis=1, keepdims=True)
        chances = np.exp(joint - peak)
        total = chances.sum(axis=1, keepdims=True)
        penalty = smoothing * float(np.log(np.maximum(confusion, _TINY)).sum()) if smoothing else 0.0
        found.append(float((peak + np.log(total)).sum()) + penalty)
        posterior[items[starts]] = chances / total
        if len(found) > 1 and abs(found[-1] - found[-2]) <= _CLOSE * max(abs(found[-1]), 1):
            converged = True
            break
    # The rates that belong to the last posterior.
    marginals = posterior[labelled].mean(axis=0)
    confusion = _error_rates(posterior[items], said, people, q, smoothing)
    posterior[~labelled] = marginals
    return TrueClasses(posterior, marginals, confusion, found, converged)


def _error_rates(chances: Floats, said: Integers, people: int, q: int, smoothing: float) -> Floats:
    """(R, q, q) from the posterior of each label's item, (N, q), and rater × q + label, (N,)."""
    counts = np.stack([np.bincount(said, weights=chances[:, k], minlength=people * q) for k in range(q)])
    rates = counts.reshape(q, people, q).transpose(1, 0, 2) + smoothing
    total = rates.sum(axis=2, keepdims=True)
    found: Floats = np.where(total > 0, rates / np.where(total > 0, total, 1), 1 / q)
    return found


def majority_classes(items: Integers, values: Integers, shape: tuple[int, int]) -> Integers:
    """The label that most people gave to each item, the first category among equals: (I,); shape is I, q."""
    count, q = shape
    found: Integers = np.bincount(items * q + values, minlength=count * q).reshape(count, q).argmax(axis=1)
    return found
