"""What a row says of a prompt or an answer that is here already: added to it, kept with the judgement, or named."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.labeling.importing.drafts import AnswerDraft, Drafts, LabelDraft, PromptDraft, RankingDraft
from app.labeling.importing.queries import rows as queries

COLUMNS = ("use_case", "language", "user_key", "source", "sensitive", "high_stakes")


def meet_prompts(session: Session, batch: Iterable[Drafts], ids: Mapping[str, int]) -> None:
    """Compare what the rows of a batch say of their prompts with what is stored, once all of them are stored.

    What was not known yet is added. What is said otherwise stays with the judgement that brought it, if there is one.
    """
    drafts_by_id: dict[int, list[tuple[Drafts, PromptDraft]]] = {}
    for drafts in batch:
        for prompt in {id(prompt.detail): prompt for prompt in prompts_in(drafts)}.values():
            drafts_by_id.setdefault(ids[prompt.fingerprint], []).append((drafts, prompt))
    changes: dict[int, dict[str, Any]] = {}
    for id_, stored in queries.prompt_facts(session, drafts_by_id).items():
        before = {**stored, "detail": dict(stored["detail"])}
        for drafts, prompt in drafts_by_id[id_]:
            columns = {name: getattr(prompt, name) for name in COLUMNS if getattr(prompt, name) is not None}
            otherwise = _met(columns, stored) | _met(prompt.detail, stored["detail"])
            if otherwise:
                _keep_elsewhere(otherwise, _judgement(drafts, prompt), drafts)
        if stored != before:
            changes[id_] = {"id": id_, **stored}
    queries.change_prompts(session, list(changes.values()))


def meet_answers(session: Session, answers: Iterable[tuple[int, Drafts, AnswerDraft]]) -> None:
    """Likewise for answers that were stored before, each with its candidate."""
    by_id: dict[int, list[tuple[Drafts, AnswerDraft]]] = {}
    for id_, drafts, answer in answers:
        if answer.detail:
            by_id.setdefault(id_, []).append((drafts, answer))
    changes: list[dict[str, Any]] = []
    for id_, stored in queries.candidate_details(session, by_id).items():
        before = dict(stored)
        for drafts, answer in by_id[id_]:
            if otherwise := _met(answer.detail, stored):
                ranking, position = next(_rankings_of(drafts, answer), (None, 0))
                if ranking is None:
                    _keep_elsewhere(otherwise, None, drafts)
                else:
                    ranking.detail.setdefault("of_answers", {})[str(position)] = otherwise
        if stored != before:
            changes.append({"id": id_, "detail": stored})
    queries.change_candidates(session, changes)


def _met(told: Mapping[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """Add to what is stored what was not known, and return what is said otherwise."""
    otherwise = {}
    for name, value in told.items():
        if stored.get(name) is None:
            stored[name] = value
        elif stored[name] != value:
            otherwise[name] = value
    return otherwise


def _keep_elsewhere(facts: dict[str, Any], judgement: RankingDraft | LabelDraft | None, drafts: Drafts) -> None:
    for name, value in facts.items():
        if judgement is None or judgement.detail.setdefault(name, value) != value:
            drafts.unused.append(name)


def _judgement(drafts: Drafts, prompt: PromptDraft) -> RankingDraft | LabelDraft | None:
    judgements: list[RankingDraft | LabelDraft] = [*drafts.rankings, *drafts.labels]
    return next((judgement for judgement in judgements if judgement.prompt.fingerprint == prompt.fingerprint), None)


def _rankings_of(drafts: Drafts, answer: AnswerDraft) -> Iterator[tuple[RankingDraft, int]]:
    for ranking in drafts.rankings:
        for position, candidate in enumerate(ranking.answers):
            if candidate.detail is answer.detail:
                yield ranking, position


def prompts_in(drafts: Drafts) -> Iterator[PromptDraft]:
    yield from drafts.prompts
    yield from (prompt for prompt, _ in drafts.candidates)
    yield from (ranking.prompt for ranking in drafts.rankings)
    yield from (label.prompt for label in drafts.labels)
    yield from (demonstration.prompt for demonstration in drafts.demonstrations)
