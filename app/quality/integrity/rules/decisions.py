"""What a person may decide after looking at the evidence."""

from dataclasses import dataclass

from app.language import gettext as _
from app.language import mark

NOTHING, TALK, REJECT = "nothing", "talk", "reject"
VERDICTS = {
    NOTHING: mark("Nothing found"),
    TALK: mark("Talk with the author"),
    REJECT: mark("Reject the text"),
}
DONE = {
    NOTHING: mark("Noted: nothing found."),
    TALK: mark("Noted. The author reads your words under “My work” and can answer."),
    REJECT: mark("Rejected, with your reason. The task goes to somebody else."),
}
LONGEST_REASON = 4_000


@dataclass(frozen=True)
class Decision:
    """A verdict and the reason for it."""

    verdict: str
    reason: str = ""


def reply_problem(text: str) -> str:
    """Why an author's answer cannot be taken like this; nothing where it can."""
    if not text:
        return _("Write your answer first.")
    if len(text) > LONGEST_REASON:
        return _(
            "The answer has %(count)s characters; %(most)s fit.", count=f"{len(text):,}", most=f"{LONGEST_REASON:,}"
        )
    return ""


def problems(decision: Decision) -> dict[str, str]:
    """Why a decision cannot be taken like this: a sentence for each field."""
    sentences: dict[str, str] = {}
    if decision.verdict not in VERDICTS:
        sentences["verdict"] = _("Choose what you decide.")
    if decision.verdict == TALK and not decision.reason:
        sentences["reason"] = _("Write what you want to ask; the author reads it.")
    if decision.verdict == REJECT and not decision.reason:
        sentences["reason"] = _("Say why; the author reads it. A score alone is no reason.")
    if len(decision.reason) > LONGEST_REASON:
        sentences["reason"] = _(
            "The reason has %(count)s characters; %(most)s fit.",
            count=f"{len(decision.reason):,}",
            most=f"{LONGEST_REASON:,}",
        )
    return sentences
