"""One Parquet row each: the records that cross from the application to the trainer and back.

Every record is a pydantic model (validated on the way in) with a pyarrow schema of the same
fields (what the file holds). ``write_rows`` and ``read_rows`` are the only doors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from trainer.contract import refused
from trainer.contract.columns import COLUMNS

Split = Literal["train", "heldout"]
Instrument = Literal["ranking", "toxicity"]


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Message(Record):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class PromptFacts(Record):
    """What is known of a prompt beyond its words: nothing learns from it, but it comes back with an export.

    ``source`` says where the prompt comes from, ``user_key`` is a pseudonym of whoever wrote it, ``detail`` holds
    whatever else a file told, as JSON text. ``sensitive`` and ``high_stakes`` are empty while nobody has said.
    """

    use_case: str | None = None
    language: str | None = None
    source: str | None = None
    user_key: str | None = None
    sensitive: bool | None = None
    high_stakes: bool | None = None
    detail: str | None = None


class Prompt(PromptFacts):
    """A conversation that waits for an answer; its last message is the user's.

    ``group`` is the id of the oldest prompt of those that no split may part; empty in older files.
    """

    prompt_id: str
    messages: list[Message]
    split: Split = "train"
    group: str | None = None


class Demonstration(Record):
    """A prompt with the answer a person wrote for it (InstructGPT §3.2, SFT data); ``source`` is where from."""

    demonstration_id: str
    prompt_id: str
    messages: list[Message]
    response: str
    author: str | None = None
    split: Split = "train"
    source: str | None = None
    prompt_facts: PromptFacts | None = None


class LabelerScore(Record):
    """What a labeler gave on one scale of the label schema, such as ``toxicity`` from 0 to 2 (InstructGPT Fig. 11)."""

    name: str
    value: int


class Answer(Record):
    """A candidate answer as it stands inside a ranking; ``shown`` is its place on the labeler's screen, from 0.

    ``source`` is who made it; ``detail`` holds whatever else is known of that, as JSON text.
    """

    candidate_id: str
    text: str
    source: str | None = None
    likert: int | None = None
    flags: list[str] = []
    scores: list[LabelerScore] = []
    shown: int | None = None
    detail: str | None = None


class Ranking(Record):
    """A weak order of the K answers to one prompt: one person's, or what several people say together.

    ``ranks[i]`` belongs to ``answers[i]``; 1 is best and equal ranks are ties. ``annotator`` is empty where nobody
    knows who judged: two such rankings may be one person's or two people's.
    ``flags`` of an answer lists the names of the flags that were answered "yes", ``scores`` what was given on scales;
    ``prompt_scores`` are those of the prompt. ``instrument`` says what the order goes by: ``ranking``, overall
    quality, or ``toxicity``, the less toxic of plausible continuations first.
    ``strength`` says how much better the better one of two answers is, from 0 on the collector's own scale (Llama 2
    §3.2.1 has 0 to 3, steps from the middle 1 to 3 or 4); ``labeler_group`` is the group the person belongs to.
    ``none_acceptable`` says that even the best answer is not good enough; empty where nobody was asked.
    ``weight`` is what the row counts in the loss beside others; empty means 1. ``labelers`` is how many people stand
    behind a consensus, whose ``annotator`` is nobody in particular; empty for one person's own word. ``doubt`` is the
    mean chance, 0 to ½, that two of the answers stand the wrong way round, where the labels of all were weighed.
    """

    ranking_id: str
    prompt_id: str
    messages: list[Message]
    answers: list[Answer]
    ranks: list[int]
    annotator: str | None = None
    campaign: str | None = None
    phase: Literal["training", "evaluation"] = "training"
    instrument: Instrument = "ranking"
    split: Split = "train"
    use_case: str | None = None
    prompt_scores: list[LabelerScore] = []
    labeler_group: str | None = None
    strength: float | None = None
    none_acceptable: bool | None = None
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    labelers: Annotated[int, Field(ge=1)] | None = None
    doubt: Annotated[float, Field(ge=0, le=1)] | None = None
    prompt_facts: PromptFacts | None = None

    @model_validator(mode="after")
    def _one_rank_per_answer(self) -> Ranking:
        if len(self.answers) != len(self.ranks):
            raise refused.WrongError(refused.ONE_RANK_EACH, answers=len(self.answers), ranks=len(self.ranks))
        if len(self.answers) < 2:
            raise refused.WrongError(refused.TWO_ANSWERS)
        return self


class Comparison(Record):
    """A strict preference derived from a ranking: answer ``winner`` beats answer ``loser``.

    Both are positions in ``Ranking.answers``.
    """

    winner: int
    loser: int


class Candidate(Record):
    """A sampled answer on its way back to the application, with its provenance.

    Of an answer that a generator gave, ``generator`` and ``model`` are its name and what it was asked for, ``logprobs``
    log p of each token in nats where the server tells; ``tokens`` is 0 where it counts none. ``seed`` is then a wish.
    """

    prompt_id: str
    index: int
    text: str
    seed: int
    temperature: float
    top_p: float
    max_new_tokens: int
    tokens: int
    finished: bool
    generator: str | None = None
    model: str | None = None
    logprobs: list[float] | None = None


class AnswerToScore(Record):
    """A prompt and an answer for which a reward is wanted."""

    answer_id: str
    messages: list[Message]
    text: str


class HeadScore(Record):
    """What one further head of a reward model says."""

    name: str
    score: float


class Score(Record):
    """The reward model's scalar for one answer; higher is better, the zero point is the model's.

    ``deviation`` is the standard deviation over the members of an ensemble, ``heads`` what the
    further heads say; both are empty for a plain model.
    """

    answer_id: str
    score: float
    deviation: float | None = None
    heads: list[HeadScore] = []


class SeenToken(Record):
    """A piece of a text as the language model met it.

    ``text`` is what it adds to the text; ``rank`` its place among all tokens that could have come here, 1 = likeliest
    (GLTR, Gehrmann et al. 2019). A piece that stands first without a context was not predicted and has no rank.
    """

    text: str
    rank: int | None = None


class Detection(Record):
    """What zero-shot detectors say about one text; all scores are empty where it is too short.

    Every mean is over the ``tokens`` that were predicted, in nats. Higher means more like this model's own writing
    for ``likelihood``, ``entropy`` and ``curvature``, lower for ``rank`` and ``log_rank``.

    Attributes:
        tokens: how many tokens were predicted.
        likelihood: mean of log p(token | before).
        rank: mean place of the token among all, 1 = likeliest.
        log_rank: mean of the logarithm of that place.
        entropy: mean entropy of what the model expected.
        curvature: Fast-DetectGPT's conditional probability curvature (Bao et al. 2023, eq. 5), in standard deviations.
        pieces: the text in tokens, whether or not it is long enough.
        cut: the text is longer than what was read.
    """

    answer_id: str
    tokens: int
    likelihood: float | None = None
    rank: float | None = None
    log_rank: float | None = None
    entropy: float | None = None
    curvature: float | None = None
    pieces: list[SeenToken] = []
    cut: bool = False


def comparisons(ranks: list[int]) -> tuple[list[Comparison], int]:
    """Derive the strict pairs of a weak order; ties are counted apart (ties are dropped: IG C.2).

    Args:
        ranks: one rank per answer, 1 = best, equal = tie.

    Returns:
        The strict pairs, best first within each pair, in order of position; and the number of
        tied pairs. Together they are always C(K, 2).
    """
    strict: list[Comparison] = []
    tied = 0
    for i, j in combinations(range(len(ranks)), 2):
        if ranks[i] == ranks[j]:
            tied += 1
        elif ranks[i] < ranks[j]:
            strict.append(Comparison(winner=i, loser=j))
        else:
            strict.append(Comparison(winner=j, loser=i))
    return strict, tied


R = TypeVar("R", bound=Record)
_ROWS_PER_GROUP = 1024


def write_rows(path: Path, kind: type[R], rows: Iterable[R]) -> int:
    """Write records to a Parquet file, a row group at a time, so that memory stays flat.

    The bytes depend on the rows alone (no timestamps), so equal rows give an equal hash.

    Returns:
        The number of rows written.
    """
    count = 0
    group: list[dict[str, object]] = []
    with pq.ParquetWriter(path, COLUMNS[kind.__name__], compression="zstd") as writer:
        for row in rows:
            group.append(row.model_dump())
            count += 1
            if len(group) == _ROWS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(group, schema=COLUMNS[kind.__name__]))
                group = []
        writer.write_table(pa.Table.from_pylist(group, schema=COLUMNS[kind.__name__]))
    return count


def read_sides(path: Path) -> Iterator[tuple[str, Split]]:
    """The prompt and the split of each row of a snapshot's file, without reading the rest."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["prompt_id", "split"]):
            yield from zip(*(batch[name].to_pylist() for name in ("prompt_id", "split")), strict=True)


def read_rows(
    path: Path, kind: type[R], on_problem: Callable[[Mapping[str, Any], str], None] | None = None
) -> Iterator[R]:
    """Stream the records of a Parquet file in file order.

    Args:
        path: the file.
        kind: of record.
        on_problem: called with the row and a sentence for every row that is no such record, which is
            then left out; without it, the first such row raises.

    Raises:
        ValidationError: a row is no such record, and nobody wants to hear of it.
    """
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_ROWS_PER_GROUP):
            for row in batch.to_pylist():
                try:
                    record = kind.model_validate(row)
                except ValidationError as error:
                    if on_problem is None:
                        raise
                    on_problem(row, "; ".join(map(refused.clause, error.errors())))
                    continue
                yield record
