"""Reads the form of a new campaign."""

from collections.abc import Mapping

from app.language import gettext as _
from app.web.forms import whole_number


def makers_of(lists: Mapping[str, list[str]]) -> tuple[list[str], list[int]]:
    """Chosen sources of answers: ``origin`` by origin, ``model_version_id`` by number."""
    models = [whole_number(value, _("A model's number")) for value in lists.get("model_version_id", [])]
    return lists.get("origin", []), models
