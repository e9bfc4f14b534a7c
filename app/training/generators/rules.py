"""What a generator may be called and how hard it may be asked; pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from app.errors import Invalid
from app.language import gettext as _
from trainer.contract import addresses
from trainer.contract.generators import Generator
from trainer.contract.limits import refusals

LONGEST_NAME = 100
LONGEST_MODEL = 200
LONGEST_KEY = 4000
FIELDS = ("name", "url", "model", "concurrency", "requests_per_minute", "timeout_seconds")
DEFAULTS = {name: str(Generator.model_fields[name].default) for name in ("concurrency", "timeout_seconds")}
"""What stands in a field where nobody said anything else."""


def wanted(given: Mapping[str, Any], hosts: tuple[str, ...]) -> Generator:
    """What was typed as a generator; its address is not looked at.

    Raises:
        Invalid: a sentence at each field that is wrong.
    """
    told = {name: text for name in FIELDS if (text := str(given.get(name) or "").strip())}
    problems = {}
    for field, longest, missing in (
        ("name", LONGEST_NAME, _("Give the generator a name.")),
        ("model", LONGEST_MODEL, _("Enter the model as the server calls it.")),
    ):
        text = told.get(field, "")
        if not text:
            problems[field] = missing
        elif len(text) > longest or not text.isprintable():
            problems[field] = _("At most %(number)s characters, all of them visible.", number=longest)
    if "url" not in told:
        problems["url"] = _("Enter the server's address.")
    try:
        generator = Generator.model_validate({"name": "", "url": "", "model": "", **told, "hosts": hosts})
    except ValidationError as error:
        problems |= {wrong.fields[0]: _(wrong.text, **wrong.values) for wrong in refusals(error)}
    if problems:
        raise Invalid(_("Some fields are missing or cannot be used."), problems)
    return generator


def key_problem(key: str) -> str | None:
    """Why a header cannot carry this key."""
    if len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()):
        return _("A key is plain ASCII text without line breaks.")
    return None


def same_server(one: Generator, other: Generator) -> bool:
    """Whether both are asked at the same place, so that what is a secret of the one is none before the other."""

    def place(of: Generator) -> tuple[str, str, int]:
        # Any host is one here: whether it may be asked is not the question.
        found = addresses.place_of(of.url, (addresses.ANY_PUBLIC, *of.hosts))
        return of.url.partition(":")[0].lower(), found.host, found.port

    try:
        return place(one) == place(other)
    except addresses.EndpointError:
        return False
