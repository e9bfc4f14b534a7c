"""Train reward models with each group of labelers left out: do they agree with people they never saw?

InstructGPT §4.1 and Appendix E.2: five groups, three seeds; 72.4 ± 0.4 % on the people trained
on, 69.6 ± 0.9 % on the group left out. Both are measured on prompts that no training saw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np

from trainer.contract.configs import CrossValidateConfig
from trainer.contract.folder import PROMPTS, RANKINGS, write_json
from trainer.contract.grouping import grouped, read
from trainer.contract.judging import Fold, Share
from trainer.contract.records import Prompt, Ranking, read_rows
from trainer.data.batches import held_out_groups
from trainer.data.rankings import Rankings
from trainer.judging.accuracy import pair_accuracy
from trainer.judging.folds import labeler_folds, named_groups, summary
from trainer.judging.intervals import Resamples
from trainer.loop import processes
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import derived
from trainer.models.reward_model import reading
from trainer.stages.reward import last_step, open_job
from trainer.stages.reward_fitting import Progress, fit, steps_of
from trainer.stages.reward_judging import scored
from trainer.stages.reward_scoring import Job, Metrics, score_answers

HELD_OUT_PART = 10
"""Where a snapshot holds no prompts out, one in so many of its training prompts is."""


def run(folder: RunFolder) -> Metrics:
    """Train a model for every group and seed; leaves the figures of each, and no model.

    Raises:
        ValueError: fewer people ranked than there are groups, people have no groups, or nothing is left to learn from.
    """
    config = cast("CrossValidateConfig", folder.config)
    job, train, heldout, metrics = open_job(folder, config)
    train, heldout = _disjoint(folder, train, heldout)
    named = _groups(folder, train, config)
    groups = list(named.values())
    if strangers := set(_data_of(heldout)) - set(_data_of(train)):
        folder.note(
            f"{len(strangers)} × a person ranked prompts that are measured on and none to learn from, "
            f"and is in no group ({', '.join(sorted(strangers)[:3])})"
        )
    if unknown := sum(train.labelers[ranking] is None for ranking in train.all_rankings):
        folder.note(
            f"{unknown} × a ranking is by somebody whom the snapshot does not name; every training learns from it, "
            "and nothing is measured on such."
        )
    weights = config.prompt_weights, config.labeler_weights
    parts = [train.select(~_by(train, group)).weighted(*weights) for group in groups]

    progress = Progress(folder.metrics(last_step(folder)), sum(steps_of(part, config) for part in parts) * config.seeds)
    folds = []
    for number in range(config.seeds):
        seed = folder.spec.seed if number == 0 else derived(folder.spec.seed, "member", number)
        for place, (name, part) in enumerate(zip(named, parts, strict=True)):
            fold = _fold(job, part, heldout, progress, place, seed, named[name])
            folds.append(fold if config.grouping == "drawn" else fold.model_copy(update={"group": name}))
            progress.before += steps_of(part, config)
    progress.log.close()

    figures = summary(folds)
    folder.cross_validation = figures
    return {
        **metrics,
        **progress.metrics(),
        "reward/seen_accuracy": figures.seen_mean,
        "reward/seen_accuracy_deviation": figures.seen_deviation,
        "reward/unseen_accuracy": figures.unseen_mean,
        "reward/unseen_accuracy_deviation": figures.unseen_deviation,
    }


def _groups(folder: RunFolder, train: Rankings, config: CrossValidateConfig) -> dict[str, list[str]]:
    """The groups to be left out, by name or by number."""
    counts = _data_of(train)
    if config.grouping == "drawn":
        drawn = labeler_folds(counts, config.folds, folder.spec.seed)
        return {str(number): group for number, group in enumerate(drawn)}
    # A person whose rankings name several groups, as imports may, belongs to that of most of them.
    names: dict[str, Counter[str | None]] = {labeler: Counter() for labeler in counts}
    for ranking in train.all_rankings:
        if (name := train.labelers[ranking]) is not None:
            names[name][train.groups[ranking]] += 1
    belongs = {labeler: of_labeler.most_common(1)[0][0] for labeler, of_labeler in names.items()}
    groups = named_groups(belongs)
    if alone := [labeler for labeler, group in belongs.items() if not group]:
        folder.note(
            f"{len(alone)} × a person is in no labeler group, so every training learns from them "
            f"({', '.join(sorted(alone)[:3])})."
        )
    return groups


def _fold(
    job: Job, train: Rankings, heldout: Rankings, progress: Progress, place: int, seed: int, group: Sequence[str]
) -> Fold:
    """One training, or what an earlier process found by it."""
    kept = job.folder.checkpoints / f"fold-{place}-seed-{seed}.json"
    if kept.exists():
        return Fold.model_validate_json(kept.read_text(encoding="utf-8"))
    trained = fit(job, train, progress, seed=seed)
    with reading(trained.model, shared=job.shared) as reader:
        scores = score_answers(job, reader, heldout, range(len(heldout)))
    seen, unseen = (
        _accuracy(heldout.select(_by(heldout, people)), scores, job.folder.spec.seed)
        for people in (_data_of(train).keys(), group)
    )
    fold = Fold(fold=place, seed=seed, labelers=list(group), seen=seen, unseen=unseen)
    if processes.leads():
        write_json(kept, fold)
    return fold


def _accuracy(data: Rankings, scores: np.ndarray, seed: int) -> Share:
    if not len(data):
        return Share()
    rankings = scored(data, [scores], [])
    return pair_accuracy(rankings, Resamples(rankings.cluster_count, seed))


def _disjoint(folder: RunFolder, train: Rankings, heldout: Rankings) -> tuple[Rankings, Rankings]:
    """Prompts to learn from and prompts to measure on; a snapshot may hold out none, or people instead of prompts."""
    seen = set(train.prompt_ids)
    fresh = np.array([heldout.prompt_ids[owner] not in seen for owner in heldout.owners], dtype=bool)
    if fresh.any():
        return train, heldout.select(fresh)
    groups = _groups_of_prompts(folder, train.prompt_ids)
    chosen = held_out_groups(groups, -(-len(train) // HELD_OUT_PART), folder.spec.seed)
    folder.note(
        f"The snapshot holds no prompts out, so {len(chosen)} of its {len(train)} training prompts are left out of "
        "every training and measured on."
    )
    measured = np.isin(train.owners, chosen)
    return train.select(~measured), train.select(measured)


def _groups_of_prompts(folder: RunFolder, prompt_ids: Sequence[str]) -> list[int]:
    """The group of each prompt that no split may part, also of snapshots from before they named them."""
    named: dict[str, str | None] = {}
    if (path := folder.snapshot / PROMPTS).exists():
        named = {prompt.prompt_id: prompt.group for prompt in read_rows(path, Prompt)}
    texts: dict[str, str] = {}
    for row in read_rows(folder.snapshot / RANKINGS, Ranking, lambda _row, _why: None):
        if row.prompt_id not in texts:
            texts[row.prompt_id] = read((message.role, message.content) for message in row.messages)
    known = [named.get(prompt_id) for prompt_id in prompt_ids]
    return list(grouped([texts[prompt_id] for prompt_id in prompt_ids], known=known).of)


def _by(data: Rankings, group: Iterable[str]) -> np.ndarray:
    """(R,) bool: rankings by these people."""
    return np.isin(np.array(data.labelers, dtype=object), list(group))


def _data_of(data: Rankings) -> Counter[str]:
    """Rankings of each person whom the snapshot names."""
    return Counter(name for i in data.all_rankings if (name := data.labelers[i]) is not None)
