from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.language import mark
from app.material.prompts import rules
from app.models import Annotation, Campaign, Candidate, Demonstration, Prompt
from app.web.paging import Paging
from app.web.render import Page

WORDS = (
    *(mark("detect"), mark("prompts"), mark("demonstrations"), mark("candidates"), mark("rankings")),
    *(mark("labels"), mark("corpus")),
    *(mark("system"), mark("user"), mark("assistant")),
)
"""How pages name kinds of import, and who speaks in a conversation."""


@dataclass(frozen=True)
class PoolRow:
    prompt: Prompt
    candidates: int
    rankings: int
    demonstrations: int


@dataclass(frozen=True)
class PoolPage(Page):
    template: ClassVar[str] = "material/prompts/list.html"
    rows: Sequence[PoolRow]
    paging: Paging
    sources: Sequence[str]
    search: str
    source: str
    use_case: str
    sensitive: str
    warnings: Mapping[int, Mapping[str, int]]
    use_cases: Sequence[str] = rules.USE_CASES

    @property
    def filtered(self) -> bool:
        return bool(self.search or self.source or self.use_case or self.sensitive)

    def suggested(self, prompt: Prompt) -> bool:
        """Labelers' words suggest the mark, and nobody has decided on it."""
        return prompt.sensitive is None and prompt.id in self.warnings


@dataclass(frozen=True)
class LetteredCandidate:
    """A candidate; ``same_as`` is the letter of the first one above it with the same text, if any."""

    letter: str
    candidate: Candidate
    same_as: str


def lettered(candidates: Sequence[Candidate], letters: Mapping[int, str]) -> list[LetteredCandidate]:
    first: dict[str, str] = {}
    lettered_candidates = []
    for candidate in candidates:
        letter = letters[candidate.id]
        above = first.setdefault(candidate.text_sha256, letter)
        lettered_candidates.append(LetteredCandidate(letter, candidate, "" if above == letter else above))
    return lettered_candidates


@dataclass(frozen=True)
class OrderRow:
    """One annotator's weak order, in letters."""

    order: str
    annotation: Annotation
    campaign: Campaign


@dataclass(frozen=True)
class PromptPage(Page):
    template: ClassVar[str] = "material/prompts/show.html"
    prompt: Prompt
    candidates: Sequence[LetteredCandidate]
    rankings: Sequence[OrderRow]
    demonstrations: Sequence[Demonstration]
    counts: tuple[int, int, int]
    warnings: Mapping[str, int]
    sensitive_labels: ClassVar[Mapping[str, str]] = rules.SENSITIVE_LABELS
