"""Reads the form in which a verdict is entered; its fields are named after answers and labels."""

from collections.abc import Mapping, Sequence

from app.labeling.annotations.forms import prompt_labels_of, ranks_of
from app.labeling.annotations.rules.submission import Submission, Verdict
from app.language import gettext as _
from app.quality.gold.rules import Decision
from app.web.forms import whole_number


def decision_of(fields: Mapping[str, str], candidates: Sequence[int]) -> Decision:
    """``rank-<answer>``, ``likert-<answer>``, ``flag-<answer>-<name>``, ``label-<name>``, ``reason``, ``topic``."""
    return Decision(
        verdict=entered(fields, candidates),
        reason=fields.get("reason", "").replace("\r\n", "\n").strip(),
        topic=fields.get("topic", "").strip(),
    )


def entered(fields: Mapping[str, str], candidates: Sequence[int]) -> Submission:
    """The verdict as far as it was entered; a label that was left alone is missing."""
    return Submission(
        verdicts={candidate: _verdict(fields, candidate) for candidate in candidates},
        ranks=ranks_of(fields),
        prompt_labels=prompt_labels_of(fields),
    )


def _verdict(fields: Mapping[str, str], candidate: int) -> Verdict:
    likert, prefix = fields.get(f"likert-{candidate}", ""), f"flag-{candidate}-"
    return Verdict(
        likert=whole_number(likert, _("A rating")) if likert else None,
        flags={name.removeprefix(prefix): value for name, value in fields.items() if name.startswith(prefix) and value},
    )
