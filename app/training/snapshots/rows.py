"""The rows of a snapshot, made of what the database holds."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from sqlalchemy.orm import Session

from app.instruments import QUALITY, instrument_of
from app.models import Annotation
from app.models import Prompt as PromptRow
from app.quality.consensus import service as consensus
from app.quality.consensus.service import Consensus
from app.training.snapshots import merging, queries, rules
from app.training.snapshots.queries import RankedAnswer, RankedPrompt
from app.training.snapshots.rules import Filters
from app.training.snapshots.splitting import Sides
from trainer.contract.records import (
    Answer,
    Demonstration,
    LabelerScore,
    Message,
    Prompt,
    PromptFacts,
    Ranking,
    comparisons,
)
from trainer.statistics.aggregation import TaskFigures

WEIGHT_DIGITS = 4


def _count(counts: Counter[str], split: rules.Split, **more: int) -> None:
    for name, number in more.items():
        counts[name] += number
        counts[f"{name}_{split}"] += number


def _messages(prompt: PromptRow) -> list[Message]:
    return [Message(role=m["role"], content=m["content"]) for m in prompt.messages]


def prompts_of(session: Session, filters: Filters, sides: Sides, counts: Counter[str]) -> Iterator[Prompt]:
    for prompt in queries.prompts(session, filters):
        # A prompt that came in since the pool was split waits for the next snapshot, with all that refers to it.
        if (split := sides.of.get(prompt.id)) is None:
            continue
        _count(counts, split, prompts=1)
        facts = _facts(prompt).model_dump()
        yield Prompt(
            prompt_id=str(prompt.id),
            messages=_messages(prompt),
            split=split,
            group=str(sides.group[prompt.id]),
            **facts,
        )


def demonstrations_of(
    session: Session, filters: Filters, sides: Sides, counts: Counter[str]
) -> Iterator[Demonstration]:
    for demonstration, prompt in queries.demonstrations(session, filters):
        if (split := sides.of.get(prompt.id)) is None:
            continue
        _count(counts, split, demonstrations=1)
        yield Demonstration(
            demonstration_id=str(demonstration.id),
            prompt_id=str(prompt.id),
            messages=_messages(prompt),
            response=demonstration.text,
            author=demonstration.author,
            split=split,
            source=demonstration.source,
            prompt_facts=_facts(prompt),
        )


def _facts(prompt: PromptRow) -> PromptFacts:
    return PromptFacts(
        use_case=prompt.use_case,
        language=prompt.language,
        source=prompt.source,
        user_key=prompt.user_key,
        sensitive=prompt.sensitive,
        high_stakes=prompt.high_stakes,
        detail=_as_json(prompt.detail),
    )


def _as_json(detail: dict[str, Any]) -> str | None:
    """Written one way only, so that the same content is the same snapshot."""
    return json.dumps(detail, ensure_ascii=False, sort_keys=True) if detail else None


def rankings_of(session: Session, filters: Filters, sides: Sides, counts: Counter[str]) -> Iterator[Ranking]:
    for ranked in queries.ranked_prompts(session, filters):
        if _usable(ranked, filters, sides):
            yield _counted(_ranking(ranked, sides), counts)


def _usable(ranked: RankedPrompt, filters: Filters, sides: Sides) -> bool:
    return len(ranked.answers) >= max(filters.min_answers, rules.FEWEST_ANSWERS) and ranked.prompt.id in sides.of


def weighed_rankings(
    fitted: Consensus, session: Session, filters: Filters, sides: Sides, counts: Counter[str]
) -> Iterator[Ranking]:
    """Individual rankings, those of unreliable labelers and of uncertain tasks left out, with weights if asked for."""
    for ranked in queries.ranked_prompts(session, filters):
        labeler = fitted.labeler_of(ranked.annotation)
        task = fitted.tasks.get(ranked.annotation.task_id)
        # What came in since the rankings were put together waits for the next snapshot.
        if labeler is None or task is None or not _usable(ranked, filters, sides):
            continue
        if labeler.left_out or rules.too_uncertain(task, filters):
            continue
        weight = round(labeler.weight, WEIGHT_DIGITS) if filters.weighing == rules.BY_RELIABILITY else None
        row = _ranking(ranked, sides).model_copy(update={"weight": weight, "doubt": _misorder(task)})
        yield _counted(row, counts)


def merged_rankings(
    fitted: Consensus, session: Session, filters: Filters, sides: Sides, counts: Counter[str]
) -> Iterator[Ranking]:
    """One row for each task: the consensus of all labelers who are not left out."""
    flags = consensus.flags(session, filters.scope, fitted)
    ranked_prompts = queries.ranked_prompts(session, filters, by_task=True)
    for task_id, rankings in groupby(ranked_prompts, lambda ranked: ranked.annotation.task_id):
        task = fitted.tasks.get(task_id)
        taken = [
            ranked
            for ranked in rankings
            if (labeler := fitted.labeler_of(ranked.annotation))
            and not labeler.left_out
            and _usable(ranked, filters, sides)
        ]
        if task is None or not taken or rules.too_uncertain(task, filters):
            continue
        true = {answer.candidate_id: flags.true_of(task_id, answer.candidate_id) for answer in taken[0].answers}
        answers = merging.answers_of(taken, task, true)
        ranked = replace(taken[0], answers=answers, use_case=merging.use_case_of(taken), labeler_group=None)
        weight = merging.certainty_of(task) if filters.weighing == rules.BY_RELIABILITY else None
        row = _ranking(ranked, sides).model_copy(
            update={
                "ranking_id": f"task-{task_id}",
                "annotator": merging.NOBODY,
                "answers": [_answer(answer, None) for answer in answers],
                "prompt_scores": _scores(merging.middle_scores([each.prompt_scores for each in taken])),
                "strength": merging.strength_of(taken, answers),
                "none_acceptable": merging.none_acceptable(taken),
                "labelers": len({fitted.judge_of(each.annotation) for each in taken}),
                "doubt": _misorder(task),
                "weight": None if weight is None else round(weight, WEIGHT_DIGITS),
            }
        )
        yield _counted(row, counts)


def _misorder(task: TaskFigures) -> float | None:
    """Rounded: the last digits of a fit differ from machine to machine, and with them the name of the snapshot."""
    return round(task.consensus.misorder, WEIGHT_DIGITS) if task.consensus else None


def _counted(row: Ranking, counts: Counter[str]) -> Ranking:
    strict, tied = comparisons(row.ranks)
    _count(counts, row.split, rankings=1, strict_pairs=len(strict), tied_pairs=tied)
    texts = [answer.text for answer in row.answers]
    marked = {rules.ALIKE: len(set(texts)) < len(texts), rules.EMPTY: not all(text.strip() for text in texts)}
    counts.update([name for name, is_so in marked.items() if is_so])
    return row


def _ranking(ranked: RankedPrompt, sides: Sides) -> Ranking:
    """An annotation as the contract has it."""
    prompt = ranked.prompt
    place_of = {candidate_id: position for position, candidate_id in enumerate(ranked.annotation.shown_order)}
    return Ranking(
        ranking_id=str(ranked.annotation.id),
        prompt_id=str(prompt.id),
        messages=_messages(prompt),
        answers=[_answer(answer, place_of.get(answer.candidate_id)) for answer in ranked.answers],
        ranks=[answer.rank for answer in ranked.answers],
        annotator=ranked.annotation.annotator,
        campaign=ranked.campaign.name,
        phase="evaluation" if ranked.campaign.phase == "evaluation" else "training",
        split=sides.of[prompt.id],
        use_case=ranked.use_case,
        instrument=criterion.name if (criterion := instrument_of(ranked.campaign.kind).criterion) else QUALITY.name,
        prompt_scores=_scores(ranked.prompt_scores),
        labeler_group=ranked.labeler_group,
        strength=ranked.annotation.strength,
        none_acceptable=ranked.annotation.none_acceptable,
        prompt_facts=_facts(prompt),
        **_weighing(ranked.annotation),
    )


def _weighing(annotation: Annotation) -> dict[str, Any]:
    """What an export of ours said of a row that stands for several people."""
    return {key: value for key, value in (annotation.detail or {}).items() if key in ("weight", "labelers", "doubt")}


def _answer(answer: RankedAnswer, shown: int | None) -> Answer:
    return Answer(
        candidate_id=str(answer.candidate_id),
        text=answer.text,
        source=answer.source,
        likert=answer.likert,
        flags=answer.flags,
        scores=_scores(answer.scores),
        shown=shown,
        detail=_as_json(answer.detail),
    )


def _scores(values: dict[str, int]) -> list[LabelerScore]:
    return [LabelerScore(name=name, value=value) for name, value in values.items()]
