"""Why a task may be skipped, what must be said with it, and how long a skip can be taken back."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from app.language import gettext as _
from app.language import mark

REASONS: Mapping[str, str] = {
    "unclear": mark("I cannot tell what is asked"),
    "expertise": mark("I cannot judge this topic well"),
    "uncomfortable": mark("I am not comfortable with the content"),
    "language": mark("It is in a language that I do not read"),
    "seen_before": mark("I have seen this one before"),
    "other": mark("Another reason"),
}
"""Code -> what the labeler reads beside the button. A task that is skipped counts against nobody."""

IN_SHORT: Mapping[str, str] = {
    "unclear": mark("unclear"),
    "expertise": mark("lacks the expertise"),
    "uncomfortable": mark("uncomfortable"),
    "language": mark("another language"),
    "seen_before": mark("seen before"),
    "other": mark("another reason"),
}
"""Code -> what researchers read in their tables."""

NEEDS_A_NOTE = "other"
LONGEST_NOTE = 300
TAKE_BACK_WITHIN = timedelta(minutes=10)
UNCLEAR_TO = 2
"""People who must find a prompt unclear before researchers are pointed to it: one may be mistaken."""


def skip_problem(reason: str, note: str) -> str | None:
    """Why a task cannot be skipped like this, or nothing."""
    if not reason:
        return _("Choose the reason that comes closest, so that the prompt can be mended.")
    if reason not in REASONS:
        return _("“%(reason)s” is none of the reasons. Choose one of the list.", reason=reason[:60])
    if reason == NEEDS_A_NOTE and not note.strip():
        return _("Say in a few words why you skip it, so that the prompt can be mended.")
    if len(note) > LONGEST_NOTE:
        return _(
            "The note has %(length)s characters; %(most)s fit. Nothing was skipped yet.",
            length=f"{len(note):,}",
            most=LONGEST_NOTE,
        )
    return None


def may_be_taken_back(skipped_at: datetime, now: datetime) -> bool:
    return now - skipped_at <= TAKE_BACK_WITHIN


def is_unclear_to_many(unclear: int) -> bool:
    """Whether so many people found a prompt unclear that a researcher should look at it."""
    return unclear >= UNCLEAR_TO
