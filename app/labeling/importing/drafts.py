"""What a row of a file becomes before it meets the database."""

from dataclasses import dataclass, field
from typing import Any, Literal

from app.material.prompts import rules


@dataclass(frozen=True)
class PromptDraft:
    """A checked conversation with what its row says about it."""

    messages: list[dict[str, str]]
    fingerprint: str
    use_case: str | None = None
    language: str | None = None
    user_key: str | None = None
    source: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    sensitive: bool | None = None
    high_stakes: bool | None = None


@dataclass(frozen=True)
class AnswerDraft:
    """A candidate answer; ``source`` is what the file says of where it comes from.

    ``equals_before`` counts the equal texts of the same source before it in the same ranking; ``shown`` is its place on
    the labeler's screen, from 0, where the file tells it; ``scores`` are what was given on scales. ``native_id`` is the
    answer's id in an export of ours, whose ``source`` is known beyond the file.
    """

    text: str
    sha256: str
    source: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    likert: int | None = None
    flags: tuple[str, ...] = ()
    equals_before: int = 0
    shown: int | None = None
    scores: tuple[tuple[str, int], ...] = ()
    native_id: str | None = None

    @property
    def is_empty(self) -> bool:
        return not self.text.strip()


@dataclass(frozen=True)
class RankingDraft:
    """One person's weak order; ``ranks`` are dense, 1 = best, and belong to ``answers`` by position.

    ``annotator`` is empty where the file does not say who judged. ``use_case`` is the tag that this person gave the
    prompt; ``strength`` says how much better the better one of two answers is, from 0; ``none_acceptable`` that even
    the best one is not good enough. ``native`` says that the row is an export of ours, whose annotators, ids and
    ``campaign`` keep their names; ``instrument`` is what its order goes by.
    """

    prompt: PromptDraft
    answers: tuple[AnswerDraft, ...]
    ranks: tuple[int, ...]
    annotator: str | None
    row_id: str
    seconds: float | None = None
    phase: Literal["training", "evaluation"] = "training"
    labeler_group: str | None = None
    use_case: str | None = None
    strength: float | None = None
    none_acceptable: bool | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    native: bool = False
    campaign: str | None = None
    instrument: Literal["ranking", "toxicity"] = "ranking"
    prompt_scores: tuple[tuple[str, int], ...] = ()
    weighing: dict[str, float] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[str | None, ...]:
        """Where the answers come from: two verdicts that are alike otherwise are two where these differ."""
        return tuple(answer.source for answer in self.answers)

    @property
    def has_identical_answers(self) -> bool:
        return len({answer.sha256 for answer in self.answers}) < len(self.answers)

    def key(self, source: str, again: int = 0) -> str:
        """The hash by which the same verdict is known when it comes again.

        A strength is part of it only where there is one, so that rows imported before strengths were kept
        are still known; likewise that none is acceptable, and how often the file said the same ``again`` of others
        (other judges, other sources).
        """
        return _key(self._said(named(source, self.annotator)), again)

    def native_key(self, again: int = 0) -> str:
        """The same of a row of ours, which says the same whatever file it comes in."""
        return _key(["native", *self._said(self.annotator)], again)

    def _said(self, annotator: str | None) -> list[object]:
        verdict = sorted(zip((a.sha256 for a in self.answers), self.ranks, strict=True))
        parts: list[object] = [self.phase, annotator, self.row_id, self.prompt.fingerprint, verdict]
        parts += [] if self.strength is None else [self.strength]
        return parts + ([] if self.none_acceptable is None else [{"none_acceptable": self.none_acceptable}])


def named(source: str, annotator: str | None) -> str:
    """How a key names a judge: unknown ones are told apart by their number (``again``) alone."""
    return f"{source}:{annotator or 'unnamed'}"


def _key(parts: list[object], again: int) -> str:
    return rules.text_sha256(rules.canonical([*parts, {"again": again}] if again else parts))


