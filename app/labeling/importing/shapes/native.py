"""Rows of our own snapshots and exports (``native``)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from app.labeling.importing.drafts import AnswerDraft, Drafts, PromptDraft
from app.labeling.importing.shapes.alone import demonstration_of
from app.labeling.importing.shapes.judged import ranked, ranking_of
from app.labeling.importing.shapes.k_wise import check_ids
from app.labeling.importing.shapes.parts import answer_of, check, name_of, refuse
from app.labeling.importing.shapes.talks import messages_of
from app.language import mark
from app.material.files.fields import LONGEST_DETAILS, Fields, storable
from app.material.prompts import rules
from trainer.contract import records, refused


def read_native(row: Fields) -> Drafts:
    kind: type[records.Record]
    if "ranking_id" in row:
        kind = records.Ranking
    elif "demonstration_id" in row:
        kind = records.Demonstration
    else:
        kind = records.Prompt
    try:
        kind.model_validate(dict(row))
    except ValidationError as error:
        first = error.errors()[0]
        text, values = refused.told(first)
        refuse(text, *(part + 1 if isinstance(part, int) else part for part in first["loc"]), **values)
    for place_there in ("prompt_id", "demonstration_id", "split", "group"):
        row.get(place_there)  # means nothing here: prompts are known by their words, and each snapshot splits anew
    told_of_all = ("phase", "ranking_id", "labeler_group", "strength", "none_acceptable")
    known = Fields({key: row.get(key) for key in told_of_all})
    prompt = _prompt(row, None if kind is records.Prompt else "prompt_facts")
    if kind is records.Prompt:
        return Drafts(prompts=[prompt])
    if kind is records.Demonstration:
        demonstration = demonstration_of(prompt, row["response"], "response", author=row.get("author"))
        source = name_of(row.get("source"), "source")
        return Drafts(prompts=[prompt], demonstrations=[replace(demonstration, source=source)])
    check_ids(row["answers"], "answers")
    answers = [_answer(answer, "answers", number) for number, answer in enumerate(row["answers"], 1)]
    ranking = ranking_of(known, prompt, answers, row["ranks"], row.get("annotator"))
    # Without the facts nobody knows whether the use case is the labeler's word or that of the prompt.
    own_use_case = row.get("prompt_facts") is None or row.get("use_case") != prompt.use_case
    told = replace(
        ranking,
        use_case=name_of(row.get("use_case"), "use_case") if own_use_case else None,
        native=True,
        campaign=name_of(row.get("campaign"), "campaign"),
        instrument=row.get("instrument") or "ranking",
        prompt_scores=_scores(row.get("prompt_scores")),
        weighing={key: row[key] for key in ("weight", "labelers", "doubt") if row.get(key) is not None},
    )
    return ranked([told])


def _prompt(row: Fields, facts_in: str | None) -> PromptDraft:
    """A prompt of ours with all that was known of it; older exports know its use case alone."""
    messages = messages_of(row["messages"], "messages")
    told: Mapping[str, Any] = row
    place = () if facts_in is None else (facts_in,)
    if facts_in is not None:
        told = row.get(facts_in) or {"use_case": row.get("use_case")}
    return PromptDraft(
        messages,
        rules.prompt_fingerprint(messages),
        name_of(told.get("use_case"), *place, "use_case"),
        name_of(told.get("language"), *place, "language"),
        name_of(told.get("user_key"), *place, "user_key"),
        name_of(told.get("source"), *place, "source"),
        _json_detail(told.get("detail"), *place, "detail"),
        told.get("sensitive"),
        told.get("high_stakes"),
    )


def _answer(fields: Mapping[str, Any], *place: str | int) -> AnswerDraft:
    answer = answer_of(fields["text"], {key: fields.get(key) for key in ("source", "likert", "flags", "shown")}, *place)
    detail, scores = _json_detail(fields.get("detail"), *place, "detail"), _scores(fields.get("scores"))
    return replace(answer, detail=detail, scores=scores, native_id=fields["candidate_id"])


def _scores(scores: Iterable[Mapping[str, Any]] | None) -> tuple[tuple[str, int], ...]:
    return tuple((score["name"], score["value"]) for score in scores or ())


def _json_detail(text: str | None, *place: str | int) -> dict[str, Any]:
    """What an export carries as JSON text, cleaned like the fields of any other file."""
    if not text:
        return {}
    check(rules.length_problem(text, LONGEST_DETAILS), *place)
    try:
        detail = json.loads(text)
    except (ValueError, RecursionError):
        detail = None
    if not isinstance(detail, dict):
        refuse(mark("Give a JSON object, as text."), *place)
    return {key: value for key, value in detail.items() if storable(key) and storable(value)}
