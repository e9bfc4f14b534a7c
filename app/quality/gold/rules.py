"""What gold is made of, and where people who judged the same item differ."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from app.labeling.annotations.rules import labels
from app.labeling.annotations.rules.submission import Submission, Verdict
from app.language import gettext as _
from app.material.schemas.rules import ANSWER, NO, PROMPT, Schema
from trainer.statistics.weak_orders import densify, weak_order

LONGEST_REASON = 4_000
LONGEST_TOPIC = 60
FAR_APART = 2
"""Ratings of one answer that differ by so many steps are pointed out; one step is taste."""


@dataclass(frozen=True)
class Judgement:
    """What one person said about an item.

    Attributes:
        annotation_id: where it is stored.
        name: a researcher's name, or a labeler's pseudonym.
        ranks: by answer, 1 = best; empty where nothing was ranked.
        ratings: by answer.
        flags: by answer (None: the prompt), the name of each label and its value; a label that is missing says "no".
        notes: by answer, where there is one.
        none_acceptable: whether even the best answer is not good enough.
    """

    annotation_id: int
    name: str
    ranks: Mapping[int, int]
    ratings: Mapping[int, int] = field(default_factory=dict)
    flags: Mapping[int | None, Mapping[str, str]] = field(default_factory=dict)
    notes: Mapping[int, str] = field(default_factory=dict)
    none_acceptable: bool = False

    def order(self, letters: Mapping[int, str]) -> str:
        """``C > A = D``, under the letters of the page."""
        ranked = [candidate for candidate in letters if candidate in self.ranks]
        return weak_order({letters[c]: self.ranks[c] for c in ranked})

    def said(self, candidate: int | None) -> dict[str, str]:
        """The labels of an answer (None: the prompt) without those that say "no"."""
        return {name: value for name, value in self.flags.get(candidate, {}).items() if value != NO}

    def submission(self) -> Submission:
        """The same as a submission, to start an own verdict from."""
        return Submission(
            verdicts={c: Verdict(self.ratings.get(c), self.flags.get(c, {})) for c in self.ranks},
            ranks=dict(self.ranks),
            prompt_labels=self.flags.get(None, {}),
        )


@dataclass(frozen=True)
class Differences:
    """Where the judgements of an item are not the same.

    Attributes:
        pairs: pairs of answers that not everybody put in the same order, each with how many people prefer the first,
            the second, or neither.
        ratings: answers whose ratings lie ``FAR_APART`` or more.
        flags: (answer or None for the prompt, label) that not everybody gave the same value.
    """

    pairs: Mapping[tuple[int, int], tuple[int, int, int]]
    ratings: frozenset[int]
    flags: frozenset[tuple[int | None, str]]

    def __bool__(self) -> bool:
        return bool(self.pairs or self.ratings or self.flags)

    @property
    def ranked(self) -> frozenset[int]:
        """Answers that stand in a pair about which people differ."""
        return frozenset(candidate for pair in self.pairs for candidate in pair)


def differences(judgements: Sequence[Judgement], candidates: Sequence[int]) -> Differences:
    """Where people differ who judged the same answers; nothing if fewer than two did."""
    pairs = {}
    for i, j in combinations(candidates, 2):
        votes = Counter(_sign(judgement.ranks[i], judgement.ranks[j]) for judgement in _rankers(judgements, i, j))
        if len(votes) > 1:
            pairs[i, j] = (votes[1], votes[-1], votes[0])
    rated = {c: [judgement.ratings[c] for judgement in judgements if c in judgement.ratings] for c in candidates}
    apart = frozenset(c for c, ratings in rated.items() if ratings and max(ratings) - min(ratings) >= FAR_APART)
    return Differences(pairs, apart, frozenset(_disputed_flags(judgements, [None, *candidates])))


def _rankers(judgements: Iterable[Judgement], *candidates: int) -> list[Judgement]:
    return [judgement for judgement in judgements if all(candidate in judgement.ranks for candidate in candidates)]


def _sign(rank: int, other: int) -> int:
    return (other > rank) - (other < rank)


def _disputed_flags(judgements: Sequence[Judgement], parts: Sequence[int | None]) -> Iterable[tuple[int | None, str]]:
    for part in parts:
        names = {name for judgement in judgements for name in judgement.flags.get(part, {})}
        for name in names:
            if len({judgement.flags.get(part, {}).get(name, NO) for judgement in judgements}) > 1:
                yield part, name


@dataclass(frozen=True)
class Decision:
    """The verdict that becomes gold, why, and in what field the item lies."""

    verdict: Submission
    reason: str
    topic: str = ""


def decision_problems(decision: Decision) -> dict[str, str]:
    """Why a decision cannot be kept, beside its verdict: a sentence for each field."""
    sentences: dict[str, str] = {}
    if not decision.reason.strip():
        sentences["reason"] = _("Say why: whoever practises with this item reads it.")
    elif len(decision.reason) > LONGEST_REASON:
        sentences["reason"] = _(
            "The reason has %(count)s characters; %(most)s fit.",
            count=f"{len(decision.reason):,}",
            most=f"{LONGEST_REASON:,}",
        )
    if problem := topic_problem(decision.topic):
        sentences["topic"] = problem
    return sentences


def topic_problem(topic: str) -> str | None:
    if len(topic) > LONGEST_TOPIC or not topic.isprintable():
        return _("A topic has at most %(number)s characters, all of them visible.", number=LONGEST_TOPIC)
    return None


def tidied(verdict: Submission, schema: Schema, *, rated: bool) -> Submission:
    """Without what is not asked: ratings where there are none, and questions that do not apply.

    Those are questions of another version of the schema, or that hang on a label which the prompt does not have.
    """
    prompt_labels = labels.fitting(schema, PROMPT, verdict.prompt_labels)
    verdicts = {
        candidate: Verdict(
            answer_verdict.likert if rated else None,
            labels.without_inapplicable(schema, labels.fitting(schema, ANSWER, answer_verdict.flags), prompt_labels),
        )
        for candidate, answer_verdict in verdict.verdicts.items()
    }
    return replace(verdict, verdicts=verdicts, prompt_labels=prompt_labels)


def content_of(verdict: Submission, schema: Schema) -> dict[str, Any]:
    """A complete verdict as ``GoldItem.content`` holds it; silence says "no", as in a submission."""
    answers = {
        str(candidate): {
            "likert": answer_verdict.likert,
            "flags": labels.complete_flags(schema, answer_verdict.flags, verdict.prompt_labels),
        }
        for candidate, answer_verdict in verdict.verdicts.items()
    }
    ranks = {str(candidate): rank for candidate, rank in densify(verdict.ranks).items()}
    return {
        "prompt": labels.complete_prompt_labels(schema, verdict.prompt_labels),
        "answers": answers,
        "ranks": ranks,
    }


def verdict_of(content: Mapping[str, Any]) -> Submission:
    """Gold as a submission."""
    return Submission(
        verdicts={
            int(key): Verdict(answer_content.get("likert"), answer_content.get("flags", {}))
            for key, answer_content in content.get("answers", {}).items()
        },
        ranks={int(key): rank for key, rank in content.get("ranks", {}).items()},
        prompt_labels=content.get("prompt", {}),
    )


def order_of(content: Mapping[str, Any], letters: Mapping[int, str]) -> str:
    """The order of gold, ``C > A = D``; empty where it has none."""
    ranks = {int(key): rank for key, rank in content.get("ranks", {}).items()}
    ranked = [candidate for candidate in letters if candidate in ranks]
    return weak_order({letters[c]: ranks[c] for c in ranked})
