"""The columns of each kind of record (``trainer/contract/records.py``) in its Parquet file, under the kind's name."""

from __future__ import annotations

import pyarrow as pa

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_SCORES = pa.list_(pa.struct([("name", pa.string()), ("value", pa.int16())]))
_ANSWERS = pa.list_(
    pa.struct(
        [
            ("candidate_id", pa.string()),
            ("text", pa.string()),
            ("source", pa.string()),
            ("likert", pa.int8()),
            ("flags", pa.list_(pa.string())),
            ("scores", _SCORES),
            ("shown", pa.int16()),
            ("detail", pa.string()),
        ]
    )
)
_FACTS: list[tuple[str, pa.DataType]] = [
    ("use_case", pa.string()),
    ("language", pa.string()),
    ("source", pa.string()),
    ("user_key", pa.string()),
    ("sensitive", pa.bool_()),
    ("high_stakes", pa.bool_()),
    ("detail", pa.string()),
]

COLUMNS: dict[str, pa.Schema] = {
    "Prompt": pa.schema(
        [("prompt_id", pa.string()), ("messages", _MESSAGES), *_FACTS, ("split", pa.string()), ("group", pa.string())]
    ),
    "Demonstration": pa.schema(
        [
            ("demonstration_id", pa.string()),
            ("prompt_id", pa.string()),
            ("messages", _MESSAGES),
            ("response", pa.string()),
            ("author", pa.string()),
            ("split", pa.string()),
            ("source", pa.string()),
            ("prompt_facts", pa.struct(_FACTS)),
        ]
    ),
    "Ranking": pa.schema(
        [
            ("ranking_id", pa.string()),
            ("prompt_id", pa.string()),
            ("messages", _MESSAGES),
            ("answers", _ANSWERS),
            ("ranks", pa.list_(pa.int16())),
            ("annotator", pa.string()),
            ("campaign", pa.string()),
            ("phase", pa.string()),
            ("instrument", pa.string()),
            ("split", pa.string()),
            ("use_case", pa.string()),
            ("prompt_scores", _SCORES),
            ("labeler_group", pa.string()),
            ("strength", pa.float64()),
            ("none_acceptable", pa.bool_()),
            ("weight", pa.float64()),
            ("labelers", pa.int32()),
            ("doubt", pa.float64()),
            ("prompt_facts", pa.struct(_FACTS)),
        ]
    ),
    "Candidate": pa.schema(
        [
            ("prompt_id", pa.string()),
            ("index", pa.int32()),
            ("text", pa.string()),
            ("seed", pa.int64()),
            ("temperature", pa.float64()),
            ("top_p", pa.float64()),
            ("max_new_tokens", pa.int32()),
            ("tokens", pa.int32()),
            ("finished", pa.bool_()),
            ("generator", pa.string()),
            ("model", pa.string()),
            ("logprobs", pa.list_(pa.float64())),
        ]
    ),
    "AnswerToScore": pa.schema([("answer_id", pa.string()), ("messages", _MESSAGES), ("text", pa.string())]),
    "Score": pa.schema(
        [
            ("answer_id", pa.string()),
            ("score", pa.float64()),
            ("deviation", pa.float64()),
            ("heads", pa.list_(pa.struct([("name", pa.string()), ("score", pa.float64())]))),
        ]
    ),
    "Detection": pa.schema(
        [
            ("answer_id", pa.string()),
            ("tokens", pa.int32()),
            ("likelihood", pa.float64()),
            ("rank", pa.float64()),
            ("log_rank", pa.float64()),
            ("entropy", pa.float64()),
            ("curvature", pa.float64()),
            ("pieces", pa.list_(pa.struct([("text", pa.string()), ("rank", pa.int32())]))),
            ("cut", pa.bool_()),
        ]
    ),
}
