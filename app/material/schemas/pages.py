from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.language import gettext as _
from app.language import mark
from app.material.schemas import rules
from app.material.schemas.forms import Rows
from app.material.schemas.rules import Difference, Schema
from app.models import Campaign, LabelSchema, LabelSchemaVersion, Person
from app.web.render import Page
from trainer.contract.heads import HEAD_FLAGS

PARTS = {rules.PROMPT: mark("About the prompt"), rules.ANSWER: mark("About each answer")}
KINDS = {
    "yes_no": mark("yes or no"),
    "yes_no_na": mark("yes, no or does not apply"),
    "choice": mark("one of a list"),
    "scale": mark("a number on a scale"),
}


@dataclass(frozen=True)
class SchemaRow:
    """A schema in the list; ``campaigns`` asks any of its versions."""

    newest: LabelSchemaVersion
    campaigns: Sequence[Campaign]
    annotations: int

    @property
    def asked(self) -> Schema:
        return rules.schema_of(self.newest.content)


@dataclass(frozen=True)
class SchemasPage(Page):
    template: ClassVar[str] = "material/schemas/list.html"
    longest_name: ClassVar[int] = rules.LONGEST_NAME
    rows: Sequence[SchemaRow]
    versions: Sequence[LabelSchemaVersion]
    name: str = ""
    error: str = ""


@dataclass(frozen=True)
class VersionRow:
    """One version in the history of a schema, with how it differs from the one before."""

    version: LabelSchemaVersion
    author: Person | None
    campaigns: Sequence[Campaign]
    annotations: int
    differences: Sequence[Difference]


@dataclass(frozen=True)
class SchemaPage(Page):
    """A version of a schema, whole, and the history of all versions."""

    template: ClassVar[str] = "material/schemas/show.html"
    parts: ClassVar[Mapping[str, str]] = PARTS
    kinds: ClassVar[Mapping[str, str]] = KINDS
    schema: LabelSchema
    shown_row: VersionRow
    history: Sequence[VersionRow]

    @property
    def shown(self) -> LabelSchemaVersion:
        return self.shown_row.version

    @property
    def asked(self) -> Schema:
        return rules.for_reader(rules.schema_of(self.shown.content))

    @property
    def newest(self) -> LabelSchemaVersion:
        return self.history[0].version

    def head(self, name: str) -> str:
        """The further head of a reward model that learns from a flag, or nothing."""
        return next((head for head, flags in HEAD_FLAGS.items() if name in flags), "")

    def condition(self, needs: str) -> str:
        """The label of the prompt that a question hangs on, as labelers read it."""
        field = self.asked.field(rules.PROMPT, needs)
        return field.text if field else needs

    def values(self, field: rules.Field) -> str:
        if field.kind == "scale":
            return _(
                "%(least)s to %(most)s: %(words)s",
                least=field.steps[0],
                most=field.steps[-1],
                words=rules.in_words(field.options),
            )
        return rules.in_words(field.options) if field.kind == "choice" else _(KINDS[field.kind])


@dataclass(frozen=True)
class EditSchemaPage(Page):
    template: ClassVar[str] = "material/schemas/edit.html"
    parts: ClassVar[Mapping[str, str]] = PARTS
    kinds: ClassVar[Mapping[str, str]] = KINDS
    groups: ClassVar[Mapping[str, Sequence[str]]] = rules.GROUPS
    longest_text: ClassVar[int] = rules.LONGEST_TEXT
    longest_help: ClassVar[int] = rules.LONGEST_HELP
    longest_reason: ClassVar[int] = rules.LONGEST_REASON
    schema: LabelSchema
    based_on: int
    rows: Rows
    reason: str = ""
    error: str = ""

    @property
    def conditions(self) -> Sequence[tuple[str, str]]:
        """(name, text) of the labels of the prompt that a question about an answer may hang on."""
        rows = self.rows[rules.PROMPT]
        return [(row.name, row.text) for row in rows if not row.fresh and row.kind not in rules.OF_OPTIONS]
