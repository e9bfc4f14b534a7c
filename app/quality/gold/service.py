"""Deciding what is gold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.instruments import instrument_of
from app.judgements import reading
from app.judgements.rules import ADJUDICATION, Wanted
from app.labeling.annotations.rules.submission import Submission, rank_problems, submission_problems
from app.language import gettext as _
from app.material.candidates.rules import candidate_letter, shuffled_order
from app.material.schemas.rules import Schema, for_reader, schema_of
from app.models import Annotation, GoldItem, Person, Task
from app.people.service import record
from app.quality.gold import queries, rules
from app.quality.gold.rules import Decision, Judgement
from app.roles import may
from trainer.statistics.ranking_agreement import half_credit
from trainer.statistics.rankings import Judgements, RankingPairs

# What pages read as it is stored.
campaigns = queries.campaigns
person_name = queries.person_name
topics = queries.topics

MOST_ITEMS = 2_000
"""Items of one campaign that are sorted by disagreement; of more, the newest."""


@dataclass(frozen=True)
class Waiting:
    """An item in a list: how many people judged it, and how far they agree, from 0 to 1, if two of them ranked."""

    item: queries.Item
    people: int
    agreement: float | None


def items_of(session: Session, campaign_id: int, *, gold: bool = False) -> list[Waiting]:
    """Items that wait for gold, those first about which people agree least; or those that have it, newest first.

    Agreement counts pairs of answers: 1 for the same verdict, one half if one of two people saw a tie, 0 for a
    reversal, the mean over every two people.
    """
    items = queries.items(session, campaign_id, gold=gold, limit=MOST_ITEMS)
    agreements = agreement_by_task(session, [item.task_id for item in items])
    waiting = [Waiting(item, *agreements.get(item.task_id, (0, None))) for item in items]
    return waiting if gold else sorted(waiting, key=lambda w: (w.agreement is None, w.agreement, w.item.task_id))


def agreement_by_task(session: Session, task_ids: Sequence[int]) -> dict[int, tuple[int, float | None]]:
    """How many people ranked each of some tasks, and their half-credit agreement."""
    if not task_ids:
        return {}
    wanted = Wanted(ADJUDICATION, tasks=tuple(task_ids))
    annotations, rows = reading.annotations(session, wanted), reading.ranks(session, wanted)
    annotations = annotations.only(np.isin(annotations.id, rows[0]))
    ranking, candidate, rank = annotations.numbered(rows)
    tasks, of_ranking = np.unique(annotations.task, return_inverse=True)
    people = np.bincount(of_ranking, minlength=len(tasks))
    judgements = Judgements.of_rankings(ranking, candidate, rank, task=of_ranking, labeler=np.arange(len(annotations)))
    pairs = RankingPairs.of(judgements)
    agreed, common = (np.bincount(pairs.task, column, len(tasks)) for column in half_credit(pairs))
    return {
        int(id_): (int(count), float(a / c) if c else None)
        for id_, count, a, c in zip(tasks, people, agreed, common, strict=True)
    }


def next_waiting(session: Session, campaign_id: int, but: int) -> int | None:
    """The item of a campaign that most needs a verdict, another than this one."""
    return next((w.item.task_id for w in items_of(session, campaign_id) if w.item.task_id != but), None)


@dataclass(frozen=True)
class Case:
    """An item with all that is known about it."""

    task: Task
    schema: Schema
    judgements: Sequence[Judgement]
    gold: GoldItem | None

    @property
    def rated(self) -> bool:
        """Whether gold has an overall rating of each answer; of what was imported it need not."""
        return instrument_of(self.task.campaign.kind).rated and not self.task.campaign.imported

    @property
    def order(self) -> list[int]:
        """The answers in an order that tells nothing about their sources, the same for everybody who adjudicates."""
        ids = [answer.candidate_id for answer in self.task.answers]
        return shuffled_order(ids, task_id=self.task.id, person_id=0, seed=self.task.campaign_id)

    @property
    def letters(self) -> dict[int, str]:
        return {candidate: candidate_letter(position) for position, candidate in enumerate(self.order)}

    @property
    def differences(self) -> rules.Differences:
        return rules.differences(self.judgements, self.order)


def case_for(session: Session, task_id: int) -> Case:
    """An item for whoever adjudicates.

    Raises:
        NotFound: there is no such task, or nothing in it is judged.
    """
    task = queries.task_by_id(session, task_id)
    if task is None or instrument_of(task.campaign.kind).written:
        raise NotFound(_("There is no such item, or nothing in it is judged."))
    version = task.campaign.schema_version
    schema = for_reader(schema_of(version.content)) if version else Schema((), ())
    judged = [judgement_of(*row) for row in queries.said_of(session, task_id)]
    return Case(task, schema, judged, queries.gold_of(session, task_id))


def judgement_of(annotation: Annotation, person: Person | None) -> Judgement:
    """What a person said; only researchers are called by their names."""
    by_name = person is not None and may(person.role, "adjudicate")
    flags: dict[int | None, dict[str, str]] = {}
    for flag in annotation.flags:
        flags.setdefault(flag.candidate_id, {})[flag.name] = flag.value
    return Judgement(
        annotation_id=annotation.id,
        name=person.name if person and by_name else annotation.annotator or _("unnamed"),
        ranks={row.candidate_id: row.rank for row in annotation.ranks},
        ratings={row.candidate_id: row.likert for row in annotation.ratings},
        flags=flags,
        notes={row.candidate_id: row.note for row in annotation.ratings if row.note},
        none_acceptable=bool(annotation.none_acceptable),
    )


def seen_of(gold: GoldItem | None) -> str:
    """What a page knows of the gold it shows, so that nobody overwrites what they have not seen."""
    return gold.decided_at.isoformat() if gold else ""


def decide(
    session: Session, by: Person, task_id: int, now: datetime, decision: Decision, *, seen: str | None = None
) -> GoldItem:
    """Keep a verdict as gold, in place of an earlier one.

    Args:
        session: an open transaction.
        by: whoever adjudicates.
        task_id: the item.
        now: the time of the decision.
        decision: a complete verdict, by the rules of a submission, with its reason.
        seen: ``seen_of`` the gold that they saw; nothing where nobody looks.

    Raises:
        NotFound: there is no such item.
        Invalid: something is missing or wrong; nothing is stored.
        Conflict: somebody else has decided since this person looked.
    """
    queries.lock_task(session, task_id)
    case = case_for(session, task_id)
    if seen is not None and seen != seen_of(case.gold):
        raise Conflict(_("Somebody else has decided about this item meanwhile; nothing was stored. Look at theirs."))
    verdict = rules.tidied(decision.verdict, case.schema, rated=case.rated)
    check(case, verdict, decision)
    content, reason = rules.content_of(verdict, case.schema), decision.reason.strip()
    if case.gold is None:
        gold = GoldItem(task_id=task_id)
        session.add(gold)
        action, before = "decided gold", None
    else:
        gold = case.gold
        action, before = "changed gold", told_of(gold)
    gold.content, gold.reason, gold.topic = content, reason, decision.topic.strip()
    gold.decided_by, gold.decided_at = by.id, now
    detail = {"task": task_id, "after": told_of(gold)}
    record(session, by, action, gold, {**detail, "before": before} if before else detail)
    return gold


def told_of(gold: GoldItem) -> dict[str, Any]:
    """What the audit trail keeps of a verdict."""
    return {"content": gold.content, "reason": gold.reason, "topic": gold.topic}


def check(case: Case, verdict: Submission, decision: Decision) -> None:
    """Refuse what cannot become gold.

    Raises:
        Invalid: with a sentence for each field where it stands beside one.
    """
    beside = rules.decision_problems(decision)
    problems = [*submission_problems(verdict, case.letters, case.schema, rated=case.rated)]
    if problems or beside:
        ranks = {f"rank-{c}": sentence for c, sentence in rank_problems(verdict.ranks, case.letters).items()}
        raise Invalid(" ".join([*problems, *beside.values()]), {**beside, **ranks})
