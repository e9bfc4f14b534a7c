"""What a row of a file becomes before it meets the database."""

from dataclasses import dataclass, field
from typing import Any, Literal

from app.prompts import rules


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
    """A candidate answer; ``source`` is what the file says of its maker.

    ``twin`` counts the equal texts before it in the same ranking; ``shown`` is its place on the
    labeler's screen, from 0, where the file tells it.
    """

    text: str
    sha256: str
    source: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    likert: int | None = None
    flags: tuple[str, ...] = ()
    twin: int = 0
    shown: int | None = None


@dataclass(frozen=True)
class RankingDraft:
    """One person's weak order; ``ranks`` are dense, 1 = best, and belong to ``answers`` by position.

    ``use_case`` is the tag that this person gave the prompt; ``strength`` says how much better the
    better one of two answers is, from 0; ``none_acceptable`` that even the best one is not good enough.
    """

    prompt: PromptDraft
    answers: tuple[AnswerDraft, ...]
    ranks: tuple[int, ...]
    annotator: str
    row_id: str
    seconds: float | None = None
    phase: Literal["training", "evaluation"] = "training"
    labeler_group: str | None = None
    use_case: str | None = None
    strength: float | None = None
    none_acceptable: bool | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def key(self, stem: str) -> str:
        """The hash by which the same verdict is known when it comes again.

        A strength is part of it only where there is one, so that rows imported before strengths were kept
        are still known; likewise that none is acceptable.
        """
        verdict = sorted(zip((a.sha256 for a in self.answers), self.ranks, strict=True))
        parts: list[object] = [self.phase, f"{stem}:{self.annotator}", self.row_id, self.prompt.fingerprint, verdict]
        parts += [] if self.strength is None else [self.strength]
        parts += [] if self.none_acceptable is None else [{"none_acceptable": self.none_acceptable}]
        return rules.text_sha256(rules.canonical(parts))


@dataclass(frozen=True)
class LabelDraft:
    """What one person answered to one question about the ``answer``, or, where there is none, about the prompt.

    ``value`` is text: ``yes`` and ``no`` of a flag, the number of a scale, the option of a choice. ``again`` counts the
    labels that the same person gave in the same row before.
    """

    prompt: PromptDraft
    answer: AnswerDraft | None
    annotator: str
    question: str
    value: str
    row_id: str
    again: int = 0
    phase: Literal["training", "evaluation"] = "training"
    labeler_group: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def key(self, stem: str) -> str:
        """The hash by which the same label is known when it comes again."""
        about = [self.prompt.fingerprint, self.answer.sha256 if self.answer else ""]
        said = [f"{stem}:{self.annotator}", self.question, self.value, self.again]
        return rules.text_sha256(rules.canonical(["label", self.phase, self.row_id, about, said]))


@dataclass(frozen=True)
class DemonstrationDraft:
    prompt: PromptDraft
    text: str
    sha256: str
    author: str | None = None


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
