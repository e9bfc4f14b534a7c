"""What answers are worth and how far each labeler's rankings follow it: Davidson's model with people in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import numpy as np
from scipy.special import expit

from trainer.statistics.arrays import Floats, Integers, Mask
from trainer.statistics.estimates import Undefined
from trainer.statistics.interval import NORMAL
from trainer.statistics.paired import probabilities
from trainer.statistics.rankings import Judgements, numbered_within

_NODES, _SHARES = np.polynomial.hermite_e.hermegauss(7)
_SHARES = _SHARES / _SHARES.sum()
_SPREAD = 1.0
"""Standard deviation of the habits among labelers, on the scale on which answers of a prompt differ by about 1."""
_START = 1.0
_CLOSE = 1e-3
_INNER = 8
_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Reliabilities:
    """What was found about labelers, and about answers as all judgements together show them.

    * ``discrimination``: (L,) β, how steeply a labeler's verdicts follow the worth of answers: 0 for guessing, below 0
      for ranking upside down.
    * ``position``: (L,) b, the log-odds of preferring what stands first among equals; 0 is fair.
    * ``log_tie``: (L,) c; equals are tied with chance e^c / (2 + e^c) if ``position`` is 0.
    * ``errors``: (L, 3) their standard errors in this order.
    * ``judged``: (L,) how many pairs a labeler judged in tasks that somebody else judged too; without any they have the
      values of the typical labeler. One habit of all (``alike``) has one entry for everybody together.
    * ``task``, ``answer``: (A,) the answers of each task, sorted; ``worth``: (A,) their λ, about 0 ± 1 within a prompt.
    * ``covariance``: (T, K, K) of the worths of each task in this order, K the largest number of answers.
    * ``converged``: whether the habits came to rest.
    """

    discrimination: Floats
    position: Floats
    log_tie: Floats
    errors: Floats
    judged: Integers
    task: Integers
    answer: Integers
    worth: Floats
    covariance: Floats
    converged: bool
    undefined: Undefined | None = None
    typical: Floats = field(default_factory=lambda: np.array([_START, 0.0, 0.0]))

    @property
    def reliability(self) -> Floats:
        """How often a labeler puts the better of two answers first whose worths differ by 1, if not tying them: (L,).

        1 / (1 + e^-β): one half for guessing, below it for ranking upside down.
        """
        return expit(self.discrimination)

    @property
    def reliability_interval(self) -> tuple[Floats, Floats]:
        """95 % bounds of ``reliability``, from β ± 1.96 standard errors."""
        reach = NORMAL * self.errors[:, 0]
        return expit(self.discrimination - reach), expit(self.discrimination + reach)

    @property
    def position_bias(self) -> Floats:
        """How often a labeler puts the answer that stands first on the screen before an equal one: (L,); ½ is fair."""
        return expit(self.position)

    @property
    def position_bias_interval(self) -> tuple[Floats, Floats]:
        """95 % bounds of ``position_bias``."""
        reach = NORMAL * self.errors[:, 1]
        return expit(self.position - reach), expit(self.position + reach)

    @property
    def slot(self) -> Integers:
        """The place of each answer within its task: (A,)."""
        return numbered_within(self.task, np.arange(len(self.task)))


def reliabilities(judgements: Judgements, *, alike: bool = False, steps: int = 100) -> Reliabilities:
    """Fit worths of answers and habits of labelers together.

    Labeler l, shown i and j, with u = β_l (λ_i - λ_j) + b_l s, s = ±1 for which of the two stood first, says
    i ≻ j, j ≻ i or a tie with chances in the proportion e^{u/2} : e^{-u/2} : e^{c_l}.

    *Why a discrimination and not a mixture* "follows quality or else guesses" (Chen et al. 2013, CrowdBT): where worths
    lie close, a mixture with weight η and worths λ predicts the same as η/2 with 2 λ, to first order, so the two are
    hardly told apart. Here the scale is set by the prior λ ~ N(0, 1) of the answers of each prompt and β carries all
    of the steepness; a guesser is β = 0, a guesser by position β = 0 with b ≠ 0, and rankings upside down β < 0. The
    sign is set by the start, where everybody follows quality alike: it holds as long as the reliable outweigh those
    who rank upside down.

    *Regularisation*: β, b and c of a labeler are drawn towards the mean of all labelers (b towards 0) by a normal
    prior with standard deviation 1, so that labelers of few judgements are taken for typical ones.

    *Pairs of one ranking* are not independent: each counts √(2 / K) (a weighted composite likelihood; Varin, Reid &
    Firth 2011). Weight 1 would take C(K, 2) pairs for so many comparisons and understate what is left uncertain; 2 / K
    would take them for the K - 1 comparisons that make an order and overstate it. With the weight between them,
    simulated rankings of 2 to 9 answers keep what the consensus promises: orders said to be 85 % sure are right in
    about 85 % of cases.

    *Fit*: EM. The posterior of the worths of a task is taken as normal at its mode (Laplace), so a labeler's own votes
    do not vouch for the labeler more than they should, as they would if worths were fitted like the habits (Neyman &
    Scott 1948). The habits are moved by Newton steps on the expected log-likelihood, the expectation over each gap by
    Gauss–Hermite quadrature.

    *What one person alone judged* has worths but tells nothing of habits: a ranking never contradicts itself, so it
    looks steep whoever made it, and spammers who work alone would seem as reliable as anybody.

    Args:
        judgements: of all labelers; pairs whose order on the screen is unknown tell nothing about position.
        alike: everybody is given the same habits, one steepness, one position bias and one tie rate: Davidson's model
            with an effect of the order on the screen (Davidson & Beaver 1977), each labeler's word of the same weight.
        steps: of EM at most.
    """
    data = _Data(judgements, alike=alike)
    habits = np.tile([_START, 0.0, 0.0], (data.labelers, 1))
    worth = np.zeros((data.tasks, data.width))
    covariance = np.tile(np.eye(data.width), (data.tasks, 1, 1))
    typical, converged = np.array([_START, 0.0, 0.0]), False
    for _ in range(steps if len(data.sign) else 0):
        worth, covariance = _worths(data, habits, worth)
        if not data.judged.any():
            break
        moved = _habits(data, habits, typical, worth, covariance)
        typical = moved[data.judged > 0].mean(axis=0)
        typical[1] = 0.0
        # Who shares no task with anybody is taken for typical: nothing else is known of them.
        moved[data.judged == 0] = typical
        change = np.abs(moved - habits).max()
        habits = moved
        if change < _CLOSE:
            converged = True
            break
    return Reliabilities(
        discrimination=habits[:, 0],
        position=habits[:, 1],
        log_tie=habits[:, 2],
        errors=_errors(data, habits, worth, covariance),
        judged=data.judged,
        task=data.answer_task,
        answer=data.answer,
        worth=worth[data.answer_task, data.answer_slot],
        covariance=covariance,
        converged=converged,
        undefined=None if len(data.sign) else Undefined.NO_JUDGEMENTS,
        typical=typical,
    )


class _Data:
    """Judgements with the places of their answers within the task."""

    def __init__(self, judgements: Judgements, *, alike: bool) -> None:
        self.task = judgements.task[judgements.ranking]
        people = judgements.labeler[judgements.ranking]
        self.labeler = np.zeros_like(people) if alike else people
        self.ranking, self.task_of_ranking = judgements.ranking, judgements.task
        self.labeler_of_ranking = np.zeros_like(judgements.labeler) if alike else judgements.labeler
        self.sign, self.shown = judgements.sign.astype(np.int64), judgements.shown.astype(np.float64)
        pairs = np.bincount(judgements.ranking, minlength=len(judgements.task))[judgements.ranking]
        answers_ranked = (1 + np.sqrt(1 + 8 * pairs)) / 2
        self.weight = np.sqrt(2 / answers_ranked)
        self.tasks = int(judgements.task.max(initial=-1)) + 1
        self.labelers = min(1, len(people)) if alike else int(judgements.labeler.max(initial=-1)) + 1
        shared = judged_by_several(self.task, people)
        self.evidence = self.weight * shared
        self.judged = np.bincount(self.labeler[shared], minlength=self.labelers)
        answers = judgements.answers[judgements.pair].reshape(-1, 2)
        names, numbers = np.unique(answers, return_inverse=True)
        cells = self.task[:, None] * max(len(names), 1) + numbers.reshape(-1, 2)
        known, place = np.unique(cells, return_inverse=True)
        self.answer_task, self.answer = known // max(len(names), 1), names[known % max(len(names), 1)]
        self.answer_slot = numbered_within(self.answer_task, np.arange(len(known)))
        slots = self.answer_slot[place.reshape(-1, 2)]
        self.first, self.second = slots[:, 0], slots[:, 1]
        self.width = int(self.answer_slot.max(initial=0)) + 1
        # Sums over judgements by task and place are counts of these cells.
        base = self.task * self.width
        self.at_first, self.at_second = base + self.first, base + self.second
        square = self.task * self.width**2
        self.cross = square + self.first * self.width + self.second


def judged_by_several(task: Integers, labeler: Integers) -> Mask:
    """Whether the task of each row, (N,), has rows of at least two labelers: (N,)."""
    if not len(task):
        return np.zeros(0, dtype=bool)
    low, high = (np.full(int(task.max()) + 1, start) for start in (int(labeler.max()), 0))
    np.minimum.at(low, task, labeler)
    np.maximum.at(high, task, labeler)
    found: Mask = (low < high)[task]
    return found


def _worths(data: _Data, habits: Floats, worth: Floats) -> tuple[Floats, Floats]:
    """Mode of each task's posterior and the inverse of its curvature there: (T, K), (T, K, K)."""
    beta, position, log_tie = habits[data.labeler].T
    size, width = data.tasks * data.width, data.width
    shift = position * data.shown
    for _ in range(_INNER):
        gap = worth.ravel()[data.at_first] - worth.ravel()[data.at_second]
        chances = probabilities(beta * gap + shift, log_tie)
        lean = chances[:, 0] - chances[:, 1]
        slope = data.weight * beta * (data.sign - lean) / 2
        gradient = np.bincount(data.at_first, slope, size) - np.bincount(data.at_second, slope, size) - worth.ravel()
        curve = data.weight * beta**2 * (1 - chances[:, 2] - lean**2) / 4
        both = np.bincount(data.cross, curve, size * width).reshape(data.tasks, width, width)
        information = -both - both.transpose(0, 2, 1)
        diagonal = 1 + np.bincount(data.at_first, curve, size) + np.bincount(data.at_second, curve, size)
        information[:, range(width), range(width)] += diagonal.reshape(data.tasks, width)
        step = np.linalg.solve(information, gradient.reshape(data.tasks, width, 1))[:, :, 0]
        # The curvature is at least that of the prior; a step of more than two deviations of it would overshoot.
        worth = worth + np.clip(step, -2, 2)
        if np.abs(step).max() < _CLOSE:
            break
    return worth, np.linalg.inv(information)


