from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.errors import Refusal
from app.language import mark
from app.material.prompts import rules
from app.models import Corpus, Import, Person
from app.web.render import Page

KIND_HINTS = {
    "detect": mark("everything that the rows state"),
    "prompts": mark("only the prompts"),
    "demonstrations": mark("prompts with an answer to learn from"),
    "candidates": mark("prompts with answers, unjudged"),
    "rankings": mark("prompts, answers and what people preferred"),
    "labels": mark("prompts, answers and what people said of each"),
    "corpus": mark("plain text for pretraining"),
}


@dataclass(frozen=True)
class ImportPage(Page):
    template: ClassVar[str] = "labeling/importing/import.html"
    limit_mb: int
    kinds: Mapping[str, str]
    kind: str = "detect"
    error: str = ""


@dataclass(frozen=True)
class ImportsPage(Page):
    template: ClassVar[str] = "labeling/importing/imports.html"
    imports: Sequence[tuple[Import, Person | None]]
    corpora: Sequence[Corpus]


@dataclass(frozen=True)
class ImportResultPage(Page):
    template: ClassVar[str] = "labeling/importing/import_result.html"
    entry: Import
    refusals: Sequence[tuple[int, Refusal]]
    marks: ClassVar[Mapping[str, str]] = rules.MARKS
