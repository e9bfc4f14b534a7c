"""What a label schema is, when it is sound, and how two versions of it differ; pure.

A schema asks about the prompt (part 1 of a task) and about each answer (part 2). "Yes" is undesirable
everywhere except where ``yes_is_good`` says otherwise. Questions about an answer may hang on a label of the
prompt: a hallucination is asked about only where the prompt is closed-domain (InstructGPT, Table 3).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from app.language import gettext as _
from app.language import mark, said

YES, NO, NOT_APPLICABLE = "yes", "no", "na"
KINDS: Mapping[str, tuple[str, ...]] = {
    "yes_no": (YES, NO),
    "yes_no_na": (YES, NO, NOT_APPLICABLE),
    "choice": (),
    "scale": (),
}
"""Kind of question -> its values; those of a choice are its options, those of a scale the whole numbers between its
ends."""
OF_OPTIONS = ("choice", "scale")
"""Kinds whose values the options say: each one of a choice; the ends of a scale and whatever step has words."""

PROMPT, ANSWER = "prompt", "answer"
PARTS = (PROMPT, ANSWER)
GROUPS: Mapping[str, tuple[str, ...]] = {
    PROMPT: (mark("main"), mark("more")),
    ANSWER: (mark("helpful"), mark("truthful"), mark("harmless")),
}
"""Part -> the headings that its questions may stand under; ``more`` is folded away on the page."""

USE_CASE = "use_case"
"""The label of the prompt that snapshots export as the use case."""

MOST_FIELDS = 40
MOST_OPTIONS = 30
MOST_STEPS = 11
FARTHEST_STEP = 10
LONGEST_TEXT = 120
LONGEST_HELP = 400
LONGEST_REASON = 400
LONGEST_NAME = 80
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_STEP = re.compile(r"0|-?[1-9]|-?10")
_OVER = {
    PROMPT: mark("There are %(number)s questions about the prompt; at most %(most)s fit on the page."),
    ANSWER: mark("There are %(number)s questions about the answer; at most %(most)s fit on the page."),
}
_TWICE = {
    PROMPT: mark("Two questions about the prompt are named “%(name)s”. Each needs a name of its own."),
    ANSWER: mark("Two questions about the answer are named “%(name)s”. Each needs a name of its own."),
}


@dataclass(frozen=True)
class Option:
    """One answer to a choice, or one step of a scale: how it is stored, and the words beside it."""

    value: str
    text: str


@dataclass(frozen=True)
class Field:
    """One question of a schema.

    Attributes:
        name: how the label is stored, exported and posted; the same name in two versions is the same label.
        text: what the labeler reads beside the box.
        help: a sentence for whoever hesitates.
        group: the heading it stands under, one of ``GROUPS``.
        kind: one of ``KINDS``.
        options: of a choice; of a scale those steps that have words, its ends among them.
        needs: the label of the prompt that must be "yes" for this question to be asked at all.
        yes_is_good: the polarity, where it differs from the rest.
        required: whether silence is no answer; for other questions silence means "no".
    """

    name: str
    text: str
    help: str
    group: str
    kind: str = "yes_no"
    options: tuple[Option, ...] = ()
    needs: str = ""
    yes_is_good: bool = False
    required: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        if self.kind == "scale":
            return tuple(map(str, self.steps))
        return tuple(option.value for option in self.options) if self.kind == "choice" else KINDS[self.kind]

    @property
    def steps(self) -> range:
        """The whole numbers of a scale, from its lowest to its highest named step."""
        named = [int(option.value) for option in self.options]
        return range(min(named), max(named) + 1)

    @property
    def words(self) -> Mapping[str, str]:
        """Value -> the words beside it, for those that have words."""
        return {option.value: option.text for option in self.options}


@dataclass(frozen=True)
class Schema:
    """All questions of one version, in the order of the page."""

    prompt: tuple[Field, ...]
    answer: tuple[Field, ...]

    def part(self, part: str) -> tuple[Field, ...]:
        return self.prompt if part == PROMPT else self.answer

    def field(self, part: str, name: str) -> Field | None:
        return next((field for field in self.part(part) if field.name == name), None)


def schema_of(content: Mapping[str, Any]) -> Schema:
    """Read a stored version."""
    return Schema(*(tuple(_field_of(field) for field in content[part]) for part in PARTS))


def _field_of(content: Mapping[str, Any]) -> Field:
    return Field(**{**content, "options": tuple(Option(**option) for option in content["options"])})


def for_reader(schema: Schema) -> Schema:
    """The questions as the reader sees them: texts that Prefloop ships are said in their language, others stay."""
    return Schema(*(tuple(map(_field_for_reader, schema.part(part))) for part in PARTS))


def _field_for_reader(field: Field) -> Field:
    options = tuple(replace(option, text=said(option.text)) for option in field.options)
    return replace(field, text=said(field.text), help=said(field.help), options=options)


def content_of(schema: Schema) -> dict[str, Any]:
    """What is stored of a schema; ``schema_of`` reads it back."""
    return {part: [{**asdict(field), "options": _listed(field)} for field in schema.part(part)] for part in PARTS}


def _listed(field: Field) -> list[dict[str, str]]:
    return [asdict(option) for option in field.options]


# What is sound -----------------------------------------------------------------------------------


def schema_problems(schema: Schema) -> list[str]:
    """Why labelers cannot be asked these questions, in sentences."""
    return [problem for part in PARTS for problem in _part_problems(schema, part)]


def _part_problems(schema: Schema, part: str) -> Iterator[str]:
    asked = schema.part(part)
    if len(asked) > MOST_FIELDS:
        yield _(_OVER[part], number=len(asked), most=MOST_FIELDS)
    names = [field.name for field in asked]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _(_TWICE[part], name=name)
    for field in asked:
        conditions = _condition_problems(schema, part, field.needs) if field.needs else ()
        for problem in (*_field_problems(field, part), *conditions):
            yield _("“%(question)s”: %(problem)s", question=_called(field), problem=problem)


def _called(field: Field) -> str:
    return (field.text or field.name)[:LONGEST_TEXT] or _("a question without a text")


def _field_problems(field: Field, part: str) -> Iterator[str]:
    if not _NAME.fullmatch(field.name):
        yield _(
            "a name begins with a small letter and has only small letters, digits and _, at most 40 of them, unlike "
            "“%(name)s”.",
            name=field.name[:60],
        )
    if not field.text or len(field.text) > LONGEST_TEXT:
        yield _(
            "the text that labelers read has 1 to %(most)s characters, not %(length)s.",
            most=LONGEST_TEXT,
            length=len(field.text),
        )
    if len(field.help) > LONGEST_HELP:
        yield _("the help has %(length)s characters; %(most)s fit.", length=len(field.help), most=LONGEST_HELP)
    if field.group not in GROUPS[part]:
        yield _(
            "it stands under one of %(groups)s, not under “%(group)s”.",
            groups=", ".join(GROUPS[part]),
            group=field.group[:60],
        )
    if field.kind not in KINDS:
        yield _("its kind is one of %(kinds)s, not “%(kind)s”.", kinds=", ".join(KINDS), kind=field.kind[:60])
    elif field.kind == "choice":
        yield from _option_problems(field.options)
    elif field.kind == "scale":
        yield from _step_problems(field.options)
    elif field.options:
        yield _("only a choice has options and only a scale has steps.")
    if field.yes_is_good and field.kind in OF_OPTIONS:
        yield _("“yes is good” means nothing for a choice or a scale.")
    if part == PROMPT and field.name == USE_CASE and field.kind != "choice":
        yield _("the use case is a choice, because exports read a tag from it.")


def _option_problems(options: Sequence[Option]) -> Iterator[str]:
    if not 2 <= len(options) <= MOST_OPTIONS:
        yield _("a choice has 2 to %(most)s options, not %(number)s.", most=MOST_OPTIONS, number=len(options))
    for option in options:
        if not _NAME.fullmatch(option.value):
            yield _(
                "the value of an option begins with a small letter and has only small letters, digits and _, at most "
                "40 of them, unlike “%(name)s”.",
                name=option.value[:60],
            )
    yield from _word_problems(options)


def _step_problems(options: Sequence[Option]) -> Iterator[str]:
    if odd := next((option.value for option in options if not _STEP.fullmatch(option.value)), None):
        yield _(
            "a step of a scale is a whole number from −%(most)s to %(most)s, unlike “%(value)s”.",
            most=FARTHEST_STEP,
            value=odd[:60],
        )
        return
    steps = sorted({int(option.value) for option in options})
    if len(steps) < 2 or steps[-1] - steps[0] >= MOST_STEPS:
        yield _("a scale has words for both of its ends, which are 1 to %(most)s apart.", most=MOST_STEPS - 1)
    yield from _word_problems(options)


def _word_problems(options: Sequence[Option]) -> Iterator[str]:
    for option in options:
        if not option.text or len(option.text) > LONGEST_TEXT:
            yield _(
                "the word for “%(value)s” has 1 to %(most)s characters.", value=option.value[:60], most=LONGEST_TEXT
            )
    if len({option.value for option in options}) < len(options):
        yield _("two options have the same value.")


def _condition_problems(schema: Schema, part: str, needs: str) -> Iterator[str]:
    condition = schema.field(PROMPT, needs)
    if part == PROMPT:
        yield _("only questions about an answer can hang on a label of the prompt.")
    elif condition is None:
        yield _("it hangs on “%(name)s”, which is not asked about the prompt.", name=needs[:60])
    elif condition.kind == "scale" or YES not in condition.values:
        yield _("it hangs on “%(name)s”, which cannot be answered with yes.", name=condition.text)
    elif not condition.required:
        yield _(
            "it hangs on “%(name)s”, so that one must be required; silence would decide otherwise.",
            name=condition.text,
        )


# What changed ------------------------------------------------------------------------------------

WORDS = (
    *(mark("added"), mark("removed"), mark("changed"), mark("moved")),
    *(mark("text"), mark("help"), mark("group"), mark("kind"), mark("options"), mark("needs")),
    *(mark("yes is good"), mark("required"), mark("place")),
)
"""How a page names what happened to a question and to which of its attributes."""


@dataclass(frozen=True)
class Difference:
    """One question that is not the same in two versions.

    Attributes:
        part: ``prompt`` or ``answer``.
        what: ``added``, ``removed``, ``changed`` or ``moved``.
        field: as it is in the newer version, or was before it was removed.
        details: (attribute, before, after) of what changed, in words.
    """

    part: str
    what: str
    field: Field
    details: tuple[tuple[str, str, str], ...] = ()


def differences(older: Schema, newer: Schema) -> list[Difference]:
    """How two versions differ, question by question: what was removed first, then in the order of the newer one."""
    return [difference for part in PARTS for difference in _part_differences(older, newer, part)]


def _part_differences(older: Schema, newer: Schema, part: str) -> Iterator[Difference]:
    before = {field.name: field for field in older.part(part)}
    after = {field.name: field for field in newer.part(part)}
    yield from (Difference(part, "removed", field) for name, field in before.items() if name not in after)
    places = _places(before, after), _places(after, before)
    for name, field in after.items():
        if name not in before:
            yield Difference(part, "added", field)
            continue
        details = tuple(_details(before[name], field))
        if places[0][name] != places[1][name]:
            details += (("place", str(places[0][name]), str(places[1][name])),)
        if details:
            yield Difference(part, "moved" if details[0][0] == "place" else "changed", field, details)


def _places(these: Mapping[str, Field], others: Mapping[str, Field]) -> dict[str, int]:
    """Where the questions of both versions stand, from 1, so that an addition does not seem to move the rest."""
    return {name: position for position, name in enumerate((name for name in these if name in others), 1)}


def _details(before: Field, after: Field) -> Iterator[tuple[str, str, str]]:
    for attribute in fields(Field):
        old, new = (in_words(getattr(field, attribute.name)) for field in (before, after))
        if old != new:
            yield attribute.name.replace("_", " "), old, new


def in_words(value: str | bool | tuple[Option, ...]) -> str:
    """An attribute of a field for reading: yes or no, a text, or the options in a row."""
    if isinstance(value, tuple):
        return ", ".join(f"{option.value} = {option.text}" for option in value)
    return {True: YES, False: NO}[value] if isinstance(value, bool) else value
