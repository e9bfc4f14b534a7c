"""Reads the form on which two answers are compared."""

from collections.abc import Mapping

from app.language import gettext as _
from app.web.forms import whole_number


def step_of(fields: Mapping[str, str]) -> int | None:
    """``step``: from 1, the first answer much better; nothing where nothing is chosen."""
    step = fields.get("step", "")
    return whole_number(step, _("A step")) if step else None
