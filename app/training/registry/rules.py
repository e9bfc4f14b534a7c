"""What a model may be called and where it may come from; pure."""

import re

from app.language import gettext as _
from trainer.contract.configs import CONFIGS
from trainer.contract.inspection import KINDS

LONGEST_NAME = 100
_OF_RUNS = re.compile(rf"({'|'.join(CONFIGS)})-[0-9]{{1,9}}")
_REPOSITORY = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[^\s@]+))?", re.ASCII)


def name_problem(name: str) -> str | None:
    """Why a model that does not come from a run cannot be called so."""
    if not name.strip():
        return _("Give the model a name.")
    if len(name) > LONGEST_NAME or not name.isprintable():
        return _("The name of a model has at most %(number)s characters.", number=LONGEST_NAME)
    if _OF_RUNS.fullmatch(name):
        return _("Runs name their models so. Choose another name than “%(name)s”.", name=name)
    return None


def kind_problem(kind: str) -> str | None:
    if kind not in KINDS:
        return _("A model is one of %(kinds)s, not “%(kind)s”.", kinds=", ".join(KINDS), kind=kind)
    return None


def repository_of(text: str) -> tuple[str, str | None] | None:
    """Repository and revision of ``ORG/NAME`` or ``ORG/NAME@REVISION``; nothing of anything else."""
    found = _REPOSITORY.fullmatch(text.strip())
    return (found["name"], found["revision"]) if found and ".." not in found["name"] else None
