"""Labelers with hidden habits who judge answers of hidden worth."""

import numpy as np

from trainer.statistics.rankings import Judgements


def ranked(seed, *, tasks=200, answers=5, per_task=3, honest=25, spammers=5, biased=5, careless=5):
    """Rankings with ties by a workforce; the careless see little of the worth, the biased go by the place alone.

    Returns:
        The kinds of the labelers, the worths (tasks, answers), and the judgements; answer t · K + k is the k-th of
        task t.
    """
    random = np.random.default_rng(seed)
    kinds = np.array(["honest"] * honest + ["spammer"] * spammers + ["biased"] * biased + ["careless"] * careless)
    steepness = np.select([kinds == "honest", kinds == "careless"], [random.uniform(1, 2.5, len(kinds)), 0.4], 0.0)
    by_place = np.where(kinds == "biased", 1.25, 0.0)
    worth = random.normal(size=(tasks, answers))
    who = np.stack([random.choice(len(kinds), per_task, replace=False) for _ in range(tasks)]).ravel()
    task = np.repeat(np.arange(tasks), per_task)
    place = np.argsort(random.random((len(task), answers)), axis=1)
    seen = steepness[who, None] * worth[task] - by_place[who, None] * place + random.gumbel(size=place.shape)
    rank = -np.round(seen * 1.2).astype(np.int64)
    ranking = np.arange(len(task)).repeat(answers)
    item = (task[:, None] * answers + np.arange(answers)).ravel()
    judgements = Judgements.of_rankings(ranking, item, rank.ravel(), task=task, labeler=who, place=place.ravel())
    return kinds, worth, judgements


def flagged(seed, *, items=600, per_item=5, labelers=40, prevalence=0.15):
    """Flags by people of whom some answer at random and some hardly ever see what is there.

    Returns:
        The truth (items,), and items, raters and values of the labels.
    """
    random = np.random.default_rng(seed)
    truth = (random.random(items) < prevalence).astype(np.int64)
    sees, invents = random.uniform(0.7, 0.95, labelers), random.uniform(0.01, 0.08, labelers)
    sees[:12] = invents[:12] = 0.5
    sees[12:18] = 0.3
    who = np.stack([random.choice(labelers, per_item, replace=False) for _ in range(items)]).ravel()
    item = np.repeat(np.arange(items), per_item)
    said = random.random(len(item)) < np.where(truth[item] == 1, sees[who], invents[who])
    return truth, item, who, said.astype(np.int64)