@dataclass(frozen=True)
class _Slopes:
    """Expected slopes of each ranking in its labeler's habits, (R, 3), and expected curvature by labeler, (L, 3, 3)."""

    of_rankings: Floats
    information: Floats


def _habits(data: _Data, habits: Floats, typical: Floats, worth: Floats, covariance: Floats) -> Floats:
    """One Newton step of every labeler's habits on the expected log-likelihood."""
    slopes = _slopes(data, habits, worth, covariance)
    gradient = -(habits - typical) / _SPREAD**2
    for column in range(3):
        gradient[:, column] += np.bincount(data.labeler_of_ranking, slopes.of_rankings[:, column], data.labelers)
    information = slopes.information + np.eye(3) / _SPREAD**2
    step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
    moved: Floats = habits + np.clip(step, -1, 1)
    return moved


def _slopes(data: _Data, habits: Floats, worth: Floats, covariance: Floats) -> _Slopes:
    of_rankings = np.zeros((len(data.labeler_of_ranking), 3))
    information = np.zeros((data.labelers, 3, 3))
    flat, square = worth.ravel(), covariance.reshape(-1, data.width)
    for start in range(0, len(data.sign), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        one, other, labeler = data.at_first[rows], data.at_second[rows], data.labeler[rows]
        first, second = data.first[rows], data.second[rows]
        mean = flat[one] - flat[other]
        variance = square[one, first] + square[other, second] - 2 * square[one, second]
        gap = mean[:, None] + np.sqrt(np.maximum(variance, 0))[:, None] * _NODES
        shown = data.shown[rows, None]
        beta, position, log_tie = (habits[labeler, column][:, None] for column in range(3))
        chances = probabilities(beta * gap + position * shown, log_tie)
        lean, tie = chances[..., 0] - chances[..., 1], chances[..., 2]
        shares = data.evidence[rows, None] * _SHARES
        sign = data.sign[rows, None]
        slope = (sign - lean) / 2 * shares
        curve = (1 - tie - lean**2) / 4 * shares
        mixed = -tie * lean / 2 * shares
        curves = {
            (0, 0): curve * gap**2,
            (0, 1): curve * gap * shown,
            (1, 1): curve * shown**2,
            (0, 2): mixed * gap,
            (1, 2): mixed * shown,
            (2, 2): tie * (1 - tie) * shares,
        }
        for column, values in enumerate((slope * gap, slope * shown, ((sign == 0) - tie) * shares)):
            of_rankings[:, column] += np.bincount(data.ranking[rows], values.sum(axis=1), len(of_rankings))
        for (row, column), values in curves.items():
            summed = np.bincount(labeler, values.sum(axis=1), data.labelers)
            information[:, row, column] += summed
            if row != column:
                information[:, column, row] += summed
    return _Slopes(of_rankings, information)


def _errors(data: _Data, habits: Floats, worth: Floats, covariance: Floats) -> Floats:
    """Standard errors of every labeler's habits: (L, 3).

    Two things make them larger than the curvature of the expected log-likelihood says. The worths are not known: the
    variance of the slopes under what is known of them is information that is missing (Louis 1982; here with slopes
    linear in the worths). And the pairs of a ranking hang together: with H what information is left and s the slopes
    of one ranking, the variance is H⁻¹ (Σ s sᵀ + prior) H⁻¹ (Godambe 1960). From few rankings that sum comes out too
    small by chance as often as too large, so the variance is never taken to be less than H⁻¹.
    """
    slopes = _slopes(data, habits, worth, covariance)
    prior = np.eye(3) / _SPREAD**2
    missing, spread = np.zeros((data.labelers, 3, 3)), np.tile(prior, (data.labelers, 1, 1))
    by_worth = _slopes_by_worth(data, habits, worth)
    unknown = by_worth @ covariance[data.task_of_ranking] @ by_worth.transpose(0, 2, 1)
    for row, column in product(range(3), range(3)):
        at = (slice(None), row, column)
        missing[at] = np.bincount(data.labeler_of_ranking, unknown[at], data.labelers)
        squares = slopes.of_rankings[:, row] * slopes.of_rankings[:, column]
        spread[at] += np.bincount(data.labeler_of_ranking, squares, data.labelers)
    inverse = np.linalg.inv(slopes.information - missing + prior)
    variances = np.maximum(*(np.diagonal(v, axis1=1, axis2=2) for v in (inverse @ spread @ inverse, inverse)))
    found: Floats = np.sqrt(variances)
    return found


def _slopes_by_worth(data: _Data, habits: Floats, worth: Floats) -> Floats:
    """How the slopes of each ranking change with the worths of its task's answers, at their mode: (R, 3, K)."""
    beta, position, log_tie = habits[data.labeler].T
    gap = worth.ravel()[data.at_first] - worth.ravel()[data.at_second]
    chances = probabilities(beta * gap + position * data.shown, log_tie)
    lean, tie = chances[:, 0] - chances[:, 1], chances[:, 2]
    curve = beta * (1 - tie - lean**2) / 4
    changes = ((data.sign - lean) / 2 - curve * gap, -curve * data.shown, beta * tie * lean / 2)
    count = len(data.labeler_of_ranking)
    found = np.zeros((count, 3, data.width))
    for column, change in enumerate(changes):
        for places, sign in ((data.first, 1), (data.second, -1)):
            cells = np.bincount(data.ranking * data.width + places, sign * data.evidence * change, count * data.width)
            found[:, column] += cells.reshape(count, data.width)
    return found
