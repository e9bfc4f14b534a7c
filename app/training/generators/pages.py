from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.models import Generator
from app.web.render import Page


@dataclass(frozen=True)
class GeneratorsPage(Page):
    template: ClassVar[str] = "training/generators/list.html"
    generators: Sequence[Generator]
    hosts: Sequence[str]


@dataclass(frozen=True)
class GeneratorForm(Page):
    """A generator to add, or one to change, try and remove.

    Attributes:
        known: the generator; nothing where one is to be added.
        chosen: what stands in the fields.
        error: why the last form was refused.
        prompt: that was tried, with its answer or what went wrong.
    """

    template: ClassVar[str] = "training/generators/form.html"
    hosts: Sequence[str]
    chosen: Mapping[str, Any]
    known: Generator | None = None
    error: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)
    prompt: str = ""
    answer: str | None = None
    prompt_problem: str = ""
