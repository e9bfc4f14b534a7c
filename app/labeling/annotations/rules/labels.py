"""Labels under a schema: which questions are asked, whether an answer to one is valid, and what silence means."""

from collections.abc import Mapping, Sequence

from app.errors import Refusal, shown
from app.language import mark
from app.material.schemas.rules import ANSWER, NO, PROMPT, YES, Field, Schema


def applies(field: Field, prompt_labels: Mapping[str, str]) -> bool:
    """Whether a question is asked: it is unconditional, or the prompt has the label that it hangs on."""
    return not field.needs or prompt_labels.get(field.needs) == YES


Told = tuple[str, dict[str, object]]
"""A sentence that is marked for translation, with what goes in."""


def answer_flag_told(schema: Schema, name: str, value: str) -> Told | None:
    return _told(schema.field(ANSWER, name), name, value)


def answer_flag_problem(schema: Schema, name: str, value: str) -> str | None:
    return _said(answer_flag_told(schema, name, value))


def prompt_label_told(schema: Schema, name: str, value: str) -> Told | None:
    return _told(schema.field(PROMPT, name), name, value)


def prompt_label_problem(schema: Schema, name: str, value: str) -> str | None:
    return _said(prompt_label_told(schema, name, value))


def _said(told: Told | None) -> str | None:
    return None if told is None else str(Refusal(told[0], (), told[1]))


def _told(field: Field | None, name: str, value: str) -> Told | None:
    if field is None:
        return mark("There is no flag “%(name)s”."), {"name": shown(name)}
    if value in field.values:
        return None
    if field.kind == "scale":
        bounds = {"least": field.steps[0], "most": field.steps[-1]}
        text = mark("“%(question)s” is a whole number from %(least)s to %(most)s, not “%(value)s”.")
        return text, {"question": field.text, "value": shown(value), **bounds}
    text = mark("“%(question)s” takes %(values)s, not “%(value)s”.")
    return text, {"question": field.text, "values": [*field.values], "value": shown(value)}


def unanswered_prompt_labels(schema: Schema, prompt_labels: Mapping[str, str]) -> list[Field]:
    """Required questions about the prompt that nobody has answered yet."""
    return [field for field in schema.prompt if field.required and field.name not in prompt_labels]


def unanswered_flags(schema: Schema, flags: Mapping[str, str], prompt_labels: Mapping[str, str]) -> list[Field]:
    """Required questions about an answer that are asked for this prompt and have no answer yet."""
    return [f for f in _asked(schema, prompt_labels) if f.required and f.name not in flags]


def complete_flags(schema: Schema, flags: Mapping[str, str], prompt_labels: Mapping[str, str]) -> dict[str, str]:
    """All flags that apply to an answer, with "no" for the optional ones that were left alone."""
    return _with_silence(_asked(schema, prompt_labels), flags)


def complete_prompt_labels(schema: Schema, prompt_labels: Mapping[str, str]) -> dict[str, str]:
    """All labels of the prompt, "no" for those left alone; a choice only where one was made."""
    return _with_silence(schema.prompt, prompt_labels)


def _asked(schema: Schema, prompt_labels: Mapping[str, str]) -> list[Field]:
    return [field for field in schema.answer if applies(field, prompt_labels)]


def _with_silence(asked: Sequence[Field], labels: Mapping[str, str]) -> dict[str, str]:
    known = {field.name: labels.get(field.name) or (NO if NO in field.values else "") for field in asked}
    return {name: value for name, value in known.items() if value}


def without_inapplicable(schema: Schema, flags: Mapping[str, str], prompt_labels: Mapping[str, str]) -> dict[str, str]:
    """Drop answers to questions that are no longer asked."""
    asked = {field.name for field in _asked(schema, prompt_labels)}
    return {name: value for name, value in flags.items() if name in asked}


def inapplicable(schema: Schema, flags: Mapping[str, str], prompt_labels: Mapping[str, str]) -> list[Field]:
    """Conditional questions that were answered although the prompt does not ask for them."""
    return [field for field in schema.answer if field.name in flags and not applies(field, prompt_labels)]


def fitting(schema: Schema, part: str, labels: Mapping[str, str]) -> dict[str, str]:
    """The answers that this version understands, of those given to another one."""
    return {name: value for name, value in labels.items() if not _told(schema.field(part, name), name, value)}
