"""Drafts to rows, in batches: looks up what is known, adds what is new, counts what comes again."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from app.labeling.importing.drafts import AnswerDraft, Drafts, LabelDraft, PromptDraft, RankingDraft
from app.labeling.importing.meeting import meet_answers, meet_prompts, prompts_in
from app.labeling.importing.queries import rows as queries
from app.labeling.importing.tasks import Tasks
from app.material.prompts import rules
from app.material.prompts.queries import prompt_ids
from app.models.base import utc_now

MOST_REMEMBERED = 200_000  # prompts and answers; of those beyond it is asked again
Judged = TypeVar("Judged", RankingDraft, LabelDraft)
AnswerKey = tuple[int, str, str | None, str]
"""Prompt, origin without a number, what the file says of the source, hash of the text."""


@dataclass
class Writer:
    """Writes the drafts of one file inside the caller's transaction.

    Attributes:
        source: the file's own name among all imports; names the campaign, the origin of answers and the annotators.
        added: rows added by table; ``repeated``: rows of the file that brought nothing new; ``marked``: judgements
            that were added although they are unusual, by the names of ``rules.MARKS``.
    """

    session: Session
    import_id: int
    source: str
    person_id: int | None
    added: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    marked: Counter[str] = field(default_factory=Counter)
    _prompts: dict[str, int] = field(default_factory=dict)
    _candidates: dict[tuple[int, str, str], int] = field(default_factory=dict)
    _origins: dict[AnswerKey, list[str]] = field(default_factory=dict)
    _demonstrations: set[tuple[int, str]] = field(default_factory=set)
    _unnamed: Counter[str] = field(default_factory=Counter)
    _sources: dict[str, list[int]] = field(default_factory=dict)
    _tasks: Tasks = field(init=False)

    def __post_init__(self) -> None:
        self._tasks = Tasks(self.session, self.source, self.person_id, self._prompts, self.added)

    def write(self, batch: list[Drafts]) -> None:
        """Add a batch; the order of its rows decides which of two equal ones is the repeated one."""
        fresh: set[int] = set()
        if len(self._prompts) + len(self._candidates) > MOST_REMEMBERED:
            for remembered in (self._prompts, self._candidates, self._origins, self._demonstrations):
                remembered.clear()
        self._write_prompts(batch, fresh)
        meet_prompts(self.session, batch, self._prompts)
        self._write_candidates(batch, fresh)
        answers = ((prompt, answer, drafts) for drafts in batch for prompt, answer in _candidates_in(drafts))
        meet_answers(self.session, ((self.candidate_id(p, answer), drafts, answer) for p, answer, drafts in answers))
        self._write_demonstrations(batch, fresh)
        self._write_rankings(batch, fresh)
        self._write_labels(batch, fresh)
        self.repeated += len(batch) - len(fresh)

    def _write_prompts(self, batch: list[Drafts], fresh: set[int]) -> None:
        wanted: dict[str, tuple[int, PromptDraft]] = {}
        for index, drafts in enumerate(batch):
            for prompt in prompts_in(drafts):
                if prompt.fingerprint not in self._prompts:
                    wanted.setdefault(prompt.fingerprint, (index, prompt))
        known = prompt_ids(self.session, wanted)
        new = [(index, prompt) for index, prompt in wanted.values() if prompt.fingerprint not in known]
        queries.insert_prompts(self.session, [self._prompt_row(prompt) for _, prompt in new])
        sensitive_by_id = {known[p.fingerprint]: p.sensitive for _, p in wanted.values() if p.fingerprint in known}
        for mark in (True, False):  # of a prompt that was there before, where nobody had said so or not
            queries.say_sensitive(
                self.session, [id_ for id_, sensitive in sensitive_by_id.items() if sensitive is mark], mark
            )
        made = prompt_ids(self.session, [prompt.fingerprint for _, prompt in new])
        self._prompts |= known | made
        # Prompts that were there before may have candidates and demonstrations; new ones have none.
        self._know_candidates(known.values())
        self._demonstrations |= queries.known_demonstrations(self.session, known.values())
        fresh.update(index for index, _ in new)
        self.added["prompts"] += len(new)

    def _prompt_row(self, prompt: PromptDraft) -> dict[str, Any]:
        return {
            "fingerprint": prompt.fingerprint,
            "messages": prompt.messages,
            "use_case": prompt.use_case,
            "language": prompt.language,
            "user_key": prompt.user_key,
            "source": prompt.source or self.source,
            "sensitive": prompt.sensitive,
            "high_stakes": prompt.high_stakes,
            "detail": prompt.detail,
            "import_id": self.import_id,
            "created_at": utc_now(),
        }

    def candidate_id(self, prompt: PromptDraft, answer: AnswerDraft) -> int:
        """The candidate that an answer of the file has become."""
        key = self._key(prompt, answer)
        return self._candidates[key[0], self._origins[key][answer.equals_before], answer.sha256]

    def _key(self, prompt: PromptDraft, answer: AnswerDraft) -> AnswerKey:
        """An answer exported from an import keeps its first origin, and any other that was exported its source.

        A ``model:<id>`` of another installation would name one of our models by accident, so it is an import's too.
        """
        prompt_id, source = self._prompts[prompt.fingerprint], answer.source or ""
        if source.startswith("import:"):
            return prompt_id, source, None, answer.sha256
        known_everywhere = answer.native_id is not None and source
        return prompt_id, f"import:{source if known_everywhere else self.source}", answer.source, answer.sha256

    def _know_candidates(self, ids_of_prompts: Iterable[int]) -> None:
        """Enter candidates under all that an answer of a file may know them by."""
        known = queries.candidates_known(self.session, ids_of_prompts)
        for (prompt_id, origin, sha256), (id_, source) in known.items():
            if (prompt_id, origin, sha256) in self._candidates:
                continue
            self._candidates[prompt_id, origin, sha256] = id_
            told = None if source is None or source.startswith("import:") else source
            for base in {origin, re.sub(r"#\d+$", "", origin), f"import:{told}" if told else origin}:
                self._origins.setdefault((prompt_id, base, told, sha256), []).append(origin)

    def _write_candidates(self, batch: list[Drafts], fresh: set[int]) -> None:
        """Equal texts are one candidate where one source gave them; of two sources, or twice in one ranking, two."""
        rows: dict[tuple[int, str, str], dict[str, Any]] = {}
        older: dict[tuple[int, str, str], int] = {}
        for index, drafts in enumerate(batch):
            for prompt, answer in _candidates_in(drafts):
                prompt_id, base, _source, sha256 = key = self._key(prompt, answer)
                origins = self._origins.setdefault(key, [])
                while len(origins) <= answer.equals_before:
                    number, origin = 1, base
                    while (new := (prompt_id, origin, sha256)) in self._candidates or new in rows:
                        number += 1
                        origin = f"{base}#{number}"
                    origins.append(origin)
                    rows[new] = _candidate_row(new, answer)
                    older[new] = _number_of(answer.native_id)
                    fresh.add(index)
        # Answers of a ranking are listed by their ids, so those of an export come in the order of theirs.
        queries.insert_candidates(self.session, [rows[key] for key in sorted(rows, key=lambda key: older[key])])
        made = queries.candidates_known(self.session, {prompt_id for prompt_id, _, _ in rows})
        self._candidates |= {key: made[key][0] for key in rows}
        self.added["candidates"] += len(rows)

    def _write_demonstrations(self, batch: list[Drafts], fresh: set[int]) -> None:
        rows = []
        for index, drafts in enumerate(batch):
            for demonstration in drafts.demonstrations:
                prompt_id = self._prompts[demonstration.prompt.fingerprint]
                if (key := (prompt_id, demonstration.sha256)) in self._demonstrations:
                    continue
                self._demonstrations.add(key)
                fresh.add(index)
                rows.append(
                    {
                        "prompt_id": prompt_id,
                        "text": demonstration.text,
                        "text_sha256": demonstration.sha256,
                        "author": demonstration.author,
                        "source": demonstration.source or f"import:{self.source}",
                        "import_id": self.import_id,
                        "created_at": utc_now(),
                    }
                )
        queries.insert_demonstrations(self.session, rows)
        self.added["demonstrations"] += len(rows)

    def _write_rankings(self, batch: list[Drafts], fresh: set[int]) -> None:
        wanted: dict[str, tuple[int, RankingDraft]] = {}
        elsewhere: dict[str, str] = {}  # how earlier versions knew a row of ours -> how it is known now
        for index, drafts in enumerate(batch):
            for key, ranking in self._numbered(drafts.rankings):
                stored = ranking.native_key() if ranking.native else key
                if wanted.setdefault(stored, (index, ranking))[1] is ranking and ranking.native:
                    elsewhere[key] = stored
        for key in queries.known_external_keys(self.session, [*wanted, *elsewhere]):
            wanted.pop(elsewhere.get(key, key), None)
        if not wanted:
            return
        fresh.update(index for index, _ in wanted.values())
        self._write_annotations({key: ranking for key, (_, ranking) in wanted.items()})
        self.added["rankings"] += len(wanted)

    def _numbered(self, judged: Iterable[Judged]) -> Iterator[tuple[str, Judged]]:
        """Each judgement of a row with the key by which it is known again.

        Judges who are not named may have said the same: each time that the file says it is another judgement, unless
        the row has an id, by which it is the same row again. One person may say the same of other sources' equal texts.
        """
        of_row: Counter[str] = Counter()
        for judgement in judged:
            key = judgement.key(self.source)
            if judgement.annotator is None:
                before = of_row if judgement.row_id else self._unnamed
                again = before[key]
                before[key] += 1
            else:
                known = self._sources.setdefault(key, [])
                if (of_these := hash(judgement.sources)) not in known:
                    known.append(of_these)
                again = known.index(of_these)
            yield judgement.key(self.source, again) if again else key, judgement

    def _annotator(self, judgement: RankingDraft | LabelDraft) -> str | None:
        """Exports of ours name annotators as they are called everywhere; other files know only their own."""
        if judgement.annotator is None or (isinstance(judgement, RankingDraft) and judgement.native):
            return judgement.annotator
        return f"{self.source}:{judgement.annotator}"

    def _write_annotations(self, rankings: dict[str, RankingDraft]) -> None:
        ids = {
            key: [self.candidate_id(ranking.prompt, answer) for answer in ranking.answers]
            for key, ranking in rankings.items()
        }
        campaigns = {
            key: self._tasks.campaign(ranking.campaign, ranking.phase, ranking.instrument)
            for key, ranking in rankings.items()
        }
        tasks = self._tasks.of(campaigns, rankings, ids)
        annotations = queries.insert_annotations(
            self.session,
            [
                {
                    "campaign_id": campaigns[key].id,
                    "task_id": tasks[key],
                    "annotator": self._annotator(ranking),
                    "external_key": key,
                    "shown_order": _shown_order(ranking, ids[key]),
                    "labeler_group": ranking.labeler_group,
                    "strength": ranking.strength,
                    "none_acceptable": ranking.none_acceptable,
                    "seconds": ranking.seconds,
                    "detail": ({"told": ranking.detail} if ranking.detail else {}) | ranking.weighing or None,
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
                flags.extend({**of, "name": name, "value": str(value)} for name, value in answer.scores)
            of_prompt = {"annotation_id": annotations[key], "candidate_id": None}
            if ranking.use_case:
                flags.append({**of_prompt, "name": "use_case", "value": ranking.use_case})
            flags.extend({**of_prompt, "name": name, "value": str(value)} for name, value in ranking.prompt_scores)
            self.marked[rules.UNNAMED] += ranking.annotator is None
            self.marked[rules.IDENTICAL] += ranking.has_identical_answers
            self.marked[rules.EMPTY] += any(answer.is_empty for answer in ranking.answers)
        queries.insert_verdicts(self.session, ranks, ratings, flags)
        self.added["ratings"] += len(ratings)
        self.added["flags"] += len(flags)

    def _write_labels(self, batch: list[Drafts], fresh: set[int]) -> None:
        wanted: dict[str, tuple[int, LabelDraft]] = {}
        for index, drafts in enumerate(batch):
            for key, label in self._numbered(drafts.labels):
                wanted.setdefault(key, (index, label))
        for key in queries.known_external_keys(self.session, wanted):
            del wanted[key]
        if not wanted:
            return
        fresh.update(index for index, _ in wanted.values())
        self._write_labelled({key: label for key, (_, label) in wanted.items()})
        self.added["labels"] += len(wanted)

    def _write_labelled(self, labels: dict[str, LabelDraft]) -> None:
        """Each label is an annotation with one flag: nobody knows what else its author was asked at that time."""
        ids = {
            key: [self.candidate_id(label.prompt, label.answer)] if label.answer else []
            for key, label in labels.items()
        }
        campaigns = {key: self._tasks.campaign(None, label.phase, "ranking") for key, label in labels.items()}
        tasks = self._tasks.of(campaigns, labels, ids)
        annotations = queries.insert_annotations(
            self.session,
            [
                {
                    "campaign_id": campaigns[key].id,
                    "task_id": tasks[key],
                    "annotator": self._annotator(label),
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
        self.marked[rules.UNNAMED] += sum(label.annotator is None for label in labels.values())
        self.marked[rules.EMPTY] += sum(label.answer is not None and label.answer.is_empty for label in labels.values())


def _candidates_in(drafts: Drafts) -> Iterable[tuple[PromptDraft, AnswerDraft]]:
    yield from drafts.candidates
    for ranking in drafts.rankings:
        yield from ((ranking.prompt, answer) for answer in ranking.answers)
    yield from ((label.prompt, label.answer) for label in drafts.labels if label.answer)


def _candidate_row(key: tuple[int, str, str], answer: AnswerDraft) -> dict[str, Any]:
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
    return [] if None in places else [places[position] for position in range(len(candidate_ids))]


def _number_of(id_: str | None) -> int:
    return int(id_) if id_ and id_.isdecimal() and len(id_) < 19 else 0
