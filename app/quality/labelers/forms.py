"""What an address, or a command, asks for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from app.errors import Invalid
from app.labeling.my_work.rules import begin_of, day_of
from app.language import gettext as _
from app.quality.labelers.rules.bounds import Filters
from app.quality.labelers.rules.ongoing import BOUNDS

FIELDS = ("campaign", "since", "until", "sort")


def filters_of(fields: Mapping[str, str], campaigns: Sequence[tuple[int, str]]) -> Filters:
    """``campaign`` by id or name, ``since`` and ``until`` (the last day taken); what is missing takes all.

    Raises:
        Invalid: with a sentence for each field that asks for something there is not.
    """
    problems: dict[str, str] = {}
    days: dict[str, datetime | None] = {}
    for field, after in (("since", 0), ("until", 1)):
        text = fields.get(field, "")
        try:
            days[field] = begin_of(day_of(text), datetime.now(UTC)) + timedelta(days=after) if text else None
        except (ValueError, OverflowError):
            problems[field] = _("“%(text)s” is not a day. Write it like 2026-05-04.", text=text[:40])
    known = {name: id_ for id_, name in campaigns} | {str(id_): id_ for id_, _name in campaigns}
    if (campaign := fields.get("campaign", "")) and campaign not in known:
        problems["campaign"] = _("There is no such campaign.")
    if problems:
        raise Invalid(_("The report cannot be made like this."), problems)
    return Filters(known.get(campaign), days["since"], days["until"])


def bounds_of(fields: Mapping[str, str]) -> dict[str, float | None]:
    """The bound of each measure; an empty field asks for the usual one.

    Raises:
        Invalid: with a sentence for each field that is no number.
    """
    bounds: dict[str, float | None] = {}
    problems = {}
    for measure in BOUNDS:
        text = fields.get(measure, "").strip().replace(",", ".")
        try:
            bounds[measure] = float(text) if text else None
        except ValueError:
            problems[measure] = _("A bound is a number, such as 0.65.")
    if problems:
        raise Invalid(_("Nothing was changed."), problems)
    return bounds
