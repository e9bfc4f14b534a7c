"""The language in which a person is spoken to.

Sentences stand in English where they are needed, marked by ``_`` (or ``ngettext`` where they count something), and
are looked up when they are said: in Python and in scripts as calls, in templates as ``{{ _("…") }}`` or
``{% trans %}``. Values go in by name: ``_("%(name)s is open for work.", name=campaign.name)``; a percent sign is
written ``%%``. The translations are the catalogues ``translations/<locale>.po``, read once per process.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any, Literal

from babel.lists import format_list
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = {"en": "English", "zh-Hans": "简体中文"}
"""Each language's tag (BCP 47) and its own name for itself; sentences are written in the first."""
SOURCE = next(iter(LOCALES))
CONVENTIONS = {"en": "en_GB", "zh-Hans": "zh_Hans"}
"""Whose manner of writing lists and dates is used for each language (CLDR)."""
CATALOGUES = Path(__file__).parent / "translations"
SCRIPTS = "static/js/"

_spoken: ContextVar[str] = ContextVar("spoken", default=SOURCE)


def speak(locale: str) -> None:
    """Use a language for the rest of this request (of this context)."""
    _spoken.set(locale)


def spoken() -> str:
    """The language in use."""
    return _spoken.get()


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Use a language for a while."""
    token = _spoken.set(locale)
    try:
        yield
    finally:
        _spoken.reset(token)


def gettext(message: str, **values: Any) -> str:
    """A sentence in the language in use, with its values."""
    return plain_gettext(message) % values


def ngettext(singular: str, plural: str, count: int, **values: Any) -> str:
    """A sentence that counts, in the language in use; ``%(num)s`` is the count, as in templates."""
    return plain_ngettext(singular, plural, count) % ({"num": count} | values)


def mark(message: str) -> str:
    """Mark a sentence for translation where it is kept and not said; whoever says it calls ``gettext``."""
    return message


def listed(names: Iterable[object], last: Literal["and", "or"] = "and") -> str:
    """Several things as one phrase: "A, B and C", or "A, B or C"."""
    words = list(map(str, names))
    return format_list(words, style="standard" if last == "and" else "or", locale=CONVENTIONS[_spoken.get()])


def said(text: str) -> str:
    """A text kept as data, in the language in use where it is one that we ship; whatever else people wrote stays."""
    return plain_gettext(text) if text else text


def plain_gettext(message: str) -> str:
    """The translation alone, its values still open."""
    return _translations(_spoken.get()).gettext(message)


def plain_ngettext(singular: str, plural: str, count: int) -> str:
    """The translation for a count alone, its values still open."""
    return _translations(_spoken.get()).ngettext(singular, plural, count)


def best_of(wanted: Iterable[str | None]) -> str:
    """The first of some wishes that we speak: tags such as ``zh-CN``, or a browser's ``Accept-Language``."""
    for wish in wanted:
        for tag in _by_preference(wish or ""):
            if tag in LOCALES:
                return tag
            if tag.split("-")[0] == "zh":
                return "zh-Hans"
            if tag.split("-")[0] in LOCALES:
                return tag.split("-")[0]
    return SOURCE


def script_words(locale: str) -> Mapping[str, list[str]]:
    """What scripts say, by the English of it: the forms of the translation. Nothing for the source language."""
    return _script_words(locale)


def _by_preference(accept: str) -> list[str]:
    tags: list[tuple[float, str]] = []
    for part in accept.split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            tags.append((-float(weight or 1), tag))
        except ValueError:
            continue
    return [tag for _, tag in sorted(tags, key=lambda weighed: weighed[0]) if tag]


@cache
def _catalogue(locale: str) -> Catalog:
    with (CATALOGUES / f"{locale}.po").open("rb") as file:
        return read_po(file, locale=locale.replace("-", "_"))


@cache
def _translations(locale: str) -> NullTranslations:
    if locale == SOURCE:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, _catalogue(locale))
    compiled.seek(0)
    return GNUTranslations(compiled)


@cache
def _script_words(locale: str) -> Mapping[str, list[str]]:
    if locale == SOURCE:
        return {}
    words: dict[str, list[str]] = {}
    for message in _catalogue(locale):
        if any(name.startswith(SCRIPTS) for name, _ in message.locations) and message.string:
            forms = message.string if isinstance(message.string, (list, tuple)) else [message.string]
            key = message.id[0] if isinstance(message.id, (list, tuple)) else message.id
            words[key] = list(forms)
    return words
