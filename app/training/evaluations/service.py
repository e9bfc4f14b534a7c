"""Comparing models by people: making the campaign, and reading it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.judgements import reading
from app.judgements.rules import COMPARISON, Wanted
from app.labeling.campaigns import service as campaigns
from app.language import gettext as _
from app.models import Campaign, Person
from app.training.evaluations import queries, rules
from app.training.evaluations.rules import WinRate
from trainer.statistics.estimates import Estimate

# What pages read as it is stored.
models_with_answers = queries.models_with_answers


@dataclass(frozen=True)
class Judged:
    """One answer in one person's evaluation."""

    annotation_id: int
    prompt_id: int
    model_id: int
    rank: int
    likert: int | None
    is_empty: bool


@dataclass(frozen=True)
class PairResult:
    """How ``model`` fares against ``baseline``, the older of the two."""

    model: str
    baseline: str
    win: WinRate


@dataclass(frozen=True)
class ModelResult:
    model: str
    likert: Estimate
    answers: int
    empty: int
    """How many of the answers say nothing; they are judged like the others."""


@dataclass(frozen=True)
class Evaluation:
    campaign: Campaign
    annotations: int
    """Rankings that count, also of answers that no registered model made."""
    pairs: Sequence[PairResult]
    models: Sequence[ModelResult]


@dataclass(frozen=True)
class Comparison:
    """Two models whose answers people judge blind; the order of the models does not matter.

    ``prompts`` are at most so many for which both models have enough answers, oldest first, and with ``prompt_ids``
    only of these; ``overlap`` people judge each. ``answers_each`` of both models together are 4 to 9.
    ``reserved_minutes`` is how long a person may keep a task without activity.
    """

    name: str
    model_a_id: int
    model_b_id: int
    prompts: int
    overlap: int = 1
    answers_each: int = 2
    reserved_minutes: int = 30
    prompt_ids: Sequence[int] | None = None

    @property
    def models(self) -> tuple[int, int]:
        return self.model_a_id, self.model_b_id


def create_comparison(session: Session, by: Person | None, wanted: Comparison) -> Campaign:
    """Make the evaluation campaign of a comparison.

    Raises:
        Invalid: the models are the same, or no prompt has enough answers by both.
    """
    if wanted.model_a_id == wanted.model_b_id:
        raise Invalid(_("Choose two different models to compare."))
    answers = queries.answers_by_model(session, wanted.models, wanted.prompt_ids)
    tasks = [
        (prompt, [answer for model in wanted.models for answer in by_model[model][: wanted.answers_each]])
        for prompt, by_model in answers.items()
        if all(len(by_model.get(model, [])) >= wanted.answers_each for model in wanted.models)
    ]
    if not tasks:
        raise Invalid(
            _(
                "There is no prompt to which both models have %(number)s answers. "
                "Sample answers from both models for the same prompts first.",
                number=wanted.answers_each,
            )
        )
    return campaigns.create_campaign(
        session,
        by,
        name=wanted.name,
        kind="ranking",
        phase="evaluation",
        overlap=wanted.overlap,
        reserved_minutes=wanted.reserved_minutes,
        answers_per_task=2 * wanted.answers_each,
        tasks=tasks[: wanted.prompts],
    )


def evaluations(session: Session) -> list[Evaluation]:
    names = queries.model_names(session)
    return [_evaluate(session, campaign, names) for campaign in queries.evaluation_campaigns(session)]


def evaluation_for(session: Session, campaign_id: int) -> Evaluation:
    campaign = queries.campaign_by_id(session, campaign_id)
    if campaign is None:
        raise NotFound(_("There is no such evaluation."))
    return _evaluate(session, campaign, queries.model_names(session))


def _evaluate(session: Session, campaign: Campaign, names: dict[int, str]) -> Evaluation:
    rankings, judged = judged_answers(session, campaign.id)
    models = sorted({answer.model_id for answer in judged})
    return Evaluation(
        campaign=campaign,
        annotations=rankings,
        pairs=[
            PairResult(names[newer], names[older], _win_rate(judged, newer, older, seed=campaign.id))
            for older, newer in combinations(models, 2)
        ],
        models=[_ratings(judged, model, names[model], seed=campaign.id) for model in models],
    )


def judged_answers(session: Session, campaign_id: int) -> tuple[int, list[Judged]]:
    """How many rankings of a campaign count, and of them the answers of registered models, by annotation and age."""
    wanted = Wanted(COMPARISON, campaigns=(campaign_id,))
    annotations, made = reading.annotations(session, wanted), queries.answers_in(session, campaign_id)
    rows = annotations.numbered(reading.ranks(session, wanted))
    ratings = reading.beside(rows, annotations.numbered(reading.ratings(session, wanted)), missing=0)
    places, answers, ranks = rows
    judged = [
        Judged(
            int(annotations.id[places[row]]),
            of.prompt_id,
            of.model_id,
            int(ranks[row]),
            int(ratings[row]) or None,
            of.is_empty,
        )
        for row in np.lexsort((answers, places)).tolist()
        if (of := made.get(int(answers[row])))
    ]
    return len(np.unique(places)), judged


def _win_rate(judged: Sequence[Judged], model: int, baseline: int, *, seed: int) -> WinRate:
    prompts: list[int] = []
    results: list[float] = []
    for _annotation, group in groupby(judged, key=lambda answer: answer.annotation_id):
        answers = list(group)
        pairs = rules.outcomes(
            [a.rank for a in answers if a.model_id == model], [a.rank for a in answers if a.model_id == baseline]
        )
        results += pairs
        prompts += [answers[0].prompt_id] * len(pairs)
    return rules.win_rate(prompts, results, seed=seed)


def _ratings(judged: Sequence[Judged], model: int, name: str, *, seed: int) -> ModelResult:
    rated = [a for a in judged if a.model_id == model and a.likert is not None]
    likert = rules.mean_over_prompts([a.prompt_id for a in rated], [float(a.likert or 0) for a in rated], seed=seed)
    return ModelResult(name, likert, len(rated), sum(a.is_empty for a in rated))


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """The numbers of an evaluation for programs; ``ties`` and ``pairs`` are counts."""
    return {
        "campaign": evaluation.campaign.name,
        "annotations": evaluation.annotations,
        "method": rules.METHOD,
        "pairs": [
            {
                "model": pair.model,
                "baseline": pair.baseline,
                "win_rate": pair.win.estimate.value,
                "low": pair.win.estimate.low,
                "high": pair.win.estimate.high,
                "prompts": pair.win.estimate.counts.prompts,
                "pairs": pair.win.estimate.n,
                "ties": pair.win.ties,
            }
            for pair in evaluation.pairs
        ],
        "models": [
            {
                "model": result.model,
                "mean_likert": result.likert.value,
                "low": result.likert.low,
                "high": result.likert.high,
                "prompts": result.likert.counts.prompts,
                "answers": result.answers,
                "empty_answers": result.empty,
            }
            for result in evaluation.models
        ],
    }
