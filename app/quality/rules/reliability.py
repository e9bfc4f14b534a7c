"""What answers are worth and how far each labeler's rankings follow it: Davidson's model with people in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from app.quality.rules.davidson import probabilities
from app.quality.rules.estimates import NO_JUDGEMENTS
from app.quality.rules.rankings import Judgements, numbered_within
from app.quality.rules.resamples import Floats, Integers

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
    * ``errors``: (L, 3) their standard errors in this order, from the observed information.
    * ``judged``: (L,) how many pairs a labeler judged; without any they have the values of the typical labeler.
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
    undefined: str = ""
    typical: Floats = field(default_factory=lambda: np.array([_START, 0.0, 0.0]))

    @property
    def slot(self) -> Integers:
        """The place of each answer within its task: (A,)."""
        return numbered_within(self.task, np.arange(len(self.task)))


def reliabilities(judgements: Judgements, *, steps: int = 100) -> Reliabilities:
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
    Firth 2011). Weight 1 would take C(K, 2) pairs for so many comparisons and understate the doubt that is left; 2 / K
    would take them for the K - 1 comparisons that make an order and overstate it. With the weight between them,
    simulated rankings of 2 to 9 answers keep what the consensus promises: orders said to be 85 % sure are right in
    about 85 % of cases.

    *Fit*: EM. The posterior of the worths of a task is taken as normal at its mode (Laplace), so a labeler's own votes
    do not vouch for the labeler more than they should, as they would if worths were fitted like the habits (Neyman &
    Scott 1948). The habits are moved by Newton steps on the expected log-likelihood, the expectation over each gap by
    Gauss–Hermite quadrature.

    Args:
        judgements: of all labelers; pairs whose order on the screen is unknown tell nothing about position.
        steps: of EM at most.
    """
    data = _Data(judgements)
    habits = np.tile([_START, 0.0, 0.0], (data.labelers, 1))
    worth = np.zeros((data.tasks, data.width))
    covariance = np.tile(np.eye(data.width), (data.tasks, 1, 1))
    errors = np.full((data.labelers, 3), _SPREAD)
    typical, converged = habits[:1].mean(axis=0) if len(habits) else np.array([_START, 0.0, 0.0]), False
    for _ in range(steps if len(data.sign) else 0):
        worth, covariance = _worths(data, habits, worth)
        moved, errors = _habits(data, habits, typical, worth, covariance)
        change = np.abs(moved - habits).max()
        habits = moved
        typical = habits[data.judged > 0].mean(axis=0)
        typical[1] = 0.0
        if change < _CLOSE:
            converged = True
            break
    habits[data.judged == 0] = typical
    return Reliabilities(
        discrimination=habits[:, 0],
        position=habits[:, 1],
        log_tie=habits[:, 2],
        errors=errors,
        judged=data.judged,
        task=data.answer_task,
        answer=data.answer,
        worth=worth[data.answer_task, data.answer_slot],
        covariance=covariance,
        converged=converged,
        undefined="" if len(data.sign) else NO_JUDGEMENTS,
        typical=typical,
    )


class _Data:
    """Judgements with the places of their answers within the task."""

    def __init__(self, judgements: Judgements) -> None:
        self.task = judgements.task[judgements.ranking]
        self.labeler = judgements.labeler[judgements.ranking]
        self.sign, self.shown = judgements.sign.astype(np.int64), judgements.shown.astype(np.float64)
        pairs = np.bincount(judgements.ranking, minlength=len(judgements.task))[judgements.ranking]
        answers_ranked = (1 + np.sqrt(1 + 8 * pairs)) / 2
        self.weight = np.sqrt(2 / answers_ranked)
        self.tasks = int(judgements.task.max(initial=-1)) + 1
        self.labelers = int(judgements.labeler.max(initial=-1)) + 1
        self.judged = np.bincount(self.labeler, minlength=self.labelers)
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


def _habits(data: _Data, habits: Floats, typical: Floats, worth: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """One Newton step of every labeler's habits on the expected log-likelihood, and standard errors."""
    gradient = -(habits - typical) / _SPREAD**2
    information = np.tile(np.eye(3) / _SPREAD**2, (data.labelers, 1, 1))
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
        shares = data.weight[rows, None] * _SHARES
        sign = data.sign[rows, None]
        slope = (sign - lean) / 2 * shares
        slopes = (slope * gap, slope * shown, ((sign == 0) - tie) * shares)
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
        for column, values in enumerate(slopes):
            gradient[:, column] += np.bincount(labeler, values.sum(axis=1), data.labelers)
        for (row, column), values in curves.items():
            summed = np.bincount(labeler, values.sum(axis=1), data.labelers)
            information[:, row, column] += summed
            if row != column:
                information[:, column, row] += summed
    step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
    errors = np.sqrt(np.diagonal(np.linalg.inv(information), axis1=1, axis2=2))
    return habits + np.clip(step, -1, 1), errors
