"""What researchers see of the tasks that people gave back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.labeling.campaigns.queries import finding
from app.labeling.campaigns.rules import skips as rules
from app.models import Prompt, Skip


@dataclass(frozen=True)
class SkippedPrompt:
    """What people said when they skipped a prompt; never who they were, for a skip counts against nobody.

    There is no ``prompt`` where one was to be written, perhaps from a ``scenario``.
    """

    prompt: Prompt | None
    scenario: str
    reasons: Mapping[str, int]
    notes: Sequence[str]
    last: datetime

    @property
    def unclear_to_many(self) -> bool:
        return rules.is_unclear_to_many(self.reasons.get("unclear", 0))

    @property
    def times(self) -> int:
        return sum(self.reasons.values())


@dataclass(frozen=True)
class Skipped:
    """The skips of a campaign: by reason, the most frequent first, and by prompt."""

    reasons: Sequence[tuple[str, int]]
    prompts: Sequence[SkippedPrompt]
    of_prompts: int

    @property
    def times(self) -> int:
        return sum(count for _reason, count in self.reasons)


def skipped_in(session: Session, campaign_id: int, shown: int) -> Skipped:
    """The skips of a campaign; of its prompts the ``shown`` ones that most need a look."""
    by_prompt: dict[tuple[int | None, int | None], list[Skip]] = {}
    for row in finding.skips_in(session, campaign_id):
        by_prompt.setdefault((row.task.prompt_id, row.task.scenario_id), []).append(row)
    prompts = sorted(map(_of_prompt, by_prompt.values()), key=lambda p: (p.unclear_to_many, p.times, p.last))
    reasons = Counter(row.reason for rows in by_prompt.values() for row in rows)
    return Skipped(reasons.most_common(), prompts[::-1][:shown], len(prompts))


def _of_prompt(rows: Sequence[Skip]) -> SkippedPrompt:
    return SkippedPrompt(
        prompt=rows[0].task.prompt,
        scenario=rows[0].task.scenario.title if rows[0].task.scenario else "",
        reasons=dict(Counter(row.reason for row in rows).most_common()),
        notes=[row.note for row in rows if row.note],
        last=max(row.skipped_at for row in rows),
    )
