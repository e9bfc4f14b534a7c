from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.material.files.fields import unused_told
from app.material.scenarios import rules
from app.material.scenarios.service import Brought
from app.models import Scenario
from app.web.render import Page


@dataclass(frozen=True)
class LibraryPage(Page):
    """All scenarios, each with how many tasks give it, and a form for a new one or a file of them."""

    template: ClassVar[str] = "material/scenarios/list.html"
    longest_title: ClassVar[int] = rules.LONGEST_TITLE
    scenarios: Sequence[Scenario]
    tasks: Mapping[int, int]
    given: Mapping[str, str]
    problems: Mapping[str, str]
    error: str = ""
    brought: Brought | None = None

    @property
    def unused(self) -> str:
        """Which fields of the file were passed over."""
        return unused_told(self.brought.unused) if self.brought else ""


@dataclass(frozen=True)
class ScenarioPage(Page):
    """One scenario to edit. ``seen`` is when the version was made that the editor began with."""

    template: ClassVar[str] = "material/scenarios/edit.html"
    longest_title: ClassVar[int] = rules.LONGEST_TITLE
    scenario: Scenario
    title: str
    text: str
    seen: str
    problems: Mapping[str, str]
    error: str = ""
    theirs: bool = False
