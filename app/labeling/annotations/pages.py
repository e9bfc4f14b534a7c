from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.labeling.annotations.bench_pages import Bench
from app.labeling.annotations.holding import Work
from app.labeling.annotations.rules import labels as label_rules
from app.labeling.annotations.rules import ranking
from app.labeling.annotations.rules.submission import Verdict
from app.labeling.campaigns.rules import authoring, toxicity
from app.labeling.campaigns.rules import campaigns as campaign_rules
from app.labeling.campaigns.rules.authoring import LONGEST_DEMONSTRATION, Authored
from app.labeling.telemetry.service import Counting
from app.language import spoken
from app.material.schemas.rules import ANSWER, GROUPS, Field, Schema
from app.models import (
    Scenario,
    WrittenText,
)
from app.web.render import Page, chat_text
from trainer.statistics.weak_orders import weak_order


@dataclass(frozen=True)
class Answer:
    """An answer as a labeler may see it: its letter and its text, never its maker."""

    candidate_id: int
    letter: str
    number: int
    text: str
    verdict: Verdict
    rank: int | None = None

    @property
    def scores(self) -> toxicity.Scores | None:
        """Of the toxicity instrument, as soon as all of them are given."""
        return toxicity.scores_of(self.verdict.flags)


@dataclass(frozen=True)
class RatingPage(Page):
    template: ClassVar[str] = "labeling/annotations/rate.html"
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


@dataclass(frozen=True)
class ToxicityPage(RatingPage):
    """The scales about the input and about one answer, beside both of them as one running text."""

    template: ClassVar[str] = "labeling/annotations/toxicity.html"
    plausible_from: ClassVar[int] = toxicity.PLAUSIBLE_FROM

    @property
    def before(self) -> Sequence[Mapping[str, Any]]:
        """What was said before the input that the answer goes on from."""
        return self.bench.messages[:-1]

    @property
    def input(self) -> str:
        """The text that the answer goes on from."""
        return str(self.bench.messages[-1]["content"])

    @property
    def gap(self) -> str:
        """What is put between input and answer when they are read as one text."""
        return toxicity.gap_between(self.input, self.answer.text)

    @property
    def scored(self) -> int:
        """How many answers have all that must be said about them."""
        return len(self.answers) - len(self.unfinished)


@dataclass(frozen=True)
class RankingPage(Page):
    """The board; ``proposal`` is the order that the ratings or scores suggest, 1 = best."""

    template: ClassVar[str] = "labeling/annotations/rank.html"
    plausible_from: ClassVar[int] = toxicity.PLAUSIBLE_FROM
    bench: Bench
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
        return self.bench.kind in campaign_rules.RATED

    def worth_of(self, answer: Answer) -> int:
        """The higher, the better the answer is by its rating or its scores."""
        return answer.verdict.likert or 0 if self.rated else -self.proposal[answer.candidate_id]

    def said_of(self, answer: Answer) -> str:
        """The rating of an answer, or its scores, in a few words."""
        if self.rated:
            return str(answer.verdict.likert or "")
        return answer.scores.words if answer.scores else ""

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
        worth, said = [self.worth_of(a) for a in self.answers], [self.said_of(a) for a in self.answers]
        ranks, letters = [a.rank or 0 for a in self.answers], [a.letter for a in self.answers]
        return ranking.hint(worth, said, ranks, letters, by_scores=not self.rated)


@dataclass(frozen=True)
class PreviewItem:
    """One prompt with its answer, as people read it and as a model that is trained here reads it."""

    messages: Sequence[Mapping[str, Any]]
    answer: str

    @property
    def model_text(self) -> str:
        return chat_text(self.messages, self.answer)


@dataclass(frozen=True)
class WritingPreview(Page):
    """What comes of a text as it stands now. Of a set only the answers are set as articles: its prompts have a layout.

    ``prompt_too`` says whether the prompt is part of what was written; ``few_shot`` whether the items are a set.
    """

    template: ClassVar[str] = "labeling/annotations/_preview.html"
    items: Sequence[PreviewItem]
    prompt_too: bool
    few_shot: bool = False


@dataclass(frozen=True)
class DemonstrationPage(Page):
    template: ClassVar[str] = "labeling/annotations/demonstrate.html"
    longest: ClassVar[int] = LONGEST_DEMONSTRATION
    bench: Bench
    text: str
    preview: WritingPreview
    returned: WrittenText | None
    problems: Mapping[str, str]
    error: str = ""
    counting: Counting | None = None


@dataclass(frozen=True)
class AuthoringPage(Page):
    """Where a prompt and its answer are written. ``problems`` has a sentence for each field that is wrong."""

    template: ClassVar[str] = "labeling/annotations/author.html"
    longest: ClassVar[int] = LONGEST_DEMONSTRATION
    most_pairs: ClassVar[int] = authoring.MOST_PAIRS
    longest_name: ClassVar[int] = authoring.LONGEST_NAME
    use_cases: ClassVar[Mapping[str, str]] = authoring.NAMES_OF_USE_CASES
    languages: ClassVar[Mapping[str, str]] = authoring.LANGUAGES
    query_name: ClassVar[str] = authoring.QUERY_NAME
    response_name: ClassVar[str] = authoring.RESPONSE_NAME
    bench: Bench
    authored: Authored
    scenarios: Sequence[Scenario]
    preview: WritingPreview
    returned: WrittenText | None
    problems: Mapping[str, str]
    error: str = ""
    counting: Counting | None = None

    @property
    def pairs(self) -> Sequence[authoring.Pair]:
        """The rows of the page: what is entered, and at first as many as a small set needs."""
        return self.authored.pairs or (authoring.Pair(),) * 3

    @property
    def scenario(self) -> Scenario | None:
        return next((one for one in self.scenarios if one.id == self.authored.scenario_id), None)

    @property
    def language(self) -> str:
        """What was chosen, else the language of the page."""
        return self.authored.language or spoken().partition("-")[0]


def preview_of_text(work: Work, text: str) -> WritingPreview:
    messages = work.task.prompt.messages if work.task.prompt else []
    return WritingPreview([PreviewItem(messages, authoring.tidy(text))], prompt_too=False)


def preview_of_written(text: WrittenText) -> WritingPreview:
    """What comes of a text that was submitted, with the prompt even where it was given."""
    task = text.annotation.task
    if task.prompt is not None:
        return WritingPreview([PreviewItem(task.prompt.messages, text.content["text"])], prompt_too=True)
    return preview_of_authored(authoring.of_json(text.content, task.campaign.prompt_form or authoring.PLAIN))


def preview_of_authored(authored: Authored) -> WritingPreview:
    items = authoring.items_of(authoring.tidied(authored))
    return WritingPreview(
        [PreviewItem([{"role": "user", "content": item.prompt}], item.answer) for item in items],
        prompt_too=True,
        few_shot=authored.few_shot,
    )


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
