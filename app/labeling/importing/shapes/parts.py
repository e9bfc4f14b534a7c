"""The parts that rows of every shape are made of: texts, names, prompts and answers; and how a row is refused."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from app.errors import Refusal, shown
from app.labeling.importing.drafts import AnswerDraft, PromptDraft
from app.language import mark
from app.material.files.fields import Fields
from app.material.prompts import rules

LONGEST_NAME = 200


class RowProblemError(Exception):
    """A row that cannot be taken."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def refuse(text: str, *place: str | int, **values: Any) -> NoReturn:
    """Refuse a row by a marked sentence, for something that stands at a place in it."""
    raise RowProblemError(Refusal(text, place, values))


def check(problem: Refusal | None, *place: str | int) -> None:
    if problem is not None:
        raise RowProblemError(problem.within(*place))


def text_of(value: object, *place: str | int, may_be_empty: bool = False) -> str:
    check(rules.text_problem(value, may_be_empty=may_be_empty), *place)
    return str(value)


def name_of(value: object, *place: str | int) -> str | None:
    """A name or pseudonym: text or a number, or nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        refuse(rules.NO_NAME, *place, value=shown(value))
    text = str(value)
    check(rules.length_problem(text, LONGEST_NAME) or rules.character_problem(text), *place)
    return text


def fields_of(row: Mapping[str, Any] | None) -> Fields:
    return row if isinstance(row, Fields) else Fields(dict(row or {}))


def _detail(fields: Fields, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is kept of a row: filled at the end, or at once where the row is not the file's own."""
    if fields is not row:
        fields.settle()
    return fields.detail


def prompt_of(row: Mapping[str, Any], messages: list[dict[str, str]]) -> PromptDraft:
    """A prompt with what its row tells about it; what is not understood is kept as detail."""
    fields = fields_of(row)
    use_case = None
    for key in ("use_case", "category"):
        category = fields.peek(key)
        if isinstance(category, str) and (use_case := rules.use_case_of(category)):
            fields.get(key)
            break
    language = _first_name(fields, ("lang", "language"))
    user = _first_name(fields, ("user_key", "user", "user_id"))
    source = name_of(fields.get("source"), "source")
    sensitive, high_stakes = _mark(fields, "sensitive"), _mark(fields, "high_stakes")
    return PromptDraft(
        messages,
        rules.prompt_fingerprint(messages),
        use_case,
        language,
        user,
        source,
        _detail(fields, row),
        sensitive,
        high_stakes,
    )


def _first_name(fields: Fields, keys: Sequence[str], *place: str | int) -> str | None:
    """The name under the first of some keys that has one."""
    for key in keys[:-1]:
        if value := fields.get(key):
            return name_of(value, *place, key)
    return name_of(fields.get(keys[-1]), *place, keys[-1])


def _mark(row: Fields, name: str) -> bool | None:
    try:
        return rules.truth_of(row.get(name))
    except ValueError:
        refuse_truth(row[name], name)


def refuse_truth(value: object, *place: str | int) -> NoReturn:
    refuse(mark("“%(value)s” is neither true nor false."), *place, value=shown(value))


def answer_of(
    value: object,
    row: Mapping[str, Any] | None,
    *place: str | int,
    key: str | None = "text",
    judged: bool = True,
) -> AnswerDraft:
    """A candidate, which may be empty, with what its row tells; what was said of one that nobody ranked is detail.

    Args:
        value: its text.
        row: what tells of it.
        place: of that row in the file's row.
        key: of the text in there; nothing where it stands at the place itself.
        judged: whether anybody ranked it.
    """
    text = text_of(value, *place, *([key] if key else []), may_be_empty=True)
    part = fields_of(row)
    likert = part.get("likert") if judged else None
    if likert is not None and (isinstance(likert, bool) or not isinstance(likert, int) or not 1 <= likert <= 7):
        no_rating = mark("“%(value)s” is no rating: give a whole number from 1 to 7.")
        refuse(no_rating, *place, "likert", value=shown(likert))
    flags = (part.get("flags") if judged else None) or []
    if not isinstance(flags, list) or not all(isinstance(f, str) for f in flags):
        refuse(mark("Give a list of names of flags."), *place, "flags")
    names = tuple(sorted({text_of(flag, *place, "flags") for flag in flags}))
    source = _first_name(part, ("source", "model"), *place)
    seen_at = _shown(part.get("shown") if judged else None, *place, "shown")
    return AnswerDraft(text, rules.text_sha256(text), source, _detail(part, row), likert, names, shown=seen_at)


def _shown(value: object, *place: str | int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(mark("“%(value)s” is no place on the screen: give a whole number from 0."), *place, value=shown(value))
    return value
