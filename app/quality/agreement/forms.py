"""What an address, or a command, asks for: read, checked, and written again."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from app.errors import Invalid
from app.instruments import criteria
from app.labeling.my_work.rules import begin_of, day_of
from app.language import gettext as _
from app.measures import CONVENTIONS
from app.quality.agreement.rules.filters import PHASES, PURPOSES, Filters
from trainer.statistics.ranking_agreement import HEADLINE

FIELDS = ("campaign", "phase", "kind", "purpose", "group", "use_case", "language", "since", "until", "convention")
USUAL = {"phase": "training", "kind": "ranking", "purpose": "work", "convention": HEADLINE}


def filters_of(fields: Mapping[str, str], campaigns: Sequence[tuple[int, str]]) -> Filters:
    """The filters of an address; a field that is missing or empty means what is usual.

    Args:
        fields: by name; ``until`` is the last day taken.
        campaigns: (id, name) of those there are; one is asked for by either.

    Raises:
        Invalid: with a sentence for each field that asks for something there is not.
    """
    problems: dict[str, str] = {}
    chosen = {field: fields.get(field, "").strip() or USUAL.get(field, "") for field in FIELDS}
    for field, known in (("phase", PHASES), ("kind", criteria()), ("purpose", PURPOSES), ("convention", CONVENTIONS)):
        if chosen[field] not in known:
            problems[field] = _("Choose one of %(names)s.", names=", ".join(known))
    by_name = {name: id_ for id_, name in campaigns} | {str(id_): id_ for id_, _name in campaigns}
    if chosen["campaign"] and chosen["campaign"] not in by_name:
        problems["campaign"] = _("There is no such campaign.")
    days: dict[str, datetime | None] = {}
    for field, after in (("since", 0), ("until", 1)):
        try:
            days[field] = _day(chosen[field], after) if chosen[field] else None
        except (ValueError, OverflowError):
            problems[field] = _("“%(text)s” is not a day. Write it like 2026-05-04.", text=chosen[field][:40])
    if not problems and days["since"] and days["until"] and days["since"] >= days["until"]:
        problems["until"] = _("The last day lies before the first.")
    if problems:
        raise Invalid(_("The report cannot be made like this."), problems)
    return Filters(
        campaign=by_name.get(chosen["campaign"]),
        phase=chosen["phase"],
        kind=chosen["kind"],
        purpose=chosen["purpose"],
        group=chosen["group"] or None,
        use_case=chosen["use_case"] or None,
        language=chosen["language"] or None,
        since=days["since"],
        before=days["until"],
    )


def query_of(fields: Mapping[str, str], **instead: str) -> str:
    """The address of the same report, or of one that differs in some fields; what is usual is left out."""
    chosen = {field: fields.get(field, "").strip() for field in FIELDS} | instead
    return urlencode({field: value for field, value in chosen.items() if value and value != USUAL.get(field)})


def _day(text: str, after: int) -> datetime:
    return begin_of(day_of(text), datetime.now(UTC)) + timedelta(days=after)