@dataclass(frozen=True)
class LabelDraft:
    """What one person answered to one question about the ``answer``, or, where there is none, about the prompt.

    ``value`` is text: ``yes`` and ``no`` of a flag, the number of a scale, the option of a choice. ``before`` counts
    the labels that the same person, or people without a name, gave in the same row before.
    """

    prompt: PromptDraft
    answer: AnswerDraft | None
    annotator: str | None
    question: str
    value: str
    row_id: str
    before: int = 0
    phase: Literal["training", "evaluation"] = "training"
    labeler_group: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[str | None, ...]:
        return (self.answer.source if self.answer else None,)

    def key(self, source: str, again: int = 0) -> str:
        """The hash by which the same label is known when it comes again; ``again`` as for rankings."""
        about = [self.prompt.fingerprint, self.answer.sha256 if self.answer else ""]
        parts = [named(source, self.annotator), self.question, self.value, self.before]
        return _key(["label", self.phase, self.row_id, about, parts], again)


@dataclass(frozen=True)
class DemonstrationDraft:
    prompt: PromptDraft
    text: str
    sha256: str
    author: str | None = None
    source: str | None = None


@dataclass
class Drafts:
    """All that one row holds, and the names of its fields that nothing of it keeps."""

    prompts: list[PromptDraft] = field(default_factory=list)
    candidates: list[tuple[PromptDraft, AnswerDraft]] = field(default_factory=list)
    rankings: list[RankingDraft] = field(default_factory=list)
    labels: list[LabelDraft] = field(default_factory=list)
    demonstrations: list[DemonstrationDraft] = field(default_factory=list)
    derived_demonstrations: list[DemonstrationDraft] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def only(self, kind: str) -> "Drafts":
        """What an import of one kind takes from the row; a thing brings along what it stands on.

        ``detect`` takes all that the row states. Demonstrations that we would merely conclude from
        something else (the best human reply of a conversation tree) are taken only on demand.
        """
        if kind == "prompts":
            return Drafts(prompts=self.prompts)
        if kind == "candidates":
            return Drafts(candidates=self.candidates)
        if kind == "rankings":
            return Drafts(rankings=self.rankings)
        if kind == "labels":
            return Drafts(labels=self.labels)
        if kind == "demonstrations":
            return Drafts(demonstrations=[*self.demonstrations, *self.derived_demonstrations])
        return Drafts(self.prompts, self.candidates, self.rankings, self.labels, self.demonstrations)

    def details(self) -> list[dict[str, Any]]:
        """Where fields of the row that no shape has read are kept."""
        prompts = [*self.prompts, *(prompt for prompt, _ in self.candidates)]
        prompts += [ranking.prompt for ranking in self.rankings] + [label.prompt for label in self.labels]
        prompts += [demonstration.prompt for demonstration in self.demonstrations]
        answers = [answer for _, answer in self.candidates]
        answers += [answer for ranking in self.rankings for answer in ranking.answers]
        answers += [label.answer for label in self.labels if label.answer]
        homes = [prompt.detail for prompt in prompts] + [answer.detail for answer in answers]
        return homes + [ranking.detail for ranking in self.rankings] + [label.detail for label in self.labels]

    def left_out_of(self, taken: "Drafts") -> list[str]:
        """What the row states and an import of one kind does not take."""
        alive = {id(detail) for detail in taken.details()}
        lost = {
            "candidates": any(id(answer.detail) not in alive for _, answer in self.candidates),
            "rankings": len(taken.rankings) < len(self.rankings),
            "labels": len(taken.labels) < len(self.labels),
            "demonstrations": len(taken.demonstrations) < len(self.demonstrations),
        }
        return [what for what, is_lost in lost.items() if is_lost]

    def __bool__(self) -> bool:
        return bool(self.prompts or self.candidates or self.rankings or self.labels or self.demonstrations)
