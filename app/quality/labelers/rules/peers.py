"""How far one person's rankings agree with those of others, of researchers, of the team's common voice, and their own.

Everywhere the non-tie convention holds: of the pairs that both put in an order, the share in the same order; guessing
gives one half. Tasks are what hangs together.
"""

from __future__ import annotations

import numpy as np

from app.quality.labelers.rules.findings import NOBODY_SHARED, NOTHING_REPEATED, Bound, Finding, shares_of_parts
from trainer.statistics.arrays import Floats, Integers, Mask
from trainer.statistics.rankings import Judgements, RankingPairs

_ROUNDS = 5
_FIRST_SHARE, _TRUSTED_SHARE = 0.7, 0.9
_ROUNDING = 1e-9


def agreement_with(
    judgements: Judgements,
    others: Mask,
    *,
    labelers: int,
    part: Integers | None = None,
    parts: int | None = None,
    bound: Bound | None = None,
) -> list[Finding]:
    """Agreement of each person with those in ``others`` on what both judged; with gold, if those are gold.

    Args:
        judgements: of everybody.
        others: (L,) whom people are compared with; nobody is compared with themselves.
        labelers: L.
        part: (R,) what to divide a person's rankings by, e.g. the month; by default the person.
        parts: number of parts, if ``part`` is given.
        bound: tested against, if any.

    Returns:
        By person, or by part.
    """
    pairs = RankingPairs.of(judgements).between_people()
    mine, theirs = np.concatenate([pairs.first, pairs.second]), np.concatenate([pairs.second, pairs.first])
    agreed, strict = (np.tile(column, 2) for column in (pairs.agreed, pairs.agreed + pairs.reversed))
    chosen = others[judgements.labeler[theirs]]
    mine, agreed, strict = mine[chosen], agreed[chosen], strict[chosen]
    owner = judgements.labeler if part is None else part
    count = labelers if parts is None else parts
    return shares_of_parts(owner[mine], judgements.task[mine], agreed, strict, count, bound=bound, why=NOBODY_SHARED)


def agreement_with_the_team(
    judgements: Judgements,
    *,
    labelers: int,
    trusted: Mask | None = None,
    part: Integers | None = None,
    parts: int | None = None,
    bound: Bound | None = None,
) -> list[Finding]:
    """Agreement of each person with what all others together say about the same pairs of answers.

    The others' voice on a pair is V = Σ w_k s_k over everybody but the person judged, with s_k = ±1 the verdict of
    person k and w_k = log(a_k / (1 - a_k)) its log-odds to be right, a_k being k's own figure; if verdicts were
    independent, V would be the log-odds of the true order (naive Bayes; Nitzan & Paroush 1982). A pair counts by how
    sure the voice is, |tanh(V / 2)|, so that two people who contradict each other are no standard. Figures and weights
    settle together in a few rounds; those of ``trusted`` people are fixed. Whoever guesses has one half, whatever the
    others do, and a team in which some guess still has a voice. Someone's own verdicts bear on their figure only
    through other people's weights.

    Args:
        judgements: of everybody.
        labelers: L.
        trusted: (L,) people who are taken to be right in nine pairs of ten: researchers.
        part: (R,) what to divide a person's rankings by, e.g. the month; by default the person.
        parts: number of parts, if ``part`` is given.
        bound: tested against, if any.

    Returns:
        By person, or by part.
    """
    share = np.full(labelers, _FIRST_SHARE)
    agreed, sureness = _with_voice(judgements, _log_odds(share, trusted))
    owner = judgements.labeler[judgements.ranking]
    for _round in range(_ROUNDS):
        met = np.bincount(owner, weights=sureness, minlength=labelers)
        share = np.where(met > 0, np.bincount(owner, weights=agreed, minlength=labelers) / np.maximum(met, 1e-12), 0.5)
        agreed, sureness = _with_voice(judgements, _log_odds(share, trusted))
    return shares_of_parts(
        (judgements.labeler if part is None else part)[judgements.ranking],
        judgements.task[judgements.ranking],
        agreed,
        sureness,
        labelers if parts is None else parts,
        judged=sureness > 0,
        bound=bound,
        why=NOBODY_SHARED,
    )


def _log_odds(share: Floats, trusted: Mask | None) -> Floats:
    """Weights of people; those who do worse than guessing have none, and nobody is believed without limit."""
    bounded = share if trusted is None else np.where(trusted, _TRUSTED_SHARE, share)
    bounded = np.clip(bounded, 0.5, _TRUSTED_SHARE)
    log_odds: Floats = np.log(bounded / (1 - bounded))
    return log_odds


def _with_voice(judgements: Judgements, weights: Floats) -> tuple[Floats, Floats]:
    """How sure the others' voice is, (J,), 0 for ties: first where the judgement agrees with it, then everywhere."""
    owner = judgements.labeler[judgements.ranking]
    votes = weights[owner] * judgements.sign
    size = int(judgements.pair.max(initial=-1)) + 1
    # A person who judged a pair twice is no other person.
    cells, cell = np.unique(judgements.pair * len(weights) + owner, return_inverse=True)
    own = np.bincount(cell, weights=votes, minlength=len(cells))
    voice = np.bincount(judgements.pair, weights=votes, minlength=size)[judgements.pair] - own[cell]
    # What rounding leaves of equal and opposite votes is no voice.
    voice = np.where(np.abs(voice) < _ROUNDING, 0, voice)
    sureness = np.abs(np.tanh(voice / 2)) * (judgements.sign != 0)
    return np.where(np.sign(voice) == judgements.sign, sureness, 0), sureness


def consistency(judgements: Judgements, *, labelers: int, bound: Bound | None = None) -> list[Finding]:
    """Agreement of each person with themselves on what they judged twice."""
    pairs = RankingPairs.of(judgements).of_one_person()
    return shares_of_parts(
        judgements.labeler[pairs.first],
        pairs.task,
        pairs.agreed,
        pairs.agreed + pairs.reversed,
        labelers,
        bound=bound,
        why=NOTHING_REPEATED,
    )
