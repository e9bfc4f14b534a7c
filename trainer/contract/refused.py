"""What pydantic refuses, in our own words: one door for forms, commands, the API, imports and the trainer.

The trainer knows no languages, so a sentence and its values are kept apart, for whoever translates the sentence.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

MISSING = "This is missing."
FIELD = "Unknown field “%(name)s”."
UNKNOWN = "Unknown setting “%(name)s”."
MEANT = "Unknown setting “%(name)s”. Did you mean “%(meant)s”?"
ABOVE = "Enter a number above %(limit)s."
AT_LEAST = "Enter %(limit)s or more."
BELOW = "Enter a number below %(limit)s."
AT_MOST = "Enter %(limit)s or less."
WHOLE = "Enter a whole number."
NUMBER = "Enter a number."
FINITE = "Enter a finite number."
SWITCH = "Choose yes or no."
CHOICE = "Choose one of these: %(choices)s."
TEXT = "Enter text."
EMPTY = "This cannot be empty."
LETTERS_AT_LEAST = "Enter at least %(limit)s characters."
LETTERS_AT_MOST = "Enter at most %(limit)s characters."
ENTRIES_AT_LEAST = "Give at least %(limit)s."
ENTRIES_AT_MOST = "Give at most %(limit)s."
LIST = "Give a list."
NAMES = "Give names with their values."
DATE = "Enter a date."
JSON = "This is not valid JSON."
OTHER = "This value cannot be used."
ONE_RANK_EACH = "Each answer needs one rank (answers: %(answers)s, ranks: %(ranks)s)."
TWO_ANSWERS = "A ranking needs at least two answers."

_SENTENCES = {
    "missing": MISSING,
    "extra_forbidden": FIELD,
    "greater_than": ABOVE,
    "greater_than_equal": AT_LEAST,
    "less_than": BELOW,
    "less_than_equal": AT_MOST,
    "finite_number": FINITE,
    "literal_error": CHOICE,
    "enum": CHOICE,
    "string_too_short": LETTERS_AT_LEAST,
    "string_too_long": LETTERS_AT_MOST,
    "too_short": ENTRIES_AT_LEAST,
    "too_long": ENTRIES_AT_MOST,
    "json_invalid": JSON,
}
_FAMILIES = (
    (("int_",), WHOLE),
    (("float_", "decimal_"), NUMBER),
    (("bool_",), SWITCH),
    (("string_",), TEXT),
    (("list_", "tuple_", "set_", "frozen_set_", "iterable_"), LIST),
    (("dict_", "mapping_", "model_"), NAMES),
    (("date_", "datetime_"), DATE),
)
_LIMITS = ("gt", "ge", "lt", "le", "min_length", "max_length")
TEXTS = (
    *dict.fromkeys((*_SENTENCES.values(), *(text for _, text in _FAMILIES))),
    *(UNKNOWN, MEANT, EMPTY, OTHER, ONE_RANK_EACH, TWO_ANSWERS),
)
"""Every sentence, for those who translate them."""


class WrongError(ValueError):
    """What a validator of ours refuses: a sentence of this module and what goes in."""

    def __init__(self, text: str, **values: Any) -> None:
        super().__init__(text % values)
        self.text, self.values = text, values


def told(found: Mapping[str, Any], known: Iterable[str] = ()) -> tuple[str, dict[str, Any]]:
    """The sentence for one of ``ValidationError.errors()``, and its values.

    Args:
        found: what pydantic says.
        known: names of settings that would have been right, of which one like an unknown name is proposed.
    """
    kind, context = found["type"], found.get("ctx", {})
    if kind == "value_error" and isinstance(context["error"], WrongError):
        return context["error"].text, context["error"].values
    if kind in ("value_error", "assertion_error"):  # a validator of ours, which has spoken already
        return "%(sentence)s", {"sentence": str(context["error"])}
    limits = [context[name] for name in _LIMITS if name in context]
    if kind in ("string_too_short", "too_short") and limits == [1]:
        return EMPTY, {}
    if kind == "extra_forbidden" and found["loc"]:
        name, names = str(found["loc"][-1]), list(known)
        meant = difflib.get_close_matches(name, names, 1)
        if not names:
            return FIELD, {"name": name}
        return (MEANT, {"name": name, "meant": meant[0]}) if meant else (UNKNOWN, {"name": name})
    families = (text for starts, text in _FAMILIES if kind.startswith(starts))
    text = _SENTENCES.get(kind) or next(families, OTHER)
    values: dict[str, Any] = {}
    if limits:
        limit = limits[0]
        values["limit"] = (
            f"{limit:,}" if isinstance(limit, int) else f"{limit:g}" if isinstance(limit, float) else limit
        )
    if text == CHOICE:
        # pydantic writes 'a', 'b' or 'c'.
        values["choices"] = ", ".join(re.findall("'([^']*)'", str(context.get("expected", ""))))
    return text, values


def clause(found: Mapping[str, Any]) -> str:
    """The same as a part of an English sentence, after the place that it is about."""
    text, values = told(found)
    said = (text % values).removesuffix(".")
    place = ".".join(map(str, found["loc"]))
    return f"{place}: {said[:1].lower()}{said[1:]}" if place else f"{said[:1].lower()}{said[1:]}"
