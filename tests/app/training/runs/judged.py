"""Manifests of finished runs with plausible figures, every part of them filled."""

import itertools
import random
import statistics

from trainer.contract.folder import RunManifest
from trainer.contract.judging import (
    Calibration,
    CalibrationBin,
    Ceiling,
    CrossValidation,
    Distribution,
    Ensemble,
    Fold,
    Group,
    Judging,
    Probe,
    Share,
    TieFigures,
)

EDGES = [-3 + 0.25 * i for i in range(25)]


def share(value, n, prompts=None):
    """A rate whose interval is about as wide as that of so many pairs, four of a prompt counting as one and a half."""
    prompts = prompts or max(1, n // 7)
    half = 1.96 * (value * (1 - value) / max(1, 1.5 * prompts)) ** 0.5
    return Share(value=value, low=max(0, value - half), high=min(1, value + half), n=n, prompts=prompts)


def groups(*rows):
    return [Group(name=name, accuracy=share(value, n)) for name, value, n in rows]


def distribution(source, mean, std, answers, draw):
    values = sorted(draw.gauss(mean, std) for _ in range(answers))
    counts = [sum(left <= v < right for v in values) for left, right in itertools.pairwise(EDGES)]
    quantiles = [values[int(q * (answers - 1))] for q in (0.05, 0.25, 0.5, 0.75, 0.95)]
    return Distribution(
        source=source, answers=answers, mean=statistics.fmean(values), std=std, quantiles=quantiles, counts=counts
    )


def judging(labelers=24, **changes):
    draw = random.Random(3)
    bins = ((0.52, 901), (0.55, 812), (0.6, 700), (0.63, 603), (0.69, 520), (0.71, 411), (0.76, 380), (0.8, 301))
    calibration = [
        CalibrationBin(low=0.5 + i / 20, high=0.55 + i / 20, predicted=0.525 + i / 20, observed=share(observed, n))
        for i, (observed, n) in enumerate((*bins, (0.84, 120), (0.88, 64)))
    ]
    full = {
        "split": "heldout",
        "accuracy": share(0.7124, 4812, 602),
        "complete": share(0.183, 612, 602),
        "by_k": groups(("4", 0.731, 1240), ("5", 0.722, 996), ("6", 0.708, 1120), ("9", 0.694, 1456)),
        "by_ties": groups(("without ties", 0.704, 2602), ("with ties", 0.722, 2210)),
        "by_use_case": groups(
            ("generation", 0.703, 2190),
            ("open qa", 0.741, 604),
            ("brainstorming", 0.688, 540),
            ("chat", 0.727, 402),
            ("rewrite", 0.734, 310),
            ("closed qa", 0.79, 121),
            ("extract", 0.66, 44),
        ),
        "by_labeler": [
            Group(name=f"labeler-{i:02}", accuracy=share(min(0.95, draw.gauss(0.71, 0.05)), draw.randint(20, 420)))
            for i in range(1, labelers + 1)
        ],
        "by_group": groups(("contractors", 0.716, 3120), ("researchers", 0.748, 910), ("held-out", 0.671, 782)),
        "by_likert_gap": groups(
            ("0", 0.561, 610), ("1", 0.653, 1502), ("2", 0.748, 1290), ("3", 0.821, 902), ("4+", 0.902, 508)
        ),
        "by_strength": groups(("0", 0.58, 300), ("1", 0.66, 520), ("2", 0.77, 410), ("3", 0.88, 190)),
        "by_head": groups(("helpful", 0.702, 2011), ("truthful", 0.664, 512), ("harmless", 0.811, 148)),
        "ties": TieFigures(tied_pairs=604, gap_on_ties=0.412, gap_on_strict=0.968, separation=share(0.713, 604)),
        "calibration": Calibration(bins=calibration, ece=0.037),
        "ceiling": Ceiling(agreement=share(0.762, 1811, 240), accuracy=0.862),
        "histogram_edges": EDGES,
        "distributions": [
            distribution("people's demonstrations", 0.9, 0.7, 400, draw),
            distribution("sft-7", 0.1, 0.8, 900, draw),
            distribution("sft-3", -0.35, 0.85, 620, draw),
            distribution("ppo-2", 0.62, 0.55, 700, draw),
        ],
        "probes": [
            Probe(name="longer_wins", model=share(0.681, 4790), people=share(0.612, 4790), correlation=0.42),
            Probe(name="earlier_wins", model=share(0.498, 4100), people=share(0.531, 4100)),
            Probe(name="original_wins:shuffled_words", model=share(0.981, 600)),
            Probe(name="original_wins:other_prompt", model=share(0.902, 600)),
            Probe(name="original_wins:cut_short", model=share(0.644, 588)),
            Probe(name="original_wins:roles_swapped", model=share(0.571, 212)),
        ],
        "ensemble": Ensemble(
            members=[share(0.7124, 4812, 602), share(0.7051, 4812, 602), share(0.7098, 4812, 602)],
            mean=share(0.7213, 4812, 602),
            split_pairs=share(0.181, 4812, 602),
            score_deviation=0.213,
        ),
    }
    return Judging(**{**full, **changes})


def crossed(folds=5, seeds=3):
    draw = random.Random(5)
    found = []
    for fold in range(folds):
        left_out = [f"labeler-{fold}{i}" for i in range(6)]
        level = draw.gauss(0.694, 0.012)
        for seed in range(1, seeds + 1):
            seen, unseen = share(draw.gauss(0.722, 0.005), 3900, 560), share(draw.gauss(level, 0.006), 930, 214)
            found.append(Fold(fold=fold, seed=seed, labelers=left_out, seen=seen, unseen=unseen))
    seen_values, unseen_values = [f.seen.value for f in found], [f.unseen.value for f in found]
    return CrossValidation(
        folds=found,
        seen_mean=statistics.fmean(seen_values),
        seen_deviation=statistics.stdev(seen_values),
        unseen_mean=statistics.fmean(unseen_values),
        unseen_deviation=statistics.stdev(unseen_values),
    )


NOTES = [
    "12 rankings with a single rank throughout (all answers tied) hold no preference and trained nothing.",
    "3 answers were longer than 256 tokens with their prompt; the prompts lost their oldest tokens.",
    "labeler_weights names 2 labelers who ranked nothing in this snapshot: w71, w90.",
]


def reward_manifest(**changes):
    return RunManifest(
        stage="reward", metrics={"reward/heldout_accuracy": 0.7124}, notes=NOTES, judging=judging(**changes)
    )


def crossvalidate_manifest(**changes):
    return RunManifest(stage="crossvalidate", notes=NOTES[:1], cross_validation=crossed(**changes))
