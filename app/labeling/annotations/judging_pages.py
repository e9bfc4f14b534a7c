"""What the instruments show with which people judge answers: one answer by itself, and the board of them all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from app.labeling.annotations.pages import Bench
from app.labeling.annotations.reservation import Work
from app.labeling.annotations.rules import labels as label_rules
from app.labeling.annotations.rules import ranking
from app.labeling.annotations.rules.submission import Verdict
from app.material.schemas.rules import ANSWER, GROUPS, Field, Schema
from app.web.render import Page
from trainer.statistics.weak_orders import weak_order


@dataclass(frozen=True)
class Answer:
    """An answer as a labeler may see it: its letter and its text, never its source."""

    candidate_id: int
    letter: str
    number: int
    text: str
    verdict: Verdict
    rank: int | None = None


class Says(Protocol):
    """What an instrument makes of that which was said about each answer before they are ranked."""

    @property
    def rated(self) -> bool: ...

    def worth_of(self, answer: Answer, proposal: Mapping[int, int]) -> int:
        """The higher, the better the answer is by what was said of it."""

    def said_of(self, answer: Answer) -> str:
        """What was said, in a few words."""

    def warning_about(self, answer: Answer) -> str:
        """What stands against the answer, in a few words, if anything does."""

    @property
    def why_proposed(self) -> str:
        """What the proposed order goes by, where it has to be said."""


@dataclass(frozen=True)
class RankingPage(Page):
    """The board; ``proposal`` is the order that the ratings or scores suggest, 1 = best."""

    template: ClassVar[str] = "labeling/annotations/rank.html"
    bench: Bench
    says: "Says"
    answers: Sequence[Answer]
    proposal: Mapping[int, int]
    none_acceptable: bool = False
    error: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)
    asks_again: bool = False

    @property
    def contradicted(self) -> list[str]:
        """What the order says against the ratings or scores, pair by pair, once it is complete."""
        if not self.result:
            return []
        ranks, letters = [answer.rank or 0 for answer in self.answers], [answer.letter for answer in self.answers]
        pairs = ranking.contradictions([self.worth_of(answer) for answer in self.answers], ranks)
        return [ranking.contradiction([self.said_of(a) for a in self.answers], letters, pair) for pair in pairs]

    @property
    def rated(self) -> bool:
        """Whether the proposal comes from overall ratings; else from scores."""
        return self.says.rated

    def worth_of(self, answer: Answer) -> int:
        """The higher, the better the answer is by its rating or its scores."""
        return self.says.worth_of(answer, self.proposal)

    def said_of(self, answer: Answer) -> str:
        """The rating of an answer, or its scores, in a few words."""
        return self.says.said_of(answer)

    @property
    def result(self) -> str:
        """The order as far as it is known to the server; the page keeps it up to date by itself."""
        if any(answer.rank is None for answer in self.answers):
            return ""
        return weak_order({a.letter: a.rank or 0 for a in self.answers})

    @property
    def hint(self) -> str:
        if not self.result:
            return ""
        worth, ratings = [self.worth_of(a) for a in self.answers], [self.said_of(a) for a in self.answers]
        ranks, letters = [a.rank or 0 for a in self.answers], [a.letter for a in self.answers]
        return ranking.hint(worth, ratings, ranks, letters, by_scores=not self.rated)


def answers_of(work: Work) -> list[Answer]:
    """The answers in the order this person sees them, with what the draft says about each."""
    texts = {answer.candidate_id: answer.candidate.text for answer in work.task.answers}
    submission = work.submission
    return [
        Answer(
            candidate_id=candidate,
            letter=letter,
            number=number,
            text=texts[candidate],
            verdict=submission.verdicts.get(candidate, Verdict()),
            rank=submission.ranks.get(candidate),
        )
        for number, (candidate, letter) in enumerate(work.letters.items(), start=1)
    ]


@dataclass(frozen=True)
class AnswerPage:
    """Part 1 and one answer of part 2: what is asked about the prompt, and about the answer."""

    bench: Bench
    answers: Sequence[Answer]
    answer: Answer
    schema: Schema
    prompt_labels: Mapping[str, str]
    unfinished: Sequence[int]
    changed: str = ""
    error: str = ""

    @property
    def groups(self) -> Mapping[str, Sequence[Field]]:
        """The questions about the answer under their headings, without empty ones."""
        by_group = {group: [f for f in self.schema.answer if f.group == group] for group in GROUPS[ANSWER]}
        return {group: fields for group, fields in by_group.items() if fields}

    @property
    def open_prompt_labels(self) -> Sequence[Field]:
        """What part 1 still waits for."""
        return label_rules.unanswered_prompt_labels(self.schema, self.prompt_labels)

    @property
    def waits_for_prompt_labels(self) -> bool:
        """Whether part 1 is all that keeps the ranking locked."""
        return bool(self.open_prompt_labels) and not self.unfinished

    @property
    def rated(self) -> int:
        return sum(answer.verdict.likert is not None for answer in self.answers)

    @property
    def others_done(self) -> bool:
        return not set(self.unfinished) - {self.answer.candidate_id}

    def applies(self, field: Field) -> bool:
        return label_rules.applies(field, self.prompt_labels)

    def any_applies(self, fields: Sequence[Field]) -> bool:
        return any(map(self.applies, fields))
