"""What an answer may be that somebody writes."""

from app.language import gettext as _

LONGEST_DEMONSTRATION = 100_000


def tidy(text: str) -> str:
    """A text without blank space around it, its lines ended in one way."""
    return text.replace("\r\n", "\n").strip()


def length_problem(written: int) -> str | None:
    if written <= LONGEST_DEMONSTRATION:
        return None
    return _(
        "The text has %(count)s characters; %(most)s fit. Shorten it; what was saved before is kept.",
        count=f"{written:,}",
        most=f"{LONGEST_DEMONSTRATION:,}",
    )


def demonstration_problem(text: str) -> str | None:
    if not text.strip():
        return _("There is no text yet. Write the answer you would like to read, then submit.")
    if len(text) > LONGEST_DEMONSTRATION:
        return _(
            "The text has %(length)s characters; %(most)s fit.",
            length=f"{len(text):,}",
            most=f"{LONGEST_DEMONSTRATION:,}",
        )
    return None
