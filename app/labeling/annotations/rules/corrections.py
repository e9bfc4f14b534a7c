"""How long people may correct what they have submitted."""

from datetime import datetime, timedelta

from app.language import gettext as _


def correctable_until(submitted_at: datetime, minutes: int) -> datetime | None:
    """When the time to correct ends, counted from the first submission; nothing where a campaign gives none."""
    return submitted_at + timedelta(minutes=minutes) if minutes else None


def correction_problem(until: datetime | None, now: datetime, *, decided: bool = False) -> str | None:
    """Why a submission cannot be corrected (any longer), or nothing."""
    if decided:
        return _("What you wrote was reviewed or is in use by now, so it can no longer be corrected.")
    if until is None:
        return _("This campaign takes no corrections: what was submitted stands.")
    if now > until:
        return _(
            "The time to correct this ended at %(time)s (UTC). What you submitted before stands; what you changed "
            "since is still shown here, but is not stored.",
            time=f"{until:%H:%M}",
        )
    return None
