"""Where the judgements of a file stand: in closed campaigns, one task for each prompt and set of answers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from app.labeling.importing.drafts import LabelDraft, RankingDraft
from app.labeling.importing.queries import rows as queries
from app.material.prompts import rules
from app.models import Campaign
from app.models.base import utc_now

CampaignKey = tuple[str | None, str, str]
"""The name that the row gives its campaign, phase and kind."""


@dataclass
class Tasks:
    """Finds or makes the campaigns and tasks of one file.

    Attributes:
        source: the file's own name among all imports.
        prompts: the id of each prompt by its fingerprint; those of what is judged are there when they are asked for.
        added: what was added, by table.
    """

    session: Session
    source: str
    person_id: int | None
    prompts: Mapping[str, int]
    added: Counter[str]
    _campaigns: dict[CampaignKey, Campaign] = field(default_factory=dict)

    def of(
        self,
        campaigns: Mapping[str, Campaign],
        judged: Mapping[str, RankingDraft | LabelDraft],
        ids: dict[str, list[int]],
    ) -> dict[str, int]:
        """The task of each ranking or label: one per campaign, prompt and set of answers."""
        task_ids: dict[str, int] = {}
        for campaign in {campaign.id: campaign for campaign in campaigns.values()}.values():
            theirs = {key: judgement for key, judgement in judged.items() if campaigns[key] is campaign}
            task_ids |= self._of_one(campaign, theirs, ids)
        return task_ids

    def _of_one(
        self, campaign: Campaign, judged: Mapping[str, RankingDraft | LabelDraft], ids: dict[str, list[int]]
    ) -> dict[str, int]:
        fingerprints = {
            key: rules.task_fingerprint(self.prompts[judgement.prompt.fingerprint], ids[key])
            for key, judgement in judged.items()
        }
        known = queries.task_ids(self.session, campaign.id, set(fingerprints.values()))
        new = {f: key for key, f in fingerprints.items() if f not in known}
        queries.insert_tasks(
            self.session,
            [
                {
                    "campaign_id": campaign.id,
                    "prompt_id": self.prompts[judged[key].prompt.fingerprint],
                    "fingerprint": fingerprint,
                    "created_at": utc_now(),
                }
                for fingerprint, key in new.items()
            ],
        )
        made = queries.task_ids(self.session, campaign.id, new)
        queries.insert_task_answers(
            self.session,
            [
                {"task_id": made[fingerprint], "candidate_id": candidate_id, "position": position}
                for fingerprint, key in new.items()
                for position, candidate_id in enumerate(ids[key])
            ],
        )
        self.added["tasks"] += len(new)
        known |= made
        return {key: known[fingerprint] for key, fingerprint in fingerprints.items()}

    def campaign(self, name: str | None, phase: str, kind: str) -> Campaign:
        """The closed campaign that holds rankings of the file; one of people's own with that name is left alone.

        What a row of ours calls its campaign may be the name of another one here, so such a campaign is always new.
        """
        key = (name, phase, kind)
        if key in self._campaigns:
            return self._campaigns[key]
        base = name or f"import: {self.source}" + (" (evaluation)" if phase == "evaluation" else "")
        free, number = base, 1
        while (campaign := queries.campaign_named(self.session, free)) is not None:
            if name is None and campaign.imported and campaign.phase == phase and campaign.kind == kind:
                break
            number += 1
            free = f"{base} {number}"
        if campaign is None:
            named = {"name": free, "kind": kind, "phase": phase}
            told = {"status": "closed", "imported": True, "created_by": self.person_id}
            campaign = queries.insert_campaign(self.session, named | told)
        self._campaigns[key] = campaign
        return campaign
