from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.labeling.annotations.pages import Bench
from app.labeling.annotations.writing_pages import PreviewItem, WritingPreview
from app.labeling.instruments.authoring import rules
from app.labeling.instruments.authoring.rules import Authored
from app.labeling.instruments.demonstration.rules import LONGEST_DEMONSTRATION
from app.labeling.typing.service import Counting
from app.language import spoken
from app.models import Scenario, WrittenText
from app.web.render import Page


@dataclass(frozen=True)
class AuthoringPage(Page):
    """Where a prompt and its answer are written. ``problems`` has a sentence for each field that is wrong."""

    template: ClassVar[str] = "labeling/instruments/authoring/write.html"
    longest: ClassVar[int] = LONGEST_DEMONSTRATION
    most_pairs: ClassVar[int] = rules.MOST_PAIRS
    longest_name: ClassVar[int] = rules.LONGEST_NAME
    use_cases: ClassVar[Mapping[str, str]] = rules.NAMES_OF_USE_CASES
    languages: ClassVar[Mapping[str, str]] = rules.LANGUAGES
    query_name: ClassVar[str] = rules.QUERY_NAME
    response_name: ClassVar[str] = rules.RESPONSE_NAME
    bench: Bench
    authored: Authored
    scenarios: Sequence[Scenario]
    preview: WritingPreview
    returned: WrittenText | None
    problems: Mapping[str, str]
    error: str = ""
    counting: Counting | None = None

    @property
    def pairs(self) -> Sequence[rules.Pair]:
        """The rows of the page: what is entered, and at first as many as a small set needs."""
        return self.authored.pairs or (rules.Pair(),) * 3

    @property
    def scenario(self) -> Scenario | None:
        return next((scenario for scenario in self.scenarios if scenario.id == self.authored.scenario_id), None)

    @property
    def language(self) -> str:
        """What was chosen, else the language of the page."""
        return self.authored.language or spoken().partition("-")[0]


def preview_of_authored(authored: Authored) -> WritingPreview:
    items = rules.items_of(rules.tidied(authored))
    return WritingPreview(
        [PreviewItem([{"role": "user", "content": item.prompt}], item.answer) for item in items],
        prompt_too=True,
        few_shot=authored.few_shot,
    )
