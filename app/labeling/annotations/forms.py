"""Reads the forms of the instruments; their fields are named after candidates and flags."""

from collections.abc import Mapping

from app.labeling.annotations.rules.drafts import Edit
from app.labeling.annotations.rules.submission import Verdict
from app.language import gettext as _
from app.web.forms import whole_number

LONGEST_PAGE_NAME = 40


def verdict_of(fields: Mapping[str, str]) -> Verdict:
    """``likert``, ``note`` and ``flag-<name>``; a flag that is missing was not answered."""
    likert = fields.get("likert", "")
    return Verdict(
        likert=whole_number(likert, _("A rating")) if likert else None,
        flags={name.removeprefix("flag-"): value for name, value in fields.items() if name.startswith("flag-")},
        note=fields.get("note", ""),
    )


def prompt_labels_of(fields: Mapping[str, str]) -> dict[str, str]:
    """``label-<name>``; only what was answered."""
    return {name.removeprefix("label-"): value for name, value in fields.items() if name.startswith("label-") and value}


def schema_version_of(fields: Mapping[str, str]) -> int | None:
    """``schema_version``: which version of the label schema the page showed; nothing where a form does not say."""
    version = fields.get("schema_version", "")
    return whole_number(version, _("The version of the questions")) if version else None


def edit_of(fields: Mapping[str, str]) -> Edit | None:
    """``revision``: as the server wrote it into the form, or with what the page's script adds, ``4.k3x9.8``."""
    revision, _dot, change = fields.get("revision", "").partition(".")
    if not revision:
        return None
    page, _dot, number = change.partition(".")
    return Edit(
        revision=whole_number(revision, _("The revision of the draft"), 0),
        page=page[:LONGEST_PAGE_NAME],
        number=whole_number(number or "0", _("The number of the change"), 0),
    )


def ranks_of(fields: Mapping[str, str]) -> dict[int, int]:
    """``rank-<candidate>``: the lane, 1 best; an empty one is not placed yet."""
    return {
        whole_number(name.removeprefix("rank-"), _("An answer's number")): whole_number(value, _("A rank"))
        for name, value in fields.items()
        if name.startswith("rank-") and value
    }


def none_acceptable_of(fields: Mapping[str, str]) -> bool:
    """``none_acceptable``: the box is ticked."""
    return fields.get("none_acceptable") == "yes"
