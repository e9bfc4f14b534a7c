"""Reading rankings from Parquet: tokenized a chunk at a time, and told of whatever training may stumble over."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import numpy as np

from trainer.contract.configs import Head
from trainer.contract.heads import head_ranks
from trainer.contract.records import Ranking, Split, read_rows
from trainer.data.chat import RefusedPromptError, encode_answers, encode_prompt
from trainer.data.findings import Findings
from trainer.data.rankings import Integers, Rankings

CHUNK = 1024
"""Rankings tokenized together."""

SAME_AFTER_CUT = "same after the cut"


def read_rankings(
    path: Path, tokenizer: Any, max_tokens: int, heads: Sequence[Head] = ()
) -> tuple[dict[Split, Rankings], list[str]]:
    """Read the rankings of a snapshot, tokenized, by split.

    Nothing is dropped in silence: a row that is no ranking is left out and told of, and so is
    what training may stumble over (empty and identical answers, answers and prompts that are cut).

    Args:
        path: ``rankings.parquet``.
        tokenizer: of the model that will read them.
        max_tokens: of prompt + answer.
        heads: further orders to derive from flags and ratings.

    Returns:
        The rankings of each split, and sentences about what was met.
    """
    findings = Findings()

    def left_out(row: Mapping[str, Any], why: str) -> None:
        findings.add(f"a ranking is left out because {why}", str(row.get("ranking_id")))

    builders: dict[Split, _Builder] = {split: _Builder(heads) for split in ("train", "heldout")}
    rows = read_rows(path, Ranking, left_out)
    while chunk := list(islice(rows, CHUNK)):
        _encode(chunk, builders, tokenizer, max_tokens, findings)
    same = findings.counts[SAME_AFTER_CUT]
    what = (
        "1 pair is the same after the cut and teaches"
        if same == 1
        else f"{same} pairs are the same after the cut and teach"
    )
    told = [f"{what} nothing ({findings.named(SAME_AFTER_CUT)})"] if same else []
    del findings.counts[SAME_AFTER_CUT]
    return {split: builder.built() for split, builder in builders.items()}, [*findings.sentences(), *told]


def _encode(
    chunk: Sequence[Ranking],
    builders: Mapping[Split, _Builder],
    tokenizer: Any,
    max_tokens: int,
    findings: Findings,
) -> None:
    wanted: list[tuple[_Builder, Ranking, list[int]]] = []
    texts: list[str] = []
    for ranking in chunk:
        builder = builders[ranking.split]
        if builder.element(ranking.prompt_id) is None:
            try:
                prompt = encode_prompt(tokenizer, ranking.messages, max_tokens - 1)
            except RefusedPromptError as error:
                findings.add(f"a ranking is left out because of its prompt: {error}", ranking.ranking_id)
                continue
            builder.add_prompt(ranking.prompt_id, prompt)
        new = builder.new_answers(ranking)
        wanted.append((builder, ranking, new))
        texts += [ranking.answers[i].text for i in new]
        _look_at(ranking, findings)
    encoded: Iterator[list[int]] = iter(encode_answers(tokenizer, texts))
    for builder, ranking, new in wanted:
        for i in new:
            tokens = next(encoded)
            if len(tokens) > max_tokens - 1:
                findings.add("an answer is longer than max_tokens and loses its end", ranking.answers[i].candidate_id)
            elif len(tokens) + builder.prompt_length(ranking.prompt_id) > max_tokens:
                findings.add("a prompt loses its oldest tokens beside an answer", ranking.prompt_id)
            builder.add_answer(ranking.prompt_id, tokens[: max_tokens - 1])
        builder.add_ranking(ranking)
        for _ in range(builder.same_after_cut(ranking)):
            findings.add(SAME_AFTER_CUT, ranking.ranking_id)


def _look_at(ranking: Ranking, findings: Findings) -> None:
    texts = [answer.text for answer in ranking.answers]
    if ranking.weight == 0:
        findings.add("a ranking has weight 0 and teaches nothing", ranking.ranking_id)
    if len(set(ranking.ranks)) == 1:
        findings.add("all answers of a ranking are tied", ranking.ranking_id)
    if len(set(texts)) < len(texts):
        findings.add("a ranking holds answers with the same text", ranking.ranking_id)
    for answer in ranking.answers:
        if not answer.text.strip():
            findings.add("an answer is empty", answer.candidate_id)
    if ranking.strength is not None and not (math.isfinite(ranking.strength) and ranking.strength >= 0):
        findings.add("the strength of a ranking is no number from 0 and counts as unknown", ranking.ranking_id)


class _Builder:
    """Flat arrays that grow while a file is read."""

    def __init__(self, heads: Sequence[Head]) -> None:
        self.heads = heads
        self.tokens = array("i")
        self.prompt_spans, self.answer_spans = array("q"), array("q")
        self.elements: dict[str, int] = {}
        # Keys of answers are hashes: the texts themselves would have to be kept otherwise.
        self.answers: dict[tuple[int, int], int] = {}
        self.answer_lengths, self.answer_elements = array("i"), array("i")
        self.answer_twins = array("q")
        self.by_tokens: dict[tuple[int, int], int] = {}
        self.sources: list[str | None] = []
        self.ranking_elements = array("i")
        self.ranking_ids: list[str] = []
        self.labelers: list[str | None] = []
        self.groups: list[str | None] = []
        self.use_cases: list[str | None] = []
        self.places = array("q", [0])
        self.ranked, self.ranks = array("i"), array("h")
        self.likert, self.shown, self.strength, self.weights = array("f"), array("f"), array("d"), array("d")
        self.head_ranks = [array("h") for _ in heads]

    def element(self, prompt_id: str) -> int | None:
        return self.elements.get(prompt_id)

    def add_prompt(self, prompt_id: str, tokens: Sequence[int]) -> None:
        self.elements[prompt_id] = len(self.elements)
        self._append(self.prompt_spans, tokens)

    def new_answers(self, ranking: Ranking) -> list[int]:
        """Places of the answers that no earlier ranking of this prompt held; they get their numbers here."""
        new = []
        for i, answer in enumerate(ranking.answers):
            key = self._key(ranking, i)
            if key not in self.answers:
                self.answers[key] = len(self.answers)
                self.answer_elements.append(key[0])
                self.answer_lengths.append(len(answer.text))
                self.sources.append(answer.source)
                new.append(i)
        return new

    def prompt_length(self, prompt_id: str) -> int:
        place = 2 * self.elements[prompt_id]
        return self.prompt_spans[place + 1] - self.prompt_spans[place]

    def add_answer(self, prompt_id: str, tokens: Sequence[int]) -> None:
        number = len(self.answer_twins)
        key = self.elements[prompt_id], hash(tuple(tokens))
        self.answer_twins.append(self.by_tokens.setdefault(key, number))
        self._append(self.answer_spans, tokens)

    def same_after_cut(self, ranking: Ranking) -> int:
        """Pairs of a ranking whose texts differ and whose tokens do not."""
        twins = [self.answer_twins[self.answers[self._key(ranking, i)]] for i in range(len(ranking.answers))]
        texts = [answer.text for answer in ranking.answers]
        return sum(twins[i] == twins[j] and texts[i] != texts[j] for i, j in combinations(range(len(texts)), 2))

    def add_ranking(self, ranking: Ranking) -> None:
        self.ranking_elements.append(self.elements[ranking.prompt_id])
        self.ranking_ids.append(ranking.ranking_id)
        self.labelers.append(ranking.annotator)
        self.groups.append(ranking.labeler_group)
        self.use_cases.append(ranking.use_case)
        known = ranking.strength is not None and math.isfinite(ranking.strength) and ranking.strength >= 0
        self.strength.append(ranking.strength if known and ranking.strength is not None else math.nan)
        self.weights.append(1.0 if ranking.weight is None else ranking.weight)
        for i, answer in enumerate(ranking.answers):
            self.ranked.append(self.answers[self._key(ranking, i)])
            self.ranks.append(ranking.ranks[i])
            self.likert.append(math.nan if answer.likert is None else answer.likert)
            self.shown.append(math.nan if answer.shown is None else answer.shown)
        for head, column in zip(self.heads, self.head_ranks, strict=True):
            column.extend(head_ranks(head, ranking.answers))
        self.places.append(len(self.ranked))

    def built(self) -> Rankings:
        answer_elements = np.asarray(self.answer_elements, dtype=np.int64)
        ranking_elements = np.asarray(self.ranking_elements, dtype=np.int64)
        return Rankings(
            tokens=np.asarray(self.tokens, dtype=np.int32),
            prompt_spans=np.asarray(self.prompt_spans, dtype=np.int64).reshape(-1, 2),
            prompt_ids=list(self.elements),
            answer_spans=np.asarray(self.answer_spans, dtype=np.int64).reshape(-1, 2),
            answer_lengths=np.asarray(self.answer_lengths, dtype=np.int64),
            answer_sources=self.sources,
            answer_twins=np.asarray(self.answer_twins, dtype=np.int64),
            answers_of=_by_owner(answer_elements, len(self.elements)),
            rankings_of=_by_owner(ranking_elements, len(self.elements)),
            ranking_ids=self.ranking_ids,
            labelers=self.labelers,
            groups=self.groups,
            use_cases=self.use_cases,
            places=np.asarray(self.places, dtype=np.int64),
            ranked=np.asarray(self.ranked, dtype=np.int64),
            ranks=np.asarray(self.ranks, dtype=np.int64),
            likert=np.asarray(self.likert, dtype=np.float64),
            shown=np.asarray(self.shown, dtype=np.float64),
            head_ranks=np.array(
                [np.asarray(column, dtype=np.int64) for column in self.head_ranks], dtype=np.int64
            ).reshape(len(self.heads), len(self.ranked)),
            strength=np.asarray(self.strength, dtype=np.float64),
            own_weights=np.asarray(self.weights, dtype=np.float64),
            weights=np.ones(len(self.ranking_ids)),
        )

    def _key(self, ranking: Ranking, place: int) -> tuple[int, int]:
        answer = ranking.answers[place]
        # Equal texts under different ids stay apart, so that a tie between them counts; one id may be used twice.
        return self.elements[ranking.prompt_id], hash((answer.candidate_id, answer.text))

    def _append(self, spans: array[int], tokens: Sequence[int]) -> None:
        spans.append(len(self.tokens))
        self.tokens.extend(tokens)
        spans.append(len(self.tokens))


def _by_owner(owners: Integers, count: int) -> list[Integers]:
    """Numbers of the items of each owner, in order."""
    order = np.argsort(owners, kind="stable")
    return np.split(order, np.searchsorted(owners[order], np.arange(1, count))) if count else []
