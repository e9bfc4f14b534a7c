"""Drafts to rows, in batches: looks up what is known, adds what is new, counts what comes again."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from app.models import Campaign
from app.models.base import utc_now
from app.prompts import queries, rules
from app.prompts.importers.drafts import AnswerDraft, Drafts, LabelDraft, PromptDraft, RankingDraft
from app.prompts.importers.meeting import meet_answers, meet_prompts, prompts_in

BATCH = 1_000  # rows of the file
CandidateKey = tuple[int, str, str]


def origin_of(answer: AnswerDraft, stem: str) -> str:
    """Who made an imported answer; one that was exported from an import keeps its first name.

    A ``model:<id>`` of another installation would name one of our models by accident, so it is kept as detail only.
    """
    if answer.source and answer.source.startswith("import:"):
        return answer.source
    return f"import:{stem}" + (f"#{answer.twin + 1}" if answer.twin else "")


@dataclass
class Writer:
    """Writes the drafts of one file inside the caller's transaction.

    Attributes:
        stem: the file's name; names the campaign, the origin of answers and the annotators.
        added: rows added by table; ``repeated``: rows of the file that brought nothing new.
    """

    session: Session
    import_id: int
    stem: str
    person_id: int | None
    added: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    _prompts: dict[str, int] = field(default_factory=dict)
    _candidates: dict[CandidateKey, int] = field(default_factory=dict)
    _demonstrations: set[tuple[int, str]] = field(default_factory=set)
    _campaigns: dict[str, Campaign] = field(default_factory=dict)

    def write(self, batch: list[Drafts]) -> None:
        """Add a batch; the order of its rows decides which of two equal ones is the repeated one."""
        fresh: set[int] = set()
        self._write_prompts(batch, fresh)
        meet_prompts(self.session, batch, self._prompts)
        self._write_candidates(batch, fresh)
        said = ((prompt, answer, drafts) for drafts in batch for prompt, answer in _candidates_in(drafts))
        meet_answers(
            self.session, ((self._candidates[self._key(p, answer)], drafts, answer) for p, answer, drafts in said)
        )
        self._write_demonstrations(batch, fresh)
        self._write_rankings(batch, fresh)
        self._write_labels(batch, fresh)
        self.repeated += len(batch) - len(fresh)

    def _write_prompts(self, batch: list[Drafts], fresh: set[int]) -> None:
        wanted: dict[str, tuple[int, PromptDraft]] = {}
        for place, drafts in enumerate(batch):
            for prompt in prompts_in(drafts):
                if prompt.fingerprint not in self._prompts:
                    wanted.setdefault(prompt.fingerprint, (place, prompt))
        known = queries.prompt_ids(self.session, wanted)
        new = [(place, prompt) for place, prompt in wanted.values() if prompt.fingerprint not in known]
        queries.insert_prompts(self.session, [self._prompt_row(prompt) for _, prompt in new])
        said = {known[p.fingerprint]: p.sensitive for _, p in wanted.values() if p.fingerprint in known}
        for mark in (True, False):  # of a prompt that was there before, where nobody had said so or not
            queries.say_sensitive(self.session, [id_ for id_, sensitive in said.items() if sensitive is mark], mark)
        made = queries.prompt_ids(self.session, [prompt.fingerprint for _, prompt in new])
        self._prompts |= known | made
        # Prompts that were there before may have candidates and demonstrations; new ones have none.
        self._candidates |= queries.candidate_ids(self.session, known.values())
        self._demonstrations |= queries.known_demonstrations(self.session, known.values())
        fresh.update(place for place, _ in new)
        self.added["prompts"] += len(new)

    def _prompt_row(self, prompt: PromptDraft) -> dict[str, Any]:
        return {
            "fingerprint": prompt.fingerprint,
            "messages": prompt.messages,
            "use_case": prompt.use_case,
            "language": prompt.language,
            "user_key": prompt.user_key,
            "source": prompt.source or self.stem,
            "sensitive": prompt.sensitive,
            "high_stakes": prompt.high_stakes,
            "detail": prompt.detail,
            "import_id": self.import_id,
            "created_at": utc_now(),
        }

    def _key(self, prompt: PromptDraft, answer: AnswerDraft) -> CandidateKey:
        return self._prompts[prompt.fingerprint], origin_of(answer, self.stem), answer.sha256

    def _write_candidates(self, batch: list[Drafts], fresh: set[int]) -> None:
        rows: dict[CandidateKey, dict[str, Any]] = {}
        for place, drafts in enumerate(batch):
            for prompt, answer in _candidates_in(drafts):
                key = self._key(prompt, answer)
                if key not in self._candidates and key not in rows:
                    rows[key] = _candidate_row(key, answer)
                    fresh.add(place)
        queries.insert_candidates(self.session, list(rows.values()))
        made = queries.candidate_ids(self.session, {prompt_id for prompt_id, _, _ in rows})
        self._candidates |= made
        self.added["candidates"] += len(rows)

    def _write_demonstrations(self, batch: list[Drafts], fresh: set[int]) -> None:
        rows = []
        for place, drafts in enumerate(batch):
            for demonstration in drafts.demonstrations:
                prompt_id = self._prompts[demonstration.prompt.fingerprint]
                if (key := (prompt_id, demonstration.sha256)) in self._demonstrations:
                    continue
                self._demonstrations.add(key)
                fresh.add(place)
                rows.append(
                    {
                        "prompt_id": prompt_id,
                        "text": demonstration.text,
                        "text_sha256": demonstration.sha256,
                        "author": demonstration.author,
                        "source": f"import:{self.stem}",
                        "import_id": self.import_id,
                        "created_at": utc_now(),
                    }
                )
        queries.insert_demonstrations(self.session, rows)
        self.added["demonstrations"] += len(rows)

    def _write_rankings(self, batch: list[Drafts], fresh: set[int]) -> None:
        wanted: dict[str, tuple[int, RankingDraft]] = {}
        for place, drafts in enumerate(batch):
            for ranking in drafts.rankings:
                wanted.setdefault(ranking.key(self.stem), (place, ranking))
        for key in queries.known_external_keys(self.session, wanted):
            del wanted[key]
        if not wanted:
            return
        fresh.update(place for place, _ in wanted.values())
        for phase in ("training", "evaluation"):
            some = {key: ranking for key, (_, ranking) in wanted.items() if ranking.phase == phase}
            if some:
                self._write_annotations(self._campaign(phase), some)
        self.added["rankings"] += len(wanted)

    def _write_annotations(self, campaign: Campaign, rankings: dict[str, RankingDraft]) -> None:
        ids = {
            key: [self._candidates[self._key(ranking.prompt, answer)] for answer in ranking.answers]
            for key, ranking in rankings.items()
        }
        tasks = self._tasks(campaign, rankings, ids)
        annotations = queries.insert_annotations(
            self.session,
            [
                {
                    "campaign_id": campaign.id,
                    "task_id": tasks[key],
                    "annotator": f"{self.stem}:{ranking.annotator}",
                    "external_key": key,
                    "shown_order": _shown_order(ranking, ids[key]),
                    "labeler_group": ranking.labeler_group,
                    "strength": ranking.strength,
                    "none_acceptable": ranking.none_acceptable,
                    "seconds": ranking.seconds,
                    "detail": {"told": ranking.detail} if ranking.detail else None,
                    "submitted_at": utc_now(),
                }
                for key, ranking in rankings.items()
            ],
        )
        ranks: list[dict[str, Any]] = []
        ratings: list[dict[str, Any]] = []
        flags: list[dict[str, Any]] = []
        for key, ranking in rankings.items():
            for candidate_id, answer, rank in zip(ids[key], ranking.answers, ranking.ranks, strict=True):
                of = {"annotation_id": annotations[key], "candidate_id": candidate_id}
                ranks.append({**of, "rank": rank})
                if answer.likert is not None:
                    ratings.append({**of, "likert": answer.likert, "note": ""})
                flags.extend({**of, "name": name, "value": "yes"} for name in answer.flags)
            if ranking.use_case:
                of_prompt = {"annotation_id": annotations[key], "candidate_id": None}
                flags.append({**of_prompt, "name": "use_case", "value": ranking.use_case})
        queries.insert_verdicts(self.session, ranks, ratings, flags)
        self.added["ratings"] += len(ratings)
        self.added["flags"] += len(flags)

    def _write_labels(self, batch: list[Drafts], fresh: set[int]) -> None:
        wanted: dict[str, tuple[int, LabelDraft]] = {}
        for place, drafts in enumerate(batch):
            for label in drafts.labels:
                wanted.setdefault(label.key(self.stem), (place, label))
        for key in queries.known_external_keys(self.session, wanted):
            del wanted[key]
        fresh.update(place for place, _ in wanted.values())
        for phase in ("training", "evaluation"):
            some = {key: label for key, (_, label) in wanted.items() if label.phase == phase}
            if some:
                self._write_labelled(self._campaign(phase), some)
        self.added["labels"] += len(wanted)

    def _write_labelled(self, campaign: Campaign, labels: dict[str, LabelDraft]) -> None:
        """Each label is an annotation with one flag: nobody knows what else its author was asked at that time."""
        ids = {
            key: [self._candidates[self._key(label.prompt, label.answer)]] if label.answer else []
            for key, label in labels.items()
        }
        tasks = self._tasks(campaign, labels, ids)
        annotations = queries.insert_annotations(
            self.session,
            [
                {
                    "campaign_id": campaign.id,
                    "task_id": tasks[key],
                    "annotator": f"{self.stem}:{label.annotator}",
                    "external_key": key,
                    "shown_order": [],
                    "labeler_group": label.labeler_group,
                    "detail": {"told": label.detail} if label.detail else None,
                    "submitted_at": utc_now(),
                }
                for key, label in labels.items()
            ],
        )
        flags = [
            {
                "annotation_id": annotations[key],
                "candidate_id": next(iter(ids[key]), None),
                "name": label.question,
                "value": label.value,
            }
            for key, label in labels.items()
        ]
        queries.insert_verdicts(self.session, [], [], flags)

    def _tasks(
        self, campaign: Campaign, judged: Mapping[str, RankingDraft | LabelDraft], ids: dict[str, list[int]]
    ) -> dict[str, int]:
        """The task of each ranking or label: one per prompt and set of answers."""
        fingerprints = {
            key: _task_fingerprint(self._prompts[one.prompt.fingerprint], ids[key]) for key, one in judged.items()
        }
        known = queries.task_ids(self.session, campaign.id, set(fingerprints.values()))
        new = {f: key for key, f in fingerprints.items() if f not in known}
        queries.insert_tasks(
            self.session,
            [
                {
                    "campaign_id": campaign.id,
                    "prompt_id": self._prompts[judged[key].prompt.fingerprint],
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

    def _campaign(self, phase: str) -> Campaign:
        """The closed campaign that holds the file's rankings; one of people's own with that name is left alone."""
        if phase in self._campaigns:
            return self._campaigns[phase]
        base = f"import: {self.stem}" + (" (evaluation)" if phase == "evaluation" else "")
        name, number = base, 1
        while (campaign := queries.campaign_named(self.session, name)) is not None:
            if campaign.imported and campaign.phase == phase and campaign.kind == "ranking":
                break
            number += 1
            name = f"{base} {number}"
        if campaign is None:
            campaign = Campaign(
                name=name, kind="ranking", phase=phase, status="closed", imported=True, created_by=self.person_id
            )
            self.session.add(campaign)
            self.session.flush()
        self._campaigns[phase] = campaign
        return campaign


def _candidates_in(drafts: Drafts) -> Iterable[tuple[PromptDraft, AnswerDraft]]:
    yield from drafts.candidates
    for ranking in drafts.rankings:
        yield from ((ranking.prompt, answer) for answer in ranking.answers)
    yield from ((label.prompt, label.answer) for label in drafts.labels if label.answer)


def _candidate_row(key: CandidateKey, answer: AnswerDraft) -> dict[str, Any]:
    prompt_id, origin, sha256 = key
    detail = answer.detail | ({"source": answer.source} if answer.source else {})
    return {
        "prompt_id": prompt_id,
        "text": answer.text,
        "text_sha256": sha256,
        "origin": origin,
        "sampling": {},
        "detail": detail,
        "created_at": utc_now(),
    }


def _shown_order(ranking: RankingDraft, candidate_ids: list[int]) -> list[int]:
    """Candidate ids in the order on the labeler's screen; the order of the file says nothing about it."""
    places = {answer.shown: id_ for answer, id_ in zip(ranking.answers, candidate_ids, strict=True)}
    return [] if None in places else [places[place] for place in range(len(candidate_ids))]


def _task_fingerprint(prompt_id: int, candidate_ids: list[int]) -> str:
    return rules.text_sha256(json.dumps([prompt_id, sorted(candidate_ids)]))
