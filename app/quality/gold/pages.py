from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from app.errors import DomainError, Invalid
from app.labeling.annotations.rules import content_warning
from app.labeling.annotations.rules.submission import Submission, Verdict
from app.language import gettext as _
from app.material.candidates.rules import candidate_letter
from app.material.schemas.rules import ANSWER, PROMPT, Field
from app.models import Campaign, GoldItem, Person
from app.quality.gold import rules
from app.quality.gold.files import Imported
from app.quality.gold.queries import Counts
from app.quality.gold.rules import Differences, Judgement
from app.quality.gold.service import Case, Waiting, seen_of
from app.web.paging import Paging
from app.web.render import Page


@dataclass(frozen=True)
class GoldPage(Page):
    """Where items wait for a verdict: banks, and campaigns of work in which several people judged the same."""

    template: ClassVar[str] = "quality/gold/list.html"
    rows: Sequence[tuple[Campaign, Counts]]

    @property
    def banks(self) -> Sequence[tuple[Campaign, Counts]]:
        return [row for row in self.rows if row[0].purpose == "bank"]

    @property
    def work(self) -> Sequence[tuple[Campaign, Counts]]:
        return [row for row in self.rows if row[0].purpose == "work"]


@dataclass(frozen=True)
class ImportPage(Page):
    """Where a file of gold becomes a bank, and what came of one."""

    template: ClassVar[str] = "quality/gold/import.html"
    limit_mb: int
    given: Mapping[str, str] = field(default_factory=dict)
    imported: Imported | None = None
    error: str = ""


@dataclass(frozen=True)
class ItemsPage(Page):
    """The items of one campaign that wait for gold, or that have it."""

    template: ClassVar[str] = "quality/gold/items.html"
    campaign: Campaign
    counts: Counts
    items: Sequence[Waiting]
    gold: bool
    paging: Paging


@dataclass(frozen=True)
class Said:
    """What one person said of one answer, or of the prompt, and which parts of it others said otherwise."""

    name: str
    rank: int | None
    rating: int | None
    labels: Sequence[tuple[str, str, bool]]
    """The question, what was said beyond "no", and whether others said otherwise."""
    note: str


@dataclass(frozen=True)
class AnswerToDecide:
    candidate_id: int
    letter: str
    text: str
    said: Sequence[Said]
    verdict: Verdict
    rank: int | None
    ranks_differ: bool
    ratings_differ: bool


@dataclass(frozen=True)
class Opinion:
    """One person's whole order, and where to take it from."""

    judgement: Judgement
    order: str
    ratings: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class ItemPage(Page):
    """One item: what people said of it side by side, and the form in which the verdict is entered."""

    template: ClassVar[str] = "quality/gold/item.html"
    longest_reason: ClassVar[int] = rules.LONGEST_REASON
    longest_topic: ClassVar[int] = rules.LONGEST_TOPIC
    case: Case
    opinions: Sequence[Opinion]
    answers: Sequence[AnswerToDecide]
    of_prompt: Sequence[Said]
    entry: Submission
    taken: str
    reason: str
    topic: str
    seen: str
    topics: Sequence[str]
    decided_by: str
    hidden: bool
    problems: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def gold(self) -> GoldItem | None:
        return self.case.gold

    @property
    def differences(self) -> Differences:
        return self.case.differences

    @property
    def disputes(self) -> Sequence[str]:
        """Pairs about which people differ, in words: who stands first for how many."""
        letters = self.case.letters
        return [
            _(
                "%(first)s and %(second)s: %(one)s put %(first)s first, %(other)s %(second)s, %(tied)s neither",
                first=letters[i],
                second=letters[j],
                one=one,
                other=other,
                tied=tied,
            )
            for (i, j), (one, other, tied) in self.differences.pairs.items()
        ]


@dataclass(frozen=True)
class Draft:
    """What the form begins with: nothing, the judgement ``taken`` from somebody, the gold there is, or what was posted.

    ``refused`` says why what was posted is not kept.
    """

    entry: Submission
    taken: str = ""
    reason: str = ""
    topic: str = ""
    refused: DomainError | None = None


def item_page(case: Case, reader: Person, draft: Draft, *, topics: Sequence[str], decided_by: str) -> ItemPage:
    return ItemPage(
        case=case,
        opinions=[_opinion(case, judgement) for judgement in case.judgements],
        answers=list(_answers(case, draft.entry)),
        of_prompt=[_said(case, judgement, None) for judgement in case.judgements],
        entry=draft.entry,
        taken=draft.taken,
        reason=draft.reason,
        topic=draft.topic,
        seen=seen_of(case.gold),
        topics=topics,
        decided_by=decided_by,
        hidden=content_warning.opens_hidden(blur=reader.blur, sensitive=_sensitive(case), revealed=False),
        problems=draft.refused.fields if isinstance(draft.refused, Invalid) else {},
        error=str(draft.refused or ""),
    )


def _sensitive(case: Case) -> bool:
    return case.task.prompt is not None and bool(case.task.prompt.sensitive)


def _opinion(case: Case, judgement: Judgement) -> Opinion:
    letters = case.letters
    ratings = [(letters[c], judgement.ratings[c]) for c in letters if c in judgement.ratings]
    return Opinion(judgement, judgement.order(letters), ratings)


def _answers(case: Case, entry: Submission) -> Sequence[AnswerToDecide]:
    texts = {answer.candidate_id: answer.candidate.text for answer in case.task.answers}
    differences = case.differences
    return [
        AnswerToDecide(
            candidate_id=candidate,
            letter=candidate_letter(position),
            text=texts[candidate],
            said=[_said(case, judgement, candidate) for judgement in case.judgements],
            verdict=entry.verdicts.get(candidate, Verdict()),
            rank=entry.ranks.get(candidate),
            ranks_differ=candidate in differences.ranked,
            ratings_differ=candidate in differences.ratings,
        )
        for position, candidate in enumerate(case.order)
    ]


def _said(case: Case, judgement: Judgement, candidate: int | None) -> Said:
    asked = {question.name: question for question in case.schema.part(PROMPT if candidate is None else ANSWER)}
    disputed = {name for part, name in case.differences.flags if part == candidate}
    labels = judgement.said(candidate)
    names = sorted({*labels, *disputed}, key=lambda name: list(asked).index(name) if name in asked else len(asked))
    return Said(
        name=judgement.name,
        rank=judgement.ranks.get(candidate) if candidate is not None else None,
        rating=judgement.ratings.get(candidate) if candidate is not None else None,
        labels=[
            (_question(asked, name), _value(asked, name, labels.get(name, "no")), name in disputed) for name in names
        ],
        note=judgement.notes.get(candidate, "") if candidate is not None else "",
    )


def _question(asked: Mapping[str, Field], name: str) -> str:
    return asked[name].text if name in asked else name


def _value(asked: Mapping[str, Field], name: str, value: str) -> str:
    options = asked[name].words if name in asked else {}
    return {"yes": _("yes"), "no": _("no"), "na": _("does not apply")}.get(value) or options.get(value, value)
