"""What a decision about a text needs."""

from dataclasses import dataclass

from app.language import gettext as _
from app.language import mark

ACCEPT, SEND_BACK, REJECT = "accept", "send_back", "reject"
STATE_AFTER = {ACCEPT: "accepted", SEND_BACK: "sent_back", REJECT: "rejected"}
STATES = {
    "waiting": mark("waiting"),
    "accepted": mark("accepted"),
    "sent_back": mark("sent back"),
    "rejected": mark("rejected"),
    "withdrawn": mark("withdrawn"),
    "replaced": mark("replaced"),
}
"""How people call the states of a text."""
LONGEST_REASON = 4_000


@dataclass(frozen=True)
class Decision:
    """What a reviewer says about one version of a text: what becomes of it, why, and how good it is from 1 to 7."""

    verdict: str
    reason: str = ""
    rating: int | None = None


def problems(decision: Decision) -> dict[str, str]:
    """Why a decision cannot be taken like this: a sentence for each field."""
    sentences: dict[str, str] = {}
    if decision.verdict not in STATE_AFTER:
        sentences["verdict"] = _("Accept the text, send it back or reject it.")
    if decision.verdict in (SEND_BACK, REJECT) and not decision.reason:
        sentences["reason"] = _("Say why, so that its author can do better; they read this.")
    if len(decision.reason) > LONGEST_REASON:
        sentences["reason"] = _(
            "The reason has %(count)s characters; %(most)s fit.",
            count=f"{len(decision.reason):,}",
            most=f"{LONGEST_REASON:,}",
        )
    if decision.rating is not None and not 1 <= decision.rating <= 7:
        sentences["rating"] = _("A rating is a number from 1 to 7, not %(rating)s.", rating=decision.rating)
    return sentences
