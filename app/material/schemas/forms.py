"""Reads the form of a schema: a row of fields for each question, among them some empty rows for new ones."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.errors import Invalid
from app.language import gettext as _
from app.material.schemas.rules import GROUPS, PARTS, Field, Option, Schema

BLANK_ROWS = 3
"""Empty rows for new questions, in each part."""
MOST_ROWS = 60
"""Rows of a part that are read at all."""


@dataclass(frozen=True)
class Row:
    """One question as it stands in the form, word for word what was typed.

    Attributes:
        place: where it goes among its part's questions; numbers, smaller ones first.
        fresh: whether the question is new, so that its name is still to be chosen.
        removed: whether it is to go.
    """

    place: str = ""
    name: str = ""
    text: str = ""
    help: str = ""
    group: str = ""
    kind: str = "yes_no"
    options: str = ""
    needs: str = ""
    yes_is_good: bool = False
    required: bool = False
    fresh: bool = False
    removed: bool = False

    @property
    def empty(self) -> bool:
        return self.fresh and not (self.name.strip() or self.text.strip() or self.help.strip())


Rows = Mapping[str, Sequence[Row]]
"""Part -> its rows."""


def rows_of(schema: Schema) -> Rows:
    """The form of a stored version, with empty rows at the end."""
    return {part: [*map(_row_of, schema.part(part), range(1, 1000)), *_blank_rows(part)] for part in PARTS}


def _row_of(field: Field, position: int) -> Row:
    options = "\n".join(f"{option.value} = {option.text}" for option in field.options)
    return Row(
        place=str(position),
        name=field.name,
        text=field.text,
        help=field.help,
        group=field.group,
        kind=field.kind,
        options=options,
        needs=field.needs,
        yes_is_good=field.yes_is_good,
        required=field.required,
    )


def _blank_rows(part: str) -> list[Row]:
    return [Row(group=GROUPS[part][-1], fresh=True)] * BLANK_ROWS


def rows_from(posted: Mapping[str, str]) -> Rows:
    """The rows of a posted form, ``<part>-<number>-<attribute>``; empty rows are offered again."""
    rows_by_part = {
        part: [row for number in range(MOST_ROWS) if (row := _posted_row(posted, f"{part}-{number}-"))]
        for part in PARTS
    }
    return {part: [*(row for row in rows if not row.empty), *_blank_rows(part)] for part, rows in rows_by_part.items()}


def _posted_row(posted: Mapping[str, str], prefix: str) -> Row | None:
    if f"{prefix}name" not in posted:
        return None

    def text(name: str) -> str:
        return posted.get(prefix + name, "")

    def ticked(name: str) -> bool:
        return prefix + name in posted

    return Row(
        place=text("place"),
        name=text("name"),
        text=text("text"),
        help=text("help"),
        group=text("group"),
        kind=text("kind"),
        options=text("options"),
        needs=text("needs"),
        yes_is_good=ticked("yes_is_good"),
        required=ticked("required"),
        fresh=ticked("fresh"),
        removed=ticked("removed"),
    )


def schema_from(rows: Rows) -> Schema:
    """The questions that the rows describe, in the order of their places.

    Raises:
        Invalid: a place is no number, or an option is not written as ``value = Text``.
    """
    filled = {part: [row for row in rows[part] if not row.empty and not row.removed] for part in PARTS}
    return Schema(*(tuple(_field_from(row) for row in sorted(filled[part], key=_place)) for part in PARTS))


def _place(row: Row) -> float:
    if not row.place.strip():
        return math.inf  # a new question without a place goes to the end
    try:
        position = float(row.place.replace(",", "."))
    except ValueError:
        position = math.nan
    if not math.isfinite(position):
        raise Invalid(
            _(
                "The place of “%(question)s” is a number, not “%(place)s”.",
                question=row.text or row.name,
                place=row.place[:40],
            )
        )
    return position


def _field_from(row: Row) -> Field:
    return Field(
        name=row.name.strip(),
        text=row.text.strip(),
        help=row.help.strip(),
        group=row.group,
        kind=row.kind,
        options=tuple(map(_option_from, filter(str.strip, row.options.splitlines()))),
        needs=row.needs,
        yes_is_good=row.yes_is_good,
        required=row.required,
    )


def _option_from(line: str) -> Option:
    value, equals, text = line.partition("=")
    if not equals:
        raise Invalid(_("An option or a step is written as “value = Text”, unlike “%(line)s”.", line=line.strip()[:60]))
    return Option(value.strip().replace("−", "-"), text.strip())  # the typographic minus is a minus, too
